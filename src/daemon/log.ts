/** The log of core: JSON lines on standard error, written synchronously so that the last words before a death are there. */
import { writeSync } from 'node:fs';
import pino from 'pino';
import type { LogLevel } from './messages.js';

export interface Log {
  write(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
  setLevel(level: LogLevel): void;
}

/**
 * Where the lines go. A log that cannot be written (a full disk, a reader that went away or is stuck) is no reason to stop: the lines
 * are lost, and the next that can be written is preceded by one that says how many.
 */
function createDestination(write: (text: Uint8Array) => number): { write(line: string): void } {
  let lost = 0;
  let why = '';
  const put = (line: string): void => {
    let rest: Uint8Array = Buffer.from(line);
    while (rest.length > 0) rest = rest.subarray(write(rest));
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

export function createLog(level: LogLevel = 'info', write: (text: Uint8Array) => number = (text) => writeSync(2, text)): Log {
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
