/** What core asks the check process. */
import { parseEndpoint } from '../../base/ip.js';
import { serviceKey } from '../../base/service-id.js';
import { destinationsOf } from '../../config/destinations.js';
import type { ApiLoad } from '../../control/api.js';
import type { KernelStatus } from '../../intent/doctor/types.js';
import type { RealServerIntent, ServiceIntent } from '../../intent/types.js';
import { destinationKey } from '../../ipvs/types.js';
import { wallClock } from '../../os/clock.js';
import type { CheckBrief, CheckQuery, CheckSummary } from '../messages.js';
import { blindness } from './blind.js';
import type { DirectorReport } from './director.js';
import { kernelDifferences } from './kernel-diff.js';
import { drainsOf, slowStartsOf } from './moving.js';
import { describeWay } from './passages.js';
import type { Pool } from './pool.js';
import { downOf, type Kernel, reportForeign, reportService, reportWay, reportWhy, summarizeService } from './report.js';
import type { Load } from './scheduler.js';
import { reportStats, trafficOf } from './stats.js';

export type Answer = { readonly value: unknown } | { readonly error: string };

/** So many of each kind are listed among the problems. */
const LISTED = 100;

export async function answer(pool: Pool | undefined, query: CheckQuery): Promise<Answer> {
  if (!pool) return { error: 'the check process has no configuration yet' };
  switch (query.what) {
    case 'summary':
      return { value: summary(pool) };
    case 'brief':
      return { value: { active: activeIn(pool) } satisfies CheckBrief };
    case 'services':
      return services(pool, query);
    case 'stats':
      return stats(pool, query.service);
    case 'detail':
      return detail(pool, query.service, query.rs);
    case 'take-over':
      return takeOver(pool, query.service);
    case 'kernel-diff':
      return kernelDiff(pool);
    case 'plan':
      return pool.keeper.problem === undefined ? { value: pool.foresee(query) } : { error: pool.keeper.problem };
    case 'doctor':
      return { value: pool.director() satisfies KernelStatus };
  }
}

function summary(pool: Pool): CheckSummary {
  const { keeper, catalogue } = pool;
  const sight = pool.sight();
  const all = [...catalogue.all()];
  const down: CheckSummary['down'][number][] = [];
  const refusals: CheckSummary['refusals'][number][] = [];
  for (const service of all) {
    const refusal = service.ids.map((id) => sight.refusalOf(serviceKey(id))).find((text) => text !== undefined);
    if (refusal !== undefined) refusals.push({ service: service.name, reason: refusal });
    if (down.length >= LISTED) continue;
    for (const one of downOf(sight, service)) down.push({ service: service.name, ...one });
  }
  for (const way of pool.passages.all()) {
    const reason = keeper.refusal(way.key);
    if (reason !== undefined) refusals.push({ service: describeWay(way), reason });
  }
  return {
    ipvs: keeper.problem ? { usable: false, text: keeper.problem } : { usable: true, text: 'ok' },
    drift: keeper.drift(),
    services: all.map((service) => ({ ...summarizeService(sight, service), ...loadOf(pool, service, all.length) })),
    foreign: keeper.foreign(),
    drains: all.flatMap((service) => drainsOf(service, () => kernelOf(pool, service))).slice(0, LISTED),
    slowStarts: all.flatMap((service) => slowStartsOf(sight, service)).slice(0, LISTED),
    suspicion: pool.suspicion() ?? null,
    ...directorSummary(pool.director()),
    probes: probesOf(pool.load()),
    refusals: refusals.slice(0, LISTED),
    down: down.slice(0, LISTED),
    blind: blindness(all, sight).slice(0, LISTED),
  };
}

/** Of up to so many services each is looked at for `status`: about 0.1 ms of reading for each. */
const LOOKED_AT = 100;

const sum = (all: readonly number[]): number => all.reduce((total, one) => total + one, 0);

/** What the kernel counts, where that costs little. */
function loadOf(pool: Pool, service: ServiceIntent, services: number): ApiLoad {
  const wanted = sum(service.realServers.map(({ weight }) => weight));
  const kernel = services > LOOKED_AT ? undefined : kernelOf(pool, service, true);
  const found = [...(kernel?.values() ?? [])];
  if (found.length === 0) return { weight: null, wanted_weight: wanted, active_connections: null, rates: null };
  const destinations = found.flatMap((one) => [...one.destinations.values()]);
  return {
    // The same in each kernel service of the virtual server.
    weight: sum([...(found[0]?.destinations.values() ?? [])].map(({ weight }) => weight)),
    wanted_weight: wanted,
    active_connections: sum(destinations.map(({ active }) => active)),
    rates: trafficOf(found)?.rates ?? null,
  };
}

function activeIn(pool: Pool): number | null {
  const all = [...pool.catalogue.all()];
  if (all.length > LOOKED_AT) return null;
  const destinations = all.flatMap((one) =>
    [...(kernelOf(pool, one)?.values() ?? [])].flatMap((it) => [...it.destinations.values()]),
  );
  return sum(destinations.map(({ active }) => active));
}

function directorSummary({ sync, settings, timeouts, netfilter }: DirectorReport): Pick<CheckSummary, 'sync' | 'settings'> {
  const wrong = settings.filter((one) => one.state !== 'ok' && one.state !== 'absent');
  const problems = wrong.map((one) => `net.ipv4.vs.${one.name} should be ${one.wanted}: ${one.state}`);
  if (timeouts.problem !== null) problems.push(`timeouts: ${timeouts.problem}`);
  if (netfilter.problem !== null) problems.push(`nftables: ${netfilter.problem}`);
  return { sync, settings: problems };
}

