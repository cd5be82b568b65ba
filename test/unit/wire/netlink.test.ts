import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { concatBytes, HOST_LITTLE_ENDIAN as HOST, viewOf } from '../../../src/base/bytes.js';
import {
  beginMessage,
  createWriter,
  doneErrno,
  endMessage,
  type Message,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLMSG_ERROR,
  putAttribute,
  putBytes,
  readAcknowledgement,
  readAttributes,
  readMessages,
  readString,
  written,
} from '../../../src/wire/netlink.js';

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const anyMessage = fc.record({ type: u16, flags: u16, sequence: u32, payload: fc.uint8Array({ maxLength: 60 }) });
type Sent = { type: number; flags: number; sequence: number; payload: Uint8Array };

function encode(messages: readonly Sent[], capacity: number): Uint8Array {
  const writer = createWriter(capacity);
  for (const { type, flags, sequence, payload } of messages) {
    const start = beginMessage(writer, type, flags, sequence);
    putBytes(writer, payload);
    endMessage(writer, start);
  }
  return written(writer).slice();
}

const padded = (bytes: Uint8Array): Uint8Array => concatBytes([bytes, new Uint8Array(-bytes.length & 3)]);

describe('messages', () => {
  test('round trip, whatever the room that the writer begins with', () => {
    fc.assert(
      fc.property(fc.array(anyMessage, { maxLength: 12 }), fc.integer({ min: 1, max: 64 }), (messages, capacity) => {
        const read = readMessages(encode(messages, capacity));
        assert.deepEqual(
          read,
          messages.map((one) => ({ ...one, port: 0, payload: padded(one.payload) })),
        );
      }),
    );
  });

  test('cut anywhere: undefined, or the messages that are whole when the cut is between them', () => {
    const bytes = encode(
      [1, 2, 3].map((type) => ({ type, flags: 0, sequence: type, payload: new Uint8Array(8 * type).fill(type) })),
      16,
    );
    const boundaries = [0, 24, 56, 96];
    for (let length = 0; length <= bytes.length; length++)
      assert.equal(
        readMessages(bytes.subarray(0, length))?.length,
        boundaries.includes(length) ? boundaries.indexOf(length) : undefined,
      );
  });

  test('a length below a header or beyond the end is refused, not looped over', () => {
    const bytes = encode([{ type: 1, flags: 0, sequence: 1, payload: new Uint8Array(4) }], 16);
    for (const length of [0, 1, 15, 21, 0x7fffffff, 0xfffffffd, 0xffffffff]) {
      viewOf(bytes).setUint32(0, length, HOST);
      assert.equal(readMessages(bytes), undefined, String(length));
    }
  });

  test('garbage is undefined or messages inside it, never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const messages = readMessages(bytes);
        const size = messages?.reduce((sum, one) => sum + 16 + one.payload.length, 0) ?? 0;
        assert.ok(size <= bytes.length);
      }),
      { numRuns: 500 },
    );
  });
});

describe('attributes', () => {
  test('round trip, the nested flags taken off', () => {
    const one = fc.tuple(
      fc.integer({ min: 0, max: 0x3fff }),
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(0, 0x8000, 0x4000),
    );
    fc.assert(
      fc.property(fc.array(one, { maxLength: 10 }), (attributes) => {
        const writer = createWriter(8);
        for (const [type, value, flag] of attributes) {
          const at = putAttribute(writer, type | flag, value.length);
          writer.bytes.set(value, at);
        }
        const read: [number, Uint8Array][] = [];
        assert.ok(readAttributes(written(writer), (type, value) => read.push([type, value.slice()])));
        assert.deepEqual(
          read,
          attributes.map(([type, value]) => [type, value]),
        );
      }),
    );
  });

  test('a length below a header or beyond the end is false', () => {
    const bytes = new Uint8Array(12);
    for (const length of [0, 1, 3, 13, 0xffff]) {
      viewOf(bytes).setUint16(0, length, HOST);
      assert.equal(
        readAttributes(bytes, () => {}),
        false,
      );
    }
  });

  test('garbage ends', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        let size = 0;
        readAttributes(bytes, (_type, value) => {
          size += 4 + value.length;
        });
        assert.ok(size <= bytes.length);
      }),
      { numRuns: 500 },
    );
  });
});

describe('answers', () => {
  const answer = (flags: number, payload: Uint8Array): Message => ({ type: NLMSG_ERROR, flags, sequence: 1, port: 0, payload });
  const words = 'Attribute failed policy validation';

  function error(errno: number, flags: number, echoed: number): Message {
    const writer = createWriter(16);
    const head = new Uint8Array(20 + echoed);
    viewOf(head).setInt32(0, -errno, HOST);
    viewOf(head).setUint32(4, 16 + echoed, HOST);
    putBytes(writer, head);
    const at = putAttribute(writer, 1, words.length + 1);
    writer.bytes.set(new TextEncoder().encode(words), at);
    return answer(flags, written(writer).slice());
  }

  test('the words of the kernel, behind a whole and behind a capped request', () => {
    const said = { errno: 22, extack: words };
    assert.deepEqual(readAcknowledgement(error(22, NLM_F_ACK_TLVS, 13)), said);
    assert.deepEqual(readAcknowledgement(error(22, NLM_F_ACK_TLVS | NLM_F_CAPPED, 0)), said);
    assert.deepEqual(readAcknowledgement(error(22, 0, 0)), { errno: 22, extack: undefined });
    assert.deepEqual(readAcknowledgement(error(0, 0, 0)), { errno: 0, extack: undefined });
  });

  test('cut anywhere: undefined below its fixed part, else without an exception', () => {
    const whole = error(22, NLM_F_ACK_TLVS | NLM_F_CAPPED, 0);
    for (let length = 0; length <= whole.payload.length; length++) {
      const read = readAcknowledgement({ ...whole, payload: whole.payload.subarray(0, length) });
      if (length < 20) assert.equal(read, undefined);
      else assert.equal(read?.errno, 22);
    }
  });

  test('garbage is no exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 90 }), u16, (payload, flags) => {
        const read = readAcknowledgement(answer(flags, payload));
        assert.equal(read === undefined, payload.length < 20);
        assert.equal(typeof doneErrno(answer(flags, payload)), 'number');
      }),
      { numRuns: 500 },
    );
  });

  test('text ends at its NUL', () => {
    assert.equal(readString(Uint8Array.of(114, 114, 0, 120)), 'rr');
    assert.equal(readString(Uint8Array.of(114, 114)), 'rr');
    assert.equal(readString(new Uint8Array(0)), '');
  });
});
