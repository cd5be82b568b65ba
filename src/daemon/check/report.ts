/** What the check process tells of itself: the three states of every real server, apart, and why. */

import { formatDuration } from '../../base/duration.js';
import { addressBits } from '../../base/ip.js';
import type { Instant } from '../../base/time.js';
import { destinationsOf } from '../../config/destinations.js';
import type { ApiAdmin, ApiCheck, ApiRealServer, ApiService, ApiTraffic, ApiWhy } from '../../control/api.js';
import { describeCheck, describeCheckFully } from '../../health/key.js';
import { isRunning } from '../../health/machine.js';
import type { ResultRecord } from '../../health/types.js';
import { honours } from '../../intent/admin.js';
import type { Admin, RealServerIntent, ServiceIntent, Source } from '../../intent/types.js';
import { planService } from '../../ipvs/plan.js';
import { type KernelDestination, type KernelService, type Service, serviceKey } from '../../ipvs/types.js';
import { describeStanding } from '../../pool/admin.js';
import { explain, type Member } from '../../pool/explain.js';
import { kernelKey, memberVerdict, serverVerdict } from '../../pool/membership.js';
import { sorryIn } from '../../pool/notes.js';
import { describeStrength, strengthOf } from '../../pool/quorum.js';
import { describeWay, type Way } from './passages.js';
import {
  memberOf,
  oddities,
  type PoolSight,
  poolStep,
  poolSteps,
  serverPool,
  shareIn,
  type Weigh,
  weigher,
} from './report-pool.js';
import { connectionsOf, trafficOf } from './stats.js';

/** What the reports look at. */
export interface Sight extends PoolSight {
  /** Results of a check, newest first. */
  readonly historyOf: (checkKey: string) => readonly ResultRecord[];
  /** Of a kernel service, by its key. */
  readonly wantedOf: (key: string) => Service | undefined;
  /** As of the last reading. */
  readonly believedOf: (key: string) => Service | undefined;
  readonly refusalOf: (key: string) => string | undefined;
  /** The VRRP instance that is not master here, and so keeps the service out of the kernel. */
  readonly standsBack: (service: ServiceIntent) => string | undefined;
}

/** The kernel's services of a fresh reading; undefined while IPVS cannot be used. */
export type Kernel = ReadonlyMap<string, KernelService> | undefined;

const seconds = (from: Instant, to: Instant): number => Math.max(0, Math.round((to - from) / 100) / 10);

const provenance = (source: Source) => (source.kind === 'file' ? null : source.override);

function verdictOf(sight: Sight, member: Member): ApiRealServer['verdict'] {
  const state = memberVerdict(
    member.checks.map((check) => check.state?.verdict ?? 'unknown'),
    member.needed,
  );
  const deciding = member.checks.find((check) => check.state?.verdict === state) ?? member.checks[0];
  if (!deciding?.state) return { state, since_seconds: null, reason: '' };
  const { since, reason } = deciding.state;
  return {
    state,
    since_seconds: seconds(since, sight.now),
    reason: reason === '' ? '' : `${describeCheck(deciding.spec)}: ${reason}`,
  };
}

/** Nothing when the reading was without counters. */
function traffic(read: readonly (KernelDestination | KernelService)[]): { readonly traffic?: ApiTraffic } {
  const found = trafficOf(read);
  return found ? { traffic: found } : {};
}

/** A real server in each kernel service of its virtual server, as one: connections add up. */
function kernelSide(destinations: readonly KernelDestination[]): ApiRealServer['kernel'] {
  const [first] = destinations;
  if (!first) return null;
  const { weight, forward } = first;
  return { weight, forward, ...connectionsOf(destinations), ...traffic(destinations) };
}

const kernelDestinations = (kernel: Kernel, service: ServiceIntent, server: RealServerIntent): KernelDestination[] =>
  service.ids.flatMap((id) => kernel?.get(serviceKey(id))?.destinations.get(kernelKey(server, id)) ?? []);

function reportServer(
  sight: Sight,
  kernel: Kernel,
  service: ServiceIntent,
  server: RealServerIntent,
  weigh?: Weigh,
): ApiRealServer {
  const member = memberOf(sight, service, server, weigh);
  const own = server.admin?.source ?? (server.weightSource.kind === 'override' ? server.weightSource : server.source);
  const found = kernelSide(kernelDestinations(kernel, service, server));
  return {
    address: server.key,
    wanted: {
      weight: server.weight,
      configured_weight: server.configuredWeight,
      forward: server.forward,
      upper: server.upper,
      lower: server.lower,
      source: server.source.kind === 'file' ? 'file' : 'runtime',
      override: provenance(own),
      admin: adminOf(service, server),
    },
    effective_weight: effectiveWeight(sight, service, server),
    verdict: verdictOf(sight, member),
    kernel: found,
    ...(server === service.sorry ? {} : { pool: serverPool(sight, service, server, member) }),
    why: server === service.sorry ? explainSorry(sight, service) : explainServer(sight, service, server, member, found),
  };
}

