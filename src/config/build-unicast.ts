/** Unicast of a VRRP instance: what cannot work is refused. */
import { familyOf } from '../base/ip.js';
import type { Located, Report } from './located.js';
import type { UnicastShape } from './schema-unicast.js';
import type { UnicastConfig, VrrpInstanceConfig } from './types.js';

export const unicastOf = ({ source, ttl, peers }: UnicastShape): UnicastConfig => ({
  ...(source === undefined ? {} : { source }),
  ...(ttl === undefined ? {} : { ttl }),
  peers,
});

export function checkUnicast(instance: VrrpInstanceConfig, at: Located<unknown>, report: Report): void {
  const { unicast, family, vmac } = instance;
  if (!unicast) return;
  const { source, peers } = unicast;
  const path = ['unicast', 'peers'];
  const wrong = (address: string) => `${address} is no IPv${family} address: adverts of this instance are IPv${family}`;
  if (source !== undefined && familyOf(source) !== family) report('error', at, wrong(source), ['unicast', 'source']);
  const seen = new Set<string>();
  for (const [i, { address }] of peers.entries()) {
    if (familyOf(address) !== family) report('error', at, wrong(address), [...path, i]);
    if (seen.has(address)) report('error', at, `${address} is listed twice`, [...path, i]);
    if (instance.addresses.some((one) => one.address === address))
      report('error', at, `${address} is a virtual address of this instance: a peer is known by an address of its own`, [
        ...path,
        i,
      ]);
    seen.add(address);
  }
  if (peers.every(({ address }) => address === source))
    report('error', at, 'the only peer is this director itself (unicast.source)', path);
  if (vmac) report('error', at, 'use_vmac is for adverts to the group: leave it out, or unicast', ['use_vmac']);
}
