/** Entries of a list taken out of its text, and new ones put at its end. */
import { isSeq, type Node, type Pair, type YAMLSeq } from 'yaml';
import type { Fields } from './save-edits.js';
import { asMap, blockLines, columnOf, dashOf, flowList, flowText, listDepth, type Style, styleOf } from './save-entry.js';
import { type Span, spansOf, withoutEntry, withoutSome } from './save-flow.js';
import { endOf, endOfColon, type MapNode, type Page, startOf, tokensBefore } from './save-place.js';
import { breakOf, isBlank, lineEnd, lineStart, linesAfter, type Patch, withoutParagraph } from './save-text.js';

export interface ListEdit {
  /** Indexes. */
  readonly removed: ReadonlySet<number>;
  readonly added: readonly Fields[];
}

/** The last entry that is written out: new ones are written as it is. */
const modelOf = (list: YAMLSeq): { index: number; map: MapNode | undefined } => {
  const index = list.items.findLastIndex((item) => asMap(item) !== undefined);
  return { index, map: asMap(list.items[index]) };
};

// ---- line by line ---------------------------------------------------------------------------------------------------------------

const dashAt = (list: YAMLSeq, index: number): number =>
  tokensBefore(list, index).find(({ type }) => type === 'seq-item-ind')?.offset ?? startOf(list.items[index] as Node);

/** An empty line stands between the last two entries; one before a comment of theirs sets groups of small ones apart, and does not count. */
function isSpaced(text: string, list: YAMLSeq, areLarge: boolean): boolean {
  const [before, last] = [list.items.length - 2, list.items.length - 1];
  if (before < 0) return false;
  const next = lineEnd(text, endOf(text, list.items[before] as Node));
  const between = text.slice(next, lineStart(text, dashAt(list, last)));
  return between !== '' && isBlank(areLarge ? text.slice(next, lineEnd(text, next)) : between);
}

function newLines(text: string, list: YAMLSeq, added: readonly Fields[]): string[] {
  const { index, map } = modelOf(list);
  const at = Math.max(0, index);
  const { indent, gap } = dashOf(text, dashAt(list, at), list.items[at] as Node);
  const style = styleOf(text, map);
  const first = `${indent}-${gap}`;
  const spaced = isSpaced(
    text,
    list,
    added.some((fields) => fields.some(([key]) => key === 'name')),
  );
  return added.flatMap((fields) => {
    const lines =
      !map || map.flow ? [first + flowText(fields, style)] : blockLines(fields, first, first.length, listDepth(text, map), style);
    return spaced ? ['', ...lines] : lines;
  });
}

/** Entries that go, those together that have nothing but empty lines between them. */
function runsOf(text: string, list: YAMLSeq, removed: ReadonlySet<number>): { from: number; to: number }[] {
  const runs: { from: number; to: number }[] = [];
  for (const [i, item] of list.items.entries()) {
    if (!removed.has(i)) continue;
    const span = { from: dashAt(list, i), to: endOf(text, item as Node) };
    const last = removed.has(i - 1) ? runs.at(-1) : undefined;
    const isNext = last && isBlank(text.slice(lineEnd(text, last.to), lineStart(text, span.from)));
    if (isNext) last.to = span.to;
    else runs.push(span);
  }
  return runs;
}

function editLines({ text }: Page, pair: Pair, list: YAMLSeq, { removed, added }: ListEdit): Patch[] {
  const patches = runsOf(text, list, removed).map(({ from, to }) => withoutParagraph(text, from, to));
  const after = endOfColon(pair);
  if (removed.size === list.items.length && added.length === 0) patches.push({ start: after, end: after, text: ' []' });
  if (added.length > 0) patches.push(linesAfter(text, endOf(text, list.items.at(-1) as Node), newLines(text, list, added)));
  return patches;
}

// ---- between brackets -----------------------------------------------------------------------------------------------------------

