/** `status`: the director at a glance, problems first. */
import { formatDuration } from '../../base/duration.js';
import type { ApiPeer, ApiStatus } from '../../control/api.js';
import { upStyle } from './services.js';
import { shorten } from './stats.js';
import { age, type Cell, type Column, line, type Style, sentence, styled, tableOf, times, type View } from './text.js';
import { instanceTable } from './vrrp.js';

function processText({ name, pid, state, restarts, silent_seconds: silent = 0 }: ApiStatus['processes'][number]): string {
  const again = restarts === 0 ? '' : `, restarted ${times(restarts)}`;
  if (state === 'silent') return `${name} NOT ANSWERING for ${age(silent)} (pid ${pid ?? '-'}${again})`;
  return `${name} ${state === 'running' ? `running (pid ${pid ?? '-'}${again})` : `${state}${again}`}`;
}

const STYLES: Readonly<Record<ApiStatus['problems'][number]['severity'], Style>> = {
  critical: 'red',
  warning: 'yellow',
  hint: 'dim',
};

function leftText(left: ApiStatus['admin_states'][number]['left']): string {
  if (!left) return '';
  const { active, inactive, persistent } = left;
  if (active + inactive + persistent === 0) return ', no connection is left';
  const templates = persistent === 0 ? '' : `, ${persistent} persistent clients`;
  return `, ${active} active and ${inactive} inactive connections are left${templates}`;
}

/** Who is out of service by the administrator's word: no problem, but to be seen. */
const adminLines = (view: View, states: ApiStatus['admin_states']): string =>
  states
    .map(({ target, text, left, since_seconds: since, by }) => {
      const why = by.why === '' ? '' : `: ${by.why}`;
      const said = `: ${text}${leftText(left)}; since ${age(since)}, by ${by.who}${why}`;
      return sentence(view, 'out of service  ', styled(target, 'bold'), said);
    })
    .join('');

const slowStartLines = (view: View, all: ApiStatus['slow_starts']): string =>
  all
    .map(({ target, weight, full_weight: full, seconds }) =>
      sentence(view, 'slow start      ', styled(target, 'bold'), `: weight ${weight} of ${full}, all of it in ${age(seconds)}`),
    )
    .join('');

/** What is new needs no age. */
const SOME_TIME_S = 10;

function problemLines(view: View, { problems }: ApiStatus): string {
  if (problems.length === 0) return line(view, styled('no problem', 'green'));
  return problems
    .map(({ severity, text, since_seconds: since = 0 }) => {
      const style = STYLES[severity];
      const old = since < SOME_TIME_S ? '' : ` (for ${age(since)})`;
      return sentence(view, styled(severity.toUpperCase().padEnd(9), style), text, styled(old, 'dim'));
    })
    .join('');
}

type ServiceLine = ApiStatus['services'][number];

function kernelText(service: ServiceLine): string {
  if (service.stands_back_for !== null) return `waits for ${service.stands_back_for}`;
  if (!service.in_kernel) return 'not in the kernel';
  return service.in_sync ? 'as wanted' : 'not as wanted yet';
}

const numberText = (view: View, count: number | null | undefined): string => {
  if (count === null || count === undefined) return '-';
  return view.wide ? String(count) : shorten(count);
};

const weightText = ({ weight, wanted_weight: wanted }: ServiceLine): string =>
  weight === null || weight === wanted ? String(weight ?? '-') : `${weight} of ${wanted}`;

const serviceColumns = (view: View): readonly Column<ServiceLine>[] => [
  { head: 'SERVICE', cell: ({ name }) => name },
  { head: 'ADDRESS', cell: ({ key }) => key },
  { head: 'SCHEDULER', cell: ({ scheduler }) => scheduler, spare: 5 },
  { head: 'FORWARD', cell: ({ forward }) => forward, spare: 6 },
  { head: 'UP', cell: (one) => styled(`${one.up}/${one.total}`, upStyle(one)), right: true },
  { head: 'WEIGHT', cell: weightText, right: true, spare: 4 },
  { head: 'ACTIVE', cell: (one) => numberText(view, one.active_connections), right: true, spare: 2 },
  { head: 'CONNS/S', cell: ({ rates }) => numberText(view, rates?.cps), right: true, spare: 3 },
  { head: 'IN BYTES/S', cell: ({ rates }) => numberText(view, rates?.in_bps), right: true, spare: 8 },
  { head: 'OUT BYTES/S', cell: ({ rates }) => numberText(view, rates?.out_bps), right: true, spare: 8 },
  { head: 'KERNEL', cell: kernelText },
  { head: 'FROM', cell: ({ source }) => source, spare: 7 },
  { head: 'QUORUM', cell: ({ quorum }) => (quorum.text === '' ? quorum.state : `${quorum.state}: ${quorum.text}`), spare: 9 },
];

const PEER_STYLE: Readonly<Record<string, Style>> = { answers: 'green', silent: 'red' };

const rolesText = (roles: readonly { readonly name: string; readonly state: string }[]): string =>
  roles.map(({ name, state }) => `${name} ${state}`).join(', ') || '-';

function sameText({ same_table: same, same_table_seconds: since }: NonNullable<ApiPeer['told']>): Cell {
  if (same === null) return 'another version';
  return same ? styled(`as here ${age(since)}`, 'green') : styled(`other ${age(since)}`, 'yellow');
}

