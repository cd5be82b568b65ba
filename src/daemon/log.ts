/** The log of core: JSON lines on standard error, written synchronously so that the last words before a death are there. */
import pino from 'pino';
import type { LogLevel } from './messages.js';

export interface Log {
  write(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
  setLevel(level: LogLevel): void;
}

export function createLog(level: LogLevel = 'info'): Log {
  const options = {
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const logger = pino(options, pino.destination({ dest: 2, sync: true }));
  return {
    write: (at, message, fields) => logger[at](fields ?? {}, message),
    setLevel: (next) => {
      logger.level = next;
    },
  };
}
