/**
 * Attribute tables: one table (name, number, kind) of a netlink nest gives its encoder, its decoder and its TypeScript type.
 * A value of the wrong length is refused by the attribute's name; unknown attributes are skipped.
 */
import { HOST_LITTLE_ENDIAN as HOST, viewOf } from '../base/bytes.js';
import { beginNest, endNest, putAttribute, readAttributes, readString, type Writer } from './netlink.js';

type Scalar = 'u8' | 'u16' | 'u16be' | 'u32' | 'i32' | 'u64';
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

const SIZES: Readonly<Record<Scalar, number>> = { u8: 1, u16: 2, u16be: 2, u32: 4, i32: 4, u64: 8 };

function putScalar(writer: Writer, number: number, kind: Scalar, value: number | bigint): void {
  const at = putAttribute(writer, number, SIZES[kind]);
  switch (kind) {
    case 'u8':
      return writer.view.setUint8(at, value as number);
    case 'u16':
      return writer.view.setUint16(at, value as number, HOST);
    case 'u16be':
      return writer.view.setUint16(at, value as number);
    case 'u32':
      return writer.view.setUint32(at, value as number, HOST);
    case 'i32':
      return writer.view.setInt32(at, value as number, HOST);
    case 'u64':
      return writer.view.setBigUint64(at, value as bigint, HOST);
  }
}

function putString(writer: Writer, number: number, text: string): void {
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
  putScalar(writer, number, kind, value as number | bigint);
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

function readScalar(kind: Scalar, value: Uint8Array): number | bigint {
  const view = viewOf(value);
  switch (kind) {
    case 'u8':
      return view.getUint8(0);
    case 'u16':
      return view.getUint16(0, HOST);
    case 'u16be':
      return view.getUint16(0);
    case 'u32':
      return view.getUint32(0, HOST);
    case 'i32':
      return view.getInt32(0, HOST);
    case 'u64':
      return view.getBigUint64(0, HOST);
  }
}

function fits([, kind, length]: Field, value: Uint8Array): boolean {
  if (kind === 'string') return true;
  if (kind === 'bytes' || kind === 'nest') return length === undefined || value.length === length;
  return value.length === SIZES[kind];
}

/** By the table itself, number -> [name, field]: made once a table. */
const indexes = new WeakMap<Fields, ReadonlyMap<number, readonly [string, Field]>>();

function indexOf(fields: Fields): ReadonlyMap<number, readonly [string, Field]> {
  let index = indexes.get(fields);
  if (!index) {
    index = new Map(Object.entries(fields).map(([name, field]) => [field[0], [name, field]]));
    indexes.set(fields, index);
  }
  return index;
}

/** The known attributes; byte values are windows on the input. */
export function readFields<T extends Fields>(bytes: Uint8Array, fields: T): Values<T> | DecodeError {
  const index = indexOf(fields);
  const values: Record<string, unknown> = {};
  let malformed: string | undefined;
  const whole = readAttributes(bytes, (number, value) => {
    const known = index.get(number);
    if (!known) return;
    const [name, field] = known;
    if (!fits(field, value)) malformed ??= `attribute ${name} has ${value.length} bytes`;
    else if (field[1] === 'string') values[name] = readString(value);
    else values[name] = field[1] === 'bytes' || field[1] === 'nest' ? value : readScalar(field[1], value);
  });
  if (!whole) return { malformed: 'attributes do not fit their message' };
  return malformed === undefined ? (values as Values<T>) : { malformed };
}
