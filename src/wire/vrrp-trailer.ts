/**
 * The trailer that signs an advert: HMAC-SHA256 cut to 128 bits, with a sequence number that is a time. draft-cassen-vrrp-auth-hmac, as
 * keepalived has it since 2.4.2; 2.4.0 and 2.4.1 signed other bytes, and their adverts do not verify.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +---------------+---------------+-------------------------------+
 *   |   Type (1)    |     Key ID    |          Reserved (0)         |
 *   +---------------+---------------+-------------------------------+
 *   |                 Seconds since 1970, in UTC                    |   sequence number, 64 bits
 *   +-------------------------------+-------------------------------+
 *   |   Fraction (1/65536 s)        |            Counter            |
 *   +-------------------------------+-------------------------------+
 *   |                 First 16 bytes of the HMAC                    |
 *   +---------------------------------------------------------------+
 *
 * Signed are 20 bytes that stand for what is around the message (address family 4 or 6, VRRP version, VRID, zero, source address padded
 * with zeros), the message with a checksum of zero, the trailer before the HMAC, and 16 zeros in its place. The destination is not in it: one
 * signature serves all peers. There is no mark of it in the message: it is 28 bytes more than the message needs.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { viewOf } from '../base/bytes.js';
import { familyOf, type Ip, ipBytes } from '../base/ip.js';

/** Length of the trailer. */
export const TRAILER = 28;
/** HMAC-SHA256, the first 128 bits of it. */
export const TRAILER_TYPE = 1;
/** Bytes of a key. */
export const SHORTEST_KEY = 32;
export const LONGEST_KEY = 64;

const TAG = 16;
const CHECKSUM = 6;
const ZEROS = new Uint8Array(TAG);

export interface Trailer {
  readonly type: number;
  readonly keyId: number;
  readonly reserved: number;
  /** 0 to 2^64 - 1. */
  readonly sequence: bigint;
}

/** `signed`: a message with its trailer, here and below. */
export function readTrailer(signed: Uint8Array): Trailer {
  const view = viewOf(signed.subarray(signed.length - TRAILER));
  return { type: view.getUint8(0), keyId: view.getUint8(1), reserved: view.getUint16(2), sequence: view.getBigUint64(4) };
}

function tagOf(signed: Uint8Array, source: Ip, key: Uint8Array): Uint8Array {
  const around = new Uint8Array(20);
  around[0] = familyOf(source);
  around[1] = (signed[0] as number) >> 4;
  around[2] = signed[1] as number;
  around.set(ipBytes(source), 4);
  const hmac = createHmac('sha256', key)
    .update(around)
    .update(signed.subarray(0, CHECKSUM))
    .update(ZEROS.subarray(0, 2))
    .update(signed.subarray(CHECKSUM + 2, signed.length - TAG))
    .update(ZEROS);
  return hmac.digest().subarray(0, TAG);
}

/** Fills in the trailer, for which `signed` has room. `key`: 32 to 64 bytes. */
export function signAdvert(signed: Uint8Array, source: Ip, keyId: number, key: Uint8Array, sequence: bigint): void {
  const trailer = signed.subarray(signed.length - TRAILER);
  trailer.set([TRAILER_TYPE, keyId, 0, 0]);
  viewOf(trailer).setBigUint64(4, sequence);
  trailer.set(tagOf(signed, source, key), TRAILER - TAG);
}

/** Takes as long for a tag that is wrong at the end as for one that is wrong at the beginning. */
export const isSignedWith = (signed: Uint8Array, source: Ip, key: Uint8Array): boolean =>
  timingSafeEqual(signed.subarray(signed.length - TAG), tagOf(signed, source, key));
