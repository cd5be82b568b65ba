/** Addresses that a process of lbd which is no more has left on the host. */
import type { HeldAddress, VrrpInstanceConfig } from '../../config/types.js';
import { devicesOf, heldKey } from '../../vrrp/held.js';
import type { Saved } from './store.js';
import type { Host } from './types.js';

/** What a predecessor added and the kernel still has: on record, or marked as lbd's. */
export function leftBehind(
  { network }: Pick<Host, 'network'>,
  conf: VrrpInstanceConfig,
  left: Pick<Saved, 'held'> | undefined,
): HeldAddress[] {
  const known = new Set(left?.held.map(heldKey));
  const ours = new Set(conf.addresses.map(heldKey));
  const names = new Set([...devicesOf(conf), ...(left?.held ?? []).flatMap((one) => one.dev ?? [])]);
  return [...names].flatMap((name) => {
    const on = network.link(name);
    const dev = name === conf.interface ? {} : { dev: name };
    const present = on ? network.addresses(on.index) : [];
    return present
      .map(({ address, length, own, label, scope }) => {
        const form = { ...(label === undefined || label === name ? {} : { label }), ...(scope ? { scope } : {}) };
        return { own, one: { address, length, ...dev, ...form } };
      })
      .filter(({ own, one }) => known.has(heldKey(one)) || (own && ours.has(heldKey(one))))
      .map(({ one }) => one);
  });
}
