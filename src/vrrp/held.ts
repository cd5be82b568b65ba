/** What a master holds, as values: addresses on the instance's interface and on others, named in adverts or not. */
import { familyOf, formatPrefix, type Ip, parsePrefix } from '../base/ip.js';
import type { HeldAddress, VrrpInstanceConfig } from '../config/types.js';

/** `192.0.2.10/24`, or `192.0.2.10/24 dev eth1`: what it is, to people and to a successor. */
export const heldKey = (one: Pick<HeldAddress, 'address' | 'length' | 'dev'>): string =>
  one.dev === undefined ? formatPrefix(one) : `${formatPrefix(one)} dev ${one.dev}`;

/** The other way round; undefined when it is no such text. */
export function parseHeld(text: string): HeldAddress | undefined {
  const [word = '', dev] = text.split(' dev ', 2);
  const prefix = parsePrefix(word);
  if (!prefix || dev === '') return undefined;
  return dev === undefined ? prefix : { ...prefix, dev };
}

/** IPv6 has no labels, and the kernel chooses the scope. */
const formOf = (one: HeldAddress): string => (familyOf(one.address) === 6 ? '' : `${one.label ?? ''} ${one.scope ?? 'global'}`);

/** An address that is on the host in this form already needs nothing. */
export const sameHeld = (a: HeldAddress, b: HeldAddress): boolean => heldKey(a) === heldKey(b) && formOf(a) === formOf(b);

/** Every interface that has something of the instance; its own is the first. */
export const devicesOf = (conf: Pick<VrrpInstanceConfig, 'interface' | 'addresses'>): readonly string[] => [
  ...new Set([conf.interface, ...conf.addresses.flatMap((one) => one.dev ?? [])]),
];

/** Those whose new holder can be heard: announced on the instance's own link, in its own family. */
export const claimable = (conf: Pick<VrrpInstanceConfig, 'family' | 'vmac'>, holding: readonly HeldAddress[]): readonly Ip[] =>
  holding
    .filter((one) => (one.dev === undefined || one.dev === conf.vmac?.name) && familyOf(one.address) === conf.family)
    .map((one) => one.address);
