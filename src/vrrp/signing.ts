/**
 * Signed adverts (wire/vrrp-trailer.ts): what number the next one has, and which ones count. The number is a time and only grows, so
 * that a restart needs no memory; what was taken once is not taken again.
 */
import type { Ip } from '../base/ip.js';
import type { SigningConfig } from '../config/types.js';
import type { Trailer } from '../wire/vrrp-trailer.js';

/**
 * `trailer`: of a form that is not known. `key-id`: signed with a key that is not here. `signature`: not signed with the key of that number.
 * `stale`: of another time than this director's. `replay`: no newer than what the sender said before.
 */
export type SignatureRefusal = 'trailer' | 'key-id' | 'signature' | 'stale' | 'replay';

/** What was found of an advert's trailer. */
export interface Signature {
  readonly keyId: number;
  /** Seconds that the sender's clock is behind this director's. */
  readonly behind: number;
  /** Undefined: it is good. */
  readonly refusal: SignatureRefusal | undefined;
}

/** The newest number taken of a sender. */
export interface Mark {
  readonly address: Ip;
  readonly sequence: bigint;
}

/** Senders of a group that are remembered: who verifies has the key, so that strangers cannot push anybody out. */
export const MOST_SENDERS = 8;
/** HMAC-SHA256, as in wire/vrrp-trailer.ts. */
const KNOWN_TYPE = 1;

/** Numbers go round (RFC 1982 section 3.2). */
const isAfter = (a: bigint, b: bigint): boolean => BigInt.asIntN(64, a - b) > 0n;

const secondsOf = (sequence: bigint): number => Number(sequence >> 32n);
/** Seconds from `then` to `now`, both as 32 bits have them. */
const elapsed = (now: number, then: number): number => (now - then) | 0;
const secondsAt = (utc: number): number => Math.floor(utc / 1000) % 2 ** 32;

function sequenceAt(utc: number): bigint {
  const fraction = Math.floor(((utc % 1000) * 65_536) / 1000);
  return (BigInt(secondsAt(utc)) << 32n) | (BigInt(fraction) << 16n);
}

const isOutside = ({ window }: SigningConfig, seconds: number): boolean => seconds > window || seconds < -window;

/**
 * The time, or the last number plus one where the clock has not gone on. `last`: undefined before the first. `utc`: milliseconds since 1970. A
 * clock that was put back would leave numbers too far in the future for anybody to take: with `time` they begin anew from the clock then.
 */
export function nextSequence(conf: SigningConfig, last: bigint | undefined, utc: number): bigint {
  const clock = sequenceAt(utc);
  if (last === undefined || isAfter(clock, last)) return clock;
  const ahead = elapsed(secondsOf(last), secondsOf(clock));
  return conf.antiReplay === 'time' && ahead > conf.window ? clock : BigInt.asUintN(64, last + 1n);
}

/** Strictly more than the sender's last one; with `time`, a mark outside of the window orders only what the window refuses anyway. */
function isNew(conf: SigningConfig, mark: Mark | undefined, sequence: bigint, utc: number): boolean {
  if (!mark) return true;
  const age = elapsed(secondsAt(utc), secondsOf(mark.sequence));
  if (conf.antiReplay === 'time' && isOutside(conf, age)) return true;
  return isAfter(sequence, mark.sequence);
}

export interface Judged {
  readonly signature: Signature;
  /** The latest heard last. */
  readonly marks: readonly Mark[];
}

export interface Claim {
  readonly source: Ip;
  readonly trailer: Trailer;
  /** Undefined: there is no such key. Asked only where the rest is as it should be: it costs an HMAC. */
  readonly verify: (keyId: number) => boolean | undefined;
}

/** `utc`: milliseconds since 1970; `most`: how many senders are remembered. Marks move by what is verified alone. */
export function judgeSignature(
  conf: SigningConfig,
  marks: readonly Mark[],
  { source, trailer, verify }: Claim,
  utc: number,
  most: number,
): Judged {
  const { keyId, sequence } = trailer;
  const behind = elapsed(secondsAt(utc), secondsOf(sequence));
  const refuse = (refusal: SignatureRefusal): Judged => ({ marks, signature: { keyId, behind, refusal } });
  if (trailer.type !== KNOWN_TYPE || trailer.reserved !== 0) return refuse('trailer');
  if (conf.antiReplay === 'time' && isOutside(conf, behind)) return refuse('stale');
  const verified = verify(keyId);
  if (verified === undefined) return refuse('key-id');
  if (!verified) return refuse('signature');
  const known = marks.find((one) => one.address === source);
  if (!isNew(conf, known, sequence, utc)) return refuse('replay');
  const others = marks.filter((one) => one !== known);
  return {
    marks: [...others, { address: source, sequence }].slice(-most),
    signature: { keyId, behind, refusal: undefined },
  };
}

/** `the clock of 192.0.2.2 is 4s behind this director's` */
export const clockText = (who: string, { behind }: Signature): string =>
  `the clock of ${who} is ${Math.abs(behind)}s ${behind < 0 ? 'ahead of' : 'behind'} this director's`;

/** The clocks have come apart so far that adverts will soon be refused. */
export const nearlyStale = (conf: SigningConfig, { behind }: Signature): boolean =>
  conf.antiReplay === 'time' && Math.abs(behind) > Math.floor(conf.window / 2);
