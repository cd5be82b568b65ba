/**
 * What IPVS says and is told (linux/ip_vs.h): commands, attributes by nest, and values whose bytes are not plain numbers. One table a
 * nest serves its encoder and its decoder.
 */
import { HOST_LITTLE_ENDIAN as HOST } from '../base/bytes.js';
import { type Family, type Ip, ipFromBytes } from '../base/ip.js';
import type { ForwardMethod, IpvsProtocol } from '../ipvs/types.js';
import type { Fields } from './attributes.js';

export const IPVS_FAMILY = 'IPVS';
export const GENL_VERSION = 1;

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
export const TOP = {
  service: [1, 'nest'],
  dest: [2, 'nest'],
  daemon: [3, 'nest'],
  timeoutTcp: [4, 'u32'],
  timeoutTcpFin: [5, 'u32'],
  timeoutUdp: [6, 'u32'],
} as const satisfies Fields;

/** IPVS_SVC_ATTR_* but the counters. */
export const SERVICE = {
  family: [1, 'u16'],
  protocol: [2, 'u16'],
  address: [3, 'bytes', 16],
  port: [4, 'u16be'],
  fwmark: [5, 'u32'],
  scheduler: [6, 'string'],
  flags: [7, 'masked'],
  timeout: [8, 'u32'],
  netmask: [9, 'u32'],
  pe: [11, 'string'],
} as const satisfies Fields;

/** IPVS_DEST_ATTR_* but the counters. */
export const DEST = {
  address: [1, 'bytes', 16],
  port: [2, 'u16be'],
  forward: [3, 'u32'],
  weight: [4, 'i32'],
  upper: [5, 'u32'],
  lower: [6, 'u32'],
  active: [7, 'u32'],
  inactive: [8, 'u32'],
  persistent: [9, 'u32'],
  family: [11, 'u16'],
  tunType: [13, 'u8'],
  tunPort: [14, 'u16be'],
  tunFlags: [15, 'u16'],
} as const satisfies Fields;

/** IPVS_SVC_ATTR_STATS and IPVS_DEST_ATTR_STATS with their wide forms: the greater part of a reply, read by whoever asks for it. */
export const COUNTERS = { stats: [10, 'nest'], stats64: [12, 'nest'] } as const satisfies Fields;

/** IPVS_DAEMON_ATTR_*. */
export const DAEMON = {
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
export const STATS = {
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
export const STATS64 = {
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
export const INFO = { version: [1, 'u32'], tableSize: [2, 'u32'] } as const satisfies Fields;

export const AF_INET = 2;
export const AF_INET6 = 10;
export const PROTOCOLS: Readonly<Record<IpvsProtocol, number>> = { tcp: 6, udp: 17, sctp: 132 };
export const PROTOCOL_NAMES: ReadonlyMap<number, IpvsProtocol> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
]);
/** IP_VS_CONN_F_*: what users may ask for; 1 (local) and 4 (bypass) are the kernel's own. */
export const FORWARD: Readonly<Record<ForwardMethod, number>> = { nat: 0, tun: 2, dr: 3 };
export const FORWARD_MASK = 7;
/** By number. */
export const FORWARD_NAMES: readonly (ForwardMethod | undefined)[] = ['nat', undefined, 'tun', 'dr'];
/** IP_VS_SVC_F_HASHED is the kernel's own mark on every service. */
export const FLAG_HASHED = 0x02;

export const afOf = (family: Family): number => (family === 4 ? AF_INET : AF_INET6);

/** An address takes 16 bytes on the wire, an IPv4 one the first four of them. */
export const readAddress = (bytes: Uint8Array, family: Family): Ip => ipFromBytes(bytes.subarray(0, family === 4 ? 4 : 16));

/** A number whose bytes in host order are those of `value` in network order, and the other way round. */
function networkOrder(value: number): number {
  if (!HOST) return value;
  return ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

/** IPv4: the mask in network order. IPv6: the prefix length as a number in host order. */
export function wireNetmask(family: Family, prefix: number): number {
  if (family === 6) return prefix;
  return prefix === 0 ? 0 : networkOrder((0xffffffff << (32 - prefix)) >>> 0);
}

export function readNetmask(family: Family, value: number): number {
  if (family === 6) return value;
  let bits = 0;
  for (let mask = networkOrder(value); mask & 0x80000000; mask <<= 1) bits++;
  return bits;
}
