/** The kernel's IPVS table as a value. */
import { formatEndpoint, type Ip } from '../base/ip.js';
import type { ServiceId } from '../base/service-id.js';

export { type IpvsProtocol, type ServiceId, serviceKey } from '../base/service-id.js';

export type ForwardMethod = 'nat' | 'dr' | 'tun';

export interface ServiceAttributes {
  readonly scheduler: string;
  /** IP_VS_SVC_F_* without HASHED (linux/ip_vs.h). */
  readonly flags: number;
  /** Persistence, seconds. */
  readonly timeout: number;
  /** Prefix length that groups clients for persistence: 32 or 128 for one client each. */
  readonly prefix: number;
  /** Persistence engine, '' for none. */
  readonly pe: string;
}

export interface DestinationAttributes {
  readonly forward: ForwardMethod;
  readonly weight: number;
  readonly upper: number;
  readonly lower: number;
  /** 0 IPIP, 1 GUE, 2 GRE (IP_VS_CONN_F_TUNNEL_TYPE_*). */
  readonly tunType: number;
  readonly tunPort: number;
  readonly tunFlags: number;
}

export interface Destination extends DestinationAttributes {
  readonly address: Ip;
  readonly port: number;
  /** mh, of one with weight 0: the weight that its place in the table of hashes has. The kernel keeps it, and does not tell. */
  readonly place?: number;
}

export interface Counters {
  readonly connections: bigint;
  readonly inPackets: bigint;
  readonly outPackets: bigint;
  readonly inBytes: bigint;
  readonly outBytes: bigint;
  readonly cps: bigint;
  readonly inPps: bigint;
  readonly outPps: bigint;
  readonly inBps: bigint;
  readonly outBps: bigint;
}

/** A destination as read back. */
export interface KernelDestination extends Destination {
  readonly active: number;
  readonly inactive: number;
  readonly persistent: number;
  readonly stats: Counters | undefined;
}

export interface Service<D extends Destination = Destination> extends ServiceAttributes {
  readonly id: ServiceId;
  /** By destinationKey, in the order of the configuration. */
  readonly destinations: ReadonlyMap<string, D>;
}

/** A service as read back. */
export interface KernelService extends Service<KernelDestination> {
  readonly stats: Counters | undefined;
}

/** By serviceKey. */
export type Table<D extends Destination = Destination> = ReadonlyMap<string, Service<D>>;

export const destinationKey = (destination: { readonly address: Ip; readonly port: number }): string =>
  formatEndpoint(destination.address, destination.port);

export type Operation =
  | {
      readonly kind: 'new-service' | 'set-service';
      readonly key: string;
      readonly service: ServiceAttributes & { readonly id: ServiceId };
    }
  | { readonly kind: 'del-service'; readonly key: string; readonly id: ServiceId }
  | {
      readonly kind: 'new-dest' | 'set-dest' | 'del-dest';
      readonly key: string;
      readonly id: ServiceId;
      readonly dest: Destination;
    };

/** One refused operation of a batch: `errno` is positive. */
export interface Refusal {
  readonly operation: Operation;
  readonly errno: number;
  readonly code: string;
  readonly extack: string | undefined;
}
