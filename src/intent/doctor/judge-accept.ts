/** `accept: false` beside a service that this director serves itself: IPVS leaves those packets to the host, which drops them. */
import { destinationsOf } from '../../config/destinations.js';
import { finding } from './host.js';
import type { Finding, HostFacts, Wanted } from './types.js';

export function judgeAccept(facts: HostFacts, { services, instances }: Wanted): Finding[] {
  const own = new Set(facts.interfaces.flatMap((one) => one.addresses.map(({ address }) => address)));
  return instances
    .filter((one) => one.accept === false)
    .flatMap(({ name, addresses }) => {
      const closed = new Set(addresses.map((one) => one.address));
      return services.flatMap((service) => {
        if (!service.ids.some((id) => id.kind === 'address' && closed.has(id.address))) return [];
        // With nat the packet has another address by then.
        const server = destinationsOf(service).find(({ forward, address }) => forward !== 'nat' && own.has(address));
        if (!server) return [];
        const text = `${service.name}: its real server ${server.address} is this director, and ${name} with accept: false drops what IPVS leaves to it`;
        return [
          finding('critical', 'vrrp', text, `leave accept: false out of ${name}, or that real server out of ${service.name}`),
        ];
      });
    });
}
