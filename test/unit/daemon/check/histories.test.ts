import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHistories, HISTORY } from '../../../../src/daemon/check/histories.js';
import type { ResultRecord } from '../../../../src/health/types.js';

const record = (i: number): ResultRecord => ({
  ok: i % 2 === 0,
  local: i % 3 === 0,
  reason: `probe ${i}`,
  duration: i / 4,
  at: 1e6 + i,
});

test('the latest results, newest first, and no more than are kept', () => {
  const histories = createHistories();
  const row = histories.open();
  assert.deepEqual(histories.list(row), []);
  assert.equal(histories.latest(row), undefined);
  for (let i = 0; i < 35; i++) {
    histories.add(row, record(i));
    const count = Math.min(i + 1, HISTORY);
    assert.deepEqual(histories.latest(row), record(i));
    assert.deepEqual(
      histories.list(row),
      Array.from({ length: count }, (_none, back) => record(i - back)),
    );
  }
});

test('what was read stays as it was', () => {
  const histories = createHistories();
  const row = histories.open();
  for (let i = 0; i < HISTORY; i++) histories.add(row, record(i));
  const before = histories.list(row);
  histories.add(row, record(HISTORY));
  assert.deepEqual(before.at(-1), record(0));
});

test('each check has its own, also among hundreds, and one that is new begins with none', () => {
  const histories = createHistories();
  const rows = Array.from({ length: 300 }, () => histories.open());
  for (let i = 0; i < 3; i++) for (const row of rows) histories.add(row, record(1000 * i + row));
  for (const row of rows)
    assert.deepEqual(
      histories.list(row),
      [2, 1, 0].map((i) => record(1000 * i + row)),
    );
  histories.close(rows[7] as number);
  const fresh = histories.open();
  assert.equal(fresh, rows[7], 'a place that is free is used again');
  assert.deepEqual(histories.list(fresh), []);
  assert.equal(histories.list(rows[8] as number).length, 3);
});
