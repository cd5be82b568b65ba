/**
 * VRRP advertisements: version 2 (RFC 3768, with the simple text password of RFC 2338) and version 3 (RFC 9568, RFC 5798). This file
 * judges bytes alone; what needs the configuration (version, VRID, password, interval) is judged in vrrp/admit.ts.
 *
 * Version 2, IPv4 only (RFC 3768 section 5.1):
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-------+-------+---------------+---------------+---------------+
 *   |Vers. 2| Type 1| Virtual Rtr ID|    Priority   | Count of addrs|
 *   +-------+-------+---------------+---------------+---------------+
 *   |   Auth Type   | Interval (s)  |            Checksum           |
 *   +---------------+---------------+-------------------------------+
 *   |                    IPv4 addresses (4n bytes)                  |
 *   +---------------------------------------------------------------+
 *   |           Authentication data (8 bytes, always there)         |
 *   +---------------------------------------------------------------+
 *
 * Version 3 (RFC 9568 section 5.1):
 *
 *   +-------+-------+---------------+---------------+---------------+
 *   |Vers. 3| Type 1| Virtual Rtr ID|    Priority   | Count of addrs|
 *   +-------+-------+---------------+---------------+---------------+
 *   | Rsvd. | Max Advertise Interv. |            Checksum           |   interval in centiseconds, 12 bits
 *   +-------+-----------------------+-------------------------------+
 *   |               IPv4 (4n) or IPv6 (16n bytes) addresses         |   IPv6: the first is link-local
 *   +---------------------------------------------------------------+
 */
import { viewOf } from '../base/bytes.js';
import { checksum16 } from '../base/checksum.js';
import type { Milliseconds } from '../base/duration.js';
import { type Family, familyOf, type Ip, ipBytes, ipFromBytes } from '../base/ip.js';
import { readTrailer, TRAILER, type Trailer } from './vrrp-trailer.js';

/** IP protocol number. */
export const IPPROTO_VRRP = 112;
/** What every advert is sent to, and the TTL or hop limit that it must still have on arrival (RFC 9568 sections 5.1.1, 5.1.2). */
export const VRRP_GROUP: Readonly<Record<Family, Ip>> = { 4: '224.0.0.18', 6: 'ff02::12' };
export const VRRP_TTL = 255;

const HEADER = 8;
const AUTH_DATA = 8;
const TYPE_ADVERTISEMENT = 1;

/** Authentication of version 2 (RFC 2338 section 5.3.6). */
export const AUTH_NONE = 0;
export const AUTH_PASS = 1;

/**
 * What the checksum of a version 3 advert over IPv4 covers. RFC 5798 left it open, RFC 9568 says: the message alone. keepalived sends
 * `pseudo` and, up to 2.2.7, drops the other form.
 */
export type ChecksumForm = 'pseudo' | 'rfc9568';

export interface Advert {
  readonly version: 2 | 3;
  /** 1..255 when sane; not judged here. */
  readonly vrid: number;
  /** 0 leaving, 255 owner. */
  readonly priority: number;
  /** Version 2: whole seconds, 1..255. Version 3: centiseconds, 1..4095. In milliseconds here. */
  readonly interval: Milliseconds;
  /** None: of an instance that has none, which the RFCs do not know (RFC 9568 section 5.2.5: at least one) and keepalived does. */
  readonly addresses: readonly Ip[];
  /** Version 2 only; all zeros for AUTH_NONE. */
  readonly authType: number;
  readonly authData: Uint8Array;
}

/** From and to whom a packet goes: part of the pseudo-header, and of the judgement. */
export interface Flow {
  readonly source: Ip;
  readonly destination: Ip;
}

/** Why bytes are no advert. */
export type AdvertRefusal = 'truncated' | 'version' | 'type' | 'length' | 'checksum' | 'zero-interval';

export type DecodedAdvert =
  /** `trailer`: that of a signed advert, not verified; absent: it is not signed. */
  | { readonly ok: true; readonly advert: Advert; readonly form: ChecksumForm; readonly trailer?: Trailer }
  /** `version` is what the first byte says, whether or not it means anything. */
  | { readonly ok: false; readonly refusal: AdvertRefusal; readonly version: number | undefined };

export const NO_AUTH = new Uint8Array(AUTH_DATA);

/** The 8 bytes of a version 2 password, padded with zeros; what is longer is cut (RFC 2338 section 5.3.10). */
export function passwordData(password: string): Uint8Array {
  const data = new Uint8Array(AUTH_DATA);
  data.set(new TextEncoder().encode(password).subarray(0, AUTH_DATA));
  return data;
}

/** Largest intervals that the formats can carry. */
export const LONGEST_INTERVAL: Readonly<Record<2 | 3, Milliseconds>> = { 2: 255_000, 3: 40_950 };

/** RFC 9568 section 5.2.8: the IPv6 pseudo-header of RFC 8200 section 8.1, or keepalived's 12 bytes for IPv4. */
function pseudoHeader(flow: Flow, length: number): Uint8Array {
  const family = familyOf(flow.source);
  const bytes = new Uint8Array(family === 4 ? 12 : 40);
  const view = viewOf(bytes);
  bytes.set(ipBytes(flow.source), 0);
  bytes.set(ipBytes(flow.destination), family === 4 ? 4 : 16);
  if (family === 4) {
    bytes[9] = IPPROTO_VRRP;
    view.setUint16(10, length);
  } else {
    view.setUint32(32, length);
    bytes[39] = IPPROTO_VRRP;
  }
  return bytes;
}

