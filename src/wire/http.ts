/**
 * HTTP/1.1 (RFC 9112) as far as a checker needs it: one request out, one answer in, read piece by piece. However the bytes are
 * split, the events of the reader say the same.
 */

/** Bytes of the answer's head, interim answers included, and of the trailers. */
export const MAX_HEAD = 16 * 1024;
/** Bytes of one line that carries a chunk's size. */
const MAX_CHUNK_LINE = 1024;
/** Of all such lines: a mebibyte that comes byte by byte needs five, and the rest of an endless answer is none of a checker's business. */
export const MAX_FRAMING = 8 * 1024 * 1024;

export interface HttpRequest {
  readonly method: string;
  /** The request target; what may not stand in one is percent-encoded. */
  readonly path: string;
  /** In the order sent. Line breaks in names and values become spaces. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

const utf8 = new TextEncoder();

const escapeTarget = (path: string): string => {
  if (/^[\x21-\x7e]*$/.test(path)) return path;
  let text = '';
  for (const byte of utf8.encode(path)) {
    text += byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
};

const oneLine = (text: string): string => (/[\r\n\0]/.test(text) ? text.replace(/[\r\n\0]+/g, ' ') : text);

/** A request without a body, its end included. */
export function encodeRequest(request: HttpRequest): Uint8Array {
  const lines = request.headers.map(([name, value]) => `${oneLine(name)}: ${oneLine(value)}\r\n`);
  return utf8.encode(`${request.method} ${escapeTarget(request.path)} HTTP/1.1\r\n${lines.join('')}\r\n`);
}

/** `base`, with those of `own` in place of the ones of the same name (in any case) and after them the others. */
export function mergeHeaders(base: HttpRequest['headers'], own: HttpRequest['headers']): HttpRequest['headers'] {
  if (own.length === 0) return base;
  const names = new Set(own.map(([name]) => name.toLowerCase()));
  return [...base.filter(([name]) => !names.has(name.toLowerCase())), ...own];
}

export type HttpEvent =
  /** The head of the final answer is complete and well-formed. */
  | { readonly kind: 'head'; readonly status: number }
  /** A piece of the body, decoded from its chunks; a window of what was pushed. */
  | { readonly kind: 'body'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' }
  /** Not an answer, or not a whole one; nothing follows. */
  | { readonly kind: 'error'; readonly reason: string };

export interface HttpReader {
  push(bytes: Uint8Array): void;
  /** The peer closed the connection. */
  end(): void;
}

type Phase = 'status' | 'fields' | 'fixed' | 'to-close' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailers' | 'over';

interface State {
  phase: Phase;
  /** The unfinished line. */
  line: string;
  /** Bytes of head or trailers so far. */
  headBytes: number;
  /** Bytes of lines about chunks so far. */
  framing: number;
  status: number;
  length: number | undefined;
  chunked: boolean;
  /** Body bytes still to come, of the whole or of the chunk. */
  remaining: number;
  readonly emit: (event: HttpEvent) => void;
}

function fail(state: State, reason: string): void {
  state.phase = 'over';
  state.emit({ kind: 'error', reason });
}

function finish(state: State): void {
  state.phase = 'over';
  state.emit({ kind: 'end' });
}

const PREFIX = 'HTTP/1.';

/** Known as soon as the first bytes are there, for a server that speaks first may never end a line. */
function checkPrefix(state: State): void {
  const start = state.line.slice(0, PREFIX.length);
  if (PREFIX.startsWith(start)) return;
  if (start.charCodeAt(0) === 0x15) fail(state, 'answered with a TLS alert: a port for HTTPS?');
  else fail(state, 'the answer is not HTTP/1.x');
}

function onStatusLine(state: State, line: string): void {
  const match = /^HTTP\/1\.\d ([1-9]\d\d)(?: .*)?$/.exec(line);
  if (!match) {
    fail(state, 'malformed status line');
    return;
  }
  state.status = Number(match[1]);
  state.length = undefined;
  state.chunked = false;
  state.phase = 'fields';
}

function onContentLength(state: State, value: string): void {
  if (!/^\d{1,15}$/.test(value)) fail(state, 'malformed Content-Length');
  else if (state.length !== undefined && state.length !== Number(value)) fail(state, 'two different Content-Length fields');
  else state.length = Number(value);
}

/** What says how the body is framed; everything else is not looked at. */
const FRAMING = /^(?:transfer-encoding|content-length):/i;

function onField(state: State, line: string): void {
  if (!FRAMING.test(line)) return;
  const match = /^([^:\s]+):[ \t]*(.*?)[ \t]*$/.exec(line);
  // Sloppy lines are none of a checker's business, as long as the framing is clear.
  if (!match) return;
  const [, name = '', value = ''] = match;
  if (name.toLowerCase() === 'transfer-encoding') state.chunked = /(^|,)\s*chunked$/i.test(value);
  else if (name.toLowerCase() === 'content-length') onContentLength(state, value);
}

const bodyPhase = (state: State): Phase => {
  if (state.chunked) return 'chunk-size';
  return state.length === undefined ? 'to-close' : 'fixed';
};

/** Answers that have no body whatever their fields say (RFC 9110 section 6.4.1). */
const isBodiless = (status: number): boolean => status === 101 || status === 204 || status === 304;

function onHeadEnd(state: State): void {
  const { status } = state;
  if (status < 200 && status !== 101) {
    state.phase = 'status';
    return;
  }
  state.headBytes = 0;
  state.remaining = state.length ?? 0;
  state.phase = bodyPhase(state);
  state.emit({ kind: 'head', status });
  if (isBodiless(status) || (state.phase === 'fixed' && state.remaining === 0)) finish(state);
}

function onChunkSize(state: State, line: string): void {
  const match = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i.exec(line);
  if (!match) {
    fail(state, 'malformed chunk size');
    return;
  }
  state.remaining = Number.parseInt(match[1] as string, 16);
  state.phase = state.remaining === 0 ? 'trailers' : 'chunk';
}

function onChunkEnd(state: State, line: string): void {
  if (line === '') state.phase = 'chunk-size';
  else fail(state, 'malformed end of a chunk');
}

function onLine(state: State, line: string): void {
  if (state.phase === 'status') onStatusLine(state, line);
  else if (state.phase === 'chunk-size') onChunkSize(state, line);
  else if (state.phase === 'chunk-end') onChunkEnd(state, line);
  else if (state.phase === 'fields' && line !== '') onField(state, line);
  else if (state.phase === 'fields') onHeadEnd(state);
  else if (line === '') finish(state);
}

/** Counts what the unfinished line has grown by; false when it is too much. */
function withinLimit(state: State, grown: number): boolean {
  if (state.phase === 'chunk-size' || state.phase === 'chunk-end') {
    state.framing += grown;
    if (state.line.length <= MAX_CHUNK_LINE && state.framing <= MAX_FRAMING) return true;
    fail(state, state.framing > MAX_FRAMING ? 'the chunks of the body have next to nothing in them' : 'malformed chunk size');
    return false;
  }
  state.headBytes += grown;
  if (state.headBytes <= MAX_HEAD) return true;
  fail(state, `the head of the answer is longer than ${MAX_HEAD} bytes`);
  return false;
}

const latin1 = (bytes: Uint8Array): string => {
  let text = '';
  // In one call for each piece: a text put together byte by byte costs more than all the rest of an answer.
  for (let i = 0; i < bytes.length; i += 4096)
    text += Reflect.apply(String.fromCharCode, undefined, bytes.subarray(i, i + 4096)) as string;
  return text;
};

/** Takes bytes up to the end of a line; returns how many. */
function takeLine(state: State, bytes: Uint8Array): number {
  const at = bytes.indexOf(10);
  // One more than the limit is as good as all.
  const used = Math.min(at < 0 ? bytes.length : at + 1, MAX_HEAD + 1);
  state.line += latin1(bytes.subarray(0, used));
  if (state.phase === 'status') checkPrefix(state);
  if (state.phase === 'over' || !withinLimit(state, used) || at < 0) return used;
  const line = state.line.slice(0, state.line.endsWith('\r\n') ? -2 : -1);
  state.line = '';
  onLine(state, line);
  return used;
}

function takeBody(state: State, bytes: Uint8Array): number {
  if (state.phase === 'to-close') {
    state.emit({ kind: 'body', bytes });
    return bytes.length;
  }
  const piece = bytes.subarray(0, state.remaining);
  state.remaining -= piece.length;
  state.emit({ kind: 'body', bytes: piece });
  if (state.remaining === 0 && state.phase === 'fixed') finish(state);
  else if (state.remaining === 0) state.phase = 'chunk-end';
  return piece.length;
}

const inBody = (phase: Phase): boolean => phase === 'fixed' || phase === 'to-close' || phase === 'chunk';

/** What is missing when the connection ends in this phase; undefined: nothing is. */
function truncation(state: State): string | undefined {
  const length = state.length ?? 0;
  switch (state.phase) {
    case 'over':
    case 'to-close':
      return undefined;
    case 'status':
      return state.headBytes === 0 ? 'connection closed without an answer' : 'connection closed in the head of the answer';
    case 'fields':
      return 'connection closed in the head of the answer';
    case 'fixed':
      return `connection closed after ${length - state.remaining} of ${length} bytes of the body`;
    default:
      return 'connection closed in the middle of the body';
  }
}

function onClose(state: State): void {
  const missing = truncation(state);
  if (missing !== undefined) fail(state, missing);
  else if (state.phase === 'to-close') finish(state);
}

/** Reads one answer; `emit` is called from within push and end. Bytes after the answer are ignored. */
export function createHttpReader(emit: (event: HttpEvent) => void): HttpReader {
  const state: State = {
    phase: 'status',
    line: '',
    headBytes: 0,
    framing: 0,
    status: 0,
    length: undefined,
    chunked: false,
    remaining: 0,
    emit,
  };
  return {
    push(bytes) {
      let rest = bytes;
      while (rest.length > 0 && state.phase !== 'over') {
        rest = rest.subarray(inBody(state.phase) ? takeBody(state, rest) : takeLine(state, rest));
      }
    },
    end: () => onClose(state),
  };
}

/** Looks for a text (its UTF-8 bytes) in bytes that come in pieces: Knuth, Morris, Pratt, so that nothing need be kept. */
export function createMatcher(text: string): { push(bytes: Uint8Array): boolean } {
  const needle = utf8.encode(text);
  const fallback = borders(needle);
  let matched = 0;
  return {
    /** True once the text has been seen. */
    push(bytes) {
      for (let i = 0; i < bytes.length && matched < needle.length; i++) {
        if (matched === 0) i = skipTo(bytes, needle[0] as number, i);
        while (matched > 0 && bytes[i] !== needle[matched]) matched = fallback[matched - 1] as number;
        if (bytes[i] === needle[matched]) matched++;
      }
      return matched === needle.length;
    },
  };
}

const skipTo = (bytes: Uint8Array, first: number, from: number): number => {
  const at = bytes.indexOf(first, from);
  return at < 0 ? bytes.length : at;
};

/** For each prefix the length of its longest proper prefix that is also its suffix. */
function borders(needle: Uint8Array): Uint32Array {
  const table = new Uint32Array(needle.length);
  for (let i = 1, length = 0; i < needle.length; i++) {
    while (length > 0 && needle[i] !== needle[length]) length = table[length - 1] as number;
    if (needle[i] === needle[length]) length++;
    table[i] = length;
  }
  return table;
}
