/** The program lbctl: the process around the function. */
import { isatty } from 'node:tty';
import { lbctl } from './lbctl.js';

/** A reader that went away (`lbctl list | head`) is no error; anything else (a full disk) is. */
function onOutputLost(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
  process.stderr.write(`lbctl: cannot write the output: ${error.message}\n`);
  process.exit(1);
}

/** Resolves when there is room for more. */
function print(text: string): void | Promise<void> {
  if (!process.stdout.write(text)) return new Promise((resolve) => process.stdout.once('drain', resolve));
}

/** As it is at each look: people make their windows larger. */
const TERMINAL = {
  get columns() {
    return process.stdout.columns || 80;
  },
  get rows() {
    return process.stdout.rows || 24;
  },
};

/** The second Ctrl-C ends whatever goes on. */
function interrupted(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  return controller.signal;
}

function keys(onKey: (key: string) => void): () => void {
  const { stdin } = process;
  const take = (chunk: Buffer) => [...chunk.toString()].forEach(onKey);
  stdin.setRawMode(true);
  stdin.on('data', take);
  return () => {
    stdin.off('data', take);
    stdin.setRawMode(false);
    stdin.pause();
  };
}

export function main(argv: readonly string[]): void {
  process.stdout.on('error', onOutputLost);
  // Nobody to tell it to; the exit status still counts.
  process.stderr.on('error', () => {});
  const io = {
    out: print,
    err: (text: string) => void process.stderr.write(text),
    env: process.env,
    terminal: process.stdout.isTTY ? TERMINAL : undefined,
    interrupted,
    // To ask process.stdin would open it, and make a pipe non-blocking that `plan -` reads.
    ...(isatty(0) ? { keys } : {}),
    progress: process.stderr.isTTY ? { columns: process.stderr.columns || 80 } : undefined,
  };
  lbctl(argv, io).then(
    (status) => {
      process.exitCode = status;
    },
    (error: unknown) => {
      process.stderr.write(`lbctl: this is a bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      process.exitCode = 1;
    },
  );
}
