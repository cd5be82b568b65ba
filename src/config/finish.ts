/** From what the files say to the Config, and what is noted on the way. */
import { type BuildService, buildConfig } from './build.js';
import { buildService } from './build-service.js';
import type { Item } from './items.js';
import type { Located } from './located.js';
import { fileProblem } from './problems.js';
import type { Merged } from './read-files.js';
import { type Notes, notingSource } from './record.js';
import type { Config, Problem } from './types.js';

const byPlace = (a: Problem, b: Problem): number => (a.file === b.file ? a.line - b.line || a.column - b.column : 0);

/** What was told of each entry while it was built is noted. */
export const notingBuild =
  (notes: Notes): BuildService =>
  (at, defaults, report) => {
    const record = notes.recordOf(at);
    return buildService(at, defaults, (severity, place, message, below = []) => {
      record?.warnings.push([message, below]);
      report(severity, place, message, below);
    });
  };

/** An entry of the file that is built now, and whose item can be recognised the next time. */
export function notedEntry<T>(entry: Located<T>, item: Item, notes: Notes): Located<T> {
  const record = { key: item.key, warnings: [], places: {} };
  const noted = { ...entry, source: notingSource(entry.source, item, record) };
  notes.item(noted, record);
  return noted;
}

/** What the files say -> Config; `problems` are in the order of their places afterwards. */
export function finishConfig(
  file: string,
  merged: Merged,
  hostname: string,
  problems: Problem[],
  build: BuildService,
): Config | undefined {
  if (problems.length === 0 && merged.services.length + merged.instances.length === 0) {
    problems.push(fileProblem(file, 'nothing to do: write at least one entry below virtual_servers: or vrrp_instances:'));
  }
  const config = problems.length === 0 ? buildConfig(merged, hostname, problems, build) : undefined;
  problems.sort(byPlace);
  return problems.some((problem) => problem.severity === 'error') ? undefined : config;
}
