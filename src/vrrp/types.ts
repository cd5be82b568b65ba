/** One VRRP instance as a value: its state, what may happen to it, and what it wants done. Times are milliseconds of base/time.ts. */
import type { Milliseconds } from '../base/duration.js';
import type { Ip } from '../base/ip.js';
import type { Instant } from '../base/time.js';
import type { HeldAddress, VrrpInstanceConfig } from '../config/types.js';
import type { AdvertRefusal, DecodedAdvert } from '../wire/vrrp.js';
import type { Signature, SignatureRefusal } from './signing.js';

/**
 * `master` is the Active state of RFC 9568. `fault` and `leaving` are ours: a host that cannot serve, and a master that has given up
 * its office and still serves until another has taken it. `stopped` is the end.
 */
export type Phase = 'init' | 'backup' | 'master' | 'fault' | 'leaving' | 'stopped';

/** What an instance is: two configurations that agree in these are the same instance, changed. */
export const instanceKey = (conf: Pick<VrrpInstanceConfig, 'interface' | 'family' | 'vrid'>): string =>
  `${conf.interface}/ipv${conf.family}/${conf.vrid}`;

/** The interface as far as this instance cares. */
export type Link =
  /** `source`: the address adverts come from, and that breaks ties: the first IPv4 address, or the link-local IPv6 one. */
  | { readonly usable: true; readonly source: Ip }
  /** `wait`: it will be usable presently without anybody doing anything (duplicate address detection runs). */
  | { readonly usable: false; readonly wait: boolean; readonly reason: string };

/** Whether this director can forward what it would attract. */
export interface Gate {
  readonly forwarding: 'starting' | 'ready' | 'unusable';
  readonly reason: string;
}

/** Beside interface and gate, what keeps an instance from taking part: something that it tracks, or another one of its group. */
export interface Hindrance {
  readonly phase: 'init' | 'fault';
  readonly reason: string;
}

/** What a process of ours that died left behind for this instance. */
export interface Resume {
  readonly wasMaster: boolean;
  readonly lastAdvertAge: Milliseconds;
}

export interface Received {
  readonly decoded: DecodedAdvert;
  readonly source: Ip;
  readonly destination: Ip;
  /** TTL or hop limit on arrival. */
  readonly ttl: number;
  /** What its trailer was found to be; absent: it has none, or nobody looks at it. */
  readonly signature?: Signature | undefined;
}

export type VrrpEvent = { readonly now: Instant } & (
  | { readonly type: 'start'; readonly link: Link; readonly gate: Gate; readonly resume?: Resume | undefined }
  /** `objection`: why its group does not let it take over now. */
  | { readonly type: 'tick'; readonly objection?: string | undefined }
  | { readonly type: 'advert'; readonly received: Received }
  | { readonly type: 'link'; readonly link: Link }
  | { readonly type: 'gate'; readonly gate: Gate }
  /** By what it tracks, or by another instance of its group; undefined: no more. */
  | { readonly type: 'hindered'; readonly by: 'tracked' | 'mates'; readonly hindrance: Hindrance | undefined }
  /** Another instance of its group has moved, and takes it along. */
  | { readonly type: 'lead'; readonly to: 'master' | 'backup'; readonly reason: string }
  /** Another host announced (gratuitous ARP, unsolicited NA) that this address is with it. */
  | { readonly type: 'claimed'; readonly address: Ip }
  /** A witness has answered: this director can send and be heard. */
  | { readonly type: 'witness' }
  /** Whether there is a default gateway that is asked for a sign of life, where no witness is configured. */
  | { readonly type: 'asked'; readonly someone: boolean }
  /** Neighbours may be wrong for a reason of this host's: addresses were added again, the interface has another MAC, its link was away. */
  | { readonly type: 'restored' }
  /** The configuration given with this event replaces `before`; the instance's key is the same. */
  | { readonly type: 'reconfigured'; readonly before: VrrpInstanceConfig }
  /** Another director is to be master until then, or until it fails. Of a backup nothing is asked. */
  | { readonly type: 'stand-down'; readonly until: Instant }
  /** No longer. */
  | { readonly type: 'stand-up' }
  /** Whether this director has the connections that it waits for (`syncedShare`). */
  | { readonly type: 'synced'; readonly synced: boolean }
  /** Ordered stop. */
  | { readonly type: 'stop' }
);

