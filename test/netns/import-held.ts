/** What a director holds of a kernel, in a form in which two can be compared. */
import type { StageHost } from './import-stage.js';

export interface Held {
  readonly addresses: readonly string[];
  readonly routes: readonly string[];
  readonly rules: readonly string[];
  readonly links: readonly string[];
}

interface AddressInfo {
  readonly local: string;
  readonly prefixlen: number;
  readonly scope: string;
  readonly broadcast?: string;
  readonly label?: string;
  readonly nodad?: boolean;
  readonly noprefixroute?: boolean;
  readonly deprecated?: boolean;
}

interface Link {
  readonly ifname: string;
  readonly link?: string;
  readonly address: string;
  readonly operstate: string;
  readonly linkinfo?: { readonly info_kind: string; readonly info_data?: { readonly mode?: string } };
  readonly addr_info: readonly AddressInfo[];
}

type Values = Readonly<Record<string, unknown>>;

/** Of a route: all but who made it, and what the kernel counts. */
const OWN = ['protocol', 'flags', 'cache', 'expires', 'pref'];

const words = (values: Values, without: readonly string[] = []): string =>
  Object.entries(values)
    .filter(([name]) => !without.includes(name))
    .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .sort()
    .join(' ');

const addressWords = (link: Link): string[] =>
  link.addr_info.map(({ local, prefixlen, scope, broadcast, label, nodad, noprefixroute, deprecated }) =>
    words({
      address: `${local}/${prefixlen}`,
      on: link.ifname,
      scope,
      ...(broadcast ? { broadcast } : {}),
      ...(label && label !== link.ifname ? { label } : {}),
      ...(nodad ? { nodad } : {}),
      ...(noprefixroute ? { noprefixroute } : {}),
      ...(deprecated ? { deprecated } : {}),
    }),
  );

/** Interfaces that were not there before: virtual MACs. */
const linkWords = ({ ifname, link, address, linkinfo }: Link): string =>
  words({ ifname, link, address, kind: linkinfo?.info_kind, mode: linkinfo?.info_data?.mode });

/** The kernel's own routes of addresses come and go with them; which of several is the source is a matter of their order. */
const isRoute = (route: Values): boolean => route.table !== 'local' && route.type !== 'multicast';

export async function heldBy(host: StageHost): Promise<Held> {
  const ask = async <T>(line: string): Promise<T> => JSON.parse((await host.exec(`ip -j ${line}`)) || '[]') as T;
  const [links, routes4, routes6, rules4, rules6] = await Promise.all([
    ask<readonly Link[]>('-d address show'),
    ask<readonly Values[]>('-4 route show table all'),
    ask<readonly Values[]>('-6 route show table all'),
    ask<readonly Values[]>('-4 rule show'),
    ask<readonly Values[]>('-6 rule show'),
  ]);
  return {
    addresses: links.flatMap(addressWords).sort(),
    routes: [...routes4, ...routes6]
      .filter(isRoute)
      .map((route) => words(route, OWN))
      .sort(),
    rules: [...rules4, ...rules6].map((rule) => words(rule, ['protocol'])).sort(),
    links: links
      .filter((one) => one.linkinfo?.info_kind === 'macvlan')
      .map(linkWords)
      .sort(),
  };
}
