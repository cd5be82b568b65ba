import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shorten } from '../../../src/cli/render/stats.js';

test('numbers of more than six digits are cut to thousands, millions, …, never rounded up', () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0'],
    [999_999, '999999'],
    [1_000_000, '1000K'],
    [1_999_999, '1999K'],
    [999_999_999, '999999K'],
    [1_000_000_000, '1000M'],
    [123_456_789_012, '123456M'],
    [1_000_000_000_000, '1000G'],
    [1_000_000_000_000_000, '1000T'],
    [Number.MAX_SAFE_INTEGER, '9007T'],
  ];
  for (const [count, text] of cases) assert.equal(shorten(count), text);
});
