/**
 * The events on disk: `<state_dir>/events.jsonl`, one JSON object a line, and the file before it, `events.old.jsonl`. Each line is handed to
 * the kernel before anybody is told the event, so that only a power loss can take it back. A disk that takes nothing costs what could be
 * told after a restart, and nothing else.
 */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiEvent } from '../../control/api.js';

/** BOUNDED: bytes of one of the two files. */
const FILE_LIMIT = 1 << 20;
/** Of a file that is longer all the same. */
const READ_LIMIT = 16 << 20;
/** Where the last line is looked for: a start must not wait for more. */
const TAIL = 1 << 16;
/** BOUNDED: events that wait for a disk that takes them again; the oldest leave. */
const WAITING = 2000;
const RETRY_MS = 10_000;
/** What a power loss may have taken had numbers, which somebody may remember: so many are left out. */
const LOST = 1000;

export interface EventStore {
  /** The number of the next event: higher than all that were ever given. */
  readonly nextId: number;
  append(event: ApiEvent): void;
  /** Those with a lower number that are on disk, newest first. */
  backwards(below: number): Iterable<ApiEvent>;
  /** All is on disk, also through a power loss. */
  close(): void;
}

export interface EventStoreOptions {
  readonly stateDir: string;
  /** What is there is of this boot of the host. */
  readonly runDir: string;
  readonly warn: (text: string) => void;
  /** Standing problems that `status` shows. */
  readonly problems: Set<string>;
  /** Bytes of a file. */
  readonly limit?: number;
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isValue = (value: unknown): value is string | number => isText(value) || typeof value === 'number';

type Line = { readonly event: ApiEvent } | { readonly end: number };

/** The last line of an orderly end is no event: `{"end":105}` says that nothing is missing up to that number. */
function readLine(line: string): Line | undefined {
  try {
    const { id, at, kind, subject, text, cause, before, after, end } = JSON.parse(line) as Record<string, unknown>;
    if (Number.isSafeInteger(end)) return { end: end as number };
    if (!Number.isSafeInteger(id) || !isText(at) || !isText(kind) || !isText(subject) || !isText(text)) return undefined;
    const change = {
      ...(isText(cause) ? { cause } : {}),
      ...(isValue(before) ? { before } : {}),
      ...(isValue(after) ? { after } : {}),
    };
    return { event: { id: id as number, at, kind, subject, text, ...change } };
  } catch {
    return undefined;
  }
}

/** From the last one to the first. */
function* linesBackwards(text: string): Generator<string> {
  for (let end = text.length; end > 0; ) {
    const begin = text.lastIndexOf('\n', end - 1) + 1;
    if (begin < end) yield text.slice(begin, end);
    end = begin - 1;
  }
}

interface Tail {
  /** Of the file. */
  readonly size: number;
  /** The last number that can be read; undefined: none can. */
  readonly last: number | undefined;
  /** Nothing is missing after it. */
  readonly ended: boolean;
  /** The last line has no end. */
  readonly cut: boolean;
}

const NOTHING: Tail = { size: 0, last: undefined, ended: false, cut: false };

function readEnd(fd: number, length: number, size: number): string {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(fd, bytes, 0, length, size - length)).toString();
}

/** Looks at the end of the file alone, unless nothing can be read there. Throws the system's error. */
function tailOf(fd: number): Tail {
  const { size } = fstatSync(fd);
  let text = '';
  for (const length of [Math.min(TAIL, size), Math.min(READ_LIMIT, size)]) {
    text = readEnd(fd, length, size);
    let ended = true;
    for (const line of linesBackwards(text)) {
      const read = readLine(line);
      if (read && 'end' in read) return { size, last: read.end, ended, cut: false };
      ended = false;
      if (read) return { size, last: read.event.id, ended, cut: !text.endsWith('\n') };
    }
  }
  return { ...NOTHING, size, cut: size > 0 && !text.endsWith('\n') };
}

