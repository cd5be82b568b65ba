/** The end of a probe: one result, or none after cancel, whatever its callbacks do. */
import type { ProbeResult } from '../../health/types.js';
import { now } from '../clock.js';
import { type Failure, thrownFailure } from './reasons.js';
import type { Probe } from './types.js';

/** A server may put much into its answer: reasons are kept ten a check, logged, and written to the disk. */
const MAX_REASON = 300;
/** What would move the cursor of a terminal, or turn what follows around, when somebody reads the reason there. */
const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

const escaped = (one: string): string => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** The words of a server, or about one, as they may be shown. */
function presentable(words: string): string {
  const text = words.length > MAX_REASON ? `${words.slice(0, MAX_REASON)}…` : words;
  return UNPRINTABLE.test(text) ? text.replace(new RegExp(UNPRINTABLE, 'g'), escaped) : text;
}

export interface Outcome extends Probe {
  /** `share`: what the server asks for its weight (health/types.ts). */
  succeed(reason: string, share?: number): void;
  fail(failure: Failure): void;
  /** Runs a step of the probe; a refusal that it throws is the result. */
  guard(step: () => void): void;
}

/** One object a probe: thousands of them begin every second. */
class Run implements Outcome {
  private readonly startedAt = now();
  private readonly release: () => void;
  private readonly done: (result: ProbeResult) => void;
  private over = false;
  private starting = true;
  private postponed: NodeJS.Immediate | undefined;

  constructor(release: () => void, done: (result: ProbeResult) => void) {
    this.release = release;
    this.done = done;
  }

  begin(start: (outcome: Outcome) => void): void {
    try {
      start(this);
    } catch (error) {
      this.thrown(error);
    }
    this.starting = false;
  }

  succeed(reason: string, share?: number): void {
    this.settle(true, false, reason, share);
  }

  fail(failure: Failure): void {
    this.settle(false, failure.local, failure.reason, undefined);
  }

  guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.thrown(error);
    }
  }

  cancel(): void {
    clearImmediate(this.postponed);
    if (this.over) return;
    this.over = true;
    this.release();
  }

  private thrown(error: unknown): void {
    // After the end it is not the probe that failed.
    if (this.over) throw error;
    this.fail(thrownFailure(error));
  }

  private settle(ok: boolean, local: boolean, words: string, share: number | undefined): void {
    if (this.over) return;
    this.over = true;
    this.release();
    const result = { ok, local, reason: presentable(words), duration: now() - this.startedAt, share };
    if (this.starting) this.postponed = setImmediate(this.done, result);
    else this.done(result);
  }
}

/**
 * Runs `start`, the first step. `release` frees what the probe holds; it is called exactly once, before `done` or by cancel. A
 * result of the first step itself is told on the loop's next round, when the caller has the probe in hand.
 */
export function beginProbe(start: (outcome: Outcome) => void, release: () => void, done: (result: ProbeResult) => void): Outcome {
  const run = new Run(release, done);
  run.begin(start);
  return run;
}
