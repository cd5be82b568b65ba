/** What `lbctl wait` may wait for: how it is said, and whether it is so. */
import { didYouMean } from '../base/suggest.js';
import type { ApiInstance, ApiRealServer, ApiService, MethodName, Methods } from '../control/api.js';
import type { Condition } from './commands/kit.js';
import { age } from './render/text.js';
import * as words from './words.js';

export interface Look {
  readonly met: boolean;
  /** How it is now, a sentence. */
  readonly text: string;
}

export type Ask = <M extends MethodName>(method: M, params: Methods[M]['params']) => Promise<Methods[M]['result']>;

const OF_SERVERS = ['up', 'down', 'serving'] as const;

/** Each with its words, for help and for errors. */
export const CONDITIONS: Readonly<Record<Condition['state'], string>> = {
  up: 'up SERVICE [RS]',
  down: 'down SERVICE [RS]',
  serving: 'serving SERVICE [RS]',
  drained: 'drained SERVICE RS',
  quorum: 'quorum SERVICE',
  'in-sync': 'in-sync [SERVICE]',
  master: 'master INSTANCE',
  backup: 'backup INSTANCE',
  fault: 'fault INSTANCE',
  revision: 'revision N',
};

const isOneOf = <T extends string>(all: readonly T[], word: string): word is T => (all as readonly string[]).includes(word);

function needed(state: Condition['state'], word: string | undefined): string {
  if (word !== undefined) return word;
  throw new words.UsageError(`lbctl wait --for ${CONDITIONS[state]}: a word is missing`);
}

function none(state: Condition['state'], word: string | undefined): void {
  if (word !== undefined) throw new words.UsageError(`lbctl wait --for ${CONDITIONS[state]}: "${word}" is too much`);
}

/** `--for STATE [TARGET] [RS]` */
export function readCondition(state: string, target: string | undefined, rs: string | undefined): Condition {
  const states = Object.keys(CONDITIONS) as Condition['state'][];
  if (!isOneOf(states, state))
    throw new words.UsageError(`"${state}" is nothing to wait for${didYouMean(state, states)}: there is ${states.join(', ')}`);
  if (isOneOf(OF_SERVERS, state)) {
    const service = words.readService(needed(state, target));
    return { state, service, rs: rs === undefined ? undefined : words.readRealServer(rs) };
  }
  if (state === 'drained')
    return { state, service: words.readService(needed(state, target)), rs: words.readRealServer(needed(state, rs)) };
  none(state, rs);
  if (state === 'quorum') return { state, service: words.readService(needed(state, target)) };
  if (state === 'in-sync') return { state, service: target === undefined ? undefined : words.readService(target) };
  if (state === 'revision') return { state, revision: words.readCount(needed(state, target)) };
  return { state, instance: words.readName(needed(state, target)) };
}

/** `up web 10.0.0.21:80` */
export const conditionText = (condition: Condition): string =>
  Object.values(condition)
    .filter((word) => word !== undefined)
    .join(' ');

const isUp = ({ verdict }: ApiRealServer): boolean => verdict.state === 'up' || verdict.state === 'unchecked';
const serves = ({ kernel }: ApiRealServer): boolean => (kernel?.weight ?? 0) > 0;

function verdictText({ verdict: { state, since_seconds: since, reason } }: ApiRealServer): string {
  return `${state}${since === null ? '' : ` for ${age(since)}`}${reason === '' ? '' : `: ${reason}`}`;
}

const kernelText = ({ kernel, why }: ApiRealServer): string =>
  kernel ? `weight ${kernel.weight} in the kernel` : `not in the kernel: ${why}`;

type ServerState = (typeof OF_SERVERS)[number];

function ofServer(state: ServerState, service: string, server: ApiRealServer): Look {
  const name = `${service}/${server.address}`;
  if (state === 'serving') return { met: serves(server), text: `${name}: ${kernelText(server)}` };
  return { met: state === 'up' ? isUp(server) : server.verdict.state === 'down', text: `${name}: ${verdictText(server)}` };
}

