/**
 * A digest of the destinations in a dump, over all that defines them and not over what they count: whoever knows the digest of a list that was
 * as wanted need not decode it again. Two mixed words of 32 bits: two lists that differ have the same one once in 2^64.
 */
import type { Field } from './attributes.js';
import { COUNTERS, DEST, TOP } from './ipvs-attributes.js';
import { u16At, u32At } from './netlink.js';

export interface Digest {
  a: number;
  b: number;
  count: number;
}

export const newDigest = (): Digest => ({ a: 0x9e3779b1 | 0, b: 0x85ebca77 | 0, count: 0 });

export const digestText = ({ a, b, count }: Digest): string => `${count}/${a}/${b}`;

const numberOf = ([number]: Field): number => number;
const COUNTING = new Set([DEST.active, DEST.inactive, DEST.persistent, ...Object.values(COUNTERS)].map(numberOf));
/** By attribute number. */
const SKIPPED: readonly boolean[] = Array.from({ length: 64 }, (_, number) => COUNTING.has(number));
const GENL_HEADER = 4;
const ATTRIBUTE_HEADER = 4;
const TYPE_MASK = 0x3fff;

function mix(digest: Digest, word: number): void {
  let a = Math.imul(digest.a ^ word, 0x9e3779b1);
  a ^= a >>> 15;
  let b = Math.imul(digest.b ^ word, 0x85ebca77);
  b ^= b >>> 13;
  digest.a = a;
  digest.b = b;
}

/** Adds one destination, by the payload of its message; false when it is none that can be read. */
export function digestDestination(payload: Uint8Array, digest: Digest): boolean {
  const start = GENL_HEADER + ATTRIBUTE_HEADER;
  if (payload.length < start || (u16At(payload, GENL_HEADER + 2) & TYPE_MASK) !== numberOf(TOP.dest)) return false;
  const end = GENL_HEADER + u16At(payload, GENL_HEADER);
  if (end > payload.length) return false;
  digest.count += 1;
  mix(digest, end);
  for (let at = start; at + ATTRIBUTE_HEADER <= end; ) {
    const length = u16At(payload, at);
    const next = at + ((length + 3) & ~3);
    if (length < ATTRIBUTE_HEADER || next > payload.length) return false;
    if (!SKIPPED[u16At(payload, at + 2) & TYPE_MASK]) for (; at < next; at += 4) mix(digest, u32At(payload, at));
    at = next;
  }
  return true;
}
