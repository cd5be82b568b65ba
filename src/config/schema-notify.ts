/** Programs that are told of the state of a VRRP instance. */
import * as v from 'valibot';
import { choice, duration, list, mapping, text } from './schema-tools.js';

const LONGEST = 3_600_000;
export const HOOK_STATES = ['master', 'backup', 'fault', 'stopped'] as const;

/** An absolute path and its words. */
export const command = v.pipe(
  list('command', text('a word of the command')),
  v.minLength(1, 'command is empty: give the program and its words'),
  v.check(
    ([program = '']) => program.startsWith('/'),
    (issue) => `the program of a command is an absolute path, not "${(issue.input as readonly string[])[0]}"`,
  ),
  v.check((words) => words.every((word) => !word.includes('\0')), 'a word of a command holds no NUL'),
);

export const notifyProgram = mapping('a program to notify', {
  command,
  states: v.optional(
    v.pipe(list('states', choice('state', HOOK_STATES)), v.minLength(1, 'states is empty: leave it out for all of them')),
  ),
  timeout: v.optional(duration('timeout', 100, LONGEST), '60s'),
  user: v.optional(text('user'), 'root'),
});
