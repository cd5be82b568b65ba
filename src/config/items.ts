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
const SPACE = 32;
const DASH = 45;
const HASH = 35;

/** What tells a text, with the variables in it, from another one. */
export const keyOf = (text: string, env: Environment): string => hash('sha256', withValues(text, env), 'base64url');

/** Lines from an offset on, each with its indentation. */
function* linesFrom(text: string, offset: number): Generator<{ start: number; end: number; indent: number }> {
  for (let start = offset; start < text.length; ) {
    const found = text.indexOf('\n', start);
    const end = found < 0 ? text.length : found;
    let at = start;
    while (text.charCodeAt(at) === SPACE) at++;
    yield { start, end, indent: at - start };
    start = end + 1;
  }
}

const countLines = (text: string, from: number, to: number): number => {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
};

/** Entries in their order; none where the list is written in another form, or is not there. */
export function itemsOf(text: string, env: Environment): Item[] {
  const list = LIST.exec(text);
  if (!list) return [];
  const items: Item[] = [];
  let open: { start: number; end: number; line: number; indent: number } | undefined;
  const close = (): void => {
    if (!open) return;
    const own = text.slice(open.start, open.end);
    items.push({ key: keyOf(own, env), text: own, start: open.start, line: open.line, indent: open.indent });
  };
  let line = countLines(text, 0, list.index) + 1;
  for (const { start, end, indent } of linesFrom(text, list.index + list[0].length + 1)) {
    line++;
    const first = text.charCodeAt(start + indent);
    if (start + indent === end || first === HASH) continue;
    if (open && indent > open.indent) {
      open.end = end;
      continue;
    }
    const isItem = first === DASH && text.charCodeAt(start + indent + 1) === SPACE && (!open || indent === open.indent);
    if (!isItem) break;
    close();
    open = { start, end, line, indent };
  }
  close();
  return items;
}

/**
 * The text with an entry of one word, `~`, in the place of each of these items: every other line stays where it is. They are in their
 * order.
 */
export function withoutItems(text: string, items: readonly Item[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const item of items) {
    const rest = '\n'.repeat(countLines(item.text, 0, item.text.length));
    parts.push(text.slice(at, item.start), `${' '.repeat(item.indent)}- ~${rest}`);
    at = item.start + item.text.length;
  }
  parts.push(text.slice(at));
  return parts.join('');
}
