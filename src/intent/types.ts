/** What the administrator wants: the file plus the overrides made at run time. */
import type { Milliseconds } from '../base/duration.js';
import type { Ip } from '../base/ip.js';
import type { ServiceId } from '../base/service-id.js';
import type { AddedServer, AddedService } from '../config/added.js';
import type { CheckConfig, Config, Forward, ServiceSettings, Tunnel, VrrpInstanceConfig } from '../config/types.js';

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
}

/** What the administrator has said of a real server, apart from what checks say of it. */
export interface AdminState {
  /** `drain`: no new connections; `disabled`: not in the table. */
  readonly state: 'drain' | 'disabled';
  /** Of a drain: wall clock in ms since 1970, from when what is left is cut; absent: never. */
  readonly until?: number | undefined;
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
  | ({ readonly kind: 'set-state'; readonly service: string; readonly address: Ip; readonly port: number } & AdminState)
  | ({ readonly kind: 'add-vs' } & AddedService)
  | { readonly kind: 'del-vs'; readonly service: string };
/** `service` above is always the service's name, never its tuple. */

export type Override = Provenance & { readonly change: Change };

export interface Intent {
  /** Counts up with every change of the wanted state. */
  readonly revision: number;
  readonly services: readonly ServiceIntent[];
  readonly instances: readonly VrrpInstanceConfig[];
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
}

export interface RealServerIntent {
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
  readonly source: Source;
  /** Set when a set-rs override is in force. */
  readonly weightSource: Source;
  /** Absent: ready. */
  readonly admin?: AdminState & { readonly source: Source };
}

/** An override that no longer applies: its target left the file, or the file now says the same. */
export interface DroppedOverride {
  readonly override: Override;
  readonly reason: string;
}

export type { Milliseconds };
