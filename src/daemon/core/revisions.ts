/** What the API tells of revisions, overrides, and of what another configuration would change. */
import { formatEndpoint } from '../../base/ip.js';
import type { ApiChanged, ApiHistory, ApiOverride, ApiPlan } from '../../control/api.js';
import { objectChanges } from '../../intent/plan.js';
import type { Change, Intent, Override } from '../../intent/types.js';
import type { Foreseen } from '../check/foresee.js';
import type { Pending } from '../pending.js';
import { ask } from './ask.js';
import type { HandlerParts } from './handlers.js';
import { differenceOf } from './publisher.js';
import type { GivenText, Wanted } from './wanted.js';

/** A large table is planned twice. */
const FORESEE_MS = 30_000;

/** Null: there is no kernel table, or nobody who knows it. */
async function operationsOf({ check, pooled }: HandlerParts, before: Intent, after: Intent): Promise<ApiPlan['operations']> {
  const { services, names } = differenceOf(before.services, after.services);
  if (services.length === 0 && !names) return { now: [], later: [], total: 0 };
  if (!pooled()) return null;
  const query = { what: 'plan', services, names };
  return ask<{ value: Foreseen }>(check, { query }, FORESEE_MS).then(
    ({ value }) => value,
    () => null,
  );
}

export async function plan(parts: HandlerParts, text: GivenText | undefined): Promise<ApiPlan> {
  const { before, after, refused, problems, ...rest } = await parts.wanted.plan(text);
  const operations = await operationsOf(parts, before, after);
  const { revision } = before;
  return { text: rest.text, changes: objectChanges(before, after), operations, refused: refused ?? null, problems, revision };
}

export function history(wanted: Wanted, limit = Number.POSITIVE_INFINITY): ApiHistory {
  const { revision: inForce } = wanted.intent();
  const pending = wanted.pending();
  return {
    revisions: [...wanted.revisions()]
      .reverse()
      .slice(0, limit)
      .map(({ revision, when, kind, who, why, text }) => {
        return { revision, at: when, kind, who, why, text, in_force: revision === inForce };
      }),
    pending: pending
      ? {
          who: pending.who,
          back_to: pending.back_to,
          seconds_left: Math.max(0, Math.round((pending.until - Date.now()) / 1000)),
        }
      : null,
  };
}

function targetOf(change: Change): string {
  if (change.kind === 'add-vs') return change.name;
  if (change.kind === 'set-host') return `host ${change.address}`;
  return 'address' in change ? `${change.service}/${formatEndpoint(change.address, change.port)}` : change.service;
}

export function describeOverride({ change, ...by }: Override): ApiOverride {
  const { kind, ...rest } = change;
  return { ...by, kind, target: targetOf(change), change: rest };
}

/** A problem of `status`. */
export function pendingText(pending: Pending | undefined, now: number): string | undefined {
  if (!pending) return undefined;
  const left = Math.max(0, Math.round((pending.until - now) / 1000));
  return `what ${pending.who} applied is taken back to revision ${pending.back_to} in ${left} s, unless confirmed: lbctl confirm`;
}

/** Directors that share changes do not share the way back: each has revisions of its own. */
export function withPeers(wanted: Pick<Wanted, 'config'>, result: ApiChanged): ApiChanged {
  const names = wanted.config().global.peers.flatMap(({ name, share }) => (share ? [name] : []));
  if (names.length === 0) return result;
  const own = names.length === 1 ? 'has revisions of its own' : 'have revisions of their own';
  return {
    ...result,
    notes: [...(result.notes ?? []), `${names.join(', ')} ${own}: what was shared stays there (lbctl diff --peer)`],
  };
}
