/** The end of a probe: one result, or none after cancel, whatever its callbacks do. */
import type { ProbeResult } from '../../health/types.js';
import { now } from '../clock.js';
import { type Failure, thrownFailure } from './reasons.js';
import type { Probe } from './types.js';

/** A server may put much into its answer: reasons are kept ten a check, logged, and written to the disk. */
const MAX_REASON = 300;

export interface Outcome extends Probe {
  /** `share`: what the server asks for its weight (health/types.ts). */
  succeed(reason: string, share?: number): void;
  fail(failure: Failure): void;
  /** Runs a step of the probe; a refusal that it throws is the result. */
  guard(step: () => void): void;
}

/**
 * Runs `start`, the first step. `release` frees what the probe holds; it is called exactly once, before `done` or by cancel. A
 * result of the first step itself is told on the loop's next round, when the caller has the probe in hand.
 */
export function beginProbe(start: (outcome: Outcome) => void, release: () => void, done: (result: ProbeResult) => void): Outcome {
  const startedAt = now();
  let over = false;
  let starting = true;
  let postponed: NodeJS.Immediate | undefined;
  const settle = (ok: boolean, { local, reason: words }: Failure, share?: number) => {
    if (over) return;
    over = true;
    release();
    const reason = words.length > MAX_REASON ? `${words.slice(0, MAX_REASON)}…` : words;
    const result = { ok, local, reason, duration: now() - startedAt, ...(share === undefined ? {} : { share }) };
    if (starting) postponed = setImmediate(done, result);
    else done(result);
  };
  const outcome: Outcome = {
    succeed: (reason, share) => settle(true, { local: false, reason }, share),
    fail: (failure) => settle(false, failure),
    guard(step) {
      try {
        step();
      } catch (error) {
        // After the end it is not the probe that failed.
        if (over) throw error;
        settle(false, thrownFailure(error));
      }
    },
    cancel() {
      clearImmediate(postponed);
      if (over) return;
      over = true;
      release();
    },
  };
  outcome.guard(() => start(outcome));
  starting = false;
  return outcome;
}
