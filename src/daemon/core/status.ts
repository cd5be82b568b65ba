/** `lbctl status`: what every part says, put together, with the problems worst first. */
import { formatDuration } from '../../base/duration.js';
import type { ApiAdminState, ApiConnections, ApiInstance, ApiPeer, ApiProblemLine, ApiStatus } from '../../control/api.js';
import type { OutOfService } from '../../intent/out-of-service.js';
import type { CheckSummary } from '../messages.js';
import { critical, warning } from './problem-lines.js';
import { vrrpProblems } from './status-vrrp.js';

export interface StatusParts {
  readonly head: Pick<
    ApiStatus,
    | 'router_id'
    | 'version'
    | 'pid'
    | 'uptime_seconds'
    | 'config_file'
    | 'revision'
    | 'overrides'
    | 'loaded'
    | 'table'
    | 'processes'
  >;
  /** An error text instead of an answer; undefined when the process is not needed. */
  readonly check: CheckSummary | string | undefined;
  readonly vrrp: readonly ApiInstance[] | string | undefined;
  /** Standing problems of core itself (a state file that cannot be written, …). */
  readonly own: readonly string[];
  readonly out: readonly OutOfService[];
  readonly peers?: readonly ApiPeer[];
  readonly recent?: ApiStatus['recent'];
}

/** The command that ends it, said to whoever may have forgotten it. */
function hint({ target, state, since, by }: OutOfService): ApiProblemLine {
  const days = Math.floor(since / 86_400_000);
  const words = target.startsWith('host ') ? `--host ${target.slice(5)}` : target.replace('/', ' ');
  const command = `lbctl ${state === 'drain' ? 'undrain' : 'enable'} ${words}`;
  const text = `${target}: ${state === 'drain' ? 'drained' : 'disabled'} by ${by.who} ${days === 1 ? 'a day' : `${days} days`} ago: forgotten? ${command}`;
  return { severity: 'hint', text };
}

/** What is left of a drain of a real server, or of all on a host. */
function leftOf({ target, state }: OutOfService, drains: CheckSummary['drains']): ApiConnections | null {
  const found = drains.filter((one) => one.target === target || `host ${one.host}` === target);
  if (state !== 'drain' || found.length === 0) return null;
  const sum = (of: (left: ApiConnections) => number) => found.reduce((total, { left }) => total + of(left), 0);
  return { active: sum((one) => one.active), inactive: sum((one) => one.inactive), persistent: sum((one) => one.persistent) };
}

const adminState = (out: OutOfService, drains: CheckSummary['drains']): ApiAdminState => {
  const { since, ...one } = out;
  return { ...one, since_seconds: Math.round(since / 1000), left: leftOf(out, drains) };
};

/** Too few real servers are up, or none. */
function weakness({ up, total, quorum, sorry_server: sorry }: CheckSummary['services'][number]): string | undefined {
  if (total === 0) return undefined;
  const serves = sorry && quorum.state === 'lost' ? `; the sorry server ${sorry} serves` : '';
  if (up === 0) return `no real server is up (0/${total})${serves}`;
  return quorum.state === 'lost' ? `the quorum is lost: ${quorum.text}${serves}` : undefined;
}

/** So much later than its beat a probe may start. */
const LATE_MS = 100;

/** Probes that had to wait for a place: results come late, so a server that fails is served longer than its check says. */
function lateness({ probes }: CheckSummary): string | undefined {
  if (!probes || Math.max(probes.oldest_wait_ms, probes.longest_wait_ms) < LATE_MS) return undefined;
  const { waiting, limit, oldest_wait_ms: oldest, longest_wait_ms: longest } = probes;
  const now = waiting === 0 ? 'no probe waits now' : `${waiting} wait now, the first for ${formatDuration(Math.round(oldest))}`;
  const recent = longest === 0 ? '' : `; in the last minute up to ${formatDuration(Math.round(longest))}`;
  return `checks are late: ${limit} probes may run at once, others wait for a place: ${now}${recent}; longer intervals or shorter timeouts help`;
}

