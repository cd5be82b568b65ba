/**
 * IPVS over generic netlink (linux/ip_vs.h, net/netfilter/ipvs/ip_vs_ctl.c): requests from the values of ipvs/types.ts, and the
 * values in the kernel's replies. A message is nlmsghdr, genlmsghdr (command u8, version u8, reserved u16), attributes.
 */
import { HOST_LITTLE_ENDIAN as HOST, viewOf } from '../base/bytes.js';
import { addressBits, type Family, familyOf, type Ip, ipBytes, ipFromBytes } from '../base/ip.js';
import type {
  Counters,
  Destination,
  ForwardMethod,
  IpvsProtocol,
  KernelDestination,
  Operation,
  ServiceAttributes,
  ServiceId,
} from '../ipvs/types.js';
import { type DecodeError, type Fields, putFields, putNest, readFields, type Values } from './attributes.js';
import { beginMessage, endMessage, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, putBytes, type Writer } from './netlink.js';

export const IPVS_FAMILY = 'IPVS';
const GENL_VERSION = 1;

/** IPVS_CMD_*. */
export const COMMAND = {
  newService: 1,
  setService: 2,
  delService: 3,
  getService: 4,
  newDest: 5,
  setDest: 6,
  delDest: 7,
  getDest: 8,
  newDaemon: 9,
  delDaemon: 10,
  getDaemon: 11,
  setConfig: 12,
  getConfig: 13,
  setInfo: 14,
  getInfo: 15,
  zero: 16,
  flush: 17,
} as const;

/** IPVS_CMD_ATTR_*. */
const TOP = {
  service: [1, 'nest'],
  dest: [2, 'nest'],
  daemon: [3, 'nest'],
  timeoutTcp: [4, 'u32'],
  timeoutTcpFin: [5, 'u32'],
  timeoutUdp: [6, 'u32'],
} as const satisfies Fields;

/** IPVS_SVC_ATTR_*. */
const SERVICE = {
  family: [1, 'u16'],
  protocol: [2, 'u16'],
  address: [3, 'bytes', 16],
  port: [4, 'u16be'],
  fwmark: [5, 'u32'],
  scheduler: [6, 'string'],
  flags: [7, 'bytes', 8],
  timeout: [8, 'u32'],
  netmask: [9, 'bytes', 4],
  stats: [10, 'nest'],
  pe: [11, 'string'],
  stats64: [12, 'nest'],
} as const satisfies Fields;

/** IPVS_DEST_ATTR_*. */
const DEST = {
  address: [1, 'bytes', 16],
  port: [2, 'u16be'],
  forward: [3, 'u32'],
  weight: [4, 'i32'],
  upper: [5, 'u32'],
  lower: [6, 'u32'],
  active: [7, 'u32'],
  inactive: [8, 'u32'],
  persistent: [9, 'u32'],
  stats: [10, 'nest'],
  family: [11, 'u16'],
  stats64: [12, 'nest'],
  tunType: [13, 'u8'],
  tunPort: [14, 'u16be'],
  tunFlags: [15, 'u16'],
} as const satisfies Fields;

/** IPVS_DAEMON_ATTR_*. */
const DAEMON = {
  state: [1, 'u32'],
  interface: [2, 'string'],
  syncId: [3, 'u32'],
  maxlen: [4, 'u16'],
  group: [5, 'bytes', 4],
  group6: [6, 'bytes', 16],
  port: [7, 'u16'],
  ttl: [8, 'u8'],
} as const satisfies Fields;

/** IPVS_STATS_ATTR_*, as *_ATTR_STATS carries them: all that kernels before 4.1 have. */
const STATS = {
  connections: [1, 'u32'],
  inPackets: [2, 'u32'],
  outPackets: [3, 'u32'],
  inBytes: [4, 'u64'],
  outBytes: [5, 'u64'],
  cps: [6, 'u32'],
  inPps: [7, 'u32'],
  outPps: [8, 'u32'],
  inBps: [9, 'u32'],
  outBps: [10, 'u32'],
} as const satisfies Fields;

