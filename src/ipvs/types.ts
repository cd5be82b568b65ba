/** The kernel's IPVS table as a value. */
import { type Family, formatEndpoint, type Ip } from '../base/ip.js';

export type IpvsProtocol = 'tcp' | 'udp' | 'sctp';
export type ForwardMethod = 'nat' | 'dr' | 'tun';

/** What names a service in the kernel. */
export type ServiceId =
  | {
      readonly kind: 'address';
      readonly family: Family;
      readonly protocol: IpvsProtocol;
      readonly address: Ip;
      readonly port: number;
    }
  | { readonly kind: 'fwmark'; readonly family: Family; readonly fwmark: number };

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

/** By serviceKey. */
export type Table<D extends Destination = Destination> = ReadonlyMap<string, Service<D>>;

/** `tcp/192.0.2.10:80`, `udp/[2001:db8::1]:53`, `fwmark/7`, `fwmark/7/inet6`: also how users name a service. */
export function serviceKey(id: ServiceId): string {
  if (id.kind === 'fwmark') return id.family === 4 ? `fwmark/${id.fwmark}` : `fwmark/${id.fwmark}/inet6`;
  return `${id.protocol}/${formatEndpoint(id.address, id.port)}`;
}

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
