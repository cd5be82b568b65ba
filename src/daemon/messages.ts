/** What core and its children say to each other over the IPC channel. Plain JSON values only. */
import type { ApiConnections, ApiEventChange, ApiService, ApiStatus, ApiWhy } from '../control/api.js';
import type { DirectorIntent, ServiceIntent } from '../intent/types.js';
import type { Watch } from '../intent/watches.js';
import type { Carrier } from '../pool/follow.js';
import type { Reading } from '../vrrp/track.js';

export type Forwarding = 'starting' | 'ready' | 'unusable';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Said by every child. */
export type ChildMessage =
  /** The child listens: core sends its configuration now. */
  | { readonly type: 'ready' }
  | {
      readonly type: 'event';
      readonly kind: string;
      readonly subject: string;
      readonly text: string;
      readonly change?: ApiEventChange | undefined;
    }
  | { readonly type: 'log'; readonly level: LogLevel; readonly msg: string; readonly fields?: Readonly<Record<string, unknown>> }
  | { readonly type: 'answer'; readonly id: number; readonly [field: string]: unknown };

/** Understood by every child. */
export type CommonCommand =
  /** Ordered stop: hand over, then exit with status 0. */
  | { readonly type: 'stop' }
  /** Exit at once and keep everything for a successor. */
  | { readonly type: 'exit' };

export type CheckQuery =
  | { readonly what: 'summary' }
  /** Answered with a CheckBrief. */
  | { readonly what: 'brief' }
  /** `host`: only real servers with that address, of the services that have one. */
  | {
      readonly what: 'services';
      readonly service: string | undefined;
      readonly counters?: boolean;
      readonly host?: string | undefined;
      /** With the passages of checks. */
      readonly all?: boolean;
    }
  | { readonly what: 'stats'; readonly service: string | undefined }
  | { readonly what: 'detail'; readonly service: string; readonly rs: string | undefined }
  | { readonly what: 'take-over'; readonly service: string }
  /** What the kernel has otherwise than it is wanted, read now; answered with KernelDifference[] (check/kernel-diff.ts). */
  | { readonly what: 'kernel-diff' }
  /** What a change of the virtual servers would do to the kernel's table; answered with Foreseen (check/foresee.ts). */
  | { readonly what: 'plan'; readonly services: readonly ServiceIntent[]; readonly names?: readonly string[] | undefined }
  /** Answered with a KernelStatus (intent/doctor/types.ts). */
  | { readonly what: 'doctor' };

/** What the check process needs to know beside the virtual servers, and may change. */
export interface CheckRest {
  readonly onStop: 'keep' | 'remove';
  readonly director: DirectorIntent;
  readonly carriers: readonly Carrier[];
}

export type CheckCommand =
  | CommonCommand
  | (CheckRest & {
      readonly type: 'configure';
      readonly services: readonly ServiceIntent[];
      readonly stateDir: string;
      readonly runDir: string;
      /** Of the VRRP instances, as far as they have said. */
      readonly roles: Readonly<Record<string, string>>;
    })
  /** Not everything is other than before. */
  | {
      readonly type: 'update';
      /** New, or others than before. */
      readonly services: readonly ServiceIntent[];
      /** Of all virtual servers in their order; absent: there are no more, no fewer, and in no other order. */
      readonly names?: readonly string[];
      /** Absent: as before. */
      readonly rest?: CheckRest;
    }
  | { readonly type: 'roles'; readonly roles: Readonly<Record<string, string>> }
  /** What VRRP instances track: all of it. */
  | { readonly type: 'watch'; readonly watches: readonly Watch[] }
  /** The network was away: every check that is down looks again, and until then this director is not ready. */
  | { readonly type: 'recheck' }
  | { readonly type: 'query'; readonly id: number; readonly query: CheckQuery };

export type CheckMessage =
  | ChildMessage
  | { readonly type: 'forwarding'; readonly state: Forwarding; readonly reason: string }
  /** This director suspects itself, and its VRRP instances are to stand back for another one. */
  | { readonly type: 'yield'; readonly now: boolean }
  /** What is known of the things that VRRP instances track, by trackedKey. After every change, and every few seconds. */
  | { readonly type: 'watched'; readonly readings: Readonly<Record<string, Reading>> }
  /** The real server of this override, which is to be removed when it is drained, is empty. */
  | { readonly type: 'drained'; readonly id: number };

/** The answer to `brief`. */
export interface CheckBrief {
  /** Null: there are too many services to look at each. */
  readonly active: number | null;
}

/** The answer to `summary`. */
export interface CheckSummary {
  readonly ipvs: ApiStatus['ipvs'];
  readonly drift: ApiStatus['drift'];
  readonly services: ApiStatus['services'];
  readonly foreign: readonly string[];
  readonly sync: ApiStatus['connection_sync'];
  readonly probes: ApiStatus['probes'];
  /** Why this director suspects itself; null: it does not. */
  readonly suspicion: string | null;
  /** Kernel settings and timeouts that are not as wanted. */
  readonly settings: readonly string[];
  /** What the kernel refuses, or somebody else has. */
  readonly refusals: readonly { readonly service: string; readonly reason: string }[];
  /** What is left of drains: `web/10.0.0.21:80` on `10.0.0.21`. */
  readonly drains: readonly { readonly target: string; readonly host: string; readonly left: ApiConnections }[];
  readonly slowStarts: ApiStatus['slow_starts'];
  /** Real servers out of the pool, for the list of problems. */
  readonly down: readonly { readonly service: string; readonly rs: string; readonly reason: string }[];
  /** Checks that this director cannot make, by reason; `first`: one of them. */
  readonly blind: readonly { readonly reason: string; readonly checks: number; readonly first: string }[];
}

/** The answer to `services` and, with checks, to `detail`. */
export interface ServicesAnswer {
  readonly services: readonly ApiService[];
}

export type DetailAnswer = ApiWhy;
