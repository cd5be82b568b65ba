/** Runs a program of the administrator's to its end, or to the end of its time. */
import { identityFor, type Program, startProgram } from './program.js';

export interface Command {
  /** An absolute path and its words. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  /** Milliseconds; then all that it has started is killed. */
  readonly timeout: number;
}

/** `undefined`: status 0. Else one sentence. */
export type Failure = string | undefined;

const SHOWN = 200;

/** Never rejects. */
export async function runCommand({ argv, env, user, timeout }: Command): Promise<Failure> {
  try {
    const identity = identityFor(user, argv[0] ?? '');
    if (typeof identity === 'string') return identity;
    return await ending(startProgram(argv, identity, env), timeout);
  } catch (error) {
    return `it cannot be run: ${(error as Error).message}`;
  }
}

function ending({ child, output, kill, release }: Program, timeout: number): Promise<Failure> {
  return new Promise((resolve) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      kill();
    }, timeout);
    const end = (failure: Failure) => {
      clearTimeout(timer);
      release();
      resolve(failure);
    };
    child.once('error', (error) => end(`it cannot be run: ${error.message}`));
    // Not `close`: what it has started may hold the pipes.
    child.once('exit', (code, signal) => {
      const said = output().trim() === '' ? '' : `: ${(output().trim().split('\n')[0] as string).slice(0, SHOWN)}`;
      if (late) end(`it did not end within ${timeout / 1000}s and was killed`);
      else if (code === 0) end(undefined);
      else end(`${code === null ? `ended by ${signal}` : `exit status ${code}`}${said}`);
    });
  });
}
