/**
 * `accept: false`: this host takes in no packet to the addresses of such an instance, but what IPVS takes and neighbours ask. What is to
 * be dropped is in the kernel before an address is added, and as long as the instance is configured: a take-over waits for nothing. The
 * process has one table for all instances.
 */
import { OsError } from '../../base/errors.js';
import { familyOf, isLinkLocal6 } from '../../base/ip.js';
import { type Instant, NEVER } from '../../base/time.js';
import type { HeldAddress, VrrpInstanceConfig } from '../../config/types.js';
import type { ClosedAddresses } from '../../os/closed-addresses.js';
import { heldKey } from '../../vrrp/held.js';
import type { Hindrance, VrrpState } from '../../vrrp/types.js';
import { CLOSED_TABLE, type Closed, elementText } from '../../wire/nftables.js';
import type { Host } from './types.js';

export interface Guard {
  /** What the instance of that key needs closed; `ensure` does it. */
  want(key: string, closed: readonly Closed[]): void;
  /** A predecessor may have left the table. */
  suspect(): void;
  /** The kernel has what is wanted afterwards; else why not. */
  ensure(): string | undefined;
  /** What came of it the last time. */
  problem(): string | undefined;
  deadline(): Instant;
  /** `trouble` is called as long as there is any, and once when it is over. */
  tick(trouble: () => void): void;
}

export interface GuardParts {
  readonly open: () => ClosedAddresses;
  readonly now: () => Instant;
  readonly event: (text: string) => void;
}

/** What somebody else took away is back within this. */
const LOOK_MS = 1000;
/** A kernel without nf_tables starts a program to look for its module each time, and this process waits for it. */
const TRY_MS = 5000;
const TABLE = `nft table inet ${CLOSED_TABLE}`;

export function createGuard({ open, now, event }: GuardParts): Guard {
  let door: ClosedAddresses | undefined;
  /** BOUNDED by the instances. */
  const wants = new Map<string, readonly Closed[]>();
  let wanted: readonly Closed[] = [];
  let stale = false;
  /** What was applied is there; undefined: it has to be applied. */
  let generation: number | undefined;
  let problem: string | undefined;
  let lookAt: Instant = NEVER;

  function apply(kernel: ClosedAddresses): void {
    kernel.apply(wanted);
    stale = false;
    generation = wanted.length > 0 ? kernel.generation() : undefined;
  }

  function verify(kernel: ClosedAddresses): void {
    const current = kernel.generation();
    if (current === generation) return;
    if (!kernel.intact()) {
      event(`${TABLE} was changed or removed by somebody else; healing: it is put in again`);
      return apply(kernel);
    }
    generation = current;
  }

  function attempt(): string | undefined {
    if (!stale && wanted.length === 0) return undefined;
    try {
      door ??= open();
      if (stale || generation === undefined) apply(door);
      else verify(door);
      return undefined;
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      generation = undefined;
      return error.message;
    }
  }

  function ensure(): string | undefined {
    const found = attempt();
    if (found !== undefined && found !== problem) event(`accept: false cannot be kept: ${found}; it is tried again`);
    if (found === undefined && problem !== undefined) event('accept: false is kept again');
    problem = found;
    lookAt = wanted.length > 0 || stale ? now() + (problem === undefined ? LOOK_MS : TRY_MS) : NEVER;
    return problem;
  }

  return {
    want(key, closed) {
      const before = JSON.stringify(wants.get(key) ?? []);
      if (closed.length === 0) wants.delete(key);
      else wants.set(key, closed);
      if (before === JSON.stringify(closed)) return;
      wanted = [...new Map([...wants.values()].flat().map((one) => [elementText(one), one])).values()];
      stale = true;
    },
    suspect() {
      stale = true;
    },
    ensure,
    problem: () => problem,
    deadline: () => lookAt,
    tick(trouble) {
      if (now() < lookAt) return;
      const before = problem;
      if (ensure() !== undefined || before !== undefined) trouble();
    },
  };
}

/** A link-local address is another one on each link. */
export const closedOf = (conf: Pick<VrrpInstanceConfig, 'interface'>, held: readonly HeldAddress[]): readonly Closed[] =>
  held.map(({ address, dev = conf.interface }) =>
    familyOf(address) === 6 && isLinkLocal6(address) ? { address, dev } : { address },
  );

/** One instance's part of it. */
export interface Closing {
  /** To be called before and after anything that changes what is configured or held. */
  ensure(): void;
  /** Who is not master, or has just been, does not become it without. Nobody loses the office for it. */
  hindrance(state: VrrpState): Hindrance | undefined;
  /** Nothing is held any more. */
  end(): void;
  report(): { readonly accept: boolean; readonly accept_problem: string | null };
}

export interface ClosingParts {
  readonly host: Pick<Host, 'guard'>;
  readonly key: string;
  readonly conf: () => VrrpInstanceConfig;
  readonly held: () => readonly HeldAddress[];
}

export function createClosing({ host: { guard }, key, conf, held }: ClosingParts): Closing {
  const closes = () => conf().accept === false;
  return {
    ensure() {
      const all = new Map([...conf().addresses, ...held()].map((one) => [heldKey(one), one]));
      guard.want(key, closes() ? closedOf(conf(), [...all.values()]) : []);
      guard.ensure();
    },
    hindrance({ phase, holding }) {
      if (!closes()) return undefined;
      const problem = guard.problem();
      const serves = phase === 'master' || holding.length > 0;
      return problem === undefined || serves ? undefined : { phase: 'fault', reason: `accept: false cannot be kept: ${problem}` };
    },
    end() {
      guard.want(key, []);
      guard.ensure();
    },
    report: () => ({ accept: !closes(), accept_problem: (closes() ? guard.problem() : undefined) ?? null }),
  };
}
