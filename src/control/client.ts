/** The control socket from the caller's side. */
import { connect as connectSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ApiError, ApiEvent, ApiProgress, MethodName, Methods } from './api.js';
import { createLineReader } from './lines.js';

/** An answer of 1,000 services is a few MiB. */
const ANSWER_LIMIT = 64 << 20;
export const CALL_TIMEOUT_MS = 10_000;
/** Events that wait for a slow reader of ours; above it the daemon is not read any more, and its own bound applies. */
const EVENTS_AHEAD = 256;

/** The daemon answered, and the answer is no. */
export class ApiRefusal extends Error {
  readonly error: ApiError;

  constructor(error: ApiError) {
    super(error.message);
    this.name = 'ApiRefusal';
    this.error = error;
  }
}

/** There was no answer: no daemon, no permission, silence, garbage, or an end in the middle. */
export class Unreachable extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Unreachable';
  }
}

export interface Client {
  /** Rejects with ApiRefusal or Unreachable. `onProgress` is called each second that the answer takes, while lbd can say so. */
  call<M extends MethodName>(
    method: M,
    params: Methods[M]['params'],
    timeoutMs?: number,
    onProgress?: (progress: ApiProgress) => void,
  ): Promise<Methods[M]['result']>;
  /** First the events that there are, then those to come, until `close`. Throws like `call`, also when the daemon goes away. */
  follow(params: Omit<Methods['events']['params'], 'follow'>): AsyncIterable<ApiEvent>;
  close(): void;
}

const CURES: Readonly<Record<string, (path: string) => string>> = {
  ENOENT: (path) =>
    `lbd is not running: there is no socket ${path} (start it: systemctl start lbd; or name its socket with --socket)`,
  ECONNREFUSED: (path) => `lbd is not running: nobody listens on ${path} (start it: systemctl start lbd)`,
  EACCES: (path) => `no permission to use ${path}: become root or a member of the group that control.group names`,
};

function connectError(path: string, error: NodeJS.ErrnoException): Unreachable {
  const cure = CURES[error.code ?? ''];
  return new Unreachable(cure ? cure(path) : `cannot connect to ${path}: ${error.message}`);
}

interface Answer {
  readonly id?: unknown;
  readonly result?: unknown;
  readonly error?: ApiError;
  readonly event?: ApiEvent;
  readonly progress?: ApiProgress;
}

interface Waiter {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly progress: ((progress: ApiProgress) => void) | undefined;
}

/** What comes in, given to whoever waits for it. */
interface Wire {
  readonly waiting: Map<number, Waiter>;
  onEvent: (event: ApiEvent) => void;
  onEnd: (error: Unreachable) => void;
  failure: Unreachable | undefined;
  closed: boolean;
}

function isAnswer(value: unknown): value is Answer {
  if (typeof value !== 'object' || value === null) return false;
  const { error, result, event, progress } = value as Record<'error' | 'result' | 'event' | 'progress', unknown>;
  if (progress !== undefined) return typeof (progress as { text?: unknown } | null)?.text === 'string';
  if (error !== undefined) return typeof (error as { message?: unknown } | null)?.message === 'string';
  return (typeof result === 'object' && result !== null) || (typeof event === 'object' && event !== null);
}

function fail(wire: Wire, error: Unreachable): void {
  if (wire.failure) return;
  wire.failure = error;
  for (const { reject } of wire.waiting.values()) reject(error);
  wire.waiting.clear();
  wire.onEnd(error);
}

