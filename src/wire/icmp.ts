/**
 * ICMP (RFC 792) and ICMPv6 (RFC 4443): the echo request, its reply, and the errors that a router or a host sends about one.
 * Bytes begin with the ICMP header; a raw IPv4 socket gives the IP header too, see stripIp4.
 */
import { viewOf } from '../base/bytes.js';
import { checksum16 } from '../base/checksum.js';
import { type Family, type Ip, ipFromBytes } from '../base/ip.js';

export const IPPROTO_ICMP = 1;
export const IPPROTO_ICMPV6 = 58;

interface Numbers {
  readonly request: number;
  readonly reply: number;
  readonly unreachable: number;
  readonly timeExceeded: number;
}

export const ICMP_TYPES: Readonly<Record<Family, Numbers>> = {
  4: { request: 8, reply: 0, unreachable: 3, timeExceeded: 11 },
  6: { request: 128, reply: 129, unreachable: 1, timeExceeded: 3 },
};

const HEADER = 8;
const IP6_HEADER = 40;

export interface Echo {
  /** 0..65535. A ping socket replaces it by its own. */
  readonly id: number;
  /** 0..65535. */
  readonly sequence: number;
  readonly data: Uint8Array;
}

export type IcmpMessage =
  | ({ readonly kind: 'reply' } & Echo)
  /** An error about an echo request that went to `destination`. */
  | {
      readonly kind: 'error';
      readonly type: number;
      readonly code: number;
      readonly destination: Ip;
      readonly id: number;
      readonly sequence: number;
    };

/** An echo request. Over IPv6 the checksum stays 0: the kernel fills it in, for it alone knows the source address. */
export function encodeEchoRequest(family: Family, echo: Echo): Uint8Array {
  const bytes = new Uint8Array(HEADER + echo.data.length);
  const view = viewOf(bytes);
  bytes[0] = ICMP_TYPES[family].request;
  view.setUint16(4, echo.id);
  view.setUint16(6, echo.sequence);
  bytes.set(echo.data, HEADER);
  if (family === 4) view.setUint16(2, checksum16(bytes));
  return bytes;
}

/** What follows the IPv4 header (RFC 791); undefined when the bytes are no IPv4 packet with an ICMP payload. */
export function stripIp4(bytes: Uint8Array): Uint8Array | undefined {
  const length = ((bytes[0] ?? 0) & 15) * 4;
  if (bytes.length < length || length < 20 || (bytes[0] as number) >> 4 !== 4 || bytes[9] !== IPPROTO_ICMP) return undefined;
  return bytes.subarray(length);
}

/** The request quoted in an error: its destination and what follows its IP header. */
function quoted(family: Family, bytes: Uint8Array): { destination: Ip; icmp: Uint8Array } | undefined {
  if (family === 4) {
    const icmp = stripIp4(bytes);
    return icmp && { destination: ipFromBytes(bytes.subarray(16, 20)), icmp };
  }
  if (bytes.length < IP6_HEADER || bytes[6] !== IPPROTO_ICMPV6) return undefined;
  return { destination: ipFromBytes(bytes.subarray(24, 40)), icmp: bytes.subarray(IP6_HEADER) };
}

/** Identifier and sequence number of an echo request, also of one cut after its header; undefined for anything else. */
export function readEchoRequest(family: Family, icmp: Uint8Array): { id: number; sequence: number } | undefined {
  if (icmp.length < HEADER || icmp[0] !== ICMP_TYPES[family].request) return undefined;
  const view = viewOf(icmp);
  return { id: view.getUint16(4), sequence: view.getUint16(6) };
}

function decodeError(family: Family, icmp: Uint8Array): IcmpMessage | undefined {
  const about = quoted(family, icmp.subarray(HEADER));
  const request = about && readEchoRequest(family, about.icmp);
  if (!request) return undefined;
  return { kind: 'error', type: icmp[0] as number, code: icmp[1] as number, destination: about.destination, ...request };
}

/** A reply or an error about an echo request; undefined for everything else and for a wrong IPv4 checksum. */
export function decodeIcmp(family: Family, icmp: Uint8Array): IcmpMessage | undefined {
  if (icmp.length < HEADER) return undefined;
  if (family === 4 && checksum16(icmp) !== 0) return undefined;
  const types = ICMP_TYPES[family];
  if (icmp[0] === types.unreachable || icmp[0] === types.timeExceeded) return decodeError(family, icmp);
  if (icmp[0] !== types.reply) return undefined;
  const view = viewOf(icmp);
  return { kind: 'reply', id: view.getUint16(4), sequence: view.getUint16(6), data: icmp.subarray(HEADER) };
}

const UNREACHABLE: Readonly<Record<Family, Readonly<Record<number, string>>>> = {
  4: {
    0: 'network unreachable',
    1: 'host unreachable',
    2: 'protocol unreachable',
    3: 'port unreachable',
    9: 'network administratively prohibited',
    10: 'host administratively prohibited',
    13: 'communication administratively prohibited',
  },
  6: {
    0: 'no route to the destination',
    1: 'administratively prohibited',
    2: 'beyond the scope of the source address',
    3: 'address unreachable',
    4: 'port unreachable',
    5: 'source address refused',
    6: 'reject route',
  },
};

/** `host unreachable`, `time to live exceeded`, …: the words for an error's type and code. */
export function icmpErrorText(family: Family, type: number, code: number): string {
  if (type === ICMP_TYPES[family].timeExceeded) return 'time to live exceeded';
  return UNREACHABLE[family][code] ?? `destination unreachable (code ${code})`;
}
