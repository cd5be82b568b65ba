import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Fields, putFields, putNest, readFields } from '../../../src/wire/attributes.js';
import { createWriter, putAttribute, written } from '../../../src/wire/netlink.js';

const TABLE = {
  a: [1, 'u8'],
  b: [2, 'u16'],
  c: [3, 'u16be'],
  d: [4, 'u32'],
  e: [5, 'i32'],
  f: [6, 'u64'],
  g: [7, 'string'],
  h: [8, 'bytes', 5],
  i: [9, 'bytes'],
  j: [10, 'nest'],
} as const satisfies Fields;

const values = fc.record(
  {
    a: fc.integer({ min: 0, max: 0xff }),
    b: fc.integer({ min: 0, max: 0xffff }),
    c: fc.integer({ min: 0, max: 0xffff }),
    d: fc.integer({ min: 0, max: 0xffffffff }),
    e: fc.integer({ min: -0x80000000, max: 0x7fffffff }).map((one) => one + 0),
    f: fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
    g: fc.string({ unit: fc.constantFrom(...'abz019_-.'), maxLength: 16 }),
    h: fc.uint8Array({ minLength: 5, maxLength: 5 }),
    i: fc.uint8Array({ maxLength: 20 }),
    j: fc.uint8Array({ maxLength: 20 }),
  },
  { requiredKeys: [] },
);

const encode = (given: Parameters<typeof putFields<typeof TABLE>>[2]): Uint8Array => {
  const writer = createWriter(8);
  putFields(writer, TABLE, given);
  return written(writer).slice();
};

test('round trip of every kind, and of what is left out', () => {
  fc.assert(
    fc.property(values, (given) => {
      assert.deepEqual({ ...readFields(encode(given), TABLE) }, { ...given });
    }),
  );
});

test('a nest carries a table', () => {
  const writer = createWriter(8);
  putNest(writer, 10, TABLE, { b: 7, g: 'rr' });
  const outer = readFields(written(writer), TABLE);
  assert.ok('j' in outer && outer.j);
  assert.deepEqual(readFields(outer.j, TABLE), { b: 7, g: 'rr' });
});

test('a value of the wrong length is refused by its name', () => {
  for (const [name, [number, kind, length]] of Object.entries(TABLE) as [string, readonly [number, string, number?]][]) {
    if (kind === 'string' || kind === 'nest' || (kind === 'bytes' && length === undefined)) continue;
    for (const size of [0, 3, 9]) {
      const writer = createWriter(8);
      putAttribute(writer, number, size);
      assert.deepEqual(readFields(written(writer), TABLE), { malformed: `attribute ${name} has ${size} bytes` });
    }
  }
});

test('unknown attributes are skipped', () => {
  const writer = createWriter(8);
  putAttribute(writer, 99, 3);
  putFields(writer, TABLE, { a: 1 });
  assert.deepEqual(readFields(written(writer), TABLE), { a: 1 });
});

test('cut anywhere, and garbage: values or a refusal in words', () => {
  const whole = encode({ a: 1, b: 2, c: 3, d: 4, e: -5, f: 6n, g: 'wlc', h: new Uint8Array(5), i: new Uint8Array(3) });
  for (let length = 0; length < whole.length; length++) {
    const read = readFields(whole.subarray(0, length), TABLE);
    if ('malformed' in read) assert.match(String(read.malformed), /do not fit/);
    else assert.ok(Object.keys(read).length < 9 || length >= whole.length - 1, `${length} bytes cannot hold everything`);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 150 }), (bytes) => {
      const read = readFields(bytes, TABLE);
      if ('malformed' in read) assert.equal(typeof read.malformed, 'string');
    }),
    { numRuns: 1000 },
  );
});
