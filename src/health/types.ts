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

/** What a probe found. Every probe ends in exactly one of these, by its deadline. */
export interface ProbeResult {
  readonly ok: boolean;
  /** In words: `HTTP 200`, `connection refused`, `no answer within 1s`. */
  readonly reason: string;
  readonly duration: Milliseconds;
}

export interface ResultRecord extends ProbeResult {
  readonly at: Instant;
}

/** The state of one check's machine. */
export interface HealthState {
  readonly verdict: Verdict;
  /** Since when the verdict holds. */
  readonly since: Instant;
  /** Consecutive results of the same kind so far. */
  readonly streak: { readonly ok: boolean; readonly count: number };
  /** When the next probe starts; NEVER while one runs. */
  readonly nextAt: Instant;
  /** The running probe's identity and deadline. */
  readonly running: { readonly id: number; readonly deadline: Instant } | undefined;
  readonly probes: number;
  /** Newest first, at most 10. */
  readonly history: readonly ResultRecord[];
}

export type HealthEvent =
  | { readonly type: 'tick'; readonly now: Instant }
  | { readonly type: 'result'; readonly now: Instant; readonly id: number; readonly result: ProbeResult };

export type HealthEffect =
  | { readonly type: 'start'; readonly id: number; readonly deadline: Instant }
  /** The deadline passed without an answer from the prober: it must end the probe and free what it holds. */
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'verdict'; readonly from: Verdict; readonly to: Verdict; readonly reason: string };