const secondsUntil = (at: number | undefined): number | null =>
  at === undefined ? null : Math.max(0, Math.ceil((at - Date.now()) / 1000));

function adminOf({ persistence }: ServiceIntent, { admin }: RealServerIntent): ApiAdmin | null {
  if (!admin) return null;
  const { state, until, expires, sticky, host, remove, source } = admin;
  return {
    state,
    scope: host ? 'host' : 'server',
    deadline_seconds: secondsUntil(until),
    expires_seconds: secondsUntil(expires),
    sticky: (persistence && sticky) ?? null,
    removes: remove === true,
    by: provenance(source),
  };
}

/** The weight that the kernel should have; the same in every kernel service of the virtual server. */
function effectiveWeight(sight: Sight, { id }: ServiceIntent, server: RealServerIntent): number | null {
  return sight.wantedOf(serviceKey(id))?.destinations.get(kernelKey(server, id))?.weight ?? null;
}

/** The administrator's word first; what the checks say is another matter. */
function explainServer(
  sight: Sight,
  service: ServiceIntent,
  server: RealServerIntent,
  member: Member,
  kernel: ApiRealServer['kernel'],
): string {
  const now = Date.now();
  const said = describeStanding(server, kernel ?? undefined, now, honours(service, server, now));
  if (said === undefined) return explain(member);
  const { state, reason } = verdictOf(sight, member);
  return state === 'down' ? `${said}; down: ${reason}` : said;
}

function explainSorry(sight: Sight, service: ServiceIntent): string {
  const pool = sight.poolOf(service);
  const also = service.floor?.below === 'sorry' ? ', or for too few to be healthy' : '';
  if (pool.leaving !== undefined)
    return `sorry server: its turn is over, and what it is serving goes on for ${Math.max(1, Math.round((pool.leaving - sight.now) / 1000))}s`;
  if (!sorryIn(service, pool)) return `sorry server: waits for the quorum to be lost${also}`;
  if (pool.quorum === 'lost') return `sorry server: serves while the quorum is lost: ${strengthText(sight, service)}`;
  return 'sorry server: serves while too few are healthy';
}

const verdictIn = (sight: Sight) => (key: string) => sight.stateOf(key)?.verdict ?? 'unknown';

const strengthText = (sight: Sight, service: ServiceIntent): string =>
  describeStrength(
    service,
    sight.poolOf(service).quorum,
    strengthOf(service, sight.poolOf(service), verdictIn(sight), shareIn(sight)),
  );

const isUp = (state: ApiRealServer['verdict']['state']): boolean => state === 'up' || state === 'unchecked';

/** Words as ipvsadm has them, and what lbd adds. */
function optionsOf({ ids, persistence, onePacket, schedulerFlags, snat, follow }: ServiceIntent): string[] {
  const words: string[] = [...schedulerFlags];
  if (persistence) words.push(`persistent ${persistence.timeout}`);
  if (persistence && persistence.prefix !== addressBits(ids[0]?.family ?? 4)) words.push(`mask /${persistence.prefix}`);
  if (persistence && persistence.engine !== '') words.push(`pe ${persistence.engine}`);
  if (onePacket) words.push('ops');
  if (snat) words.push('snat');
  if (follow !== 'auto' && follow !== 'always') words.push(`follows ${follow}`);
  return words;
}

/** What set-vs has set. */
const changedIn = ({ changed }: ServiceIntent): Pick<ApiService, 'changed'> =>
  changed
    ? { changed: changed.map(({ source, setting, value, before }) => ({ setting, value, before, by: provenance(source) })) }
    : {};

export type ServiceSummary = Omit<ApiService, 'real_servers'>;

/** What `status` shows: from the last reading, which is young. */
export function summarizeService(sight: Sight, service: ServiceIntent): ServiceSummary {
  const keys = service.ids.map(serviceKey);
  const verdicts = service.realServers.map((server) => serverVerdict(server, (key) => sight.stateOf(key)?.verdict ?? 'unknown'));
  return {
    name: service.name,
    key: service.key,
    keys,
    source: service.source.kind === 'file' ? 'file' : 'runtime',
    scheduler: service.scheduler,
    options: optionsOf(service),
    forward: service.forward,
    on_failure: service.onFailure,
    ...changedIn(service),
    in_kernel: keys.every((key) => sight.believedOf(key) !== undefined),
    in_sync: keys.every((key) => inSync(sight.believedOf(key), sight.wantedOf(key), sight.refusalOf(key))),
    stands_back_for: sight.standsBack(service) ?? null,
    quorum: { state: sight.poolOf(service).quorum ?? 'unknown', text: strengthText(sight, service) },
    pool: oddities(service, sight.poolOf(service)),
    sorry_server: service.sorry?.key ?? null,
    up: verdicts.filter(isUp).length,
    total: verdicts.length,
  };
}