function readAnswer(line: string): Answer | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isAnswer(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function receive(wire: Wire, line: string, garbage: () => void): void {
  const answer = readAnswer(line);
  if (!answer) garbage();
  else if (answer.event) wire.onEvent(answer.event);
  else settle(wire, answer);
}

function settle(wire: Wire, answer: Answer): void {
  // An error without an id is about the connection's only open request.
  const id = typeof answer.id === 'number' ? answer.id : [...wire.waiting.keys()][0];
  const waiter = id === undefined ? undefined : wire.waiting.get(id);
  if (id === undefined || !waiter) return;
  if (answer.progress) return waiter.progress?.(answer.progress);
  wire.waiting.delete(id);
  if (answer.error) waiter.reject(new ApiRefusal(answer.error));
  else waiter.resolve(answer.result);
}

/** The connection ended, and nothing was being asked. */
export const ENDED = 'lbd closed the connection (it stopped, or its events were not read in time)';
export const endedWhile = (when: string): string =>
  `lbd closed the connection ${when}: it stopped or died; what was asked may or may not be done`;
export const silent = (method: string, ms: number): string =>
  `lbd did not answer "${method}" within ${ms / 1000} s: it is busy, or stopped (kill -CONT lets a stopped one go on); its log may say why`;

function attach(socket: Duplex, path: string): Wire {
  const wire: Wire = { waiting: new Map(), onEvent: () => {}, onEnd: () => {}, failure: undefined, closed: false };
  const garbage = () => {
    fail(wire, new Unreachable(`what answers on ${path} is not lbd, or not a version that this lbctl understands`));
    socket.destroy();
  };
  const reader = createLineReader(ANSWER_LIMIT, (line) => receive(wire, line, garbage), garbage);
  const ended = () => {
    const when = reader.pending() > 0 ? 'in the middle of an answer' : 'without an answer';
    fail(wire, new Unreachable(wire.waiting.size > 0 ? endedWhile(when) : ENDED));
  };
  socket.on('data', (chunk: Buffer) => reader.push(chunk));
  socket.on('error', ended);
  socket.on('close', ended);
  return wire;
}

function createCaller(socket: Duplex, wire: Wire): Client['call'] {
  let id = 0;
  return (method, params, timeoutMs = CALL_TIMEOUT_MS, onProgress = undefined) =>
    new Promise((resolve, reject) => {
      if (wire.failure) return reject(wire.failure);
      const mine = ++id;
      const timer = setTimeout(() => {
        wire.waiting.delete(mine);
        reject(new Unreachable(silent(method, timeoutMs)));
      }, timeoutMs);
      wire.waiting.set(mine, {
        resolve: (result) => {
          clearTimeout(timer);
          resolve(result as never);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
        progress: onProgress,
      });
      const more = onProgress ? { progress: true } : {};
      socket.write(`${JSON.stringify({ id: mine, method, params, ...more })}\n`);
    });
}

async function* followEvents(
  socket: Duplex,
  wire: Wire,
  call: Client['call'],
  params: Omit<Methods['events']['params'], 'follow'>,
): AsyncGenerator<ApiEvent> {
  const queue: ApiEvent[] = [];
  let wake = () => {};
  wire.onEvent = (event) => {
    queue.push(event);
    if (queue.length >= EVENTS_AHEAD) socket.pause();
    wake();
  };
  wire.onEnd = () => wake();
  const { events } = await call('events', { ...params, follow: true });
  if (!Array.isArray(events))
    throw new Unreachable('what lbd answers to "events" is not as this lbctl knows it: are both of one version?');
  yield* events;
  for (;;) {
    while (queue.length > 0) yield queue.shift() as ApiEvent;
    if (wire.closed) return;
    if (wire.failure) throw wire.failure;
    socket.resume();
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}

/** Speaks over a stream that is connected; `path` is what messages call it. */
export function createClient(socket: Duplex, path: string): Client {
  const wire = attach(socket, path);
  const call = createCaller(socket, wire);
  return {
    call,
    follow: (params) => followEvents(socket, wire, call, params),
    close() {
      wire.closed = true;
      socket.destroy();
    },
  };
}

/** Connects; rejects with Unreachable, whose message says what to do. */
export function connect(socketPath: string): Promise<Client> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ path: socketPath });
    const refuse = (error: NodeJS.ErrnoException) => reject(connectError(socketPath, error));
    socket.once('error', refuse);
    socket.once('connect', () => {
      socket.off('error', refuse);
      resolve(createClient(socket, socketPath));
    });
  });
}
