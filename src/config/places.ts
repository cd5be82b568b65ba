/** Where things stand in a text: what the readers of a configuration share. */
import type { Problem } from './types.js';

/** Keys and indexes from the top of the document. */
export type Path = readonly (string | number)[];

export interface Source {
  readonly file: string;
  /** A problem at the value (or, with `key`, at the key) that the path leads to, or at the nearest thing above it. */
  problem(severity: Problem['severity'], message: string, path: Path, atKey?: boolean): Problem;
}

export interface Loaded {
  readonly source: Source;
  /** Undefined when the text is no YAML. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

export type Place = (severity: Problem['severity'], message: string, offset: number) => Problem;

/** A longer line is not shown: it is no line that somebody wrote. */
const MAX_SHOWN = 400;

/** What a variable or an escape brought in must not break the line that it is told in. */
const inOneLine = (message: string): string =>
  message.replace(/[\x00-\x1f\x7f]/g, (sign) => `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** The line of a problem as it is told: empty when it is too long. */
export const shownLine = (line: string): string => (line.length > MAX_SHOWN ? '' : line);

/** Where each line of a text begins. */
export function lineStarts(text: string): number[] {
  const all = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) all.push(at + 1);
  return all;
}

/** How many of a list, which is in the order of their offsets, stand at this offset or before it. */
export function countUpTo<T>(offset: number, list: readonly T[], offsetOf: (one: T) => number): number {
  let count = list.length;
  for (let low = 0; low < count; ) {
    const middle = (low + count) >> 1;
    if (offsetOf(list[middle] as T) <= offset) low = middle + 1;
    else count = middle;
  }
  return count;
}

/** Offsets of a text -> problems with line and column. */
export function placesOf(file: string, text: string): Place {
  let starts: readonly number[] | undefined;
  return (severity, message, offset) => {
    starts ??= lineStarts(text);
    const line = countUpTo(offset, starts, (at) => at);
    const start = starts[line - 1] as number;
    const source = text.slice(start, (starts[line] ?? text.length + 1) - 1).replace(/\r$/, '');
    const place = { file, line, column: offset - start + 1 };
    return { severity, message: inOneLine(message), ...place, source: shownLine(source) };
  };
}
