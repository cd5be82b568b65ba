/**
 * Witnesses, where they are asked for: silence is believed only when somebody else on the link answers. A director whose own cable is
 * half dead hears nobody, and must not take that for the death of a master. Who resigns with priority 0 needs no witness.
 *
 * Where none is named the default gateway is one at the beginning alone: a switch passes nothing on for half a minute after a link has come
 * up, and silence says nothing until something was heard.
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
const LEAST_GAP_AT_START: Milliseconds = 100;
/** Twice the Forward Delay of IEEE 802.1D (listening, learning), and some: a gateway that is silent for longer is dead. */
const DEAF: Milliseconds = 35_000;

type Conf = VrrpInstanceConfig;

const intervalOf = (conf: Conf, state: VrrpState): Milliseconds => reckonedInterval(conf, state.masterInterval);

/** Nothing was heard since this director could take part, which is not long ago. */
const isDeaf = (conf: Conf, { witnessAt, peer, ableSince }: VrrpState, now: Instant): boolean =>
  conf.witness === undefined && Math.max(witnessAt, peer?.heardAt ?? -NEVER) < ableSince && now - ableSince < DEAF;

export const questionGap = (conf: Conf, state: VrrpState): Milliseconds =>
  Math.min(
    LONGEST_GAP,
    Math.max(conf.witness === undefined ? LEAST_GAP_AT_START : LEAST_GAP, intervalOf(conf, state) / QUESTIONS),
  );

/** From when on witnesses are to be asked; NEVER while nothing depends on them. */
export function askFrom(conf: Conf, state: VrrpState, now: Instant): Instant {
  if (state.phase !== 'backup' || state.peer?.priority === 0) return NEVER;
  if (conf.witness === undefined) return isDeaf(conf, state, now) ? -NEVER : NEVER;
  return state.heldBack ? -NEVER : state.downAt - AHEAD * intervalOf(conf, state);
}

/** Nobody has answered since about the time that the last advert came; or ever, of a gateway that was asked. */
export function needsWitness(conf: Conf, state: VrrpState, now: Instant): boolean {
  if (conf.witness === undefined) return state.asked && isDeaf(conf, state, now);
  return state.peer?.priority !== 0 && now - state.witnessAt > masterDown(conf, state.masterInterval);
}

function whyHeldBack({ witness, interface: name }: Conf): string {
  if (witness === undefined)
    return `nothing was heard on ${name} since it is up, and the default gateway does not answer: perhaps the switch does not forward yet`;
  const whom = witness === 'gateway' ? 'the default gateway' : witness.join(', ');
  return `no master is heard, and no witness answers on ${name} (${whom}): this director may be the one that is cut off`;
}

/** Stays backup, and asks on. */
export function holdBack(conf: Conf, state: VrrpState, now: Instant): Step {
  const reason = whyHeldBack(conf);
  const next = { ...state, heldBack: true, reason, downAt: now + intervalOf(conf, state) };
  return note(next, now, 'no-witness', `does not take over: ${reason}`);
}

/** Who was held back, or was deaf until now, has heard nobody for that reason: from now on silence means something. */
export function onWitness(conf: Conf, state: VrrpState, now: Instant): VrrpState {
  if (state.phase !== 'backup') return state;
  const known = { ...state, witnessAt: now };
  const downAt = now + masterDown(conf, state.masterInterval);
  if (!state.heldBack) return isDeaf(conf, state, now) ? { ...known, downAt: Math.max(state.downAt, downAt) } : known;
  const who = conf.witness === undefined ? 'the default gateway answers' : 'a witness answers again';
  return { ...known, heldBack: false, reason: `${who}: listens for a master`, downAt };
}
