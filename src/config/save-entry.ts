/** New entries of lists as text, in the style of those that stand there. */
import { isMap, isPair, isScalar, isSeq, type Node, Scalar, stringify } from 'yaml';
import type { Fields, Value, Word } from './save-edits.js';
import { endOfColon, type MapNode, pairOf, startOf } from './save-place.js';
import { isBlank, lineStart } from './save-text.js';

export interface Style {
  /** `{ a: 1 }`, not `{a: 1}`. */
  readonly padded: boolean;
  /** What addresses are put in where that is a matter of taste; all words, where keys are, too. */
  readonly quote: '"' | "'" | '';
  /** Keys, too, as in JSON. */
  readonly quotedKeys: boolean;
  /** Between a colon and its value. */
  readonly gap: string;
}

const USUAL: Style = { padded: true, quote: '', quotedKeys: false, gap: ' ' };

/** As in a mapping that stands there. */
export function styleOf(text: string, map: MapNode | undefined): Style {
  if (!map) return USUAL;
  const key = map.items[0]?.key;
  const address = pairOf(map, 'address')?.value;
  const type = isScalar(address) && !/^\[/.test(String(address.value)) ? address.type : undefined;
  const first = map.items[0];
  const value = first && isPair(first) ? (first.value as Node | null) : undefined;
  const gap = value && first && isScalar(value) ? text.slice(endOfColon(first as never), startOf(value)) : ' ';
  return {
    padded: !map.flow || text[startOf(map) + 1] === ' ' || text[startOf(map) + 1] === '\n' || text[startOf(map) + 1] === '\r',
    quote: type === Scalar.QUOTE_DOUBLE ? '"' : type === Scalar.QUOTE_SINGLE ? "'" : '',
    quotedKeys: isScalar(key) && key.type === Scalar.QUOTE_DOUBLE,
    gap: gap === '' && isScalar(key) && key.type === Scalar.QUOTE_DOUBLE ? '' : ' ',
  };
}

export function wordText(word: Word, quote: Style['quote'] = ''): string {
  if (typeof word !== 'string') return String(word);
  // A dollar sign would begin a variable.
  const plain = word.replaceAll('$', '$$$$');
  if (quote === "'" && !/['\n]/.test(plain)) return `'${plain}'`;
  if (quote === '"' || /^\[|[\s,[\]{}#'"\\&*!|>%@`]/.test(plain)) return JSON.stringify(plain);
  return stringify(plain, { lineWidth: 0, defaultStringType: 'PLAIN' }).trimEnd();
}

/** A value in one line. */
export function valueText(key: string, value: Value, style: Style): string {
  const quote = style.quotedKeys ? '"' : key === 'address' ? style.quote : '';
  if (typeof value !== 'object') return wordText(value, quote);
  if ('map' in value) return value.word === undefined ? flowText(value.map, style) : wordText(value.word, quote);
  const pad = style.padded && value.list.length > 0 ? ' ' : '';
  return `[${pad}${value.list.map((one) => wordText(one, quote)).join(', ')}${pad}]`;
}

export const keyText = (key: string, { quotedKeys }: Style): string => (quotedKeys ? JSON.stringify(key) : key);

const isList = (value: Value | readonly Fields[]): value is readonly Fields[] => Array.isArray(value);

export function flowList(entries: readonly Fields[], style: Style): string {
  const pad = style.padded ? ' ' : '';
  return `[${pad}${entries.map((one) => flowText(one, style)).join(', ')}${pad}]`;
}

/** `{ address: 10.0.0.9:80, weight: 3 }` */
export function flowText(fields: Fields, style: Style): string {
  const pad = style.padded ? ' ' : '';
  const parts = fields.map(([key, value]) => {
    const text = isList(value) ? flowList(value, style) : valueText(key, value, style);
    return `${keyText(key, style)}:${style.gap}${text}`;
  });
  return `{${pad}${parts.join(', ')}${pad}}`;
}

/** A list of entries below a key, line by line: each entry in one line. */
export function listLines(key: string, entries: readonly Fields[], column: number, deeper: number, style: Style): string[] {
  const indent = ' '.repeat(column + deeper);
  return [`${' '.repeat(column)}${keyText(key, style)}:`, ...entries.map((one) => `${indent}- ${flowText(one, style)}`)];
}

/** Keys line by line at a column; `first` stands before the first of them in place of its spaces. */
export function blockLines(fields: Fields, first: string, column: number, deeper: number, style: Style): string[] {
  const lines = fields.flatMap(([key, value]) =>
    isList(value)
      ? listLines(key, value, column, deeper, { ...style, padded: true, gap: ' ' })
      : [`${' '.repeat(column)}${keyText(key, style)}: ${valueText(key, value, style)}`],
  );
  return lines.map((line, i) => (i === 0 ? first + line.slice(column) : line));
}

/** How much deeper the lists of a mapping stand than its keys. */
export function listDepth(text: string, map: MapNode): number {
  for (const pair of map.items) {
    const list = pair.value as Node | null;
    if (!isSeq(list) || list.flow) continue;
    const depth = columnOf(text, startOf(list)) - columnOf(text, startOf(pair.key as Node));
    if (depth >= 0) return depth;
  }
  return 2;
}

export const columnOf = (text: string, at: number): number => at - lineStart(text, at);

/** What stands before the dash of an entry, and between the dash and its value. */
export function dashOf(text: string, dash: number, node: Node): { indent: string; gap: string } {
  const gap = text.slice(dash + 1, startOf(node));
  return { indent: text.slice(lineStart(text, dash), dash), gap: isBlank(gap) && !gap.includes('\n') && gap !== '' ? gap : ' ' };
}

export const asMap = (node: unknown): MapNode | undefined => (isMap(node) ? (node as MapNode) : undefined);
