/**
 * A director that is a real server too: packets that the other director forwards to it must reach its own server, and not be forwarded
 * again (user pain 20). Such a service is in the kernel only while its VRRP instance is master here.
 */
import type { Ip } from '../base/ip.js';
import { destinationsOf } from '../config/destinations.js';
import type { ServiceIntent } from '../intent/types.js';

/** A VRRP instance and the addresses that it carries. */
export interface Carrier {
  readonly name: string;
  readonly addresses: readonly Ip[];
}

/** The VRRP instance whose state decides whether the service is in the kernel; undefined: it always is. */
export function leaderOf(
  service: ServiceIntent,
  carriers: readonly Carrier[],
  isOwn: (address: Ip) => boolean,
): string | undefined {
  if (service.follow === 'always') return undefined;
  if (service.follow !== 'auto') return service.follow;
  if (!isServer(service, isOwn)) return undefined;
  const addresses = new Set(service.ids.flatMap((id) => (id.kind === 'address' ? [id.address] : [])));
  return carriers.find((one) => one.addresses.some((address) => addresses.has(address)))?.name;
}

/**
 * Whether the network of the service is away: every instance that carries its addresses is in fault (of a firewall mark: every instance).
 * Nobody is served here then, and what checks find says nothing of the real servers. The kernel forgets the connections of a server that
 * leaves the table (expire_nodest_conn), and this director would come back as a master that knows none.
 */
export function isCutOff(service: ServiceIntent, carriers: readonly Carrier[], roles: Readonly<Record<string, string>>): boolean {
  const addresses = new Set(service.ids.flatMap((id) => (id.kind === 'address' ? [id.address] : [])));
  const own = addresses.size === 0 ? carriers : carriers.filter((one) => one.addresses.some((each) => addresses.has(each)));
  return own.length > 0 && own.every((one) => roles[one.name] === 'fault');
}

/** Whether this host is a real server of the service, and gets its packets with the service's address on them. */
export const isServer = (service: ServiceIntent, isOwn: (address: Ip) => boolean): boolean =>
  destinationsOf(service).some((server) => server.forward !== 'nat' && isOwn(server.address));

/**
 * Whether the service belongs into the kernel now. `role`: of its leader, undefined when nobody has said yet; then what is there stays.
 */
export function belongs(leader: string | undefined, role: string | undefined, isThere: boolean): boolean {
  if (leader === undefined) return true;
  return role === undefined ? isThere : role === 'master';
}
