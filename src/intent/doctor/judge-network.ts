/** The network settings of the host: forwarding, reverse-path filter, redirects, interfaces. */
import type { Family } from '../../base/ip.js';
import { destinationsOf } from '../../config/destinations.js';
import type { ServiceIntent } from '../types.js';
import { finding, interfaceTowards, listNames, sysctl, uses } from './host.js';
import type { Finding, HostFacts, HostInterface, Wanted } from './types.js';

const named = (services: readonly ServiceIntent[]): string => listNames(services.map((one) => one.name));

const set = (...settings: string[]): string => `sysctl -w ${settings.join(' ')}`;

/** What sysctl(8) calls it: a dot in an interface's name is a slash there. */
const key = (name: string, setting: string): string => `net.ipv4.conf.${name.replaceAll('.', '/')}.${setting}`;
const path = (name: string, setting: string): string => `net/ipv4/conf/${name}/${setting}`;

/** Services with real servers of this family behind nat. */
function natOf(wanted: Wanted, family: Family): readonly ServiceIntent[] {
  return uses(wanted, 'nat').filter((service) => service.id.family === family);
}

function forwarding4(facts: HostFacts, wanted: Wanted): Finding[] {
  const services = natOf(wanted, 4);
  if (services.length === 0) return [];
  const off = sysctl(facts, 'net/ipv4/ip_forward') === '0';
  if (off) {
    const text = `net.ipv4.ip_forward is 0: the answers of the real servers of ${named(services)} (nat) do not get back to the clients`;
    return [finding('critical', 'ip_forward', text, set('net.ipv4.ip_forward=1'))];
  }
  const servers = services.flatMap(destinationsOf).filter((one) => one.forward === 'nat');
  const links = new Set(servers.map((one) => interfaceTowards(facts, one.address)?.name));
  const closed = [...links].filter((link) => link !== undefined && sysctl(facts, path(link, 'forwarding')) === '0') as string[];
  if (closed.length === 0) return [finding('ok', 'ip_forward', `net.ipv4.ip_forward is 1, as ${named(services)} (nat) needs`)];
  return closed.map((link) => {
    const text = `forwarding is off on ${link}: answers of real servers of ${named(services)} (nat) that come in there are dropped`;
    return finding('critical', 'ip_forward', text, set(`${key(link, 'forwarding')}=1`));
  });
}

function forwarding6(facts: HostFacts, wanted: Wanted): Finding[] {
  const services = natOf(wanted, 6);
  if (services.length === 0) return [];
  if (sysctl(facts, 'net/ipv6/conf/all/forwarding') !== '0')
    return [finding('ok', 'ip_forward', `net.ipv6.conf.all.forwarding is 1, as ${named(services)} (nat) needs`)];
  const text = `net.ipv6.conf.all.forwarding is 0: the answers of the real servers of ${named(services)} (nat) do not get back to the clients`;
  return [finding('critical', 'ip_forward', text, set('net.ipv6.conf.all.forwarding=1'))];
}

/** IPVS forwards by itself what goes one way only. */
function forwardingNotNeeded(wanted: Wanted): Finding[] {
  if (wanted.services.length === 0 || uses(wanted, 'nat').length > 0) return [];
  return [finding('ok', 'ip_forward', 'no service uses nat: dr and tun need no forwarding by the host')];
}

/** The stricter of `all` and the interface's own counts (ip-sysctl.rst, rp_filter); 2 is loose. */
function isStrict(facts: HostFacts, name: string): boolean {
  const values = ['all', name].map((one) => Number(sysctl(facts, path(one, 'rp_filter')) ?? 0));
  return Math.max(...values) === 1;
}

/** Tunnels bring in packets whose senders are reached another way: this host is then a real server. */
function strictTunnels(facts: HostFacts, wanted: Wanted): Finding[] {
  const services = uses(wanted, 'tun');
  const tunnels = facts.interfaces.filter((one) => one.tunnel && one.up && isStrict(facts, one.name));
  if (services.length === 0) return [];
  return tunnels.map(({ name }) => {
    const text = `rp_filter is strict on the tunnel ${name}: this host as a real server of ${named(services)} (tun) drops what comes out of it`;
    return finding('warning', 'rp_filter', text, set(`${key(name, 'rp_filter')}=2`));
  });
}

