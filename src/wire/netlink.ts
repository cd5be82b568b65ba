/**
 * Netlink framing (linux/netlink.h): messages and attributes, numbers in host byte order.
 *
 *   nlmsghdr:  length u32 | type u16 | flags u16 | sequence u32 | port u32 | payload, padded to 4
 *   nlattr:    length u16 | type u16 (0x8000 nested, 0x4000 network order) | value, padded to 4
 */
import { HOST_LITTLE_ENDIAN as HOST, viewOf } from '../base/bytes.js';

export const HEADER_LENGTH = 16;
const ATTRIBUTE_HEADER = 4;
const TYPE_MASK = 0x3fff;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 0x01;
export const NLM_F_MULTI = 0x02;
export const NLM_F_ACK = 0x04;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_CAPPED = 0x100;
export const NLM_F_ACK_TLVS = 0x200;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly port: number;
  readonly payload: Uint8Array;
}

const align = (length: number): number => (length + 3) & ~3;

/* ---- writing: one growing buffer, many messages ---- */

export interface Writer {
  bytes: Uint8Array;
  view: DataView;
  length: number;
}

export function createWriter(capacity = 4096): Writer {
  const bytes = new Uint8Array(capacity);
  return { bytes, view: viewOf(bytes), length: 0 };
}

/** Forgets what was written, and keeps the room. */
export function rewind(writer: Writer): void {
  writer.bytes.fill(0, 0, writer.length);
  writer.length = 0;
}

/** What was written; a window on the writer's buffer, valid until it is written to again. */
export const written = (writer: Writer): Uint8Array => writer.bytes.subarray(0, writer.length);

/** Room for `size` more bytes, which are zero; returns where they start. */
function take(writer: Writer, size: number): number {
  const start = writer.length;
  const end = start + size;
  if (end > writer.bytes.length) {
    const bytes = new Uint8Array(Math.max(end, writer.bytes.length * 2));
    bytes.set(writer.bytes.subarray(0, start));
    writer.bytes = bytes;
    writer.view = viewOf(bytes);
  }
  writer.length = end;
  return start;
}

/** Overwrites the header of the message at `start`, but its length. */
export function setHeader(writer: Writer, start: number, type: number, flags: number, sequence: number): void {
  writer.view.setUint16(start + 4, type, HOST);
  writer.view.setUint16(start + 6, flags, HOST);
  writer.view.setUint32(start + 8, sequence, HOST);
}

/** Gives the messages that were written numbers from `first` on; the last one is to be acknowledged. */
export function numberMessages(writer: Writer, first: number): void {
  let sequence = first;
  let last = 0;
  for (let at = 0; at < writer.length; at += align(writer.view.getUint32(at, HOST))) {
    writer.view.setUint32(at + 8, sequence++, HOST);
    last = at;
  }
  writer.view.setUint16(last + 6, writer.view.getUint16(last + 6, HOST) | NLM_F_ACK, HOST);
}

/** Begins a message; endMessage with the returned offset writes its length. */
export function beginMessage(writer: Writer, type: number, flags: number, sequence: number): number {
  const start = take(writer, HEADER_LENGTH);
  setHeader(writer, start, type, flags, sequence);
  return start;
}

export function endMessage(writer: Writer, start: number): void {
  writer.view.setUint32(start, writer.length - start, HOST);
}

/** Fixed bytes of a message, padded to 4. */
export function putBytes(writer: Writer, bytes: Uint8Array): void {
  const start = take(writer, align(bytes.length));
  writer.bytes.set(bytes, start);
}

/** Room for the value of an attribute of `size` bytes; returns where it starts. */
export function putAttribute(writer: Writer, type: number, size: number): number {
  const start = take(writer, ATTRIBUTE_HEADER + align(size));
  writer.view.setUint16(start, ATTRIBUTE_HEADER + size, HOST);
  writer.view.setUint16(start + 2, type, HOST);
  return start + ATTRIBUTE_HEADER;
}

/** An attribute of four bytes, in the host's byte order. */
export function putU32(writer: Writer, type: number, value: number): void {
  const at = putAttribute(writer, type, 4);
  writer.view.setUint32(at, value, HOST);
}

