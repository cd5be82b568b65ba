/**
 * A planned switch-over. The master resigns with priority 0 and serves on until another one is there; then it is a backup that does not
 * take the office back from a lower one, until that one fails, the time is over, or it is told to. Is nobody there, it is master again:
 * the addresses have been with it all the time.
 */
import { type Instant, NEVER } from '../base/time.js';
import type { VrrpInstanceConfig } from '../config/types.js';
import { claimable } from './held.js';
import { enter, longestWait, resign } from './moves.js';
import { preempts } from './timers.js';
import type { Step, VrrpState } from './types.js';

/** Of a master; others have nothing to give. */
export function standDown(conf: VrrpInstanceConfig, state: VrrpState, now: Instant, until: Instant): Step {
  const reason = 'ordered failover: waits for another master';
  const next: VrrpState = {
    ...enter(state, 'backup', now, reason),
    peer: undefined,
    masterInterval: conf.advertInterval,
    downAt: now + longestWait(conf),
    // It ends with the other one's first advert, or when this one is master again.
    handover: { until: NEVER, unclaimed: claimable(conf, state.holding) },
    standDown: { until },
  };
  return [next, resign(state, 'backup', reason)];
}

/** Takes the office from a lower master; not while it stands down. */
export const takesBack = (conf: VrrpInstanceConfig, state: VrrpState, now: Instant): boolean =>
  preempts(conf) && !(state.standDown && now < state.standDown.until);
