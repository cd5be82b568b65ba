/** `list` and `show`: what `ipvsadm -Ln` shows, with what is wanted and what the checkers say beside it. */
import type { ApiCheck, ApiProvenance, ApiRealServer, ApiService, ApiTraffic } from '../../control/api.js';
import { trafficCells, trafficHead } from './stats.js';
import {
  age,
  heading,
  line,
  longestLine,
  type Row,
  type Style,
  sentence,
  styled,
  type TableOptions,
  table,
  type View,
} from './text.js';

const VERDICT_STYLE: Readonly<Record<string, Style>> = { up: 'green', down: 'red', unknown: 'yellow', unchecked: 'yellow' };

export const verdictStyle = (state: string): Style | undefined => VERDICT_STYLE[state];

function wantedText({ wanted }: ApiRealServer): string {
  const weight =
    wanted.weight === wanted.configured_weight ? `${wanted.weight}` : `${wanted.weight} of ${wanted.configured_weight}`;
  const state = wanted.admin ? ` ${wanted.admin.state}` : '';
  return wanted.override ? `${weight}${state}*` : weight;
}

function verdictText({ verdict }: ApiRealServer): string {
  return verdict.since_seconds === null ? verdict.state : `${verdict.state} ${age(verdict.since_seconds)}`;
}

const kernelCells = ({ kernel }: ApiRealServer): string[] =>
  kernel ? [String(kernel.weight), kernel.forward, String(kernel.active), String(kernel.inactive)] : ['-', '-', '-', '-'];

function overrideText({ wanted }: ApiRealServer): string {
  if (!wanted.override) return wanted.source;
  return `${wanted.admin?.scope === 'host' ? 'host ' : ''}${provenanceText(wanted.override)}`;
}

const provenanceText = ({ id, who, when, why }: ApiProvenance): string => `#${id} ${who} ${when}${why === '' ? '' : ` "${why}"`}`;

/** The host of `10.0.0.21:80` and `[2001:db8::21]:80`. */
const hostOf = (address: string): string => address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');

/** `web: scheduler rr, otherwise wlc #7 anna 2026-02-03T09:15:00.000Z "less skew"`. */
function settingLines(view: View, services: readonly ApiService[]): string {
  const lines = services.flatMap(({ name, changed = [] }) =>
    changed.map(({ setting, value, before, by }) => {
      const who = by ? ` ${provenanceText(by)}` : '';
      return `* ${name}: ${setting} ${value}, otherwise ${before}${who}`;
    }),
  );
  return lines.map((one) => sentence(view, one)).join('');
}

/** `host 10.0.0.21: drain #7 anna 2026-02-03T09:15:00.000Z "new disks"`, once for each host. */
function hostLines(view: View, services: readonly ApiService[]): string {
  const lines = new Set<string>();
  for (const { real_servers: servers } of services) {
    for (const { address, wanted } of servers) {
      const { admin } = wanted;
      if (admin?.scope === 'host' && admin.by) lines.add(`host ${hostOf(address)}: ${admin.state} ${provenanceText(admin.by)}`);
    }
  }
  return [...lines].map((one) => sentence(view, `* ${one}`)).join('');
}

/** Numbers of the kernel are asked for: outside the wide form they stand where FORWARD, ACTIVE and INACTIVE are, as in ipvsadm. */
const counts = ({ columns }: View): boolean => columns.counters || columns.rates;

function serverRow(view: View, server: ApiRealServer): Row {
  const { wanted, verdict, kernel, why } = server;
  const weightStyle: Style | undefined = kernel || verdict.state === 'down' ? undefined : 'yellow';
  const [weight = '', ...rest] = kernelCells(server);
  const row = [
    `-> ${server.address}`,
    wantedText(server),
    server.effective_weight === null ? '-' : String(server.effective_weight),
    styled(verdictText(server), verdictStyle(verdict.state)),
    styled(weight, weightStyle),
  ];
  const traffic = counts(view) ? trafficCells(view, kernel?.traffic) : [];
  if (!view.wide) return [...row, ...(counts(view) ? traffic : rest), why];
  const persistent = kernel ? String(kernel.persistent) : '-';
  const { forward, upper, lower } = wanted;
  return [...row, ...rest, persistent, forward, String(upper), String(lower), overrideText(server), ...traffic, why];
}

