/** virtual_rules -> the same of lbd: what it has of the grammar of `ip rule`. */
import { virtualRule } from '../schema-paths.js';
import { keywordsOf } from './keywords/table.js';
import { ANYWHERE, type RuleWords, readRule } from './rule-words.js';
import type { Statement } from './types.js';
import { dropEntry, eachEntry, endList, listFrom, tellWord, whyUnfit } from './vrrp-entries.js';
import type { OldInstance } from './vrrp-facts.js';
import { defined, type PathPlace, tableOf, tellUnread } from './vrrp-routes.js';

const BLOCK = 'virtual_rules';

const numberOf = (word: string | undefined): number | undefined =>
  word === undefined || !/^(0x[0-9a-f]+|\d+)$/i.test(word) ? undefined : Number(word);

const networkOf = (word: string | undefined): string | undefined =>
  word === undefined || ANYWHERE.includes(word) ? undefined : word;

type Rule = Readonly<Record<string, string | number>>;

/** `chosen`: the preference that keepalived gives it, where it has none. */
function ruleOf({ values, keys, family }: RuleWords, chosen: number | undefined, old: OldInstance): Rule | string {
  for (const word of keys) {
    const keyword = keywordsOf(BLOCK).get(word);
    if (keyword?.outcome === 'refused') return `${word}: ${keyword.text ?? ''}`;
  }
  const { iif, oif, fwmark, table = '', priority } = values;
  const [from, to] = [networkOf(values.from), networkOf(values.to)];
  const number = tableOf(table);
  if (number === undefined) return `lbd knows routing tables by their numbers alone: write the number of ${table}`;
  const mark = numberOf(fwmark);
  if (fwmark !== undefined && mark === undefined)
    return `fwmark: lbd compares the whole mark: ${fwmark} needs a program of notify with ip rule add`;
  return defined<string | number>({
    priority: chosen ?? numberOf(priority) ?? priority,
    from,
    to,
    iif,
    oif,
    fwmark: mark,
    family: (from ?? to) === undefined && family !== old.family ? `ipv${family}` : undefined,
    table: number,
  });
}

export function rulesHandler({ old, mapping, taken, preferences, importing }: PathPlace): (statement: Statement) => void {
  const { sheet, notes } = importing;
  return (statement) => {
    const list = listFrom(mapping, BLOCK, statement, importing);
    eachEntry(statement, BLOCK, importing, (entry) => {
      const words = readRule(entry);
      const chosen = preferences.get(entry);
      const value = typeof words === 'string' ? words : ruleOf(words, chosen, old);
      if (typeof words === 'string' || typeof value === 'string') return dropEntry(entry, String(value), importing);
      const why = whyUnfit(virtualRule, value);
      if (why !== undefined) return dropEntry(entry, why, importing);
      const key = `rule ${JSON.stringify(value)}`;
      if (taken.has(key)) return dropEntry(entry, 'it is there already: one of the two is enough', importing);
      taken.add(key);
      if (words.keys.includes('no_track')) tellWord(entry, BLOCK, 'no_track', importing);
      tellUnread(entry, words.unread, importing);
      if (chosen !== undefined) notes.change(entry, `it has no preference: keepalived gives it ${chosen}, which is written now`);
      sheet.add(list, value, entry);
    });
    endList(mapping, BLOCK, statement, importing);
  };
}
