/**
 * What is kept of one reading of the configuration so that the next one need not look at what is the same (reparse.ts). Plain JSON values:
 * it comes from the parser's process with the configuration.
 */
import { type Item, keyOf } from './items.js';
import type { Located } from './located.js';
import type { Environment, Path, Source } from './places.js';
import { loadPlain } from './plain-document.js';
import type { Problem, SourceText } from './types.js';

/** Lines after the first of the item; columns from 1. */
export type RelativePlace = readonly [line: number, column: number];

export interface ItemRecord {
  /** See Item. */
  readonly key: string;
  /** What was told of the item when it was built, in this order; later rules that look at several items tell theirs again. */
  readonly warnings: (readonly [message: string, below: Path])[];
  /** Where what was told of it stands, by path below the item. */
  readonly places: Record<string, RelativePlace>;
}

export interface FileRecord {
  readonly file: string;
  readonly key: string;
  /** Patterns. */
  readonly includes: readonly string[];
}

/** All that a configuration came from, and what was told of it. */
export interface WholeRecord {
  /** In the order in which they were read. */
  readonly files: readonly FileRecord[];
  readonly hostname: string;
  readonly problems: readonly Problem[];
}

export interface ConfigRecord {
  /** One for each of the configuration's virtual servers; null: it cannot be recognised. */
  readonly items: readonly (ItemRecord | null)[];
  /** Only where a file is not of the plain kind: its items cannot be told apart. */
  readonly whole?: WholeRecord;
}

const nameOf = (below: Path): string => below.join('/');
/** Below `virtual_servers` and the index. */
const belowItem = (path: Path): Path => path.slice(2);

/** The same place of the same file; what is told of it is noted in the record. */
export function notingSource(source: Source, item: Item, record: ItemRecord): Source {
  return {
    file: source.file,
    problem(severity, message, path, atKey = false) {
      const problem = source.problem(severity, message, path, atKey);
      if (!atKey) record.places[nameOf(belowItem(path))] = [problem.line - item.line, problem.column];
      return problem;
    },
  };
}

/** The line of a text that is so many lines after its first. */
function lineOf(text: string, after: number): string {
  let start = 0;
  for (let i = 0; i < after; i++) start = text.indexOf('\n', start) + 1;
  const end = text.indexOf('\n', start);
  return text.slice(start, end < 0 ? text.length : end);
}

const HEAD = 'virtual_servers:\n';

/** Where something in a known item stands: as noted, or, for what was not told before, by reading the item alone. */
function placeIn(item: Item, record: ItemRecord, env: Environment, below: Path, atKey: boolean): RelativePlace {
  const name = nameOf(below);
  const noted = atKey ? undefined : record.places[name];
  if (noted) return noted;
  const alone = loadPlain('', HEAD + item.text, env)?.source.problem('warning', '', ['virtual_servers', 0, ...below], atKey);
  const place: RelativePlace = alone ? [alone.line - 2, alone.column] : [0, item.indent + 1];
  if (!atKey) record.places[name] = place;
  return place;
}

/** An entry that is not read again: nobody looks at its value. There are thousands of them, so that each is one object. */
export class KnownEntry<T> implements Located<T>, Source {
  readonly value = undefined as unknown as T;
  readonly file: string;
  readonly record: ItemRecord;
  private readonly index: number;
  private readonly item: Item;
  private readonly env: Environment;

  constructor(file: string, index: number, item: Item, record: ItemRecord, env: Environment) {
    this.file = file;
    this.index = index;
    this.item = item;
    this.record = record;
    this.env = env;
  }

  get source(): Source {
    return this;
  }

  get path(): Path {
    return ['virtual_servers', this.index];
  }

  problem(severity: Problem['severity'], message: string, path: Path, atKey = false): Problem {
    const { item, record, env, file } = this;
    const [after, column] = placeIn(item, record, env, belowItem(path), atKey);
    return { severity, message, file, line: item.line + after, column, source: lineOf(item.text, after) };
  }
}

/** What of a reading is kept; one that is found wrong is thrown away as a whole. */
export interface Notes {
  item(entry: Located<unknown>, record: ItemRecord): void;
  file(file: string, text: string, includes: readonly string[], isPlain: boolean): void;
  recordOf(entry: Located<unknown>): ItemRecord | undefined;
  /** What was read, so far. */
  sources(): readonly SourceText[];
  /** After everything has been told. */
  record(entries: readonly Located<unknown>[], problems: readonly Problem[]): ConfigRecord;
}

export function createNotes(env: Environment, hostname: string): Notes {
  const records = new Map<Located<unknown>, ItemRecord>();
  const files: { readonly file: string; readonly text: string; readonly includes: readonly string[] }[] = [];
  let allPlain = true;
  const recordOf = (entry: Located<unknown>) => (entry instanceof KnownEntry ? entry.record : records.get(entry));
  return {
    item: (entry, record) => void records.set(entry, record),
    file(file, text, includes, isPlain) {
      files.push({ file, text, includes });
      allPlain &&= isPlain;
    },
    recordOf,
    sources: () => files.map(({ file, text }) => ({ file, text })),
    record(entries, problems) {
      const items = entries.map((entry) => recordOf(entry) ?? null);
      if (allPlain) return { items };
      const keyed = files.map(({ file, text, includes }) => ({ file, key: keyOf(text, env), includes }));
      return { items, whole: { files: keyed, hostname, problems } };
    },
  };
}