/** A text with its NUL. */
export function putText(writer: Writer, type: number, text: string): void {
  const bytes = new TextEncoder().encode(text);
  const at = putAttribute(writer, type, bytes.length + 1);
  writer.bytes.set(bytes, at);
}

export function beginNest(writer: Writer, type: number): number {
  const start = take(writer, ATTRIBUTE_HEADER);
  writer.view.setUint16(start + 2, type, HOST);
  return start;
}

export function endNest(writer: Writer, start: number): void {
  writer.view.setUint16(start, writer.length - start, HOST);
}

/* ---- reading ---- */

/** Numbers of the host's byte order, without a DataView: to make one takes longer than to read a whole message. */
export function u16At(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  const second = bytes[at + 1] as number;
  return HOST ? first | (second << 8) : (first << 8) | second;
}

export function u32At(bytes: Uint8Array, at: number): number {
  const first = u16At(bytes, at);
  const second = u16At(bytes, at + 2);
  return (HOST ? first | (second << 16) : (first << 16) | second) >>> 0;
}

/** The messages of one datagram; undefined when a length does not fit (nothing of the datagram is to be believed then). */
export function readMessages(bytes: Uint8Array): Message[] | undefined {
  const messages: Message[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < HEADER_LENGTH) return undefined;
    const length = u32At(bytes, at);
    if (length < HEADER_LENGTH || length > bytes.length - at) return undefined;
    messages.push({
      type: u16At(bytes, at + 4),
      flags: u16At(bytes, at + 6),
      sequence: u32At(bytes, at + 8),
      port: u32At(bytes, at + 12),
      payload: bytes.subarray(at + HEADER_LENGTH, at + length),
    });
    at += align(length);
  }
  return messages;
}

/** Calls `each` for every attribute, nested flags taken off its type, with where its value is; false when a length does not fit. */
export function walkAttributes(bytes: Uint8Array, each: (type: number, start: number, length: number) => void): boolean {
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < ATTRIBUTE_HEADER) return false;
    const length = u16At(bytes, at);
    if (length < ATTRIBUTE_HEADER || length > bytes.length - at) return false;
    each(u16At(bytes, at + 2) & TYPE_MASK, at + ATTRIBUTE_HEADER, length - ATTRIBUTE_HEADER);
    at += align(length);
  }
  return true;
}

/** As walkAttributes, with the value itself: a window on the input. */
export const readAttributes = (bytes: Uint8Array, each: (type: number, value: Uint8Array) => void): boolean =>
  walkAttributes(bytes, (type, start, length) => each(type, bytes.subarray(start, start + length)));

/** What NLMSG_ERROR says: errno is positive, 0 for an acknowledgement. */
export interface Acknowledgement {
  readonly errno: number;
  /** The kernel's explanation (NLMSGERR_ATTR_MSG). */
  readonly extack: string | undefined;
}

const NLMSGERR_ATTR_MSG = 1;
const ERROR_FIXED = 4 + HEADER_LENGTH;

/** Undefined when the payload is too short to be one. */
export function readAcknowledgement(message: Message): Acknowledgement | undefined {
  const { payload, flags } = message;
  if (payload.length < ERROR_FIXED) return undefined;
  const errno = 0 - (u32At(payload, 0) | 0);
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno, extack: undefined };
  // The request's payload is echoed before the attributes, unless the message says that it was left out.
  const echoed = (flags & NLM_F_CAPPED) !== 0 ? HEADER_LENGTH : align(u32At(payload, 4));
  let extack: string | undefined;
  readAttributes(payload.subarray(Math.min(4 + echoed, payload.length)), (type, value) => {
    if (type === NLMSGERR_ATTR_MSG) extack = readString(value);
  });
  return { errno, extack };
}

/** errno (positive) with which a dump ended: the payload of NLMSG_DONE. */
export const doneErrno = (message: Message): number => (message.payload.length >= 4 ? 0 - (u32At(message.payload, 0) | 0) : 0);

/** Text up to its NUL, or all of it. */
export function readString(value: Uint8Array): string {
  const end = value.indexOf(0);
  let text = '';
  for (const byte of end < 0 ? value : value.subarray(0, end)) text += String.fromCharCode(byte);
  return text;
}
