/**
 * The latest results of one check, for `show` and `why`. Kept in place: a result comes with every probe, and objects that live as long as
 * ten of them would each go through the garbage collector several times.
 */
import type { ResultRecord } from '../../health/types.js';

/** Results kept of a check. */
export const HISTORY = 10;

export interface History {
  add(record: ResultRecord): void;
  /** Newest first, at most HISTORY. */
  list(): readonly ResultRecord[];
}

type Slot = { -readonly [K in keyof ResultRecord]: ResultRecord[K] };

export const createHistory = (): History => new Ring();

class Ring implements History {
  private readonly slots: Slot[] = [];
  private added = 0;

  add({ ok, local, reason, duration, at }: ResultRecord): void {
    const slot = this.slots[this.added++ % HISTORY];
    if (!slot) {
      this.slots.push({ ok, local, reason, duration, at });
      return;
    }
    slot.ok = ok;
    slot.local = local;
    slot.reason = reason;
    slot.duration = duration;
    slot.at = at;
  }

  list(): readonly ResultRecord[] {
    const count = this.slots.length;
    return this.slots.map((_slot, i) => ({ ...(this.slots[(this.added - 1 - i + count) % count] as Slot) }));
  }
}
