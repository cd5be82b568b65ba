/**
 * Text -> Config, or the list of everything that is wrong with it. Never throws on any input. Reading files is the caller's:
 * `readInclude` gives the files that a pattern names.
 */
import * as v from 'valibot';
import { buildConfig } from './build.js';
import { type Loaded, load, type Path, type Source } from './document.js';
import type { Located } from './located.js';
import { fileProblem } from './problems.js';
import { type FileShape, fileSchema, type VrrpInstanceShape } from './schema.js';
import type { VirtualServerShape } from './schema-service.js';
import type { ParsedConfig, Problem } from './types.js';

export interface IncludedFile {
  readonly file: string;
  readonly text: string;
}

export interface ParseOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default of global.router_id. */
  readonly hostname?: string;
  /** The files of a pattern, which is relative to the file that names it; a string says why they cannot be read. */
  readonly readInclude?: (pattern: string, from: string) => readonly IncludedFile[] | string;
  /** What tells one file from another, however it is named. */
  readonly identify?: (file: string) => string;
}

/** Sections that only one file may have. */
const ONCE = ['global', 'defaults', 'connection_sync', 'timeouts', 'kernel_settings'] as const;
type Once = { [K in (typeof ONCE)[number]]: Located<NonNullable<FileShape[K]>> | undefined };

/** Everything the files say, list items with the place they came from. */
interface Merged extends Once {
  readonly services: Located<VirtualServerShape>[];
  readonly instances: Located<VrrpInstanceShape>[];
}

/** Files that include each other are read once; this many are a mistake. */
const MAX_FILES = 10_000;

const pathOf = (issue: v.BaseIssue<unknown>): { path: Path; atKey: boolean } => ({
  path: (issue.path ?? []).map((item) => item.key as string | number),
  atKey: issue.path?.at(-1)?.origin === 'key' && issue.received !== 'undefined',
});

function check(loaded: Loaded, problems: Problem[]): FileShape | undefined {
  problems.push(...loaded.problems);
  if (loaded.value === undefined || loaded.problems.length > 0) return undefined;
  const result = v.safeParse(fileSchema, loaded.value);
  for (const issue of result.issues ?? []) {
    const { path, atKey } = pathOf(issue);
    problems.push(loaded.source.problem('error', issue.message, path, atKey));
  }
  return result.success ? result.output : undefined;
}

const located = <T>(source: Source, path: Path, value: T): Located<T> => ({ value, source, path });

function once<K extends keyof Once>(merged: Once, key: K, shape: FileShape, source: Source, problems: Problem[]): void {
  const value = shape[key];
  if (value === undefined) return;
  const earlier = merged[key];
  if (earlier) problems.push(source.problem('error', `${key} is already given in ${earlier.source.file}`, [key], true));
  else merged[key] = located(source, [key], value) as Once[K];
}

function collect(shape: FileShape, source: Source, merged: Merged, problems: Problem[]): void {
  for (const key of ONCE) once(merged, key, shape, source, problems);
  merged.services.push(...shape.virtual_servers.map((one, i) => located(source, ['virtual_servers', i], one)));
  merged.instances.push(...shape.vrrp_instances.map((one, i) => located(source, ['vrrp_instances', i], one)));
}

/** Of a file that is wrong elsewhere too: what its includes have is told at once, not in the next round. */
function includesOf({ value }: Loaded, shape: FileShape | undefined): readonly string[] {
  if (shape) return shape.include;
  const raw = (value as { readonly include?: unknown } | undefined)?.include;
  return [raw].flat().filter((one) => typeof one === 'string' && one !== '') as string[];
}

function readAll(first: IncludedFile, options: ParseOptions, merged: Merged, problems: Problem[]): void {
  const { identify = (file: string) => file } = options;
  const queue: IncludedFile[] = [first];
  const seen = new Set([identify(first.file)]);
  const isNew = ({ file }: IncludedFile): boolean => seen.size !== seen.add(identify(file)).size;
  for (let next = queue.shift(); next; next = queue.shift()) {
    const loaded = load(next.file, next.text, options.env ?? {});
    // A file that holds nothing but comments is an include without content.
    if (loaded.value === null && loaded.problems.length === 0) continue;
    const shape = check(loaded, problems);
    if (shape) collect(shape, loaded.source, merged, problems);
    for (const [i, pattern] of includesOf(loaded, shape).entries()) {
      const found = options.readInclude?.(pattern, next.file) ?? 'include is not possible here';
      if (typeof found === 'string') problems.push(loaded.source.problem('error', `include: ${found}`, ['include', i]));
      else if (seen.size + found.length > MAX_FILES) {
        problems.push(loaded.source.problem('error', `include: more than ${MAX_FILES} files`, ['include', i]));
        return;
      } else queue.push(...found.filter(isNew));
    }
  }
}

const byPlace = (a: Problem, b: Problem): number => (a.file === b.file ? a.line - b.line || a.column - b.column : 0);

export function parseConfig(file: string, text: string, options: ParseOptions = {}): ParsedConfig {
  const problems: Problem[] = [];
  const none = {
    global: undefined,
    defaults: undefined,
    connection_sync: undefined,
    timeouts: undefined,
    kernel_settings: undefined,
  };
  const merged: Merged = { ...none, services: [], instances: [] };
  readAll({ file, text }, options, merged, problems);
  if (problems.length === 0 && merged.services.length + merged.instances.length === 0) {
    problems.push(fileProblem(file, 'nothing to do: write at least one entry below virtual_servers: or vrrp_instances:'));
  }
  const config = problems.length === 0 ? buildConfig(merged, options.hostname ?? 'lbd', problems) : undefined;
  problems.sort(byPlace);
  return { config: problems.some((problem) => problem.severity === 'error') ? undefined : config, problems };
}
