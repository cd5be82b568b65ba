/**
 * Attribute tables: one table (name, number, kind) of a netlink nest gives its encoder, its decoder and its TypeScript type.
 * A value of the wrong length is refused by the attribute's name; unknown attributes are skipped.
 */
import { HOST_LITTLE_ENDIAN as HOST } from '../base/bytes.js';
import {
  beginNest,
  createWriter,
  endNest,
  putAttribute,
  putBytes,
  readString,
  u16At,
  u32At,
  type Writer,
  walkAttributes,
  written,
} from './netlink.js';

/** `masked`: a u32 and the mask of its bits that count, which is always written as all of them. */
type Scalar = 'u8' | 'u16' | 'u16be' | 'u32' | 'i32' | 'u64' | 'masked';
export type Kind = Scalar | 'string' | 'bytes' | 'nest';

/** Number and kind; for `bytes` the exact length. */
export type Field = readonly [number: number, kind: Kind, length?: number];
export type Fields = Readonly<Record<string, Field>>;

type ValueOf<K extends Kind> = K extends 'u64' ? bigint : K extends Scalar ? number : K extends 'string' ? string : Uint8Array;
export type Values<T extends Fields> = { readonly [N in keyof T]?: ValueOf<T[N][1]> | undefined };

export interface DecodeError {
  /** What does not fit, in words. */
  readonly malformed: string;
}

const SIZES: Readonly<Record<Scalar, number>> = { u8: 1, u16: 2, u16be: 2, u32: 4, i32: 4, u64: 8, masked: 8 };

function setScalar(view: DataView, at: number, kind: Scalar, value: number | bigint): void {
  switch (kind) {
    case 'u8':
      return view.setUint8(at, value as number);
    case 'u16':
      return view.setUint16(at, value as number, HOST);
    case 'u16be':
      return view.setUint16(at, value as number);
    case 'u32':
      return view.setUint32(at, value as number, HOST);
    case 'i32':
      return view.setInt32(at, value as number, HOST);
    case 'u64':
      return view.setBigUint64(at, value as bigint, HOST);
    case 'masked':
      view.setUint32(at, value as number, HOST);
      view.setUint32(at + 4, 0xffffffff, HOST);
  }
}

export function putString(writer: Writer, number: number, text: string): void {
  const at = putAttribute(writer, number, text.length + 1);
  for (let i = 0; i < text.length; i++) writer.bytes[at + i] = text.charCodeAt(i);
}

function putField(writer: Writer, [number, kind]: Field, value: unknown): void {
  if (kind === 'string') return putString(writer, number, value as string);
  if (kind === 'bytes' || kind === 'nest') {
    const bytes = value as Uint8Array;
    const at = putAttribute(writer, number, bytes.length);
    writer.bytes.set(bytes, at);
    return;
  }
  // First the room: the view is another one when the buffer had to grow.
  const at = putAttribute(writer, number, SIZES[kind]);
  setScalar(writer.view, at, kind, value as number | bigint);
}

/** Writes the values that are given, in the table's order. */
export function putFields<T extends Fields>(writer: Writer, fields: T, values: Values<T>): void {
  for (const name in fields) {
    const value = values[name];
    if (value !== undefined) putField(writer, fields[name] as Field, value);
  }
}

export function putNest<T extends Fields>(writer: Writer, number: number, fields: T, values: Values<T>): void {
  const start = beginNest(writer, number);
  putFields(writer, fields, values);
  endNest(writer, start);
}

/* ---- attributes of one shape, written many times ---- */

/** Attributes encoded once. Where they are put, their values are overwritten: several times faster than one by one. */
export interface Template<T extends Fields> {
  readonly bytes: Uint8Array;
  /** Where each value starts. */
  readonly at: { readonly [N in keyof T]?: number };
  readonly fields: T;
}

/** A template with the attributes that are given, in the table's order. */
export function templateOf<T extends Fields>(fields: T, values: Values<T>): Template<T> {
  const writer = createWriter();
  putFields(writer, fields, values);
  const bytes = written(writer).slice();
  const table = tableOf(fields);
  const at: { [N in keyof T]?: number } = {};
  walkAttributes(bytes, (number, start) => {
    at[(table[number] as Entry).name as keyof T] = start;
  });
  return { bytes, at, fields };
}

/** Returns where it starts. */
export function putTemplate<T extends Fields>(writer: Writer, template: Template<T>): number {
  const start = writer.length;
  putBytes(writer, template.bytes);
  return start;
}

/** Where a value of the template that was put at `start` is. */
export const placeOf = <T extends Fields>(start: number, { at }: Template<T>, name: keyof T): number =>
  start + (at[name] as number);

type Scalars<T extends Fields> = { [N in keyof T]: T[N][1] extends Scalar ? N : never }[keyof T] & string;

/** Overwrites a number in the template that was put at `start`. */
export function setValue<T extends Fields, N extends Scalars<T>>(
  writer: Writer,
  start: number,
  template: Template<T>,
  name: N,
  value: ValueOf<T[N][1]>,
): void {
  const kind = (template.fields[name] as Field)[1] as Scalar;
  setScalar(writer.view, start + (template.at[name] as number), kind, value as number | bigint);
}

/* ---- reading ---- */

function readScalar(bytes: Uint8Array, at: number, kind: Scalar): number | bigint {
  switch (kind) {
    case 'u8':
      return bytes[at] as number;
    case 'u16':
      return u16At(bytes, at);
    case 'u16be':
      return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    case 'u32':
    case 'masked':
      return u32At(bytes, at);
    case 'i32':
      return u32At(bytes, at) | 0;
    case 'u64':
      return HOST ? u64(u32At(bytes, at), u32At(bytes, at + 4)) : u64(u32At(bytes, at + 4), u32At(bytes, at));
  }
}

const u64 = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low);

interface Entry {
  readonly name: string;
  readonly kind: Kind;
  /** Undefined: any length. */
  readonly size: number | undefined;
}

/** By the table itself, its entries by number: made once a table. */
const tables = new WeakMap<Fields, readonly (Entry | undefined)[]>();

function tableOf(fields: Fields): readonly (Entry | undefined)[] {
  let table = tables.get(fields);
  if (!table) {
    const entries: (Entry | undefined)[] = [];
    for (const [name, [number, kind, length]] of Object.entries(fields))
      entries[number] = { name, kind, size: kind in SIZES ? SIZES[kind as Scalar] : length };
    table = entries;
    tables.set(fields, table);
  }
  return table;
}

function readValue(bytes: Uint8Array, kind: Kind, start: number, length: number): unknown {
  if (kind === 'string') return readString(bytes.subarray(start, start + length));
  return kind === 'bytes' || kind === 'nest' ? bytes.subarray(start, start + length) : readScalar(bytes, start, kind);
}

/** The known attributes; byte values are windows on the input. */
export function readFields<T extends Fields>(bytes: Uint8Array, fields: T): Values<T> | DecodeError {
  const table = tableOf(fields);
  const values: Record<string, unknown> = {};
  let malformed: string | undefined;
  const whole = walkAttributes(bytes, (number, start, length) => {
    const entry = table[number];
    if (!entry) return;
    if (entry.size === undefined || entry.size === length) values[entry.name] = readValue(bytes, entry.kind, start, length);
    else malformed ??= `attribute ${entry.name} has ${length} bytes`;
  });
  if (!whole) return { malformed: 'attributes do not fit their message' };
  return malformed === undefined ? (values as Values<T>) : { malformed };
}
