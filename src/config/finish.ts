/** From what the files say to the Config, and what is noted on the way. */
import { type BuildService, buildConfig, checkEntries } from './build.js';
import { buildService } from './build-service.js';
import type { Item } from './items.js';
import type { Located } from './located.js';
import { fileProblem } from './problems.js';
import type { Merged } from './read-files.js';
import { type Notes, notingSource } from './record.js';
import type { Config, Problem } from './types.js';

const byPlace = (a: Problem, b: Problem): number => (a.file === b.file ? a.line - b.line || a.column - b.column : 0);

/** Errors that one can mend before the next reading. */
const MOST_ERRORS = 200;

/** A file of another kind may have one in each of its lines. */
function cut(file: string, problems: Problem[]): void {
  const errors = problems.filter((one) => one.severity === 'error');
  if (errors.length <= MOST_ERRORS) return;
  const shown = new Set(errors.slice(0, MOST_ERRORS));
  const left = problems.filter((one) => one.severity !== 'error' || shown.has(one));
  problems.splice(0, problems.length, ...left, fileProblem(file, `and ${errors.length - MOST_ERRORS} more errors`));
}

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
  const isRight = problems.length === 0;
  const config = isRight ? buildConfig(merged, hostname, problems, build) : undefined;
  if (!isRight) checkEntries(merged, problems);
  problems.sort(byPlace);
  cut(file, problems);
  return problems.some((problem) => problem.severity === 'error') ? undefined : config;
}
