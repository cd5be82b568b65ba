/** What several judges ask of the facts. */
import { familyOf, type Ip } from '../../base/ip.js';
import { destinationsOf } from '../../config/destinations.js';
import type { Forward } from '../../config/types.js';
import { chooseSettings, type Setting } from '../settings.js';
import type { ServiceIntent } from '../types.js';
import { prefixRange, type Range, toNumber } from './packet.js';
import type { Finding, HostFacts, HostInterface, Severity, Wanted } from './types.js';

export const finding = (severity: Severity, topic: string, text: string, cure = ''): Finding => ({ severity, topic, text, cure });

/** By path below /proc/sys; undefined when the kernel does not have it. */
export const sysctl = (facts: HostFacts, path: string): string | undefined => facts.sysctls[path];

/** The methods that a service's real servers use; its own while it has none. */
export function forwardsOf(service: ServiceIntent): readonly Forward[] {
  const all = destinationsOf(service);
  return all.length === 0 ? [service.forward] : [...new Set(all.map((one) => one.forward))];
}

export const uses = (wanted: Wanted, forward: Forward): readonly ServiceIntent[] =>
  wanted.services.filter((service) => forwardsOf(service).includes(forward));

/** What lbd sets below net.ipv4.vs for these services. */
export function settingsFor(facts: HostFacts, wanted: Wanted): readonly Setting[] {
  const own = new Set(facts.interfaces.flatMap((one) => one.addresses.map(({ address }) => address)));
  return chooseSettings({
    services: wanted.services,
    paired: wanted.instances.length > 0,
    sync: wanted.director.connectionSync,
    config: wanted.director.kernel,
    kernel: facts.kernel,
    localServer: wanted.services.some((one) => destinationsOf(one).some(({ address }) => own.has(address))),
  });
}

/** Does IPVS leave its connections to netfilter's tracking? What lbd sets, or what is set. */
export function conntrackOf(facts: HostFacts, wanted: Wanted): boolean {
  const chosen = settingsFor(facts, wanted).find((one) => one.name === 'conntrack')?.value;
  return (chosen ?? sysctl(facts, 'net/ipv4/vs/conntrack') ?? '0') !== '0';
}

const within = (range: Range, ip: Ip): boolean => toNumber(ip) >= range.low && toNumber(ip) <= range.high;

/** The interface whose network an address is in, or which has it. */
export function interfaceTowards(facts: HostFacts, address: Ip): HostInterface | undefined {
  const near = (one: HostInterface) =>
    one.addresses.some((own) => familyOf(own.address) === familyOf(address) && within(prefixRange(own), address));
  return facts.interfaces.find((one) => !one.loopback && near(one));
}

/** `web`, `web and dns`, `web, dns and 3 more`. */
export function listNames(names: readonly string[]): string {
  const all = [...new Set(names)];
  if (all.length > 3) return `${all.slice(0, 2).join(', ')} and ${all.length - 2} more`;
  return all.length < 2 ? (all[0] ?? '') : `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;
}
