/**
 * The side of a child process that faces core: messages, log and events over the IPC channel, never a blocking write. A child that
 * loses core goes on alone (onOrphan), and says its last words on standard error, best effort.
 */
import { write } from 'node:fs';
import type { ApiEventChange } from '../control/api.js';
import type { LogLevel } from './messages.js';

/** Messages that core has not taken yet; beyond this, log lines are dropped and counted: a stuck core must not fill our memory. */
const BACKLOG = 2000;

export interface ChildLink<Command> {
  send(message: object): void;
  log(level: LogLevel, msg: string, fields?: Readonly<Record<string, unknown>>): void;
  event(kind: string, subject: string, text: string, change?: ApiEventChange): void;
  onCommand(handler: (command: Command) => void): void;
  onOrphan(handler: () => void): void;
}

export function linkToCore<Command>(): ChildLink<Command> {
  let waiting = 0;
  let dropped = 0;
  const send = (message: object): void => {
    if (!process.connected || !process.send) return;
    waiting++;
    process.send(message, undefined, undefined, () => {
      waiting--;
    });
  };
  const log = (level: LogLevel, msg: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    if (!process.connected) return write(2, `${JSON.stringify({ level, pid: process.pid, ...fields, msg })}\n`, () => {});
    if (waiting > BACKLOG) {
      dropped++;
      return;
    }
    if (dropped > 0) send({ type: 'log', level: 'warn', msg: `${dropped} log lines were dropped: core did not take them` });
    dropped = 0;
    send({ type: 'log', level, msg, fields });
  };
  // Core orders the stop. A terminal's Ctrl-C reaches the whole group, and must not end a child before it has handed over.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  return {
    send,
    log,
    event: (kind, subject, text, change) =>
      process.connected ? send({ type: 'event', kind, subject, text, change }) : log('info', text, { kind, subject }),
    onCommand: (handler) => void process.on('message', (message) => handler(message as Command)),
    onOrphan: (handler) => void process.once('disconnect', handler),
  };
}
