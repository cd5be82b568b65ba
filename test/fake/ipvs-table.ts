/**
 * What IPVS keeps and when it refuses, as reference/wire-facts tells of Linux 6.1: the table behind the fake kernel. It reads and
 * writes attributes by number on its own, so that a mistake in wire/ipvs.ts shows against it.
 */
import { HOST_LITTLE_ENDIAN as HOST, toHex, viewOf } from '../../src/base/bytes.js';
import { beginNest, endNest, putAttribute, readAttributes, readString, type Writer } from '../../src/wire/netlink.js';

type Attributes = ReadonlyMap<number, Uint8Array>;

const EINVAL = 22;
const ENOENT = 2;
const ESRCH = 3;
const EEXIST = 17;
const ERANGE = 34;
const EAFNOSUPPORT = 97;
const AF_INET = 2;
const AF_INET6 = 10;
const HASHED = 2;
const TUNNEL = 2;

/** Attributes that a request set, by number; `counts` are active, inactive, persistent. */
export interface FakeDest {
  values: Map<number, Uint8Array>;
  counts: [number, number, number];
}

export interface FakeService {
  values: Map<number, Uint8Array>;
  /** Newest first. */
  dests: FakeDest[];
}

export interface FakeTable {
  /** By the bytes that name a service. */
  readonly services: Map<string, FakeService>;
  readonly schedulers: Set<string>;
  /** Attributes of destinations that this kernel does not know, and ignores without a word. */
  readonly unknown: Set<number>;
  /** False, as beside a sync daemon: a destination of another family than its service is refused. */
  mixed: boolean;
}

export const createTable = (): FakeTable => ({
  services: new Map(),
  schedulers: new Set(['rr', 'wrr', 'wlc', 'sh', 'mh']),
  unknown: new Set(),
  mixed: true,
});

export function attributesOf(bytes: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  readAttributes(bytes, (type, value) => found.set(type, value.slice()));
  return found;
}

const nest = (top: Attributes, type: number): Map<number, Uint8Array> => attributesOf(top.get(type) ?? new Uint8Array(0));
const u16 = (value: Uint8Array | undefined): number => (value && value.length >= 2 ? viewOf(value).getUint16(0, HOST) : 0);
const i32 = (value: Uint8Array | undefined): number => (value && value.length >= 4 ? viewOf(value).getInt32(0, HOST) : 0);
const u32 = (value: Uint8Array | undefined): number => i32(value) >>> 0;

/** The key of the service that a nest names, or the errno. */
function serviceName(service: Attributes): string | number {
  const family = u16(service.get(1));
  if (!service.has(1)) return EINVAL;
  if (family !== AF_INET && family !== AF_INET6) return EAFNOSUPPORT;
  if (service.has(5)) return `${family} mark ${u32(service.get(5))}`;
  const [protocol, address, port] = [2, 3, 4].map((one) => service.get(one));
  if (!protocol || !address || !port || address.length > 16) return EINVAL;
  return `${family} ${u16(protocol)} ${addressHex(family, address)} ${toHex(port)}`;
}

const addressHex = (family: number, address: Uint8Array): string => toHex(address.subarray(0, family === AF_INET ? 4 : 16));

function destName(dest: Attributes, service: FakeService): string {
  const family = u16(dest.get(11)) || u16(service.values.get(1));
  return `${family} ${addressHex(family, dest.get(1) ?? new Uint8Array(16))} ${toHex(dest.get(2) ?? new Uint8Array(2))}`;
}

/** New flags are the old ones outside the mask; the kernel adds its own mark. */
function storedFlags(sent: Uint8Array, old: Uint8Array | undefined): Uint8Array {
  const [flags, mask] = [u32(sent), u32(sent.subarray(4))];
  const value = new Uint8Array(8);
  viewOf(value).setUint32(0, (u32(old) & ~mask) | (flags & mask) | HASHED, HOST);
  viewOf(value).setUint32(4, 0xffffffff, HOST);
  return value;
}

function refusedService(table: FakeTable, service: Attributes): number {
  if (![6, 7, 8, 9].every((one) => service.has(one))) return EINVAL;
  const scheduler = service.get(6) as Uint8Array;
  if (scheduler.length > 16 || service.get(7)?.length !== 8) return EINVAL;
  const prefix = u32(service.get(9));
  if (u16(service.get(1)) === AF_INET6 && (prefix < 1 || prefix > 128)) return EINVAL;
  if (service.has(11) && readString(service.get(11) as Uint8Array) !== 'sip') return ENOENT;
  return table.schedulers.has(readString(scheduler)) ? 0 : ENOENT;
}

