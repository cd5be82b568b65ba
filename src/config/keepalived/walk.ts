/** The statements of a block, each to what makes something of it, each with its class. */
import { didYouMean } from '../../base/suggest.js';
import { keywordsOf } from './keywords/table.js';
import type { Keyword } from './keywords/types.js';
import type { Notes } from './notes.js';
import type { LeftOut, Sheet } from './sheet.js';
import type { Statement } from './types.js';

/** What the parts of the import share. */
export interface Importing {
  readonly notes: Notes;
  readonly sheet: Sheet;
}

export type Handlers = Readonly<Record<string, (statement: Statement) => void>>;

/** Notes and comments are copied into tickets: what is secret is not in them. Of `key ID VALUE` the last word; `key FILE` is a path. */
const isSecret = ({ key, args }: Statement, at: number): boolean =>
  key.text === 'auth_pass' || key.text === 'password' || (key.text === 'key' && args.length > 1 && at > 0);

/** A statement without its block. */
export const wordsOf = (statement: Statement): string => {
  const { key, args } = statement;
  return [key.text, ...args.map(({ text }, at) => (isSecret(statement, at) ? '…' : text))].join(' ');
};

/** What stands in the new file in place of what was left out. */
export const leftOut = (statement: Statement, why: string): LeftOut => ({ words: wordsOf(statement), why });

/** The comments of a statement that counts for nothing where they stand now: they name what they are about. */
export function leaveNamed(statement: Statement, sheet: Sheet): void {
  const { above, beside } = statement;
  if (above.length === 0 && beside === undefined) return sheet.leave(statement);
  const words = ` ${wordsOf(statement)}`;
  sheet.leave({ ...statement, beside: beside === undefined ? words : `${words}:${beside}` });
}

/** Its whole text, and what stands in its block: none of it is anything in lbd. */
function loseAll(statement: Statement, text: string, { notes, sheet }: Importing): void {
  sheet.leave(statement, leftOut(statement, text));
  for (const one of statement.block ?? []) meetLost(one, statement.key.text, text, notes);
}

function meetLost(statement: Statement, block: string, text: string, notes: Notes): void {
  notes.meet(statement, block, 'refused', text);
  for (const one of statement.block ?? []) meetLost(one, statement.key.text, text, notes);
}

/** Nothing is made of a statement that was met: the class of it and of its block is refused, and the new file says so where it would stand. */
export function refuseWhole(statement: Statement, text: string, importing: Importing): void {
  importing.notes.refuse(statement, text);
  loseAll(statement, text, importing);
}

function ignoreWhole(statement: Statement, text: string, { notes, sheet }: Importing): void {
  sheet.leave(statement);
  const meet = (one: Statement): void => {
    notes.meet(one, statement.key.text, 'no_effect', text);
    one.block?.forEach(meet);
  };
  statement.block?.forEach(meet);
}

const IDLE = 'it asks for what lbd does anyway';
const isIdle = ({ idle = [] }: Keyword, { args }: Statement): boolean => idle.includes(args[0]?.text.toLowerCase() ?? '');

/** keepalived knows no block of a word that it does not know: the brace of it ends the block around it. */
function whyUnknown(block: string, isFollowed: boolean): string {
  if (block === 'root') return 'keepalived has no such word, and passes over it';
  if (!isFollowed) return `keepalived has no such word in ${block}, and passes over it`;
  return `keepalived has no such word in ${block}, and takes the } of it for that of ${block}: what follows it there counts for nothing in keepalived, and counts here`;
}

/** Handlers are named as keepalived spells the keyword; there must be one for all that is carried or changed. */
export function walk(block: string, statements: readonly Statement[], handlers: Handlers, importing: Importing): void {
  const keywords = keywordsOf(block);
  for (const [at, statement] of statements.entries()) {
    const word = statement.key.text;
    const keyword = keywords.get(word);
    if (!keyword) {
      const isFollowed = statement.block !== undefined && at < statements.length - 1;
      const text = whyUnknown(block, isFollowed) + didYouMean(word, [...keywords.keys()]);
      importing.notes.meet(statement, block, 'refused', text);
      loseAll(statement, text, importing);
      continue;
    }
    const { outcome, text = '' } = keyword;
    if (isIdle(keyword, statement)) {
      importing.notes.meet(statement, block, 'no_effect', IDLE);
      ignoreWhole(statement, IDLE, importing);
      continue;
    }
    importing.notes.meet(statement, block, outcome, keyword.text);
    if (outcome === 'refused') loseAll(statement, text, importing);
    else if (outcome === 'no_effect') ignoreWhole(statement, text, importing);
    else {
      const handle = handlers[word];
      if (!handle) throw new Error(`nothing is made of ${word} in ${block}`);
      handle(statement);
    }
  }
}
