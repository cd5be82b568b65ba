/** The only reader of clocks. */
import type { Instant } from '../base/time.js';
import { native } from './native.js';

const CLOCK_BOOTTIME = 7;

/** Milliseconds since boot, suspend included; never jumps. */
export const now = (): Instant => native.clock(CLOCK_BOOTTIME);

/** Wall clock for people: ISO 8601 in UTC. Never used for deadlines. */
export const wallClock = (): string => new Date().toISOString();