/** NEW_SERVICE and SET_SERVICE. */
export function putService(table: FakeTable, top: Attributes, isNew: boolean): number {
  const sent = nest(top, 1);
  const name = serviceName(sent);
  if (typeof name === 'number') return name;
  const old = table.services.get(name);
  if (isNew && old) return EEXIST;
  if (!isNew && !old) return ESRCH;
  const refused = refusedService(table, sent);
  if (refused !== 0) return refused;
  const values = new Map(sent);
  values.set(7, storedFlags(sent.get(7) as Uint8Array, old?.values.get(7)));
  if (values.has(5)) for (const one of [2, 3, 4]) values.delete(one);
  table.services.set(name, { values, dests: old?.dests ?? [] });
  return 0;
}

export function findService(table: FakeTable, top: Attributes): FakeService | number {
  const name = serviceName(nest(top, 1));
  if (typeof name === 'number') return name;
  return table.services.get(name) ?? ESRCH;
}

export function deleteService(table: FakeTable, top: Attributes): number {
  const name = serviceName(nest(top, 1));
  if (typeof name === 'number') return name;
  return table.services.delete(name) ? 0 : ESRCH;
}

function refusedAddress(family: number, address: Uint8Array): boolean {
  if (family === AF_INET) return address[0] === 0 || (address[0] as number) >= 224;
  return address[0] === 0xff || address.every((byte) => byte === 0);
}

function refusedDest(table: FakeTable, dest: Attributes, service: FakeService): number {
  if (![3, 4, 5, 6].every((one) => dest.has(one))) return EINVAL;
  const own = u16(service.values.get(1));
  const family = u16(dest.get(11)) || own;
  if (family !== AF_INET && family !== AF_INET6) return EAFNOSUPPORT;
  if (family !== own && (!table.mixed || (u32(dest.get(3)) & 7) !== TUNNEL)) return EINVAL;
  if (i32(dest.get(4)) < 0 || u32(dest.get(6)) > u32(dest.get(5))) return ERANGE;
  if (dest.get(13)?.[0] === 1 && (dest.get(14) ?? []).every((byte) => byte === 0)) return EINVAL;
  return refusedAddress(family, dest.get(1) as Uint8Array) ? EINVAL : 0;
}

export function changeDest(table: FakeTable, top: Attributes, what: 'new' | 'set' | 'delete'): number {
  const service = findService(table, top);
  if (typeof service === 'number') return service;
  const sent = nest(top, 2);
  if (!sent.has(1) || !sent.has(2)) return EINVAL;
  const name = destName(sent, service);
  const at = service.dests.findIndex((one) => destName(one.values, service) === name);
  if (what === 'delete') {
    if (at < 0) return ENOENT;
    service.dests.splice(at, 1);
    return 0;
  }
  const refused = refusedDest(table, sent, service);
  if (refused !== 0) return refused;
  if (what === 'new' ? at >= 0 : at < 0) return what === 'new' ? EEXIST : ENOENT;
  // Without the tunnel's attributes it is IPIP again: a set replaces everything.
  const values = new Map([[13, new Uint8Array(1)], [14, new Uint8Array(2)], [15, new Uint8Array(2)], ...sent]);
  for (const type of table.unknown) values.delete(type);
  if (what === 'new') service.dests.unshift({ values, counts: [0, 0, 0] });
  else (service.dests[at] as FakeDest).values = values;
  return 0;
}

function put(writer: Writer, type: number, value: Uint8Array): void {
  const at = putAttribute(writer, type, value.length);
  writer.bytes.set(value, at);
}

const word = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value, HOST);
  return bytes;
};

/** Addresses always take 16 bytes, what follows an IPv4 one is zero. */
function wide(value: Uint8Array, family: number): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(value.subarray(0, family === AF_INET ? 4 : 16));
  return bytes;
}

function putStats(writer: Writer): void {
  const start = beginNest(writer, 12);
  for (let number = 1; number <= 10; number++) put(writer, number, new Uint8Array(8));
  endNest(writer, start);
}

export function putServiceReply(writer: Writer, service: FakeService): void {
  const start = beginNest(writer, 1);
  for (const [type, value] of service.values) put(writer, type, type === 3 ? wide(value, u16(service.values.get(1))) : value);
  putStats(writer);
  endNest(writer, start);
}

export function putDestReply(writer: Writer, dest: FakeDest, service: FakeService): void {
  const family = u16(dest.values.get(11)) || u16(service.values.get(1));
  const start = beginNest(writer, 2);
  for (const [type, value] of dest.values) put(writer, type, type === 1 ? wide(value, family) : value);
  for (const [i, count] of dest.counts.entries()) put(writer, 7 + i, word(count));
  putStats(writer);
  endNest(writer, start);
}
