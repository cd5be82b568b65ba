/** `lbctl failover`: the planned switch-over, and what is known before it. */
import { ofTheWhole } from '../../config/pairs.js';
import type { VrrpInstanceConfig } from '../../config/types.js';
import type { ApiChanged, ApiStatus, Methods } from '../../control/api.js';
import type { Comparison } from '../../control/compare.js';
import type { CheckSummary } from '../messages.js';
import type { FailoverOrder } from '../vrrp/messages.js';
import { ask } from './ask.js';
import type { HandlerParts } from './handlers.js';
import { Refused, refuse } from './refused.js';

type Params = Methods['failover']['params'];

/** Beyond what the machine waits for another master: two intervals and a second. */
const SLACK_MS = 5000;

/** As they are named in the file: of one that has both families the half of IPv6 has no name of its own there. */
function unknown(instances: readonly VrrpInstanceConfig[], name: string): never {
  const names = [...new Set(instances.map((one) => ofTheWhole(one.name)))];
  return refuse(`unknown VRRP instance "${name}"${names.length > 0 ? `; there is ${names.join(', ')}` : ': none is configured'}`);
}

async function order(parts: HandlerParts, what: FailoverOrder): Promise<string> {
  const { instances } = parts.wanted.intent();
  const conf = instances.find((one) => one.name === what.instance) ?? unknown(instances, what.instance);
  return (await ask<{ text: string }>(parts.vrrp, { failover: what }, 2 * conf.advertInterval + SLACK_MS)).text;
}

function syncNote(sync: ApiStatus['connection_sync'], instance: string): string {
  if (!sync)
    return 'connection_sync is not configured: the other director knows no connection, and those that it cannot place are reset';
  if (sync.problem !== null) return `connection sync does not work: ${sync.problem}`;
  if (sync.follows !== null && sync.follows !== instance) return `connection sync follows ${sync.follows}, not ${instance}`;
  return 'connection sync runs here: the other director should know the connections';
}

/** What this director can tell of itself and of the peers; an obstacle is a reason to leave it. */
async function examined(parts: HandlerParts, instance: string, compare: Compare): Promise<Comparison> {
  const compared = await compare(instance);
  if (compared) return compared;
  const notes = [
    'whether another director is there shows when it takes over: backups are silent, and is there none, this one serves on',
    'what the other director has is not known: name its API in global.peers',
  ];
  // Without a virtual server there is nothing else that it would have to take over.
  if (parts.wanted.intent().services.length === 0) return { obstacles: [], notes };
  const query = { query: { what: 'summary' } };
  const summary = await ask<{ value: CheckSummary }>(parts.check, query, SLACK_MS).then(
    ({ value }) => value,
    (error: Error) => error.message,
  );
  const text = typeof summary === 'string' ? `the check process does not answer: ${summary}` : syncNote(summary.sync, instance);
  return { obstacles: [], notes: [...notes, text] };
}

/** The text of `order`, and what is known; refuses where the other director is not fit. */
async function examine(parts: HandlerParts, instance: string, compare: Compare): Promise<Pick<ApiChanged, 'text' | 'notes'>> {
  const text = await order(parts, { instance, check: true });
  const { obstacles, notes } = await examined(parts, instance, compare);
  return obstacles.length === 0 ? { text, notes } : refuse(`${instance} is better kept here: ${obstacles.join('; ')}`);
}

/** `compare`: with the peers, or undefined when none is configured. */
export type Compare = (instance: string) => Promise<Comparison | undefined>;

export async function failover(parts: HandlerParts, params: Params, who: string, compare: Compare): Promise<ApiChanged> {
  const { instance, undo, check, force, dry_run: dryRun, reason } = params;
  const { revision } = parts.wanted.intent();
  const only = check === true || dryRun === true;
  if (undo && only) return { text: `would let ${instance} take over by its priority again`, revision, dry_run: true };
  if (only) return { ...(await examine(parts, instance, compare)), revision, dry_run: true };
  if (!undo && !force && parts.wanted.config().global.peers.length > 0)
    await examine(parts, instance, compare).catch((error: Error) => {
      throw error instanceof Refused
        ? new Refused({ ...error.error, message: `${error.message} (--force does it all the same)` })
        : error;
    });
  const length = params.for === undefined ? {} : { for: params.for * 1000 };
  const text = await order(parts, { instance, ...length, ...(undo ? { undo } : {}) });
  const why = reason === undefined ? '' : `: ${reason}`;
  const told = `${undo ? 'failover is over' : 'failover'} (by ${who}${force ? ', forced' : ''}${why})`;
  parts.tell('override', instance, told, { cause: who });
  return { text, revision, dry_run: false };
}