/** Not simply up and in the table as wanted; after a semicolon stands what speaks against a server that is (pool/explain.ts). */
const isOdd = ({ verdict, kernel, wanted, effective_weight: effective, why }: ApiRealServer): boolean =>
  verdict.state !== 'up' ||
  kernel?.weight !== wanted.weight ||
  effective !== wanted.weight ||
  wanted.override !== null ||
  why.includes('; ');

/** Where the last column does not fit, the sentences that matter stand below their server, whole. */
function narrowTable(view: View, rows: readonly Row[], servers: readonly ApiRealServer[], options: TableOptions): string {
  const lines = rows.map((row) => row.slice(0, -1));
  const text = table(view, lines, options).split(/(?<=\n)/);
  return text
    .map((one, i) => {
      const server = servers[i - 1];
      return server && isOdd(server) ? one + sentence(view, `       ${server.why}`) : one;
    })
    .join('');
}

/** The weight that is wanted, what has become of it now, and the kernel's. */
const HEAD = ['REAL SERVER', 'WANTED', 'NOW', 'VERDICT', 'KERNEL'];
const WIDE_HEAD = ['REAL SERVER', 'WANTED', 'EFFECTIVE', 'VERDICT', 'KERNEL'];
const KERNEL = ['FORWARD', 'ACTIVE', 'INACTIVE'];
const WIDE = ['PERSISTENT', 'WANTED FORWARD', 'UPPER', 'LOWER', 'FROM'];
const NUMBERS = new Set(['WANTED', 'NOW', 'EFFECTIVE', 'KERNEL', 'ACTIVE', 'INACTIVE', 'PERSISTENT', 'UPPER', 'LOWER']);

/** The heads but the last. */
function headsOf(view: View): string[] {
  if (view.wide) return [...WIDE_HEAD, ...KERNEL, ...WIDE, ...(counts(view) ? trafficHead(view) : [])];
  return [...HEAD, ...(counts(view) ? trafficHead(view) : KERNEL)];
}

/** What is out of the ordinary about a service. */
function remarks(service: ApiService): string[] {
  const list: string[] = [];
  if (service.source === 'runtime') list.push('added at run time');
  if (service.source === 'foreign') list.push('foreign: never touched by lbd');
  if (service.source === 'checks') list.push('takes checks alone, no clients');
  if (service.stands_back_for !== null) list.push(`not in the kernel while ${service.stands_back_for} is not master here`);
  else if (!service.in_kernel) list.push('not in the kernel');
  else if (!service.in_sync) list.push('the kernel is not as wanted yet');
  if (service.quorum.state === 'lost' && service.total > 0)
    list.push(`quorum lost: ${service.quorum.text}${service.sorry_server ? `, ${service.sorry_server} serves` : ''}`);
  if (service.pool?.too_few) list.push(`too few: ${service.pool.too_few}`);
  if (service.pool?.backups) list.push(service.pool.backups);
  return list;
}

export function upStyle({ up, total }: { readonly up: number; readonly total: number }): Style {
  if (total === 0) return 'yellow';
  return up === total ? 'green' : up === 0 ? 'red' : 'yellow';
}

function serviceHead(view: View, service: ApiService): string {
  const { name, key, keys, scheduler, options, forward, up, total } = service;
  const more = keys.length === 1 ? '' : view.wide ? `, ${keys.slice(1).join(', ')}` : ` and ${keys.length - 1} more`;
  const scheduling = [`${scheduler}${service.changed ? '*' : ''}`, ...options].join(' ');
  const notes = remarks(service);
  const named = name === key ? [] : [styled(name, 'bold'), '  '];
  return sentence(
    view,
    ...named,
    `${key}${more}  ${scheduling}  ${forward}  `,
    styled(`${up}/${total} up`, upStyle(service)),
    notes.length > 0 ? `  (${notes.join('; ')})` : '',
    view.wide ? `  on failure: ${service.on_failure}` : '',
  );
}

