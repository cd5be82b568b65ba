/** The addresses that the host holds for one instance: wanted against held, the difference done in the kernel. */
import { OsError } from '../../base/errors.js';
import { formatPrefix, type Ip, type Prefix } from '../../base/ip.js';
import type { Added, Host, HostInterface } from './types.js';

export interface Holder {
  /** What lbd has added and not removed. */
  held(): readonly Prefix[];
  isHeld(prefix: Prefix): boolean;
  /** Something wanted could not be added. */
  lacking(): boolean;
  lacks(address: Ip): boolean;
  /** Makes the host hold exactly these; returns those that were added now. */
  reconcile(want: readonly Prefix[]): readonly Ip[];
  /** The kernel says that this address is gone. */
  lost(prefix: Prefix): void;
}

/** What a new address may take until packets for it are taken in; it is about one. */
const ROUTE_MS = 10;

/** `adopted`: what a predecessor added and the kernel still has. */
export function createHolder(host: Host, subject: string, interfaceName: string, adopted: readonly Prefix[]): Holder {
  /** BOUNDED by the instance's addresses. */
  const held = new Map<string, Prefix>(adopted.map((one) => [formatPrefix(one), one]));
  /** Told once each: an address that somebody else holds for us, or that cannot be added. BOUNDED by the instance's addresses. */
  const told = new Set<string>();
  /** Ours, gone by the kernel's word, and not added again yet. BOUNDED by the instance's addresses. */
  const lost = new Set<string>();
  /** What could not be added. BOUNDED by the instance's addresses. */
  const lacking = new Set<Ip>();

  function tell(key: string, text: string): void {
    if (told.has(key)) return;
    told.add(key);
    host.event('vrrp', subject, text);
  }

  function add(on: HostInterface, prefix: Prefix): Added {
    const text = formatPrefix(prefix);
    try {
      if (host.rtnetlink.addAddress(on.index, prefix) === 'added') {
        lost.delete(text);
        return 'added';
      }
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      tell(`failed ${text}`, `${text} cannot be added to ${on.name}: ${error.message}`);
      return 'failed';
    }
    // That it was gone may be old news: we removed it ourselves, and have added it again since.
    if (lost.delete(text) || isMarked(on, text)) return 'own';
    tell(`foreign ${text}`, `${text} is on ${on.name} already and lbd did not add it: it is used, and never removed`);
    return 'foreign';
  }

  const isMarked = (on: HostInterface, text: string): boolean =>
    host.rtnetlink.addresses().some((one) => one.own && one.index === on.index && formatPrefix(one) === text);

  function remove(on: HostInterface | undefined, prefix: Prefix): void {
    held.delete(formatPrefix(prefix));
    if (!on) return;
    try {
      host.rtnetlink.deleteAddress(on.index, prefix);
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      host.log('warn', `${formatPrefix(prefix)} cannot be removed from ${on.name}: ${error.message}`);
    }
  }

  function reconcile(want: readonly Prefix[]): readonly Ip[] {
    const on = host.network.link(interfaceName);
    const wanted = new Set(want.map(formatPrefix));
    for (const [key, prefix] of [...held].reverse()) if (!wanted.has(key)) remove(on, prefix);
    lacking.clear();
    for (const key of lost) if (!wanted.has(key)) lost.delete(key);
    const added: Ip[] = [];
    for (const prefix of want) {
      const key = formatPrefix(prefix);
      if (held.has(key)) continue;
      const outcome = on ? add(on, prefix) : 'failed';
      if (outcome === 'added') added.push(prefix.address);
      if (outcome === 'added' || outcome === 'own') held.set(key, prefix);
      if (outcome === 'failed') lacking.add(prefix.address);
      else told.delete(`failed ${key}`);
    }
    const last = added.at(-1);
    // The kernel's worker makes the routes in order: when the last is there, all are.
    if (on && last !== undefined && !host.awaitLocal(last, on.index, ROUTE_MS))
      host.log('warn', `${last} on ${on.name} has no local route after ${ROUTE_MS} ms`);
    return added;
  }

  return {
    held: () => [...held.values()],
    isHeld: (prefix) => held.has(formatPrefix(prefix)),
    lacking: () => lacking.size > 0,
    lacks: (address) => lacking.has(address),
    reconcile,
    lost(prefix) {
      const key = formatPrefix(prefix);
      if (held.delete(key)) lost.add(key);
    },
  };
}
