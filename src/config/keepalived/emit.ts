/** The sheet as YAML text, and which place of the old file each part of the text came from. */
import { Document, isMap, isScalar, isSeq, type Node, Pair, parseDocument, Scalar, YAMLMap, YAMLSeq } from 'yaml';
import { countUpTo } from '../places.js';
import { type Entry, type Item, Listing, Mapping, type Scalar as Plain, trimmed, type Value } from './sheet.js';
import type { Place } from './types.js';

export interface Emitted {
  readonly text: string;
  /** What stands nearest before an offset of the text. */
  placeAt(offset: number): Place | undefined;
}

/** A mapping or list without comments that is no longer than this stands on one line. */
const LINE = 100;
/** The sections take lines of their own. */
const LEAST_DEPTH = 2;

const hasComments = (one: Entry | Item): boolean => one.above.length > 0 || one.beside !== undefined;

/** As it would stand on a line; undefined: something in it needs lines. */
function inline(value: Value): string | undefined {
  if (!(value instanceof Mapping || value instanceof Listing)) return /\n/.test(String(value)) ? undefined : String(value);
  if (value.below.length > 0 || (value instanceof Mapping && value.isTall)) return undefined;
  const parts: readonly (Entry | Item)[] = value instanceof Mapping ? value.entries : value.items;
  const texts = parts.map((one) => (hasComments(one) ? undefined : inline(one.value)));
  if (texts.includes(undefined)) return undefined;
  const named = value instanceof Mapping ? texts.map((text, i) => `${value.entries[i]?.key}: ${text}`) : texts;
  const text = `{ ${named.join(', ')} }`;
  return text.length <= LINE ? text : undefined;
}

/** The file's own `$` would be a variable. */
const scalarOf = (value: Plain): Scalar => new Scalar(typeof value === 'string' ? value.replaceAll('$', '$$$$') : value);

/** lbd takes no file with these in it, also not in a comment, and a terminal should not get them. */
const FOREIGN = /[\x00-\x08\x0a-\x1f\x7f-\x9f\ufffd]/g;
const named = (sign: string): string =>
  sign === '\ufffd' ? '\\ufffd' : `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`;

/** Without blanks at its end: an empty comment line stays one, which the library takes for a blank line otherwise. */
const commentLine = (line: string): string => line.trimEnd().replace(FOREIGN, named);

const comment = (lines: readonly string[]): string | undefined => {
  const said = trimmed(lines);
  return said.length === 0 ? undefined : said.map(commentLine).join('\n');
};

function ordered({ entries, order }: Mapping): readonly Entry[] {
  const rank = (key: string) => (order.includes(key) ? order.indexOf(key) : order.length);
  return [...entries].sort((a, b) => rank(a.key) - rank(b.key));
}

/** The library writes no comment beside a key whose value takes lines: it stands above then. */
function remark(head: Scalar | Node, node: Node, { above, beside }: Entry | Item, isBlock: boolean): void {
  const lines = isBlock && beside !== undefined ? [...above, beside] : above;
  const before = comment(lines);
  if (before !== undefined) head.commentBefore = before;
  if (!isBlock && beside !== undefined && beside.trim() !== '') node.comment = commentLine(beside);
}

const isBlock = (node: Node): boolean => (isMap(node) || isSeq(node)) && node.flow !== true && node.items.length > 0;

function nodeOf(value: Value, depth: number): Node {
  if (!(value instanceof Mapping || value instanceof Listing)) return scalarOf(value);
  const node = value instanceof Mapping ? mapOf(value, depth) : listOf(value, depth);
  if (depth >= LEAST_DEPTH && inline(value) !== undefined) node.flow = true;
  const below = comment(value.below);
  if (below !== undefined) node.comment = below;
  return node;
}

function mapOf(value: Mapping, depth: number): YAMLMap {
  const map = new YAMLMap();
  for (const entry of ordered(value)) {
    const [key, node] = [new Scalar(entry.key), nodeOf(entry.value, depth + 1)];
    remark(key, node, entry, isBlock(node));
    if (depth === 0 && map.items.length > 0) key.spaceBefore = true;
    map.items.push(new Pair(key, node));
  }
  return map;
}

/** What stands above the first key of an item stands above the item: there is no line between the dash and the key. */
function raised(item: Item): Item {
  const first = item.value instanceof Mapping ? ordered(item.value)[0] : undefined;
  if (!first || first.above.length === 0) return item;
  const above = [...item.above, ...first.above];
  const entries = (item.value as Mapping).entries.map((one) => (one === first ? { ...one, above: [] } : one));
  const { order, isTall } = item.value as Mapping;
  const value = new Mapping(order, isTall);
  value.entries.push(...entries);
  value.below.push(...(item.value as Mapping).below);
  return { ...item, above, value };
}

function listOf(value: Listing, depth: number): YAMLSeq {
  const list = new YAMLSeq();
  for (const item of value.items.map(raised)) {
    const node = nodeOf(item.value, depth + 1);
    remark(node, node, item, isBlock(node));
    if (depth === 1 && list.items.length > 0 && isBlock(node)) node.spaceBefore = true;
    list.items.push(node);
  }
  return list;
}

/** Both trees have the same shape: the text was made of the sheet. */
function* placesIn(value: Value, node: unknown): Generator<readonly [offset: number, place: Place]> {
  if (value instanceof Mapping && isMap(node)) {
    for (const [i, entry] of ordered(value).entries()) {
      const pair = node.items[i];
      if (entry.place && isScalar(pair?.key) && pair.key.range) yield [pair.key.range[0], entry.place];
      yield* placesIn(entry.value, pair?.value);
    }
  }
  if (value instanceof Listing && isSeq(node)) {
    for (const [i, item] of value.items.entries()) {
      const each = node.items[i] as Node | undefined;
      if (item.place && each?.range) yield [each.range[0], item.place];
      yield* placesIn(item.value, each);
    }
  }
}

export function emit(root: Mapping): Emitted {
  const document = new Document();
  document.contents = mapOf(root, 0);
  const below = comment(root.below);
  if (below !== undefined) document.comment = below;
  const text = document.toString({ lineWidth: 0, flowCollectionPadding: true });
  let places: readonly (readonly [offset: number, place: Place])[] | undefined;
  return {
    text,
    placeAt(offset) {
      // Only a problem asks, and most files have none.
      places ??= [...placesIn(root, parseDocument(text).contents)].sort(([a], [b]) => a - b);
      return places[countUpTo(offset, places, ([at]) => at) - 1]?.[1];
    },
  };
}
