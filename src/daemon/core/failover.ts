/** `lbctl failover`: the planned switch-over, and what is known before it. */
import { ofTheWhole } from '../../config/pairs.js';
import type { VrrpInstanceConfig } from '../../config/types.js';
import type { ApiChanged, ApiStatus, Methods } from '../../control/api.js';
import type { CheckSummary } from '../messages.js';
import type { FailoverOrder } from '../vrrp/messages.js';
import { ask } from './ask.js';
import type { HandlerParts } from './handlers.js';
import { refuse } from './refused.js';

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

/** What this director can tell; the other one cannot be asked over VRRP. */
async function notesOf(parts: HandlerParts, instance: string): Promise<string[]> {
  const notes = [
    'whether another director is there shows when it takes over: backups are silent, and is there none, this one serves on',
  ];
  // Without a virtual server there is nothing else that it would have to take over.
  if (parts.wanted.intent().services.length === 0) return notes;
  const query = { query: { what: 'summary' } };
  const summary = await ask<{ value: CheckSummary }>(parts.check, query, SLACK_MS).then(
    ({ value }) => value,
    (error: Error) => error.message,
  );
  if (typeof summary === 'string') return [...notes, `the check process does not answer: ${summary}`];
  return [
    ...notes,
    syncNote(summary.sync, instance),
    'table, verdicts and revision of the other director cannot be asked in this version',
  ];
}

export async function failover(parts: HandlerParts, params: Params, who: string): Promise<ApiChanged> {
  const { instance, undo, check, dry_run: dryRun, reason } = params;
  const { revision } = parts.wanted.intent();
  const only = check === true || dryRun === true;
  if (undo && only) return { text: `would let ${instance} take over by its priority again`, revision, dry_run: true };
  if (only) {
    const text = await order(parts, { instance, check: true });
    return { text, notes: await notesOf(parts, instance), revision, dry_run: true };
  }
  const length = params.for === undefined ? {} : { for: params.for * 1000 };
  const text = await order(parts, { instance, ...length, ...(undo ? { undo } : {}) });
  parts.tell(
    'override',
    instance,
    `${undo ? 'failover is over' : 'failover'} (by ${who}${reason === undefined ? '' : `: ${reason}`})`,
  );
  return { text, revision, dry_run: false };
}