/** Where a strict filter can drop what it should not: more than one way in, and answers that take another way. */
function reversePath(facts: HostFacts, wanted: Wanted): Finding[] {
  const snat = wanted.services.filter((one) => one.snat);
  const oneWay = [...uses(wanted, 'dr'), ...uses(wanted, 'tun'), ...snat].filter((one) => one.id.family === 4);
  if (oneWay.length === 0) return [];
  const ways = facts.interfaces.filter((one) => one.up && !one.loopback && !one.tunnel && one.addresses.length > 0);
  const strict = ways.filter((one) => isStrict(facts, one.name));
  if (ways.length < 2 || strict.length === 0)
    return [...strictTunnels(facts, wanted), finding('ok', 'rp_filter', 'no reverse-path filter is in the way')];
  return [...strict.map((one) => strictFinding(one, oneWay)), ...strictTunnels(facts, wanted)];
}

function strictFinding({ name }: HostInterface, services: readonly ServiceIntent[]): Finding {
  const text = `rp_filter is strict on ${name}: packets that come in there from clients and real servers whom this host reaches by another interface are dropped (${named(services)})`;
  return finding('warning', 'rp_filter', text, set(`${key(name, 'rp_filter')}=2`));
}

/** The interface that clients of a service come in by, as far as addresses tell. */
function frontOf(facts: HostFacts, wanted: Wanted, service: ServiceIntent): string | undefined {
  if (service.id.kind !== 'address') return undefined;
  const { address } = service.id;
  const holder = wanted.instances.find((one) => one.addresses.some((held) => held.address === address));
  return holder?.interface ?? interfaceTowards(facts, address)?.name;
}

/** Redirects are sent when `all` or the interface says so (ip-sysctl.rst, send_redirects). */
const redirects = (facts: HostFacts, name: string): boolean =>
  ['all', name].some((one) => sysctl(facts, path(one, 'send_redirects')) === '1');

/** With clients and real servers on one interface the kernel tells the servers of the shorter way, past the director. */
function oneArmed(facts: HostFacts, wanted: Wanted): Finding[] {
  const byLink = new Map<string, ServiceIntent[]>();
  for (const service of natOf(wanted, 4)) {
    const front = frontOf(facts, wanted, service);
    const servers = destinationsOf(service).filter((one) => one.forward === 'nat');
    if (service.snat || front === undefined) continue;
    if (servers.some((one) => interfaceTowards(facts, one.address)?.name === front))
      byLink.set(front, [...(byLink.get(front) ?? []), service]);
  }
  return [...byLink].map(([link, services]) => {
    if (!redirects(facts, link)) return finding('ok', 'send_redirects', `no redirects are sent on ${link}`);
    const text = `${link} has clients and real servers of ${named(services)} (nat), and sends the servers redirects to a way past this director`;
    const cure = set('net.ipv4.conf.all.send_redirects=0', `${key(link, 'send_redirects')}=0`);
    return finding('warning', 'send_redirects', text, cure);
  });
}

/** Without a list of interfaces nothing can be said of them. */
function interfaces(facts: HostFacts, wanted: Wanted): Finding[] {
  if (facts.interfaces.length === 0) return [];
  const users = [
    ...wanted.instances.map((one) => ({ of: one.name, link: one.interface })),
    ...(wanted.director.connectionSync ? [{ of: 'connection_sync', link: wanted.director.connectionSync.interface }] : []),
  ];
  return users.flatMap(({ of, link }) => {
    const found = facts.interfaces.find((one) => one.name === link);
    if (!found) return [finding('warning', 'interface', `${of} needs the interface ${link}, which this host does not have`)];
    return found.up
      ? []
      : [finding('warning', 'interface', `${of} needs the interface ${link}, which is down`, `ip link set ${link} up`)];
  });
}

export function judgeNetwork(facts: HostFacts, wanted: Wanted): Finding[] {
  return [
    ...interfaces(facts, wanted),
    ...forwarding4(facts, wanted),
    ...forwarding6(facts, wanted),
    ...forwardingNotNeeded(wanted),
    ...reversePath(facts, wanted),
    ...oneArmed(facts, wanted),
  ];
}
