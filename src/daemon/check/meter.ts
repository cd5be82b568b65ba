/** How late probes start, of late. */
import type { Milliseconds } from '../../base/duration.js';
import type { Instant } from '../../base/time.js';

/** The highest values of the last minute, or of somewhat less right after one has passed. */
export interface Lateness {
  /** From the beat to the start, whatever it was that took so long. */
  readonly latest: Milliseconds;
  /** Of that, the wait for a place among the probes that may run at once. */
  readonly longestWait: Milliseconds;
}

export interface Meter {
  /** A probe starts now that was due at `beat`, and waited so long for a place. */
  started(now: Instant, beat: Instant, waited: Milliseconds): void;
  read(now: Instant): Lateness;
}

const HALF_MINUTE: Milliseconds = 30_000;
const NONE: Lateness = { latest: 0, longestWait: 0 };

const higher = (a: Lateness, b: Lateness): Lateness => ({
  latest: Math.max(a.latest, b.latest),
  longestWait: Math.max(a.longestWait, b.longestWait),
});

export function createMeter(): Meter {
  let before = NONE;
  let latest = 0;
  let longestWait = 0;
  let turnsAt = Number.NEGATIVE_INFINITY;
  const turn = (now: Instant) => {
    before = now < turnsAt + HALF_MINUTE ? { latest, longestWait } : NONE;
    latest = 0;
    longestWait = 0;
    turnsAt = now + HALF_MINUTE;
  };
  return {
    started(now, beat, waited) {
      if (now >= turnsAt) turn(now);
      if (now - beat > latest) latest = now - beat;
      if (waited > longestWait) longestWait = waited;
    },
    read(now) {
      if (now >= turnsAt) turn(now);
      return higher(before, { latest, longestWait });
    },
  };
}
