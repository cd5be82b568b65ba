/** The moves between phases, each with all that goes with it: timers, addresses, announcements. machine.ts decides which. */
import type { Milliseconds } from '../base/duration.js';
import { type Instant, NEVER } from '../base/time.js';
import type { VrrpInstanceConfig } from '../config/types.js';
import { announceNow } from './announcing.js';
import { claimable } from './held.js';
import { longestSkew, masterDown } from './timers.js';
import type { NoteKind, Peer, Phase, Step, VrrpEffect, VrrpState } from './types.js';

/** How long the old holder serves on after the new master's first advert: some masters advertise before they add the addresses. */
export const OVERLAP: Milliseconds = 100;
/** What an ordered stop waits for a new master beyond the time the protocol gives it. */
const PATIENCE: Milliseconds = 1000;
const NOTE_EVERY: Milliseconds = 60_000;

export const NONE: readonly VrrpEffect[] = [];
export const stay = (state: VrrpState): Step => [state, NONE];

/** One step after another, their effects in order. */
export function then(first: Step, next: (state: VrrpState) => Step): Step {
  const [state, effects] = next(first[0]);
  return [state, first[1].length === 0 ? effects : [...first[1], ...effects]];
}

export function note(state: VrrpState, now: Instant, kind: NoteKind, text: string): Step {
  const last = state.notes[kind];
  if (last !== undefined && now - last < NOTE_EVERY) return stay(state);
  return [{ ...state, notes: { ...state.notes, [kind]: now } }, [{ type: 'note', kind, text }]];
}

const transition = (state: VrrpState, to: Phase, reason: string): VrrpEffect => ({
  type: 'transition',
  from: state.phase,
  to,
  reason,
});

/** An advert now; the timer is left alone. */
export const sendAdvert = (conf: VrrpInstanceConfig, state: VrrpState, now: Instant): Step => [
  { ...state, lastSent: now },
  [{ type: 'advert', priority: conf.priority }],
];

/** An advert now, and the next one an interval later. */
export const restartAdverts = (conf: VrrpInstanceConfig, state: VrrpState, now: Instant): Step =>
  sendAdvert(conf, { ...state, advertAt: now + conf.advertInterval, listenUntil: NEVER }, now);

/** No timer of any phase runs, nobody is watched for; what is held stays. */
const idle = (state: VrrpState): VrrpState => ({
  ...state,
  heldBack: false,
  synced: false,
  downAt: NEVER,
  preemptAt: NEVER,
  advertAt: NEVER,
  listenUntil: NEVER,
  handover: undefined,
  announcing: undefined,
});

const unwatch = (state: VrrpState): readonly VrrpEffect[] => (state.handover ? [{ type: 'watch', on: false }] : NONE);

export function enter(state: VrrpState, phase: Phase, now: Instant, reason: string): VrrpState {
  const ableSince = state.phase === 'init' || state.phase === 'fault' ? now : state.ableSince;
  return { ...idle(state), phase, since: now, ableSince, reason };
}

/**
 * To Active (RFC 9568 section 6.4.1 and 6.4.2). The addresses are there before the advert goes out: who hears it may send packets at
 * once, and an old master that serves on drops its own. They are announced before it, too: an old master that drops them with the
 * advert is asked for nothing any more.
 */
export function takeOver(conf: VrrpInstanceConfig, state: VrrpState, now: Instant, reason: string): Step {
  const next = {
    ...enter(state, 'master', now, reason),
    ran: true,
    peer: undefined,
    holding: conf.addresses,
    standDown: undefined,
  };
  const effects: VrrpEffect[] = [
    ...unwatch(state),
    transition(state, 'master', reason),
    { type: 'addresses', want: conf.addresses },
  ];
  const announced = then([next, effects], (one) => announceNow(conf, one, now));
  return then(announced, (one) => restartAdverts(conf, one, now));
}

/** To Backup from where nothing is held: a full Active_Down_Interval of listening. */
export function listen(conf: VrrpInstanceConfig, state: VrrpState, now: Instant, reason: string): Step {
  const masterInterval = conf.advertInterval;
  const downAt = now + masterDown(conf, masterInterval);
  const next = { ...enter(state, 'backup', now, reason), peer: undefined, masterInterval, downAt };
  return [next, [transition(state, 'backup', reason)]];
}

/**
 * From Active to Backup because of a stronger master (RFC 9568 section 6.4.3). The addresses stay until it has announced them, at
 * most `overlap`, so that no packet meets a director without them.
 */
