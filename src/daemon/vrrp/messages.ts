/** What core and the vrrp process say to each other, beside what every child understands (daemon/messages.ts). */
import type { SyncGroupConfig, VrrpInstanceConfig } from '../../config/types.js';
import type { ApiInstance } from '../../control/api.js';
import type { Reading } from '../../vrrp/track.js';
import type { ChildMessage, CommonCommand, Forwarding } from '../messages.js';

export type VrrpCommand =
  | CommonCommand
  /** The whole of what is wanted: instances not in it hand over and end. */
  | {
      readonly type: 'configure';
      readonly instances: readonly VrrpInstanceConfig[];
      /** Absent: none. */
      readonly groups?: readonly SyncGroupConfig[];
      /** The keys that these sign with, by file, in hexadecimal. Absent: none. */
      readonly keys?: Readonly<Record<string, string>>;
      /** Folder of the state file, on a file system in memory. */
      readonly runDir: string;
      readonly routerId: string;
    }
  | { readonly type: 'gate'; readonly forwarding: Forwarding; readonly reason: string }
  /** What is known of the things that instances track, by trackedKey; of others, what was said before stays true for a while. */
  | { readonly type: 'watched'; readonly readings: Readonly<Record<string, Reading>> }
  /** By the instance's name: whether it has the connections that it waits for, in words too. */
  | { readonly type: 'synced'; readonly instances: Readonly<Record<string, Synced>> }
  | { readonly type: 'query'; readonly id: number; readonly failover?: FailoverOrder };

export interface Synced {
  readonly synced: boolean;
  /** `4200 of 5000 connections are here, 90 % are needed` */
  readonly text: string;
}

export interface FailoverOrder {
  readonly instance: string;
  /** Milliseconds; absent: until the other one fails. */
  readonly for?: number;
  /** The end of one before. */
  readonly undo?: boolean;
  /** Only whether it would be done. */
  readonly check?: boolean;
}

export type VrrpMessage =
  | ChildMessage
  /**
   * By the instance's name; see Runner.role. After every change, and once when the configuration is known. `connected`: those in fault whose
   * network is there.
   */
  | { readonly type: 'roles'; readonly roles: Readonly<Record<string, string>>; readonly connected: readonly string[] };

/** The answer to a query, beside its type and id. */
export interface VrrpAnswer {
  readonly instances: readonly ApiInstance[];
}
