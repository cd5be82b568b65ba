/** The files of a configuration, the first and those it includes, checked against the schema and collected. */
import * as v from 'valibot';
import type { Located } from './located.js';
import type { Loaded, Path, Source } from './places.js';
import { type FileShape, fileSchema, type VrrpInstanceShape, vrrpInstance } from './schema.js';
import { defaultsSection, type VirtualServerShape, virtualServer } from './schema-service.js';
import type { ScriptShape, SyncGroupShape } from './schema-track.js';
import type { Problem } from './types.js';

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

/** Where nobody says otherwise. */
export const HOSTNAME = 'lbd';

/** Sections that only one file may have. */
const ONCE = ['global', 'defaults', 'connection_sync', 'timeouts', 'kernel_settings'] as const;
type Once = { [K in (typeof ONCE)[number]]: Located<NonNullable<FileShape[K]>> | undefined };

/** Everything the files say, list items with the place they came from. */
export interface Merged extends Once {
  readonly services: Located<VirtualServerShape>[];
  readonly instances: Located<VrrpInstanceShape>[];
  readonly groups: Located<SyncGroupShape>[];
  readonly scripts: Located<ScriptShape>[];
  /** Defaults may be missing: what is inherited is not known. */
  isPartial: boolean;
}

/** A text as it was opened for reading. */
export interface Opened {
  readonly loaded: Loaded;
  /** The virtual servers of the file; absent: as they stand in its shape. */
  readonly entries?: (listed: readonly VirtualServerShape[]) => readonly Located<VirtualServerShape>[];
  /** What the file includes is known now. */
  readonly read?: (includes: readonly string[]) => void;
}

/** Undefined: nothing more is to be read. */
export type Open = (file: IncludedFile) => Opened | undefined;

/** Files that include each other are read once; this many are a mistake. */
const MAX_FILES = 10_000;

const pathOf = (issue: v.BaseIssue<unknown>): { path: Path; atKey: boolean } => ({
  path: (issue.path ?? []).map((item) => item.key as string | number),
  atKey: issue.path?.at(-1)?.origin === 'key' && issue.received !== 'undefined',
});

/** The schema passes over such keys, whatever they hold: they are no names for anything. */
const NO_KEYS = ['__proto__', 'constructor', 'prototype'];

function* badKeys(value: unknown, path: Path, seen = new Set<object>()): Generator<Path> {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  for (const [key, each] of Object.entries(value)) {
    const here = [...path, Array.isArray(value) ? Number(key) : key];
    if (NO_KEYS.includes(key)) yield here;
    else yield* badKeys(each, here, seen);
  }
}

