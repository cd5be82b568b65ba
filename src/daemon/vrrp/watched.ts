/**
 * What the check process finds of the things that instances track, as core passed it on. It is told again every few seconds, so silence
 * means that nobody watches: what was said last counts for a while, for a process that is started again needs some time.
 */
import { type Instant, NEVER } from '../../base/time.js';
import type { Reading } from '../../vrrp/track.js';

/** How long a reading counts that is not told again. */
export const TRUSTED_MS = 60_000;
/** A deadline noticed later than this passed while this process was stopped: what waits in the pipe is heard first. */
const LATE_MS = 1000;
const LISTEN_MS = 10_000;

interface Told {
  readonly reading: Reading;
  until: Instant;
}

export interface Watched {
  get(key: string): Reading | undefined;
  hear(readings: Readonly<Record<string, Reading>>, now: Instant): void;
  /** Forgets what has not been told again; true when there was any. */
  expire(now: Instant): boolean;
  /** Only these are tracked now. */
  keep(keys: ReadonlySet<string>): void;
  deadline(): Instant;
}

export function createWatched(): Watched {
  /** BOUNDED by what is tracked. */
  const told = new Map<string, Told>();
  return {
    get: (key) => told.get(key)?.reading,
    hear(readings, now) {
      for (const [key, reading] of Object.entries(readings)) told.set(key, { reading, until: now + TRUSTED_MS });
    },
    expire(now) {
      let some = false;
      for (const [key, one] of told) {
        if (now < one.until) continue;
        if (now - one.until > LATE_MS) one.until = now + LISTEN_MS;
        else some = told.delete(key);
      }
      return some;
    },
    keep(keys) {
      for (const key of told.keys()) if (!keys.has(key)) told.delete(key);
    },
    deadline() {
      let at = NEVER;
      for (const { until } of told.values()) at = Math.min(at, until);
      return at;
    },
  };
}
