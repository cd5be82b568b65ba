import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../src/base/bytes.js';
import { checksum16 } from '../../../src/base/checksum.js';
import { decodeIcmp, encodeEchoRequest, icmpErrorText, readEchoRequest, stripIp4 } from '../../../src/wire/icmp.js';

const echo = { id: 0x1234, sequence: 7, data: fromHex('0102030405060708') };
/** The IPv4 and IPv6 headers of a request from .1 to .2, checksum left out. */
const ip4 = '45000024 abcd4000 40010000 c0000201 c0000202';
const ip6 = '60000000 0010 3a 40 20010db8000000000000000000000001 20010db8000000000000000000000002';

test('an IPv4 request carries its checksum, an IPv6 one leaves it to the kernel', () => {
  // 0800 + 1234 + 0007 + 0102 + 0304 + 0506 + 0708 = 2a4f, complement d5b0.
  assert.equal(toHex(encodeEchoRequest(4, echo)), '0800d5b0123400070102030405060708');
  assert.equal(toHex(encodeEchoRequest(6, echo)), '80000000123400070102030405060708');
});

test('a reply is read, of the right family and checksum only', () => {
  const reply = fromHex('0000ddb0 12340007 0102030405060708');
  assert.deepEqual(decodeIcmp(4, reply), { kind: 'reply', ...echo });
  assert.equal(decodeIcmp(6, reply), undefined);
  reply[9] = 0;
  assert.equal(decodeIcmp(4, reply), undefined);
  assert.deepEqual(decodeIcmp(6, fromHex('81000000 12340007 0102030405060708')), { kind: 'reply', ...echo });
  assert.equal(decodeIcmp(4, encodeEchoRequest(4, echo)), undefined);
});

test('an error names the request that it is about', () => {
  const quoted = fromHex(`0301 0000 00000000 ${ip4} ${toHex(encodeEchoRequest(4, echo))}`);
  const sum = checksum16(quoted);
  quoted[2] = sum >> 8;
  quoted[3] = sum & 0xff;
  assert.deepEqual(decodeIcmp(4, quoted), { kind: 'error', type: 3, code: 1, destination: '192.0.2.2', id: 0x1234, sequence: 7 });
  const six = fromHex(`0103 0000 00000000 ${ip6} ${toHex(encodeEchoRequest(6, echo))}`);
  assert.deepEqual(decodeIcmp(6, six), { kind: 'error', type: 1, code: 3, destination: '2001:db8::2', id: 0x1234, sequence: 7 });
});

test('an error about something else is nothing', () => {
  const udp = fromHex(`0103 0000 00000000 ${ip6.replace(' 3a ', ' 11 ')} ${toHex(encodeEchoRequest(6, echo))}`);
  assert.equal(decodeIcmp(6, udp), undefined);
  assert.equal(decodeIcmp(6, fromHex('0103 0000 00000000 6000')), undefined);
});

test('stripIp4 minds the length of the header', () => {
  const plain = fromHex(`${ip4} 0800`);
  assert.equal(toHex(stripIp4(plain) as Uint8Array), '0800');
  const options = fromHex(`46${ip4.slice(2)} 01010101 0800`);
  assert.equal(toHex(stripIp4(options) as Uint8Array), '0800');
  for (const bad of ['', '45', '40', `65${ip4.slice(2)}`, `4f${ip4.slice(2)}`]) assert.equal(stripIp4(fromHex(bad)), undefined);
});

test('no bytes make it throw, and what was sent is read back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.constantFrom(4 as const, 6 as const), (bytes, family) => {
      decodeIcmp(family, bytes);
      stripIp4(bytes);
    }),
  );
  const id = fc.nat(0xffff);
  fc.assert(
    fc.property(id, id, fc.uint8Array({ maxLength: 33 }), fc.constantFrom(4 as const, 6 as const), (one, two, data, family) => {
      const bytes = encodeEchoRequest(family, { id: one, sequence: two, data });
      assert.deepEqual(readEchoRequest(family, bytes), { id: one, sequence: two });
      if (family === 4) assert.equal(checksum16(bytes), 0);
    }),
  );
});

test('errors have words', () => {
  assert.equal(icmpErrorText(4, 3, 1), 'host unreachable');
  assert.equal(icmpErrorText(4, 11, 0), 'time to live exceeded');
  assert.equal(icmpErrorText(6, 1, 0), 'no route to the destination');
  assert.equal(icmpErrorText(4, 3, 77), 'destination unreachable (code 77)');
});
