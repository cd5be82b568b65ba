/**
 * Network namespaces of a test, and Node.js programs inside them (Node.js cannot change its own): a program answers calls over its
 * IPC channel, and tells events by itself.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What a caller sends to the program. */
export interface Call {
  readonly call: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** What the program sends: the answer to a call, or an event. */
export type Answer =
  | { readonly call: number; readonly value: unknown }
  | { readonly call: number; readonly error: { readonly code: unknown; readonly message: string; readonly name: string } }
  | { readonly event: unknown };

export interface Program<E> {
  /** Rejects with what the method threw: message, name and code. */
  call<T>(method: string, ...args: readonly unknown[]): Promise<T>;
  /** The first event after `from` (an index of `events`) that matches, past or future. */
  event(matches: (event: E) => boolean, from?: number): Promise<E>;
  readonly events: readonly E[];
  /** Lets the program end by itself; resolves with its exit status. */
  end(): Promise<number | null>;
  signal(name: NodeJS.Signals): void;
}

export interface Netns {
  readonly name: string;
  /** Runs a command line of plain words inside; `input` is its standard input. */
  exec(line: string, input?: string): string;
  /** Starts a compiled file inside. `wrap` are the words before node (setpriv …). */
  start<E>(file: URL, wrap?: readonly string[]): Program<E>;
  /** Ends the programs too. */
  destroy(): void;
}

const LIMIT = 20_000;
let made = 0;

/** `name`: of one that was there before. */
export function makeNetns(label: string, name = `${label}-${process.pid}-${++made}`): Netns {
  const children = new Set<ChildProcess>();
  execFileSync('ip', ['netns', 'add', name]);
  const inside = (words: readonly string[]): string[] => ['netns', 'exec', name, ...words];
  const exec = (line: string, input = '') =>
    execFileSync('ip', inside(line.trim().split(/\s+/)), { encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'pipe'] });
  exec('ip link set lo up');
  return {
    name,
    exec,
    start(file, wrap = []) {
      const child = spawnIn(name, file, wrap);
      children.add(child);
      return program(child);
    },
    destroy() {
      for (const child of children) child.kill('SIGKILL');
      execFileSync('ip', ['netns', 'del', name]);
    },
  };
}

function spawnIn(name: string, file: URL, wrap: readonly string[]): ChildProcess {
  const words = ['netns', 'exec', name, ...wrap, process.execPath, fileURLToPath(file)];
  return spawn('ip', words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' });
}

/** As Netns.start, in a namespace that somebody else made; whoever calls ends it. */
export function startIn<E>(name: string, file: URL): Program<E> {
  return program(spawnIn(name, file, []));
}

interface Waiting {
  readonly settle: (answer: Answer) => void;
  readonly fail: (error: Error) => void;
}

function program<E>(child: ChildProcess): Program<E> {
  const events: E[] = [];
  const calls = new Map<number, Waiting>();
  const watchers = new Set<() => void>();
  let last = 0;
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  void ended.then((status) => {
    for (const { fail } of calls.values()) fail(new Error(`the program ended with status ${status}`));
    calls.clear();
  });
  child.on('message', (message: Answer) => {
    if ('event' in message) {
      events.push(message.event as E);
      for (const look of [...watchers]) look();
    } else {
      calls.get(message.call)?.settle(message);
      calls.delete(message.call);
    }
  });
  return {
    events,
    call: <T>(method: string, ...args: readonly unknown[]) =>
      new Promise<T>((resolve, reject) => {
        const call = ++last;
        const settle = (answer: Answer) => {
          if ('value' in answer) resolve(answer.value as T);
          else if ('error' in answer) reject(Object.assign(new Error(answer.error.message), answer.error));
        };
        calls.set(call, { settle, fail: reject });
        child.send({ call, method, args } satisfies Call);
      }),
    event: (matches, from = 0) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          watchers.delete(look);
          reject(new Error(`no such event within ${LIMIT} ms; seen: ${JSON.stringify(events.slice(from))}`));
        }, LIMIT);
        const look = () => {
          const found = events.slice(from).find(matches);
          if (found === undefined) return;
          clearTimeout(timer);
          watchers.delete(look);
          resolve(found);
        };
        watchers.add(look);
        look();
      }),
    end() {
      if (child.connected) child.disconnect();
      return ended;
    },
    signal: (name) => void child.kill(name),
  };
}

/** The program's side: serves methods until the channel closes. */
export function serve(methods: Readonly<Record<string, (...args: never[]) => unknown>>): (event: unknown) => void {
  const send = (answer: Answer) => process.connected && process.send?.(answer);
  process.on('message', async ({ call, method, args }: Call) => {
    try {
      send({ call, value: await (methods[method] as (...given: readonly unknown[]) => unknown)(...args) });
    } catch (thrown) {
      const { code, message, name } = thrown as NodeJS.ErrnoException;
      send({ call, error: { code, message, name } });
    }
  });
  return (event) => void send({ event });
}
