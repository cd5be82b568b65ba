/** An entry of virtual_rules and static_rules as keepalived reads it (vrrp_iprule.c, 2.2), and the preference that it gives to those without one. */
import { type Family, familyOf, parsePrefix } from '../../base/ip.js';
import { keywordsOf } from './keywords/table.js';
import type { Statement } from './types.js';

/** Words with a value that lbd has too, by its name. */
const ALIASES: Readonly<Record<string, string>> = {
  from: 'from',
  to: 'to',
  table: 'table',
  lookup: 'table',
  preference: 'priority',
  order: 'priority',
  priority: 'priority',
  dev: 'iif',
  iif: 'iif',
  oif: 'oif',
  fwmark: 'fwmark',
};
const TABLE_OPTIONS = ['realms', 'suppress_prefixlength', 'sup_pl', 'suppress_ifgroup', 'sup_group'];
const VALUED = [
  ...[...Object.keys(ALIASES), ...TABLE_OPTIONS, 'goto', 'protocol', 'tos', 'dsfield', 'tunnel-id', 'uidrange'],
  ...['ipproto', 'ip_proto', 'sport', 'dport', 'track_group'],
];
const TO_TABLE = ['table', 'lookup', 'l3mdev'];
const ACTIONS = [...TO_TABLE, 'goto', 'nop', 'blackhole', 'unreachable', 'prohibit'];
const FAMILIES: Readonly<Record<string, Family>> = { inet: 4, inet6: 6, realms: 4 };
/** No network at all. */
export const ANYWHERE: readonly string[] = ['all', 'any', 'default'];
const FWMARK = /^(0x[\da-f]+|\d+)(\/(0x[\da-f]+|\d*))?$/i;

export interface RuleWords {
  /** Of what lbd has too, by its names; what is said twice counts as said last. */
  readonly values: Readonly<Record<string, string>>;
  /** All of its words, without their values. */
  readonly keys: readonly string[];
  readonly family: Family;
  /** Words that stand behind inet or inet6: keepalived reads none there. */
  readonly unread: readonly string[];
}

interface Growing {
  readonly values: Record<string, string>;
  readonly keys: string[];
  readonly families: Set<Family>;
  readonly unread: string[];
}

/** Why keepalived passes over a rule whose words it knows. */
function whyPassedOver({ values, keys, families }: Growing): string | undefined {
  const { table = '1', fwmark = '0', priority } = values;
  for (const network of [values.from, values.to]) {
    if (network === undefined || ANYWHERE.includes(network)) continue;
    const prefix = parsePrefix(network);
    if (!prefix) return `${network} is no network`;
    families.add(familyOf(prefix.address));
  }
  const [action, other] = keys.filter((word) => ACTIONS.includes(word));
  if (action === undefined) return 'it does nothing with the packets';
  if (other !== undefined) return `it has both ${action} and ${other}`;
  if (action === 'goto' && priority === undefined) return 'there is a goto and no preference';
  const option = keys.find((word) => TABLE_OPTIONS.includes(word));
  if (option !== undefined && !TO_TABLE.includes(action)) return `${option} has no table`;
  if (Number(table) === 0) return 'there is no table 0';
  if (!FWMARK.test(fwmark)) return `${fwmark} is no fwmark`;
  return families.size > 1 ? 'it mixes IPv4 and IPv6' : undefined;
}

/** Takes the words one by one. A text says why there is no rule. */
function readWords(texts: readonly string[], read: Growing): string | undefined {
  for (let i = 0; i < texts.length; i++) {
    const word = texts[i] as string;
    if (!keywordsOf('virtual_rules').has(word)) return `there is no ${word} in a rule`;
    read.keys.push(word);
    const family = FAMILIES[word];
    if (family !== undefined) read.families.add(family);
    const next = texts[i + 1];
    if (word === 'inet' || word === 'inet6') {
      if (next !== undefined) read.unread.push(next);
      i++;
    } else if (VALUED.includes(word)) {
      if (next === undefined) return `${word} says nothing`;
      const key = ALIASES[word];
      if (key !== undefined) read.values[key] = next;
      i++;
    }
  }
  return whyPassedOver(read);
}

/** A text says why keepalived has no such rule. */
export function readRule({ key, args }: Statement): RuleWords | string {
  const read: Growing = { values: {}, keys: [], families: new Set(), unread: [] };
  const why = readWords([key.text, ...args.map(({ text }) => text)], read);
  if (why === undefined) return { ...read, family: [...read.families][0] ?? 4 };
  const unread = read.unread.length > 0 ? ` (2.2 does not read what stands behind inet or inet6: ${read.unread.join(' ')})` : '';
  return `${why}: keepalived passes over the rule${unread}`;
}

const FIRST = 16_384;

const entriesOf = ({ key, block = [] }: Statement): readonly Statement[] =>
  key.text === 'static_rules'
    ? block
    : key.text === 'vrrp_instance'
      ? block.filter((one) => one.key.text === 'virtual_rules').flatMap((one) => one.block ?? [])
      : [];

/**
 * By entry, of those without a preference: as they come in the text, static or not, also of instances that it passes over, it counts down, each
 * family by itself. `statements`: all of the file.
 */
export function chosenPreferences(statements: Iterable<Statement>): ReadonlyMap<Statement, number> {
  const next: Record<Family, number> = { 4: FIRST, 6: FIRST };
  const chosen = new Map<Statement, number>();
  for (const statement of statements) {
    for (const entry of entriesOf(statement)) {
      const rule = readRule(entry);
      if (typeof rule !== 'string' && rule.values.priority === undefined) chosen.set(entry, next[rule.family]--);
    }
  }
  return chosen;
}