/** IPVS_STATS_ATTR_*, as *_ATTR_STATS64 carries them. */
const STATS64 = {
  connections: [1, 'u64'],
  inPackets: [2, 'u64'],
  outPackets: [3, 'u64'],
  inBytes: [4, 'u64'],
  outBytes: [5, 'u64'],
  cps: [6, 'u64'],
  inPps: [7, 'u64'],
  outPps: [8, 'u64'],
  inBps: [9, 'u64'],
  outBps: [10, 'u64'],
} as const satisfies Fields;

/** IPVS_INFO_ATTR_*. */
const INFO = { version: [1, 'u32'], tableSize: [2, 'u32'] } as const satisfies Fields;

export interface IpvsTimeouts {
  /** Seconds; 0 leaves the kernel's. */
  readonly tcp: number;
  readonly tcpFin: number;
  readonly udp: number;
}

export interface IpvsInfo {
  /** `1.2.1` */
  readonly version: string;
  readonly tableSize: number;
}

/** A connection synchronisation daemon. */
export interface IpvsDaemon {
  readonly role: 'master' | 'backup';
  readonly interface: string;
  readonly syncId: number;
  /** Bytes of a datagram. This and what follows: undefined leaves it to the kernel, or the kernel (before 4.3) does not say. */
  readonly maxlen?: number | undefined;
  readonly group?: Ip | undefined;
  readonly port?: number | undefined;
  readonly ttl?: number | undefined;
}

const AF_INET = 2;
const AF_INET6 = 10;
const PROTOCOLS: Readonly<Record<IpvsProtocol, number>> = { tcp: 6, udp: 17, sctp: 132 };
/** IP_VS_CONN_F_*: what users may ask for; 1 (local) and 4 (bypass) are the kernel's own. */
const FORWARD: Readonly<Record<ForwardMethod, number>> = { nat: 0, tun: 2, dr: 3 };
const FORWARD_MASK = 7;
/** IP_VS_SVC_F_HASHED is the kernel's own mark on every service. */
const FLAG_HASHED = 0x02;

const afOf = (family: Family): number => (family === 4 ? AF_INET : AF_INET6);

/** An address takes 16 bytes on the wire, an IPv4 one the first four of them. */
function wireAddress(ip: Ip): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(ipBytes(ip));
  return bytes;
}

const readAddress = (bytes: Uint8Array, family: Family): Ip => ipFromBytes(bytes.subarray(0, family === 4 ? 4 : 16));

/** Flags with the mask ~0: a zero mask would silently lose them (wire-facts: new = old & ~mask | flags & mask). */
function wireFlags(flags: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = viewOf(bytes);
  view.setUint32(0, flags, HOST);
  view.setUint32(4, 0xffffffff, HOST);
  return bytes;
}

/** IPv4: the mask in network order. IPv6: the prefix length as a number in host order. */
function wireNetmask(family: Family, prefix: number): Uint8Array {
  const bytes = new Uint8Array(4);
  if (family === 6) viewOf(bytes).setUint32(0, prefix, HOST);
  else viewOf(bytes).setUint32(0, prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0);
  return bytes;
}

function readNetmask(family: Family, bytes: Uint8Array): number {
  if (family === 6) return viewOf(bytes).getUint32(0, HOST);
  let bits = 0;
  for (let mask = viewOf(bytes).getUint32(0); mask & 0x80000000; mask <<= 1) bits++;
  return bits;
}

/* ---- requests ---- */

function idFields(id: ServiceId): Values<typeof SERVICE> {
  const family = afOf(id.family);
  if (id.kind === 'fwmark') return { family, fwmark: id.fwmark };
  return { family, protocol: PROTOCOLS[id.protocol], address: wireAddress(id.address), port: id.port };
}