function check(loaded: Loaded, problems: Problem[]): FileShape | undefined {
  problems.push(...loaded.problems);
  if (loaded.value === undefined || loaded.problems.length > 0) return undefined;
  const { source, value } = loaded;
  const bad = [...badKeys(value, [])];
  for (const path of bad) problems.push(source.problem('error', `unknown key "${path.at(-1)}"`, path, true));
  const keepalived = typeof value === 'string' && /^\w[^:]*\{/.test(value);
  if (keepalived)
    problems.push(
      source.problem(
        'error',
        'this is not YAML but the language of keepalived: lbctl import FILE makes a configuration of lbd of it',
        [],
      ),
    );
  const result = keepalived ? undefined : v.safeParse(fileSchema, value);
  for (const issue of result?.issues ?? []) {
    const { path, atKey } = pathOf(issue);
    const problem = source.problem('error', issue.message, path, atKey);
    // A number out of every range is no whole number either.
    const last = problems.at(-1);
    if (last?.message !== problem.message || last.line !== problem.line || last.column !== problem.column) problems.push(problem);
  }
  return result?.success && bad.length === 0 ? result.output : undefined;
}

export const located = <T>(source: Source, path: Path, value: T): Located<T> => ({ value, source, path });

function once<K extends keyof Once>(merged: Once, key: K, shape: FileShape, source: Source, problems: Problem[]): void {
  const value = shape[key];
  if (value === undefined) return;
  const earlier = merged[key];
  if (earlier) problems.push(source.problem('error', `${key} is already given in ${earlier.source.file}`, [key], true));
  else merged[key] = located(source, [key], value) as Once[K];
}

function collect(shape: FileShape, { loaded: { source }, entries }: Opened, merged: Merged, problems: Problem[]): void {
  for (const key of ONCE) once(merged, key, shape, source, problems);
  const listed = shape.virtual_servers;
  const services = entries?.(listed) ?? listed.map((one, i) => located(source, ['virtual_servers', i], one));
  for (const one of services) merged.services.push(one);
  merged.instances.push(...shape.vrrp_instances.map((one, i) => located(source, ['vrrp_instances', i], one)));
  merged.groups.push(...shape.sync_groups.map((one, i) => located(source, ['sync_groups', i], one)));
  merged.scripts.push(...shape.scripts.map((one, i) => located(source, ['scripts', i], one)));
}

/** Of a file that is wrong elsewhere: the entries that are right, so that what is wrong with them together is told at once too. */
function collectRight({ value, source }: Loaded, merged: Merged): void {
  const { defaults, virtual_servers, vrrp_instances } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const right = <T>(schema: v.GenericSchema<unknown, T>, key: string, list: unknown): Located<T>[] =>
    (Array.isArray(list) ? list : []).flatMap((one, i) => {
      const { success, output } = v.safeParse(schema, one);
      return success ? [located(source, [key, i], output)] : [];
    });
  const inherited = defaults === undefined ? undefined : v.safeParse(defaultsSection, defaults);
  if (inherited?.success) merged.defaults ??= located(source, ['defaults'], inherited.output);
  else merged.isPartial ||= inherited !== undefined || value === undefined;
  merged.services.push(...right(virtualServer, 'virtual_servers', virtual_servers));
  merged.instances.push(...right(vrrpInstance, 'vrrp_instances', vrrp_instances));
}

/** Of a file that is wrong elsewhere too: what its includes have is told at once, not in the next round. */
function includesOf({ value }: Loaded, shape: FileShape | undefined): readonly string[] {
  if (shape) return shape.include;
  const raw = (value as { readonly include?: unknown } | undefined)?.include;
  return [raw].flat().filter((one) => typeof one === 'string' && one !== '') as string[];
}

function readAll(first: IncludedFile, options: ParseOptions, open: Open, merged: Merged, problems: Problem[]): boolean {
  const { identify = (file: string) => file } = options;
  const queue: IncludedFile[] = [first];
  const seen = new Set([identify(first.file)]);
  const isNew = ({ file }: IncludedFile): boolean => seen.size !== seen.add(identify(file)).size;
  for (let next = queue.shift(); next; next = queue.shift()) {
    const opened = open(next);
    if (!opened) return false;
    const { loaded } = opened;
    // A file that holds nothing but comments is an include without content.
    const isEmpty = loaded.value === null && loaded.problems.length === 0;
    const shape = isEmpty ? undefined : check(loaded, problems);
    const includes = isEmpty ? [] : includesOf(loaded, shape);
    if (shape) collect(shape, opened, merged, problems);
    else if (!isEmpty) collectRight(loaded, merged);
    opened.read?.(includes);
    for (const [i, pattern] of includes.entries()) {
      const found = options.readInclude?.(pattern, next.file) ?? 'include is not possible here';
      if (typeof found === 'string') {
        problems.push(loaded.source.problem('error', `include: ${found}`, ['include', i]));
        merged.isPartial = true;
      } else if (seen.size + found.length > MAX_FILES) {
        problems.push(loaded.source.problem('error', `include: more than ${MAX_FILES} files`, ['include', i]));
        return true;
      } else queue.push(...found.filter(isNew));
    }
  }
  return true;
}

/** Undefined when `open` gave up. Problems go to the list. */
export function readFiles(first: IncludedFile, options: ParseOptions, open: Open, problems: Problem[]): Merged | undefined {
  const none = {
    global: undefined,
    defaults: undefined,
    connection_sync: undefined,
    timeouts: undefined,
    kernel_settings: undefined,
  };
  const merged: Merged = { ...none, services: [], instances: [], groups: [], scripts: [], isPartial: false };
  return readAll(first, options, open, merged, problems) ? merged : undefined;
}

/** The files that were read before are the same, and name the same others. */
export function sameFiles(
  first: IncludedFile,
  { readInclude, identify = (file: string) => file }: ParseOptions,
  before: readonly { readonly file: string; readonly key: string; readonly includes: readonly string[] }[],
  keyOf: (text: string) => string,
): boolean {
  const queue: IncludedFile[] = [first];
  const seen = new Set([identify(first.file)]);
  const isNew = ({ file }: IncludedFile): boolean => seen.size !== seen.add(identify(file)).size;
  for (const { file, key, includes } of before) {
    const next = queue.shift();
    if (next?.file !== file || keyOf(next.text) !== key) return false;
    for (const pattern of includes) {
      const found = readInclude?.(pattern, file);
      if (!found || typeof found === 'string') return false;
      queue.push(...found.filter(isNew));
    }
  }
  return queue.length === 0;
}
