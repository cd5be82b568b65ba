/** `status`: the director at a glance, problems first. */
import { formatDuration } from '../../base/duration.js';
import type { ApiStatus } from '../../control/api.js';
import { upStyle } from './services.js';
import { age, heading, line, type Row, type Style, sentence, styled, table, times, type View } from './text.js';
import { instanceTable } from './vrrp.js';

function processText({ name, pid, state, restarts }: ApiStatus['processes'][number]): string {
  const again = restarts === 0 ? '' : `, restarted ${times(restarts)}`;
  return `${name} ${state === 'running' ? `running (pid ${pid ?? '-'}${again})` : `${state}${again}`}`;
}

const STYLES: Readonly<Record<ApiStatus['problems'][number]['severity'], Style>> = {
  critical: 'red',
  warning: 'yellow',
  hint: 'dim',
};

/** Who is out of service by the administrator's word: no problem, but to be seen. */
const adminLines = (view: View, states: ApiStatus['admin_states']): string =>
  states
    .map(({ target, text, since_seconds: since, by }) => {
      const why = by.why === '' ? '' : `: ${by.why}`;
      return sentence(view, 'out of service  ', styled(target, 'bold'), `: ${text}; since ${age(since)}, by ${by.who}${why}`);
    })
    .join('');

function problemLines(view: View, { problems }: ApiStatus): string {
  if (problems.length === 0) return line(view, styled('no problem', 'green'));
  return problems
    .map(({ severity, text }) => {
      const style = STYLES[severity];
      return sentence(view, styled(severity.toUpperCase().padEnd(9), style), text);
    })
    .join('');
}

type ServiceLine = ApiStatus['services'][number];

function kernelText(service: ServiceLine): string {
  if (service.stands_back_for !== null) return `waits for ${service.stands_back_for}`;
  if (!service.in_kernel) return 'not in the kernel';
  return service.in_sync ? 'as wanted' : 'not as wanted yet';
}

function serviceTable(view: View, services: readonly ServiceLine[]): string {
  const rows = services.map(
    (one): Row => [one.name, one.key, styled(`${one.up}/${one.total}`, upStyle(one)), kernelText(one), one.source],
  );
  return table(view, [heading('SERVICE', 'ADDRESS', 'UP', 'KERNEL', 'FROM'), ...rows], { indent: 2, right: [2] });
}

/** ` (2 server_missing, 1 server_changed)` */
function kinds(byKind: Readonly<Record<string, number>>): string {
  const parts = Object.entries(byKind).map(([kind, count]) => `${count} ${kind.replace('_', ' ')}`);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

function syncText(sync: NonNullable<ApiStatus['connection_sync']>): string {
  const { interface: name, id, follows, running, problem, drift } = sync;
  const who = running.length === 0 ? 'no daemon runs' : `${running.join(' and ')} on ${name}, id ${id}`;
  const healed = drift === 0 ? '' : `, changed by somebody else ${times(drift)}`;
  return `${who}${follows === null ? '' : `, follows ${follows}`}${healed}${problem === null ? '' : `; ${problem}`}`;
}

function probesText({ checks, running, limit, waiting, latest_start_ms: latest }: NonNullable<ApiStatus['probes']>): string {
  const places = `${running} under way${waiting === 0 ? '' : ` (${limit} may be), ${waiting} wait`}`;
  return `${checks} ${checks === 1 ? 'check' : 'checks'}, ${places}; started up to ${formatDuration(latest)} late in the last minute`;
}

export function renderStatus(view: View, status: ApiStatus): string {
  const { ipvs, drift, instances, services, foreign_services: foreign, connection_sync: sync, probes } = status;
  const { admin_states: admin } = status;
  const overrides = status.overrides === 0 ? 'no change at run time' : `${status.overrides} set at run time`;
  const last = drift.last === null ? '' : `, last: ${drift.last}`;
  return [
    sentence(
      view,
      styled(status.router_id, 'bold'),
      `  lbd ${status.version}, pid ${status.pid}, up ${age(status.uptime_seconds)}`,
    ),
    sentence(view, `configuration  ${status.config_file}, revision ${status.revision}, ${overrides}`),
    sentence(view, `processes      ${status.processes.map(processText).join('; ')}`),
    sentence(
      view,
      'ipvs           ',
      styled(ipvs.usable ? 'usable' : 'not usable', ipvs.usable ? 'green' : 'red'),
      ipvs.text === '' ? '' : `: ${ipvs.text}`,
    ),
    sentence(view, `drift          ${drift.total === 0 ? 'none' : `${times(drift.total)}${kinds(drift.by_kind)}${last}`}`),
    sync ? sentence(view, `sync           ${syncText(sync)}`) : '',
    probes && probes.checks > 0 ? sentence(view, `probes         ${probesText(probes)}`) : '',
    '\n',
    problemLines(view, status),
    admin.length > 0 ? `\n${adminLines(view, admin)}` : '',
    instances.length > 0 ? `\n${instanceTable(view, instances)}` : '',
    services.length > 0 ? `\n${serviceTable(view, services)}` : '',
    foreign.length > 0 ? `\n${sentence(view, `foreign services, never touched: ${foreign.join(', ')}`)}` : '',
  ].join('');
}
