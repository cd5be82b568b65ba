/** Commands and long-running programs of the lab, all of them ended when the scenario ends. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Runs a command line of plain words; throws with what it printed. */
export function run(line: string): string {
  const [program, ...words] = line.trim().split(/\s+/);
  return execFileSync(program as string, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** As run, but a failure is no matter (undoing what may not be there). */
export function tryRun(line: string): string | undefined {
  try {
    return run(line);
  } catch {
    return undefined;
  }
}

export interface Program {
  readonly child: ChildProcess;
  /** Everything it printed so far, both streams. BOUNDED: the last 2,000 lines. */
  readonly lines: string[];
  onLine(listener: (line: string) => void): void;
  /** Resolves with the first line, past or future, that matches. */
  line(pattern: RegExp, timeoutMs?: number): Promise<string>;
  signal(name: NodeJS.Signals): void;
  ended: Promise<number | null>;
  /** SIGKILL and wait. */
  kill(): Promise<void>;
}

const KEEP_LINES = 2000;

/** Starts a program in a network namespace (undefined: this one). Environment is inherited. */
export function start(netns: string | undefined, argv: readonly string[]): Program {
  const words = netns ? ['ip', 'netns', 'exec', netns, ...argv] : [...argv];
  const child = spawn(words[0] as string, words.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const listeners = new Set<(line: string) => void>();
  const take = (line: string) => {
    lines.push(line);
    if (lines.length > KEEP_LINES) lines.shift();
    for (const listener of [...listeners]) listener(line);
  };
  if (child.stdout) createInterface({ input: child.stdout }).on('line', take);
  if (child.stderr) createInterface({ input: child.stderr }).on('line', take);
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', (error) => {
      take(`cannot start: ${error.message}`);
      resolve(null);
    });
    child.once('exit', (code) => resolve(code));
  });
  return {
    child,
    lines,
    ended,
    onLine: (listener) => void listeners.add(listener),
    line: (pattern, timeoutMs = 60_000) => waitForLine(lines, listeners, pattern, timeoutMs, words.join(' ')),
    signal: (name) => void child.kill(name),
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function waitForLine(
  lines: string[],
  listeners: Set<(line: string) => void>,
  pattern: RegExp,
  timeoutMs: number,
  what: string,
): Promise<string> {
  const present = lines.find((line) => pattern.test(line));
  if (present !== undefined) return Promise.resolve(present);
  return new Promise((resolve, reject) => {
    const listener = (line: string) => {
      if (!pattern.test(line)) return;
      done();
      resolve(line);
    };
    const timer = setTimeout(() => {
      done();
      reject(new Error(`${what}: no line like ${pattern} within ${timeoutMs} ms; last lines:\n${lines.slice(-15).join('\n')}`));
    }, timeoutMs);
    const done = () => {
      clearTimeout(timer);
      listeners.delete(listener);
    };
    listeners.add(listener);
  });
}

/** A look is work too, for the lab's machine above all: the longer it takes, the rarer they are. Milliseconds between two of them. */
const LOOK = { first: 20, longest: 250, growth: 1.4 };

/** Waits until `probe` gives something other than undefined or false. For conditions outside our processes. */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (let pause = LOOK.first; ; pause = Math.min(LOOK.longest, pause * LOOK.growth)) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
