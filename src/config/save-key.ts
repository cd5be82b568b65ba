/** One key of a mapping set in its text. */
import { isAlias, isCollection, isScalar, type Node, type Pair } from 'yaml';
import type { Fields, Mapping, Value } from './save-edits.js';
import { asMap, columnOf, flowList, keyText, listDepth, listLines, styleOf, valueText } from './save-entry.js';
import { spansOf, withoutSome } from './save-flow.js';
import { endOf, endOfColon, holdsShared, isShared, type MapNode, type Page, pairOf, startOf } from './save-place.js';
import { breakOf, isBlank, lineStart, linesAfter, type Patch, withoutLines } from './save-text.js';

/** The end of a key with its value. */
const endOfPair = (text: string, { key, value }: Pair): number => endOf(text, (value ?? key) as Node);

/** Where all keys of a mapping line by line stand. */
function columnOfKeys(text: string, map: MapNode): number {
  const keys = map.items.map((one) => startOf(one.key as Node));
  // What stands before the first may be an anchor.
  return columnOf(
    text,
    (keys[1] !== undefined && lineStart(text, keys[1]) !== lineStart(text, keys[0] ?? 0) ? keys[1] : keys[0]) ?? 0,
  );
}

/** A key and its value, as text, behind a pair of a mapping between braces. */
function behind(text: string, pair: Pair, words: string): Patch {
  const key = startOf(pair.key as Node);
  const indent = text.slice(lineStart(text, key), key);
  const gap = isBlank(indent) ? breakOf(text) + indent : ' ';
  const at = endOfPair(text, pair);
  return { start: at, end: at, text: `,${gap}${words}` };
}

/** What is set, and what is said of it. */
export interface Setting {
  readonly page: Page;
  readonly map: MapNode;
  /** What it is of: `web/10.0.0.21:80`. */
  readonly subject: string;
  readonly notes: string[];
}

/** Another value in the place of the one that is there; comments within it would be lost. */
function replaced({ page, map, subject, notes }: Setting, pair: Pair, key: string, value: Value): Patch[] {
  const node = pair.value as Node;
  const [start, end] = [startOf(node), endOf(page.text, node)];
  if (!isAlias(node) && isShared(page, node, `${key} of ${subject}`)) return [];
  const old = page.text.slice(start, end);
  if (isCollection(node) && (/#/.test(old) || holdsShared(page, node, `${key} of ${subject}`))) {
    page.refuse(`${key} of ${subject} has comments or anchors of its own: change it by hand`, start);
    return [];
  }
  if (/\$\{|^\*/.test(old))
    notes.push(`${key} of ${subject} was ${old} in line ${page.lineOf(start)}, and is a word of its own now`);
  const text = valueText(key, value, styleOf(page.text, map));
  const from = isCollection(node) && !node.flow ? endOfColon(pair) : start;
  return [{ start: from, end, text: from === start ? text : ` ${text}` }];
}

const nameOf = ({ key }: { readonly key: unknown }): string => String(isScalar(key) ? key.value : key);

/** A mapping that is there gets these keys, and loses all others; one that would lose all it has is written anew. */
function setMap(setting: Setting, pair: Pair, key: string, value: Mapping): Patch[] {
  const { page, subject } = setting;
  const inner = pair.value as MapNode;
  const wanted = new Set(value.map.map(([name]) => name));
  const gone = inner.items.map(nameOf).filter((name) => !wanted.has(name));
  if (gone.length === inner.items.length) return replaced(setting, pair, key, value);
  if (isShared(page, inner, `${key} of ${subject}`)) return [];
  const own: Setting = { ...setting, map: inner, subject: `${key} of ${subject}` };
  return [...(gone.length > 0 ? removeKeys(own, gone) : []), ...value.map.flatMap((one) => setKey(own, one, [...wanted]))];
}

/** Keys with their values are gone; some key must stay. */
function removeKeys({ page, map, subject }: Setting, names: readonly string[]): Patch[] {
  const { text } = page;
  const isGone = (i: number): boolean => names.includes(nameOf(map.items[i] as Pair));
  for (const [i, pair] of map.items.entries()) {
    if (isGone(i) && pair.value && holdsShared(page, pair.value as Node, `${names.join(', ')} of ${subject}`)) return [];
  }
  if (map.flow) return withoutSome(text, spansOf(text, map), isGone);
  const first = map.items[0]?.key as Node;
  if (isGone(0) && !isBlank(text.slice(lineStart(text, startOf(first)), startOf(first)))) {
    page.refuse(`${names.join(', ')} of ${subject} is the first key of its entry: take it out by hand`, startOf(first));
    return [];
  }
  return map.items.flatMap((pair, i) =>
    isGone(i) ? [withoutLines(text, startOf(pair.key as Node), endOfPair(text, pair as Pair))] : [],
  );
}

/** `after`: keys that a new one is written behind, the first that is there. What cannot be is told, and nothing of it done. */
export function setKey(setting: Setting, [key, value]: readonly [string, Value | null], after: readonly string[]): Patch[] {
  const { page, map } = setting;
  const { text } = page;
  const there = pairOf(map, key);
  if (value === null) return there ? removeKeys(setting, [key]) : [];
  const inner = asMap(there?.value);
  if (inner && typeof value === 'object' && 'map' in value) return setMap(setting, there as Pair, key, value);
  if (there) return replaced(setting, there, key, value);
  const style = styleOf(text, map);
  const words = `${keyText(key, style)}:${style.gap}${valueText(key, value, style)}`;
  const pair = after.map((one) => pairOf(map, one)).find((one) => one !== undefined) ?? (map.items.at(-1) as Pair);
  if (map.flow) return [behind(text, pair, words)];
  return [linesAfter(text, endOfPair(text, pair), [' '.repeat(columnOfKeys(text, map)) + words])];
}

/** A list that the mapping does not have yet, at its end. */
export function addList({ text }: Page, map: MapNode, key: string, entries: readonly Fields[]): Patch {
  const style = styleOf(text, map);
  const pair = map.items.at(-1) as Pair;
  if (map.flow) return behind(text, pair, `${keyText(key, style)}:${style.gap}${flowList(entries, style)}`);
  return linesAfter(text, endOfPair(text, pair), listLines(key, entries, columnOfKeys(text, map), listDepth(text, map), style));
}
