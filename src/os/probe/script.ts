/** The script checker: status 0 is a success, and where it is asked for the others say a weight. The program runs as a user without rights, in a group of its own that ends with the probe. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import type { ScriptProbe } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import { inNetns } from '../netns.js';
import { userOf } from '../users.js';
import { excerpt } from './expectation.js';
import { beginProbe, type Outcome } from './outcome.js';
import { local, remote } from './reasons.js';
import type { Probe, Target } from './types.js';

/** Bytes of output that are kept; the rest is read and thrown away, so that no program waits for a full pipe. */
const MAX_OUTPUT = 4096;
const NOT_EXECUTABLE = ['ENOENT', 'EACCES', 'ENOEXEC', 'ENOTDIR'];

/** All that the program has started, whatever it made of its signals. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}

/** 2 and above say a weight, as keepalived's misc_dynamic has it: here percent of the configured one. */
const FIRST_WEIGHT = 2;

function judge(probe: ScriptProbe, code: number | null, signal: string | null, output: string, outcome: Outcome): void {
  const line = output.trim().split('\n')[0] ?? '';
  const said = line === '' ? '' : `: ${excerpt(line)}`;
  if (code === 0) outcome.succeed(`exit status 0${said}`);
  else if (code !== null && code >= FIRST_WEIGHT && probe.weight)
    outcome.succeed(`says ${code - FIRST_WEIGHT}% (exit status ${code})${said}`, code - FIRST_WEIGHT);
  else outcome.fail(remote(`${code === null ? `ended by ${signal}` : `exit status ${code}`}${said}`));
}

function launch(probe: ScriptProbe, target: Target | undefined, outcome: Outcome): ChildProcess | undefined {
  const root = process.getuid?.() === 0;
  const user = root ? userOf(probe.user) : undefined;
  if (root && !user) {
    outcome.fail(local(`there is no user ${probe.user} on this director`));
    return undefined;
  }
  const [program = '', ...args] = probe.command;
  const options = {
    ...user,
    cwd: '/',
    detached: true,
    env: {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      ...(target ? { LBD_ADDRESS: target.address, LBD_PORT: String(target.port) } : {}),
    },
    stdio: ['ignore', 'pipe', 'pipe'] satisfies StdioOptions,
  };
  // The child is in the namespace in which it was made.
  const child = inNetns(probe.netns, () => spawn(program, args, options));
  let output = '';
  const keep = (bytes: Buffer) => {
    if (output.length < MAX_OUTPUT) output += bytes.toString('utf8').slice(0, MAX_OUTPUT);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  child.on('error', (error: NodeJS.ErrnoException) => {
    const text = `${program} cannot be run: ${error.code ?? error.message}`;
    outcome.fail(NOT_EXECUTABLE.includes(error.code ?? '') ? local(`${text} on this director (as ${probe.user})`) : local(text));
  });
  child.on('exit', (code, signal) => setImmediate(judge, probe, code, signal, output, outcome));
  return child;
}

/** `target` undefined: it is about no real server. */
export function startScript(probe: ScriptProbe, target: Target | undefined, done: (result: ProbeResult) => void): Probe {
  let child: ChildProcess | undefined;
  const start = (outcome: Outcome) => {
    child = launch(probe, target, outcome);
  };
  const release = () => {
    if (!child) return;
    killGroup(child);
    child.stdout?.destroy();
    child.stderr?.destroy();
  };
  return beginProbe(start, release, done);
}