function serviceFields(id: ServiceId, service: ServiceAttributes): Values<typeof SERVICE> {
  return {
    ...idFields(id),
    scheduler: service.scheduler,
    flags: wireFlags(service.flags),
    timeout: service.timeout,
    netmask: wireNetmask(id.family, service.prefix),
    pe: service.pe === '' ? undefined : service.pe,
  };
}

/** The family is always sent: without it an IPv6 address on an IPv4 service is taken for an IPv4 one. */
const destId = (dest: Destination): Values<typeof DEST> => ({
  address: wireAddress(dest.address),
  port: dest.port,
  family: afOf(familyOf(dest.address)),
});

function destFields(dest: Destination): Values<typeof DEST> {
  const tunnel = dest.tunType === 0 ? {} : { tunType: dest.tunType, tunPort: dest.tunPort, tunFlags: dest.tunFlags };
  const { weight, upper, lower } = dest;
  return { ...destId(dest), forward: FORWARD[dest.forward], weight, upper, lower, ...tunnel };
}

function begin(writer: Writer, familyId: number, command: number, flags: number, sequence: number): number {
  const start = beginMessage(writer, familyId, NLM_F_REQUEST | flags, sequence);
  putBytes(writer, Uint8Array.of(command, GENL_VERSION, 0, 0));
  return start;
}

const OPERATION_COMMAND: Readonly<Record<Operation['kind'], number>> = {
  'new-service': COMMAND.newService,
  'set-service': COMMAND.setService,
  'del-service': COMMAND.delService,
  'new-dest': COMMAND.newDest,
  'set-dest': COMMAND.setDest,
  'del-dest': COMMAND.delDest,
};

/** One operation as one message; `ack` asks for an answer also on success. */
export function putOperation(writer: Writer, familyId: number, sequence: number, operation: Operation, ack: boolean): void {
  const start = begin(writer, familyId, OPERATION_COMMAND[operation.kind], ack ? NLM_F_ACK : 0, sequence);
  if ('service' in operation) putNest(writer, TOP.service[0], SERVICE, serviceFields(operation.service.id, operation.service));
  else putNest(writer, TOP.service[0], SERVICE, idFields(operation.id));
  if ('dest' in operation)
    putNest(writer, TOP.dest[0], DEST, operation.kind === 'del-dest' ? destId(operation.dest) : destFields(operation.dest));
  endMessage(writer, start);
}

export type Query =
  | { readonly kind: 'services' }
  | { readonly kind: 'service'; readonly id: ServiceId }
  | { readonly kind: 'destinations'; readonly id: ServiceId }
  | { readonly kind: 'daemons' | 'timeouts' | 'info' };

const QUERY: Readonly<Record<Query['kind'], readonly [command: number, flags: number]>> = {
  services: [COMMAND.getService, NLM_F_DUMP],
  service: [COMMAND.getService, NLM_F_ACK],
  destinations: [COMMAND.getDest, NLM_F_DUMP],
  daemons: [COMMAND.getDaemon, NLM_F_DUMP],
  timeouts: [COMMAND.getConfig, NLM_F_ACK],
  info: [COMMAND.getInfo, NLM_F_ACK],
};

export function putQuery(writer: Writer, familyId: number, sequence: number, query: Query): void {
  const [command, flags] = QUERY[query.kind];
  const start = begin(writer, familyId, command, flags, sequence);
  if ('id' in query) putNest(writer, TOP.service[0], SERVICE, idFields(query.id));
  endMessage(writer, start);
}

/** Commands beside the table: everything there is (flush), timeouts, sync daemons. */
export type Setting =
  | { readonly kind: 'flush' }
  | { readonly kind: 'timeouts'; readonly timeouts: IpvsTimeouts }
  | { readonly kind: 'new-daemon'; readonly daemon: IpvsDaemon }
  | { readonly kind: 'del-daemon'; readonly role: IpvsDaemon['role'] };

