/** Addresses as text and bytes: one spelling out, many in, and nothing that could be read two ways. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ipBytes, ipFromBytes, parseIp, parseIpBytes, writeIp } from '../../../src/base/ip.js';

const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size });
const either = fc.oneof(bytes(4), bytes(16));

test('bytes to text and back', () => {
  fc.assert(
    fc.property(either, fc.nat(5), (given, at) => {
      const text = ipFromBytes(given);
      assert.deepEqual(ipBytes(text), given);
      assert.equal(parseIp(text), text);
      const room = new Uint8Array(at + given.length + 1);
      writeIp(text, room, at);
      assert.deepEqual(room.subarray(at, at + given.length), given);
      assert.equal(room[at + given.length], 0);
    }),
  );
});

test('dotted decimal: exactly four numbers up to 255', () => {
  const number = fc.oneof(
    fc.integer({ min: 0, max: 300 }).map(String),
    fc.constantFrom('', '00', '01', '1a', '-1', ' 1', '1e1', '٣'),
  );
  fc.assert(
    fc.property(fc.array(number, { maxLength: 6 }), (parts) => {
      const good = parts.length === 4 && parts.every((one) => /^(0|[1-9]\d{0,2})$/.test(one) && Number(one) <= 255);
      assert.deepEqual(parseIpBytes(parts.join('.')), good ? Uint8Array.from(parts, Number) : undefined);
    }),
    { numRuns: 1000 },
  );
  for (const text of [
    '',
    '.',
    '1.2.3.4.',
    '.1.2.3.4',
    '1..2.3',
    '1.2.3.4.5',
    '1.2.3.4 ',
    '1.2.3.4\n',
    '1.2.3.4:80',
    '0x1.2.3.4',
    '1234.1.1.1',
  ])
    assert.equal(parseIp(text), undefined, JSON.stringify(text));
  assert.equal(parseIp('0.0.0.0'), '0.0.0.0');
  assert.equal(parseIp('255.255.255.255'), '255.255.255.255');
});

test('IPv6: any spelling becomes that of RFC 5952', () => {
  const spellings: Record<string, string | undefined> = {
    '2001:DB8:0:0:0:0:0:1': '2001:db8::1',
    '2001:db8::0:1': '2001:db8::1',
    '::': '::',
    '0:0:0:0:0:0:0:0': '::',
    '1::': '1::',
    '::ffff:192.0.2.1': '::ffff:c000:201',
    '2001:0:0:1:0:0:0:1': '2001:0:0:1::1',
    '1:0:2:3:4:5:6:7': '1:0:2:3:4:5:6:7',
    ':::': undefined,
    '1::2::3': undefined,
    '1:2:3:4:5:6:7': undefined,
    '1:2:3:4:5:6:7:8:9': undefined,
    '1:2:3:4:5:6:7::8': undefined,
    '::1.2.3': undefined,
    '::1.2.3.4:5': undefined,
    '12345::': undefined,
    'fe80::1%eth0': undefined,
    '[::1]': undefined,
  };
  for (const [text, canonical] of Object.entries(spellings)) assert.equal(parseIp(text), canonical, text);
});

test('what is no address is never taken for one, and never throws', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const found = parseIp(text);
      if (found !== undefined) assert.equal(parseIp(found), found);
    }),
  );
  assert.throws(() => ipBytes('1.2.3'), RangeError);
  assert.throws(() => writeIp('1.2.3', new Uint8Array(16), 0), RangeError);
  assert.throws(() => ipFromBytes(new Uint8Array(5)), RangeError);
});
