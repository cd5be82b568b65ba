/** A binary heap of things with a due time, each of which knows its place: moving or removing one costs O(log n). */
import type { Instant } from '../../base/time.js';

export interface Timed {
  at: Instant;
  /** Kept by the heap; -1 while outside. */
  position: number;
}

export interface Heap<T extends Timed> {
  readonly size: number;
  /** The one that is due first. */
  top(): T | undefined;
  /** Puts the item in, or to its new place, by the time given. */
  set(item: T, at: Instant): void;
  /** Harmless for an item that is not inside. */
  remove(item: T): void;
}

function place<T extends Timed>(items: T[], item: T, position: number): void {
  items[position] = item;
  item.position = position;
}

function rise<T extends Timed>(items: T[], item: T): void {
  let at = item.position;
  while (at > 0) {
    const above = items[(at - 1) >> 1] as T;
    if (above.at <= item.at) break;
    place(items, above, at);
    at = (at - 1) >> 1;
  }
  place(items, item, at);
}

function sink<T extends Timed>(items: T[], item: T): void {
  let at = item.position;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= items.length) break;
    if (child + 1 < items.length && (items[child + 1] as T).at < (items[child] as T).at) child++;
    const below = items[child] as T;
    if (below.at >= item.at) break;
    place(items, below, at);
    at = child;
  }
  place(items, item, at);
}

export function createHeap<T extends Timed>(): Heap<T> {
  const items: T[] = [];
  const settle = (item: T) => {
    rise(items, item);
    sink(items, item);
  };
  return {
    get size() {
      return items.length;
    },
    top: () => items[0],
    set(item, at) {
      item.at = at;
      if (item.position < 0) item.position = items.push(item) - 1;
      settle(item);
    },
    remove(item) {
      const { position } = item;
      if (position < 0) return;
      item.position = -1;
      const last = items.pop() as T;
      if (last === item) return;
      place(items, last, position);
      settle(last);
    },
  };
}
