/** `lbctl status`: what every part says, put together, with the problems worst first. */
import { formatDuration } from '../../base/duration.js';
import type { ApiAdminState, ApiInstance, ApiProblemLine, ApiStatus } from '../../control/api.js';
import type { OutOfService } from '../../intent/out-of-service.js';
import type { CheckSummary } from '../messages.js';

export interface StatusParts {
  readonly head: Pick<
    ApiStatus,
    'router_id' | 'version' | 'pid' | 'uptime_seconds' | 'config_file' | 'revision' | 'overrides' | 'processes'
  >;
  /** An error text instead of an answer; undefined when the process is not needed. */
  readonly check: CheckSummary | string | undefined;
  readonly vrrp: readonly ApiInstance[] | string | undefined;
  /** Standing problems of core itself (a state file that cannot be written, …). */
  readonly own: readonly string[];
  readonly out: readonly OutOfService[];
}

/** Refused adverts are a problem while they come, and for this long after. */
const RECENT_S = 300;

const critical = (text: string): ApiProblemLine => ({ severity: 'critical', text });
const warning = (text: string): ApiProblemLine => ({ severity: 'warning', text });

/** The command that ends it, said to whoever may have forgotten it. */
function hint({ target, state, since, by }: OutOfService): ApiProblemLine {
  const days = Math.floor(since / 86_400_000);
  const words = target.startsWith('host ') ? `--host ${target.slice(5)}` : target.replace('/', ' ');
  const command = `lbctl ${state === 'drain' ? 'undrain' : 'enable'} ${words}`;
  const text = `${target}: ${state === 'drain' ? 'drained' : 'disabled'} by ${by.who} ${days === 1 ? 'a day' : `${days} days`} ago: forgotten? ${command}`;
  return { severity: 'hint', text };
}

const adminState = ({ since, ...one }: OutOfService): ApiAdminState => ({ ...one, since_seconds: Math.round(since / 1000) });

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
  for (const text of check.settings) lines.push(warning(text));
  if (check.sync?.problem) lines.push(critical(`connection sync: ${check.sync.problem}`));
  for (const { service, reason } of check.refusals) lines.push(critical(`${service}: ${reason}`));
  for (const name of check.drift.fought_over)
    lines.push(warning(`${name}: another program changes it in the kernel again and again: stop that program`));
  for (const { service, rs, reason } of check.down) lines.push(warning(`${service}/${rs}: ${reason}`));
  return lines;
}

function vrrpProblems(vrrp: StatusParts['vrrp']): ApiProblemLine[] {
  if (vrrp === undefined) return [];
  if (typeof vrrp === 'string') return [critical(`VRRP: ${vrrp}`)];
  const lines: ApiProblemLine[] = [];
  for (const instance of vrrp) {
    if (instance.state === 'fault') lines.push(critical(`${instance.name}: FAULT: ${instance.reason}`));
    if (instance.state !== 'fault')
      for (const { what, text, effect } of instance.tracked.filter((one) => one.state === 'down'))
        lines.push(warning(`${instance.name}: ${what} is down: ${text}${effect === '' ? '' : ` (${effect})`}`));
    const missing = instance.state === 'master' ? instance.addresses.filter((one) => !one.held) : [];
    if (missing.length > 0)
      lines.push(critical(`${instance.name}: master without ${missing.map((one) => one.address).join(', ')}`));
    for (const { reason, count, from, last_seconds } of instance.rejected) {
      if (last_seconds > RECENT_S) continue;
      lines.push(warning(`${instance.name}: ${count} adverts refused: ${reason}, last from ${from}`));
    }
  }
  return lines;
}

function processProblems(processes: ApiStatus['processes']): ApiProblemLine[] {
  return processes
    .filter((one) => one.state === 'restarting')
    .map((one) => critical(`the ${one.name} process is being restarted`));
}

export function assembleStatus(parts: StatusParts): ApiStatus {
  const check = typeof parts.check === 'object' ? parts.check : undefined;
  const problems = [
    ...processProblems(parts.head.processes),
    ...checkProblems(parts.check),
    ...vrrpProblems(parts.vrrp),
    ...parts.own.map(warning),
    ...parts.out.filter((one) => one.forgotten).map(hint),
  ];
  const rank = ({ severity }: ApiProblemLine) => ['critical', 'warning', 'hint'].indexOf(severity);
  return {
    ...parts.head,
    ipvs: check?.ipvs ?? {
      usable: parts.check === undefined,
      text: parts.check === undefined ? 'not needed: no virtual server' : 'unknown',
    },
    drift: check?.drift ?? { total: 0, last: null, by_kind: {}, fought_over: [] },
    instances: Array.isArray(parts.vrrp) ? parts.vrrp : [],
    services: check?.services ?? [],
    connection_sync: check?.sync ?? null,
    probes: check?.probes ?? null,
    foreign_services: check?.foreign ?? [],
    admin_states: parts.out.map(adminState),
    problems: problems.sort((a, b) => rank(a) - rank(b)),
  };
}
