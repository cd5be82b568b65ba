/** The control API's methods: each asks the part that knows, or changes what is wanted. */
import { parseIp } from '../../base/ip.js';
import { serviceKey } from '../../base/service-id.js';
import { VERSION } from '../../base/version.js';
import { twinOf } from '../../config/pairs.js';
import type {
  ApiBrief,
  ApiChange,
  ApiChanged,
  ApiInstance,
  ApiService,
  ApiStatus,
  ApiWhy,
  ChangeMethod,
  ChangeOptions,
  MethodName,
  Methods,
} from '../../control/api.js';
import type { Comparison } from '../../control/compare.js';
import type { ChangeRequest } from '../../intent/change.js';
import { tableDigest } from '../../intent/digest.js';
import type { KernelStatus } from '../../intent/doctor/types.js';
import { unknownTarget } from '../../intent/find.js';
import { namesOf } from '../../intent/names.js';
import { outOfService } from '../../intent/out-of-service.js';
import { brokenPromise } from '../../intent/sticky.js';
import { now, wallClock } from '../../os/clock.js';
import { reportStats } from '../check/stats.js';
import type { CheckBrief, CheckSummary, DetailAnswer, ServicesAnswer } from '../messages.js';
import { createAges } from './ages.js';
import { ask } from './ask.js';
import { isLarge } from './command-line.js';
import { diff } from './diff.js';
import { examine } from './doctor.js';
import { type EventLog, recall, type Tell } from './events.js';
import { failover } from './failover.js';
import { loadedOf, recentOf } from './lately.js';
import type { Pair } from './pair.js';
import { compareWithPeers } from './peers.js';
import { refuse } from './refused.js';
import { describeOverride, history, pendingText, plan, withPeers } from './revisions.js';
import type { SharedMethod } from './sharing.js';
import { assembleStatus } from './status.js';
import type { Supervisor } from './supervisor.js';
import type { ChangeContext, Wanted } from './wanted.js';
import { whyInstance } from './why-instance.js';

export interface Caller {
  readonly name: string;
}

export interface HandlerParts {
  readonly file: string;
  readonly startedAt: number;
  readonly wanted: Wanted;
  readonly check: Supervisor;
  readonly vrrp: Supervisor;
  /** The check process has, or had, virtual servers. */
  readonly pooled: () => boolean;
  readonly events: EventLog;
  readonly tell: Tell;
  readonly problems: () => readonly string[];
  readonly pair: Pick<Pair, 'sharing' | 'watch'>;
}

type Handler<M extends MethodName> = (params: Methods[M]['params'], caller: Caller) => Promise<Methods[M]['result']>;
export type Handlers = { readonly [M in MethodName]: Handler<M> };

/** What reads the whole table may take its time: thousands of services on a slow machine. */
const WHOLE_TABLE_MS = 25_000;
/** A check process that hangs must not keep `status` for long. */
const SUMMARY_MS = 8000;
/** Another director waits for it, and asks again soon. */
const BRIEF_MS = 1000;

const orText = <T>(promise: Promise<T>): Promise<T | string> => promise.catch((error: Error) => error.message);

async function instancesOf(parts: HandlerParts): Promise<readonly ApiInstance[]> {
  if (parts.wanted.intent().instances.length === 0) return [];
  return (await ask<{ instances: readonly ApiInstance[] }>(parts.vrrp, {})).instances;
}

/** True: there is nothing to ask of the check process. Refuses a service that cannot be. */
function servesNothing(parts: HandlerParts, service: string | undefined): boolean {
  if (parts.wanted.intent().services.length > 0 || parts.pooled()) return false;
  return service === undefined ? true : refuse(`unknown service "${service}": no virtual server is configured`);
}

async function servicesOf(
  parts: HandlerParts,
  { service, host, counters = false, all = false }: Methods['list']['params'],
): Promise<readonly ApiService[]> {
  if (servesNothing(parts, service)) return [];
  const address = host === undefined ? undefined : parseIp(host);
  if (host !== undefined && !address) return refuse(`"${host}" is no address of a host: give it without a port`);
  const query = { what: 'services', service, counters, host: address, all };
  return (await ask<{ value: ServicesAnswer }>(parts.check, { query }, WHOLE_TABLE_MS)).value.services;
}

