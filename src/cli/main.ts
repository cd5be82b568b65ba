/** The program lbctl: the process around the function. */
import { lbctl } from './lbctl.js';

/** A reader that went away (`lbctl list | head`) is no error. */
function quietPipe(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
    throw error;
  });
}

export function main(argv: readonly string[]): void {
  quietPipe(process.stdout);
  quietPipe(process.stderr);
  const io = {
    out: (text: string) => void process.stdout.write(text),
    err: (text: string) => void process.stderr.write(text),
    env: process.env,
    terminal: process.stdout.isTTY ? { columns: process.stdout.columns || 80 } : undefined,
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
