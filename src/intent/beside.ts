/**
 * What of a virtual server counts for what lbd keeps beside the kernel's table (settings, rules of nftables, sync daemons): two that agree
 * in this need nothing there. A weight that changes, the most frequent change there is, then costs nothing but itself.
 */
import type { RealServerIntent, ServiceIntent } from './types.js';

const ofServer = ({ address, port, forward, tunnel, tier, admin }: RealServerIntent) => [
  address,
  port,
  forward,
  tunnel,
  tier,
  admin,
];

const textOf = ({ realServers, ...rest }: ServiceIntent): string => JSON.stringify([rest, realServers.map(ofServer)]);

export const sameBeside = (before: ServiceIntent | undefined, after: ServiceIntent): boolean =>
  before !== undefined && (before === after || textOf(before) === textOf(after));
