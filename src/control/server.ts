/** The control socket: reads requests, asks `handle`, writes answers, and sends events to whoever follows them. */
import { createServer, type Server, type Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import type { ApiError, ApiEvent, ApiProgress, CommandLine, MethodName } from './api.js';
import { EVENT_BACKLOG, HELD_EVENTS } from './bounds.js';
import { createClient } from './client.js';
import { createSession, type Session } from './command-line.js';
import { wishOf } from './event-filter.js';
import { createLineReader } from './lines.js';
import { type CommandLineRequest, parseRequest, type Request } from './params.js';
import { admitGroup, clearPlace } from './socket-file.js';

/** A longer request is refused: a configuration of tens of thousands of real servers is shorter. */
export const REQUEST_LIMIT = 16 << 20;
/** One that reads nothing of its answers is dropped at this; a follower, at EVENT_BACKLOG. */
const ANSWER_BACKLOG = 64 << 20;
/** Requests of one connection that are worked on at a time; further ones wait in the kernel's buffer. */
export const OPEN_REQUESTS = 32;
const CLOSE_MS = 500;
/** One who waits, and wants to know, is told so often what for. */
const PROGRESS_MS = 1000;

/** Who is at the other end, as the kernel tells. */
export interface Caller {
  /** -1 when it cannot be had. */
  readonly uid: number;
  readonly pid: number;
  /** User name, `uid N`, or `unknown`. */
  readonly name: string;
}

export interface ControlServerOptions {
  readonly socketPath: string;
  /** Group that may use the socket besides its owner; undefined: nobody. */
  readonly group: string | undefined;
  readonly peer: (socket: Socket) => Caller;
  readonly handle: (method: MethodName, params: unknown, caller: Caller) => Promise<unknown>;
  /** What somebody waits for who has asked this. */
  readonly progress?: (method: MethodName) => ApiProgress;
  /** Runs a command line of lbctl or declines; never rejects. Undefined: all are declined. */
  readonly runCommandLine?: (line: CommandLine, session: Session) => Promise<void>;
  /** The answer for a refusal that `handle` throws; undefined for anything unexpected. */
  readonly toError: (error: unknown) => ApiError | undefined;
  readonly warn: (text: string) => void;
}

export interface ControlServer {
  /** Sends an event to every follower. */
  publish(event: ApiEvent): void;
  /** Ends the connections and removes the socket file. */
  close(): Promise<void>;
}

interface Connection {
  readonly socket: Duplex;
  readonly caller: Caller;
  /** Requests without an answer yet. */
  open: number;
  /** The caller will send nothing more. */
  ended: boolean;
  /** Events wait here until the answer of `events` is sent; undefined: not following or live. */
  held: ApiEvent[] | undefined;
  /** The events that it follows; undefined: it does not. */
  follows: ((event: ApiEvent) => boolean) | undefined;
  /** Bytes of the events that there were, until they are gone: they may be more than may wait otherwise. */
  replay: number;
  /** A command line has it for itself: nothing more is read. */
  taken: boolean;
}

type Connections = Set<Connection>;

function drop(connection: Connection, options: ControlServerOptions, what: string): void {
  options.warn(`the control connection of ${connection.caller.name} (pid ${connection.caller.pid}) was dropped: ${what}`);
  connection.socket.destroy();
}

function send(connection: Connection, options: ControlServerOptions, message: object, backlog: number): void {
  const { socket } = connection;
  if (socket.destroyed || !socket.writable) return;
  if (socket.writableLength > backlog) drop(connection, options, 'it does not read');
  else socket.write(`${JSON.stringify(message)}\n`);
}

async function answerTo(request: Request, connection: Connection, options: ControlServerOptions): Promise<object> {
  try {
    const result = await options.handle(request.method, request.params, connection.caller);
    return { id: request.id, result: result ?? {} };
  } catch (error) {
    const known = options.toError(error);
    if (known) return { id: request.id, error: known };
    const text = error instanceof Error ? error.message : String(error);
    options.warn(`control: ${request.method} failed unexpectedly: ${error instanceof Error ? (error.stack ?? text) : text}`);
    return { id: request.id, error: { code: 'unavailable', message: `${request.method} failed: ${text}` } satisfies ApiError };
  }
}

function tell(connection: Connection, event: ApiEvent, options: ControlServerOptions): void {
  send(connection, options, { event }, EVENT_BACKLOG + connection.replay);
}

/** The answer went out: now the events that came meanwhile, without those that it already had. */
function startFollowing(connection: Connection, options: ControlServerOptions, answer: object): void {
  const held = connection.held ?? [];
  connection.held = undefined;
  const result = (answer as { result?: { events?: readonly ApiEvent[] } }).result;
  if (!result) {
    connection.follows = undefined;
    return;
  }
  const last = result.events?.at(-1)?.id ?? 0;
  for (const event of held) if (event.id > last) tell(connection, event, options);
}

/** Until a follower has read what there was, all that waits for it counts as that. */
function bearWith(connection: Connection): void {
  connection.replay = connection.socket.writableLength;
  const read = () => {
    connection.replay = 0;
  };
  if (connection.replay > 0) connection.socket.once('drain', read);
}

function hold(connection: Connection, held: ApiEvent[], event: ApiEvent, options: ControlServerOptions): void {
  if (held.push(event) > HELD_EVENTS) drop(connection, options, 'its answer takes too long');
}

/** A connection within this process: what runs in it meets the same bounds, and says the same words, as a program outside. */
function connectWithin(caller: Caller, connections: Connections, options: ControlServerOptions) {
  const [near, far] = duplexPair();
  near.once('close', () => far.destroy());
  far.once('close', () => near.destroy());
  attend(far, caller, connections, options);
  return createClient(near, options.socketPath);
}

function runCommandLine(
  request: CommandLineRequest,
  connection: Connection,
  connections: Connections,
  options: ControlServerOptions,
): void {
  const { socket, caller } = connection;
  const session = createSession(socket, request, () => connectWithin(caller, connections, options));
  connection.taken = true;
  if (options.runCommandLine && connection.open === 0 && !connection.follows)
    void options.runCommandLine(request.params, session);
  else session.decline('this connection is not for command lines');
}

/** Tells what is waited for until the result is called. */
function tellProgress(request: Request, connection: Connection, options: ControlServerOptions): () => void {
  const { progress } = options;
  if (!request.progress || !progress) return () => {};
  const tellIt = () => send(connection, options, { id: request.id, progress: progress(request.method) }, ANSWER_BACKLOG);
  const timer = setInterval(tellIt, PROGRESS_MS);
  return () => clearInterval(timer);
}

async function serve(
  line: string,
  connection: Connection,
  connections: Connections,
  options: ControlServerOptions,
): Promise<void> {
  if (connection.taken) return;
  const request = parseRequest(line);
  if ('error' in request) return send(connection, options, request, ANSWER_BACKLOG);
  if (request.method === 'command_line') return runCommandLine(request, connection, connections, options);
  const follow = request.method === 'events' && request.params.follow === true;
  if (follow && !connection.follows) {
    connection.follows = wishOf(request.params);
    connection.held = [];
  }
  connection.open++;
  if (connection.open >= OPEN_REQUESTS) connection.socket.pause();
  const stop = tellProgress(request, connection, options);
  const answer = await answerTo(request, connection, options);
  stop();
  connection.open--;
  if (connection.open < OPEN_REQUESTS) connection.socket.resume();
  send(connection, options, answer, ANSWER_BACKLOG);
  if (follow) bearWith(connection);
  if (follow) startFollowing(connection, options, answer);
  if (connection.ended && connection.open === 0) connection.socket.end();
}

function callerOf(socket: Socket, options: ControlServerOptions): Caller {
  try {
    return options.peer(socket);
  } catch {
    return { uid: -1, pid: 0, name: 'unknown' };
  }
}

function attend(socket: Duplex, caller: Caller, connections: Connections, options: ControlServerOptions): void {
  const connection: Connection = {
    socket,
    caller,
    open: 0,
    ended: false,
    held: undefined,
    follows: undefined,
    replay: 0,
    taken: false,
  };
  connections.add(connection);
  const tooLong = { id: null, error: { code: 'bad_request', message: `the request is longer than ${REQUEST_LIMIT} bytes` } };
  const reader = createLineReader(
    REQUEST_LIMIT,
    (line) => void serve(line, connection, connections, options),
    () => send(connection, options, tooLong, ANSWER_BACKLOG),
  );
  socket.on('data', (chunk: Buffer) => reader.push(chunk));
  socket.on('end', () => {
    connection.ended = true;
    if (connection.taken) socket.destroy();
    else if (connection.open === 0) socket.end();
  });
  // A caller that goes away is no event of ours; 'close' follows.
  socket.on('error', () => socket.destroy());
  socket.on('close', () => connections.delete(connection));
}

/** Listens with a file that nobody else may open, also for the moment before its mode is set. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const mask = process.umask(0o177);
    server.once('error', (error) => reject(new Error(`cannot open the control socket ${path}: ${error.message}`)));
    server.listen({ path }, resolve);
    process.umask(mask);
  });
}

function closeAll(server: Server, connections: Connections): Promise<void> {
  return new Promise((resolve) => {
    const hurry = setTimeout(() => {
      for (const { socket } of connections) socket.destroy();
    }, CLOSE_MS);
    // The file goes with the listener.
    server.close(() => {
      clearTimeout(hurry);
      resolve();
    });
    for (const { socket } of connections) socket.end(() => socket.destroy());
  });
}

/** Rejects with an Error of one clear sentence when the socket cannot be had. */
export async function createControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const connections: Connections = new Set();
  await clearPlace(options.socketPath);
  const server = createServer({ allowHalfOpen: true }, (socket) =>
    attend(socket, callerOf(socket, options), connections, options),
  );
  await listen(server, options.socketPath);
  server.on('error', (error) => options.warn(`control socket: ${error.message}`));
  const warning = admitGroup(options.socketPath, options.group);
  if (warning) options.warn(warning);
  return {
    publish(event) {
      for (const connection of connections) {
        if (!connection.follows?.(event)) continue;
        if (connection.held) hold(connection, connection.held, event, options);
        else tell(connection, event, options);
      }
    },
    close: () => closeAll(server, connections),
  };
}
