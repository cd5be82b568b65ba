/**
 * A server as half-open probes see it: what is the same of all SYNs to it, made once. The source address is the kernel's choice, asked for
 * anew after a while, and after whatever was no success: the host's addresses may have changed.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { type Family, familyOf, formatEndpoint, type Ip, ipBytes } from '../../base/ip.js';
import type { Instant } from '../../base/time.js';
import { encodeIpv4 } from '../../wire/ipv4.js';
import { IPPROTO_TCP, synTemplate } from '../../wire/tcp.js';
import { native } from '../native.js';
import { inetAddress, readInetAddress } from '../sockaddr.js';
import { sockaddrOf } from './socket.js';
import type { Target } from './types.js';

export interface Route {
  /** The server's address in network order, and its port. */
  readonly address: Uint8Array;
  readonly port: number;
  /** What sendMany takes: a sockaddr, then the SYN, over IPv4 with its IP header, but for sequence number and checksum. */
  readonly record: Uint8Array;
  readonly sum: number;
  /** Keyed hash of the server: our sequence numbers to it are this one less multiples of STEP. */
  readonly base: number;
  readonly source: Ip;
  askedAt: Instant;
  /** The source address has to be asked for before the next probe. */
  stale: boolean;
}

/** Of what the probes of one socket leave with. */
export interface Departure {
  readonly family: Family;
  readonly port: number;
  /** A UDP socket that is asked which source address the kernel would take, and whether there is a way; undefined: `source` is given. */
  readonly chooser: number | undefined;
  readonly source: Ip | undefined;
}

/** A source address is believed so long: as long as there are answers it is right, so that this is for a better one. */
export const ROUTE_MS = 60_000;
/**
 * From one sequence number to the next, downwards: a server that still has an earlier SYN of ours must not find the new one in its
 * window (65,535 bytes from there on), or it would answer with a RST as if nobody listened (RFC 9293 section 3.10.7.4).
 */
export const STEP = 0x1_0000;
const TTL = 64;
/** For 0 the kernel would look for one, and a packet that is smaller than any link's least needs none (RFC 6864). */
const IP_ID = 1;
const IP4_HEADER = 20;
const SYN_LENGTH = 24;
const SOCKADDR: Readonly<Record<Family, number>> = { 4: 16, 6: 28 };

/** How the records of a family are laid out: bytes of the sockaddr, where the TCP header begins, and bytes in all. */
export interface Layout {
  readonly address: number;
  readonly segment: number;
  readonly size: number;
}
const layout = (address: number, header: number): Layout => ({
  address,
  segment: address + header,
  size: address + header + SYN_LENGTH,
});
export const LAYOUT: Readonly<Record<Family, Layout>> = { 4: layout(SOCKADDR[4], IP4_HEADER), 6: layout(SOCKADDR[6], 0) };

/** A connected UDP socket forgets its source address when it is connected to this: AF_UNSPEC. */
const NOWHERE = new Uint8Array(16);
/** Nobody who does not see our packets can forge an answer to them. */
const secret = randomBytes(32);

/** The source address that the kernel would take to there, or a negative errno: there is no way. */
function chooseSource({ chooser, source }: Departure, target: Target): Ip | number {
  if (chooser === undefined) return source as Ip;
  native.connect(chooser, NOWHERE);
  const answer = native.connect(chooser, sockaddrOf(target));
  if (answer !== 0) return answer;
  return readInetAddress(native.getsockname(chooser))?.address as Ip;
}

/** See Route.base. */
export function baseOf({ port: from }: Departure, address: Ip, port: number): number {
  return createHmac('sha256', secret)
    .update(`${formatEndpoint(address, port)} ${from}`)
    .digest()
    .readUInt32BE();
}

function makeRoute(departure: Departure, { address, port }: Target, source: Ip, now: Instant): Route {
  const family = familyOf(address);
  const template = synTemplate({ source, destination: address, sourcePort: departure.port, destinationPort: port });
  const ip = { tos: 0, id: IP_ID, ttl: TTL, protocol: IPPROTO_TCP, source, destination: address, payload: template.bytes };
  const record = new Uint8Array(LAYOUT[family].size);
  record.set(inetAddress(address, 0));
  record.set(family === 4 ? encodeIpv4(ip) : template.bytes, LAYOUT[family].address);
  return {
    address: ipBytes(address),
    port,
    record,
    sum: template.sum,
    base: baseOf(departure, address, port),
    source,
    askedAt: now,
    stale: false,
  };
}

/** How the server is reached now, or a negative errno. `before`: how it was reached so far. */
export function findRoute(departure: Departure, target: Target, before: Route | undefined, now: Instant): Route | number {
  const source = chooseSource(departure, target);
  if (typeof source === 'number') return source;
  if (before?.source !== source) return makeRoute(departure, target, source, now);
  before.askedAt = now;
  before.stale = false;
  return before;
}
