import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startOffset } from '../../../src/health/spread.js';

const offsets = (count: number, interval: number) =>
  Array.from({ length: count }, (_, index) => startOffset(index, count, interval));

test('a handful starts at once', () => {
  assert.deepEqual(offsets(1, 2000), [0]);
  assert.deepEqual(offsets(3, 2000), [0, 5, 10]);
  assert.ok(Math.max(...offsets(10, 2000)) <= 50);
});

test('thousands are spread evenly over the interval', () => {
  const all = offsets(5000, 2000);
  const buckets = new Array<number>(20).fill(0);
  for (const offset of all) buckets[Math.floor(offset / 100)] = (buckets[Math.floor(offset / 100)] as number) + 1;
  assert.deepEqual(new Set(buckets), new Set([250]));
});

test('a long interval does not delay a few checks', () => {
  assert.equal(Math.max(...offsets(100, 60_000)), 495);
});
