/** What stands between brackets or braces, and how one of it is taken out with its comma. */
import { isPair, type Node, type YAMLSeq } from 'yaml';
import { commasOf, endOf, type MapNode, startOf, tokensBefore } from './save-place.js';
import { isBlank, lineEnd, lineStart, type Patch, withoutLines } from './save-text.js';

/** One entry of a list between brackets, or one key with its value between braces. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** Of the comma that follows; undefined: none does. */
  readonly comma: number | undefined;
  /** Nothing else stands on its lines. */
  readonly alone: boolean;
}

export function spansOf(text: string, collection: YAMLSeq | MapNode): Span[] {
  const commas = commasOf(collection);
  const close = collection.range?.[1] ?? 0;
  const bounds = collection.items.map((item, i) => {
    const own = tokensBefore(collection, i).find(({ type }) => type === 'anchor' || type === 'tag');
    const [first, last] = isPair(item) ? [item.key, item.value ?? item.key] : [item, item];
    return { start: own?.offset ?? startOf(first as Node), end: endOf(text, last as Node) };
  });
  return bounds.map(({ start, end }, i) => {
    const limit = bounds[i + 1]?.start ?? close;
    const alone =
      isBlank(text.slice(lineStart(text, start), start)) &&
      /^[ \t]*,?[ \t]*(?:#[^\n]*)?\r?\n$/.test(text.slice(end, lineEnd(text, end)));
    return { start, end, comma: commas.find((at) => at >= end && at < limit), alone };
  });
}

const spacesAfter = (text: string, at: number): number => at + (/^[ \t]*/.exec(text.slice(at, at + 200))?.[0].length ?? 0);

/** One entry with its comma. */
export function withoutEntry(text: string, { start, end, comma, alone }: Span): Patch[] {
  if (alone) return [withoutLines(text, start, end)];
  if (comma === undefined) return [{ start, end, text: '' }];
  const between = text.slice(end, comma);
  if (isBlank(between) && !between.includes('\n')) return [{ start, end: spacesAfter(text, comma + 1), text: '' }];
  return [
    { start, end, text: '' },
    { start: comma, end: spacesAfter(text, comma + 1), text: '' },
  ];
}

/** All after this one is gone: the comma between them, too. */
export function withoutComma(text: string, kept: Span, next: Span): Patch[] {
  if (kept.comma === undefined) return [];
  const between = text.slice(kept.comma + 1, next.start);
  return [{ start: kept.comma, end: isBlank(between) && !between.includes('\n') ? next.start : kept.comma + 1, text: '' }];
}

/** Of a mapping or list of which something stays. `gone`: by index. */
export function withoutSome(text: string, spans: readonly Span[], gone: (index: number) => boolean): Patch[] {
  const last = spans.findLastIndex((_span, i) => !gone(i));
  const [kept, next] = [spans[last], spans[last + 1]];
  const hasTail = kept && next && spans.at(-1)?.comma === undefined;
  return [
    ...spans.flatMap((span, i) => (gone(i) ? withoutEntry(text, span) : [])),
    ...(hasTail ? withoutComma(text, kept, next) : []),
  ];
}
