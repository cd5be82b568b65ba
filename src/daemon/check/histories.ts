/**
 * The latest results of every check, for `show` and `why`. A result comes with every probe, so they are kept in place, in a few large arrays:
 * of objects there would be tens of thousands, each of which the garbage collector knows and each probe finds somewhere else in the memory.
 */
import { doubled } from '../../base/arrays.js';
import type { ResultRecord } from '../../health/types.js';

/** Results kept of a check. */
export const HISTORY = 10;

export interface Histories {
  /** For a check's results, none yet. */
  open(): number;
  /** That number may become another check's. */
  close(row: number): void;
  add(row: number, record: ResultRecord): void;
  latest(row: number): ResultRecord | undefined;
  /** Newest first, at most HISTORY. */
  list(row: number): readonly ResultRecord[];
}

const LEAST = 16;
const OK = 1;
const LOCAL = 2;

export const createHistories = (): Histories => new Rings();

/** By row, HISTORY places each, and in them by turns. */
class Rings implements Histories {
  /** Results so far. */
  private added = new Uint32Array(LEAST);
  /** Two of each: duration, and when. */
  private times = new Float64Array(2 * LEAST * HISTORY);
  private flags = new Uint8Array(LEAST * HISTORY);
  private readonly reasons: string[] = [];
  private readonly free: number[] = [];
  private rows = 0;

  open(): number {
    const row = this.free.pop() ?? this.rows++;
    if (row >= this.added.length) this.grow();
    this.added[row] = 0;
    for (let i = 0; i < HISTORY; i++) this.reasons[row * HISTORY + i] = '';
    return row;
  }

  close(row: number): void {
    this.free.push(row);
  }

  add(row: number, { ok, local, reason, duration, at }: ResultRecord): void {
    const place = row * HISTORY + ((this.added[row] as number) % HISTORY);
    (this.added[row] as number)++;
    this.times[2 * place] = duration;
    this.times[2 * place + 1] = at;
    this.flags[place] = (ok ? OK : 0) | (local ? LOCAL : 0);
    this.reasons[place] = reason;
  }

  latest(row: number): ResultRecord | undefined {
    return this.added[row] === 0 ? undefined : this.read(row, 0);
  }

  list(row: number): readonly ResultRecord[] {
    return Array.from({ length: Math.min(this.added[row] as number, HISTORY) }, (_none, back) => this.read(row, back));
  }

  /** `back`: so many came after it. */
  private read(row: number, back: number): ResultRecord {
    const place = row * HISTORY + (((this.added[row] as number) - 1 - back) % HISTORY);
    const flags = this.flags[place] as number;
    return {
      ok: (flags & OK) !== 0,
      local: (flags & LOCAL) !== 0,
      reason: this.reasons[place] as string,
      duration: this.times[2 * place] as number,
      at: this.times[2 * place + 1] as number,
    };
  }

  private grow(): void {
    this.added = doubled(this.added);
    this.times = doubled(this.times);
    this.flags = doubled(this.flags);
  }
}
