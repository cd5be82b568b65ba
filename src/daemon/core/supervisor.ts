/** Keeps one child process alive: started, configured, asked, restarted with back-off, stopped in order. */
import { type ChildProcess, spawn } from 'node:child_process';
import { now } from '../../os/clock.js';
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
}

export interface Supervisor {
  start(): void;
  /** To a child that is not ready nothing is sent: `configure` is called when it is. */
  send(message: object): void;
  /** Asks the child; rejects when it does not answer in time or is not there. */
  ask(query: object, limitMs?: number): Promise<Record<string, unknown>>;
  /** Sends `how`, waits for the end; kills after the limit. */
  stop(how: 'stop' | 'exit', limitMs: number): Promise<void>;
  state(): { pid: number | null; state: 'running' | 'restarting' | 'not needed'; restarts: number };
}

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
        if (waiting) fail(id, waiting, `the ${options.role} process did not answer within ${limitMs / 1000}s`);
      }, limitMs);
      pending.set(id, { resolve, reject, timer });
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

  const describe = () => (child ? (ready ? 'running' : 'restarting') : startedAt === 0 ? 'not needed' : 'restarting');
  return {
    start: () => {
      if (!child && !restartTimer && !stopping) start();
    },
    send,
    ask,
    stop,
    state: () => ({ pid: child?.pid ?? null, state: describe(), restarts }),
  };
}