const DAEMON_STATE = { master: 1, backup: 2 } as const;
const SETTING: Readonly<Record<Setting['kind'], number>> = {
  flush: COMMAND.flush,
  timeouts: COMMAND.setConfig,
  'new-daemon': COMMAND.newDaemon,
  'del-daemon': COMMAND.delDaemon,
};

function daemonFields({ role, interface: name, syncId, maxlen, group, port, ttl }: IpvsDaemon): Values<typeof DAEMON> {
  const to = group === undefined ? {} : familyOf(group) === 4 ? { group: ipBytes(group) } : { group6: ipBytes(group) };
  return { state: DAEMON_STATE[role], interface: name, syncId, maxlen, ...to, port, ttl };
}

export function putSetting(writer: Writer, familyId: number, sequence: number, setting: Setting): void {
  const start = begin(writer, familyId, SETTING[setting.kind], NLM_F_ACK, sequence);
  if (setting.kind === 'timeouts') {
    const { tcp, tcpFin, udp } = setting.timeouts;
    putFields(writer, TOP, { timeoutTcp: tcp, timeoutTcpFin: tcpFin, timeoutUdp: udp });
  } else if (setting.kind === 'new-daemon') {
    putNest(writer, TOP.daemon[0], DAEMON, daemonFields(setting.daemon));
  } else if (setting.kind === 'del-daemon') putNest(writer, TOP.daemon[0], DAEMON, { state: DAEMON_STATE[setting.role] });
  endMessage(writer, start);
}

/* ---- replies ---- */

export type ServiceReply = ServiceAttributes & { readonly id: ServiceId; readonly stats: Counters | undefined };

const GENL_HEADER = 4;
const bad = (malformed: string): DecodeError => ({ malformed });
export const isMalformed = (value: object): value is DecodeError => 'malformed' in value;

/** The nest of one kind in the payload (genlmsghdr and attributes) of a reply. */
function nestOf(payload: Uint8Array, name: 'service' | 'dest' | 'daemon'): Uint8Array | DecodeError {
  if (payload.length < GENL_HEADER) return bad('shorter than its header');
  const top = readFields(payload.subarray(GENL_HEADER), TOP);
  if (isMalformed(top)) return top;
  return top[name] ?? bad(`no ${name} in it`);
}

function familyFrom(af: number | undefined): Family | undefined {
  return af === AF_INET ? 4 : af === AF_INET6 ? 6 : undefined;
}

function readId(fields: Values<typeof SERVICE>): ServiceId | DecodeError {
  const family = familyFrom(fields.family);
  if (!family) return bad(`address family ${fields.family}`);
  if (fields.fwmark !== undefined) return { kind: 'fwmark', family, fwmark: fields.fwmark };
  const protocol = (Object.keys(PROTOCOLS) as IpvsProtocol[]).find((name) => PROTOCOLS[name] === fields.protocol);
  if (!protocol) return bad(`protocol ${fields.protocol}`);
  if (!fields.address || fields.port === undefined) return bad('a service without address or port');
  return { kind: 'address', family, protocol, address: readAddress(fields.address, family), port: fields.port };
}

export function readService(payload: Uint8Array): ServiceReply | DecodeError {
  const nest = nestOf(payload, 'service');
  if (!(nest instanceof Uint8Array)) return nest;
  const fields = readFields(nest, SERVICE);
  if (isMalformed(fields)) return fields;
  const id = readId(fields);
  if (isMalformed(id)) return id;
  if (fields.scheduler === undefined || !fields.flags) return bad('a service without scheduler or flags');
  const flags = viewOf(fields.flags).getUint32(0, HOST) & ~FLAG_HASHED;
  const prefix = fields.netmask ? readNetmask(id.family, fields.netmask) : addressBits(id.family);
  const { scheduler, timeout = 0, pe = '' } = fields;
  return { id, scheduler, flags: flags >>> 0, timeout, prefix, pe, stats: readCounters(fields) };
}

