/** What the check process tells of itself: the three states of every real server, apart, and why. */

import { formatDuration } from '../../base/duration.js';
import { addressBits } from '../../base/ip.js';
import type { Instant } from '../../base/time.js';
import { destinationsOf } from '../../config/destinations.js';
import type { ApiCheck, ApiRealServer, ApiService, ApiTraffic, ApiWhy } from '../../control/api.js';
import { describeCheck, describeCheckFully } from '../../health/key.js';
import type { HealthState } from '../../health/types.js';
import type { RealServerIntent, ServiceIntent, Source } from '../../intent/types.js';
import { planService } from '../../ipvs/plan.js';
import { type KernelDestination, type KernelService, type Service, serviceKey } from '../../ipvs/types.js';
import { describeStanding } from '../../pool/admin.js';
import { explain, type Member } from '../../pool/explain.js';
import { checksOf, kernelKey, type Memberships, memberVerdict, serverVerdict, weightOf } from '../../pool/membership.js';
import { describeStrength, type Quorum, sorryServes, strengthOf } from '../../pool/quorum.js';
import { describeWay, type Way } from './passages.js';
import { connectionsOf, trafficOf } from './stats.js';

/** What the reports look at. */
export interface Sight {
  readonly now: Instant;
  readonly stateOf: (checkKey: string) => HealthState | undefined;
  readonly membersOf: (service: ServiceIntent) => Memberships;
  /** Undefined: not known yet. */
  readonly quorumOf: (service: ServiceIntent) => Quorum | undefined;
  /** Of a kernel service, by its key. */
  readonly wantedOf: (key: string) => Service | undefined;
  /** As of the last reading. */
  readonly believedOf: (key: string) => Service | undefined;
  readonly refusalOf: (key: string) => string | undefined;
  /** The failure of a check does not count: this director suspects itself. */
  readonly isHeld: (checkKey: string) => boolean;
  /** The VRRP instance that is not master here, and so keeps the service out of the kernel. */
  readonly standsBack: (service: ServiceIntent) => string | undefined;
}

/** The kernel's services of a fresh reading; undefined while IPVS cannot be used. */
export type Kernel = ReadonlyMap<string, KernelService> | undefined;

const seconds = (from: Instant, to: Instant): number => Math.max(0, Math.round((to - from) / 100) / 10);

function memberOf(sight: Sight, service: ServiceIntent, server: RealServerIntent): Member {
  return {
    membership: sight.membersOf(service).get(server.key) ?? 'out',
    weight: weightOf(server, shareIn(sight)),
    asked: server.weight,
    held: checksOf(server).some(({ key }) => sight.isHeld(key)),
    sorry: server !== service.sorry && sorryServes(service, sight.quorumOf(service)),
    checks: checksOf(server).map((spec) => ({ spec, state: sight.stateOf(spec.key) })),
  };
}

const provenance = (source: Source) => (source.kind === 'file' ? null : source.override);

function verdictOf(sight: Sight, member: Member): ApiRealServer['verdict'] {
  const state = memberVerdict(member.checks.map((check) => check.state?.verdict ?? 'unknown'));
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

function reportServer(sight: Sight, kernel: Kernel, service: ServiceIntent, server: RealServerIntent): ApiRealServer {
  const member = memberOf(sight, service, server);
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
      admin: adminOf(server),
    },
    verdict: verdictOf(sight, member),
    kernel: found,
    why: server === service.sorry ? explainSorry(sight, service) : explainServer(sight, server, member, found),
  };
}

function adminOf({ admin }: RealServerIntent) {
  if (!admin) return null;
  const { state, until } = admin;
  return { state, deadline_seconds: until === undefined ? null : Math.max(0, Math.ceil((until - Date.now()) / 1000)) };
}

/** The administrator's word first; what the checks say is another matter. */
function explainServer(sight: Sight, server: RealServerIntent, member: Member, kernel: ApiRealServer['kernel']): string {
  const said = describeStanding(server, kernel ?? undefined, Date.now());
  if (said === undefined) return explain(member);
  const { state, reason } = verdictOf(sight, member);
  return state === 'down' ? `${said}; down: ${reason}` : said;
}

function explainSorry(sight: Sight, service: ServiceIntent): string {
  if (sorryServes(service, sight.quorumOf(service)))
    return `sorry server: serves while the quorum is lost: ${strengthText(sight, service)}`;
  return 'sorry server: waits for the quorum to be lost';
}

const verdictIn = (sight: Sight) => (key: string) => sight.stateOf(key)?.verdict ?? 'unknown';

