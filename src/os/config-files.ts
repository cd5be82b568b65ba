/** Reads a configuration file and the files it includes. */
import { existsSync, readdirSync, readFileSync, readSync, realpathSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { enableLinearRegex } from './linear-regex.js';

export interface FileText {
  readonly file: string;
  readonly text: string;
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
};

const reasonOf = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  return WORDS[code ?? ''] ?? message;
};

/** How long a standard input that never blocks is left alone when it has nothing yet. */
const INPUT_PAUSE_MS = 20;

/** To its end. Whoever has it, too, may have made it non-blocking: then it is asked again. Throws the system's error, or that it is more than `most` bytes. */
export function readStandardInput(most = Number.POSITIVE_INFINITY): Buffer {
  const parts: Buffer[] = [];
  let total = 0;
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    const part = Buffer.alloc(1 << 16);
    try {
      const length = readSync(0, part);
      if (length === 0) return Buffer.concat(parts);
      parts.push(part.subarray(0, length));
      total += length;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(sleeper, 0, 0, INPUT_PAUSE_MS);
    }
    if (total > most) throw new Error(`it has more than ${most} bytes`);
  }
}

/** The text, or the sentence that says why it cannot be read. */
export function readConfigFile(file: string): FileText | string {
  try {
    // Opened by its name, standard input that is a socket cannot be read.
    return { file, text: file === '/dev/stdin' ? readStandardInput().toString() : readFileSync(file, 'utf8') };
  } catch (error) {
    return `cannot read ${file}: ${reasonOf(error)}`;
  }
}

/** Only what is there at once: a pipe may keep its reader waiting for ever. */
export function readRegularFile(file: string): FileText | string {
  try {
    return statSync(file).isFile() ? readConfigFile(file) : `${file} is no regular file`;
  } catch (error) {
    return `cannot read ${file}: ${reasonOf(error)}`;
  }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** Some have no end. */
function isDevice(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && (found.isCharacterDevice() || found.isBlockDevice());
}

/** `*` and `?` in the last part of a path, as in `conf.d/*.yaml`. */
const patternOf = (text: string): RegExp =>
  new RegExp(
    `^${text
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );

type Read = (file: string) => FileText | string;

/**
 * The files of an include, sorted; relative to the folder of the file that names it. A pattern may match nothing, a plain name may not.
 * `also`: files that are taken for being there; `alone`: a pattern matches these, and no others.
 */
export function readIncludes(
  pattern: string,
  from: string,
  read: Read = readConfigFile,
  also: readonly string[] = [],
  alone = false,
): FileText[] | string {
  const path = resolve(dirname(from), pattern);
  const name = basename(path);
  if (/[*?]/.test(dirname(pattern))) return `${pattern}: * and ? stand in the last part of a path only`;
  if (!/[*?]/.test(name)) {
    if (isDevice(path)) return `${pattern} is a device, no file`;
    const single = read(path);
    if (typeof single !== 'string') return [single];
    return isFolder(path) ? `${pattern} is a folder: write ${join(pattern, '*.yaml')}` : single;
  }
  let names: string[];
  try {
    const beside = also.filter((one) => dirname(one) === dirname(path)).map((one) => basename(one));
    const there = alone || (beside.length > 0 && !existsSync(dirname(path))) ? [] : readdirSync(dirname(path));
    names = [...new Set([...there, ...beside])].filter((one) => !one.startsWith('.') && patternOf(name).test(one));
  } catch (error) {
    return `cannot read ${dirname(path)}: ${reasonOf(error)}`;
  }
  const files: FileText[] = [];
  for (const one of names.sort()) {
    const file = join(dirname(path), one);
    const found = isDevice(file) ? `${file} is a device, no file` : read(file);
    if (typeof found === 'string') return found;
    files.push(found);
  }
  return files;
}

/** One file has many names. */
function identify(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return resolve(file);
  }
}

/**
 * What the parser takes from its surroundings. `texts` stand for the files of their names, which may be others on disk, or not be there;
 * `alone`: a pattern matches these, and no others.
 */
export function parseSurroundings(read: Read = readConfigFile, texts: readonly FileText[] = [], alone = false) {
  enableLinearRegex();
  const instead = new Map(texts.map((one) => [resolve(one.file), one.text]));
  const readOne: Read = (file) => {
    const text = instead.get(resolve(file));
    return text === undefined ? read(file) : { file, text };
  };
  const readInclude = (pattern: string, from: string) => readIncludes(pattern, from, readOne, [...instead.keys()], alone);
  return { env: process.env, hostname: hostname(), readInclude, identify };
}