/** A service counts by itself: its sum holds what real servers served that have left it. */
function sumRow(view: View, heads: readonly string[], traffic: ApiTraffic): Row {
  const cells = trafficCells(view, traffic);
  const blank = Array<string>(heads.length - cells.length - 1).fill('');
  return ['whole service', ...blank, ...cells, 'with real servers that have left it'];
}

function serverTable(view: View, servers: readonly ApiRealServer[], traffic?: ApiTraffic): string {
  if (servers.length === 0 && !traffic) return line(view, '  no real server');
  const heads = headsOf(view);
  const numbers = new Set([...NUMBERS, ...trafficHead(view)]);
  const rows = [
    heading(...heads, 'WHY'),
    ...servers.map((server) => serverRow(view, server)),
    ...(traffic && counts(view) ? [sumRow(view, heads, traffic)] : []),
  ];
  const options = { indent: 2, right: heads.flatMap((name, i) => (numbers.has(name) ? [i] : [])) };
  const { width } = view;
  if (width === undefined || longestLine(rows, options) <= width) return table(view, rows, options);
  // A number is never cut: the terminal breaks the line.
  return narrowTable(counts(view) ? { ...view, width: undefined } : view, rows, servers, options);
}

const LEGEND = '* set at run time (lbctl why tells by whom)';

export function renderList(view: View, services: readonly ApiService[]): string {
  if (services.length === 0) return line(view, 'no virtual server');
  const overridden = services.some(
    ({ changed, real_servers: servers }) => changed || servers.some(({ wanted }) => wanted.override),
  );
  const blocks = services.map((service) => serviceHead(view, service) + serverTable(view, service.real_servers, service.traffic));
  const legend =
    overridden && !view.wide ? hostLines(view, services) + settingLines(view, services) + line(view, styled(LEGEND, 'dim')) : '';
  return blocks.join('\n') + (legend === '' ? '' : `\n${legend}`);
}

/** One end of three (health/types.ts). */
function markOf({ ok, local }: ApiCheck['results'][number]) {
  if (ok) return styled('ok', 'green');
  return local ? styled('unknown', 'yellow') : styled('failed', 'red');
}

/** Reasons are not cut. */
export function renderChecks(cutting: View, checks: readonly ApiCheck[]): string {
  const view = { ...cutting, width: undefined };
  return checks
    .map((check) => {
      const next = check.next_in_seconds === null ? 'running now' : `next in ${age(check.next_in_seconds)}`;
      const head = line(
        view,
        `${check.description}: `,
        styled(check.verdict, verdictStyle(check.verdict)),
        ` for ${age(check.since_seconds)}, ${next}`,
      );
      const rows = check.results.map((result): Row => {
        return [`${age(result.ago_seconds)} ago`, markOf(result), `${result.duration_ms} ms`, result.reason];
      });
      return head + table(view, rows, { indent: 2, right: [0, 2] });
    })
    .join('');
}

export interface Shown {
  readonly service: ApiService;
  readonly real_server: ApiRealServer | null;
  readonly checks: readonly ApiCheck[];
}

export function renderShow(view: View, { service, real_server, checks }: Shown): string {
  const servers = real_server ? [real_server] : service.real_servers;
  const overrides = servers
    .filter((server) => server.wanted.override)
    .map((server) => sentence(view, `* ${server.address}: ${overrideText(server)}`))
    .join('');
  const results = checks.length === 0 ? '' : `\n${renderChecks(view, checks)}`;
  // Nothing is cut: this is where everything of a service is read.
  const whole = { ...view, wide: true, width: undefined };
  return serviceHead(whole, service) + serverTable(view, servers) + settingLines(view, [service]) + overrides + results;
}
