/** How much, and from where on: `LBD_FUZZ=10` does ten times as much as usual, `LBD_SEED=7` repeats a run. Each test tells both. */
import { random } from '../fake/directors.js';

export interface Fuzz {
  readonly rounds: number;
  readonly seed: number;
  /** Numbers in [0, 1). */
  readonly next: () => number;
  /** A whole number below `limit`. */
  readonly below: (limit: number) => number;
  readonly pick: <T>(among: readonly T[]) => T;
}

export function createFuzz(t: { diagnostic(text: string): void }, usual: number): Fuzz {
  const times = Number(process.env.LBD_FUZZ ?? 1);
  const rounds = Math.ceil(usual * times);
  const seed = Number(process.env.LBD_SEED ?? Date.now() % 2 ** 31);
  t.diagnostic(`${rounds} rounds; the same again: LBD_FUZZ=${times} LBD_SEED=${seed}`);
  const next = random(seed);
  const below = (limit: number) => Math.floor(next() * limit);
  return { rounds, seed, next, below, pick: (among) => among[below(among.length)] as never };
}
