/** What the parts of a virtual server are read with: values as keepalived takes them, and what was left out, for its place. */
import { type Ip, parseIp, parsePort } from '../../base/ip.js';
import type { Notes } from './notes.js';
import type { Given } from './parts.js';
import type { Mapping, Sheet } from './sheet.js';
import type { Statement, Word } from './types.js';
import { type Importing, leftOut } from './walk.js';

/** A value, and the line that says it. */
export interface Said<T> {
  readonly value: T;
  readonly from: Statement;
}

/** What is read of one block. Its lines that nothing is made of wait until it is known where in the new file the block stands. */
export interface Reading extends Importing {
  readonly given: Given;
  /** Writes their comments where the sheet is now, and forgets them. */
  release(): void;
}

export function createReading(given: Given): Reading {
  let left: Parameters<Sheet['leave']>[] = [];
  const sheet: Sheet = { ...given.sheet, leave: (...one) => void left.push(one) };
  return {
    given,
    notes: given.notes,
    sheet,
    release() {
      for (const one of left) given.sheet.leave(...one);
      left = [];
    },
  };
}

/** The sheet for what may be made several times of one block: its comments stand where it is made first. */
export interface Paper extends Sheet {
  /** Comments before the closing brace. */
  closeBlock(mapping: Mapping, statement: Statement): void;
}

export function createPaper(sheet: Sheet): Paper {
  // A copy without its block has the same word.
  const [left, ended] = [new Set<Word>(), new Set<Word>()];
  const isNew = (seen: Set<Word>, { key }: Statement): boolean => !seen.has(key) && seen.add(key) !== undefined;
  return {
    ...sheet,
    leave(statement, line) {
      if (isNew(left, statement)) sheet.leave(statement, line);
    },
    closeBlock(mapping, statement) {
      if (isNew(ended, statement)) mapping.below.push(...statement.below);
    },
  };
}

/** keepalived passes over such a line, and so does lbd. */
export function passOver(statement: Statement, why: string, { notes, sheet }: Importing): void {
  notes.noEffect(statement, `keepalived passes over it: ${why}`);
  sheet.leave(statement);
}

/** Of a line that was met, and that cannot be said in lbd. Its block is another matter. */
export function lose(statement: Statement, why: string, { notes, sheet }: Importing): void {
  notes.refuse(statement, why);
  sheet.leave({ ...statement, block: undefined, below: [] }, leftOut({ ...statement, block: undefined }, why));
}

/** Of a block that was met: nothing of it counts. */
export function tellWhole(statement: Statement, outcome: 'noEffect' | 'refuse', why: string, notes: Notebook): void {
  if (notes.isMet(statement)) notes[outcome](statement, why);
  for (const one of statement.block ?? []) tellWhole(one, outcome, why, notes);
}

/** Of a block that was met, and that cannot be said in lbd. */
export function loseWhole(statement: Statement, why: string, { notes, sheet }: Importing): void {
  tellWhole(statement, 'refuse', why, notes);
  sheet.leave(statement, leftOut({ ...statement, block: undefined }, why));
}

/** The comments of lines that something was made of without a place of their own. */
export function leaveLines(statement: Statement, sheet: Sheet): void {
  for (const one of statement.block ?? []) if (one.block === undefined) sheet.leave(one);
}

/** What of a block nothing was made of here has comments, too. */
export function leaveRest(statement: Statement, written: ReadonlySet<Statement>, sheet: Sheet): void {
  leaveLines(statement, sheet);
  for (const one of statement.block ?? []) if (one.block !== undefined && !written.has(one)) sheet.leave(one);
}

/** The first word after the keyword. */
export const wordOf = ({ args }: Statement): string => args[0]?.text ?? '';

const MICROSECONDS = 1e6;

/** Decimal seconds, to the microsecond; milliseconds, or undefined. */
export function timerOf(word: string): number | undefined {
  if (!/^\d+(?:\.\d*)?$|^\.\d+$/.test(word)) return undefined;
  return Math.round(Number(word) * MICROSECONDS) / 1000;
}

/** A whole number in its range, or undefined. */
export function wholeOf(word: string, min: number, max: number): number | undefined {
  const value = /^\+?\d{1,10}$/.test(word) ? Number(word) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}

const YES = ['true', 'on', 'yes'];
const NO = ['false', 'off', 'no'];

/** Without a word it is on. */
export function flagOf({ args }: Statement): boolean | undefined {
  const word = args[0]?.text.toLowerCase();
  if (word === undefined || YES.includes(word)) return true;
  return NO.includes(word) ? false : undefined;
}

export interface Place {
  readonly address: Ip;
  /** Undefined, or 0: none was said. */
  readonly port: number | undefined;
}

/** `192.0.2.10 80`: port 0 is none. */
export function placeOf(words: readonly (Word | undefined)[]): Place | undefined {
  const address = parseIp(words[0]?.text ?? '');
  const word = words[1]?.text;
  const port = word === undefined ? 0 : parsePort(word);
  return address === undefined || port === undefined ? undefined : { address, port: port === 0 ? undefined : port };
}

export type Notebook = Pick<Notes, 'change' | 'noEffect' | 'refuse' | 'isMet'>;

/** Keeps what lines say, the last of each. */
export type Words<T> = { [K in keyof T]?: Said<T[K]> };

/** A handler that keeps what a line says. `read` gives a value, or why keepalived passes over the line. */
export function keeper<T>(words: Words<T>, reading: Reading) {
  return <K extends keyof T>(key: K, read: (statement: Statement) => { readonly value: T[K] } | string) =>
    (statement: Statement): void => {
      const found = read(statement);
      if (typeof found === 'string') return passOver(statement, found, reading);
      const before = words[key];
      if (before) {
        reading.notes.noEffect(before.from, `a later line of the block says ${statement.key.text} again`);
        reading.sheet.leave(before.from);
      }
      words[key] = { value: found.value, from: statement };
    };
}

export const value = <T>(found: T | undefined, why: string): { readonly value: T } | string =>
  found === undefined ? why : { value: found };
