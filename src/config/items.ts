/**
 * The entries below `virtual_servers:` as pieces of text, found without reading them. In a text of the plain kind (plain-yaml.ts) an entry is
 * all lines from its `- ` to the next line that does not stand deeper, so pieces can be told apart, recognised, and taken out of their
 * text one by one. In a text of another kind the pieces mean nothing: the caller asks that reader first.
 */
import { hash } from 'node:crypto';
import type { Environment } from './places.js';
import { withValues } from './variables.js';

export interface Item {
  /** The same for the same lines with the same values of variables. */
  readonly key: string;
  /** Its lines, without the comments and empty lines that follow. */
  readonly text: string;
  /** Offset of `text`. */
  readonly start: number;
  /** Of its first line, from 1. */
  readonly line: number;
  /** Spaces before its `- `. */
  readonly indent: number;
}

const LIST = /^virtual_servers: *(?:(?<= )#[^\n]*)?$/m;
const FIRST = /(?: *(?:#[^\n]*)?\n)*( *)- /y;
const NOTHING = /^ *(?:#.*)?$/;

/** What tells a text, with the variables in it, from another one. */
export const keyOf = (text: string, env: Environment): string => hash('sha256', withValues(text, env), 'base64url');

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

/** Without the comments and empty lines at its end. */
function withoutTrail(text: string): string {
  let end = text.length;
  for (let start = text.lastIndexOf('\n'); start >= 0; start = text.lastIndexOf('\n', end - 1)) {
    if (!NOTHING.test(text.slice(start + 1, end))) break;
    end = start;
  }
  return text.slice(0, end);
}

/** The offsets of the lines that begin an entry, and of the line that ends the list. */
function startsOf(text: string, list: RegExpExecArray): { starts: number[]; end: number; indent: number } {
  FIRST.lastIndex = list.index + list[0].length + 1;
  const indent = FIRST.exec(text)?.[1]?.length;
  if (indent === undefined) return { starts: [], end: 0, indent: 0 };
  const starts: number[] = [];
  // Every line that holds something and stands no deeper than the entries.
  const line = new RegExp(`^ {0,${indent}}[^ #\\n]`, 'gm');
  line.lastIndex = list.index + list[0].length + 1;
  for (let found = line.exec(text); found; found = line.exec(text)) {
    const isEntry = found[0].length === indent + 1 && text.startsWith('- ', found.index + indent);
    if (!isEntry) return { starts, end: found.index, indent };
    starts.push(found.index);
  }
  return { starts, end: text.length, indent };
}

/** Entries in their order; none where the list is written in another form, or is not there. */
export function itemsOf(text: string, env: Environment): Item[] {
  const list = LIST.exec(text);
  if (!list) return [];
  const { starts, end, indent } = startsOf(text, list);
  let line = 1 + countLines(text.slice(0, starts[0]));
  return starts.map((start, i) => {
    const whole = text.slice(start, starts[i + 1] ?? end);
    const own = withoutTrail(whole);
    const item = { key: keyOf(own, env), text: own, start, line, indent };
    line += countLines(whole);
    return item;
  });
}

/**
 * The text with an entry of one word, `~`, in the place of each of these items: every other line stays where it is. They are in their
 * order.
 */
export function withoutItems(text: string, items: readonly Item[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const item of items) {
    parts.push(text.slice(at, item.start), `${' '.repeat(item.indent)}- ~${'\n'.repeat(countLines(item.text))}`);
    at = item.start + item.text.length;
  }
  parts.push(text.slice(at));
  return parts.join('');
}