/** Real servers that are down, or held out for flapping, and why; not those that are out of service by the administrator's word. */
export function downOf(sight: Sight, service: ServiceIntent): { readonly rs: string; readonly reason: string }[] {
  const { penalties } = sight.poolOf(service);
  const isOut = (server: RealServerIntent) =>
    serverVerdict(server, verdictIn(sight)) === 'down' || penalties.get(server.key)?.held === true;
  return service.realServers
    .filter((server) => !server.admin && isOut(server))
    .map((server) => ({ rs: server.key, reason: explain(memberOf(sight, service, server)) }));
}

const inSync = (have: Service | undefined, want: Service | undefined, refusal: string | undefined): boolean =>
  refusal === undefined && planService(have, want).length === 0;

export function reportService(sight: Sight, kernel: Kernel, service: ServiceIntent): ApiService {
  const weigh = weigher(sight, service);
  return {
    ...summarizeService(sight, service),
    ...traffic(service.ids.flatMap((id) => kernel?.get(serviceKey(id)) ?? [])),
    real_servers: destinationsOf(service).map((server) => reportServer(sight, kernel, service, server, weigh)),
  };
}

/** A service that is somebody else's, as the kernel has it. */
export function reportForeign(service: KernelService): ApiService {
  const key = serviceKey(service.id);
  const servers = [...service.destinations].map(([address, destination]): ApiRealServer => {
    const { weight, forward, upper, lower } = destination;
    return {
      address,
      wanted: { weight, configured_weight: weight, forward, upper, lower, source: 'runtime', override: null, admin: null },
      effective_weight: weight,
      verdict: { state: 'unchecked', since_seconds: null, reason: '' },
      kernel: kernelSide([destination]),
      why: 'foreign: not in the configuration, and never touched by lbd',
    };
  });
  return {
    name: key,
    key,
    keys: [key],
    source: 'foreign',
    scheduler: service.scheduler,
    options: service.timeout > 0 && (service.flags & 1) !== 0 ? [`persistent ${service.timeout}`] : [],
    forward: servers[0]?.wanted.forward ?? '-',
    on_failure: '-',
    in_kernel: true,
    in_sync: true,
    stands_back_for: null,
    quorum: { state: 'unknown', text: '' },
    sorry_server: null,
    up: servers.length,
    total: servers.length,
    ...traffic([service]),
    real_servers: servers,
  };
}

/** The passage of checks to one real server. */
export function reportWay(way: Way, kernel: KernelService | undefined): ApiService {
  const service: KernelService = kernel ?? { ...way.service, destinations: new Map(), stats: undefined };
  const report = reportForeign(service);
  const servers = report.real_servers.map((one) => ({ ...one, why: 'checks via: vip reach this real server through it' }));
  return {
    ...report,
    name: describeWay(way),
    source: 'checks',
    forward: way.passage.forward,
    in_kernel: kernel !== undefined,
    in_sync: planService(kernel, way.service).length === 0,
    real_servers: servers,
  };
}

function reportCheck(sight: Sight, check: Member['checks'][number]): ApiCheck {
  const { spec, state } = check;
  const waits = state && !isRunning(state) ? Math.max(0, seconds(sight.now, state.nextAt)) : null;
  return {
    type: spec.check.type,
    description: describeCheckFully(spec),
    verdict: state?.verdict ?? 'unknown',
    since_seconds: state ? seconds(state.since, sight.now) : 0,
    next_in_seconds: waits,
    results: (state ? sight.historyOf(spec.key) : []).map(({ ok, local, reason, duration, at }) => ({
      ok,
      local,
      reason,
      duration_ms: Math.round(duration * 100) / 100,
      ago_seconds: seconds(at, sight.now),
    })),
  };
}

const until = (ends: number | undefined): string => (ends === undefined ? '' : `, until ${new Date(ends).toISOString()}`);

const words = (source: Source): string =>
  source.kind === 'file'
    ? 'from the configuration file'
    : `set at run time by ${source.override.who} at ${source.override.when}${source.override.why ? `: ${source.override.why}` : ''}${until(source.override.ends)}`;

