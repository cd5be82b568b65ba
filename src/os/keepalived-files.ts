/** Reads the files of an old keepalived configuration, and what their includes name: patterns and braces as glob(3) takes them. */
import { lstatSync, readdirSync, readFileSync, type Stats, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { NotIncluded, OldFile, Surroundings } from '../config/keepalived/types.js';
import { readStandardInput } from './config-files.js';

/** More is no configuration. */
const MAX_BYTES = 16 << 20;
/** Of one include. */
const MAX_NAMES = 10_000;

/** How many of the names that are not there are told. */
const NAMES_TOLD = 4;

const STANDARD_INPUT = '/dev/stdin';

/** That of includes; what comes by standard input is taken to be of the folder that we are in. */
const folderOf = (file: string): string => (file === STANDARD_INPUT ? '.' : dirname(file));

const isDenied = (error: unknown): boolean => ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');

/** Undefined: nothing can be there, as the system says. Throws where it only says that we may not know. */
function tryTo<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (isDenied(error)) throw error;
    return undefined;
  }
}

const lstat = (path: string): Stats | undefined => tryTo(() => lstatSync(path));
const stat = (path: string): Stats | undefined => tryTo(() => statSync(path));

/** Bytes that are no UTF-8 become the characters of their numbers, so that none is lost. */
function decode(file: string, bytes: Uint8Array): OldFile {
  try {
    return { file, text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { file, text: Buffer.from(bytes).toString('latin1'), isBytes: true };
  }
}

/** Of a file that is there. Throws the system's error. */
function load(file: string): OldFile | string {
  if (file === STANDARD_INPUT) return decode(file, readStandardInput(MAX_BYTES));
  const found = statSync(file);
  if (!found.isFile()) return `cannot read ${file}: it is ${found.isDirectory() ? 'a folder' : 'no regular file'}`;
  return found.size > MAX_BYTES
    ? `cannot read ${file}: it has ${found.size} bytes, and no configuration has more than ${MAX_BYTES}`
    : decode(file, readFileSync(file));
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
};

/** The first file, or the sentence that says why it cannot be read. */
export function readOldFile(file: string): OldFile | string {
  try {
    return load(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return `cannot read ${file}: ${WORDS[code ?? ''] ?? message}`;
  }
}

/** The end of the brace that begins at `from`, and where its alternatives end; undefined: nothing closes it. */
function closeOf(pattern: string, from: number): { readonly end: number; readonly commas: readonly number[] } | undefined {
  const commas: number[] = [];
  let depth = 0;
  for (let at = from; at < pattern.length; at += 1) {
    const sign = pattern[at];
    if (sign === '\\') at += 1;
    else if (sign === '{') depth += 1;
    else if (sign === ',' && depth === 1) commas.push(at);
    else if (sign === '}') depth -= 1;
    if (depth === 0) return { end: at, commas };
  }
  return undefined;
}

/** `a{b,c{d,e}}` is ab, acd, ace, in this order. */
export function expandBraces(pattern: string, most = MAX_NAMES): string[] {
  for (let at = 0; at < pattern.length; at += 1) {
    if (pattern[at] === '\\') at += 1;
    if (pattern[at] !== '{' || pattern[at + 1] === '}') continue;
    const found = closeOf(pattern, at);
    if (!found) return [pattern];
    const edges = [at, ...found.commas, found.end];
    const all: string[] = [];
    for (let i = 0; i + 1 < edges.length && all.length < most; i += 1) {
      const one = pattern.slice((edges[i] as number) + 1, edges[i + 1]);
      all.push(...expandBraces(pattern.slice(0, at) + one + pattern.slice(found.end + 1), most - all.length));
    }
    return all;
  }
  return [pattern];
}

/** One sign of a pattern: any number of characters, or one of some. */
type Sign = '*' | ((character: string) => boolean);

const SET = /\[([!^]?)(\]?[^\]]*)\]/y;

function setOf(not: string, members: string): Sign {
  const ranges = [...members.matchAll(/(.)-(.)|(.)/gs)].map(([, from, to, one]) => [from ?? one ?? '', to ?? one ?? ''] as const);
  return (character) => ranges.some(([from, to]) => character >= from && character <= to) !== (not !== '');
}

function signsOf(name: string): Sign[] {
  const signs: Sign[] = [];
  for (let at = 0; at < name.length; at += 1) {
    const sign = name[at] as string;
    SET.lastIndex = at;
    const set = sign === '[' ? SET.exec(name) : null;
    if (sign === '*') {
      if (signs.at(-1) !== '*') signs.push('*');
    } else if (sign === '?') signs.push(() => true);
    else if (set) {
      signs.push(setOf(set[1] ?? '', set[2] ?? ''));
      at += set[0].length - 1;
    } else {
      if (sign === '\\' && at + 1 < name.length) at += 1;
      const wanted = name[at];
      signs.push((character) => character === wanted);
    }
  }
  return signs;
}

