/** VRRP without multicast: the other directors by their addresses. */
import * as v from 'valibot';
import { isMulticast, parseIp } from '../base/ip.js';
import { list, mapping, parsed, whole } from './schema-tools.js';

const host = parsed(
  (word) => {
    const address = parseIp(word);
    if (!address) return { refused: `"${word}" is no address` };
    return isMulticast(address) ? { refused: `${address} is a group: unicast names hosts` } : { value: address };
  },
  'an address',
  { is: 'address' },
);

const TTL = [1, 255] as const;

const longPeer = v.pipe(
  mapping('a peer', {
    address: host,
    min_ttl: v.optional(whole('min_ttl', ...TTL), 1),
    max_ttl: v.optional(whole('max_ttl', ...TTL), 255),
  }),
  v.check(({ min_ttl: min, max_ttl: max }) => min <= max, 'min_ttl is above max_ttl'),
  v.transform(({ address, min_ttl: minTtl, max_ttl: maxTtl }) => ({ address, minTtl, maxTtl })),
);

const shortPeer = v.pipe(
  host,
  v.transform((address) => ({ address, minTtl: 1, maxTtl: 255 })),
);

/** An address, or a mapping with the range of its TTL. */
const peer = v.lazy((input): typeof longPeer | typeof shortPeer =>
  typeof input === 'object' && input !== null && !Array.isArray(input) ? longPeer : shortPeer,
);

export const unicast = mapping('unicast', {
  source: v.optional(host),
  ttl: v.optional(whole('ttl', ...TTL)),
  peers: v.pipe(list('peers', peer), v.minLength(1, 'unicast needs at least one peer')),
});

export type UnicastShape = v.InferOutput<typeof unicast>;
