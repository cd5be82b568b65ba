/** What every prober is: it starts, and ends in exactly one result or by cancel. */
import type { Ip } from '../../base/ip.js';
import type { ProbeConfig } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';

/** One object as long as the check is. */
export interface Target {
  readonly address: Ip;
  /** Ignored by icmp. */
  readonly port: number;
  /** What its prober keeps from one probe to the next; dropped with the check. */
  kept?: Kept | undefined;
}

export interface Kept {
  /** No probe comes any more. */
  drop(): void;
}

export interface Probe {
  /** Ends the probe without a result and frees what it holds; harmless after the end. */
  cancel(): void;
}

/**
 * Starts a probe. `done` is called once, never before this returns, and not after cancel. A probe has no timer of its own: the
 * machine's owner calls cancel at the deadline. Never throws for what the system refuses.
 */
export type StartProbe = (probe: ProbeConfig, target: Target, done: (result: ProbeResult) => void) => Probe;
