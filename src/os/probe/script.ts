/** The script checker: status 0 is a success, and where it is asked for the others say a weight. The program runs as a user without rights, in a group of its own that ends with the probe. */
import { existsSync } from 'node:fs';
import type { ScriptProbe } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import { inNetns } from '../netns.js';
import { identityFor, type Program, startProgram } from '../program.js';
import { excerpt } from './expectation.js';
import { beginProbe, type Outcome } from './outcome.js';
import { local, remote } from './reasons.js';
import type { Probe, Target } from './types.js';

const NOT_EXECUTABLE = ['ENOENT', 'EACCES', 'ENOEXEC', 'ENOTDIR'];

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

/** What somebody may look for who sees the file there. */
function hintOf(code: string, file: string): string {
  if (code === 'ENOENT' && existsSync(file)) return ': it is there, but the interpreter of its first line is not';
  return code === 'EACCES' ? ': it is not executable, or it or a folder on the way is closed to that user' : '';
}

function launch(probe: ScriptProbe, target: Target | undefined, outcome: Outcome): Program | undefined {
  const [file = ''] = probe.command;
  const identity = identityFor(probe.user, file);
  if (typeof identity === 'string') {
    outcome.fail(local(identity));
    return undefined;
  }
  const env: Record<string, string> = target ? { LBD_ADDRESS: target.address, LBD_PORT: String(target.port) } : {};
  // The child is in the namespace in which it was made.
  const program = inNetns(probe.netns, () => startProgram(probe.command, identity, env));
  program.child.on('error', (error: NodeJS.ErrnoException) => {
    const text = `${file} cannot be run: ${error.code ?? error.message}`;
    outcome.fail(
      NOT_EXECUTABLE.includes(error.code ?? '')
        ? local(`${text} on this director (as ${probe.user})${hintOf(error.code ?? '', file)}`)
        : local(text),
    );
  });
  program.child.on('exit', (code, signal) => setImmediate(judge, probe, code, signal, program.output(), outcome));
  return program;
}

/** `target` undefined: it is about no real server. */
export function startScript(probe: ScriptProbe, target: Target | undefined, done: (result: ProbeResult) => void): Probe {
  let program: Program | undefined;
  const start = (outcome: Outcome) => {
    program = launch(probe, target, outcome);
  };
  const release = () => {
    program?.kill();
    program?.release();
  };
  return beginProbe(start, release, done);
}
