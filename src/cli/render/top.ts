/** `top`: the busiest virtual servers and real servers. */
import type { ApiStatistics, Methods } from '../../control/api.js';
import { shorten } from './stats.js';
import { type Column, line, styled, tableOf, type View } from './text.js';

export const ORDERS = ['connections', 'packets', 'bytes', 'active'] as const;
export type Order = (typeof ORDERS)[number];

export interface Busy extends ApiStatistics {
  /** `web`, `web/10.0.0.21:80` */
  readonly name: string;
}

export interface Ranking {
  readonly at: string;
  readonly order: Order;
  /** Busiest first. */
  readonly services: readonly Busy[];
  readonly real_servers: readonly Busy[];
  readonly totals: Methods['stats']['result']['totals'];
}

const VALUES: Readonly<Record<Order, (one: ApiStatistics) => number>> = {
  connections: ({ rates }) => rates?.cps ?? -1,
  packets: ({ rates }) => (rates ? rates.in_pps + rates.out_pps : -1),
  bytes: ({ rates }) => (rates ? rates.in_bps + rates.out_bps : -1),
  active: ({ active }) => active ?? -1,
};

/** Of as many as that the names are told. */
function ranked(all: readonly Busy[], order: Order, count: number): Busy[] {
  const value = VALUES[order];
  // Who is equal there is told by its connections, and then in the order of the configuration.
  return [...all].sort((a, b) => value(b) - value(a) || VALUES.active(b) - VALUES.active(a)).slice(0, count);
}

const plain = ({ name, counters, rates, active, inactive, persistent }: Busy): Busy => ({
  name,
  counters,
  rates,
  active,
  inactive,
  persistent,
});

/** `count`: of each. */
export function rank({ at, services, totals }: Methods['stats']['result'], order: Order, count: number): Ranking {
  const servers = services.flatMap(({ name, real_servers: all }) =>
    all.map((one) => ({ ...one, name: `${name}/${one.address}` })),
  );
  return {
    at,
    order,
    services: ranked(services, order, count).map(plain),
    real_servers: ranked(servers, order, count).map(plain),
    totals,
  };
}

/** Half of the line is for numbers, which are never cut; of a name its end says most. */
function shortName({ width }: View, name: string): string {
  const [room, letters] = [Math.floor((width ?? Number.POSITIVE_INFINITY) / 2), [...name]];
  return letters.length <= room ? name : `…${letters.slice(1 - room).join('')}`;
}

function columnsOf(view: View, what: string, order: Order): readonly Column<Busy>[] {
  const text = (count: number | null | undefined): string => {
    if (count === null || count === undefined) return '-';
    return view.wide ? String(count) : shorten(count);
  };
  const column = (head: string, by: Order, of: (one: Busy) => number | null | undefined, spare: number): Column<Busy> => ({
    head,
    cell: (one) => styled(text(of(one)), by === order ? 'bold' : undefined),
    right: true,
    ...(by === order ? {} : { spare }),
  });
  return [
    { head: what, cell: ({ name }) => shortName(view, name) },
    column('ACTIVE', 'active', ({ active }) => active, 1),
    column('CONNS/S', 'connections', ({ rates }) => rates?.cps, 2),
    column('IN PKTS/S', 'packets', ({ rates }) => rates?.in_pps, 4),
    column('OUT PKTS/S', 'packets', ({ rates }) => rates?.out_pps, 4),
    column('IN BYTES/S', 'bytes', ({ rates }) => rates?.in_bps, 3),
    column('OUT BYTES/S', 'bytes', ({ rates }) => rates?.out_bps, 3),
  ];
}

export function renderTop(view: View, { order, services, real_servers: servers, totals }: Ranking): string {
  if (services.length === 0) return line(view, 'no virtual server');
  const total = { ...totals, name: 'all together' };
  return [
    tableOf(view, columnsOf(view, 'SERVICE', order), [...services, total]),
    servers.length > 0 ? `\n${tableOf(view, columnsOf(view, 'REAL SERVER', order), servers)}` : '',
  ].join('');
}
