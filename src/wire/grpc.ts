/**
 * gRPC over HTTP/2 (its PROTOCOL-HTTP2 document) as far as one call of grpc.health.v1.Health/Check needs it: framing of messages,
 * status, and the two messages (health.proto), each with one field.
 */
import { concatBytes, viewOf } from '../base/bytes.js';

export const HEALTH_PATH = '/grpc.health.v1.Health/Check';

/** Compressed flag and length before each message. */
const PREFIX = 5;
/** Key of field 1 as a string, and as an enum. */
const FIELD_1_TEXT = 0x0a;
const FIELD_1_NUMBER = 0x08;

const SERVING = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const STATUS = (
  'OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED ' +
  'FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED'
).split(' ');

/** `UNIMPLEMENTED` for 12. */
export const grpcStatusName = (code: number): string => STATUS[code] ?? `status ${code}`;

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Uint8Array.from([...bytes, rest]);
}

/** HealthCheckRequest behind its prefix; an empty name is that of the server as a whole. */
export function encodeHealthRequest(service: string): Uint8Array {
  const name = new TextEncoder().encode(service);
  const message = name.length === 0 ? name : concatBytes([Uint8Array.of(FIELD_1_TEXT), varint(name.length), name]);
  const prefix = new Uint8Array(PREFIX);
  viewOf(prefix).setUint32(1, message.length);
  return concatBytes([prefix, message]);
}

/** Reads a varint of up to 64 bits; only its lowest 32 count here. Undefined: cut off, or too long. */
function readVarint(bytes: Uint8Array, from: number): { readonly value: number; readonly next: number } | undefined {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[from + i];
    if (byte === undefined) return undefined;
    if (i < 5) value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return { value: value >>> 0, next: from + i + 1 };
  }
  return undefined;
}

/** Where the value of a field of an unknown kind ends; undefined: nowhere. */
function skip(bytes: Uint8Array, kind: number, at: number): number | undefined {
  const whole = (end: number) => (end <= bytes.length ? end : undefined);
  if (kind === 0) return readVarint(bytes, at)?.next;
  if (kind === 1) return whole(at + 8);
  if (kind === 5) return whole(at + 4);
  const length = kind === 2 ? readVarint(bytes, at) : undefined;
  return length && whole(length.next + length.value);
}

/** Value of the last field 1, of proto3 default 0; undefined: the message is none. */
function readServing(message: Uint8Array): number | undefined {
  let serving = 0;
  for (let at = 0; at < message.length; ) {
    const key = readVarint(message, at);
    if (!key) return undefined;
    const number = key.value === FIELD_1_NUMBER ? readVarint(message, key.next) : undefined;
    if (number) serving = number.value;
    const next = skip(message, key.value & 7, key.next);
    if (next === undefined) return undefined;
    at = next;
  }
  return serving;
}

export type HealthAnswer = { readonly serving: string } | { readonly refused: string };

/** HealthCheckResponse behind its prefix, the whole of the body. `SERVING` is the good one. */
export function decodeHealthResponse(body: Uint8Array): HealthAnswer {
  if (body.length < PREFIX) return { refused: 'has no message' };
  if (body[0] !== 0) return { refused: 'is compressed, which was not asked for' };
  if (viewOf(body).getUint32(1) !== body.length - PREFIX) return { refused: 'is not one message' };
  const serving = readServing(body.subarray(PREFIX));
  if (serving === undefined) return { refused: 'is no HealthCheckResponse' };
  return { serving: SERVING[serving] ?? `serving status ${serving}` };
}

/** The text of grpc-message, which is percent-encoded; what is not stays as it is. */
export function decodeGrpcMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