const tenths = (ms: number): number => Math.round(ms * 10) / 10;

const probesOf = (load: Load): CheckSummary['probes'] => ({
  checks: load.checks,
  running: load.running,
  limit: load.limit,
  waiting: load.waiting,
  oldest_wait_ms: tenths(load.oldestWait),
  longest_wait_ms: tenths(load.longestWait),
  latest_start_ms: tenths(load.latest),
});

async function allServices(pool: Pool, { counters = false, all = false }: ServicesQuery) {
  const kernel = await pool.keeper.readAll(counters);
  const sight = pool.sight();
  const foreign = pool.keeper.foreign().flatMap((key) => kernel?.get(key) ?? []);
  return [
    ...[...pool.catalogue.all()].map((one) => reportService(sight, kernel, one)),
    ...foreign.map(reportForeign),
    ...(all ? [...pool.passages.all()].map((way) => reportWay(way, kernel?.get(way.key))) : []),
  ];
}

/** A fresh reading of what the virtual server is in the kernel. */
function kernelOf(pool: Pool, service: ServiceIntent, counters = false): Kernel {
  const found = pool.keeper.read(service.ids, counters);
  return found && new Map(found.flatMap((one) => (one ? [[serviceKey(one.id), one] as const] : [])));
}

/** Up to so many services are read one by one, at once. */
const FEW = 20;

/** Real servers of a host: of each service only those. */
async function hosted(pool: Pool, host: string, counters: boolean) {
  const isOnHost = ({ address }: { readonly address: string }) => address === host;
  const found = [...pool.catalogue.all()].filter((one) => destinationsOf(one).some(isOnHost));
  const whole = found.length > FEW ? await pool.keeper.readAll(counters) : undefined;
  const sight = pool.sight();
  return found.map((service) => {
    const kernel = found.length > FEW ? whole : kernelOf(pool, service, counters);
    const keys = new Set(destinationsOf(service).flatMap((one) => (isOnHost(one) ? [one.key] : [])));
    const report = reportService(sight, kernel, service);
    return { ...report, real_servers: report.real_servers.filter((one) => keys.has(one.address)) };
  });
}

async function kernelDiff({ catalogue, keeper }: Pool): Promise<Answer> {
  const kernel = await keeper.readAll(false);
  if (!kernel) return { error: `the kernel's table cannot be read: ${keeper.problem ?? 'it is opened anew'}` };
  return {
    value: kernelDifferences({
      services: catalogue.all(),
      kernel,
      wantedOf: (key) => keeper.wanted(key),
      foreign: keeper.foreign(),
    }),
  };
}

type ServicesQuery = Extract<CheckQuery, { readonly what: 'services' }>;

async function services(pool: Pool, query: ServicesQuery): Promise<Answer> {
  const { service: word, host, counters = false } = query;
  if (host !== undefined) return { value: { services: await hosted(pool, host, counters) } };
  if (word === undefined) return { value: { services: await allServices(pool, query) } };
  const service = pool.catalogue.find(word);
  if (!service) return unknown(pool, word);
  return { value: { services: [reportService(pool.sight(), kernelOf(pool, service, counters), service)] } };
}

async function stats(pool: Pool, word: string | undefined): Promise<Answer> {
  const { catalogue, keeper } = pool;
  const service = word === undefined ? undefined : catalogue.find(word);
  if (word !== undefined && !service) return unknown(pool, word);
  const at = wallClock();
  const kernel = service ? kernelOf(pool, service, true) : await keeper.readAll(true);
  if (!kernel) return { error: `no statistics: IPVS cannot be used: ${keeper.problem ?? 'it is opened anew'}` };
  const services = service ? [service] : catalogue.all();
  return { value: reportStats({ at, counting: pool.director().counting, services, kernel, foreign: new Set(keeper.foreign()) }) };
}

function detail(pool: Pool, word: string, rs: string | undefined): Answer {
  const service = pool.catalogue.find(word);
  if (!service) return unknown(pool, word);
  const server = rs === undefined ? undefined : findServer(service, rs);
  return typeof server === 'string'
    ? { error: server }
    : { value: reportWhy(pool.sight(), kernelOf(pool, service), service, server) };
}

function takeOver(pool: Pool, word: string): Answer {
  const service = pool.catalogue.find(word);
  if (!service) return unknown(pool, word);
  const taken = pool.keeper.takeOver(service.ids.map(serviceKey));
  return taken > 0
    ? { value: { text: `${service.name}: ${taken} ${taken === 1 ? 'service is' : 'services are'} lbd's now` } }
    : { error: `${service.name} is lbd's already, or the kernel has nothing of it: there is nothing to take over` };
}

function unknown(pool: Pool, word: string): Answer {
  const names = [...pool.catalogue.all()].map((one) => one.name);
  const hint = names.length > 0 && names.length <= 20 ? `; there is ${names.join(', ')}` : '';
  return { error: `unknown service "${word}"${hint}` };
}

/** The real server that `ADDRESS[:PORT]` names, or the sentence that says why it names none. */
function findServer(service: ServiceIntent, word: string): RealServerIntent | string {
  const endpoint = parseEndpoint(word);
  if (!endpoint) return `"${word}" is no real server address (ADDRESS:PORT)`;
  const { address, port } = endpoint;
  const all = destinationsOf(service);
  const matches = all.filter((one) => one.address === address && (port === undefined || one.port === port));
  if (matches.length === 1) return matches[0] as RealServerIntent;
  if (matches.length > 1) return `the port is ambiguous: ${matches.map(destinationKey).join(', ')}`;
  return `${service.name} has no real server ${word}; it has ${all.map((one) => one.key).join(', ') || 'none'}`;
}
