/** Services whose pool changes with the time alone: a weight that grows, a penalty that decays. One timer for the earliest. */
import type { Instant } from '../../base/time.js';
import { createHeap, type Timed } from './heap.js';

export interface Turns {
  /** The next of the service; Infinity: none. */
  set(name: string, at: Instant): void;
  close(): void;
}

interface Entry extends Timed {
  readonly name: string;
}

/** setTimeout takes no more than 2^31 ms. */
const LONGEST_MS = 3_600_000;

/** `due`: the service's time has come; it is set anew by whoever looks at it. */
export function createTurns(now: () => Instant, due: (name: string) => void): Turns {
  const entries = new Map<string, Entry>();
  const heap = createHeap<Entry>();
  let timer: NodeJS.Timeout | undefined;

  function remove(name: string): void {
    const entry = entries.get(name);
    if (!entry) return;
    heap.remove(entry);
    entries.delete(name);
  }

  function fire(): void {
    const at = now();
    const names: string[] = [];
    for (let first = heap.top(); first && heap.first <= at; first = heap.top()) {
      names.push(first.name);
      remove(first.name);
    }
    for (const name of names) due(name);
    arm();
  }

  function arm(): void {
    clearTimeout(timer);
    timer = heap.size > 0 ? setTimeout(fire, Math.min(LONGEST_MS, Math.max(0, Math.ceil(heap.first - now())))) : undefined;
  }

  return {
    set(name, at) {
      if (!Number.isFinite(at)) {
        if (!entries.has(name)) return;
        remove(name);
      } else {
        const entry = entries.get(name) ?? { name, slot: -1 };
        entries.set(name, entry);
        heap.set(entry, at);
      }
      arm();
    },
    close: () => clearTimeout(timer),
  };
}