const withPseudo = (version: number, family: Family, form: ChecksumForm): boolean =>
  version === 3 && (family === 6 || form === 'pseudo');

/** The bytes of an advert, its checksum filled in. The caller keeps to the ranges given at Advert. */
export function encodeAdvert(advert: Advert, flow: Flow, form: ChecksumForm): Uint8Array {
  const bytes = encodeFields(advert, familyOf(flow.source), 0);
  viewOf(bytes).setUint16(6, checksumOf(bytes, advert.version, flow, form));
  return bytes;
}

/** With room for its trailer: what is to be signed, and then sealed. */
export function encodeUnsigned(advert: Advert, flow: Flow, form: ChecksumForm): Uint8Array {
  const family = familyOf(flow.source);
  const bytes = encodeFields(advert, family, TRAILER);
  if (family === 4) viewOf(bytes).setUint16(6, checksumOf(bytes.subarray(0, -TRAILER), advert.version, flow, form));
  return bytes;
}

/** Puts on the trailer that was signed for this message, or for the same one to another destination. */
export function sealAdvert(bytes: Uint8Array, flow: Flow, trailer: Uint8Array): void {
  bytes.set(trailer, bytes.length - TRAILER);
  if (familyOf(flow.source) === 4) return;
  // Over IPv6 the kernel reckons the checksum, and takes all that follows the header for the message.
  viewOf(bytes).setUint16(6, 0);
  viewOf(bytes).setUint16(6, checksumOf(bytes, 3, flow, 'pseudo'));
}

function encodeFields(advert: Advert, family: Family, room: number): Uint8Array {
  const size = family === 4 ? 4 : 16;
  const auth = advert.version === 2 ? AUTH_DATA : 0;
  const bytes = new Uint8Array(HEADER + size * advert.addresses.length + auth + room);
  const view = viewOf(bytes);
  bytes[0] = (advert.version << 4) | TYPE_ADVERTISEMENT;
  bytes[1] = advert.vrid;
  bytes[2] = advert.priority;
  bytes[3] = advert.addresses.length;
  if (advert.version === 2) {
    bytes[4] = advert.authType;
    bytes[5] = Math.round(advert.interval / 1000);
    bytes.set(advert.authData, bytes.length - room - AUTH_DATA);
  } else view.setUint16(4, Math.round(advert.interval / 10) & 0xfff);
  for (const [i, address] of advert.addresses.entries()) bytes.set(ipBytes(address), HEADER + size * i);
  return bytes;
}

function checksumOf(bytes: Uint8Array, version: number, flow: Flow, form: ChecksumForm): number {
  return withPseudo(version, familyOf(flow.source), form)
    ? checksum16(pseudoHeader(flow, bytes.length), bytes)
    : checksum16(bytes);
}

/** A right checksum makes the sum over everything, the field included, come out as zero. */
function formOf(bytes: Uint8Array, version: number, flow: Flow): ChecksumForm | undefined {
  if (checksumOf(bytes, version, flow, 'pseudo') === 0) return 'pseudo';
  if (familyOf(flow.source) === 4 && version === 3 && checksumOf(bytes, version, flow, 'rfc9568') === 0) return 'rfc9568';
  return undefined;
}

/** The VRID that the bytes are for, whatever else is wrong with them; undefined when they end before it. */
export const peekVrid = (bytes: Uint8Array): number | undefined => bytes[1];

/** Reads what follows the IP header. Order of the checks: RFC 9568 section 7.1. */
export function decodeAdvert(bytes: Uint8Array, flow: Flow): DecodedAdvert {
  const version = bytes.length > 0 ? (bytes[0] as number) >> 4 : undefined;
  const refuse = (refusal: AdvertRefusal): DecodedAdvert => ({ ok: false, refusal, version });
  const family = familyOf(flow.source);
  if (bytes.length < HEADER) return refuse('truncated');
  if (version !== 3 && (version !== 2 || family !== 4)) return refuse('version');
  if (((bytes[0] as number) & 15) !== TYPE_ADVERTISEMENT) return refuse('type');
  const count = bytes[3] as number;
  const expected = HEADER + count * (family === 4 ? 4 : 16) + (version === 2 ? AUTH_DATA : 0);
  if (bytes.length < expected) return refuse('truncated');
  const signed = bytes.length === expected + TRAILER;
  if (bytes.length !== expected && !signed) return refuse('length');
  const message = bytes.subarray(0, expected);
  const form = formOf(family === 4 ? message : bytes, version, flow);
  if (!form) return refuse('checksum');
  const advert = readFields(message, version, family, count);
  if (advert.interval === 0) return refuse('zero-interval');
  return { ok: true, advert, form, ...(signed ? { trailer: readTrailer(bytes) } : {}) };
}

function readFields(bytes: Uint8Array, version: 2 | 3, family: Family, count: number): Advert {
  const size = family === 4 ? 4 : 16;
  const addresses: Ip[] = [];
  for (let i = 0; i < count; i++) addresses.push(ipFromBytes(bytes.subarray(HEADER + size * i, HEADER + size * (i + 1))));
  const old = version === 2;
  return {
    version,
    vrid: bytes[1] as number,
    priority: bytes[2] as number,
    // The four reserved bits of version 3 are ignored (RFC 9568 section 5.2.6).
    interval: old ? (bytes[5] as number) * 1000 : (viewOf(bytes).getUint16(4) & 0xfff) * 10,
    addresses,
    authType: old ? (bytes[4] as number) : AUTH_NONE,
    authData: old ? bytes.slice(bytes.length - AUTH_DATA) : NO_AUTH,
  };
}
