/** What an instance has counted since it was started. */
import type { Ip } from '../../base/ip.js';
import type { Instant } from '../../base/time.js';
import type { Rejection } from '../../vrrp/types.js';

export interface Refused {
  count: number;
  from: Ip;
  last: Instant;
  /** When it was last told. */
  told: Instant;
}

export interface Counters {
  sent: number;
  received: number;
  /** All reasons together. */
  refusals: number;
  becameMaster: number;
  /** BOUNDED by the closed set of reasons. */
  readonly refused: Map<Rejection, Refused>;
}

const TELL_EVERY_MS = 60_000;

export const createCounters = (): Counters => ({ sent: 0, received: 0, refusals: 0, becameMaster: 0, refused: new Map() });

/** Counts a refusal; true when it is time to tell of it: the first of its reason, then once a minute. */
export function countRefusal(counters: Counters, rejection: Rejection, from: Ip, now: Instant): boolean {
  const known = counters.refused.get(rejection) ?? { count: 0, from, last: now, told: -Infinity };
  counters.refused.set(rejection, known);
  counters.refusals++;
  known.count++;
  known.from = from;
  known.last = now;
  if (now - known.told < TELL_EVERY_MS) return false;
  known.told = now;
  return true;
}
