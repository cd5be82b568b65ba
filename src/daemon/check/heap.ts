/**
 * A heap of things with a due time: moving or removing one costs O(log n). Numbers alone are moved about, in a few arrays of numbers: what is
 * compared lies together, and not in thousands of objects all over the memory.
 */
import { doubled } from '../../base/arrays.js';
import { type Instant, NEVER } from '../../base/time.js';

export interface Timed {
  /** Kept by the heap: the item's number there; -1: it has none. */
  slot: number;
}

export interface Heap<T extends Timed> {
  readonly size: number;
  /** When the first is due; NEVER when there is none. */
  readonly first: Instant;
  /** The one that is due first. */
  top(): T | undefined;
  /** Puts the item in, or to its new place, by the time given. */
  set(item: T, at: Instant): void;
  /** Takes out what is due at `now`, at most so many, those that are due first. In the order in which they came to the heap for the first time. */
  take(now: Instant, most: number): T[];
  /** Harmless for an item that is not inside. */
  remove(item: T): void;
}

const LEAST = 64;
/** Children of a place. With four a heap is half as deep as with two, and all four lie in one or two lines of the processor's cache. */
const WIDTH = 4;
const OUT = -1;

export const createHeap = <T extends Timed>(): Heap<T> => new SlotHeap<T>();

class SlotHeap<T extends Timed> implements Heap<T> {
  /** By slot. */
  private readonly items: (T | undefined)[] = [];
  /** OUT: not in the order, but its slot is kept for it. */
  private places = new Int32Array(LEAST);
  private readonly free: number[] = [];
  /** By place, in the order of the heap. */
  private slots = new Int32Array(LEAST);
  private times = new Float64Array(LEAST);
  private held = 0;

  get size(): number {
    return this.held;
  }

  get first(): Instant {
    return this.held === 0 ? NEVER : (this.times[0] as Instant);
  }

  top(): T | undefined {
    return this.held === 0 ? undefined : this.items[this.slots[0] as number];
  }

  set(item: T, at: Instant): void {
    if (item.slot < 0) this.number(item);
    const { slot } = item;
    const place = this.places[slot] as number;
    this.settle(slot, place === OUT ? this.held++ : place, at);
  }

  take(now: Instant, most: number): T[] {
    const due = new Int32Array(Math.min(most, this.held));
    let count = 0;
    for (; count < due.length && this.first <= now; count++) {
      due[count] = this.slots[0] as number;
      this.pull(0);
    }
    // What lies together in the memory is read together.
    const slots = due.subarray(0, count).sort();
    const items: T[] = [];
    for (const slot of slots) items.push(this.items[slot] as T);
    return items;
  }

  remove(item: T): void {
    const { slot } = item;
    if (slot < 0) return;
    const place = this.places[slot] as number;
    if (place !== OUT) this.pull(place);
    item.slot = -1;
    this.items[slot] = undefined;
    this.free.push(slot);
  }

  private number(item: T): void {
    item.slot = this.free.pop() ?? this.items.length;
    if (item.slot === this.slots.length) this.grow();
    this.items[item.slot] = item;
    this.places[item.slot] = OUT;
  }

  /** Out of the order; the last one goes where that leads to. */
  private pull(hole: number): void {
    this.places[this.slots[hole] as number] = OUT;
    const last = --this.held;
    if (hole !== last) this.settle(this.slots[last] as number, hole, this.times[last] as Instant);
  }

  private grow(): void {
    this.places = doubled(this.places);
    this.slots = doubled(this.slots);
    this.times = doubled(this.times);
  }

  /** To where it belongs, from `hole`, whose content is not needed any more. */
  private settle(slot: number, hole: number, at: Instant): void {
    const place = this.sink(this.rise(hole, at), at);
    this.slots[place] = slot;
    this.times[place] = at;
    this.places[slot] = place;
  }

  private move(from: number, to: number): void {
    const { slots, times } = this;
    const slot = slots[from] as number;
    slots[to] = slot;
    times[to] = times[from] as Instant;
    this.places[slot] = to;
  }

  /** Moves down what is due later and lies above; where that ended. */
  private rise(from: number, at: Instant): number {
    const { times } = this;
    let hole = from;
    while (hole > 0) {
      const above = ((hole - 1) / WIDTH) | 0;
      if ((times[above] as Instant) <= at) break;
      this.move(above, hole);
      hole = above;
    }
    return hole;
  }

  /** Moves up what is due earlier and lies below; where that ended. */
  private sink(from: number, at: Instant): number {
    let hole = from;
    for (;;) {
      const child = this.earliestBelow(hole, at);
      if (child < 0) return hole;
      this.move(child, hole);
      hole = child;
    }
  }

  /** Of its children the first that is due, if that is before `at`; or -1. */
  private earliestBelow(hole: number, at: Instant): number {
    const { times } = this;
    const from = WIDTH * hole + 1;
    const end = Math.min(from + WIDTH, this.held);
    let found = -1;
    let earliest = at;
    for (let child = from; child < end; child++) {
      const time = times[child] as Instant;
      if (time >= earliest) continue;
      earliest = time;
      found = child;
    }
    return found;
  }
}
