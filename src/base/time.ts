/** Time as the pure half sees it: milliseconds of one monotonic clock, as a fraction. os/clock.ts is the only reader. */

/** Milliseconds of CLOCK_BOOTTIME (it goes on during suspend, and never jumps). */
export type Instant = number;

/** No deadline. */
export const NEVER: Instant = Number.POSITIVE_INFINITY;

export const earliest = (...times: readonly Instant[]): Instant => Math.min(NEVER, ...times);
