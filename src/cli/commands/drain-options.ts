/** Options that every drain has. */
import * as words from '../words.js';
import { given, optional } from './kit.js';

/** `--deadline 10m`, `--deadline never`, `--sticky honour`. */
export function drainOptions(deadline: unknown, sticky: unknown) {
  const time = optional(deadline, words.readDeadline);
  return given({
    deadline: time === 'never' ? undefined : time,
    no_deadline: time === 'never' ? true : undefined,
    sticky: optional(sticky, words.readSticky),
  });
}

export const STICKY_HELP = 'honour: persistent clients keep coming; break: they go to others; default: break';
