/** The new configuration while it is written: keys and values with the comments of the old one, and where each came from. */
import type { Place, Statement } from './types.js';

export type Scalar = string | number | boolean;
export type Value = Scalar | Mapping | Listing;
/** As a caller writes it; what is undefined is left out. */
export type Plain = Value | readonly Plain[] | { readonly [key: string]: Plain | undefined };

/** Comments, without their sign, and the statement's place. */
export interface Remarks {
  readonly above: string[];
  beside: string | undefined;
  readonly place: Place | undefined;
}

export interface Entry extends Remarks {
  readonly key: string;
  value: Value;
}

export interface Item extends Remarks {
  readonly value: Value;
}

export class Mapping {
  readonly entries: Entry[] = [];
  readonly below: string[] = [];
  /** Keys in the order in which they are written; others follow as they came. */
  readonly order: readonly string[];
  /** It takes lines of its own, however short it is. */
  readonly isTall: boolean;

  constructor(order: readonly string[] = [], isTall = false) {
    this.order = order;
    this.isTall = isTall;
  }

  get(key: string): Value | undefined {
    return this.entries.find((one) => one.key === key)?.value;
  }
}

export class Listing {
  readonly items: Item[] = [];
  readonly below: string[] = [];
}

/** A statement of the old file that the new one has not. */
export interface LeftOut {
  readonly words: string;
  readonly why: string;
}

export interface Sheet {
  readonly root: Mapping;
  /** A key of a mapping; one that is there is replaced. The comments of a statement stand beside the first thing made of it. */
  set(mapping: Mapping, key: string, value: Plain | undefined, from?: Statement): void;
  /** One more item of a list. */
  add(list: Listing, value: Plain, from?: Statement): void;
  /** The list under a key of a mapping, made when it is not there. */
  listOf(mapping: Mapping, key: string): Listing;
  /** The mapping under a key of a mapping, made when it is not there. */
  mappingOf(mapping: Mapping, key: string): Mapping;
  /** What nothing is made of: its comments stand here, before what is written next, with a line that says what was left out. */
  leave(statement: Statement, line?: LeftOut): void;
  /** Its comments stand somewhere, or wait for what is written next. */
  isSpent(statement: Statement): boolean;
  /** Nothing more comes into it: the comments that wait for something stand at its end, and those before the brace of its block. */
  end(within: Mapping | Listing, below: readonly string[]): void;
  /** Nothing more comes at all. */
  close(below: readonly string[]): void;
}

export function plainValue(plain: Plain): Value {
  if (typeof plain !== 'object' || plain instanceof Mapping || plain instanceof Listing) return plain;
  if (Array.isArray(plain)) {
    const list = new Listing();
    for (const one of plain as readonly Plain[])
      list.items.push({ value: plainValue(one), above: [], beside: undefined, place: undefined });
    return list;
  }
  const mapping = new Mapping();
  for (const [key, value] of Object.entries(plain as Readonly<Record<string, Plain | undefined>>))
    if (value !== undefined)
      mapping.entries.push({ key, value: plainValue(value), above: [], beside: undefined, place: undefined });
  return mapping;
}

/** Empty lines at both ends say nothing. */
export function trimmed(lines: readonly string[]): string[] {
  const isSaid = (line: string) => line.trim() !== '';
  const first = lines.findIndex(isSaid);
  return first < 0 ? [] : lines.slice(first, lines.findLastIndex(isSaid) + 1);
}

/** The statements of a block that nothing was made of have comments, too. */
function commentsWithin({ block = [], below }: Statement): string[] {
  const inner = block.flatMap((one) => [...one.above, ...(one.beside === undefined ? [] : [one.beside]), ...commentsWithin(one)]);
  return [...inner, ...below];
}

/** Comments; what was left out one after the other for one and the same reason is a line together. */
function written(waiting: readonly (string | LeftOut)[]): string[] {
  const lines: string[] = [];
  for (let i = 0; i < waiting.length; i++) {
    const one = waiting[i] as string | LeftOut;
    if (typeof one === 'string') {
      lines.push(one);
      continue;
    }
    const words = [one.words];
    for (let next = waiting[i + 1]; typeof next === 'object' && next.why === one.why; next = waiting[++i + 1])
      words.push(next.words);
    lines.push(` not carried over: ${words.map((each) => `"${each}"`).join(', ')}: ${one.why}`);
  }
  return lines;
}

export function createSheet(order: readonly string[]): Sheet {
  const root = new Mapping(order);
  const spent = new Set<Statement>();
  let waiting: (string | LeftOut)[] = [];

  const remarks = (from: Statement | undefined): Remarks => {
    const above = written(waiting);
    waiting = [];
    if (!from) return { above, beside: undefined, place: undefined };
    const { key, beside } = from;
    if (spent.has(from)) return { above, beside: undefined, place: key.place };
    spent.add(from);
    return { above: [...above, ...from.above], beside, place: key.place };
  };
  const set: Sheet['set'] = (mapping, key, value, from) => {
    if (value === undefined) return;
    const made: Entry = { key, value: plainValue(value), ...remarks(from) };
    const at = mapping.entries.findIndex((one) => one.key === key);
    if (at < 0) mapping.entries.push(made);
    else {
      const { above, beside } = mapping.entries[at] as Entry;
      mapping.entries[at] = { ...made, above: [...above, ...made.above], beside: made.beside ?? beside };
    }
  };
  const end: Sheet['end'] = (within, below) => {
    within.below.push(...written(waiting), ...below);
    waiting = [];
  };
  const made = <T extends Value>(
    mapping: Mapping,
    key: string,
    is: (value: Value | undefined) => value is T,
    make: () => T,
  ): T => {
    const there = mapping.get(key);
    if (is(there)) return there;
    const value = make();
    mapping.entries.push({ key, value, above: [], beside: undefined, place: undefined });
    return value;
  };
  return {
    root,
    set,
    add(list, value, from) {
      list.items.push({ value: plainValue(value), ...remarks(from) });
    },
    listOf: (mapping, key) =>
      made(
        mapping,
        key,
        (value): value is Listing => value instanceof Listing,
        () => new Listing(),
      ),
    mappingOf: (mapping, key) =>
      made(
        mapping,
        key,
        (value): value is Mapping => value instanceof Mapping,
        () => new Mapping(),
      ),
    end,
    isSpent: (statement) => spent.has(statement),
    close: (below) => end(root, below),
    leave(statement, line) {
      if (spent.has(statement)) return;
      spent.add(statement);
      const { above, beside } = statement;
      waiting.push(
        ...above,
        ...(beside === undefined ? [] : [beside]),
        ...commentsWithin(statement),
        ...(line === undefined ? [] : [line]),
      );
    },
  };
}
