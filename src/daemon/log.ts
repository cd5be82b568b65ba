/** The log of core: JSON lines on standard error, written synchronously so that the last words before a death are there. */
import { writeSync } from 'node:fs';
import pino from 'pino';
import { native } from '../os/native.js';
import type { LogLevel } from './messages.js';

export interface Log {
  write(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
  setLevel(level: LogLevel): void;
}

const POLLOUT = 4;
/** PIPE_BUF: what a pipe takes without blocking once poll(2) calls it writable. */
const PIECE = 4096;
/** How long a reader that is only slow is waited for; one that is stuck is not waited for again. */
const PATIENCE_MS = 100;

/** write(2) that does not block: whoever reads a standard error that is a pipe may be stuck (a journal, a terminal, a test). */
export function createWriter(fd: number): (text: Uint8Array) => number {
  let stuck = false;
  return (text) => {
    stuck = native.wait(fd, POLLOUT, stuck ? 0 : PATIENCE_MS) === 0;
    if (stuck) throw new Error('nobody reads them');
    return writeSync(fd, text.subarray(0, PIECE));
  };
}

/**
 * Where the lines go. A log that cannot be written (a full disk, a reader that went away or is stuck) is no reason to stop: the lines
 * are lost, and the next that can be written is preceded by one that says how many.
 */
function createDestination(write: (text: Uint8Array) => number): { write(line: string): void } {
  let lost = 0;
  let why = '';
  /** The last line was written in part. */
  let torn = false;
  const put = (line: string): void => {
    let rest: Uint8Array = Buffer.from(torn ? `\n${line}` : line);
    while (rest.length > 0) {
      rest = rest.subarray(write(rest));
      torn = rest.length > 0;
    }
  };
  const confess = (): void => {
    if (lost === 0) return;
    const msg = `${lost} log lines could not be written: ${why}`;
    put(`${JSON.stringify({ level: 'warn', time: new Date().toISOString(), pid: process.pid, msg })}\n`);
    lost = 0;
  };
  return {
    write(line) {
      try {
        confess();
        put(line);
      } catch (error) {
        lost++;
        why = (error as Error).message;
      }
    },
  };
}

export function createLog(level: LogLevel = 'info', write: (text: Uint8Array) => number = createWriter(2)): Log {
  const options = {
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const logger = pino(options, createDestination(write));
  return {
    write: (at, message, fields) => logger[at](fields ?? {}, message),
    setLevel: (next) => {
      logger.level = next;
    },
  };
}
