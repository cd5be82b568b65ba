/**
 * IPVS over generic netlink (linux/ip_vs.h, net/netfilter/ipvs/ip_vs_ctl.c): requests from the values of ipvs/types.ts, and the
 * values in the kernel's replies. A message is nlmsghdr, genlmsghdr (command u8, version u8, reserved u16), attributes.
 */
import { addressBits, type Family, familyOf, type Ip, ipBytes, ipFromBytes, writeIp } from '../base/ip.js';
import type { Counters, Destination, KernelDestination, Operation, ServiceAttributes, ServiceId } from '../ipvs/types.js';
import {
  type DecodeError,
  placeOf,
  putFields,
  putNest,
  putString,
  putTemplate,
  readFields,
  setValue,
  templateOf,
  type Values,
} from './attributes.js';
import {
  AF_INET,
  AF_INET6,
  afOf,
  COMMAND,
  COUNTERS,
  DAEMON,
  DEST,
  FLAG_HASHED,
  FORWARD,
  FORWARD_MASK,
  FORWARD_NAMES,
  GENL_VERSION,
  INFO,
  PROTOCOL_NAMES,
  PROTOCOLS,
  readAddress,
  readNetmask,
  SERVICE,
  STATS,
  STATS64,
  TOP,
  wireNetmask,
} from './ipvs-attributes.js';
import {
  beginMessage,
  beginNest,
  endMessage,
  endNest,
  HEADER_LENGTH,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  putBytes,
  setHeader,
  type Writer,
} from './netlink.js';

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

/* ---- requests ---- */

const ANY_ADDRESS = new Uint8Array(16);
const SERVICE_ADDRESS = templateOf(SERVICE, { family: 0, protocol: 0, address: ANY_ADDRESS, port: 0 });
const SERVICE_MARK = templateOf(SERVICE, { family: 0, fwmark: 0 });
const SERVICE_REST = templateOf(SERVICE, { flags: 0, timeout: 0, netmask: 0 });

/** The attributes that name a service. */
function putId(writer: Writer, id: ServiceId): void {
  const template = id.kind === 'fwmark' ? SERVICE_MARK : SERVICE_ADDRESS;
  const start = putTemplate(writer, template);
  setValue(writer, start, template, 'family', afOf(id.family));
  if (id.kind === 'fwmark') return setValue(writer, start, template, 'fwmark', id.fwmark);
  setValue(writer, start, template, 'protocol', PROTOCOLS[id.protocol]);
  writeIp(id.address, writer.bytes, placeOf(start, template, 'address'));
  setValue(writer, start, template, 'port', id.port);
}

function putServiceId(writer: Writer, id: ServiceId): void {
  const nest = beginNest(writer, TOP.service[0]);
  putId(writer, id);
  endNest(writer, nest);
}

function putService(writer: Writer, { id, scheduler, flags, timeout, prefix, pe }: ServiceAttributes & { id: ServiceId }): void {
  const nest = beginNest(writer, TOP.service[0]);
  putId(writer, id);
  putString(writer, SERVICE.scheduler[0], scheduler);
  const start = putTemplate(writer, SERVICE_REST);
  setValue(writer, start, SERVICE_REST, 'flags', flags);
  setValue(writer, start, SERVICE_REST, 'timeout', timeout);
  setValue(writer, start, SERVICE_REST, 'netmask', wireNetmask(id.family, prefix));
  if (pe !== '') putString(writer, SERVICE.pe[0], pe);
  endNest(writer, nest);
}

/** The family is always sent: without it an IPv6 address on an IPv4 service is taken for an IPv4 one. */
const DEST_ID = { address: ANY_ADDRESS, port: 0, family: 0 };
const DEST_PLAIN = { ...DEST_ID, forward: 0, weight: 0, upper: 0, lower: 0 };
const TEMPLATES = {
  id: templateOf(DEST, DEST_ID),
  plain: templateOf(DEST, DEST_PLAIN),
  tunnel: templateOf(DEST, { ...DEST_PLAIN, tunType: 0, tunPort: 0, tunFlags: 0 }),
};
type Shape = keyof typeof TEMPLATES;

function fillDest(writer: Writer, start: number, dest: Destination, shape: Shape): void {
  const template = TEMPLATES[shape];
  writeIp(dest.address, writer.bytes, placeOf(start, template, 'address'));
  setValue(writer, start, template, 'port', dest.port);
  setValue(writer, start, template, 'family', afOf(familyOf(dest.address)));
  if (shape === 'id') return;
  setValue(writer, start, template, 'forward', FORWARD[dest.forward]);
  setValue(writer, start, template, 'weight', dest.weight);
  setValue(writer, start, template, 'upper', dest.upper);
  setValue(writer, start, template, 'lower', dest.lower);
  if (shape === 'plain') return;
  setValue(writer, start, template, 'tunType', dest.tunType);
  setValue(writer, start, template, 'tunPort', dest.tunPort);
  setValue(writer, start, template, 'tunFlags', dest.tunFlags);
}

