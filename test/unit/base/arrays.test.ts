import assert from 'node:assert/strict';
import { test } from 'node:test';
import { doubled } from '../../../src/base/arrays.js';

test('an array of twice the length, of the same kind, with what it held', () => {
  assert.deepEqual(doubled(Int32Array.of(1, -2)), Int32Array.of(1, -2, 0, 0));
  assert.deepEqual(doubled(Float64Array.of(0.5)), Float64Array.of(0.5, 0));
  const before = Uint8Array.of(7);
  const after = doubled(before);
  after[0] = 9;
  assert.equal(before[0], 7, 'a copy');
});