/** Goes back to the last `*` only: it takes no longer than the product of both lengths. */
function matches(signs: readonly Sign[], name: string): boolean {
  let [sign, at, star, mark] = [0, 0, -1, 0];
  while (at < name.length) {
    const here = signs[sign];
    if (here === '*') {
      star = sign;
      mark = at;
      sign += 1;
    } else if (here?.(name[at] as string)) {
      sign += 1;
      at += 1;
    } else if (star >= 0) {
      mark += 1;
      at = mark;
      sign = star + 1;
    } else return false;
  }
  return signs.slice(sign).every((left) => left === '*');
}

interface Matched {
  readonly paths: readonly string[];
  /** A name, or a folder on the way to it, is not there; that a pattern finds nothing is another matter. */
  readonly isMissing: boolean;
}

const isPattern = (part: string): boolean => /(?<!\\)[*?[]/.test(part);
const unescaped = (part: string): string => part.replace(/\\(.)/g, '$1');

const isFolder = (path: string): boolean => stat(path)?.isDirectory() ?? false;

/** The paths in a folder that match; undefined: it is no folder, or cannot be read. */
function pathsIn(folder: string, part: string): string[] | undefined {
  const signs = signsOf(part);
  const isMeant = (name: string): boolean => (part.startsWith('.') || !name.startsWith('.')) && matches(signs, name);
  const names = tryTo(() => readdirSync(folder));
  return names
    ?.filter(isMeant)
    .sort()
    .map((name) => join(folder, name));
}

/** The paths of one pattern without braces. */
function glob(pattern: string, folder: string): Matched {
  const parts = pattern.split('/').filter((part) => part !== '');
  let paths = [isAbsolute(pattern) ? '/' : folder];
  let isMissing = false;
  for (const [i, part] of parts.entries()) {
    const found = paths.map((path) => (isPattern(part) ? pathsIn(path, part) : [join(path, unescaped(part))]));
    isMissing ||= found.includes(undefined);
    paths = found.flatMap((one) => one ?? []).slice(0, MAX_NAMES);
    if (isPattern(part) && i + 1 < parts.length) paths = paths.filter(isFolder);
  }
  const there = paths.filter((path) => lstat(path));
  isMissing ||= there.length < paths.length;
  return { paths: there, isMissing };
}

/** keepalived reads regular files that nobody may execute. Throws where we may not read it. */
function readOne(path: string): OldFile | NotIncluded {
  const lacks = 'readable';
  const found = stat(path);
  if (found?.isDirectory()) return { lacks, message: `${path} is a folder` };
  if (!found?.isFile()) return { lacks, message: `${path} is no regular file` };
  if ((found.mode & 0o111) !== 0)
    return { lacks, message: `${path} is executable, and keepalived reads no such file: take that from it (chmod a-x)` };
  const read = load(path);
  return typeof read === 'string' ? { lacks, message: read } : read;
}

function readAll(pattern: string, folder: string): readonly (OldFile | NotIncluded)[] | string {
  const alternatives = expandBraces(pattern);
  if (alternatives.length >= MAX_NAMES) return `${pattern} is more than ${MAX_NAMES} names`;
  const found = alternatives.map((one) => glob(one, folder));
  const files = found.flatMap((one) => one.paths).map(readOne);
  const missing = alternatives.filter((_, i) => found[i]?.isMissing);
  if (missing.length > 0) {
    const more = missing.length > NAMES_TOLD ? ` and ${missing.length - NAMES_TOLD} more` : '';
    const message = `there is no ${missing.slice(0, NAMES_TOLD).join(', ')}${more} (from ${folder})`;
    return [...files, { lacks: alternatives.length > 1 ? 'brace' : 'match', message }];
  }
  return files.length > 0 ? files : [{ lacks: 'wildcard', message: `no file matches ${pattern} (in ${folder})` }];
}

/**
 * What an include names, in keepalived's order: that of the braces, and of the alphabet where a pattern finds several. A string: nothing can be said
 * of it. What we may not read belongs to that: keepalived is root, and reads it.
 */
export function readOldIncludes(pattern: string, from: string): readonly (OldFile | NotIncluded)[] | string {
  if (pattern === '') return 'it names no file';
  try {
    return readAll(pattern, folderOf(from));
  } catch (error) {
    if (!isDenied(error)) throw error;
    return `${(error as NodeJS.ErrnoException).path ?? pattern} cannot be read: permission denied (run this as root, as keepalived is)`;
  }
}

/** `configId`: what `-i` says. */
export const oldSurroundings = (configId: string | undefined): Surroundings => ({
  readInclude: readOldIncludes,
  configId,
  env: process.env,
  folderOf: (file) => resolve(folderOf(file)),
});
