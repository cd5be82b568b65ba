/** VRRP instances as the API tells them. */

/** One thing that a VRRP instance tracks. */
export interface ApiTracked {
  /** `script chk_nginx`, `interface eth1`, `virtual server web` */
  readonly what: string;
  /** 0: FAULT. */
  readonly weight: number;
  /** `unknown`: there is no result yet. */
  readonly state: 'up' | 'down' | 'unknown';
  readonly since_seconds: number;
  /** What it does now: `FAULT`, `-20`, or nothing. */
  readonly effect: string;
  /** What was found last, in words. */
  readonly text: string;
}

export interface ApiSigning {
  readonly mode: 'receive_only' | 'permissive' | 'enforce';
  /** Numbers of the keys; adverts signed with any of them are taken. */
  readonly keys: readonly number[];
  readonly active_key: number;
  readonly anti_replay: 'time' | 'monotonic';
  /** null: clocks are not compared. */
  readonly time_window_seconds: number | null;
  /** Whose adverts were taken, the latest first. */
  readonly heard: readonly {
    readonly address: string;
    /** null: it does not sign. */
    readonly key: number | null;
    /** Below zero: ahead. */
    readonly clock_behind_seconds: number;
    readonly last_seconds: number;
  }[];
}

export interface ApiInstance {
  readonly name: string;
  readonly interface: string;
  readonly family: 'ipv4' | 'ipv6';
  readonly version: number;
  readonly virtual_router_id: number;
  /** One that neither this director uses on that link nor anybody was heard with since the process began; null: there is none. */
  readonly free_virtual_router_id: number | null;
  readonly state: 'init' | 'backup' | 'master' | 'fault' | 'leaving';
  readonly since_seconds: number;
  readonly reason: string;
  /** It would be master, and no witness answers. */
  readonly held_back: boolean;
  readonly priority: number;
  readonly effective_priority: number;
  readonly preempt: boolean;
  /** By order (`failover`): it does not take over from a lower master. */
  readonly stands_down: boolean;
  /** Until it takes over from the lower master that it hears; null: it does not wait for that. */
  readonly takes_over_in_seconds: number | null;
  /** What ends that wait early, as far as it is: `12 of 40 active connections are here, 90 % are needed`; null: nothing does. */
  readonly waits_for: string | null;
  readonly advert_interval_ms: number;
  readonly master: { readonly address: string; readonly priority: number; readonly last_advert_seconds: number } | null;
  /** False: of packets to its addresses only those that IPVS takes get in; `accept_problem`: why that cannot be kept. */
  readonly accept: boolean;
  readonly accept_problem: string | null;
  /** `advertised` false: excluded_addresses. */
  readonly addresses: readonly { readonly address: string; readonly held: boolean; readonly advertised: boolean }[];
  /** Routes and rules of a master, in the words of `ip`; `there`: within the last second. `text`: why not, or whose it is. */
  readonly paths: readonly { readonly what: string; readonly there: boolean; readonly text: string }[];
  /** The interface of the virtual MAC, which is up on the master alone; null: there is none. */
  readonly virtual_mac: {
    readonly interface: string;
    readonly mac: string;
    readonly there: boolean;
    readonly up: boolean;
  } | null;
  /** The sync group that it is of. */
  readonly group: string | null;
  readonly tracked: readonly ApiTracked[];
  /** Signed adverts; null: they are not signed. */
  readonly signing: ApiSigning | null;
  /** When all that is tracked with a weight is as bad as it can be. */
  readonly lowest_priority: number;
  /** Why the weights of what it tracks never make another director master; null: as far as is known, they can. */
  readonly weights_problem: string | null;
  readonly adverts_sent: number;
  readonly adverts_received: number;
  readonly became_master: number;
  /** Refused adverts by reason; only reasons that happened. */
  readonly rejected: readonly {
    readonly reason: string;
    readonly count: number;
    readonly from: string;
    readonly last_seconds: number;
    /** The senders heard last, 8 at most, the latest first. */
    readonly senders: readonly { readonly address: string; readonly count: number; readonly last_seconds: number }[];
  }[];
  /** Other masters of this VRID that go on although this one advertises, each with its likely cause; an alarm while there are any. */
  readonly rivals: readonly {
    readonly address: string;
    /** null: its adverts cannot be read. */
    readonly priority: number | null;
    readonly cause: 'deaf' | 'lists' | 'group' | 'refused';
    readonly text: string;
    readonly since_seconds: number;
    readonly last_seconds: number;
    readonly adverts: number;
  }[];
  /** Of this master's own adverts, so far. */
  readonly lateness: {
    readonly adverts: number;
    readonly max_ms: number;
    readonly last_minute_ms: number;
    readonly p50_ms: number;
    readonly p99_ms: number;
  };
  /** Whether neighbours were found to know where the addresses are; `text` says who was asked. */
  readonly announcements: {
    readonly verify: 'off' | 'running' | 'verified' | 'failed' | 'impossible';
    readonly text: string;
  };
}
