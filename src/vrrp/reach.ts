/**
 * Whether the weights of what an instance tracks are of any use: they must take its priority below that of another director, or that one
 * stays backup whatever fails here (the gap cannot be crossed; DESIGN section 7). A backup says nothing of its priority, a master does.
 */
import type { Ip } from '../base/ip.js';
import type { TrackedConfig, VrrpInstanceConfig } from '../config/types.js';
import type { Advert } from '../wire/vrrp.js';

/** The other director that was heard with the most: what tracked things take away from it for a while counts for nothing. */
export interface Strongest {
  readonly address: Ip;
  readonly priority: number;
}

const LEAST = 1;
const OWNER = 255;

/** Who has this little suspects itself (`yield`), or has lost everything: it says nothing of what it has when it is well. */
const isTold = (priority: number): boolean => priority > LEAST;

export const strongestOf = (before: Strongest | undefined, address: Ip, { priority }: Advert): Strongest | undefined =>
  isTold(priority) && (!before || priority >= before.priority) ? { address, priority } : before;

/** When all that has a weight is as bad as it can be. A number in a file may be any. */
export function lowestPriority(base: number, track: readonly TrackedConfig[] = []): number {
  if (base === OWNER) return OWNER;
  const weighted = track.filter((one) => one.weight !== 0);
  if (weighted.some((one) => one.kind === 'file')) return LEAST;
  return Math.max(
    LEAST,
    weighted.reduce((sum, { weight }) => sum + Math.min(0, weight), base),
  );
}

/** A sentence; undefined: they are of use, there are none, or nobody was heard yet. A backup takes over from who has less than it, not as much. */
export function uselessWeights(
  { priority, track = [] }: Pick<VrrpInstanceConfig, 'priority' | 'track'>,
  strongest: Strongest | undefined,
): string | undefined {
  if (!strongest || priority === OWNER || track.every((one) => one.weight === 0)) return undefined;
  const lowest = lowestPriority(priority, track);
  if (lowest < strongest.priority) return undefined;
  const { address, priority: theirs } = strongest;
  const facts = `with all that is tracked lost the priority is ${lowest}, and no other director was heard with more than ${theirs} (${address})`;
  return `${facts}: none takes over for that; larger weights would do, or none at all, which is FAULT`;
}
