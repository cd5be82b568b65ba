/** Entries of unicast_peer: which of them are peers, and the bounds of their TTL. */
import { type Family, familyOf, isMulticast, parseIp, parsePrefix } from '../../base/ip.js';
import type { Statement } from './types.js';
import { allOf, lastOf, wholeOf } from './vrrp-values.js';

export interface Bounds {
  readonly min: number | undefined;
  readonly max: number | undefined;
}

/** lbd counts a TTL from 1. */
export function boundsOf({ args }: Statement): Bounds {
  const texts = args.map((one) => one.text);
  const last = (word: string): number | undefined => {
    const at = texts.findLastIndex((one, i) => i % 2 === 0 && one === word);
    const value = at < 0 ? undefined : wholeOf(texts[at + 1], 0, 255);
    return value === undefined ? undefined : Math.max(1, value);
  };
  return { min: last('min_ttl'), max: last('max_ttl') };
}

/** Addresses that the instance has itself. */
const ownOf = (instance: Statement): ReadonlySet<string | undefined> =>
  new Set(
    allOf(instance, 'virtual_ipaddress', 'virtual_ipaddress_excluded')
      .flatMap((one) => one.block ?? [])
      .map(({ key }) => parsePrefix(key.text)?.address),
  );

/** Why an entry is no peer; undefined: it is one. */
export function whyNoPeer(entry: Statement, instance: Statement, family: Family): string | undefined {
  const address = parseIp(entry.key.text);
  if (address === undefined || familyOf(address) !== family || isMulticast(address))
    return `it is no IPv${family} address of a director: keepalived passes over it`;
  if (ownOf(instance).has(address)) return 'it is an address of the instance itself: name the director by one that stays with it';
  const { min = 1, max = 255 } = boundsOf(entry);
  return min > max ? 'min_ttl is above max_ttl: keepalived hears nothing of it either' : undefined;
}

export const hasPeers = (instance: Statement, family: Family): boolean =>
  allOf(instance, 'unicast_peer')
    .flatMap((one) => one.block ?? [])
    .some((entry) => whyNoPeer(entry, instance, family) === undefined);

/** All its peers are the address that its adverts come from. */
export function isAlone(instance: Statement): boolean {
  const source = parseIp(lastOf(instance, 'unicast_src_ip', 'mcast_src_ip')?.args[0]?.text ?? '');
  const peers = allOf(instance, 'unicast_peer').flatMap((one) => one.block ?? []);
  return source !== undefined && peers.every(({ key }) => parseIp(key.text) === source);
}
