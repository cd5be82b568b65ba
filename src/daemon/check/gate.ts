/**
 * Whether this director can forward, as core passes it on to the VRRP instances: not before the first table is applied and every check
 * has decided, nor right after the network was away.
 */
import type { Instant } from '../../base/time.js';
import type { Forwarding } from '../messages.js';

/** How long instances wait for every check to decide. */
const DECIDE_MS = 10_000;

interface State {
  readonly state: Forwarding;
  readonly reason: string;
}

export interface GateOptions {
  readonly now: () => Instant;
  readonly send: (state: State) => void;
  /** Why the table is not yet, or cannot be, as wanted; undefined: it is. */
  readonly obstacle: () => State | undefined;
  /** Checks without a verdict. */
  readonly undecided: () => number;
  /** The checks that look again have had their time. */
  readonly onLooked: () => void;
}

export interface Gate {
  /** Checks look again. */
  readonly looking: boolean;
  /** Something may have changed. */
  tell(): void;
  /** The network was away: these checks look again, until so many failures of each, before their verdicts count. */
  recheck(tries: ReadonlyMap<string, number>): void;
  /** A check that looks again has a result. Its verdict up ends the looking, and so do as many failures as it was told. */
  result(key: string, result: { readonly ok: boolean; readonly up: boolean }): boolean;
}

export function createGate(options: GateOptions): Gate {
  const { now } = options;
  const startedAt = now();
  /** Checks that look again, with the failures still to be awaited. */
  const again = new Map<string, number>();
  let told: State | undefined;
  let enough: NodeJS.Timeout | undefined;

  function current(): State {
    const obstacle = options.obstacle();
    if (obstacle) return obstacle;
    const open = options.undecided();
    if (open > 0 && now() - startedAt < DECIDE_MS) return { state: 'starting', reason: `${open} checks have not decided yet` };
    if (again.size > 0) return { state: 'starting', reason: `the network is back: ${again.size} checks look again` };
    return { state: 'ready', reason: '' };
  }

  /** Ready once, it stays so until IPVS is lost. */
  function tell(): void {
    const next = current();
    if (told?.state === next.state && told.reason === next.reason) return;
    if (told?.state === 'ready' && next.state === 'starting' && again.size === 0) return;
    told = next;
    options.send(next);
  }

  setTimeout(tell, DECIDE_MS + 1).unref();
  return {
    get looking() {
      return again.size > 0;
    },
    tell,
    recheck(tries) {
      for (const [key, count] of tries) again.set(key, count);
      clearTimeout(enough);
      enough = setTimeout(() => {
        again.clear();
        options.onLooked();
        tell();
      }, DECIDE_MS);
      told = undefined;
      tell();
    },
    result(key, { ok, up }) {
      const left = again.get(key);
      if (left === undefined) return false;
      if (up || (!ok && left <= 1)) again.delete(key);
      else if (!ok) again.set(key, left - 1);
      return true;
    },
  };
}
