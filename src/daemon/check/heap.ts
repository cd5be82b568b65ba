/**
 * A heap of things with a due time: moving or removing one costs O(log n). Numbers alone are moved about, in a few arrays of numbers: what is
 * compared lies together, and not in thousands of objects all over the memory.
 */
import { type Instant, NEVER } from '../../base/time.js';

export interface Timed {
  /** Kept by the heap: the item's number there; -1 while outside. */
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
  /** Harmless for an item that is not inside. */
  remove(item: T): void;
}

const LEAST = 64;
/** Children of a place. With four a heap is half as deep as with two, and all four lie in one or two lines of the processor's cache. */
const WIDTH = 4;

export const createHeap = <T extends Timed>(): Heap<T> => new SlotHeap<T>();

class SlotHeap<T extends Timed> implements Heap<T> {
  /** By slot. */
  private readonly items: (T | undefined)[] = [];
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
    if (item.slot < 0) this.enter(item);
    const { slot } = item;
    this.settle(slot, this.places[slot] as number, at);
  }

  remove(item: T): void {
    const { slot } = item;
    if (slot < 0) return;
    item.slot = -1;
    this.items[slot] = undefined;
    this.free.push(slot);
    const hole = this.places[slot] as number;
    const last = --this.held;
    if (hole !== last) this.settle(this.slots[last] as number, hole, this.times[last] as Instant);
  }

  /** At the end, where whoever put it in moves it from. */
  private enter(item: T): void {
    if (this.held === this.slots.length) this.grow();
    item.slot = this.free.pop() ?? this.items.length;
    this.items[item.slot] = item;
    this.places[item.slot] = this.held++;
  }

  private grow(): void {
    const { places, slots, times } = this;
    this.places = new Int32Array(2 * places.length);
    this.places.set(places);
    this.slots = new Int32Array(2 * slots.length);
    this.slots.set(slots);
    this.times = new Float64Array(2 * times.length);
    this.times.set(times);
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
