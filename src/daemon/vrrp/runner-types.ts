/** What the process sees of a runner. */
import type { Prefix } from '../../base/ip.js';
import type { Instant } from '../../base/time.js';
import type { VrrpInstanceConfig } from '../../config/types.js';
import type { ApiInstance } from '../../control/api.js';
import type { VrrpPacket } from '../../os/vrrp-socket.js';
import type { Gate, Hindrance, VrrpState } from '../../vrrp/types.js';
import type { Beating } from './beat.js';
import type { FailoverOutcome } from './failover.js';
import type { Synced } from './messages.js';
import type { PortUse } from './ports.js';
import type { Saved } from './store.js';

export interface Runner extends Beating {
  readonly key: string;
  /** As it is configured: what it tracks may have given it another priority. */
  conf(): VrrpInstanceConfig;
  /** With the priority that it has now. */
  effective(): VrrpInstanceConfig;
  state(): VrrpState;
  /** Its group takes it along. */
  lead(to: 'master' | 'backup', reason: string): void;
  /** By another instance of its group. */
  hinder(hindrance: Hindrance | undefined): void;
  /** What it tracks may have changed. */
  watchedChanged(): void;
  /** `left` is what a predecessor wrote down. */
  start(gate: Gate, left: Saved | undefined): void;
  gate(gate: Gate): void;
  stop(): void;
  /** Another director is to be master; `done` hears what came of it. */
  failover(until: Instant, done: (outcome: FailoverOutcome) => void): void;
  /** The end of that. */
  standUp(): void;
  /** What is known of the connections that it waits for (`failback: when_synced`). */
  synced(known: Synced): void;
  stoodDown(): boolean;
  reconfigure(conf: VrrpInstanceConfig): void;
  packet(packet: VrrpPacket): void;
  /** Interfaces or addresses have changed. */
  networkChanged(): void;
  /** The kernel says that this address left that interface; networkChanged follows. */
  addressGone(interfaceName: string, prefix: Prefix): void;
  /** The interface was down or without carrier, if only for a moment; networkChanged follows. */
  linkLost(): void;
  /** The sockets that it needs. */
  ports(): PortUse;
  deadline(): Instant;
  tick(): void;
  /** It is over: nothing is held, nothing will come. */
  ended(): boolean;
  isHeld(interfaceName: string, prefix: Prefix): boolean;
  /** `master` as long as it holds its addresses, also while it hands them over; else its phase. */
  role(): string;
  saved(): Saved;
  report(group: string | undefined): ApiInstance;
}
