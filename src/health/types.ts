/** What a checker says of one (target, definition): never merged with what the administrator wants or the kernel has. */
import type { Milliseconds } from '../base/duration.js';
import type { Ip } from '../base/ip.js';
import type { Instant } from '../base/time.js';
import type { CheckConfig } from '../config/types.js';

export type Verdict = 'unknown' | 'up' | 'down';

/** One check: a definition against a target. Equal keys are one check, shared by all the real servers that name it. */
export interface CheckSpec {
  /** checkKey(check, address, port): JSON of everything that matters. */
  readonly key: string;
  readonly check: CheckConfig;
  readonly address: Ip;
  readonly port: number;
}

/** What a probe found. Every probe ends in exactly one of these, or is cancelled at its deadline. */
export interface ProbeResult {
  readonly ok: boolean;
  /** The failure is this director's own (no descriptor, no memory, a local filter): no evidence about the server. False when ok. */
  readonly local: boolean;
  /** In words: `HTTP 200`, `connection refused`, `no answer within 1s`. */
  readonly reason: string;
  readonly duration: Milliseconds;
  /** What the server asks for its weight: percent of the configured one, at most 1000; absent: nothing. */
  readonly share?: number | undefined;
}

export interface ResultRecord extends ProbeResult {
  readonly at: Instant;
}

/** A verdict with what it rests on: what survives a restart of the daemon. */
export interface Remembered {
  readonly verdict: Verdict;
  /** Since when the verdict holds. */
  readonly since: Instant;
  /** The result that decided it, in words; '' while unknown. */
  readonly reason: string;
  /** What the server asks for its weight, percent of the configured one; absent: 100. */
  readonly share?: number | undefined;
}

/** How a check begins. */
export interface Beginning {
  readonly remembered?: Remembered | undefined;
  /**
   * A server in the pool waits for this check's first decision (the check was changed or added): the first failure alone does
   * not decide, `fall` of them do. Without it one failure is enough, for a new server takes no traffic anyway.
   */
  readonly serving?: boolean;
}

/** The state of one check's machine. */
export interface HealthState extends Remembered {
  /** Consecutive results of the same kind so far, counted as far as they decide anything; results that are no evidence do not count. */
  readonly streak: { readonly ok: boolean; readonly count: number };
  /** Failures in a row that decide while the verdict is unknown. */
  readonly firstFall: number;
  /** The next beat of the schedule. While a probe runs: when the next may start, if this one has ended by then. */
  readonly nextAt: Instant;
  /** How far jitter has moved `nextAt` from the even beat. */
  readonly shift: Milliseconds;
  /** The deadline of the running probe, the latest one; NEVER: none runs. */
  readonly runsUntil: Instant;
  /** Probes started so far; also the identity of the latest. */
  readonly probes: number;
}

export type HealthEvent =
  | { readonly type: 'tick'; readonly now: Instant }
  /** The probe was held back (too many running) and starts only now: its deadline counts from here. */
  | { readonly type: 'launched'; readonly now: Instant; readonly id: number }
  | { readonly type: 'result'; readonly now: Instant; readonly id: number; readonly result: ProbeResult };

export type HealthEffect =
  /** A probe has ended, be it that it was given up; the first of the effects. */
  | { readonly type: 'ended'; readonly result: ResultRecord }
  | { readonly type: 'start'; readonly id: number }
  /** The probe is given up: the prober must end it and free what it holds. */
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'verdict'; readonly from: Verdict; readonly to: Verdict; readonly reason: string };
