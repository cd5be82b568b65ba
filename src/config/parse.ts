/**
 * Text -> Config, or the list of everything that is wrong with it. Never throws on any input. Reading files is the caller's:
 * `readInclude` gives the files that a pattern names.
 */
import { load } from './document.js';
import { finishConfig, notedEntry, notingBuild } from './finish.js';
import { type Item, itemsOf } from './items.js';
import { HOSTNAME, located, type Merged, type Open, type ParseOptions, readFiles } from './read-files.js';
import { createNotes, type Notes } from './record.js';
import type { ParsedConfig, Problem } from './types.js';

export type { IncludedFile, ParseOptions } from './read-files.js';

function opener(options: ParseOptions, notes: Notes): Open {
  const { env = {} } = options;
  return ({ file, text }) => {
    const { isPlain, ...loaded } = load(file, text, env);
    return {
      loaded,
      read: (includes) => notes.file(file, text, includes, isPlain),
      entries(listed) {
        const entries = listed.map((one, i) => located(loaded.source, ['virtual_servers', i], one));
        const items = isPlain ? itemsOf(text, env) : [];
        return items.length === listed.length ? entries.map((one, i) => notedEntry(one, items[i] as Item, notes)) : entries;
      },
    };
  };
}

export function parseConfig(file: string, text: string, options: ParseOptions = {}): ParsedConfig {
  const { env = {}, hostname = HOSTNAME } = options;
  const problems: Problem[] = [];
  const notes = createNotes(env, hostname);
  const merged = readFiles({ file, text }, options, opener(options, notes), problems) as Merged;
  const config = finishConfig(file, merged, hostname, problems, notingBuild(notes));
  if (!config) return { config, problems };
  return { config, problems, record: notes.record(merged.services, problems), sources: notes.sources() };
}