interface Flow {
  readonly text: string;
  readonly spans: readonly Span[];
  /** The last that stays; -1: none does. */
  readonly last: number;
  readonly texts: readonly string[];
}

/** A line for each new entry. */
function addAlone({ text, spans, last, texts }: Flow): Patch[] {
  const kept = spans[last];
  const model = (kept ?? spans[0]) as Span;
  const indent = text.slice(lineStart(text, model.start), model.start);
  const trailing = spans.at(-1)?.comma !== undefined;
  const lines = texts.map((one, i) => `${indent}${one}${trailing || i < texts.length - 1 ? ',' : ''}`);
  if (!kept) {
    const at = lineStart(text, model.start);
    return [{ start: at, end: at, text: lines.map((one) => one + breakOf(text)).join('') }];
  }
  const comma = kept.comma === undefined ? [{ start: kept.end, end: kept.end, text: ',' }] : [];
  return [...comma, linesAfter(text, kept.end, lines)];
}

function addInLine({ text, spans, last, texts }: Flow): Patch[] {
  const [first, second] = spans;
  const between = first?.comma !== undefined && second ? text.slice(first.comma + 1, second.start) : ' ';
  const gap = isBlank(between) && !between.includes('\n') ? between : ' ';
  const kept = spans[last];
  if (kept) return [{ start: kept.end, end: kept.end, text: texts.map((one) => `,${gap}${one}`).join('') }];
  const at = (first as Span).start;
  return [{ start: at, end: at, text: texts.join(`,${gap}`) }];
}

/** Nothing stays, and there is no comment to be kept: the whole is written anew. */
function anew(text: string, list: YAMLSeq, added: readonly Fields[], style: Style): Patch[] | undefined {
  const [start, end] = [startOf(list), list.range?.[1] ?? 0];
  const inside = text.slice(start + 1, end - 1);
  if (list.items.length === 0 ? !isBlank(inside) : /[#\n]/.test(inside)) return undefined;
  return [{ start, end, text: added.length === 0 ? '[]' : flowList(added, style) }];
}

function editFlow({ text }: Page, list: YAMLSeq, { removed, added }: ListEdit): Patch[] {
  const style = styleOf(text, modelOf(list).map);
  const all = removed.size === list.items.length;
  const whole = all ? anew(text, list, added, style) : undefined;
  if (whole) return whole;
  const spans = spansOf(text, list);
  const texts = added.map((one) => flowText(one, style));
  if (spans.length === 0) {
    const at = startOf(list) + 1;
    return [{ start: at, end: at, text: ` ${texts.join(', ')}` }];
  }
  const last = spans.findLastIndex((_span, i) => !removed.has(i));
  const flow: Flow = { text, spans, last, texts };
  const alone = spans.every((one) => one.alone);
  const adding = texts.length === 0 ? [] : alone ? addAlone(flow) : addInLine(flow);
  // New lines behind the last that stays need its comma.
  if (alone && texts.length > 0)
    return [...adding, ...spans.flatMap((span, i) => (removed.has(i) ? withoutEntry(text, span) : []))];
  return [...adding, ...withoutSome(text, spans, (i) => removed.has(i))];
}

// ---- both -----------------------------------------------------------------------------------------------------------------------

/** `pair`: the key with its list. Undefined: it is written in a way that is not edited; told. */
export function editList(page: Page, pair: Pair, edit: ListEdit, subject: string): Patch[] | undefined {
  const list = pair.value;
  if (!isSeq(list)) return page.refuse(`${subject}: this is no list`, startOf(pair.key as Node));
  if (list.flow) return editFlow(page, list, edit);
  const crowded = list.items.findIndex((_item, i) => columnBlank(page.text, dashAt(list, i)) === false);
  if (crowded >= 0) return page.refuse(`${subject} does not begin its line: change it by hand`, dashAt(list, crowded));
  return editLines(page, pair, list, edit);
}

const columnBlank = (text: string, at: number): boolean => isBlank(text.slice(at - columnOf(text, at), at));
