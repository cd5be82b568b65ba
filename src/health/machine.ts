/**
 * The machine of one check. The interval runs from start to start and keeps its phase; the timeout is a hard deadline at which
 * the machine itself decides; rise and fall count consecutive results. What says nothing about the server (a failure of this
 * director, an answer due while the process was stopped) changes nothing.
 */
import { formatDuration, type Milliseconds } from '../base/duration.js';
import { type Instant, NEVER } from '../base/time.js';
import type { CheckTiming } from '../config/types.js';
import type {
  Beginning,
  HealthEffect,
  HealthEvent,
  HealthState,
  ProbeResult,
  Remembered,
  ResultRecord,
  Verdict,
} from './types.js';

/** A deadline noticed this late, and later than a whole timeout, was missed by us and not by the server. */
const STALL: Milliseconds = 1000;

export type Step = readonly [HealthState, readonly HealthEffect[]];
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
    latest: undefined,
  };
}

/** Whether a probe is under way; its identity is `probes`. */
export const isRunning = ({ runsUntil }: HealthState): boolean => runsUntil !== NEVER;

/** `spare`: of a state that is written anew. */
function recordOf({ ok, local, reason, duration }: ProbeResult, at: Instant, spare: ResultRecord | undefined): ResultRecord {
  if (!spare) return { ok, local, reason, duration, at };
  const record: Draft<ResultRecord> = spare;
  record.ok = ok;
  record.local = local;
  record.reason = reason;
  record.duration = duration;
  record.at = at;
  return record;
}

/**
 * The state to be changed: a copy, with a record of its own. Written out because every probe goes through here twice, and a spread costs ten
 * times as much. `spare`: a state that nobody needs any more becomes the copy. The states of thousands of checks would live just long
 * enough to be carried about by the garbage collector, at a third of what the checks cost altogether.
 */
function draftOf(state: HealthState, spare: HealthState | undefined): Draft<HealthState> {
  const { verdict, since, reason, share, streak, firstFall, nextAt, shift, runsUntil, probes } = state;
  const latest = state.latest && recordOf(state.latest, state.latest.at, spare?.latest);
  if (!spare) return { verdict, since, reason, share, streak, firstFall, nextAt, shift, runsUntil, probes, latest };
  const draft: Draft<HealthState> = spare;
  draft.verdict = verdict;
  draft.since = since;
  draft.reason = reason;
  draft.share = share;
  draft.streak = streak;
  draft.firstFall = firstFall;
  draft.nextAt = nextAt;
  draft.shift = shift;
  draft.runsUntil = runsUntil;
  draft.probes = probes;
  draft.latest = latest;
  return draft;
}

