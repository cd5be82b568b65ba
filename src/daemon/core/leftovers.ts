/**
 * What an earlier lbd left in the kernel: services in the IPVS table, addresses on interfaces and what goes with them. A configuration that has no virtual
 * server, or no instance, any more still needs the process that takes them back.
 */
import { openOwnership } from '../check/ownership.js';
import { openStore } from '../vrrp/store.js';

export interface Leftovers {
  readonly services: boolean;
  readonly addresses: boolean;
}

export const NO_LEFTOVERS: Leftovers = { services: false, addresses: false };

export function findLeftovers(stateDir: string, runDir: string): Leftovers {
  const saved = [...openStore(runDir, () => {}).left.values()];
  return {
    services: openOwnership(stateDir, () => {}).keys.size > 0,
    addresses: saved.some((one) => one.held.length > 0 || one.paths || one.vmac || one.closed),
  };
}
