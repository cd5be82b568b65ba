/** What a Map would say is what the table says, whatever is put into it and taken out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AnswerTable } from '../../../../src/os/probe/answer-table.js';

/** Sequence numbers lie a power of two apart; some keys are the same again. */
const key = fc.oneof(
  fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  fc.integer({ min: 0, max: 300 }).map((n) => Math.imul(n, 0x1_0000)),
  fc.integer({ min: -4, max: 300 }),
);
const change = fc.record({ key, put: fc.boolean() });

test('it holds what a Map holds', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 600, size: 'max' }), (changes) => {
      const table = new AnswerTable<{ readonly key: number }>();
      const map = new Map<number, { readonly key: number }>();
      for (const { key, put } of changes) {
        const item = { key };
        if (put) {
          table.set(key, item);
          map.set(key, item);
        } else {
          table.delete(key);
          map.delete(key);
        }
        assert.equal(table.size, map.size);
        assert.equal(table.get(key), map.get(key));
      }
      for (const { key } of changes) assert.equal(table.has(key), map.has(key));
      for (const [key, item] of map) assert.equal(table.get(key), item);
      assert.deepEqual(new Set(table.values()), new Set(map.values()));
      assert.equal(table.values().length, map.size);
    }),
    { numRuns: 200 },
  );
});

test('thousands that come and go one after the other find their place', () => {
  const table = new AnswerTable<{ readonly n: number }>();
  for (let n = 0; n < 50_000; n++) {
    table.set((0x1234_5678 - Math.imul(n, 0x1_0000)) | 0, { n });
    if (n >= 2000) table.delete((0x1234_5678 - Math.imul(n - 2000, 0x1_0000)) | 0);
  }
  assert.equal(table.size, 2000);
  assert.equal(table.get((0x1234_5678 - Math.imul(49_999, 0x1_0000)) | 0)?.n, 49_999);
});
