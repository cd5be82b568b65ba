/** A host on which nothing is wrong: two interfaces, no firewall, IPVS loaded. */

import type { HostFacts, Wanted } from '../../src/intent/doctor/types.js';
import { CHECKING } from './intent.js';

export function makeFacts(own: Partial<HostFacts> = {}): HostFacts {
  const base: HostFacts = {
    kernel: '6.1.0-40-amd64',
    sysctls: {
      'net/ipv4/ip_forward': '1',
      'net/ipv6/conf/all/forwarding': '1',
      'net/ipv4/conf/all/rp_filter': '0',
      'net/ipv4/conf/all/send_redirects': '0',
      ...Object.fromEntries(
        ['eth0', 'eth1'].flatMap((name) => [
          [`net/ipv4/conf/${name}/rp_filter`, '0'],
          [`net/ipv4/conf/${name}/send_redirects`, '0'],
          [`net/ipv4/conf/${name}/forwarding`, '1'],
        ]),
      ),
    },
    interfaces: [
      { name: 'lo', up: true, loopback: true, tunnel: false, addresses: [{ address: '127.0.0.1', length: 8 }] },
      { name: 'eth0', up: true, loopback: false, tunnel: false, addresses: [{ address: '192.0.2.2', length: 24 }] },
      { name: 'eth1', up: true, loopback: false, tunnel: false, addresses: [{ address: '10.0.0.1', length: 24 }] },
    ],
    ipvs: { loaded: { version: '1.2.1', tableSize: 262_144 }, modules: ['ip_vs', 'ip_vs_wrr', 'ip_vs_rr'] },
    nft: { nftables: [] },
    legacyTables: [],
    unread: [],
  };
  return { ...base, ...own, sysctls: { ...base.sysctls, ...own.sysctls } };
}

export function makeWanted(own: Partial<Wanted> = {}): Wanted {
  return {
    services: [],
    instances: [],
    director: {
      kernel: { manage: true, restore: false, values: {} },
      connectionSync: undefined,
      timeouts: { tcp: 0, tcpFin: 0, udp: 0 },
      checking: CHECKING,
    },
    ...own,
  };
}
