/** How much later than due a master's adverts went out: what a starved process does to its backups' patience. */
import type { Milliseconds } from '../../base/duration.js';
import type { Instant } from '../../base/time.js';
import type { ApiInstance } from '../../control/api.js';

export interface Lateness {
  /** One advert has gone out. */
  note(late: Milliseconds, now: Instant): void;
  report(now: Instant): ApiInstance['lateness'];
}

/** Upper bounds of the classes that are counted, ms; one more for what is beyond. */
const BOUNDS: readonly Milliseconds[] = [0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];
/** The worst of the last minute is kept by tens of seconds. */
const SLOT_MS = 10_000;
const SLOTS = 6;

const rounded = (ms: Milliseconds): number => Math.round(ms * 10) / 10;

export function createLateness(): Lateness {
  const counts = new Array<number>(BOUNDS.length + 1).fill(0);
  const slots = Array.from({ length: SLOTS }, () => ({ number: -1, worst: 0 }));
  let adverts = 0;
  let max = 0;

  /** At most so late was this share of the adverts: a bound of a class, never more than the worst. */
  function percentile(share: number): Milliseconds {
    let seen = 0;
    for (const [i, count] of counts.entries()) {
      seen += count;
      if (seen >= share * adverts) return Math.min(max, BOUNDS[i] ?? max);
    }
    return max;
  }

  function recent(now: Instant): Milliseconds {
    const current = Math.floor(now / SLOT_MS);
    return slots.reduce((worst, one) => (current - one.number < SLOTS ? Math.max(worst, one.worst) : worst), 0);
  }

  return {
    note(late, now) {
      const ms = Math.max(0, late);
      adverts++;
      max = Math.max(max, ms);
      const place = BOUNDS.findIndex((bound) => ms <= bound);
      counts[place < 0 ? BOUNDS.length : place] = (counts[place < 0 ? BOUNDS.length : place] ?? 0) + 1;
      const number = Math.floor(now / SLOT_MS);
      const slot = slots[number % SLOTS] as (typeof slots)[number];
      if (slot.number !== number) Object.assign(slot, { number, worst: 0 });
      slot.worst = Math.max(slot.worst, ms);
    },
    report: (now) => ({
      adverts,
      max_ms: rounded(max),
      last_minute_ms: rounded(recent(now)),
      p50_ms: rounded(percentile(0.5)),
      p99_ms: rounded(percentile(0.99)),
    }),
  };
}
