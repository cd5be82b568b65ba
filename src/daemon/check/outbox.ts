/** What is planned for the kernel and not yet sent: a large change is worked out as a whole, and then goes out in one go. */
import { makeFirst } from '../../ipvs/plan.js';
import type { Operation, Service } from '../../ipvs/types.js';
import type { Prepared } from '../../os/ipvs.js';
import type { KernelTable } from './reading.js';

/** The operations on one service. */
export interface Planned {
  readonly key: string;
  readonly prepared: readonly Prepared[];
  readonly operations: number;
  /** The service when all of it is done, where that is what is wanted; undefined: to be worked out from the operations. */
  readonly result: Service | undefined;
  /** The service is made. */
  readonly isNew: boolean;
  /** Only the first half of what is to be done (plan.ts, makeFirst). */
  readonly half: boolean;
}

/** `have`: what the kernel has; `result`: see Planned. */
export function prepare(
  kernel: KernelTable,
  { key, have, result }: Pick<Planned, 'key' | 'result'> & { readonly have: Service | undefined },
  operations: readonly Operation[],
): Planned {
  // Those who replace all others are made first; the others go when the kernel has taken them.
  const first = makeFirst(have, operations);
  const now = first ?? operations;
  return {
    key,
    prepared: kernel.prepare(now),
    operations: now.length,
    result,
    isNew: now.some((one) => one.kind === 'new-service'),
    half: first !== undefined,
  };
}

export const doneOf = (prepared: readonly Prepared[], refused: ReadonlySet<Operation>): readonly Operation[] =>
  prepared.flatMap(({ operations }) => (refused.size === 0 ? operations : operations.filter((one) => !refused.has(one))));

export class Outbox {
  private readonly waiting = new Map<string, Planned>();
  /** Waiting. */
  operations = 0;

  get size(): number {
    return this.waiting.size;
  }

  has(key: string): boolean {
    return this.waiting.has(key);
  }

  put(planned: Planned): void {
    this.drop(planned.key);
    this.waiting.set(planned.key, planned);
    this.operations += planned.operations;
  }

  /** Something else is wanted of the service now, or something else is known of it. */
  drop(key: string): void {
    const planned = this.waiting.get(key);
    if (!planned) return;
    this.waiting.delete(key);
    this.operations -= planned.operations;
  }

  clear(): void {
    this.waiting.clear();
    this.operations = 0;
  }

  /** Services that will be made. */
  coming(): string[] {
    return [...this.waiting.values()].flatMap(({ key, isNew }) => (isNew ? [key] : []));
  }

  /** The first of them, in the order in which they were put: about so many operations, all of a service together. */
  take(limit: number): Planned[] {
    const taken: Planned[] = [];
    let count = 0;
    for (const planned of this.waiting.values()) {
      if (count >= limit) break;
      taken.push(planned);
      count += planned.operations;
    }
    for (const { key } of taken) this.drop(key);
    return taken;
  }
}
