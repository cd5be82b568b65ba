import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex, viewOf } from '../../../src/base/bytes.js';
import { checksum16 } from '../../../src/base/checksum.js';
import { type Ip, ipBytes, ipFromBytes } from '../../../src/base/ip.js';
import {
  acknowledgementAt,
  destinationPortAt,
  flagsAt,
  isSegment,
  readQuotedSegment,
  type SynRequest,
  sourcePortAt,
  synTemplate,
  TCP_ACK,
  TCP_RST,
  TCP_SYN,
  writeSequence,
} from '../../../src/wire/tcp.js';

const ports = { sourcePort: 40_000, destinationPort: 443 };

function synOf(request: SynRequest, sequence: number): Uint8Array {
  const { bytes, sum } = synTemplate(request);
  writeSequence(bytes, 0, sum, sequence);
  return bytes;
}

/** What is read of an answer; undefined when it is none. */
function readAnswer(bytes: Uint8Array, at = 0, end = bytes.length) {
  if (!isSegment(bytes, at, end)) return undefined;
  return {
    ...{ sourcePort: sourcePortAt(bytes, at), destinationPort: destinationPortAt(bytes, at) },
    ...{ acknowledgement: acknowledgementAt(bytes, at), flags: flagsAt(bytes, at) },
  };
}

/** The sum over pseudo header and segment, which is 0 when the checksum is right. */
function remainder({ source, destination }: SynRequest, segment: Uint8Array): number {
  const tail = new Uint8Array(4);
  viewOf(tail).setUint16(0, 6);
  viewOf(tail).setUint16(2, segment.length);
  return checksum16(ipBytes(source), ipBytes(destination), tail, segment);
}

test('a SYN with its checksum, over both families', () => {
  assert.equal(
    toHex(synOf({ source: '192.0.2.1', destination: '192.0.2.2', ...ports }, 0x01020304)),
    '9c4001bb01020304000000006002ffff72210000020405b4',
  );
  assert.equal(
    toHex(synOf({ source: '2001:db8::1', destination: '2001:db8::2', ...ports }, 0xfffffffe)),
    '9c4001bbfffffffe000000006002ffff9ecb0000020405a0',
  );
});

test('a template is used again, and behind an IP header', () => {
  const request = { source: '192.0.2.1', destination: '192.0.2.2', ...ports };
  const { bytes, sum } = synTemplate(request);
  const packet = new Uint8Array(20 + bytes.length);
  packet.set(bytes, 20);
  for (const sequence of [7, 0xffff0000, 0x01020304]) writeSequence(packet, 20, sum, sequence);
  assert.deepEqual(packet.subarray(20), synOf(request, 0x01020304));
  assert.deepEqual(packet.subarray(0, 20), new Uint8Array(20));
});

test('answers are read, from anywhere in the bytes', () => {
  const answer = { sourcePort: 443, destinationPort: 40_000 };
  const synAck = fromHex('01bb9c40 a1b2c3d4 01020305 6012ffff 0000 0000 020405b4');
  assert.deepEqual(readAnswer(synAck), { ...answer, acknowledgement: 0x01020305, flags: TCP_SYN | TCP_ACK });
  const reset = fromHex('01bb9c40 00000000 fffffffe 50140000 0000 0000');
  assert.deepEqual(readAnswer(reset), { ...answer, acknowledgement: -2, flags: TCP_RST | TCP_ACK });
  const both = new Uint8Array([...synAck, ...reset]);
  assert.deepEqual(readAnswer(both, synAck.length), readAnswer(reset));
  assert.deepEqual(readAnswer(both, 0, synAck.length), readAnswer(synAck));
  assert.equal(readAnswer(both, 0, synAck.length - 1), undefined);
});

test('what is cut, or says a wrong length, is nothing', () => {
  const synAck = fromHex('01bb9c40 a1b2c3d4 01020305 6012ffff 0000 0000 020405b4');
  for (let length = 0; length < synAck.length; length++) assert.equal(readAnswer(synAck.subarray(0, length)), undefined);
  for (const offset of [0x00, 0x40, 0x70, 0xf0]) {
    const wrong = synAck.slice();
    wrong[12] = offset;
    assert.equal(readAnswer(wrong), undefined, `offset ${offset}`);
  }
  assert.equal(readQuotedSegment(synAck.subarray(0, 7)), undefined);
});

test('no bytes make it throw; every SYN has a right checksum and is read back, and known from its first eight bytes', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => void [readAnswer(bytes), readQuotedSegment(bytes)]));
  const four = fc.uint8Array({ minLength: 4, maxLength: 4 });
  const six = fc.uint8Array({ minLength: 16, maxLength: 16 });
  const pair = fc.oneof(fc.tuple(four, four), fc.tuple(six, six)).map((both) => both.map((one) => ipFromBytes(one)) as [Ip, Ip]);
  const port = fc.nat(0xffff);
  const number = fc.nat(0xffffffff);
  fc.assert(
    fc.property(pair, port, port, number, ([source, destination], sourcePort, destinationPort, sequence) => {
      const request = { source, destination, sourcePort, destinationPort };
      const bytes = synOf(request, sequence);
      assert.equal(remainder(request, bytes), 0);
      const head = { sourcePort, destinationPort };
      assert.deepEqual(readAnswer(bytes), { ...head, acknowledgement: 0, flags: TCP_SYN });
      assert.deepEqual(readQuotedSegment(bytes.subarray(0, 8)), { ...head, sequence: sequence | 0 });
    }),
  );
});
