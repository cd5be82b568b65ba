/** What the administrator wants: the file plus the overrides made at run time. */
import type { Milliseconds } from '../base/duration.js';
import type { Ip } from '../base/ip.js';
import type { ServiceId } from '../base/service-id.js';
import type { AddedServer, AddedService } from '../config/added.js';
import type { ServiceSet } from '../config/changed.js';
import type { Setting } from '../config/settable.js';
import type {
  CheckConfig,
  Config,
  Forward,
  ScriptConfig,
  ServerPolicy,
  ServiceSettings,
  SyncGroupConfig,
  Tunnel,
  VrrpInstanceConfig,
} from '../config/types.js';

/** Where an object, or its present weight, comes from. */
export type Source = { readonly kind: 'file' } | { readonly kind: 'override'; readonly override: Provenance };

export interface Provenance {
  /** Counts up from 1 in the state directory. */
  readonly id: number;
  /** Who: the caller's user name or `uid N` as the kernel reported it over the socket. */
  readonly who: string;
  /** Wall clock, ISO 8601 in UTC. */
  readonly when: string;
  /** `--reason`, '' when none was given. */
  readonly why: string;
  /** When it ends by itself, wall clock in ms since 1970; absent: it does not. States have an end of their own. */
  readonly ends?: number;
}

/** What becomes of persistent clients of a real server that drains: they keep coming until their template ends, or go to others at once. */
export type Sticky = 'honour' | 'break';

/** What the administrator has said of a real server or of a host, apart from what checks say. Times: wall clock in ms since 1970. */
export interface AdminState {
  /** `drain`: no new connections; `disabled`: not in the table. */
  readonly state: 'drain' | 'disabled';
  /** Of a drain: from when what is left is cut; absent: never. */
  readonly until?: number | undefined;
  /** When it ends by itself; absent: it is ended by a command alone. */
  readonly expires?: number | undefined;
  /** Of a drain; of meaning where the service is persistent. Absent: as the kernel's setting is, which lbd was told to leave alone. */
  readonly sticky?: Sticky | undefined;
}

/** One word of the administrator about a real server. */
export interface Admin extends AdminState {
  readonly source: Source;
  /** It was said of the whole host. */
  readonly host?: true;
  /** The server is removed when the drain is over. */
  readonly remove?: true | undefined;
}

export type WeightSetting =
  | { readonly kind: 'absolute'; readonly weight: number }
  | { readonly kind: 'percent'; readonly percent: number };

/** A change made by lbctl; it survives reload and restart until it is undone or its target vanishes. */
export type Change =
  | ({ readonly kind: 'add-rs'; readonly service: string } & AddedServer)
  | {
      readonly kind: 'set-rs';
      readonly service: string;
      readonly address: Ip;
      readonly port: number;
      readonly weight: WeightSetting;
    }
  | { readonly kind: 'del-rs'; readonly service: string; readonly address: Ip; readonly port: number }
  | ({
      readonly kind: 'set-state';
      readonly service: string;
      readonly address: Ip;
      readonly port: number;
      readonly remove?: true | undefined;
    } & AdminState)
  /** Of every real server with that address, now and later. `udpUntil`: `until` of UDP services, where none was said. */
  | ({ readonly kind: 'set-host'; readonly address: Ip; readonly udpUntil?: number | undefined } & AdminState)
  | ({ readonly kind: 'add-vs' } & AddedService)
  | { readonly kind: 'set-vs'; readonly service: string; readonly set: ServiceSet }
  | { readonly kind: 'del-vs'; readonly service: string };
/** `service` above is always the service's name, never its tuple. */

export type Override = Provenance & { readonly change: Change };

export interface Intent {
  /** Counts up with every change of the wanted state. */
  readonly revision: number;
  readonly services: readonly ServiceIntent[];
  readonly instances: readonly VrrpInstanceConfig[];
  readonly groups: readonly SyncGroupConfig[];
  readonly scripts: readonly ScriptConfig[];
  readonly director: DirectorIntent;
}

/** What concerns the kernel's IPVS as a whole. */
export type DirectorIntent = Pick<Config, 'kernel' | 'connectionSync' | 'timeouts' | 'checking'>;

export interface ServiceIntent extends Omit<ServiceSettings, 'sorry'> {
  readonly name: string;
  /** serviceKey(id): of the first of `ids`. */
  readonly key: string;
  readonly id: ServiceId;
  readonly source: Source;
  readonly realServers: readonly RealServerIntent[];
  /** Serves while the quorum is lost. */
  readonly sorry: RealServerIntent | undefined;
  /** What set-vs has made other than the file; absent: nothing. */
  readonly changed?: readonly ChangedSetting[];
}

export interface ChangedSetting {
  readonly setting: Setting;
  readonly value: string;
  /** Without set-vs. */
  readonly before: string;
  readonly source: Source;
}

export interface RealServerIntent extends ServerPolicy {
  /** Its address and port as text: how users name it. */
  readonly key: string;
  readonly address: Ip;
  /** See RealServerConfig. */
  readonly port: number;
  /** The weight wanted while the server is up. */
  readonly weight: number;
  /** The file's weight; differs from `weight` under a set-rs override. */
  readonly configuredWeight: number;
  readonly forward: Forward;
  readonly tunnel: Tunnel;
  readonly upper: number;
  readonly lower: number;
  readonly checks: readonly CheckConfig[];
  /** See RealServerConfig. */
  readonly tier?: number | undefined;
  readonly source: Source;
  /** Set when a set-rs override is in force. */
  readonly weightSource: Source;
  /** What counts of `said` (intent/admin.ts); absent: ready. */
  readonly admin?: Admin;
  /** All that was said: of the server itself, of its host. */
  readonly said?: readonly Admin[];
}

/** An override that no longer applies: its target left the file, or the file now says the same. */
export interface DroppedOverride {
  readonly override: Override;
  readonly reason: string;
}

export type { Milliseconds };
