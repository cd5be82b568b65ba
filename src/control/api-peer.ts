/** What `status` tells beside the director itself: the other directors, and what the virtual servers have to do. */
import type { ApiRates } from './api-stats.js';
import type { ApiInstance } from './api-vrrp.js';

/** What one director asks another one for every few seconds: little, and quickly told. */
export interface ApiBrief {
  readonly router_id: string;
  readonly version: string;
  /** Wall clock, ISO 8601. */
  readonly at: string;
  readonly revision: number;
  /** Digest of the virtual servers and real servers that are wanted; only two of the same version are comparable. */
  readonly table: string;
  readonly services: number;
  readonly instances: readonly Pick<ApiInstance, 'name' | 'family' | 'virtual_router_id' | 'version' | 'state'>[];
  /** Null: the table is too large to count them each time, or cannot be read. */
  readonly active_connections: number | null;
}

/** One of global.peers. */
export interface ApiPeer {
  readonly name: string;
  readonly url: string;
  /** `unknown`: it has not been asked yet. */
  readonly state: 'answers' | 'silent' | 'unknown';
  readonly since_seconds: number;
  /** Why it is silent; '' otherwise. */
  readonly reason: string;
  /** What it said last, and when; null: nothing yet. */
  readonly told: {
    readonly seconds_ago: number;
    readonly router_id: string;
    readonly version: string;
    readonly revision: number;
    /** Its virtual servers and real servers are those that are wanted here; null: another version, which cannot be compared. */
    readonly same_table: boolean | null;
    /** Since when that is so. */
    readonly same_table_seconds: number;
    /** Its instances that there are here too, by their names here. */
    readonly instances: readonly { readonly name: string; readonly state: string }[];
    readonly active_connections: number | null;
    /** Its clock less this one's; half of what the answer took may be wrong. */
    readonly clock_ms: number;
  } | null;
}

/** What a virtual server has to do; null: not in the kernel, or there are too many to look at each. */
export interface ApiLoad {
  /** Of its real servers, added up: what the kernel has, and what is wanted. */
  readonly weight: number | null;
  readonly wanted_weight: number;
  readonly active_connections: number | null;
  readonly rates: ApiRates | null;
}
