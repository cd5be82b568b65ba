/** What the check process said, as long as it counts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWatched, TRUSTED_MS } from '../../../../src/daemon/vrrp/watched.js';

const S = { value: 1, text: 'exit status 0' };

test('a reading counts for a while after it was last told, each for itself', () => {
  const watched = createWatched();
  watched.hear({ s: S, t: S }, 0);
  watched.hear({ s: S }, 30_000);
  assert.equal(watched.deadline(), TRUSTED_MS);
  assert.equal(watched.expire(TRUSTED_MS - 1), false);
  assert.equal(watched.expire(TRUSTED_MS), true);
  assert.deepEqual([watched.get('s'), watched.get('t')], [S, undefined]);
});

test('after a pause of this process what waits is heard first', () => {
  const watched = createWatched();
  watched.hear({ s: S }, 0);
  assert.equal(watched.expire(10 * TRUSTED_MS), false);
  assert.deepEqual(watched.get('s'), S);
  assert.equal(watched.expire(watched.deadline()), true);
  assert.equal(watched.get('s'), undefined);
  assert.equal(watched.deadline(), Number.POSITIVE_INFINITY);
});

test('what is tracked no more is forgotten', () => {
  const watched = createWatched();
  watched.hear({ s: S, t: S }, 0);
  watched.keep(new Set(['t']));
  assert.deepEqual([watched.get('s'), watched.get('t')], [undefined, S]);
});