async function statsOf(parts: HandlerParts, service: string | undefined): Promise<Methods['stats']['result']> {
  if (servesNothing(parts, service)) {
    return reportStats({ at: wallClock(), counting: true, services: [], kernel: new Map(), foreign: new Set() });
  }
  const query = { what: 'stats', service };
  return (await ask<{ value: Methods['stats']['result'] }>(parts.check, { query }, WHOLE_TABLE_MS)).value;
}

function detailOf(parts: HandlerParts, service: string, rs: string | undefined): Promise<{ value: DetailAnswer }> {
  if (!parts.pooled()) return Promise.resolve(refuse(`unknown service "${service}": no virtual server is configured`));
  return ask<{ value: DetailAnswer }>(parts.check, { query: { what: 'detail', service, rs } });
}

async function status(parts: HandlerParts): Promise<ApiStatus> {
  const { wanted, check, vrrp } = parts;
  const intent = wanted.intent();
  const { watch } = parts.pair;
  const fresh = watch.refresh();
  const [summary, instances] = await Promise.all([
    !parts.pooled()
      ? undefined
      : orText(ask<{ value: CheckSummary }>(check, { query: { what: 'summary' } }, SUMMARY_MS).then((answer) => answer.value)),
    intent.instances.length === 0 ? undefined : orText(instancesOf(parts)),
  ]);
  const head = {
    router_id: wanted.config().global.routerId,
    version: VERSION,
    pid: process.pid,
    uptime_seconds: Math.round((now() - parts.startedAt) / 1000),
    config_file: parts.file,
    revision: intent.revision,
    overrides: wanted.overrides().length,
    loaded: loadedOf({ files: wanted.files(), events: parts.events }),
    table: tableDigest(intent.services),
    processes: [
      { name: 'core' as const, pid: process.pid, state: 'running' as const, restarts: 0 },
      { name: 'check' as const, ...check.state() },
      { name: 'vrrp' as const, ...vrrp.state() },
    ],
  };
  const broken = brokenPromise(intent.services, intent.director.kernel, Date.now());
  const waits = pendingText(wanted.pending(), Date.now());
  const own = [...parts.problems(), ...parts.pair.sharing.problems(), ...[broken, waits].filter((one) => one !== undefined)];
  const out = outOfService(wanted.overrides(), intent.services, Date.now());
  await fresh;
  const peers = watch.report(Array.isArray(instances) ? instances : []);
  return assembleStatus({ head, check: summary, vrrp: instances, own, out, peers, recent: recentOf(parts.events) });
}

async function brief(parts: HandlerParts): Promise<ApiBrief> {
  const { wanted, check } = parts;
  const { revision, services } = wanted.intent();
  const counted = !parts.pooled()
    ? Promise.resolve({ value: { active: 0 } })
    : ask<{ value: CheckBrief }>(check, { query: { what: 'brief' } }, BRIEF_MS).catch(() => ({ value: { active: null } }));
  const [{ value }, instances] = await Promise.all([counted, instancesOf(parts).catch(() => [])]);
  return {
    router_id: wanted.config().global.routerId,
    version: VERSION,
    at: wallClock(),
    revision,
    table: tableDigest(services),
    services: services.length,
    instances: instances.map(({ name, family, virtual_router_id, version, state }) => ({
      name,
      family,
      virtual_router_id,
      version,
      state,
    })),
    active_connections: value.active,
  };
}

async function takeOver(parts: HandlerParts, service: string, dryRun: boolean, who: string): Promise<ApiChanged> {
  const { revision } = parts.wanted.intent();
  if (dryRun) return { text: `would make the kernel's ${service} lbd's`, revision, dry_run: true };
  const { text } = (await ask<{ value: { text: string } }>(parts.check, { query: { what: 'take-over', service } })).value;
  parts.tell('override', service, `taken over from somebody else (by ${who})`, { cause: who });
  return { text, revision, dry_run: false };
}

