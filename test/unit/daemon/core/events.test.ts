import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEventLog } from '../../../../src/daemon/core/events.js';

test('events after a number, the newest of them; a number of an earlier life is before all', () => {
  const log = createEventLog();
  for (let i = 1; i <= 2005; i++) log.add('', 'table', 'web', String(i));
  const ids = (since: number, limit: number) => log.after(since, limit).map(({ id }) => id);
  assert.deepEqual(ids(2003, 100), [2004, 2005]);
  assert.deepEqual(ids(0, 2), [2004, 2005]);
  assert.deepEqual([ids(0, 5000).length, ids(0, 5000)[0]], [2000, 6], 'the oldest have left');
  assert.deepEqual([ids(2005, 10), ids(0, 0)], [[], []]);
  assert.equal(ids(2006, 5000).length, 2000);
});