function begin(writer: Writer, familyId: number, command: number, flags: number, sequence: number): number {
  const start = beginMessage(writer, familyId, NLM_F_REQUEST | flags, sequence);
  putBytes(writer, Uint8Array.of(command, GENL_VERSION, 0, 0));
  return start;
}

/** By the id itself: the real servers of a service are nearly all that a table is, and their requests share all but some values. */
const requests = new WeakMap<ServiceId, { [S in Shape]?: Uint8Array }>();

/** A request about a destination of this service, for values to be filled in; the destination's template is its end. */
function putRequest(writer: Writer, id: ServiceId, shape: Shape): void {
  let known = requests.get(id);
  if (!known) {
    known = {};
    requests.set(id, known);
  }
  if (known[shape]) return putBytes(writer, known[shape]);
  const start = begin(writer, 0, 0, 0, 0);
  putServiceId(writer, id);
  const nest = beginNest(writer, TOP.dest[0]);
  putTemplate(writer, TEMPLATES[shape]);
  endNest(writer, nest);
  endMessage(writer, start);
  known[shape] = writer.bytes.slice(start, writer.length);
}

type DestOperation = Extract<Operation, { dest: Destination }>;

function putDest(writer: Writer, familyId: number, sequence: number, { kind, id, dest }: DestOperation, flags: number): void {
  const shape = kind === 'del-dest' ? 'id' : dest.tunType === 0 ? 'plain' : 'tunnel';
  const start = writer.length;
  putRequest(writer, id, shape);
  setHeader(writer, start, familyId, NLM_F_REQUEST | flags, sequence);
  writer.bytes[start + HEADER_LENGTH] = OPERATION_COMMAND[kind];
  fillDest(writer, writer.length - TEMPLATES[shape].bytes.length, dest, shape);
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
  const flags = ack ? NLM_F_ACK : 0;
  if ('dest' in operation) return putDest(writer, familyId, sequence, operation, flags);
  const start = begin(writer, familyId, OPERATION_COMMAND[operation.kind], flags, sequence);
  if ('service' in operation) putService(writer, operation.service);
  else putServiceId(writer, operation.id);
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
  if ('id' in query) putServiceId(writer, query.id);
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
  const protocol = PROTOCOL_NAMES.get(fields.protocol ?? 0);
  if (!protocol) return bad(`protocol ${fields.protocol}`);
  if (!fields.address || fields.port === undefined) return bad('a service without address or port');
  return { kind: 'address', family, protocol, address: readAddress(fields.address, family), port: fields.port };
}

export function readService(payload: Uint8Array, counters = true): ServiceReply | DecodeError {
  const nest = nestOf(payload, 'service');
  if (!(nest instanceof Uint8Array)) return nest;
  const fields = readFields(nest, SERVICE);
  if (isMalformed(fields)) return fields;
  const id = readId(fields);
  if (isMalformed(id)) return id;
  const { scheduler, flags, netmask, timeout = 0, pe = '' } = fields;
  if (scheduler === undefined || flags === undefined) return bad('a service without scheduler or flags');
  const prefix = netmask === undefined ? addressBits(id.family) : readNetmask(id.family, netmask);
  const stats = counters ? readCounters(nest) : undefined;
  return { id, scheduler, flags: (flags & ~FLAG_HASHED) >>> 0, timeout, prefix, pe, stats };
}

/** The wide counters where the kernel has them. */
function readCounters(nest: Uint8Array): Counters | undefined {
  const nests = readFields(nest, COUNTERS);
  if (isMalformed(nests)) return undefined;
  const fields = nests.stats64 ? readFields(nests.stats64, STATS64) : nests.stats && readFields(nests.stats, STATS);
  if (!fields || isMalformed(fields)) return undefined;
  const counters: Record<string, bigint> = {};
  for (const name of Object.keys(STATS64) as (keyof Counters)[]) counters[name] = BigInt(fields[name] ?? 0);
  return counters as unknown as Counters;
}

/** `serviceFamily` stands in on kernels before 3.18, which have no family of destinations. */
export function readDestination(payload: Uint8Array, serviceFamily: Family, counters = true): KernelDestination | DecodeError {
  const nest = nestOf(payload, 'dest');
  if (!(nest instanceof Uint8Array)) return nest;
  const fields = readFields(nest, DEST);
  if (isMalformed(fields)) return fields;
  const { address, port, forward, weight } = fields;
  if (!address || port === undefined || forward === undefined || weight === undefined)
    return bad('a destination without address, port, method or weight');
  const method = FORWARD_NAMES[forward & FORWARD_MASK];
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
    stats: counters ? readCounters(nest) : undefined,
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
