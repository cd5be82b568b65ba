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

const LEAST = 64;

export const createHeap = <T extends Timed>(): Heap<T> => new BinaryHeap<T>();

class BinaryHeap<T extends Timed> implements Heap<T> {
  private readonly items: T[] = [];
  /** Of the items, in their order: what is compared lies together, and not in thousands of objects. */
  private times = new Float64Array(LEAST);

  get size(): number {
    return this.items.length;
  }

  top(): T | undefined {
    return this.items[0];
  }

  set(item: T, at: Instant): void {
    item.at = at;
    if (item.position < 0) item.position = this.items.push(item) - 1;
    if (this.items.length > this.times.length) this.grow();
    this.settle(item);
  }

  remove(item: T): void {
    const { position } = item;
    if (position < 0) return;
    item.position = -1;
    const last = this.items.pop() as T;
    if (last === item) return;
    last.position = position;
    this.settle(last);
  }

  private grow(): void {
    const times = new Float64Array(2 * this.times.length);
    times.set(this.times);
    this.times = times;
  }

  private place(item: T, at: Instant, position: number): void {
    this.items[position] = item;
    this.times[position] = at;
    item.position = position;
  }

  /** From its position to where it belongs. */
  private settle(item: T): void {
    const { at } = item;
    this.place(item, at, this.sink(this.rise(item.position, at), at));
  }

  /** Moves down what is due later and lies above; where that ended. */
  private rise(from: number, at: Instant): number {
    const { items, times } = this;
    let hole = from;
    while (hole > 0) {
      const above = (hole - 1) >> 1;
      const time = times[above] as Instant;
      if (time <= at) break;
      this.place(items[above] as T, time, hole);
      hole = above;
    }
    return hole;
  }

  /** Moves up what is due earlier and lies below; where that ended. */
  private sink(from: number, at: Instant): number {
    const { items, times } = this;
    let hole = from;
    for (let child = 2 * hole + 1; child < items.length; child = 2 * hole + 1) {
      if (child + 1 < items.length && (times[child + 1] as Instant) < (times[child] as Instant)) child++;
      const time = times[child] as Instant;
      if (time >= at) break;
      this.place(items[child] as T, time, hole);
      hole = child;
    }
    return hole;
  }
}
