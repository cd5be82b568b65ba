/**
 * What an instance tracks as a value: each thing's state with its delays, and what all of them together mean for the priority. Nothing here
 * finds anything out: readings come from the network's own view and from who watches (daemon/check/watcher.ts).
 */
import { formatDuration, type Milliseconds } from '../base/duration.js';
import { earliest, type Instant, NEVER } from '../base/time.js';
import { trackedKey } from '../base/tracked.js';
import type { TrackedConfig } from '../config/types.js';
import type { Hindrance } from './types.js';

/** What is known of a thing now. */
export interface Reading {
  /** Of a process how many run, of a file the number in it, else 1 or 0. */
  readonly value: number;
  /** In words: `exit status 1`, `2 run`, `has no carrier`. */
  readonly text: string;
}

/** By trackedKey; undefined: nothing is known, or no more. */
export type Readings = (tracked: TrackedConfig) => Reading | undefined;

/** `unknown`: there was no reading yet, and it is waited for. */
export type TrackedState = 'up' | 'down' | 'unknown';

export interface TrackedItem {
  readonly state: TrackedState;
  readonly since: Instant;
  /** Of the latest reading. */
  readonly text: string;
  readonly value: number;
  /** A change that has not lasted as long as it must. */
  readonly coming: { readonly state: 'up' | 'down'; readonly at: Instant } | undefined;
  /** What it counts as while it is unknown; `none`: nothing changes by it. */
  readonly assumed: 'up' | 'down' | 'none';
  /** How long it may be unknown; then it is down. */
  readonly waitUntil: Instant;
}

/** By trackedKey. */
export type TrackState = ReadonlyMap<string, TrackedItem>;

export const NOTHING_TRACKED: TrackState = new Map();

/** How long a first reading is waited for: as the gate at a start. */
const FIRST: Milliseconds = 10_000;
const STRONGEST = 254;
const OWNER = 255;
/** So low a number from a file is a failure whatever the priority. */
const FILE_FAULT = -254;

/** Whether the reading is what should be. */
function isUp({ kind, weight, count }: TrackedConfig, { value }: Reading): boolean {
  if (kind === 'file') return weight === 0 ? value === 0 : value * weight > FILE_FAULT;
  return value >= count;
}

/** `beginning`: the instance itself begins, and what is not known yet is taken to be as it was. */
function fresh({ init }: TrackedConfig, now: Instant, beginning: boolean): TrackedItem {
  const assumed = init === 'wait' ? (beginning ? 'up' : 'none') : init;
  return { state: 'unknown', since: now, text: 'no result yet', value: 0, coming: undefined, assumed, waitUntil: now + FIRST };
}

function withoutReading(before: TrackedItem, now: Instant): TrackedItem {
  if (before.state !== 'unknown') {
    const text = 'nothing is heard of it any more';
    return before.text === text ? before : { ...before, state: 'down', since: now, text, value: 0, coming: undefined };
  }
  if (now < before.waitUntil) return before;
  return { ...before, state: 'down', since: now, text: `no result within ${formatDuration(FIRST)}` };
}

/** A first reading counts at once, a change when it has lasted for its delay. */
function withReading(tracked: TrackedConfig, before: TrackedItem, reading: Reading, now: Instant): TrackedItem {
  const state = isUp(tracked, reading) ? 'up' : 'down';
  const { text, value } = reading;
  const heard = before.text === text && before.value === value ? before : { ...before, text, value };
  if (before.state === state) return heard.coming ? { ...heard, coming: undefined } : heard;
  const delay = before.state === 'unknown' ? 0 : state === 'up' ? tracked.upDelay : tracked.downDelay;
  const at = before.coming?.state === state ? before.coming.at : now + delay;
  if (now >= at) return { ...heard, state, since: now, coming: undefined };
  return before.coming?.state === state ? heard : { ...heard, coming: { state, at } };
}

/** The next state. What is tracked no more is forgotten; `before` itself when nothing is other. */
export function observe(
  track: readonly TrackedConfig[],
  before: TrackState,
  readings: Readings,
  now: Instant,
  beginning = false,
): TrackState {
  const next = new Map<string, TrackedItem>();
  for (const tracked of track) {
    const key = trackedKey(tracked);
    const known = before.get(key) ?? fresh(tracked, now, beginning);
    const reading = readings(tracked);
    next.set(key, reading ? withReading(tracked, known, reading, now) : withoutReading(known, now));
  }
  const same = next.size === before.size && [...next].every(([key, item]) => before.get(key) === item);
  return same ? before : next;
}

/** When the time alone makes another state. */
export function trackDeadline(state: TrackState): Instant {
  let at = NEVER;
  for (const item of state.values())
    at = earliest(at, item.coming?.at ?? NEVER, item.state === 'unknown' ? item.waitUntil : NEVER);
  return at;
}

/** What it counts as. */
const standing = ({ state, assumed }: TrackedItem): 'up' | 'down' | 'none' => (state === 'unknown' ? assumed : state);

/** What it adds to the priority. */
export function shareOf({ kind, weight }: TrackedConfig, item: TrackedItem): number {
  if (weight === 0) return 0;
  if (kind === 'file') return item.value * weight;
  const counts = weight > 0 ? 'up' : 'down';
  return standing(item) === counts ? weight : 0;
}

/** Whether it alone is FAULT: what is down without a weight, or a file whose number is below every priority. */
export const isFault = ({ kind, weight }: TrackedConfig, item: TrackedItem): boolean =>
  weight === 0 ? standing(item) === 'down' : kind === 'file' && item.value * weight <= FILE_FAULT;

/** `script chk_nginx is down: exit status 1` */
export function describeTracked(tracked: TrackedConfig, { state, text }: TrackedItem): string {
  const key = trackedKey(tracked);
  if (tracked.kind === 'file') return `${key}: ${text}`;
  return `${key} is ${state}: ${text}`;
}

export interface TrackVerdict {
  /** 1..255. */
  readonly priority: number;
  /** `init`: what has no reading yet is waited for, by who is not at work yet. */
  readonly hindrance: Hindrance | undefined;
}

/** What all things together mean for an instance of that priority. An owner's is never another. */
export function trackVerdict(base: number, track: readonly TrackedConfig[], state: TrackState): TrackVerdict {
  const all = track.flatMap((tracked) => {
    const item = state.get(trackedKey(tracked));
    return item ? [{ tracked, item }] : [];
  });
  const sum = all.reduce((total, { tracked, item }) => total + shareOf(tracked, item), base);
  const priority = base === OWNER ? OWNER : Math.min(STRONGEST, Math.max(1, Math.round(sum)));
  const fault = all.find(({ tracked, item }) => isFault(tracked, item));
  if (fault) return { priority, hindrance: { phase: 'fault', reason: describeTracked(fault.tracked, fault.item) } };
  const waits = all.find(({ tracked, item }) => item.state === 'unknown' && tracked.init === 'wait');
  if (!waits) return { priority, hindrance: undefined };
  return { priority, hindrance: { phase: 'init', reason: `waits for the first result of ${trackedKey(waits.tracked)}` } };
}
