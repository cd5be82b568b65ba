/**
 * The machine of one check. The interval runs from start to start and keeps its phase; the timeout is a hard deadline at which
 * the machine itself decides; rise and fall count consecutive results. What says nothing about the server (a failure of this
 * director, an answer due while the process was stopped) changes nothing.
 */
import { formatDuration, type Milliseconds } from '../base/duration.js';
import { type Instant, NEVER } from '../base/time.js';
import type { CheckTiming } from '../config/types.js';
import type { Beginning, HealthEffect, HealthEvent, HealthState, ProbeResult, Remembered, Verdict } from './types.js';

/** A deadline noticed this late, and later than a whole timeout, was missed by us and not by the server. */
const STALL: Milliseconds = 1000;

export type Step = readonly [HealthState, readonly HealthEffect[]];
/** Of a probe that has ended. */
type Ending = readonly [HealthState, readonly [HealthEffect, ...HealthEffect[]]];
/** What is being written. */
type Draft<T> = { -readonly [K in keyof T]: T[K] };
type ResultEvent = Extract<HealthEvent, { type: 'result' }>;
type LaunchedEvent = Extract<HealthEvent, { type: 'launched' }>;

const NOTHING: readonly HealthEffect[] = [];

/** The state before the first probe, which is due `offset` after `now` (see startOffset). */
export function initial(timing: CheckTiming, now: Instant, offset: Milliseconds, beginning: Beginning = {}): HealthState {
  const { verdict, since, reason, share }: Remembered = beginning.remembered ?? { verdict: 'unknown', since: now, reason: '' };
  return {
    verdict,
    since,
    reason,
    share,
    streak: { ok: verdict === 'up', count: 0 },
    firstFall: beginning.serving ? timing.fall : 1,
    nextAt: now + offset,
    shift: 0,
    runsUntil: NEVER,
    probes: 0,
  };
}

/** Whether a probe is under way; its identity is `probes`. */
export const isRunning = ({ runsUntil }: HealthState): boolean => runsUntil !== NEVER;

/**
 * The state to be changed: a copy, or itself. Whoever checks thousands has it changed in place: each probe goes through here twice, and the
 * memory that one state after the other touches costs more than all that is done with it.
 */
const draftOf = (state: HealthState, inPlace: boolean): Draft<HealthState> => (inPlace ? state : { ...state });

function ended({ ok, local, reason, duration }: ProbeResult, at: Instant): HealthEffect {
  return { type: 'ended', result: { ok, local, reason, duration, at } };
}

/** From one start to the next, as the verdict and the results since stand. */
function intervalOf(timing: CheckTiming, verdict: Verdict, streak: HealthState['streak']): Milliseconds {
  const settled = verdict === 'down' ? (timing.intervalDown ?? timing.interval) : timing.interval;
  const changing = verdict === 'unknown' || (streak.count > 0 && streak.ok !== (verdict === 'up'));
  return changing ? (timing.intervalChanging ?? settled) : settled;
}

/**
 * Moves a beat by up to `jitter` percent of the interval, so that probes of many directors and servers do not beat in step. A mixture of
 * what differs from check to check and from beat to beat is random enough (the finalizer of MurmurHash3).
 */
function shiftOf(timing: CheckTiming, interval: Milliseconds, { probes, nextAt }: HealthState): Milliseconds {
  if (!timing.jitter) return 0;
  let mixed = (Math.floor(nextAt * 1000) ^ Math.imul(probes + 1, 0x9e3779b1)) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  const unit = ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 31 - 1;
  return (unit * interval * timing.jitter) / 100;
}

/** When the machine wants its next tick. */
export const deadline = (state: HealthState): Instant => (isRunning(state) ? state.runsUntil : state.nextAt);

/** The next beat is now. `inPlace` as of `step`. */
export function hasten(state: HealthState, now: Instant, inPlace = false): HealthState {
  const next = draftOf(state, inPlace);
  next.nextAt = now;
  return next;
}

/** The first beat of the phase that is not before `at`. */
function firstBeat(beat: Instant, interval: Milliseconds, at: Instant): Instant {
  return beat >= at ? beat : beat + Math.ceil((at - beat) / interval) * interval;
}

/** `beat`: the one after this, still even. */
function begin(timing: CheckTiming, state: HealthState, beat: Instant, now: Instant, inPlace: boolean): Step {
  const id = state.probes + 1;
  const shift = shiftOf(timing, intervalOf(timing, state.verdict, state.streak), state);
  const next = draftOf(state, inPlace);
  next.nextAt = beat + shift;
  next.shift = shift;
  next.runsUntil = now + timing.timeout;
  next.probes = id;
  return [next, [{ type: 'start', id }]];
}

function skipTo(state: HealthState, beat: Instant, inPlace: boolean): Step {
  const next = draftOf(state, inPlace);
  next.nextAt = beat;
  return [next, NOTHING];
}

/** Starts the probe that is due. After a stall the missed beats are skipped, so that stopped checks do not all start at once. */
function onBeat(timing: CheckTiming, state: HealthState, now: Instant, inPlace: boolean): Step {
  if (now < state.nextAt) return [state, NOTHING];
  const interval = intervalOf(timing, state.verdict, state.streak);
  const late = now - state.nextAt >= interval;
  if (late) {
    const beat = firstBeat(state.nextAt, interval, now);
    return beat > now ? skipTo(state, beat, inPlace) : begin(timing, state, beat + interval, now, inPlace);
  }
  return begin(timing, state, state.nextAt - state.shift + interval, now, inPlace);
}

function decide(timing: CheckTiming, state: HealthState, streak: HealthState['streak']): Verdict {
  if (streak.ok) return streak.count >= timing.rise ? 'up' : state.verdict;
  const needed = state.verdict === 'unknown' ? state.firstFall : timing.fall;
  return streak.count >= needed ? 'down' : state.verdict;
}

