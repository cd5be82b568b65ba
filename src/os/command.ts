/** Runs a program of the administrator's: bounded in time and output, in a group of its own that ends with it. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { userOf } from './users.js';

export interface Command {
  /** An absolute path and its words. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  /** Milliseconds; then the whole group is killed. */
  readonly timeout: number;
}

/** `undefined`: status 0. Else one sentence. */
export type Failure = string | undefined;

/** Bytes that are kept; the rest is read and thrown away, so that no program waits for a full pipe. */
const MAX_OUTPUT = 4096;
const SHOWN = 200;
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** What others may replace must not run as root; undefined: nobody may. */
export function whyUntrusted(program: string): string | undefined {
  for (let path = program; ; path = dirname(path)) {
    const { uid, mode } = statSync(path);
    if (uid !== 0) return `${path} is not root's`;
    // In a folder such as /tmp nobody replaces the files of others.
    const guarded = path !== program && (mode & STICKY) !== 0;
    if ((mode & WRITABLE_BY_OTHERS) !== 0 && !guarded) return `others than root may write to ${path}`;
    if (path === dirname(path)) return undefined;
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}

function identity(user: string, program: string): { uid: number; gid: number } | undefined | string {
  if (process.getuid?.() !== 0) return undefined;
  const found = userOf(user);
  if (!found) return `there is no user ${user}`;
  const untrusted = found.uid === 0 ? whyUntrusted(program) : undefined;
  return untrusted === undefined ? found : `it is not run as root: ${untrusted}`;
}

/** Never rejects. */
export async function runCommand({ argv, env, user, timeout }: Command): Promise<Failure> {
  const [program = '', ...words] = argv;
  try {
    const who = identity(user, program);
    if (typeof who === 'string') return who;
    const stdio: StdioOptions = ['ignore', 'pipe', 'pipe'];
    const child = spawn(program, words, { ...who, cwd: '/', detached: true, env: { PATH, ...env }, stdio });
    return await ending(child, timeout);
  } catch (error) {
    return `it cannot be run: ${(error as Error).message}`;
  }
}

function ending(child: ChildProcess, timeout: number): Promise<Failure> {
  return new Promise((resolve) => {
    let output = '';
    const keep = (bytes: Buffer) => {
      if (output.length < MAX_OUTPUT) output += bytes.toString('utf8').slice(0, MAX_OUTPUT);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      killGroup(child);
    }, timeout);
    const end = (failure: Failure) => {
      clearTimeout(timer);
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve(failure);
    };
    child.once('error', (error) => end(`it cannot be run: ${error.message}`));
    // Not `close`: what it has started may hold the pipes for ever.
    child.once('exit', (code, signal) => {
      const said = output.trim() === '' ? '' : `: ${(output.trim().split('\n')[0] as string).slice(0, SHOWN)}`;
      if (late) end(`it did not end within ${timeout / 1000}s and was killed`);
      else if (code === 0) end(undefined);
      else end(`${code === null ? `ended by ${signal}` : `exit status ${code}`}${said}`);
    });
  });
}
