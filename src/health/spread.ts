/** When checks that begin together start their first probe. */
import type { Milliseconds } from '../base/duration.js';

/** Starts are at least this far apart as long as the interval has room for that. */
const GAP: Milliseconds = 5;

/**
 * The wait before the first probe of the check number `index` of `count` that begin together: evenly over the shorter of the
 * interval and 5 ms for each check. A handful starts within some 50 ms, thousands are spread over the whole interval, and as
 * the phase is kept from then on they stay spread.
 */
export function startOffset(index: number, count: number, interval: Milliseconds): Milliseconds {
  return (index * Math.min(interval, count * GAP)) / Math.max(count, 1);
}