/** What only the check process knows; without a virtual server there is no such process, and nothing to know. */
async function kernelStatus(parts: HandlerParts): Promise<KernelStatus | undefined> {
  if (!parts.pooled()) return undefined;
  return (await ask<{ value: KernelStatus }>(parts.check, { query: { what: 'doctor' } })).value;
}

async function why(parts: HandlerParts, target: string, rs: string | undefined): Promise<ApiWhy> {
  if (parts.wanted.intent().instances.some((one) => one.name === target)) {
    const instance = (await instancesOf(parts)).find((one) => one.name === target);
    return instance ? whyInstance(instance) : refuse(`the vrrp process does not have ${target} yet`);
  }
  const split = rs === undefined ? splitTarget(parts, target) : [target, rs];
  return (await detailOf(parts, split[0] as string, split[1])).value;
}

/** `web/10.0.0.21:80` is a real server of web; `tcp/192.0.2.10:80` is a service. */
function splitTarget(parts: HandlerParts, target: string): (string | undefined)[] {
  const services = parts.wanted.intent().services;
  const words = ({ name, ids }: (typeof services)[number]) => [name, ...ids.map(serviceKey)];
  if (services.some((one) => words(one).includes(target))) return [target, undefined];
  for (const service of services) {
    for (const word of words(service)) if (target.startsWith(`${word}/`)) return [word, target.slice(word.length + 1)];
  }
  const { instances } = parts.wanted.intent();
  if (instances.length > 0 && !target.includes('/')) return refuse(unknownTarget(target, services, instances));
  return [target, undefined];
}

/** With the peers; undefined: none is configured. Instances of a sync group change hands together. */
async function compare(parts: HandlerParts, instance: string): Promise<Comparison | undefined> {
  const { peers, routerId } = parts.wanted.config().global;
  if (peers.length === 0) return undefined;
  const [here, services] = await Promise.all([status(parts), servicesOf(parts, {})]);
  const named = here.instances.filter(({ name }) => name === instance || name === twinOf(instance));
  const groups = new Set(named.map(({ group }) => group).filter((group) => group !== null));
  const moved = here.instances.filter((one) => named.includes(one) || (one.group !== null && groups.has(one.group)));
  return compareWithPeers(peers, { name: routerId, status: here, services }, moved);
}

const requestOf = (method: ChangeMethod, words: Readonly<Record<string, unknown>>): ChangeRequest =>
  ({ kind: method.replace('_', '-'), ...words }) as unknown as ChangeRequest;

/** Of this director: the others count by themselves. */
function withoutExpected<P extends ChangeOptions>(params: P): P {
  const { expected_revision: _, ...rest } = params;
  return rest as P;
}

const contextOf = (params: ChangeOptions & { readonly force?: boolean }, caller: Caller): ChangeContext => ({
  dryRun: params.dry_run === true,
  reason: params.reason,
  expected: params.expected_revision,
  force: params.force === true,
  who: caller.name,
});

/** A problem that nobody asks about has an age, too. */
const LOOK_MS = { few: 15_000, many: 60_000 };

function withAges(parts: HandlerParts): () => Promise<ApiStatus> {
  const ages = createAges(now);
  const look = async (): Promise<ApiStatus> => {
    const found = await status(parts);
    return { ...found, problems: ages.aged(found.problems) };
  };
  const again = (): void => {
    const ms = isLarge(parts.wanted.intent().services) ? LOOK_MS.many : LOOK_MS.few;
    setTimeout(() => void look().then(again, again), ms).unref();
  };
  again();
  return look;
}

