/** Routes and rules in the words of `ip route` and `ip rule`. */
import { formatPrefix, type Prefix } from '../base/ip.js';
import type { VirtualRoute, VirtualRule } from '../config/types.js';

/** RT_TABLE_MAIN of linux/rtnetlink.h, which goes without saying. */
const MAIN = 254;

const destination = (to: Prefix): string => (to.length === 0 ? 'default' : formatPrefix(to));
const words = (pairs: readonly (readonly [word: string, value: string | number | undefined])[]): string =>
  pairs.flatMap(([word, value]) => (value === undefined ? [] : [` ${word} ${value}`])).join('');

export const routeText = ({ to, via, dev, source, table, metric, mtu }: VirtualRoute): string => {
  const named = table === MAIN ? undefined : table;
  const pairs = [
    ['via', via],
    ['dev', dev],
    ['src', source],
    ['table', named],
    ['metric', metric],
    ['mtu', mtu],
  ] as const;
  return `${destination(to)}${to.length === 0 && to.address.includes(':') ? ' (IPv6)' : ''}${words(pairs)}`;
};

export const ruleText = ({ family, priority, table, from, to, iif, oif, fwmark }: VirtualRule): string => {
  const which = family === 6 && !from && !to ? ' (IPv6)' : '';
  const pairs = [
    ['from', from && destination(from)],
    ['to', to && destination(to)],
    ['fwmark', fwmark],
    ['iif', iif],
    ['oif', oif],
    ['lookup', table],
  ] as const;
  return `${priority}${which}:${words(pairs)}`;
};
