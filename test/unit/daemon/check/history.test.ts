import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHistory, HISTORY } from '../../../../src/daemon/check/history.js';
import type { ResultRecord } from '../../../../src/health/types.js';

const record = (i: number): ResultRecord => ({
  ok: i % 2 === 0,
  local: i % 3 === 0,
  reason: `probe ${i}`,
  duration: i / 4,
  at: 1e6 + i,
});

test('the latest results, newest first, and no more than are kept', () => {
  const history = createHistory();
  assert.deepEqual(history.list(), []);
  for (let i = 0; i < 35; i++) {
    history.add(record(i));
    const count = Math.min(i + 1, HISTORY);
    assert.deepEqual(
      history.list(),
      Array.from({ length: count }, (_none, back) => record(i - back)),
    );
  }
});

test('what was read stays as it was', () => {
  const history = createHistory();
  for (let i = 0; i < HISTORY; i++) history.add(record(i));
  const before = history.list();
  history.add(record(HISTORY));
  assert.deepEqual(before.at(-1), record(0));
});
