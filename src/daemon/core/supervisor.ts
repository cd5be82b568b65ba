/** Keeps one child process alive: started, configured, asked, restarted with back-off, stopped in order. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { ApiStatus } from '../../control/api.js';
import { now } from '../../os/clock.js';
import { isStopped } from '../../os/processes.js';
import type { Log } from '../log.js';

/** Restart delays in ms: the first is at once, because a dead vrrp process must be back before the peer's master-down time. */
const DELAYS = [0, 500, 1000, 2000, 4000, 8000, 16_000, 30_000];
/** A child that lived this long has earned a fresh start of the delays. */
const STABLE_MS = 60_000;
const ANSWER_MS = 3000;
/** As in bin/lbd: of V8's own flags there is none here (os/small-heap.ts). */
const NODE_FLAGS = ['--v8-pool-size=1'];

export type Role = 'check' | 'vrrp';

export interface SupervisorOptions {
  readonly role: Role;
  readonly log: Log;
  /** What to run; this program unless given. */
  readonly program?: string;
  /** Called when the child says `ready`: send it what it needs. */
  readonly configure: () => void;
  readonly onMessage: (message: { readonly type: string; readonly [field: string]: unknown }) => void;
  /** The child ended without having been told to. */
  readonly onDeath: (how: string, restartInMs: number) => void;
}

interface Pending {
  readonly resolve: (answer: Record<string, unknown>) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
  /** When it was asked, and how long it has, in ms. */
  readonly at: number;
  readonly limit: number;
}

export interface Supervisor {
  start(): void;
  /** To a child that is not ready nothing is sent: `configure` is called when it is. */
  send(message: object): void;
  /** Asks the child; rejects when it does not answer in time or is not there. */
  ask(query: object, limitMs?: number): Promise<Record<string, unknown>>;
  /** Sends `how`, waits for the end; kills after the limit. */
  stop(how: 'stop' | 'exit', limitMs: number): Promise<void>;
  state(): ProcessState;
  /** The question that has been open for longest. Milliseconds. */
  open(): { readonly for: number; readonly limit: number } | undefined;
}

type ProcessState = Omit<ApiStatus['processes'][number], 'name'>;

/** A process that is there and answers nothing: what can be done about it. */
const cureOf = (pid: number | undefined): string =>
  pid !== undefined && isStopped(pid)
    ? `it is stopped: kill -CONT ${pid} lets it go on`
    : `it is busy or hangs, its log may say why; after kill -KILL ${pid ?? 'PID'} lbd starts it anew, and what it forwards stays`;

export function createSupervisor(options: SupervisorOptions): Supervisor {
  let child: ChildProcess | undefined;
  let ready = false;
  let stopping = false;
  let restarts = 0;
  let attempt = 0;
  let startedAt = 0;
  let restartTimer: NodeJS.Timeout | undefined;
  let nextId = 1;
  /** BOUNDED: each entry leaves at its answer or after ANSWER_MS. */
  const pending = new Map<number, Pending>();
  /** When the first of the questions was asked that got no answer in time, with no word since. */
  let silentSince: number | undefined;

  function start(): void {
    restartTimer = undefined;
    startedAt = now();
    ready = false;
    // vrrp uses no TLS: the extra certificates would only delay its start.
    const { NODE_EXTRA_CA_CERTS: _unused, ...env } = process.env;
    const program = options.program ?? (process.argv[1] as string);
    const started = spawn(process.execPath, [...NODE_FLAGS, program, '--role', options.role], {
      stdio: ['ignore', 2, 2, 'ipc'],
      env: options.role === 'vrrp' ? env : process.env,
    });
    child = started;
    started.on('message', (message) => received(started, message as { type: string }));
    started.once('error', (error) => ended(started, `cannot start: ${error.message}`));
    started.once('exit', (code, signal) => ended(started, signal ? `killed by ${signal}` : `exit status ${code}`));
  }

  function received(from: ChildProcess, message: { type: string; [field: string]: unknown }): void {
    if (from !== child) return;
    silentSince = undefined;
    if (message.type === 'ready') {
      ready = true;
      options.configure();
    } else if (message.type === 'answer') {
      const waiting = pending.get(message.id as number);
      if (!waiting) return;
      pending.delete(message.id as number);
      clearTimeout(waiting.timer);
      waiting.resolve(message);
    } else options.onMessage(message);
  }

  function ended(which: ChildProcess, how: string): void {
    if (which !== child) return;
    child = undefined;
    ready = false;
    silentSince = undefined;
    for (const [id, waiting] of pending) fail(id, waiting, `the ${options.role} process ended (${how})`);
    if (stopping) return;
    if (now() - startedAt > STABLE_MS) attempt = 0;
    const delay = DELAYS[Math.min(attempt++, DELAYS.length - 1)] as number;
    restarts++;
    options.onDeath(how, delay);
    restartTimer = setTimeout(start, delay);
  }

  function fail(id: number, waiting: Pending, text: string): void {
    pending.delete(id);
    clearTimeout(waiting.timer);
    waiting.reject(new Error(text));
  }

  function post(message: object): void {
    if (child?.connected) child.send(message, () => {});
  }

  /** Before it is ready a child does not have the lease yet, and its predecessor is still at work: `configure` sends all of it then. */
  function send(message: object): void {
    if (ready) post(message);
  }

  function ask(query: object, limitMs = ANSWER_MS): Promise<Record<string, unknown>> {
    if (!ready) return Promise.reject(new Error(`the ${options.role} process is not running (it is being restarted)`));
    return new Promise((resolve, reject) => {
      const id = nextId++;
      const timer = setTimeout(() => {
        const waiting = pending.get(id);
        if (!waiting) return;
        silentSince = Math.min(silentSince ?? waiting.at, waiting.at);
        fail(id, waiting, `the ${options.role} process did not answer within ${limitMs / 1000}s: ${cureOf(child?.pid)}`);
      }, limitMs);
      pending.set(id, { resolve, reject, timer, at: now(), limit: limitMs });
      send({ ...query, type: 'query', id });
    });
  }

  function stop(how: 'stop' | 'exit', limitMs: number): Promise<void> {
    stopping = true;
    clearTimeout(restartTimer);
    const running = child;
    if (!running) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        options.log.write('error', `${options.role} process did not end in time: killed`, { limit_ms: limitMs });
        running.kill('SIGKILL');
      }, limitMs);
      running.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      post({ type: how });
    });
  }

  function state(): ProcessState {
    const known = { pid: child?.pid ?? null, restarts };
    if (!child) return { ...known, state: startedAt === 0 ? 'not needed' : 'restarting' };
    if (!ready) return { ...known, state: 'restarting' };
    if (silentSince === undefined) return { ...known, state: 'running' };
    return { ...known, state: 'silent', silent_seconds: Math.round(now() - silentSince) / 1000 };
  }

  return {
    start: () => {
      if (!child && !restartTimer && !stopping) start();
    },
    send,
    ask,
    stop,
    state,
    open() {
      // In the order in which they were asked.
      const [first] = pending.values();
      return first && { for: now() - first.at, limit: first.limit };
    },
  };
}
