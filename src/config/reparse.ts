/**
 * A configuration read again, of which most is as it was. Items of `virtual_servers:` whose lines are the same (items.ts) are neither read
 * nor built again; their warnings are told at the places where they stand now. Everything else is read as always, and the rules that look at
 * several items run over all. The result is what parseConfig gives for the same files (test/unit/config/reparse.test.ts); undefined where
 * this way cannot tell, or finds anything wrong: then parseConfig says what it is.
 */
import type { BuildService } from './build.js';
import { finishConfig, notedEntry, notingBuild } from './finish.js';
import { itemsOf, keyOf, withoutItems } from './items.js';
import type { Located } from './located.js';
import { loadPlain } from './plain-document.js';
import { HOSTNAME, type IncludedFile, located, type Open, type ParseOptions, readFiles, sameFiles } from './read-files.js';
import { type ConfigRecord, createNotes, type ItemRecord, KnownEntry, type Notes } from './record.js';
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

/** By key, the place of the virtual server in the configuration. */
function knownItems({ record }: Before): ReadonlyMap<string, number> {
  const known = new Map<string, number>();
  for (const [i, one] of record.items.entries()) if (one) known.set(one.key, i);
  return known;
}

/** The value without the entries that stand for known items; undefined: the list is not what its lines look like. */
function freshOnly(value: unknown, isKnown: readonly boolean[]): { value: unknown } | undefined {
  if (isKnown.length === 0) return { value };
  const list = (value as { readonly virtual_servers?: unknown }).virtual_servers;
  if (!Array.isArray(list) || list.length !== isKnown.length) return undefined;
  if (isKnown.some((known, i) => known && list[i] !== null)) return undefined;
  return { value: { ...(value as object), virtual_servers: list.filter((_one, i) => !isKnown[i]) } };
}

interface Work {
  readonly options: ParseOptions;
  readonly limits: Limits;
  readonly before: Before;
  readonly notes: Notes;
  /** Entries that are not built again, and what they are. */
  readonly reused: Map<Located<unknown>, VirtualServerConfig>;
}

function opener(work: Work): Open {
  const { options, limits, before, notes } = work;
  const { env = {} } = options;
  const known = knownItems(before);
  const left = { fresh: limits.fresh, whole: limits.whole };
  return ({ file, text }) => {
    left.whole -= text.length;
    if (left.whole < 0) return undefined;
    const items = itemsOf(text, env);
    const found = items.map((item) => known.get(item.key));
    const old = items.filter((_item, i) => found[i] !== undefined);
    left.fresh -= text.length - old.reduce((sum, item) => sum + item.text.length, 0);
    const loaded = left.fresh < 0 ? undefined : loadPlain(file, withoutItems(text, old), env);
    const isKnown = found.map((one) => one !== undefined);
    const fresh = loaded && freshOnly(loaded.value, isKnown);
    if (!fresh) return undefined;
    return {
      loaded: { ...loaded, value: fresh.value },
      read: (includes) => notes.file(file, text, includes, true),
      entries(listed) {
        const at = (value: VirtualServerShape, i: number) => located(loaded.source, ['virtual_servers', i], value);
        // What is not written line by line was read as a whole.
        if (items.length === 0) return listed.map(at);
        const rest = [...listed];
        return items.map((item, i) => {
          const place = found[i];
          if (place === undefined) return notedEntry(at(rest.shift() as VirtualServerShape, i), item, notes);
          return knownEntry(work, place, new KnownEntry(file, i, item, before.record.items[place] as ItemRecord, env));
        });
      },
    };
  };
}

function knownEntry({ before, reused }: Work, place: number, entry: KnownEntry<VirtualServerShape>): typeof entry {
  reused.set(entry, before.config.virtualServers[place] as VirtualServerConfig);
  return entry;
}

/** Known items tell their warnings, and are as they were. */
function builder({ notes, reused }: Work): BuildService {
  const build = notingBuild(notes);
  return (at, defaults, report) => {
    const service = at instanceof KnownEntry ? reused.get(at) : undefined;
    if (!service || !(at instanceof KnownEntry)) return build(at, defaults, report);
    for (const [message, below] of at.record.warnings) report('warning', at, message, below);
    return service;
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

/** Of what was not known. */
function freshCopy({ virtualServers, ...rest }: Config, { items }: ConfigRecord, entries: readonly Located<unknown>[]): Before {
  const copied = <T>(one: T, i: number): T => (entries[i] instanceof KnownEntry ? one : plain(one));
  return {
    config: { ...plain(rest), virtualServers: virtualServers.map(copied) },
    record: { items: items.map(copied) },
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
  const work: Work = { options, limits, before, notes, reused: new Map() };
  const merged = readFiles(first, options, opener(work), problems);
  if (!merged || problems.length > 0) return undefined;
  // What an item inherits is in none of its lines.
  if (work.reused.size > 0 && !sameValue(merged.defaults?.value, before.config.defaults)) return undefined;
  const config = finishConfig(first.file, merged, hostname, problems, builder(work));
  if (!config) return undefined;
  const { record, ...copy } = freshCopy(config, notes.record(merged.services, problems), merged.services);
  return { ...copy, problems, record, sources: notes.sources() };
}
