/**
 * Adverts in the middle of long work: a thousand addresses take the kernel a tenth of a second, in which an instance that is master
 * already must not fall silent. Between two of them those whose advert is due get to send it.
 */
import type { Instant } from '../../base/time.js';

export interface Beating {
  /** Sends the advert that is due, if this instance is master and not in the middle of something itself. */
  beat(): void;
}

/** No oftener than that anybody is asked. */
const GRAIN_MS = 1;

/** To be called often in long work; it costs a look at the clock. Not while it runs: an instance that beats may have long work too. */
export function createBeat(now: () => Instant, all: () => Iterable<Beating>): () => void {
  let next: Instant = -Infinity;
  let beating = false;
  return () => {
    if (beating || now() < next) return;
    beating = true;
    for (const one of all()) one.beat();
    beating = false;
    next = now() + GRAIN_MS;
  };
}

/** The same with a beat before each of its calls that changes something in the kernel. */
export function withBeats<T extends object>(door: T, calls: readonly (keyof T)[], beat: () => void): T {
  const beating = Object.fromEntries(
    calls.map((name) => {
      const call = door[name] as (...words: unknown[]) => unknown;
      return [
        name,
        (...words: unknown[]) => {
          beat();
          return call(...words);
        },
      ];
    }),
  );
  return { ...door, ...beating };
}
