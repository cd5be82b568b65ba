/**
 * Witnesses, where they are asked for: silence is believed only when somebody else on the link answers. A director whose own cable is
 * half dead hears nobody, and must not take that for the death of a master. Who resigns with priority 0 needs no witness.
 */
import type { Milliseconds } from '../base/duration.js';
import { type Instant, NEVER } from '../base/time.js';
import type { VrrpInstanceConfig } from '../config/types.js';
import { note } from './moves.js';
import { masterDown, reckonedInterval } from './timers.js';
import type { Step, VrrpState } from './types.js';

/** So many intervals before the wait for the master ends they are asked, so that nothing is lost by asking; one advert is missing then. */
const AHEAD = 1.5;
/** Shares of an interval between two questions. */
const QUESTIONS = 4;
const LEAST_GAP: Milliseconds = 5;
const LONGEST_GAP: Milliseconds = 1000;

type Conf = VrrpInstanceConfig;

const intervalOf = (conf: Conf, state: VrrpState): Milliseconds => reckonedInterval(conf, state.masterInterval);

export const questionGap = (conf: Conf, state: VrrpState): Milliseconds =>
  Math.min(LONGEST_GAP, Math.max(LEAST_GAP, intervalOf(conf, state) / QUESTIONS));

/** From when on witnesses are to be asked; NEVER while nothing depends on them. */
export function askFrom(conf: Conf, state: VrrpState): Instant {
  if (conf.witness === undefined || state.phase !== 'backup' || state.peer?.priority === 0) return NEVER;
  return state.heldBack ? -NEVER : state.downAt - AHEAD * intervalOf(conf, state);
}

/** Nobody has answered since about the time that the last advert came. */
export const needsWitness = (conf: Conf, state: VrrpState, now: Instant): boolean =>
  conf.witness !== undefined && state.peer?.priority !== 0 && now - state.witnessAt > masterDown(conf, state.masterInterval);

/** Stays backup, and asks on. */
export function holdBack(conf: Conf, state: VrrpState, now: Instant): Step {
  const whom = conf.witness === 'gateway' ? 'the default gateway' : (conf.witness ?? []).join(', ');
  const reason = `no master is heard, and no witness answers on ${conf.interface} (${whom}): this director may be the one that is cut off`;
  const next = { ...state, heldBack: true, reason, downAt: now + intervalOf(conf, state) };
  return note(next, now, 'no-witness', `does not take over: ${reason}`);
}

/** Who was held back may have been cut off, and heard nobody for that reason: from now on silence means something again. */
export function onWitness(conf: Conf, state: VrrpState, now: Instant): VrrpState {
  if (state.phase !== 'backup') return state;
  const known = { ...state, witnessAt: now };
  if (!state.heldBack) return known;
  const reason = 'a witness answers again: listens for a master';
  return { ...known, heldBack: false, reason, downAt: now + masterDown(conf, state.masterInterval) };
}