/** The wide counters where the kernel has them. */
function readCounters(nests: { stats?: Uint8Array | undefined; stats64?: Uint8Array | undefined }): Counters | undefined {
  const fields = nests.stats64 ? readFields(nests.stats64, STATS64) : nests.stats && readFields(nests.stats, STATS);
  if (!fields || isMalformed(fields)) return undefined;
  const counters: Record<string, bigint> = {};
  for (const name of Object.keys(STATS64) as (keyof Counters)[]) counters[name] = BigInt(fields[name] ?? 0);
  return counters as unknown as Counters;
}

/** `serviceFamily` stands in on kernels before 3.18, which have no family of destinations. */
export function readDestination(payload: Uint8Array, serviceFamily: Family): KernelDestination | DecodeError {
  const nest = nestOf(payload, 'dest');
  if (!(nest instanceof Uint8Array)) return nest;
  const fields = readFields(nest, DEST);
  if (isMalformed(fields)) return fields;
  const { address, port, forward, weight } = fields;
  if (!address || port === undefined || forward === undefined || weight === undefined)
    return bad('a destination without address, port, method or weight');
  const method = (Object.keys(FORWARD) as ForwardMethod[]).find((name) => FORWARD[name] === (forward & FORWARD_MASK));
  const tunnel = method === 'tun';
  return {
    address: readAddress(address, familyFrom(fields.family) ?? serviceFamily),
    port,
    // The kernel's own methods (local, bypass) take no encapsulation: they show as the method that lbd never has to change.
    forward: method ?? 'nat',
    weight,
    upper: fields.upper ?? 0,
    lower: fields.lower ?? 0,
    tunType: tunnel ? (fields.tunType ?? 0) : 0,
    tunPort: tunnel ? (fields.tunPort ?? 0) : 0,
    tunFlags: tunnel ? (fields.tunFlags ?? 0) : 0,
    active: fields.active ?? 0,
    inactive: fields.inactive ?? 0,
    persistent: fields.persistent ?? 0,
    stats: readCounters(fields),
  };
}

export function readDaemon(payload: Uint8Array): IpvsDaemon | DecodeError {
  const nest = nestOf(payload, 'daemon');
  if (!(nest instanceof Uint8Array)) return nest;
  const fields = readFields(nest, DAEMON);
  if (isMalformed(fields)) return fields;
  const role = fields.state === DAEMON_STATE.master ? 'master' : fields.state === DAEMON_STATE.backup ? 'backup' : undefined;
  if (!role || fields.interface === undefined || fields.syncId === undefined)
    return bad('a sync daemon without state, interface or id');
  const { interface: name, syncId, maxlen, port, ttl } = fields;
  const group = fields.group ?? fields.group6;
  return { role, interface: name, syncId, maxlen, group: group && ipFromBytes(group), port, ttl };
}

export function readTimeouts(payload: Uint8Array): IpvsTimeouts | DecodeError {
  if (payload.length < GENL_HEADER) return bad('shorter than its header');
  const fields = readFields(payload.subarray(GENL_HEADER), TOP);
  if (isMalformed(fields)) return fields;
  const { timeoutTcp, timeoutTcpFin, timeoutUdp } = fields;
  if (timeoutTcp === undefined || timeoutTcpFin === undefined || timeoutUdp === undefined) return bad('timeouts are missing');
  return { tcp: timeoutTcp, tcpFin: timeoutTcpFin, udp: timeoutUdp };
}

export function readInfo(payload: Uint8Array): IpvsInfo | DecodeError {
  if (payload.length < GENL_HEADER) return bad('shorter than its header');
  const fields = readFields(payload.subarray(GENL_HEADER), INFO);
  if (isMalformed(fields)) return fields;
  const { version, tableSize } = fields;
  if (version === undefined || tableSize === undefined) return bad('version or table size are missing');
  return { version: `${version >> 16}.${(version >> 8) & 0xff}.${version & 0xff}`, tableSize };
}