const shareIn = (sight: Sight) => (key: string) => sight.stateOf(key)?.share;

const strengthText = (sight: Sight, service: ServiceIntent): string =>
  describeStrength(
    service,
    sight.quorumOf(service),
    strengthOf(service, sight.membersOf(service), verdictIn(sight), shareIn(sight)),
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
    in_kernel: keys.every((key) => sight.believedOf(key) !== undefined),
    in_sync: keys.every((key) => inSync(sight.believedOf(key), sight.wantedOf(key), sight.refusalOf(key))),
    stands_back_for: sight.standsBack(service) ?? null,
    quorum: { state: sight.quorumOf(service) ?? 'unknown', text: strengthText(sight, service) },
    sorry_server: service.sorry?.key ?? null,
    up: verdicts.filter(isUp).length,
    total: verdicts.length,
  };
}

/** Real servers that are down, and why. */
export const downOf = (sight: Sight, service: ServiceIntent): { readonly rs: string; readonly reason: string }[] =>
  service.realServers
    .filter((server) => serverVerdict(server, (key) => sight.stateOf(key)?.verdict ?? 'unknown') === 'down')
    .map((server) => ({ rs: server.key, reason: explain(memberOf(sight, service, server)) }));

const inSync = (have: Service | undefined, want: Service | undefined, refusal: string | undefined): boolean =>
  refusal === undefined && planService(have, want).length === 0;

export function reportService(sight: Sight, kernel: Kernel, service: ServiceIntent): ApiService {
  return {
    ...summarizeService(sight, service),
    ...traffic(service.ids.flatMap((id) => kernel?.get(serviceKey(id)) ?? [])),
    real_servers: destinationsOf(service).map((server) => reportServer(sight, kernel, service, server)),
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
  const waits = state && !state.running ? Math.max(0, seconds(sight.now, state.nextAt)) : null;
  return {
    type: spec.check.type,
    description: describeCheckFully(spec),
    verdict: state?.verdict ?? 'unknown',
    since_seconds: state ? seconds(state.since, sight.now) : 0,
    next_in_seconds: waits,
    results: (state?.history ?? []).map(({ ok, reason, duration, at }) => ({
      ok,
      reason,
      duration_ms: Math.round(duration * 100) / 100,
      ago_seconds: seconds(at, sight.now),
    })),
  };
}

const words = (source: Source): string =>
  source.kind === 'file'
    ? 'from the configuration file'
    : `set at run time by ${source.override.who} at ${source.override.when}${source.override.why ? `: ${source.override.why}` : ''}`;

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
  const { weight, active, inactive } = server.kernel;
  return `kernel: in the table of ${table} with weight ${weight}, ${active} active and ${inactive} inactive connections`;
}

function whyServer(sight: Sight, kernel: Kernel, service: ServiceIntent, server: RealServerIntent): ApiWhy {
  const report = reportServer(sight, kernel, service, server);
  const member = memberOf(sight, service, server);
  const changed = server.weightSource.kind === 'override' ? `, weight ${words(server.weightSource)}` : '';
  const steps = [`wanted: weight ${server.weight} (${words(server.source)}${changed})`];
  if (server.admin) steps.push(`state: ${server.admin.state} (${words(server.admin.source)})`);
  for (const { spec, state } of member.checks) {
    const since = state ? `, for ${formatDuration(Math.round((sight.now - state.since) / 1000) * 1000)}` : '';
    const latest = state?.history[0];
    const last = latest ? `; last result ${seconds(latest.at, sight.now)}s ago: ${latest.reason}` : '';
    steps.push(`check ${describeCheckFully(spec)}: ${state?.verdict ?? 'unknown'}${since}${last}`);
  }
  if (member.checks.length === 0)
    steps.push(server === service.sorry ? 'check: none, a sorry server has none' : 'check: none, so it is always up');
  if (server !== service.sorry)
    steps.push(`pool: ${member.membership}${service.onFailure === 'quiesce' ? ' (on_failure: quiesce)' : ''}`);
  steps.push(kernelStep(sight, kernel, service, report));
  const checks = member.checks.map((check) => reportCheck(sight, check));
  return { target: `${service.name}/${server.key}`, summary: report.why, steps, checks };
}

function whyService(sight: Sight, kernel: Kernel, service: ServiceIntent): ApiWhy {
  const report = reportService(sight, kernel, service);
  const steps = [`wanted: ${report.keys.join(', ')}, scheduler ${service.scheduler} (${words(service.source)})`];
  if (report.quorum.state !== 'unknown') steps.push(`quorum: ${report.quorum.state}, ${report.quorum.text}`);
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