export function createHandlers(parts: HandlerParts): Handlers {
  const agedStatus = withAges(parts);
  const { wanted, events } = parts;
  const { sharing } = parts.pair;
  /** A change, here and then at the peers that share it; one that a peer shares is made here alone. */
  const changes =
    <M extends SharedMethod>(method: M, requestsOf: (words: Record<string, unknown>) => readonly ChangeRequest[]) =>
    async (params: Methods[M]['params'], caller: Caller): Promise<ApiChanged> => {
      const { dry_run: dryRun, reason, expected_revision: expected, shared_by: from, ...words } = params;
      const who = from === undefined ? caller.name : `${from}, by ${caller.name}`;
      const force = 'force' in words && words.force === true;
      const result = await wanted.change(requestsOf(words), { dryRun, reason, expected, who, force });
      const notes = from === undefined ? await sharing.share(method, withoutExpected(params), who) : [];
      return notes.length === 0 ? result : { ...result, notes: [...(result.notes ?? []), ...notes] };
    };
  return {
    status: agedStatus,
    brief: () => brief(parts),
    async list(params) {
      // What comes later is told to the check process behind this question.
      const { revision } = wanted.intent();
      return { revision, services: await servicesOf(parts, params) };
    },
    stats: ({ service }) => statsOf(parts, service),
    names: ({ service }) => Promise.resolve(namesOf(wanted.intent(), service)),
    async show({ service, rs }) {
      const [found] = await servicesOf(parts, { service });
      const detail = (await detailOf(parts, service, rs)).value;
      const realServer =
        rs === undefined ? null : (found?.real_servers.find((one) => detail.target.endsWith(`/${one.address}`)) ?? null);
      return { service: found as ApiService, real_server: realServer, checks: detail.checks };
    },
    add_rs: changes('add_rs', (words) => [requestOf('add_rs', words)]),
    set_rs: changes('set_rs', (words) => [requestOf('set_rs', words)]),
    del_rs: changes('del_rs', (words) => [requestOf('del_rs', words)]),
    set_state: changes('set_state', (words) => [requestOf('set_state', words)]),
    set_host: changes('set_host', (words) => [requestOf('set_host', words)]),
    add_vs: changes('add_vs', (words) => [requestOf('add_vs', words)]),
    set_vs: changes('set_vs', (words) => [requestOf('set_vs', words)]),
    changes: changes('changes', ({ changes: list }) =>
      (list as readonly ApiChange[]).map((one) => requestOf(one.method, one.params)),
    ),
    del_vs: changes('del_vs', (words) => [requestOf('del_vs', words)]),
    async failover(params, caller) {
      wanted.expect(params.expected_revision);
      return failover(parts, params, caller.name, (instance) => compare(parts, instance));
    },
    async take_over({ service, dry_run, expected_revision: expected }, caller) {
      wanted.expect(expected);
      return takeOver(parts, service, dry_run === true, caller.name);
    },
    async vrrp({ instance }) {
      const instances = await instancesOf(parts);
      if (instance === undefined) return { instances };
      const found = instances.filter((one) => one.name === instance || one.name === twinOf(instance));
      if (found.length > 0) return { instances: found };
      const names = instances.map((one) => one.name).join(', ');
      return refuse(`unknown VRRP instance "${instance}"${names ? `; there is ${names}` : ': none is configured'}`);
    },
    why: ({ target, rs }) => why(parts, target, rs),
    doctor: () => examine(wanted.intent(), kernelStatus(parts), instancesOf(parts)),
    reload: (params, caller) => wanted.reload(contextOf(params, caller)),
    plan: ({ text, name }) => plan(parts, text === undefined ? undefined : { text, name }),
    apply: ({ text, name, confirm, ...options }, caller) =>
      wanted.apply({ text, name, confirm: confirm === undefined ? undefined : confirm * 1000, ...contextOf(options, caller) }),
    confirm: (params, caller) => wanted.confirm(contextOf(params, caller)),
    rollback: async ({ revision, ...options }, caller) =>
      withPeers(wanted, await wanted.rollback(revision, contextOf(options, caller))),
    history: ({ limit }) => Promise.resolve(history(wanted, limit)),
    overrides: () => Promise.resolve({ overrides: wanted.overrides().map(describeOverride) }),
    diff: (params) =>
      diff(parts, params, async () => {
        const [here, services] = await Promise.all([status(parts), servicesOf(parts, {})]);
        return { name: wanted.config().global.routerId, status: here, services };
      }),
    save: (params, caller) => wanted.save(contextOf(params, caller)),
    events: async (params) => ({ events: recall(events, params) }),
  };
}