function lookAt(path: string, warn: (text: string) => void): Tail {
  try {
    const fd = openSync(path, 'r');
    try {
      return tailOf(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') warn(`${path} cannot be read: ${message}: the events in it are not told`);
    return NOTHING;
  }
}

/** Of a file that is there; what is no file has no size. */
function textOf(path: string): string {
  try {
    const fd = openSync(path, 'r');
    try {
      const { size } = fstatSync(fd);
      return readEnd(fd, Math.min(size, READ_LIMIT), size);
    } finally {
      closeSync(fd);
    }
  } catch {
    return '';
  }
}

/** The number that stands in a file below /run: it is of this boot, and so nothing of this boot was lost. */
function numberIn(path: string): number | undefined {
  const text = textOf(path).trim();
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Never throws: a disk that cannot be used is a problem, and no more. */
export function openEventStore({ stateDir, runDir, warn, problems, limit = FILE_LIMIT }: EventStoreOptions): EventStore {
  const path = join(stateDir, 'events.jsonl');
  const old = join(stateDir, 'events.old.jsonl');
  const mark = join(runDir, 'events.last');
  const { tail, before } = begin();
  const waiting: ApiEvent[] = [];
  let { size, cut: torn } = tail;
  let fd: number | undefined;
  let trouble: string | undefined;
  let retry: NodeJS.Timeout | undefined;
  let toldDamage = torn;

  /** What is there, with one word about what is damaged. A file of which nothing can be read gives way. */
  function begin(): { readonly tail: Tail; readonly before: Tail } {
    const found = lookAt(path, warn);
    if (found.cut) warn(`the last line of ${path} is cut off and left out`);
    if (found.size === 0 || found.last !== undefined) {
      return { tail: found, before: found.last === undefined ? lookAt(old, warn) : found };
    }
    const aside = `${path}.damaged`;
    try {
      renameSync(path, aside);
      warn(`${path} is damaged: nothing in it can be read; it is now ${aside}`);
      return { tail: NOTHING, before: lookAt(old, warn) };
    } catch (error) {
      warn(`${path} is damaged and cannot be set aside: ${(error as Error).message}`);
      return { tail: found, before: lookAt(old, warn) };
    }
  }

  function firstId(): number {
    const here = numberIn(mark);
    const last = Math.max(before.last ?? 0, here ?? 0);
    return last + 1 + (last > 0 && here === undefined && !before.ended ? LOST : 0);
  }

  /** Below /run, where a full disk is not: a number that is given is given once. */
  function remember(id: number): void {
    try {
      writeFileSync(mark, String(id));
    } catch {
      // Then the next life leaves some numbers out.
    }
  }

  function shut(): void {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
  }

  function rotate(): void {
    shut();
    renameSync(path, old);
    torn = false;
  }

  /** Somebody may have taken the file away. Throws the system's error. */
  function opened(): number {
    if (fd !== undefined && fstatSync(fd).nlink === 0) shut();
    if (fd !== undefined) return fd;
    fd = openSync(path, 'a', 0o600);
    ({ size } = fstatSync(fd));
    return fd;
  }

  /** Throws the system's error; what of a line was written then is a line of its own. */
  function put(line: string): void {
    let to = opened();
    if (size > 0 && size + Buffer.byteLength(line) >= limit) {
      rotate();
      to = opened();
    }
    let rest: Uint8Array = Buffer.from(torn && size > 0 ? `\n${line}\n` : `${line}\n`);
    while (rest.length > 0) {
      const written = writeSync(to, rest);
      size += written;
      rest = rest.subarray(written);
      torn = rest.length > 0;
    }
  }

  function flush(): void {
    try {
      for (let event = waiting[0]; event; event = waiting[0]) {
        put(JSON.stringify(event));
        waiting.shift();
      }
      if (trouble !== undefined) warn('events are kept on disk again');
      settle(undefined);
    } catch (error) {
      settle(`events cannot be kept in ${stateDir}: ${(error as Error).message}: after a restart they cannot be told again`);
    }
  }

  function settle(found: string | undefined): void {
    if (trouble !== undefined && found !== trouble) problems.delete(trouble);
    if (found !== undefined && trouble === undefined) warn(found);
    if (found !== undefined) problems.add(found);
    trouble = found;
    clearTimeout(retry);
    retry = found === undefined ? undefined : setTimeout(flush, RETRY_MS).unref();
  }

  function* readBackwards(below: number): Generator<ApiEvent> {
    let next = below;
    // Both at once: the one may become the other while somebody walks through them.
    for (const text of [textOf(path), textOf(old)]) {
      for (const line of linesBackwards(text)) {
        const read = readLine(line);
        if (!read && !toldDamage) warn(`lines of ${path} are damaged and left out`);
        if (!read) toldDamage = true;
        if (!read || 'end' in read || read.event.id >= next) continue;
        next = read.event.id;
        yield read.event;
      }
    }
  }

  const nextId = firstId();
  let last = nextId - 1;
  remember(last);
  return {
    nextId,
    append(event) {
      last = event.id;
      waiting.push(event);
      if (waiting.length > WAITING) waiting.shift();
      if (trouble === undefined) flush();
      if (trouble !== undefined) remember(last);
    },
    backwards: readBackwards,
    close() {
      clearTimeout(retry);
      try {
        for (const event of waiting.splice(0)) put(JSON.stringify(event));
        put(JSON.stringify({ end: last }));
        if (fd !== undefined) fsyncSync(fd);
      } catch {
        // It has been told.
      }
      shut();
    },
  };
}
