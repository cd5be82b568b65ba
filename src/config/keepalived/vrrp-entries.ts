/** Entries of lists: their words are no keywords of a block, and have classes all the same. */
import * as v from 'valibot';
import { keywordsOf } from './keywords/table.js';
import { Listing, type Mapping } from './sheet.js';
import type { Statement } from './types.js';
import { type Importing, refuseWhole } from './walk.js';

/** What lbd's own schema says of a value; undefined: it takes it. */
export function whyUnfit(schema: v.GenericSchema, value: unknown): string | undefined {
  const found = v.safeParse(schema, value);
  return found.success ? undefined : found.issues[0].message;
}

/** A word of an entry that is carried itself, and the class of that word. */
export function tellWord(entry: Statement, block: string, word: string, { notes }: Importing): void {
  const keyword = keywordsOf(block).get(word);
  if (!keyword) return notes.refuse(entry, `keepalived knows no ${word} here, and passes over it`);
  const text = `${word}: ${keyword.text ?? ''}`;
  if (keyword.outcome === 'refused') notes.refuse(entry, text);
  else if (keyword.outcome !== 'carried') notes.change(entry, text);
}

/** Nothing is made of an entry. */
export const dropEntry = (entry: Statement, why: string, importing: Importing): void => refuseWhole(entry, why, importing);

/** Nothing is made of it, for it did nothing in keepalived either. */
export function idleEntry(entry: Statement, why: string, { notes, sheet }: Importing): void {
  notes.noEffect(entry, why);
  sheet.leave(entry);
}

/** Each entry of a block is met, and then read; what comments the block has stand with the list. */
export function eachEntry(statement: Statement, block: string, importing: Importing, read: (entry: Statement) => void): void {
  for (const entry of statement.block ?? []) {
    importing.notes.meet(entry, block, 'carried');
    read(entry);
  }
}

/** The list of a key, made of a block; further blocks add to it. */
export function listFrom(mapping: Mapping, key: string, statement: Statement, { sheet }: Importing): Listing {
  const there = mapping.get(key);
  const list = there instanceof Listing ? there : new Listing();
  sheet.set(mapping, key, list, statement);
  return list;
}

/** A list that is whole; one that came to nothing goes, and its comments stand before what is written next. */
export function endList(mapping: Mapping, key: string, statement: Statement, { sheet }: Importing): void {
  const at = mapping.entries.findIndex((one) => one.key === key);
  const entry = mapping.entries[at];
  if (!entry || !(entry.value instanceof Listing)) return;
  if (entry.value.items.length > 0) return sheet.end(entry.value, statement.below);
  mapping.entries.splice(at, 1);
  const above = [...entry.above, ...(entry.beside === undefined ? [] : [entry.beside]), ...entry.value.below, ...statement.below];
  sheet.leave({ ...statement, above, beside: undefined, block: [], below: [] });
}
