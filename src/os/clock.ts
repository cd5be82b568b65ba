/** The only reader of clocks. */
import type { Instant } from '../base/time.js';
import { native } from './native.js';

const CLOCK_BOOTTIME = 7;

let held: Instant | undefined;

/** Milliseconds since boot, suspend included; never jumps. */
export const now = (): Instant => held ?? native.clock(CLOCK_BOOTTIME);

/** What came together came at one time: the clock is read once for all that `body` does. */
export function atOneTime(body: () => void): void {
  if (held !== undefined) return body();
  held = now();
  try {
    body();
  } finally {
    held = undefined;
  }
}

/** Milliseconds since 1970, as this host knows it; it may jump. Only for what must agree with another host's clock. */
export const utc = (): number => Date.now();

/** Wall clock for people: ISO 8601 in UTC. Never used for deadlines. */
export const wallClock = (): string => new Date().toISOString();
