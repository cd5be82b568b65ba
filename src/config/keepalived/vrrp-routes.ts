/** virtual_routes -> the same of lbd: what it has of the grammar of `ip route`. */
import { familyOf, parseIp, parsePrefix } from '../../base/ip.js';
import { virtualRoute } from '../schema-paths.js';
import { keywordsOf } from './keywords/table.js';
import type { Mapping } from './sheet.js';
import type { Statement } from './types.js';
import { dropEntry, eachEntry, endList, listFrom, tellWord, whyUnfit } from './vrrp-entries.js';
import type { OldInstance } from './vrrp-facts.js';
import type { Importing } from './walk.js';

export interface PathPlace {
  readonly old: OldInstance;
  readonly mapping: Mapping;
  /** Routes and rules of all instances, as the kernel tells them apart. */
  readonly taken: Set<string>;
  /** Of rules without one, that which keepalived gives them. */
  readonly preferences: ReadonlyMap<Statement, number>;
  /** Addresses that no_accept closes, of all instances. */
  readonly closed: ReadonlySet<string>;
  readonly importing: Importing;
}

/** Without them a packet goes the same way. */
const TUNING = [
  ...[
    'hoplimit',
    'advmss',
    'rtt',
    'rttvar',
    'reordering',
    'window',
    'cwnd',
    'ssthresh',
    'realms',
    'rto_min',
    'initcwnd',
    'initrwnd',
  ],
  ...['features', 'quickack', 'congctl', 'fastopen_no_cookie', 'pref', 'ttl-propagate', 'expires'],
];
const ALIASES: Readonly<Record<string, string>> = {
  to: 'to',
  gw: 'via',
  via: 'via',
  dev: 'interface',
  oif: 'interface',
  src: 'source',
  table: 'table',
  metric: 'metric',
  priority: 'metric',
  preference: 'metric',
  mtu: 'mtu',
};
const PASSED = ['scope', 'protocol'];
const SIGNS = ['inet', 'inet6', 'unicast', 'no_track'];

/** rt_tables of iproute2 that every host has. */
const TABLES: Readonly<Record<string, number>> = { main: 254, default: 253, local: 255 };
const MAIN = 254;

/** Undefined: lbd does not know the name. */
export function tableOf(word: string): number | undefined {
  const number = TABLES[word] ?? (/^(0x[0-9a-f]+|\d+)$/i.test(word) ? Number(word) : undefined);
  return number !== undefined && number > 0 ? number : undefined;
}

/** Words that may stand before a value. */
const BEFORE: Readonly<Record<string, readonly string[]>> = { via: ['inet', 'inet6'], mtu: ['lock'] };

type Words = Record<string, string>;

/** The words of a route; a text says why there is none. Those that keepalived does not read come into `unread`. */
function wordsOf(entry: Statement, block: string, unread: string[], importing: Importing): Words | string {
  const texts = [entry.key.text, ...entry.args.map((one) => one.text)];
  const words: Words = {};
  for (let i = 0; i < texts.length; i++) {
    const word = texts[i] as string;
    const keyword = keywordsOf(block).get(word);
    const key = ALIASES[word];
    if (!keyword) {
      // The network has no word before it.
      if (words.to !== undefined) return `keepalived knows no ${word} here, and passes over the route`;
      words.to = word;
    } else if (key !== undefined) {
      while (BEFORE[key]?.includes(texts[i + 1] ?? '')) tellWord(entry, block, texts[++i] as string, importing);
      const value = texts[++i];
      if (value === undefined) return `${word} says nothing: keepalived passes over the route`;
      words[key] = value;
    } else if (PASSED.includes(word)) i++;
    else if (TUNING.includes(word)) {
      tellWord(entry, block, word, importing);
      i += texts[i + 1] === 'lock' ? 2 : 1;
    } else if (SIGNS.includes(word)) {
      if (word === 'no_track') tellWord(entry, block, word, importing);
      else words[word] = word;
      if (word.startsWith('inet')) unread.push(...texts.slice(++i, i + 1));
    } else return `${word}: ${keyword.text ?? ''}`;
  }
  return words;
}