export function giveWay(
  conf: VrrpInstanceConfig,
  state: VrrpState,
  now: Instant,
  to: { readonly peer: Peer; readonly interval: Milliseconds; readonly reason: string; readonly overlap: Milliseconds },
): Step {
  const handover = { until: now + to.overlap, unclaimed: claimable(conf, state.holding) };
  const masterInterval = to.interval;
  const downAt = now + masterDown(conf, masterInterval);
  const next = { ...enter(state, 'backup', now, to.reason), peer: to.peer, masterInterval, downAt, handover };
  const told: Step = [next, [transition(state, 'backup', to.reason), { type: 'watch', on: true }]];
  return to.overlap === 0 ? then(told, (one) => release(one, now)) : told;
}

/** The hand-over is over: the addresses go without a word, for the new master's announcements are to be the last. */
export function release(state: VrrpState, now: Instant): Step {
  const effects: VrrpEffect[] = [
    { type: 'addresses', want: [] },
    { type: 'watch', on: false },
  ];
  const next: VrrpState = { ...state, holding: [], handover: undefined };
  return then([next, effects], (one) => (one.phase === 'leaving' ? finish(one, now, one.reason) : stay(one)));
}

function finish(state: VrrpState, now: Instant, reason: string): Step {
  return [enter(state, 'stopped', now, reason), [transition(state, 'stopped', reason), { type: 'stopped' }]];
}

/** To INIT or FAULT: this host cannot or may not serve. A master says so with priority 0 and drops its addresses at once. */
export function retreat(state: VrrpState, now: Instant, phase: 'init' | 'fault', reason: string): Step {
  if (state.phase === phase) return stay({ ...state, reason });
  const effects: VrrpEffect[] = [...unwatch(state)];
  if (state.phase === 'master') effects.push({ type: 'advert', priority: 0 });
  // Without addresses there may be routes.
  if (state.phase === 'master' || state.handover || state.holding.length > 0) effects.push({ type: 'addresses', want: [] });
  effects.push(transition(state, phase, reason));
  return [{ ...enter(state, phase, now, reason), peer: undefined, holding: [] }, effects];
}

/** Until no new master can be expected any more. */
export const longestWait = (conf: VrrpInstanceConfig): Milliseconds => longestSkew(conf) + conf.advertInterval + PATIENCE;

/** Priority 0, said twice because one may be lost; the addresses stay. */
export function resign(state: VrrpState, to: Phase, reason: string): VrrpEffect[] {
  const advert: VrrpEffect = { type: 'advert', priority: 0 };
  return [{ type: 'watch', on: true }, advert, advert, transition(state, to, reason)];
}

/**
 * A master that may not be one any more, while its network is there: it resigns with priority 0 and serves on until a new one has taken
 * over or none can be expected any more.
 */
export function handOver(
  conf: VrrpInstanceConfig,
  state: VrrpState,
  now: Instant,
  phase: 'backup' | 'fault',
  reason: string,
): Step {
  const handover = { until: now + longestWait(conf), unclaimed: claimable(conf, state.holding) };
  const masterInterval = conf.advertInterval;
  const downAt = phase === 'backup' ? now + masterDown(conf, masterInterval) : NEVER;
  const next = { ...enter(state, phase, now, reason), peer: undefined, masterInterval, downAt, handover };
  return [next, resign(state, phase, reason)];
}

/**
 * Ordered stop (RFC 9568 section 6.4: Shutdown). A master resigns, and serves on until a new one has taken over or none can be expected
 * any more.
 */
export function leave(conf: VrrpInstanceConfig, state: VrrpState, now: Instant): Step {
  const reason = 'ordered stop';
  if (state.phase === 'master') {
    const until = now + longestWait(conf);
    const handover = { until, unclaimed: claimable(conf, state.holding) };
    return [{ ...enter(state, 'leaving', now, reason), peer: undefined, handover }, resign(state, 'leaving', reason)];
  }
  if (!state.handover) return finish(state, now, reason);
  const handover = { ...state.handover, until: Math.min(state.handover.until, now + longestWait(conf)) };
  return [{ ...enter(state, 'leaving', now, reason), handover }, [transition(state, 'leaving', reason)]];
}

/** Nothing more to wait for: what is held goes, and the instance ends. */
export function abandon(state: VrrpState, now: Instant, reason: string): Step {
  const ended = { ...state, reason };
  return state.handover ? release(ended, now) : finish(ended, now, reason);
}
