/**
 * Neighbour advertisements (RFC 4861 section 4.4) with a target link-layer address option: the IPv6 counterpart of a gratuitous ARP.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +---------------+---------------+-------------------------------+
 *   |   Type 136    |     Code 0    |            Checksum           |   over the IPv6 pseudo-header too
 *   +-+-+-+---------+---------------+-------------------------------+
 *   |R|S|O|                       reserved                          |   router, solicited, override
 *   +-+-+-+---------------------------------------------------------+
 *   |                    Target address (16 bytes)                  |
 *   +---------------+---------------+-------------------------------+
 *   |    Type 2     |    Length 1   |      MAC (6 bytes) …          |
 *   +---------------+---------------+-------------------------------+
 */
import { viewOf } from '../base/bytes.js';
import { checksum16 } from '../base/checksum.js';
import { type Ip, ipBytes, ipFromBytes } from '../base/ip.js';

export const ETHERTYPE_IPV6 = 0x86dd;
export const ND_NEIGHBOR_SOLICIT = 135;
export const ND_NEIGHBOR_ADVERT = 136;

const IPPROTO_ICMPV6 = 58;
const ALL_NODES: Ip = 'ff02::1';
const ALL_NODES_MAC = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1);
const ETHERNET = 14;
const IP6 = 40;
const ADVERT = 24;
const OPTION_SOURCE_MAC = 1;
const OPTION_TARGET_MAC = 2;

const ROUTER = 0x80;
const SOLICITED = 0x40;
const OVERRIDE = 0x20;

export interface NeighborAdvert {
  readonly target: Ip;
  readonly router: boolean;
  readonly solicited: boolean;
  readonly override: boolean;
  /** Six bytes; undefined when the option is not there. */
  readonly mac: Uint8Array | undefined;
}

function pseudoHeader(source: Uint8Array, destination: Uint8Array, length: number): Uint8Array {
  const bytes = new Uint8Array(IP6);
  bytes.set(source, 0);
  bytes.set(destination, 16);
  viewOf(bytes).setUint32(32, length);
  bytes[39] = IPPROTO_ICMPV6;
  return bytes;
}

/** The ICMPv6 message, its checksum for this source and destination filled in. */
export function encodeNeighborAdvert(advert: NeighborAdvert, source: Ip, destination: Ip): Uint8Array {
  const bytes = new Uint8Array(ADVERT + (advert.mac ? 8 : 0));
  bytes[0] = ND_NEIGHBOR_ADVERT;
  bytes[4] = (advert.router ? ROUTER : 0) | (advert.solicited ? SOLICITED : 0) | (advert.override ? OVERRIDE : 0);
  bytes.set(ipBytes(advert.target), 8);
  if (advert.mac) {
    bytes[ADVERT] = OPTION_TARGET_MAC;
    bytes[ADVERT + 1] = 1;
    bytes.set(advert.mac, ADVERT + 2);
  }
  viewOf(bytes).setUint16(2, checksum16(pseudoHeader(ipBytes(source), ipBytes(destination), bytes.length), bytes));
  return bytes;
}

/**
 * The Ethernet frame that tells all nodes of the link: `ip` is at `mac` from now on (RFC 9568 section 6.4.2: S=0, O=1). The router
 * flag must tell the truth about the host: a neighbour that sees it cleared forgets its default route through us.
 */
export function unsolicitedNeighborAdvert(mac: Uint8Array, ip: Ip, router: boolean): Uint8Array {
  const message = encodeNeighborAdvert({ target: ip, router, solicited: false, override: true, mac }, ip, ALL_NODES);
  return frameOf(mac, ip, ALL_NODES_MAC, ALL_NODES, message);
}

