/** Programs of the administrator's: in a group of their own that ends with them, with bounded output, as a user who may run them. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { userOf } from './users.js';

/** Bytes of output that are kept; the rest is read and thrown away, so that no program waits for a full pipe. */
const MAX_OUTPUT = 4096;
/** Between two pieces of output that nobody keeps, milliseconds: a program that pours would keep this process busy. */
const BREATH_MS = 1;
/** Descendants of a program that end with it. */
const MAX_DESCENDANTS = 256;
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** Undefined: as this process, which has no right to be anybody else. */
export type Identity = { readonly uid: number; readonly gid: number } | undefined;

function whyWritable(program: string): string | undefined {
  for (let path = program; ; path = dirname(path)) {
    const { uid, mode } = statSync(path);
    if (uid !== 0) return `${path} is not root's`;
    // In a folder such as /tmp nobody replaces the files of others.
    const guarded = path !== program && (mode & STICKY) !== 0;
    if ((mode & WRITABLE_BY_OTHERS) !== 0 && !guarded) return `others than root may write to ${path}`;
    if (path === dirname(path)) return undefined;
  }
}

/** What others may replace must not run as root: neither the file nor a link on the way to it. Undefined: nobody may. Throws when it is not there. */
export const whyUntrusted = (program: string): string | undefined => whyWritable(program) ?? whyWritable(realpathSync(program));

/** As whom a program is to run; a text says why it is not run at all. */
export function identityFor(user: string, program: string): Identity | string {
  if (process.getuid?.() !== 0) return undefined;
  const found = userOf(user);
  if (!found) return `there is no user ${user} on this director`;
  if (found.uid !== 0) return found;
  try {
    const untrusted = whyUntrusted(program);
    return untrusted === undefined ? found : `it is not run as root: ${untrusted}`;
  } catch {
    // It is not there, which running it says better.
    return found;
  }
}

/** What the process has started, and that in turn, as far as its parents live (proc_pid_task_children(5)). */
function descendantsOf(pid: number): number[] {
  const found: number[] = [];
  collect(pid, found);
  for (let i = 0; i < found.length && found.length < MAX_DESCENDANTS; i++) collect(found[i] as number, found);
  return found;
}

function collect(pid: number, found: number[]): void {
  try {
    found.push(...(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').match(/\d+/g) ?? []).map(Number));
  } catch {
    // It has ended.
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}

export interface Program {
  readonly child: ChildProcess;
  /** What it has said so far, on both streams. */
  output(): string;
  /** All that it has started, whatever they make of signals. */
  kill(): void;
  /** Nobody listens any more: what it has started may hold the pipes for ever. */
  release(): void;
}

/** Throws what spawn throws; that it cannot be run comes as the child's `error`. */
export function startProgram(
  [program = '', ...words]: readonly string[],
  identity: Identity,
  env: Readonly<Record<string, string>>,
): Program {
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe'];
  const child = spawn(program, words, { ...identity, cwd: '/', detached: true, env: { PATH, ...env }, stdio });
  let output = '';
  const keep = (stream: Readable, bytes: Buffer) => {
    if (output.length < MAX_OUTPUT) output += bytes.toString('utf8').slice(0, MAX_OUTPUT);
    else {
      stream.pause();
      setTimeout(() => stream.resume(), BREATH_MS);
    }
  };
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (bytes: Buffer) => keep(stream, bytes));
  return {
    child,
    output: () => output,
    kill() {
      const { pid, exitCode, signalCode } = child;
      if (pid === undefined) return;
      // `timeout` and `setsid` make groups of their own.
      const apart = exitCode === null && signalCode === null ? descendantsOf(pid) : [];
      for (const one of [-pid, ...apart]) end(one);
    },
    release() {
      child.stdout?.destroy();
      child.stderr?.destroy();
    },
  };
}
