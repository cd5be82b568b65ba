/** The files of an old configuration, line by line: the first one, and in the middle of it those that it includes. */
import type { Told } from './built-in.js';
import { type Bare, bare } from './comments.js';
import type { Checks, Include } from './includes.js';
import { MAX_LINE } from './parameters.js';
import { type Spot, spotOf, type Text, textAt } from './text.js';
import type { OldFile, Surroundings } from './types.js';

/** keepalived reads a line in a buffer of 1,024: what does not fit is another line to it. */
const KEEPALIVED_LINE_BYTES = 1022;
/** Files within files; keepalived goes on until it has no descriptors left. */
const MAX_DEPTH = 50;
const MAX_FILES = 10_000;

interface Open {
  readonly name: string;
  readonly lines: readonly string[];
  readonly isBytes: boolean;
  /** The next line, from 0. */
  at: number;
  /** What include_check said where this file was included. */
  readonly checks: Checks;
}

export interface Line extends Bare {
  /** There is nothing at all on it, not even a blank. */
  readonly isEmpty: boolean;
}

export interface Files {
  /** The next line, of whatever file; undefined: there is none. */
  next(): Line | undefined;
  /** The file that is being read has another line. */
  hasMore(): boolean;
  /** The file that the next line is of: keepalived is in its folder. */
  readonly current: string;
  include(include: Include, spot: Spot): void;
  /** What all includes look for from here on, in this file and those that it includes. */
  checks: Checks;
}

const BOM = '\uFEFF';

function linesOf(text: string): string[] {
  const lines = text.split('\n').map((line) => line.replace(/\r+$/, ''));
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

const bytesOf = (text: string): number => (text.length * 3 <= KEEPALIVED_LINE_BYTES ? 0 : new TextEncoder().encode(text).length);

/** What is wrong with a line as such. */
function tellLine(given: Text, { line, commentAt, openQuote }: Bare, isBytes: boolean, told: Told): void {
  const { text } = given;
  const nul = text.indexOf('\0');
  if (nul >= 0) told.fault(spotOf(given, nul), 'a NUL: keepalived does not see what follows it on its line');
  if (openQuote !== undefined)
    told.fault(spotOf(given, openQuote), 'nothing ends what this " begins: write \\" where it is no quote');
  if (commentAt !== undefined && /[^ \t{}"]/.test(text[commentAt - 1] ?? ' '))
    told.warn(
      spotOf(given, commentAt),
      `this ${text[commentAt]} begins a comment in the middle of a word, so keepalived knows only what stands before it: write \\${text[commentAt]} where it belongs to the word`,
    );
  const lone = text.indexOf('\r');
  if (lone >= 0)
    told.warn(spotOf(given, lone), 'a carriage return in the middle of a line ends no line for keepalived: it is a blank');
  if (bytesOf(text) > KEEPALIVED_LINE_BYTES)
    told.warn(spotOf(given), `keepalived cuts lines of more than ${KEEPALIVED_LINE_BYTES} bytes in two; here it is one line`);
  const foreign = isBytes ? line.text.search(/[\x80-\xff]/) : -1;
  if (foreign >= 0) told.warn(spotOf(line, foreign), 'this is no UTF-8: it is written in UTF-8 now, which is not the same bytes');
}

/** The lines of each file that was read, as they stand there. */
export type Texts = Map<string, readonly string[]>;

export function createFiles(first: OldFile, around: Surroundings, texts: Texts, told: Told): Files {
  const open: Open[] = [];
  let count = 0;
  let checks: Checks = new Set();

  const push = ({ file, text, isBytes = false }: OldFile): void => {
    const hasBom = text.startsWith(BOM);
    const lines = linesOf(hasBom ? text.slice(1) : text);
    texts.set(file, lines);
    open.push({ name: file, lines, isBytes, at: 0, checks });
    if (hasBom)
      told.warn(
        { place: { file, line: 1, column: 1 } },
        'a byte order mark, which keepalived takes for the beginning of the first word: it is passed over here',
      );
    count += 1;
  };
  const leave = (): void => {
    checks = open.pop()?.checks ?? checks;
  };
  const bring = (found: OldFile, spot: Spot): boolean => {
    // Those that nothing was read of wait for their turn: they are not around this one.
    const chain = open.filter((one) => one.at > 0).map((one) => one.name);
    if (chain.includes(found.file))
      told.fault(spot, `${[...chain.slice(chain.indexOf(found.file)), found.file].join(' includes ')}, and so on without end`);
    else if (chain.length >= MAX_DEPTH) told.fault(spot, `files include each other more than ${MAX_DEPTH} deep`);
    else if (count >= MAX_FILES) told.fault(spot, `more than ${MAX_FILES} files`);
    else return true;
    return false;
  };
  push(first);
  return {
    next() {
      for (let top = open.at(-1); top; top = open.at(-1)) {
        const text = top.lines[top.at];
        if (text === undefined) {
          leave();
          continue;
        }
        top.at += 1;
        const given = textAt(text.slice(0, MAX_LINE), { file: top.name, line: top.at, column: 1 });
        if (text.length > MAX_LINE) told.fault(spotOf(given), `a line of more than ${MAX_LINE} characters`);
        const line = bare(given);
        tellLine(given, line, top.isBytes, told);
        return { ...line, isEmpty: text === '' };
      }
      return undefined;
    },
    hasMore() {
      const top = open.at(-1);
      return top !== undefined && top.at < top.lines.length;
    },
    get current() {
      return open.at(-1)?.name ?? first.file;
    },
    include({ keyword, pattern, checks: own }, spot) {
      const found = around.readInclude(pattern.text, open.at(-1)?.name ?? first.file);
      if (typeof found === 'string') return told.fault(spot, `${keyword}: ${found}`);
      const good: OldFile[] = [];
      for (const one of found) {
        if ('text' in one) good.push(one);
        else if (own.has(one.lacks) || checks.has(one.lacks)) told.fault(spot, `${keyword}: ${one.message}`);
        else told.warn(spot, `${keyword}: ${one.message}; keepalived goes on without it, and so does this`);
      }
      if (found.length === 0) told.warn(spot, `${keyword}: no file is named ${pattern.text}`);
      // The last one is read last.
      for (const one of good.reverse()) if (bring(one, spot)) push(one);
    },
    get checks() {
      return checks;
    },
    set checks(now) {
      checks = now;
    },
  };
}
