import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeGrpcMessage, decodeHealthResponse, encodeHealthRequest, grpcStatusName } from '../../../src/wire/grpc.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const answer = (message: string) => {
  const bytes = Buffer.from(message, 'hex');
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  return decodeHealthResponse(Buffer.concat([prefix, bytes]));
};

test('a request, as protoc encodes it', () => {
  assert.equal(hex(encodeHealthRequest('')), '0000000000');
  assert.equal(hex(encodeHealthRequest('web')), '00000000050a03776562');
  assert.equal(hex(encodeHealthRequest('x'.repeat(300))).slice(0, 16), `000000012f0aac02`);
  assert.equal(hex(encodeHealthRequest('ä')), '00000000040a02c3a4');
});

test('an answer: the last of field 1 counts, other fields are passed over', () => {
  assert.deepEqual(answer('0801'), { serving: 'SERVING' });
  assert.deepEqual(answer(''), { serving: 'UNKNOWN' });
  assert.deepEqual(answer('08020801'), { serving: 'SERVING' });
  assert.deepEqual(answer('1801' + '21' + '0000000000000001' + '2d' + '00000001' + '12020801' + '0803'), {
    serving: 'SERVICE_UNKNOWN',
  });
  assert.deepEqual(answer('08ffffffffffffffffff01'), { serving: 'serving status 4294967295' });
});

test('what is cut off, or of no known kind, is refused', () => {
  for (const message of ['08', '1203aa', '2100', '2d00', '0b', '08ffffffffffffffffffff01'])
    assert.deepEqual(answer(message), { refused: 'is no HealthCheckResponse' }, message);
  assert.deepEqual(decodeHealthResponse(Uint8Array.of(0, 0, 0, 0, 3, 8, 1)), { refused: 'is not one message' });
});

test('whatever comes, it ends in an answer or a refusal', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const found = decodeHealthResponse(bytes);
      assert.ok('serving' in found || 'refused' in found);
      const framed = decodeHealthResponse(Uint8Array.of(0, 0, 0, 0, bytes.length, ...bytes));
      assert.ok('serving' in framed || 'refused' in framed);
    }),
  );
});

test('names and texts of a status', () => {
  assert.deepEqual([0, 5, 16, 17].map(grpcStatusName), ['OK', 'NOT_FOUND', 'UNAUTHENTICATED', 'status 17']);
  assert.equal(decodeGrpcMessage('no%20such%20%C3%A4'), 'no such ä');
  assert.equal(decodeGrpcMessage('100%'), '100%');
});