/** A whole frame of IPv6 around an ICMPv6 message, with the hop limit that neighbour discovery asks for. */
function frameOf(mac: Uint8Array, source: Ip, to: Uint8Array, destination: Ip, message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(ETHERNET + IP6 + message.length);
  const view = viewOf(bytes);
  bytes.set(to, 0);
  bytes.set(mac, 6);
  view.setUint16(12, ETHERTYPE_IPV6);
  view.setUint32(ETHERNET, 0x60000000);
  view.setUint16(ETHERNET + 4, message.length);
  bytes[ETHERNET + 6] = IPPROTO_ICMPV6;
  bytes[ETHERNET + 7] = 255;
  bytes.set(ipBytes(source), ETHERNET + 8);
  bytes.set(ipBytes(destination), ETHERNET + 24);
  bytes.set(message, ETHERNET + IP6);
  return bytes;
}

/**
 * The frame by which `source` at `mac` asks who has `target` (RFC 4861 section 4.3), to the group of the target's last 24 bits (RFC 4291
 * section 2.7.1). Its source link-layer address option sets the entry of `source` with whoever answers.
 */
export function neighborSolicit(mac: Uint8Array, source: Ip, target: Ip): Uint8Array {
  const last = ipBytes(target).subarray(13);
  const group = Uint8Array.of(0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ...last);
  const destination = ipFromBytes(group);
  const message = new Uint8Array(ADVERT + 8);
  message[0] = ND_NEIGHBOR_SOLICIT;
  message.set(ipBytes(target), 8);
  message[ADVERT] = OPTION_SOURCE_MAC;
  message[ADVERT + 1] = 1;
  message.set(mac, ADVERT + 2);
  viewOf(message).setUint16(2, checksum16(pseudoHeader(ipBytes(source), group, message.length), message));
  return frameOf(mac, source, Uint8Array.of(0x33, 0x33, ...group.subarray(12)), destination, message);
}

/** Options end where one is cut short or has length 0 (RFC 4861 section 4.6); undefined then, as when there is none of this type. */
function macOption(bytes: Uint8Array): Uint8Array | undefined {
  for (let at = ADVERT; at + 2 <= bytes.length; ) {
    const length = 8 * (bytes[at + 1] as number);
    if (length === 0 || at + length > bytes.length) return undefined;
    if (bytes[at] === OPTION_TARGET_MAC && length === 8) return bytes.slice(at + 2, at + 8);
    at += length;
  }
  return undefined;
}

/**
 * The advertisement in an ICMPv6 message whose checksum the kernel has verified; undefined when it is none. The caller checks the
 * hop limit: it must be 255 (RFC 4861 section 7.1.2).
 */
export function parseNeighborAdvert(bytes: Uint8Array): NeighborAdvert | undefined {
  if (bytes.length < ADVERT || bytes[0] !== ND_NEIGHBOR_ADVERT || bytes[1] !== 0) return undefined;
  const flags = bytes[4] as number;
  return {
    target: ipFromBytes(bytes.subarray(8, 24)),
    router: (flags & ROUTER) !== 0,
    solicited: (flags & SOLICITED) !== 0,
    override: (flags & OVERRIDE) !== 0,
    mac: macOption(bytes),
  };
}

/** The same from a whole Ethernet frame, checksum and hop limit judged here. */
export function parseNeighborAdvertFrame(frame: Uint8Array): NeighborAdvert | undefined {
  if (frame.length < ETHERNET + IP6 + ADVERT) return undefined;
  const view = viewOf(frame);
  const length = view.getUint16(ETHERNET + 4);
  if (view.getUint16(12) !== ETHERTYPE_IPV6 || frame[ETHERNET + 6] !== IPPROTO_ICMPV6 || frame[ETHERNET + 7] !== 255)
    return undefined;
  if (ETHERNET + IP6 + length > frame.length) return undefined;
  const message = frame.subarray(ETHERNET + IP6, ETHERNET + IP6 + length);
  const source = frame.subarray(ETHERNET + 8, ETHERNET + 24);
  const destination = frame.subarray(ETHERNET + 24, ETHERNET + 40);
  return checksum16(pseudoHeader(source, destination, length), message) === 0 ? parseNeighborAdvert(message) : undefined;
}
