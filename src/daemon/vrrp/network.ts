/** The host's interfaces and addresses as last told by the kernel: one dump at start, events from then on, a new dump when some were lost. */

import { isLinkLocal6 } from '../../base/ip.js';
import type { UnicastConfig, VrrpInstanceConfig } from '../../config/types.js';
import type { Address, Link as HostLink, NetworkEvent, Rtnetlink } from '../../os/rtnetlink.js';
import type { Link } from '../../vrrp/types.js';

export interface Network {
  link(name: string): HostLink | undefined;
  at(index: number | undefined): HostLink | undefined;
  addresses(index: number): readonly Address[];
  /** Reads everything anew: what was changed this very moment is known then. */
  reload(): void;
  /** Takes an event of the kernel; returns the names of the interfaces that it is about (undefined: any). */
  take(event: NetworkEvent): readonly string[] | undefined;
}

const keyOf = (address: Address): string => `${address.address}/${address.length}`;

export function openNetwork(rtnetlink: Rtnetlink): Network {
  /** BOUNDED by the host's interfaces and addresses. */
  const links = new Map<number, HostLink>();
  const addresses = new Map<number, Map<string, Address>>();

  function put(address: Address): void {
    const known = addresses.get(address.index) ?? new Map<string, Address>();
    addresses.set(address.index, known.set(keyOf(address), address));
  }

  function load(): void {
    links.clear();
    addresses.clear();
    for (const link of rtnetlink.links()) links.set(link.index, link);
    for (const address of rtnetlink.addresses()) put(address);
  }

  const named = (index: number): string[] => {
    const name = links.get(index)?.name;
    return name === undefined ? [] : [name];
  };

  function take(event: NetworkEvent): readonly string[] | undefined {
    switch (event.type) {
      case 'overrun':
        load();
        return undefined;
      case 'link': {
        const before = links.get(event.link.index)?.name ?? event.link.name;
        links.set(event.link.index, event.link);
        return [before, event.link.name];
      }
      case 'link-gone':
        links.delete(event.link.index);
        addresses.delete(event.link.index);
        return [event.link.name];
      case 'address':
        put(event.address);
        return named(event.address.index);
      case 'address-gone':
        addresses.get(event.address.index)?.delete(keyOf(event.address));
        return named(event.address.index);
    }
  }

  load();
  return {
    link: (name) => [...links.values()].find((one) => one.name === name),
    at: (index) => (index === undefined ? undefined : links.get(index)),
    addresses: (index) => [...(addresses.get(index)?.values() ?? [])],
    reload: load,
    take,
  };
}

const unusable = (reason: string, wait = false): Link => ({ usable: false, wait, reason });

/** The given one; else for IPv6 one that reaches the peers, and for IPv4 the first. */
function judgeSource(name: string, conf: VrrpInstanceConfig, unicast: UnicastConfig, candidates: readonly Address[]): Link {
  const { source, peers } = unicast;
  const near = peers.every(({ address }) => isLinkLocal6(address));
  const fits = ({ address, family }: Address) => (source ? address === source : family === 4 || isLinkLocal6(address) === near);
  const fitting = candidates.filter(fits);
  const found =
    fitting.find((one) => !one.secondary && !one.tentative && !one.duplicate) ??
    fitting.find((one) => !one.tentative && !one.duplicate);
  if (found) return { usable: true, source: found.address };
  const which = source ?? `an IPv${conf.family} address`;
  if (fitting.some((one) => one.duplicate)) return unusable(`${source ?? 'the address'} of ${name} is a duplicate`);
  if (fitting.length > 0) return unusable(`${source ?? 'the address'} of ${name} is tentative`, true);
  return unusable(`${name} does not have ${which} to send from`);
}

/** What the interface is worth to an instance; `isOurs` tells the addresses that lbd itself has added. */
export function judgeLink(network: Network, conf: VrrpInstanceConfig, isOurs: (address: Address) => boolean): Link {
  const name = conf.interface;
  const link = network.link(name);
  if (!link) return unusable(`there is no interface ${name}`);
  if (!link.up) return unusable(`${name} is down`);
  if (!link.running) return unusable(`${name} has no carrier`);
  const candidates = network.addresses(link.index).filter((one) => one.family === conf.family && !isOurs(one));
  if (conf.unicast) return judgeSource(name, conf, conf.unicast, candidates);
  if (conf.family === 4) {
    const source = candidates.find((one) => !one.secondary) ?? candidates[0];
    return source ? { usable: true, source: source.address } : unusable(`${name} has no IPv4 address to send from`);
  }
  const local = candidates.filter((one) => isLinkLocal6(one.address));
  const source = local.find((one) => !one.tentative && !one.duplicate);
  if (source) return { usable: true, source: source.address };
  if (local.some((one) => one.duplicate)) return unusable(`the link-local address of ${name} is a duplicate`);
  if (local.length > 0) return unusable(`the link-local address of ${name} is tentative`, true);
  return unusable(`${name} has no link-local address to send from`);
}