function decidingReason(timing: CheckTiming, state: HealthState, result: ProbeResult): string {
  if (!result.ok && state.verdict === 'unknown' && state.firstFall === 1) return `${result.reason} (first result)`;
  const needed = result.ok ? timing.rise : timing.fall;
  return needed === 1 ? result.reason : `${result.reason} (${needed} of ${needed} ${result.ok ? 'successes' : 'failures'})`;
}

/** Whether the beats after a probe are counted from its start, as its result has made the interval another one. */
const isRebeaten = (timing: CheckTiming, before: HealthState, interval: Milliseconds): boolean =>
  isRunning(before) && intervalOf(timing, before.verdict, before.streak) !== interval;

/** A streak that is long enough for every decision stays as it is: most results are one more of the same. */
function streakAfter(timing: CheckTiming, { streak, firstFall }: HealthState, ok: boolean): HealthState['streak'] {
  if (streak.ok !== ok) return { ok, count: 1 };
  return streak.count >= Math.max(timing.rise, timing.fall, firstFall) ? streak : { ok, count: streak.count + 1 };
}

/** The latest success says what the server asks for its weight; a failure says nothing of it. */
const shareAfter = (state: HealthState, { ok, share }: ProbeResult): number | undefined => (ok ? share : state.share);

/** Takes one result into account; `endedAt` is when the probe was over, from which the next beat is sought. */
function judge(
  timing: CheckTiming,
  state: HealthState,
  result: ProbeResult,
  now: Instant,
  endedAt: Instant,
  inPlace: boolean,
): Ending {
  const counts = result.ok || !result.local;
  const streak = counts ? streakAfter(timing, state, result.ok) : state.streak;
  const from = state.verdict;
  const to = counts ? decide(timing, state, streak) : from;
  const reason = to === from ? state.reason : decidingReason(timing, state, result);
  const share = shareAfter(state, result);
  const interval = intervalOf(timing, to, streak);
  const rebeaten = isRebeaten(timing, state, interval);
  const beat = rebeaten ? state.runsUntil - timing.timeout + interval : state.nextAt;
  const next = draftOf(state, inPlace);
  if (to !== from) next.since = now;
  next.verdict = to;
  next.reason = reason;
  next.share = share;
  next.streak = streak;
  next.nextAt = firstBeat(beat, interval, endedAt);
  if (rebeaten) next.shift = 0;
  next.runsUntil = NEVER;
  const end = ended(result, now);
  return [next, to === from ? [end] : [end, { type: 'verdict', from, to, reason }]];
}

const stalled = (timing: CheckTiming, { runsUntil }: HealthState, now: Instant): boolean =>
  now - runsUntil > Math.max(timing.timeout, STALL);

/** The process slept through the probe: it proves nothing and is run again at once. */
function rerun(timing: CheckTiming, state: HealthState, now: Instant, inPlace: boolean): Ending {
  const late = now - state.runsUntil;
  const reason = `not judged: lbd itself did not run for ${formatDuration(Math.round(late))}`;
  const end = ended({ ok: false, local: true, reason, duration: late + timing.timeout }, now);
  // In phase, but not right behind this one.
  const nextAt = firstBeat(state.nextAt, timing.interval, now + timing.interval / 2);
  const [next, effects] = begin(timing, state, nextAt, now, inPlace);
  return [next, [end, ...effects]];
}

function onDeadline(timing: CheckTiming, state: HealthState, now: Instant, inPlace: boolean): Step {
  if (now < state.runsUntil) return [state, NOTHING];
  const cancel: HealthEffect = { type: 'cancel', id: state.probes };
  if (stalled(timing, state, now)) {
    const [next, [end, ...effects]] = rerun(timing, state, now, inPlace);
    return [next, [end, cancel, ...effects]];
  }
  const result = {
    ok: false,
    local: false,
    reason: `no answer within ${formatDuration(timing.timeout)}`,
    duration: timing.timeout,
  };
  const [judged, [end, ...verdict]] = judge(timing, state, result, now, state.runsUntil, inPlace);
  const [next, start] = onBeat(timing, judged, now, inPlace);
  return [next, [end, cancel, ...verdict, ...start]];
}

function onResult(timing: CheckTiming, state: HealthState, event: ResultEvent, inPlace: boolean): Step {
  const { id, result, now } = event;
  // The answer to a probe that was given up: its deadline has decided already.
  if (!isRunning(state) || state.probes !== id) return [state, NOTHING];
  // While the process slept the server may have closed on us: only a success still counts.
  if (!result.ok && stalled(timing, state, now)) return rerun(timing, state, now, inPlace);
  return judge(timing, state, result, now, now, inPlace);
}

function onLaunched(timing: CheckTiming, state: HealthState, { id, now }: LaunchedEvent, inPlace: boolean): Step {
  if (!isRunning(state) || state.probes !== id) return [state, NOTHING];
  const next = draftOf(state, inPlace);
  next.runsUntil = now + timing.timeout;
  return [next, NOTHING];
}

/**
 * One event. `timing` must be the same for the life of the machine (its check's key contains it). `inPlace`: the state given is of no use any
 * more, and may be what the next is written into.
 */
export function step(timing: CheckTiming, state: HealthState, event: HealthEvent, inPlace = false): Step {
  switch (event.type) {
    case 'tick':
      return isRunning(state) ? onDeadline(timing, state, event.now, inPlace) : onBeat(timing, state, event.now, inPlace);
    case 'launched':
      return onLaunched(timing, state, event, inPlace);
    case 'result':
      return onResult(timing, state, event, inPlace);
  }
}
