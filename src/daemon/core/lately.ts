/** What `status` says of the past: when the configuration was read, and what changed lately. */
import { statSync } from 'node:fs';
import type { ApiEvent, ApiStatus } from '../../control/api.js';
import { utc, wallClock } from '../../os/clock.js';
import type { EventLog } from './events.js';

const RECENT = 5;
/** Follow from what is told anyway, or are many. */
const LESS = new Set(['table', 'setting', 'weight', 'track']);

/** BOUNDED: what is among the newest so many. */
const AMONG = 500;

export const recentOf = (events: EventLog): readonly ApiEvent[] =>
  events.after({ since: 0, limit: RECENT, matches: ({ kind }) => !LESS.has(kind), among: AMONG });

/** Its file has another time of change than before the reading: with includes, those are not looked at. */
function isStale(file: string, at: string): boolean {
  try {
    return statSync(file).mtimeMs > Date.parse(at);
  } catch {
    return true;
  }
}

export function loadedOf({ file, events }: { readonly file: string; readonly events: EventLog }): ApiStatus['loaded'] {
  const { at, kind, cause = '' } = events.loaded() ?? { at: wallClock(), kind: 'start' };
  const since = Math.max(0, Math.round((utc() - Date.parse(at)) / 1000));
  return { since_seconds: since, by: kind === 'start' ? kind : cause, stale: isStale(file, at) };
}