/** Those that the administrator has taken out are not waited for. */
function ofService(state: ServerState, { name, up, total, sorry_server: sorry, real_servers: all }: ApiService): Look {
  const own = all.filter(({ address, wanted }) => address !== sorry && wanted.admin === null);
  const other = own.find((one) => !isUp(one));
  const text = `${name}: ${up} of ${total} real servers are up${other ? `; ${other.address} is ${verdictText(other)}` : ''}`;
  if (state === 'up') return { met: own.length > 0 && other === undefined, text };
  if (state === 'down') return { met: up === 0, text };
  const count = own.filter(serves).length;
  return { met: count > 0, text: `${name}: ${count} of ${total} real servers have a weight in the kernel` };
}

/** Persistent clients that may come again count. */
function leftOf({ kernel, wanted: { admin } }: ApiRealServer): number {
  return kernel ? kernel.active + kernel.inactive + (admin?.sticky === 'honour' ? kernel.persistent : 0) : 0;
}

/** Undefined: it has been removed, as `del-rs --drain` does. */
function ofDrain(name: string, server: ApiRealServer | undefined): Look {
  if (!server) return { met: true, text: `${name}: removed` };
  const { admin } = server.wanted;
  if (!admin) return { met: false, text: `${name}: it does not drain` };
  const left = leftOf(server);
  const met = left === 0 && !serves(server);
  return { met, text: `${name}: ${admin.state}, ${left === 0 ? 'no connection' : `${left} connections`} left` };
}

const ofInstances = (state: string, all: readonly ApiInstance[]): Look => ({
  met: all.length > 0 && all.every((one) => one.state === state),
  text: all.map((one) => `${one.name}: ${one.state} for ${age(one.since_seconds)}: ${one.reason}`).join('; '),
});

async function serviceOf(ask: Ask, service: string): Promise<ApiService> {
  const { services } = await ask('list', { service });
  return services[0] as ApiService;
}

async function inSync(ask: Ask, service: string | undefined): Promise<Look> {
  const all = service === undefined ? (await ask('status', {})).services : [await serviceOf(ask, service)];
  const other = all.filter((one) => !one.in_sync).map(({ name }) => name);
  const text = service ?? (all.length === 1 ? '1 service' : `${all.length} services`);
  const more = other.length > 3 ? ` and ${other.length - 3} more` : '';
  return other.length === 0
    ? { met: true, text: `${text}: the kernel is as wanted` }
    : { met: false, text: `the kernel is not as wanted: ${other.slice(0, 3).join(', ')}${more}` };
}

/** Looks whether a condition is met; remembers which real server was meant. */
export function createLook(condition: Condition, ask: Ask): () => Promise<Look> {
  let meant: { readonly service: string; readonly address: string } | undefined;

  async function drained(service: string, rs: string): Promise<Look> {
    if (!meant) {
      const { service: found, real_server: server } = await ask('show', { service, rs });
      if (!server) return { met: false, text: `${service}/${rs}: unknown` };
      meant = { service: found.name, address: server.address };
    }
    const { name, real_servers: all } = await serviceOf(ask, service);
    const { address } = meant;
    return ofDrain(
      `${name}/${address}`,
      all.find((one) => one.address === address),
    );
  }

  return async () => {
    switch (condition.state) {
      case 'drained':
        return drained(condition.service, condition.rs);
      case 'quorum': {
        const { name, quorum } = await serviceOf(ask, condition.service);
        return { met: quorum.state === 'met', text: `${name}: quorum ${quorum.state}: ${quorum.text}` };
      }
      case 'in-sync':
        return inSync(ask, condition.service);
      case 'revision': {
        const { revision } = await ask('status', {});
        return { met: revision >= condition.revision, text: `revision ${revision}` };
      }
      case 'master':
      case 'backup':
      case 'fault':
        return ofInstances(condition.state, (await ask('vrrp', { instance: condition.instance })).instances);
      default:
        break;
    }
    const { state, service, rs } = condition;
    if (rs === undefined) return ofService(state, await serviceOf(ask, service));
    const { service: found, real_server: server } = await ask('show', { service, rs });
    return server ? ofServer(state, found.name, server) : { met: false, text: `${service}/${rs}: unknown` };
  };
}

/** No event tells of the end of a connection, nor of what the kernel has. */
export const isQuiet = ({ state }: Condition): boolean => state === 'drained' || state === 'in-sync' || state === 'serving';
