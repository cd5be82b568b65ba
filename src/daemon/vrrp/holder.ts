/** The addresses that the host holds for one instance: wanted against held, the difference done in the kernel. */
import { OsError } from '../../base/errors.js';
import { formatPrefix, type Prefix } from '../../base/ip.js';
import type { HeldAddress } from '../../config/types.js';
import { heldKey, sameHeld } from '../../vrrp/held.js';
import type { Added, Host, HostInterface } from './types.js';

export interface Holder {
  /** What lbd has added and not removed. */
  held(): readonly HeldAddress[];
  isHeld(one: HeldAddress): boolean;
  /** Something wanted could not be added. */
  lacking(): boolean;
  lacks(one: HeldAddress): boolean;
  /** Makes the host hold exactly these; returns those that were added now. */
  reconcile(want: readonly HeldAddress[]): readonly HeldAddress[];
  /** The kernel says that this address is gone from that interface. */
  lost(interfaceName: string, prefix: Prefix): void;
}

/** What a new address may take until packets for it are taken in. It is about one; the kernel's worker waits for its turn on a busy host. */
const ROUTE_MS = 100;

/** `adopted`: what a predecessor added and the kernel still has. */
export function createHolder(host: Host, subject: string, interfaceName: string, adopted: readonly HeldAddress[]): Holder {
  /** BOUNDED by the instance's addresses. */
  const held = new Map<string, HeldAddress>(adopted.map((one) => [heldKey(one), one]));
  /** Of those that this process added. */
  const indexes = new Map<string, number>();
  /** Told once each: an address that somebody else holds for us, or that cannot be added. BOUNDED by the instance's addresses. */
  const told = new Set<string>();
  /** Ours, gone by the kernel's word, and not added again yet. BOUNDED by the instance's addresses. */
  const lost = new Set<string>();
  /** What could not be added. BOUNDED by the instance's addresses. */
  const lacking = new Set<string>();
  const deviceOf = (one: HeldAddress) => host.network.link(one.dev ?? interfaceName);

  function tell(key: string, text: string): void {
    if (told.has(key)) return;
    told.add(key);
    host.event('vrrp', subject, text);
  }

  function add(on: HostInterface, prefix: HeldAddress): Added {
    const text = heldKey(prefix);
    try {
      if (host.rtnetlink.addAddress(on.index, prefix) === 'added') {
        lost.delete(text);
        return 'added';
      }
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      tell(`failed ${text}`, `${formatPrefix(prefix)} cannot be added to ${on.name}: ${error.message}`);
      return 'failed';
    }
    // That it was gone may be old news: we removed it ourselves, and have added it again since.
    if (lost.delete(text) || isMarked(on, formatPrefix(prefix))) return 'own';
    tell(
      `foreign ${text}`,
      `${formatPrefix(prefix)} is on ${on.name} already and lbd did not add it: it is used, and never removed`,
    );
    return 'foreign';
  }

  const isMarked = (on: HostInterface, text: string): boolean =>
    host.rtnetlink.addresses().some((one) => one.own && one.index === on.index && formatPrefix(one) === text);

  /** Where it was added: the interface may have another name by now, and takes what it has along. */
  function remove(prefix: HeldAddress): void {
    const key = heldKey(prefix);
    const on = host.network.at(indexes.get(key)) ?? deviceOf(prefix);
    held.delete(key);
    indexes.delete(key);
    if (!on) return;
    try {
      host.rtnetlink.deleteAddress(on.index, prefix);
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      host.log('warn', `${formatPrefix(prefix)} cannot be removed from ${on.name}: ${error.message}`);
    }
  }

  /** What is over goes, and what is to be in another form; the last that came is the first to go. */
  function clear(want: readonly HeldAddress[]): void {
    const wanted = new Map(want.map((one) => [heldKey(one), one]));
    for (const [key, one] of [...held].reverse()) {
      const next = wanted.get(key);
      if (!next || !sameHeld(one, next)) remove(one);
    }
    for (const key of lost) if (!wanted.has(key)) lost.delete(key);
  }

  function reconcile(want: readonly HeldAddress[]): readonly HeldAddress[] {
    clear(want);
    lacking.clear();
    const added: HeldAddress[] = [];
    for (const one of want) {
      const key = heldKey(one);
      if (held.has(key)) continue;
      const on = deviceOf(one);
      const outcome = on ? add(on, one) : 'failed';
      if (!on) tell(`failed ${key}`, `${formatPrefix(one)} cannot be added: there is no interface ${one.dev ?? interfaceName}`);
      if (outcome === 'added') added.push(one);
      if (outcome === 'added' || outcome === 'own') {
        held.set(key, one);
        if (on) indexes.set(key, on.index);
      }
      if (outcome === 'failed') lacking.add(key);
      else told.delete(`failed ${key}`);
    }
    awaitRoutes(added);
    return added;
  }

  /** The kernel's worker makes the routes in order: when the last is there, all are. */
  function awaitRoutes(added: readonly HeldAddress[]): void {
    const last = added.at(-1);
    const on = last && deviceOf(last);
    if (on && !host.awaitLocal(last.address, on.index, ROUTE_MS))
      host.log('warn', `${last.address} on ${on.name} has no local route after ${ROUTE_MS} ms`);
  }

  return {
    held: () => [...held.values()],
    isHeld: (one) => held.has(heldKey(one)),
    lacking: () => lacking.size > 0,
    lacks: (one) => lacking.has(heldKey(one)),
    reconcile,
    lost(name, { address, length }) {
      const key = heldKey(name === interfaceName ? { address, length } : { address, length, dev: name });
      if (held.delete(key)) lost.add(key);
    },
  };
}
