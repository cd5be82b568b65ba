/** Values of the old language: numbers, times, yes and no, names. */
import { formatDuration } from '../../base/duration.js';
import { isRefused, parseName } from '../../base/words.js';
import type { Statement } from './types.js';
import { type Importing, refuseWhole } from './walk.js';

export const textsOf = ({ args }: Statement): readonly string[] => args.map((one) => one.text);

/** A whole number of the range; undefined: it is none. */
export function wholeOf(word: string | undefined, min: number, max: number): number | undefined {
  if (word === undefined || !/^[+-]?\d+$/.test(word)) return undefined;
  const value = Number(word);
  return value >= min && value <= max ? value : undefined;
}

/** Milliseconds of a decimal number of seconds, exact to the microsecond. */
export function timeOf(word: string | undefined): number | undefined {
  if (word === undefined || !/^\+?(\d+\.?\d*|\.\d+)$/.test(word)) return undefined;
  return Math.round(Number(word) * 1e6) / 1e3;
}

const YES = ['on', 'true', 'yes'];
const NO = ['off', 'false', 'no'];

/** Without a word it is yes; undefined: the word is none of both. */
export function flagOf(statement: Statement | undefined): boolean | undefined {
  const word = statement?.args[0]?.text.toLowerCase();
  if (word === undefined || YES.includes(word)) return true;
  return NO.includes(word) ? false : undefined;
}

/** How the new file writes a time. */
export const written = (ms: number): string => formatDuration(ms);

/** Statements of a block with one of these keywords. */
export const allOf = ({ block = [] }: Statement, ...words: readonly string[]): readonly Statement[] =>
  block.filter((one) => words.includes(one.key.text));

export const lastOf = (statement: Statement, ...words: readonly string[]): Statement | undefined =>
  allOf(statement, ...words).at(-1);

/** A value that keepalived passes over, too. */
export const passOver = (statement: Statement, why: string, importing: Importing): void =>
  refuseWhole(statement, `${why}: keepalived passes over it`, importing);

/** The old name where lbd takes it, and one like it where not; never one that is `taken`. */
export function newName(old: string, taken: ReadonlySet<string>): string {
  const plain = old
    .replace(/[^\w.-]+/g, '_')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 60);
  const base = isRefused(parseName('name', plain)) ? 'unnamed' : plain;
  let name = base;
  for (let i = 2; taken.has(name); i++) name = `${base}-${i}`;
  return name;
}
