/** Where things stand in a text that is to be edited, and what an edit there would change besides. */
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  visit,
  type YAMLMap,
} from 'yaml';
import type { Place } from './places.js';
import type { Problem } from './types.js';

export type MapNode = YAMLMap<unknown, unknown>;

/** A token of the library's concrete syntax, as far as it is looked at here. */
interface Token {
  readonly type: string;
  readonly offset: number;
  readonly source: string;
}
interface Item {
  readonly start: readonly Token[];
  readonly sep?: readonly Token[];
}

/** One text while it is edited. */
export interface Page {
  readonly text: string;
  readonly document: Document;
  /** Names of anchors that an alias takes, and where the first of these stands. */
  readonly aliases: ReadonlyMap<string, number>;
  /** What cannot be written, at its place. */
  readonly refuse: (message: string, at: number) => undefined;
  readonly lineOf: (at: number) => number;
}

export function pageOf(text: string, document: Document, at: Place, problems: Problem[]): Page {
  const aliases = new Map<string, number>();
  visit(document, {
    Alias(_key, node) {
      if (!aliases.has(node.source)) aliases.set(node.source, node.range?.[0] ?? 0);
    },
  });
  return {
    text,
    document,
    aliases,
    refuse(message, offset) {
      problems.push(at('error', message, offset));
      return undefined;
    },
    lineOf: (offset) => at('error', '', offset).line,
  };
}

export const startOf = (node: Node): number => node.range?.[0] ?? 0;

/** The tokens before a value of a list: its dash or comma, its anchor. */
export const tokensBefore = (list: Node, index: number): readonly Token[] =>
  (list.srcToken as unknown as { readonly items: readonly Item[] }).items[index]?.start ?? [];

/** The commas of a flow list, those at its very end included. */
export const commasOf = (list: Node): readonly number[] =>
  (list.srcToken as unknown as { readonly items: readonly Item[] }).items.flatMap(({ start }) =>
    start.filter(({ type }) => type === 'comma').map(({ offset }) => offset),
  );

/** The end of what stands between a key and its value: the colon, and an anchor or a tag. */
export function endOfColon(pair: Pair): number {
  const tokens = (pair.srcToken as unknown as Item | undefined)?.sep ?? [];
  const last = tokens.filter(({ type }) => type === 'map-value-ind' || type === 'anchor' || type === 'tag').at(-1);
  return last ? last.offset + last.source.length : ((pair.key as Node).range?.[1] ?? 0);
}

const isNothing = (node: unknown): boolean => isScalar(node) && node.range?.[0] === node.range?.[1];

/** The offset after the last character of a value; comments that follow are not of it. */
export function endOf(text: string, node: Node): number {
  if (isCollection(node) && !node.flow) {
    const last = node.items.at(-1);
    const value = isPair(last) ? (isNothing(last.value) || !last.value ? last.key : last.value) : last;
    if (value) return endOf(text, value as Node);
  }
  let end = node.range?.[1] ?? 0;
  // A block of lines holds the break of its last one.
  while (end > 0 && /[\r\n]/.test(text[end - 1] as string)) end--;
  return end;
}

export const pairOf = (map: MapNode, key: string): Pair | undefined =>
  map.items.find((one) => (isScalar(one.key) ? one.key.value : one.key) === key) as Pair | undefined;

/** An anchor at this value that is taken elsewhere, too: a change here would be one there. False: there is none. */
export function isShared(page: Page, node: Node, subject: string): boolean {
  const anchor = 'anchor' in node ? node.anchor : undefined;
  const taken = anchor === undefined ? undefined : page.aliases.get(anchor);
  if (taken === undefined) return false;
  page.refuse(
    `${subject} stands below the anchor &${anchor}, which *${anchor} in line ${page.lineOf(taken)} takes, too: change it by hand`,
    startOf(node),
  );
  return true;
}

/** The same of all that a value holds, which is to go. */
export function holdsShared(page: Page, node: Node, subject: string): boolean {
  let shared = false;
  visit(node, {
    Node(_key, one) {
      shared ||= !isAlias(one) && isShared(page, one, subject);
      return shared ? visit.BREAK : undefined;
    },
  });
  return shared;
}

/**
 * The value that a path leads to, which is to be changed in place; undefined when that would change something else, too, which has been
 * told then. `subject`: what it is about.
 */
export function walk(page: Page, path: readonly (string | number)[], subject: string): Node | undefined {
  let node = page.document.contents as Node | null;
  for (const step of path) {
    if (!node || isShared(page, node, subject)) return undefined;
    const next: unknown = isSeq(node)
      ? node.items[step as number]
      : isMap(node)
        ? pairOf(node, step as string)?.value
        : undefined;
    if (isAlias(next)) {
      return page.refuse(`${subject} is made by the alias *${next.source}: change what its anchor names by hand`, startOf(next));
    }
    node = next as Node | null;
  }
  return node && !isShared(page, node, subject) ? node : undefined;
}
