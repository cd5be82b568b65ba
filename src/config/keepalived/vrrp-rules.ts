/** virtual_rules -> the same of lbd: what it has of the grammar of `ip rule`. */
import { familyOf, parsePrefix } from '../../base/ip.js';
import { virtualRule } from '../schema-paths.js';
import { keywordsOf } from './keywords/table.js';
import type { Statement } from './types.js';
import { dropEntry, eachEntry, endList, listFrom, tellWord, whyUnfit } from './vrrp-entries.js';
import type { OldInstance } from './vrrp-facts.js';
import { defined, type PathPlace, tableOf } from './vrrp-routes.js';
import type { Importing } from './walk.js';

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
const ALL = ['all', 'any', 'default'];

type Words = Record<string, string>;

function wordsOf(entry: Statement, block: string, importing: Importing): Words | string {
  const texts = [entry.key.text, ...entry.args.map((one) => one.text)];
  const words: Words = {};
  for (let i = 0; i < texts.length; i++) {
    const word = texts[i] as string;
    const keyword = keywordsOf(block).get(word);
    const key = ALIASES[word];
    if (!keyword) return `keepalived knows no ${word} here, and passes over the rule`;
    if (keyword.outcome === 'refused') return `${word}: ${keyword.text ?? ''}`;
    if (key !== undefined) {
      const value = texts[++i];
      if (value === undefined) return `${word} says nothing: keepalived passes over the rule`;
      words[key] = value;
    } else if (word === 'protocol') i++;
    else if (word === 'no_track') tellWord(entry, block, word, importing);
    else words[word] = word;
  }
  return words;
}

const numberOf = (word: string | undefined): number | undefined =>
  word === undefined || !/^(0x[0-9a-f]+|\d+)$/i.test(word) ? undefined : Number(word);

const networkOf = (word: string | undefined): string | undefined => (word === undefined || ALL.includes(word) ? undefined : word);

interface Rule {
  readonly value: Readonly<Record<string, string | number>>;
  /** keepalived chose the priority. */
  readonly chosen: boolean;
}

function ruleOf(words: Words, old: OldInstance, nextRule: PathPlace['nextRule']): Rule | string {
  const { iif, oif, fwmark, table = '', priority: given } = words;
  if (table === '') return 'it does nothing with the packets: keepalived passes over it';
  const [from, to] = [networkOf(words.from), networkOf(words.to)];
  const number = tableOf(table);
  if (number === undefined) return `lbd knows routing tables by their numbers alone: write the number of ${table}`;
  const mark = numberOf(fwmark);
  if (fwmark !== undefined && mark === undefined)
    return `fwmark: lbd compares the whole mark: ${fwmark} needs a program of notify with ip rule add`;
  const network = parsePrefix(from ?? to ?? '')?.address;
  const family = network !== undefined ? familyOf(network) : words.inet6 !== undefined ? 6 : 4;
  const priority = given === undefined ? nextRule[family]-- : (numberOf(given) ?? given);
  const value = {
    priority,
    from,
    to,
    iif,
    oif,
    fwmark: mark,
    family: network === undefined && family !== old.family ? `ipv${family}` : undefined,
    table: number,
  };
  return { value: defined<string | number>(value), chosen: given === undefined };
}

export function rulesHandler({ old, mapping, taken, nextRule, importing }: PathPlace): (statement: Statement) => void {
  const { sheet, notes } = importing;
  const block = 'virtual_rules';
  return (statement) => {
    const list = listFrom(mapping, block, statement, importing);
    eachEntry(statement, block, importing, (entry) => {
      const words = wordsOf(entry, block, importing);
      const made = typeof words === 'string' ? words : ruleOf(words, old, nextRule);
      if (typeof made === 'string') return dropEntry(entry, made, importing);
      const { value, chosen } = made;
      const why = whyUnfit(virtualRule, value);
      if (why !== undefined) return dropEntry(entry, why, importing);
      const key = `rule ${JSON.stringify(value)}`;
      if (taken.has(key)) return dropEntry(entry, 'it is there already: one of the two is enough', importing);
      taken.add(key);
      if (chosen) notes.change(entry, `it has no preference: keepalived gives it ${value.priority}, which is written now`);
      sheet.add(list, value, entry);
    });
    endList(mapping, block, statement, importing);
  };
}
