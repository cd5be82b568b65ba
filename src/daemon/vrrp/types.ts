/** What an instance's runner needs of the process around it. */
import type { Ip, Prefix } from '../../base/ip.js';
import type { Instant } from '../../base/time.js';
import type { VrrpInstanceConfig } from '../../config/types.js';
import type { ApiEventChange } from '../../control/api.js';
import type { Macvlans } from '../../os/macvlan.js';
import type { FrameSender } from '../../os/packet.js';
import type { Routes } from '../../os/routes.js';
import type { Link as HostInterface, Rtnetlink } from '../../os/rtnetlink.js';
import type { Sysctls } from '../../os/sysctl.js';
import type { Move } from '../../vrrp/group.js';
import type { Reading } from '../../vrrp/track.js';
import type { LogLevel } from '../messages.js';
import type { Announcer } from './announcer.js';
import type { Guard } from './guard.js';
import type { Network } from './network.js';
import type { Ports } from './ports.js';
import type { Saved } from './store.js';

export type { Link as HostInterface } from '../../os/rtnetlink.js';

/** What came of adding an address. `foreign`: it was there, and lbd has not put it there. */
export type Added = 'added' | 'own' | 'foreign' | 'failed';

export interface Host {
  readonly now: () => Instant;
  /** Milliseconds since 1970, for what must agree with the clock of another host. */
  readonly utc: () => number;
  /** The key in this file (SigningConfig), as core read it; undefined: core has said nothing of it. */
  readonly key: (file: string) => Uint8Array | undefined;
  readonly rtnetlink: Rtnetlink;
  readonly routes: Routes;
  readonly network: Network;
  readonly macvlans: Macvlans;
  /** Below /proc/sys/net. */
  readonly sysctls: Sysctls;
  /** What instances have changed of settings that are not of their own interface, by path: what they were. BOUNDED by the interfaces. */
  readonly settingsBefore: Map<string, string>;
  /** A VRID that nobody was heard with on the instance's link. */
  readonly freeVrid: (conf: Pick<VrrpInstanceConfig, 'interface' | 'family' | 'vrid'>) => number | undefined;
  /** Another instance has a virtual MAC on the same interface. */
  readonly isShared: (conf: Pick<VrrpInstanceConfig, 'name' | 'interface'>) => boolean;
  /** Whole frames. */
  readonly frames: () => FrameSender;
  readonly ports: Ports;
  /** Closes the addresses of instances with `accept: false`. */
  readonly guard: Guard;
  readonly announcer: Announcer;
  /** Calls `claimed` for announcements of other hosts on the interface. */
  readonly watchClaims: (
    family: 4 | 6,
    on: HostInterface,
    own: Uint8Array,
    claimed: (claim: { readonly address: string }) => void,
  ) => { close(): void };
  /** Blocks, `limitMs` at most, until packets for a new address are taken in. */
  readonly awaitLocal: (address: Ip, index: number, limitMs: number) => boolean;
  readonly log: (level: LogLevel, msg: string, fields?: Readonly<Record<string, unknown>>) => void;
  readonly event: (kind: string, subject: string, text: string, change?: ApiEventChange) => void;
  /** An interface is usable again: what the checks found while it was not is old. */
  readonly recheck: () => void;
  /** The first advert of a master. Of a group it waits until all have their addresses: keepalived drops all of a group's with the first. */
  readonly takenOver: (name: string, advertise: () => unknown) => void;
  /** Writes down what the instance is and holds; at once when it must be on record before the next step. */
  readonly save: (key: string, saved: Saved, urgency: 'now' | 'soon') => void;
  /** What the check process said last of a thing that is tracked, by trackedKey; undefined: nothing yet, or for too long. */
  readonly watched: (key: string) => Reading | undefined;
  /** An instance is in another phase. */
  readonly moved: (move: Move) => void;
  /** Why the instance's group does not let it take over now. */
  readonly objection: (name: string) => string | undefined;
  /** An address that lbd added for any instance of the interface. */
  readonly isHeld: (interfaceName: string, prefix: Prefix) => boolean;
}
