/** What `status` says of the past: when the configuration was read, and what changed lately. */
import { statSync } from 'node:fs';
import type { ApiEvent, ApiStatus } from '../../control/api.js';
import type { FileState } from '../../intent/revisions.js';
import { utc, wallClock } from '../../os/clock.js';
import { hashOnDisk } from './config-text.js';
import type { EventLog } from './events.js';

const RECENT = 5;
/** Follow from what is told anyway, or are many. */
const LESS = new Set(['table', 'setting', 'weight', 'track']);

/** BOUNDED: what is among the newest so many. */
const AMONG = 500;

export const recentOf = (events: EventLog): readonly ApiEvent[] =>
  events.after({ since: 0, limit: RECENT, matches: ({ kind }) => !LESS.has(kind), among: AMONG });

/** It was written after the reading, and holds something else than what is in force; a file that is included later is not looked at. */
function isStale({ file, hash }: FileState, at: string): boolean {
  try {
    return statSync(file).mtimeMs > Date.parse(at) && hashOnDisk(file) !== hash;
  } catch {
    return true;
  }
}

interface Loading {
  /** What is in force came from. */
  readonly files: readonly FileState[];
  readonly events: EventLog;
}

export function loadedOf({ files, events }: Loading): ApiStatus['loaded'] {
  const { at, kind, cause = '' } = events.loaded() ?? { at: wallClock(), kind: 'start' };
  const since = Math.max(0, Math.round((utc() - Date.parse(at)) / 1000));
  return { since_seconds: since, by: kind === 'start' ? kind : cause, stale: files.some((one) => isStale(one, at)) };
}