const numberOf = (word: string | undefined): number | string | undefined =>
  word === undefined || !/^\d+$/.test(word) ? word : Number(word);

function routeOf(words: Words, old: OldInstance): Readonly<Record<string, string | number | undefined>> | string {
  const { to: network, via, interface: dev, source, table, metric, mtu } = words;
  if (network === undefined) return 'it has no destination: keepalived passes over it';
  const to = network === '0.0.0.0' ? '0.0.0.0/0' : network;
  const number = table === undefined ? MAIN : tableOf(table);
  if (number === undefined) return `lbd knows routing tables by their numbers alone: write the number of ${table}`;
  const isV6 = words.inet6 !== undefined;
  const beside = [via, source].map((one) => parseIp(one ?? '')).find((one) => one !== undefined);
  const bare = to === 'default' && beside === undefined;
  return {
    // `default` is of the instance's family in lbd, and of IPv4 in keepalived.
    to: bare && isV6 !== (old.family === 6) ? (isV6 ? '::/0' : '0.0.0.0/0') : to,
    via,
    interface: dev === old.interface && via === undefined ? undefined : dev,
    source,
    table: number === MAIN ? undefined : number,
    metric: metric === '0' ? undefined : numberOf(metric),
    mtu: numberOf(mtu),
  };
}

/** inet and inet6 are read by keepalived with what stands behind them, which counts for nothing. */
export function tellUnread(entry: Statement, unread: readonly string[], { notes }: Importing): void {
  if (unread.length > 0)
    notes.change(
      entry,
      `keepalived 2.2 does not read what stands behind inet or inet6, and it counts for nothing here too: ${unread.join(' ')}`,
    );
}

/** All of a family. */
const ANY: Readonly<Record<string, string>> = { inet: '0.0.0.0/0', inet6: '::/0' };

export const defined = <T>(value: Readonly<Record<string, T | undefined>>): Record<string, T> =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Record<string, T>;

/** Families of all that it names. */
const families = (values: readonly unknown[]): Set<number> =>
  new Set(
    values.flatMap((one) => {
      const found = typeof one === 'string' ? (parsePrefix(one)?.address ?? parseIp(one)) : undefined;
      return found === undefined ? [] : [familyOf(found)];
    }),
  );

/** As the kernel tells routes apart: those of IPv4 and IPv6 are two tables, also where both are called `default`. */
function keyOf({ to, via, source, table, metric }: Readonly<Record<string, string | number>>, old: OldInstance): string {
  const [family = old.family] = families([to, via, source]);
  const network = to === '0.0.0.0/0' || to === '::/0' ? 'default' : to;
  return `route ${family} ${network} ${table ?? MAIN} ${metric ?? 0}`;
}

const CLOSED = 'answers would come to an address that no_accept closes: the kernel chooses another one';

export function routesHandler({ old, mapping, taken, closed, importing }: PathPlace): (statement: Statement) => void {
  const block = 'virtual_routes';
  return (statement) => {
    const list = listFrom(mapping, block, statement, importing);
    eachEntry(statement, block, importing, (entry) => {
      const unread: string[] = [];
      const words = wordsOf(entry, block, unread, importing);
      tellUnread(entry, unread, importing);
      if (typeof words === 'object' && closed.has(parseIp(words.source ?? '') ?? '')) {
        importing.notes.refuse(entry, `src: ${CLOSED}`);
        delete words.source;
      }
      const made = typeof words === 'string' ? words : routeOf(words, old);
      if (typeof words === 'string' || typeof made === 'string') return dropEntry(entry, String(made), importing);
      const value = defined(made);
      const mixed = families([made.to, made.via, made.source, ANY[words.inet ?? words.inet6 ?? '']]).size > 1;
      const why = mixed ? 'it mixes IPv4 and IPv6: keepalived passes over it' : whyUnfit(virtualRoute, value);
      if (why !== undefined) return dropEntry(entry, why, importing);
      const key = keyOf(value, old);
      if (taken.has(key))
        return dropEntry(entry, 'another instance has that route, or this one twice: one of the two is enough', importing);
      taken.add(key);
      importing.sheet.add(list, value, entry);
    });
    endList(mapping, block, statement, importing);
  };
}
