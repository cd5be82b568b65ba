/** What the check process tells of itself: the three states of every real server, apart, and why. */

import { formatDuration } from '../../base/duration.js';
import type { Instant } from '../../base/time.js';
import type { ApiCheck, ApiRealServer, ApiService, ApiWhy } from '../../control/api.js';
import { describeCheck, describeCheckFully } from '../../health/key.js';
import type { HealthState } from '../../health/types.js';
import type { RealServerIntent, ServiceIntent, Source } from '../../intent/types.js';
import { planService } from '../../ipvs/plan.js';
import { type KernelDestination, type Service, serviceKey, type Table } from '../../ipvs/types.js';
import { explain, type Member } from '../../pool/explain.js';
import { checksOf, type Memberships, memberVerdict } from '../../pool/membership.js';

/** What the reports look at. */
export interface Sight {
  readonly now: Instant;
  readonly stateOf: (checkKey: string) => HealthState | undefined;
  readonly membersOf: (serviceKey: string) => Memberships;
  readonly wantedOf: (serviceKey: string) => Service | undefined;
  /** Undefined while IPVS cannot be used. */
  readonly kernel: Table<KernelDestination> | undefined;
  readonly refusalOf: (serviceKey: string) => string | undefined;
}

const seconds = (from: Instant, to: Instant): number => Math.max(0, Math.round((to - from) / 100) / 10);

function memberOf(sight: Sight, service: ServiceIntent, server: RealServerIntent): Member {
  return {
    membership: sight.membersOf(service.key).get(server.key) ?? 'out',
    weight: server.weight,
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

function kernelSide(destination: KernelDestination | undefined): ApiRealServer['kernel'] {
  if (!destination) return null;
  const { weight, forward, active, inactive, persistent } = destination;
  return { weight, forward, active, inactive, persistent };
}

function reportServer(sight: Sight, service: ServiceIntent, server: RealServerIntent): ApiRealServer {
  const member = memberOf(sight, service, server);
  const own = server.weightSource.kind === 'override' ? server.weightSource : server.source;
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
    },
    verdict: verdictOf(sight, member),
    kernel: kernelSide(sight.kernel?.get(service.key)?.destinations.get(server.key)),
    why: explain(member),
  };
}

const isUp = (server: ApiRealServer): boolean => server.verdict.state === 'up' || server.verdict.state === 'unchecked';

export function reportService(sight: Sight, service: ServiceIntent): ApiService {
  const servers = service.realServers.map((server) => reportServer(sight, service, server));
  const present = sight.kernel?.get(service.key);
  return {
    name: service.name,
    key: service.key,
    source: service.source.kind === 'file' ? 'file' : 'runtime',
    scheduler: service.scheduler,
    forward: service.forward,
    on_failure: service.onFailure,
    in_kernel: present !== undefined,
    in_sync: planService(present, sight.wantedOf(service.key)).length === 0,
    up: servers.filter(isUp).length,
    total: servers.length,
    real_servers: servers,
  };
}

/** A service that is somebody else's, as the kernel has it. */
export function reportForeign(service: Service<KernelDestination>): ApiService {
  const key = serviceKey(service.id);
  const servers = [...service.destinations].map(([address, destination]): ApiRealServer => {
    const { weight, forward, upper, lower } = destination;
    return {
      address,
      wanted: { weight, configured_weight: weight, forward, upper, lower, source: 'runtime', override: null },
      verdict: { state: 'unchecked', since_seconds: null, reason: '' },
      kernel: kernelSide(destination),
      why: 'foreign: not in the configuration, and never touched by lbd',
    };
  });
  return {
    name: key,
    key,
    source: 'foreign',
    scheduler: service.scheduler,
    forward: servers[0]?.wanted.forward ?? '-',
    on_failure: '-',
    in_kernel: true,
    in_sync: true,
    up: servers.length,
    total: servers.length,
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

function kernelStep(sight: Sight, service: ServiceIntent, server: ApiRealServer): string {
  const refusal = sight.refusalOf(service.key);
  if (!sight.kernel) return 'kernel: IPVS cannot be used';
  if (refusal) return `kernel: refused: ${refusal}`;
  if (!server.kernel) return `kernel: ${server.address} is not in the table of ${service.key}`;
  const { weight, active, inactive } = server.kernel;
  return `kernel: in the table of ${service.key} with weight ${weight}, ${active} active and ${inactive} inactive connections`;
}

function whyServer(sight: Sight, service: ServiceIntent, server: RealServerIntent): ApiWhy {
  const report = reportServer(sight, service, server);
  const member = memberOf(sight, service, server);
  const changed = server.weightSource.kind === 'override' ? `, weight ${words(server.weightSource)}` : '';
  const steps = [`wanted: weight ${server.weight} (${words(server.source)}${changed})`];
  for (const { spec, state } of member.checks) {
    const since = state ? `, for ${formatDuration(Math.round((sight.now - state.since) / 1000) * 1000)}` : '';
    const latest = state?.history[0];
    const last = latest ? `; last result ${seconds(latest.at, sight.now)}s ago: ${latest.reason}` : '';
    steps.push(`check ${describeCheckFully(spec)}: ${state?.verdict ?? 'unknown'}${since}${last}`);
  }
  if (member.checks.length === 0) steps.push('check: none, so it is always up');
  steps.push(`pool: ${member.membership}${service.onFailure === 'quiesce' ? ' (on_failure: quiesce)' : ''}`);
  steps.push(kernelStep(sight, service, report));
  const checks = member.checks.map((check) => reportCheck(sight, check));
  return { target: `${service.name}/${server.key}`, summary: report.why, steps, checks };
}

function whyService(sight: Sight, service: ServiceIntent): ApiWhy {
  const report = reportService(sight, service);
  const steps = [`wanted: ${service.key}, scheduler ${service.scheduler} (${words(service.source)})`];
  for (const server of report.real_servers) steps.push(`${server.address}: ${server.why}`);
  const refusal = sight.refusalOf(service.key);
  if (refusal) steps.push(`kernel: refused: ${refusal}`);
  else if (!sight.kernel) steps.push('kernel: IPVS cannot be used');
  else steps.push(report.in_sync ? 'kernel: as wanted' : 'kernel: differs from what is wanted; being repaired');
  return {
    target: service.name,
    summary: `${service.name}: ${report.up} of ${report.total} real servers are up`,
    steps,
    checks: [],
  };
}

/** The chain from the first cause to the kernel, for a service or one of its real servers. */
export const reportWhy = (sight: Sight, service: ServiceIntent, server: RealServerIntent | undefined): ApiWhy =>
  server ? whyServer(sight, service, server) : whyService(sight, service);
