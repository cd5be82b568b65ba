/** What the kernel counted, in the columns of `ipvsadm -Ln --stats` and `--rate`: `stats`, and for `list` beside the verdicts. */
import type { ApiCounters, ApiRates, ApiServiceStatistics, ApiStatistics, Methods } from '../../control/api.js';
import { type Columns, heading, line, longestLine, type Row, sentence, styled, table, type View } from './text.js';

const COUNTERS: readonly (readonly [keyof ApiCounters, string])[] = [
  ['connections', 'CONNS'],
  ['in_packets', 'IN PKTS'],
  ['out_packets', 'OUT PKTS'],
  ['in_bytes', 'IN BYTES'],
  ['out_bytes', 'OUT BYTES'],
];
const RATES: readonly (readonly [keyof ApiRates, string])[] = [
  ['cps', 'CONNS/S'],
  ['in_pps', 'IN PKTS/S'],
  ['out_pps', 'OUT PKTS/S'],
  ['in_bps', 'IN BYTES/S'],
  ['out_bps', 'OUT BYTES/S'],
];

const UNITS = ['', 'K', 'M', 'G', 'T'];

/** At most six digits; then thousands, millions, … cut off, not rounded: `1234567` is `1234K`. */
export function shorten(count: number): string {
  let [rest, unit] = [count, 0];
  for (; rest >= 1e6 && unit < UNITS.length - 1; unit++) rest = Math.floor(rest / 1000);
  return `${rest}${UNITS[unit]}`;
}

const numberText = (view: View, count: number | null | undefined): string => {
  if (count === null || count === undefined) return '-';
  return view.wide ? String(count) : shorten(count);
};

/** Wide is everything. */
const chosen = ({ wide, columns }: View): Columns => (wide ? { counters: true, rates: true } : columns);

export function trafficHead(view: View): string[] {
  const { counters, rates } = chosen(view);
  return [...(counters ? COUNTERS : []), ...(rates ? RATES : [])].map(([, name]) => name);
}

/** Of something that is not in the kernel: dashes. */
export function trafficCells(view: View, traffic: Pick<ApiStatistics, 'counters' | 'rates'> | undefined): string[] {
  const { counters, rates } = chosen(view);
  return [
    ...(counters ? COUNTERS : []).map(([name]) => numberText(view, traffic?.counters?.[name])),
    ...(rates ? RATES : []).map(([name]) => numberText(view, traffic?.rates?.[name])),
  ];
}

function connectionCells(view: View, { active, inactive, persistent }: ApiStatistics): string[] {
  const shown = view.wide ? [active, inactive, persistent] : [active, inactive];
  return shown.map((one) => numberText(view, one));
}

function nameText(view: View, { name, key, source, by_address: addresses }: ApiServiceStatistics, brief: boolean): string {
  if (source === 'foreign') return `${key}  (foreign)`;
  if (brief) return name;
  const more = addresses.length > 1 && !view.wide ? ` and ${addresses.length - 1} more` : '';
  return name === key ? `${name}${more}` : `${name}  ${key}${more}`;
}

type Cells = (one: ApiStatistics) => string[];

function serviceRows(view: View, service: ApiServiceStatistics, brief: boolean, cells: Cells): Row[] {
  const addresses = view.wide && service.by_address.length > 1 ? service.by_address : [];
  return [
    [styled(nameText(view, service, brief), 'bold'), ...cells(service)],
    ...addresses.map((one) => [`  at ${one.key}`, ...cells(one)]),
    ...service.real_servers.map((one) => [`  -> ${one.address}`, ...cells(one)]),
  ];
}

interface Shape {
  /** With connections as they are now. */
  readonly connections: boolean;
  /** Names without addresses. */
  readonly brief: boolean;
}

/** From the widest to the narrowest. */
const SHAPES: readonly Shape[] = [
  { connections: true, brief: false },
  { connections: false, brief: false },
  { connections: false, brief: true },
];

function allRows(view: View, { services, totals }: Methods['stats']['result'], { connections, brief }: Shape): Row[] {
  const names = view.wide ? ['ACTIVE', 'INACTIVE', 'PERSISTENT'] : ['ACTIVE', 'INACTIVE'];
  const cells: Cells = (one) => [...(connections ? connectionCells(view, one) : []), ...trafficCells(view, one)];
  return [
    heading('SERVICE', ...(connections ? names : []), ...trafficHead(view)),
    ...services.flatMap((service) => serviceRows(view, service, brief, cells)),
    [styled(`total of ${services.length === 1 ? '1 service' : `${services.length} services`}`, 'bold'), ...cells(totals)],
  ];
}

const STILL =
  'net.ipv4.vs.run_estimation is 0, so these numbers stand still: the kernel adds up again with kernel_settings: { run_estimation: 1 }';

export function renderStats(view: View, result: Methods['stats']['result']): string {
  const still = result.counting ? '' : sentence(view, styled(STILL, 'yellow'));
  if (result.services.length === 0) return still + line(view, 'no virtual server');
  const { counters, rates } = view.columns;
  const own: View = { ...view, columns: { counters: counters || !rates, rates } };
  const tables = SHAPES.map((shape) => {
    const rows = allRows(own, result, shape);
    return { rows, options: { right: (rows[0] ?? []).map((_, i) => i).slice(1) } };
  });
  const fitting = tables.find(({ rows, options }) => view.width === undefined || longestLine(rows, options) <= view.width);
  const { rows, options } = (fitting ?? tables.at(-1)) as (typeof tables)[number];
  // A number is never cut: the terminal breaks the line.
  return still + table({ ...own, width: undefined }, rows, options);
}
