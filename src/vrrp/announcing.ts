/** When a master announces its addresses: bursts after everything that may have made a neighbour's view wrong, then a slow refresh. */
import { ANNOUNCEMENTS, type Announcements } from '../base/announcements.js';
import type { Milliseconds } from '../base/duration.js';
import { type Instant, NEVER } from '../base/time.js';
import type { VrrpInstanceConfig } from '../config/types.js';
import type { Announcing, Step, VrrpEffect, VrrpState } from './types.js';

type Conf = Pick<VrrpInstanceConfig, 'announcements'>;

/** The first distance between the rounds of a burst doubles (a link that has just come up may swallow the first ones), up to the last. */
const FIRST_GAP: Milliseconds = 50;
const LONGEST_GAP: Milliseconds = 1000;
/** Least time between bursts that other hosts can cause. */
const CALM: Milliseconds = 1000;

export const announcementsOf = (conf: Conf): Announcements => conf.announcements ?? ANNOUNCEMENTS;

/** `rounds`, the first of them now. */
function burst(conf: Conf, now: Instant, rounds: number, againAt: Instant, again: number): Announcing {
  const { refresh } = announcementsOf(conf);
  return {
    left: rounds - 1,
    gap: FIRST_GAP,
    nextAt: rounds > 1 ? now + FIRST_GAP : NEVER,
    again,
    againAt,
    refreshAt: refresh > 0 ? now + refresh : NEVER,
  };
}

const announceAll = (state: VrrpState): VrrpEffect => ({ type: 'announce', addresses: state.holding.map((one) => one.address) });

function bursts(conf: Conf, state: VrrpState, now: Instant, repeat: number, delay: Milliseconds): Step {
  if (state.holding.length === 0) return [{ ...state, announcing: undefined }, []];
  const announcing = burst(conf, now, repeat, delay > 0 ? now + delay : NEVER, repeat);
  return [{ ...state, announcing, calmUntil: now + CALM }, [announceAll(state)]];
}

/** Both bursts from the start, whatever runs of them. */
export function announceNow(conf: Conf, state: VrrpState, now: Instant): Step {
  const { repeat, delay } = announcementsOf(conf);
  return bursts(conf, state, now, repeat, delay);
}

/** The same where other hosts cause it: not more often than once in CALM. */
export function announceAgain(conf: Conf, state: VrrpState, now: Instant): Step {
  const { repeat, delay } = announcementsOf(conf).otherMaster;
  return now < state.calmUntil || repeat === 0 ? [state, []] : bursts(conf, state, now, repeat, delay);
}

/** The round that is due. */
export function announceDue(conf: Conf, state: VrrpState, now: Instant): Step {
  const { announcing } = state;
  if (!announcing) return [state, []];
  const { left, gap, nextAt, again, againAt, refreshAt } = announcing;
  const round = (next: Announcing): Step => [{ ...state, announcing: next }, [announceAll(state)]];
  if (now >= againAt) return round(burst(conf, now, again, NEVER, again));
  if (now >= nextAt) {
    const longer = Math.min(LONGEST_GAP, 2 * gap);
    return round({ ...announcing, left: left - 1, gap: longer, nextAt: left > 1 ? now + longer : NEVER });
  }
  if (now < refreshAt) return [state, []];
  return round({ ...burst(conf, now, announcementsOf(conf).refreshRepeat, againAt, again) });
}

/** A changed schedule holds from now on; what runs of the old one runs on. */
export function rescheduled(conf: Conf, state: VrrpState, now: Instant, before: Conf): VrrpState {
  const { refresh } = announcementsOf(conf);
  if (!state.announcing || refresh === announcementsOf(before).refresh) return state;
  return { ...state, announcing: { ...state.announcing, refreshAt: refresh > 0 ? now + refresh : NEVER } };
}