/** Of what it said; a dash while it has said nothing. */
const said =
  (of: (told: NonNullable<ApiPeer['told']>) => Cell) =>
  ({ told }: ApiPeer) =>
    told ? of(told) : '-';

const clockText = (ms: number): string => {
  const text = formatDuration(Math.abs(ms));
  return ms === 0 ? '0s' : `${ms > 0 ? '+' : '-'}${text}`;
};

const PEER_COLUMNS: readonly Column<ApiPeer>[] = [
  { head: 'DIRECTOR', cell: ({ name }) => name },
  {
    head: 'STATE',
    cell: (one) => (isHere(one) ? 'this one' : styled(`${one.state} ${age(one.since_seconds)}`, PEER_STYLE[one.state])),
  },
  { head: 'INSTANCES', cell: said((told) => rolesText(told.instances)) },
  { head: 'TABLE', cell: (one) => (isHere(one) ? '-' : said(sameText)(one)) },
  { head: 'ACTIVE', cell: said(({ active_connections: active }) => String(active ?? '-')), right: true, spare: 1 },
  { head: 'REVISION', cell: said(({ revision }) => String(revision)), right: true, spare: 3 },
  { head: 'VERSION', cell: said(({ version }) => version), spare: 4 },
  {
    head: 'CLOCK',
    cell: (one) => (isHere(one) ? '-' : said(({ clock_ms: clock }) => clockText(clock))(one)),
    right: true,
    spare: 2,
  },
  { head: 'SAID', cell: (one) => (isHere(one) ? '-' : said(({ seconds_ago: ago }) => `${age(ago)} ago`)(one)), spare: 5 },
];

/** This director as the others are told, to be seen beside them. */
function asPeer({ router_id, version, revision, instances, services }: ApiStatus): ApiPeer {
  const counted = services.every(({ in_kernel, active_connections: active }) => !in_kernel || active !== null);
  const active = services.reduce((sum, one) => sum + (one.active_connections ?? 0), 0);
  const told = { seconds_ago: 0, router_id, version, revision, same_table: true, same_table_seconds: 0, instances, clock_ms: 0 };
  const all = { ...told, active_connections: counted ? active : null };
  return { name: router_id, url: '', state: 'unknown', since_seconds: 0, reason: '', told: all };
}

/** This one is the one without an address. */
const isHere = ({ url }: ApiPeer): boolean => url === '';

function loadedText({ loaded: { since_seconds: since, by } }: ApiStatus): string {
  return by === 'start' ? `read at the start ${age(since)} ago` : `read ${age(since)} ago by ${by}`;
}

/** One line an event, cut where it does not fit: lbctl events tells all. */
const recentLines = (view: View, events: ApiStatus['recent']): string =>
  events
    .map(({ at, kind, subject, text }) =>
      line(view, styled(`  ${at.slice(0, 19)}Z `, 'dim'), kind.padEnd(9), styled(subject, 'bold'), `: ${text}`),
    )
    .join('');

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
  const { admin_states: admin, slow_starts: slow, peers, recent } = status;
  const overrides = status.overrides === 0 ? 'no change at run time' : `${status.overrides} set at run time`;
  const last = drift.last === null ? '' : `, last: ${drift.last}`;
  const silent = status.processes.some(({ name, state }) => name === 'check' && state === 'silent');
  return [
    sentence(
      view,
      styled(status.router_id, 'bold'),
      `  lbd ${status.version}, pid ${status.pid}, up ${age(status.uptime_seconds)}`,
    ),
    sentence(
      view,
      `configuration  ${status.config_file}, revision ${status.revision}, ${loadedText(status)}, ${overrides}`,
      styled(status.loaded.stale ? '; the file has been changed since' : '', 'yellow'),
    ),
    sentence(view, `processes      ${status.processes.map(processText).join('; ')}`),
    sentence(
      view,
      'ipvs           ',
      styled(ipvs.usable ? 'usable' : silent ? 'not known' : 'not usable', ipvs.usable ? 'green' : 'red'),
      ipvs.text === '' ? '' : `: ${ipvs.text}`,
    ),
    sentence(view, `drift          ${drift.total === 0 ? 'none' : `${times(drift.total)}${kinds(drift.by_kind)}${last}`}`),
    sync ? sentence(view, `sync           ${syncText(sync)}`) : '',
    probes && probes.checks > 0 ? sentence(view, `probes         ${probesText(probes)}`) : '',
    '\n',
    problemLines(view, status),
    admin.length + slow.length > 0 ? `\n${adminLines(view, admin)}${slowStartLines(view, slow)}` : '',
    instances.length > 0 ? `\n${instanceTable(view, instances)}` : '',
    peers.length > 0 ? `\n${tableOf(view, PEER_COLUMNS, [asPeer(status), ...peers], 2)}` : '',
    services.length > 0 ? `\n${tableOf(view, serviceColumns(view), services, 2)}` : '',
    foreign.length > 0 ? `\n${sentence(view, `foreign services, never touched: ${foreign.join(', ')}`)}` : '',
    recent.length > 0 ? `\nlately\n${recentLines(view, recent)}` : '',
  ].join('');
}
