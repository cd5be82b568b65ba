/** The tests of a suite, some of them beside each other: they wait more than they work. */
import { describe, test } from 'node:test';

/**
 * Like `describe`, in so many lanes: `body` is run for each, so that its variables and hooks are the lane's own, and every test is in one of
 * them. A test stands on none before it.
 */
export function inLanes(title: string, lanes: number, body: (each: typeof test) => void): void {
  describe(title, { concurrency: lanes }, () => {
    for (let lane = 0; lane < lanes; lane++) {
      let count = 0;
      const each = ((...words: Parameters<typeof test>) =>
        count++ % lanes === lane ? test(...words) : undefined) as typeof test;
      describe(lanes === 1 ? 'one after the other' : `lane ${lane + 1}`, { concurrency: 1 }, () => body(each));
    }
  });
}
