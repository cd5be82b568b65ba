/**
 * A Map of 32-bit integers that keeps its storage, for probes under way by the number that their answer has. Thousands come and go every
 * second; a Map makes itself anew with every few of them, and what its old tables name lives until the next great collection.
 */

/** Of places, of which there are always twice as many as are in use; a power of two. */
const LEAST = 64;
/** Of Knuth's multiplicative hashing (The Art of Computer Programming 3, section 6.4). */
const GOLDEN = 0x9e3779b1;

const empty = <T>(places: number): (T | undefined)[] => Array.from({ length: places }, () => undefined);

export class AnswerTable<T extends object> {
  private keys = new Int32Array(LEAST);
  private items: (T | undefined)[] = empty(LEAST);
  private held = 0;

  get size(): number {
    return this.held;
  }

  get(key: number): T | undefined {
    return this.items[this.find(key)];
  }

  has(key: number): boolean {
    return this.get(key) !== undefined;
  }

  /** Replaces what the key had. */
  set(key: number, item: T): void {
    if (2 * this.held >= this.keys.length) this.grow();
    const place = this.find(key);
    if (this.items[place] === undefined) this.held++;
    this.keys[place] = key;
    this.items[place] = item;
  }

  delete(key: number): void {
    const place = this.find(key);
    if (this.items[place] === undefined) return;
    this.held--;
    this.close(place);
  }

  values(): T[] {
    return this.items.filter((item) => item !== undefined);
  }

  private home(key: number): number {
    const mixed = Math.imul(key ^ (key >>> 16), GOLDEN);
    return (mixed ^ (mixed >>> 15)) & (this.keys.length - 1);
  }

  /** Where it is, or would be: the first place from its home on that is free or has it. */
  private find(key: number): number {
    const { keys, items } = this;
    const last = keys.length - 1;
    let place = this.home(key);
    while (items[place] !== undefined && keys[place] !== key) place = (place + 1) & last;
    return place;
  }

  /** A place is free now: those behind it that had to pass it move up. */
  private close(free: number): void {
    const { keys, items } = this;
    const last = keys.length - 1;
    let hole = free;
    for (let next = (hole + 1) & last; items[next] !== undefined; next = (next + 1) & last) {
      const key = keys[next] as number;
      if (((next - this.home(key)) & last) < ((next - hole) & last)) continue;
      keys[hole] = key;
      items[hole] = items[next];
      hole = next;
    }
    items[hole] = undefined;
  }

  private grow(): void {
    const { keys, items } = this;
    this.keys = new Int32Array(2 * keys.length);
    this.items = empty(2 * keys.length);
    for (const [i, item] of items.entries()) {
      if (item === undefined) continue;
      const place = this.find(keys[i] as number);
      this.keys[place] = keys[i] as number;
      this.items[place] = item;
    }
  }
}