/** Their verdicts stay as they are: who fails meanwhile is served on, and who comes back is not. */
function blind({ reason, checks, first }: CheckSummary['blind'][number]): string {
  const more = checks === 1 ? '' : ` and ${checks - 1} more ${checks === 2 ? 'check' : 'checks'}`;
  return `nothing is found out by ${first}${more}: ${reason}`;
}

function checkProblems(check: StatusParts['check']): ApiProblemLine[] {
  if (check === undefined) return [];
  if (typeof check === 'string') return [critical(`services: ${check}`)];
  const lines: ApiProblemLine[] = [];
  if (!check.ipvs.usable) lines.push(critical(`IPVS cannot be used: ${check.ipvs.text}`));
  if (check.suspicion !== null) lines.push(critical(check.suspicion));
  for (const service of check.services) {
    const weak = weakness(service);
    if (weak) lines.push(critical(`${service.name}: ${weak}`));
    if (service.pool?.too_few) lines.push(critical(`${service.name}: too few real servers: ${service.pool.too_few}`));
    if (service.pool?.backups) lines.push(warning(`${service.name}: ${service.pool.backups}`));
    const refused = check.refusals.some((one) => one.service === service.name);
    if (check.ipvs.usable && !service.in_sync && !refused)
      lines.push(warning(`${service.name}: the kernel's table is not as wanted yet`));
  }
  const late = lateness(check);
  if (late !== undefined) lines.push(warning(late));
  for (const one of check.blind) lines.push(warning(blind(one)));
  for (const text of check.settings) lines.push(warning(text));
  if (check.sync?.problem) lines.push(critical(`connection sync: ${check.sync.problem}`));
  for (const { service, reason } of check.refusals) lines.push(critical(`${service}: ${reason}`));
  for (const name of check.drift.fought_over)
    lines.push(warning(`${name}: another program changes it in the kernel again and again: stop that program`));
  for (const { service, rs, reason } of check.down) lines.push(warning(`${service}/${rs}: ${reason}`));
  return lines;
}

function processProblems(processes: ApiStatus['processes']): ApiProblemLine[] {
  return processes
    .filter((one) => one.state === 'restarting')
    .map((one) => critical(`the ${one.name} process is being restarted`));
}

/** A change is made at one director before the other: so long it may take. */
const SHARED_S = 15;

function peerProblems(peers: readonly ApiPeer[]): ApiProblemLine[] {
  return peers.flatMap(({ name, state, since_seconds: since, reason, told }): ApiProblemLine[] => {
    if (state === 'silent')
      return [warning(`director ${name}: no answer for ${formatDuration(Math.round(since) * 1000)}: ${reason}`)];
    if (told?.same_table !== false || told.same_table_seconds < SHARED_S) return [];
    const text = `director ${name} does not want the same virtual servers and real servers as this one: lbctl failover INSTANCE --check tells what is other`;
    return [{ severity: 'hint', text }];
  });
}

export function assembleStatus(parts: StatusParts): ApiStatus {
  const check = typeof parts.check === 'object' ? parts.check : undefined;
  const problems = [
    ...processProblems(parts.head.processes),
    ...checkProblems(parts.check),
    ...vrrpProblems(parts.vrrp),
    ...parts.own.map(warning),
    ...peerProblems(parts.peers ?? []),
    ...parts.out.filter((one) => one.forgotten).map(hint),
  ];
  const rank = ({ severity }: ApiProblemLine) => ['critical', 'warning', 'hint'].indexOf(severity);
  return {
    ...parts.head,
    ipvs: check?.ipvs ?? {
      usable: parts.check === undefined,
      text: parts.check === undefined ? 'not needed: no virtual server' : 'the check process does not say',
    },
    drift: check?.drift ?? { total: 0, last: null, by_kind: {}, fought_over: [] },
    instances: Array.isArray(parts.vrrp) ? parts.vrrp : [],
    services: check?.services ?? [],
    connection_sync: check?.sync ?? null,
    probes: check?.probes ?? null,
    foreign_services: check?.foreign ?? [],
    admin_states: parts.out.map((one) => adminState(one, check?.drains ?? [])),
    slow_starts: check?.slowStarts ?? [],
    peers: parts.peers ?? [],
    recent: parts.recent ?? [],
    problems: problems.sort((a, b) => rank(a) - rank(b)),
  };
}
