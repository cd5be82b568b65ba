/** What an instance tracks beside its own interface, and the groups that move together. */
import type { Milliseconds } from '../base/duration.js';
import type { TrackedKind } from '../base/tracked.js';
import type { CheckTiming, ScriptProbe } from './check-types.js';

/** A program that instances track. */
export interface ScriptConfig {
  readonly name: string;
  readonly check: ScriptProbe & CheckTiming;
  /** What it counts as before its first result; `wait`: as nothing, and an instance that begins waits for it, 10 s at most. */
  readonly init: 'wait' | 'up' | 'down';
}

/** One thing that an instance tracks. */
export interface TrackedConfig {
  readonly kind: TrackedKind;
  /** Of the interface, script, process or virtual server; the path of a file. */
  readonly name: string;
  /**
   * 0: what is down puts the instance into FAULT. Negative: added to the priority while it is down; positive: while it is up. Of a file:
   * times the number in it; with 0 any number but 0 is FAULT.
   */
  readonly weight: number;
  /** Of a process: so many must run; else 1. */
  readonly count: number;
  /** Changes count when they have lasted so long. */
  readonly upDelay: Milliseconds;
  readonly downDelay: Milliseconds;
  /** Of a script; else `wait`. */
  readonly init: ScriptConfig['init'];
}

/** Instances that are master together, or not. */
export interface SyncGroupConfig {
  readonly name: string;
  /** Names of instances, at least one. */
  readonly members: readonly string[];
  /** The two families of one instance, which has the name; absent: a sync group of the file. */
  readonly pair?: true;
}
