/** The words of `events`: from when on, and of which kinds. */
import { parseDuration } from '../base/duration.js';
import { didYouMean } from '../base/suggest.js';
import { EVENT_KINDS } from '../control/event-filter.js';
import type { EventWords } from './commands/kit.js';
import { UsageError } from './words.js';

const DAY_MS = 86_400_000;
const TIME = /^\d{1,2}:\d\d(:\d\d)?$/;
const DATE = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:\d\d)?)?$/;

/** The last time that it was that late; of no day otherwise. UTC, as events are told. */
function fromClock(word: string, now: number): number {
  const today = new Date(now).toISOString().slice(0, 10);
  const at = Date.parse(`${today}T${word.replace(/^\d:/, '0$&')}Z`);
  return at > now ? at - DAY_MS : at;
}

function fromDate([, day = '', time = '00:00', zone = 'Z']: RegExpExecArray): number {
  const at = Date.parse(`${day}T${time}${zone}`);
  // The 30th of February would be the 2nd of March.
  return new Date(Date.parse(`${day}T00:00Z`) || 0).toISOString().startsWith(day) ? at : Number.NaN;
}

function momentOf(word: string, now: number): number | undefined {
  const ms = parseDuration(word);
  if (ms !== undefined) return now - ms;
  const date = DATE.exec(word);
  return date ? fromDate(date) : TIME.test(word) ? fromClock(word, now) : undefined;
}

/** A number of an event, how long ago, or when. Without a zone it is UTC, as events are told. */
export function readSince(word: string): Pick<EventWords, 'since' | 'since_time'> {
  if (/^\d{1,15}$/.test(word)) return { since: Number(word) };
  const at = momentOf(word, Date.now());
  if (at === undefined || Number.isNaN(at) || Math.abs(at) > 8.64e15)
    throw new UsageError(`"${word}" is no event's number and no time: write 1234, 10m, 10:30 or 2026-11-28T10:00`);
  return { since_time: new Date(at).toISOString() };
}

export function readKinds(word: string): string {
  const kinds = word.split(',').map((one) => one.trim());
  const known: readonly string[] = EVENT_KINDS;
  for (const kind of kinds)
    if (!known.includes(kind))
      throw new UsageError(`there are no events of the kind "${kind}"${didYouMean(kind, known)}: there is ${known.join(', ')}`);
  return kinds.join(',');
}