/** `drain of host 10.0.0.21, its persistent clients keep coming` */
function stateWords({ persistence }: ServiceIntent, { address }: RealServerIntent, { state, host, sticky }: Admin): string {
  const kept = sticky === 'honour' ? ', persistent clients keep coming' : ', persistent clients go to others';
  return `${state}${host ? ` of host ${address}` : ''}${persistence && state === 'drain' && sticky ? kept : ''}`;
}

const refusalOf = (sight: Sight, service: ServiceIntent): string | undefined =>
  service.ids.map((id) => sight.refusalOf(serviceKey(id))).find((text) => text !== undefined);

function kernelStep(sight: Sight, kernel: Kernel, service: ServiceIntent, server: ApiRealServer): string {
  const refusal = refusalOf(sight, service);
  const leader = sight.standsBack(service);
  if (!kernel) return 'kernel: IPVS cannot be used';
  if (refusal) return `kernel: refused: ${refusal}`;
  if (leader !== undefined)
    return `kernel: not in the table while ${leader} is not master here: this host is a real server itself`;
  const table = service.ids.length === 1 ? service.key : `${service.key} and ${service.ids.length - 1} more`;
  if (!server.kernel) return `kernel: ${server.address} is not in the table of ${table}`;
  const { weight, active, inactive, persistent } = server.kernel;
  const clients = service.persistence ? `, ${persistent} templates of persistent clients` : '';
  return `kernel: in the table of ${table} with weight ${weight}, ${active} active and ${inactive} inactive connections${clients}`;
}

function whyServer(sight: Sight, kernel: Kernel, service: ServiceIntent, server: RealServerIntent): ApiWhy {
  const report = reportServer(sight, kernel, service, server);
  const member = memberOf(sight, service, server);
  const changed = server.weightSource.kind === 'override' ? `, weight ${words(server.weightSource)}` : '';
  const configured = server.weight === server.configuredWeight ? '' : ` of ${server.configuredWeight} configured`;
  const steps = [`wanted: weight ${server.weight}${configured} (${words(server.source)}${changed})`];
  for (const word of server.said ?? []) steps.push(`state: ${stateWords(service, server, word)} (${words(word.source)})`);
  for (const { spec, state, latest } of member.checks) {
    const since = state ? `, for ${formatDuration(Math.round((sight.now - state.since) / 1000) * 1000)}` : '';
    const last = latest ? `; last result ${seconds(latest.at, sight.now)}s ago: ${latest.reason}` : '';
    steps.push(`check ${describeCheckFully(spec)}: ${state?.verdict ?? 'unknown'}${since}${last}`);
  }
  if (member.checks.length === 0)
    steps.push(server === service.sorry ? 'check: none, a sorry server has none' : 'check: none, so it is always up');
  if (server !== service.sorry) steps.push(poolStep(service, server, member, report.effective_weight));
  steps.push(kernelStep(sight, kernel, service, report));
  const checks = member.checks.map((check) => reportCheck(sight, check));
  return { target: `${service.name}/${server.key}`, summary: report.why, steps, checks };
}

function whyService(sight: Sight, kernel: Kernel, service: ServiceIntent): ApiWhy {
  const report = reportService(sight, kernel, service);
  const steps = [`wanted: ${report.keys.join(', ')}, scheduler ${service.scheduler} (${words(service.source)})`];
  for (const { setting, value, before, source } of service.changed ?? [])
    steps.push(`setting: ${setting} ${value}, otherwise ${before} (${words(source)})`);
  if (report.quorum.state !== 'unknown') steps.push(`quorum: ${report.quorum.state}, ${report.quorum.text}`);
  steps.push(...poolSteps(service, sight.poolOf(service)));
  for (const server of report.real_servers) steps.push(`${server.address}: ${server.why}`);
  const refusal = refusalOf(sight, service);
  if (refusal) steps.push(`kernel: refused: ${refusal}`);
  else if (!kernel) steps.push('kernel: IPVS cannot be used');
  else if (report.stands_back_for !== null)
    steps.push(`kernel: not in the table while ${report.stands_back_for} is not master here`);
  else steps.push(report.in_sync ? 'kernel: as wanted' : 'kernel: differs from what is wanted; being repaired');
  return {
    target: service.name,
    summary: `${service.name}: ${report.up} of ${report.total} real servers are up`,
    steps,
    checks: [],
  };
}

/** The chain from the first cause to the kernel, for a service or one of its real servers. */
export const reportWhy = (sight: Sight, kernel: Kernel, service: ServiceIntent, server: RealServerIntent | undefined): ApiWhy =>
  server ? whyServer(sight, kernel, service, server) : whyService(sight, kernel, service);