/** Why an advert counts for nothing. */
export type Rejection =
  | AdvertRefusal
  | 'no-addresses'
  | 'peer'
  | 'ttl'
  | 'destination'
  | 'auth-type'
  | 'password'
  | 'interval'
  | 'owner'
  /** It is not signed, and this director takes signed ones only; or it is, and this director has no keys. */
  | 'unsigned'
  | 'signed'
  | SignatureRefusal;

export type NoteKind =
  | 'addresses-differ'
  | 'interval-differs'
  | 'clocks-differ'
  | 'two-masters'
  | 'stalled'
  | 'group'
  | 'no-witness';

export type VrrpEffect =
  | { readonly type: 'advert'; readonly priority: number }
  /** From now on the host holds exactly these; what is missing is added, what is over is removed without a word. */
  | { readonly type: 'addresses'; readonly want: readonly HeldAddress[] }
  /** Gratuitous ARP or unsolicited NA, once for each. */
  | { readonly type: 'announce'; readonly addresses: readonly Ip[] }
  /** Listen, or no longer, for announcements of other hosts (event `claimed`). */
  | { readonly type: 'watch'; readonly on: boolean }
  | { readonly type: 'transition'; readonly from: Phase; readonly to: Phase; readonly reason: string }
  | { readonly type: 'reject'; readonly rejection: Rejection; readonly source: Ip }
  /** Something the administrator should know; each kind at most once a minute. */
  | { readonly type: 'note'; readonly kind: NoteKind; readonly text: string }
  /** The instance is over: nothing is held, nothing will be sent. */
  | { readonly type: 'stopped' };

/** The master last heard of. */
export interface Peer {
  readonly address: Ip;
  readonly priority: number;
  readonly heardAt: Instant;
}

/** Addresses that are kept only until their new holder has announced them. */
export interface Handover {
  readonly until: Instant;
  readonly unclaimed: readonly Ip[];
}

/** Announcements still to be made by a master. */
export interface Announcing {
  /** Rounds left of the running burst, the distance before the next one, and when that is due. */
  readonly left: number;
  readonly gap: Milliseconds;
  readonly nextAt: Instant;
  /** Rounds of the second burst, and its start. */
  readonly again: number;
  readonly againAt: Instant;
  readonly refreshAt: Instant;
}

export interface VrrpState {
  readonly phase: Phase;
  readonly since: Instant;
  /** Why the instance is in this phase: a sentence. */
  readonly reason: string;
  readonly link: Link;
  readonly gate: Gate;
  /** What keeps it from taking part beside link and gate. */
  readonly tracked: Hindrance | undefined;
  readonly mates: Hindrance | undefined;
  /** Until when a gate that says `starting` is waited for. */
  readonly gateUntil: Instant;
  /** The instance has been master, or its wait is over: `starting` holds it up no more. */
  readonly ran: boolean;
  /** Active_Adver_Interval of RFC 9568 section 6.1: version 3 adopts the master's. */
  readonly masterInterval: Milliseconds;
  /** Since when it is no longer in INIT or FAULT, nor of a lower priority than now. */
  readonly ableSince: Instant;
  /** Active_Down_Timer; NEVER outside backup. */
  readonly downAt: Instant;
  /** It has the connections that it waits for. */
  readonly synced: boolean;
  /** When a witness last answered. */
  readonly witnessAt: Instant;
  /** A default gateway was asked, where no witness is configured. */
  readonly asked: boolean;
  /** It would be master, and no witness has answered. */
  readonly heldBack: boolean;
  /** End of the running preempt delay; NEVER when none runs. */
  readonly preemptAt: Instant;
  /** Adver_Timer; NEVER outside master. */
  readonly advertAt: Instant;
  /** When the last advert of this master went out. */
  readonly lastSent: Instant;
  /** A master that was stopped for too long says nothing until then; NEVER otherwise. */
  readonly listenUntil: Instant;
  readonly peer: Peer | undefined;
  /** What the host holds for this instance, by its wish. */
  readonly holding: readonly HeldAddress[];
  readonly handover: Handover | undefined;
  /** A backup by order: it takes no office back until then. */
  readonly standDown: { readonly until: Instant } | undefined;
  readonly announcing: Announcing | undefined;
  /** Other masters heard before this instant cause no further announcement. */
  readonly calmUntil: Instant;
  /** When each kind of note was last made. */
  readonly notes: Readonly<Partial<Record<NoteKind, Instant>>>;
}

export type Step = readonly [VrrpState, readonly VrrpEffect[]];