/** From one start to the next, as the verdict and the results since stand. */
function intervalOf(timing: CheckTiming, { verdict, streak }: Pick<HealthState, 'verdict' | 'streak'>): Milliseconds {
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

/** The first beat of the phase that is not before `at`. */
function firstBeat(beat: Instant, interval: Milliseconds, at: Instant): Instant {
  return beat >= at ? beat : beat + Math.ceil((at - beat) / interval) * interval;
}

/** `beat`: the one after this, still even. */
function begin(timing: CheckTiming, state: HealthState, beat: Instant, now: Instant, spare?: HealthState): Step {
  const id = state.probes + 1;
  const shift = shiftOf(timing, intervalOf(timing, state), state);
  const next = draftOf(state, spare);
  next.nextAt = beat + shift;
  next.shift = shift;
  next.runsUntil = now + timing.timeout;
  next.probes = id;
  return [next, [{ type: 'start', id }]];
}

function skipTo(state: HealthState, beat: Instant, spare: HealthState | undefined): Step {
  const next = draftOf(state, spare);
  next.nextAt = beat;
  return [next, NOTHING];
}

/** Starts the probe that is due. After a stall the missed beats are skipped, so that stopped checks do not all start at once. */
function onBeat(timing: CheckTiming, state: HealthState, now: Instant, spare?: HealthState): Step {
  if (now < state.nextAt) return [state, NOTHING];
  const interval = intervalOf(timing, state);
  const late = now - state.nextAt >= interval;
  if (late) {
    const beat = firstBeat(state.nextAt, interval, now);
    return beat > now ? skipTo(state, beat, spare) : begin(timing, state, beat + interval, now, spare);
  }
  return begin(timing, state, state.nextAt - state.shift + interval, now, spare);
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

/** Sets the next beat after a probe that ended at `endedAt`, when the verdict is set: another interval counts from that probe's start. */
function rebeat(timing: CheckTiming, before: HealthState, next: Draft<HealthState>, endedAt: Instant): void {
  const interval = intervalOf(timing, next);
  if (!isRunning(before) || intervalOf(timing, before) === interval) {
    next.nextAt = firstBeat(before.nextAt, interval, endedAt);
    return;
  }
  next.nextAt = firstBeat(before.runsUntil - timing.timeout + interval, interval, endedAt);
  next.shift = 0;
}

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
  spare: HealthState | undefined,
): Step {
  const counts = result.ok || !result.local;
  const streak = counts ? streakAfter(timing, state, result.ok) : state.streak;
  const to = counts ? decide(timing, state, streak) : state.verdict;
  const changed = to !== state.verdict;
  const next = draftOf(state, spare);
  next.verdict = to;
  if (changed) {
    next.since = now;
    next.reason = decidingReason(timing, state, result);
  }
  next.share = shareAfter(state, result);
  next.streak = streak;
  rebeat(timing, state, next, endedAt);
  next.runsUntil = NEVER;
  next.latest = recordOf(result, now, next.latest);
  return [next, changed ? [{ type: 'verdict', from: state.verdict, to, reason: next.reason }] : NOTHING];
}

const stalled = (timing: CheckTiming, { runsUntil }: HealthState, now: Instant): boolean =>
  now - runsUntil > Math.max(timing.timeout, STALL);

/** The process slept through the probe: it proves nothing and is run again at once. */
function rerun(timing: CheckTiming, state: HealthState, now: Instant): Step {
  const late = now - state.runsUntil;
  const reason = `not judged: lbd itself did not run for ${formatDuration(Math.round(late))}`;
  const latest = { ok: false, local: true, reason, duration: late + timing.timeout, at: now };
  // In phase, but not right behind this one.
  const nextAt = firstBeat(state.nextAt, timing.interval, now + timing.interval / 2);
  return begin(timing, { ...state, latest }, nextAt, now);
}

function onDeadline(timing: CheckTiming, state: HealthState, now: Instant, spare: HealthState | undefined): Step {
  if (now < state.runsUntil) return [state, NOTHING];
  const cancel: HealthEffect = { type: 'cancel', id: state.probes };
  if (stalled(timing, state, now)) {
    const [next, effects] = rerun(timing, state, now);
    return [next, [cancel, ...effects]];
  }
  const result = {
    ok: false,
    local: false,
    reason: `no answer within ${formatDuration(timing.timeout)}`,
    duration: timing.timeout,
  };
  const [judged, verdict] = judge(timing, state, result, now, state.runsUntil, spare);
  const [next, start] = onBeat(timing, judged, now);
  return [next, [cancel, ...verdict, ...start]];
}

function onResult(timing: CheckTiming, state: HealthState, event: ResultEvent, spare: HealthState | undefined): Step {
  const { id, result, now } = event;
  // The answer to a probe that was given up: its deadline has decided already.
  if (!isRunning(state) || state.probes !== id) return [state, NOTHING];
  // While the process slept the server may have closed on us: only a success still counts.
  if (!result.ok && stalled(timing, state, now)) return rerun(timing, state, now);
  return judge(timing, state, result, now, now, spare);
}

function onLaunched(timing: CheckTiming, state: HealthState, { id, now }: LaunchedEvent, spare: HealthState | undefined): Step {
  if (!isRunning(state) || state.probes !== id) return [state, NOTHING];
  const next = draftOf(state, spare);
  next.runsUntil = now + timing.timeout;
  return [next, NOTHING];
}

/**
 * One event. `timing` must be the same for the life of the machine (its check's key contains it). `spare`: a state of the machine
 * before this one, if nobody looks at it any more; the next may be written into it.
 */
export function step(timing: CheckTiming, state: HealthState, event: HealthEvent, spare?: HealthState): Step {
  switch (event.type) {
    case 'tick':
      return isRunning(state) ? onDeadline(timing, state, event.now, spare) : onBeat(timing, state, event.now, spare);
    case 'launched':
      return onLaunched(timing, state, event, spare);
    case 'result':
      return onResult(timing, state, event, spare);
  }
}
