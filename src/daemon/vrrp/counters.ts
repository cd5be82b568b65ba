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
  /** By sender, the latest heard last. BOUNDED by SENDERS. */
  readonly senders: Map<Ip, { count: number; last: Instant }>;
}

/** Of each reason so many senders are kept apart; whoever was not heard for longest goes. */
const SENDERS = 8;

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
  const known = counters.refused.get(rejection) ?? { count: 0, from, last: now, told: -Infinity, senders: new Map() };
  counters.refused.set(rejection, known);
  counters.refusals++;
  known.count++;
  known.from = from;
  known.last = now;
  countSender(known, from, now);
  if (now - known.told < TELL_EVERY_MS) return false;
  known.told = now;
  return true;
}

function countSender({ senders }: Refused, from: Ip, now: Instant): void {
  const count = (senders.get(from)?.count ?? 0) + 1;
  senders.delete(from);
  senders.set(from, { count, last: now });
  const [oldest] = senders.keys();
  if (senders.size > SENDERS && oldest !== undefined) senders.delete(oldest);
}
