/**
 * A configuration read again, of which most is as it was. Items of `virtual_servers:` whose lines are the same (items.ts) are neither read
 * nor built again; their warnings are told at the places where they stand now. Everything else is read as always, and the rules that look at
 * several items run over all. The result is what parseConfig gives for the same files (test/unit/config/reparse.test.ts); undefined where
 * this way cannot tell, or finds anything wrong: then parseConfig says what it is.
 */
import type { BuildService } from './build.js';
import { finishConfig, notedEntry, notingBuild } from './finish.js';
import { type Item, itemsOf, keyOf, withoutItems } from './items.js';
import type { Located } from './located.js';
import { loadPlain } from './plain-document.js';
import { HOSTNAME, type IncludedFile, located, type Open, type ParseOptions, readFiles, sameFiles } from './read-files.js';
import { type ConfigRecord, createNotes, type ItemRecord, knownSource, type Notes } from './record.js';
import type { VirtualServerShape } from './schema-service.js';
import type { Config, ParsedConfig, Problem, VirtualServerConfig } from './types.js';

/** What the reading before gave. */
export interface Before {
  readonly config: Config;
  readonly record: ConfigRecord;
}

export interface Limits {
  /** Characters of text that are read and built anew, at most. */
  readonly fresh: number;
  /** Of all files together. */
  readonly whole: number;
}

interface Known {
  readonly service: VirtualServerConfig;
  readonly record: ItemRecord;
}

function knownItems({ config, record }: Before): Map<string, Known> {
  const known = new Map<string, Known>();
  for (const [i, one] of record.items.entries()) {
    const service = config.virtualServers[i];
    if (one && service) known.set(one.key, { service, record: one });
  }
  return known;
}

/** The value without the entries that stand for known items; undefined: the list is not what its lines look like. */
function freshOnly(value: unknown, items: readonly Item[], known: ReadonlyMap<string, Known>): { value: unknown } | undefined {
  if (items.length === 0) return { value };
  const list = (value as { readonly virtual_servers?: unknown }).virtual_servers;
  if (!Array.isArray(list) || list.length !== items.length) return undefined;
  const isKnown = items.map((item) => known.has(item.key));
  if (isKnown.some((known, i) => known && list[i] !== null)) return undefined;
  return { value: { ...(value as object), virtual_servers: list.filter((_one, i) => !isKnown[i]) } };
}

interface Work {
  readonly options: ParseOptions;
  readonly limits: Limits;
  readonly known: ReadonlyMap<string, Known>;
  readonly notes: Notes;
  /** Entries that are not built again. */
  readonly reused: Map<Located<unknown>, Known>;
}

function opener(work: Work): Open {
  const { options, limits, known, notes } = work;
  const { env = {} } = options;
  const left = { fresh: limits.fresh, whole: limits.whole };
  return ({ file, text }) => {
    left.whole -= text.length;
    if (left.whole < 0) return undefined;
    const items = itemsOf(text, env);
    const old = items.filter((item) => known.has(item.key));
    left.fresh -= text.length - old.reduce((sum, item) => sum + item.text.length, 0);
    const loaded = left.fresh < 0 ? undefined : loadPlain(file, withoutItems(text, old), env);
    const fresh = loaded && freshOnly(loaded.value, items, known);
    if (!fresh) return undefined;
    return {
      loaded: { ...loaded, value: fresh.value },
      read: (includes) => notes.file(file, text, includes, true),
      entries(listed) {
        const at = (value: VirtualServerShape | undefined, i: number) =>
          located(loaded.source, ['virtual_servers', i], value as VirtualServerShape);
        // What is not written line by line was read as a whole.
        if (items.length === 0) return listed.map(at);
        const rest = [...listed];
        return items.map((item, i) => {
          const found = known.get(item.key);
          return found ? knownEntry(work, at(undefined, i), item, found) : notedEntry(at(rest.shift(), i), item, notes);
        });
      },
    };
  };
}

/** Nobody looks at its value: it is not built again. */
function knownEntry({ options, notes, reused }: Work, at: Located<VirtualServerShape>, item: Item, found: Known): typeof at {
  const entry = { ...at, source: knownSource(at.source.file, item, found.record, options.env ?? {}) };
  notes.item(entry, found.record);
  reused.set(entry, found);
  return entry;
}

/** Known items tell their warnings, and are as they were. */
function builder({ notes, reused }: Work): BuildService {
  const build = notingBuild(notes);
  return (at, defaults, report) => {
    const known = reused.get(at);
    if (!known) return build(at, defaults, report);
    for (const [message, below] of known.record.warnings) report('warning', at, message, below);
    return known.service;
  };
}

/** As it comes from the parser's process; what is new must not keep the whole text in memory, of which its words are slices. */
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

const sameValue = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Nothing is read where every file is the same: also those that are not of the plain kind. */
function unchanged(first: IncludedFile, options: ParseOptions, { config, record }: Before): ParsedConfig | undefined {
  const { env = {}, hostname = HOSTNAME } = options;
  const { whole } = record;
  if (!whole || whole.hostname !== hostname) return undefined;
  const isSame = sameFiles(first, options, whole.files, (text) => keyOf(text, env));
  return isSame ? { config, problems: whole.problems, record } : undefined;
}

function freshCopy({ virtualServers, ...rest }: Config, { items }: ConfigRecord, { reused }: Work): Before {
  const services = new Set<unknown>();
  const records = new Set<unknown>();
  for (const { service, record } of reused.values()) {
    services.add(service);
    records.add(record);
  }
  return {
    config: { ...plain(rest), virtualServers: virtualServers.map((one) => (services.has(one) ? one : plain(one))) },
    record: { items: items.map((one) => (records.has(one) ? one : plain(one))) },
  };
}

export function reparseConfig(
  first: IncludedFile,
  options: ParseOptions,
  before: Before,
  limits: Limits,
): ParsedConfig | undefined {
  if (before.record.whole) return unchanged(first, options, before);
  const { env = {}, hostname = HOSTNAME } = options;
  const problems: Problem[] = [];
  const notes = createNotes(env, hostname);
  const work: Work = { options, limits, known: knownItems(before), notes, reused: new Map() };
  const merged = readFiles(first, options, opener(work), problems);
  if (!merged || problems.length > 0) return undefined;
  // What an item inherits is in none of its lines.
  if (work.reused.size > 0 && !sameValue(merged.defaults?.value, before.config.defaults)) return undefined;
  const config = finishConfig(first.file, merged, hostname, problems, builder(work));
  return config && { ...freshCopy(config, notes.record(merged.services, problems), work), problems };
}
