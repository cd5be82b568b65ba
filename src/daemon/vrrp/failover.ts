/** `lbctl failover`: what is refused, and what came of it. */
import { formatDuration } from '../../base/duration.js';
import { type Instant, NEVER } from '../../base/time.js';
import type { VrrpState } from '../../vrrp/types.js';
import type { FailoverOrder } from './messages.js';
import type { Runner } from './runner-types.js';

export type FailoverOutcome = { readonly text: string } | { readonly error: string };

/** Undefined: it is not decided yet. */
export function failoverOutcome(name: string, state: VrrpState): FailoverOutcome | undefined {
  const { phase, peer, handover, reason } = state;
  if (phase === 'master') return { error: `${name}: ${reason}: this director is master again, and has served all the time` };
  if (phase !== 'backup') return { error: `${name} is ${phase} now: ${reason}` };
  if (handover || !peer) return undefined;
  return { text: `${name}: ${peer.address} (priority ${peer.priority}) is master now` };
}

/** `for`: milliseconds, else until the other one fails. */
const ending = (name: string, { for: length }: FailoverOrder): string => {
  const undo = `lbctl failover ${name} --undo ends that`;
  if (length === undefined) return `this director takes over again only when that one fails; ${undo}`;
  return `this director takes over again when that one fails, or after ${formatDuration(length)} by its priority; ${undo}`;
};

const OWNER = 255;

export function refuseFailover(runner: Runner): string | undefined {
  const { name, priority } = runner.conf();
  const { state, reason, master } = runner.report(undefined);
  if (priority === OWNER)
    return `${name} is the owner of its addresses (priority 255), which always is master: lower the priority`;
  if (state === 'master') return undefined;
  const where = master ? `: ask for it on ${master.address}, which is` : ` (${reason})`;
  return `${name} is ${state} here, not master${where}`;
}

/** Resolves when it is decided. `mates`: the others of its sync group. */
export function failover(runner: Runner, order: FailoverOrder, now: Instant, mates: readonly Runner[]): Promise<FailoverOutcome> {
  const { name } = runner.conf();
  if (order.undo) {
    const was = runner.stoodDown();
    for (const one of [runner, ...mates]) one.standUp();
    return Promise.resolve(
      was
        ? { text: `${name} may take over by its priority again` }
        : { error: `${name} does not stand down for another director` },
    );
  }
  const refused = refuseFailover(runner);
  if (refused !== undefined) return Promise.resolve({ error: refused });
  const until = order.for === undefined ? NEVER : now + order.for;
  // A sync group goes as one.
  for (const mate of mates) mate.failover(until, () => undefined);
  return new Promise((resolve) => {
    runner.failover(until, (outcome) =>
      resolve('text' in outcome ? { text: `${outcome.text}; ${ending(name, order)}` } : outcome),
    );
  });
}
