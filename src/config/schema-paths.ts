/** Routes and rules that a VRRP master has beside its addresses. */
import * as v from 'valibot';
import { addressBits, familyOf, formatPrefix, ipBytes, type Prefix, parseIp, parsePrefix } from '../base/ip.js';
import { MAX_FWMARK } from '../base/words.js';
import { interfaceName, mapping, parsed, whole } from './schema-tools.js';

const MAX_U32 = 2 ** 32 - 1;
/** The rules of priority 0, 32766 and 32767 are the kernel's own. */
const MAX_RULE = 32_765;
/** The least that IPv4 allows, and what a length field can say (RFC 791). */
const MTU = { least: 68, most: 65_535 };

/** Bits beyond the length: the kernel refuses a network that has some. */
function hasHostBits({ address, length }: Prefix): boolean {
  return ipBytes(address).some((byte, i) => (byte & (0xff >> Math.min(8, Math.max(0, length - 8 * i)))) !== 0);
}

const network = parsed(
  (word) => {
    const prefix = parsePrefix(word);
    if (!prefix) return { refused: `"${word}" is no network (198.51.100.0/24, 2001:db8::/32)` };
    return hasHostBits(prefix)
      ? { refused: `${formatPrefix(prefix)} has bits beyond its length of ${prefix.length}: write the network` }
      : { value: prefix };
  },
  'a network',
  { is: 'network' },
);

/** `default` is of the family of what stands beside it. */
const destination = v.lazy((input) => (input === 'default' ? v.literal('default') : network));

const address = parsed(
  (word) => {
    const ip = parseIp(word);
    return ip ? { value: ip } : { refused: `"${word}" is no address` };
  },
  'an address',
  { is: 'address' },
);

const table = whole('table', 1, MAX_U32);

export const virtualRoute = mapping('a virtual route', {
  to: destination,
  via: v.optional(address),
  interface: v.optional(interfaceName('interface')),
  source: v.optional(address),
  table: v.optional(table),
  metric: v.optional(whole('metric', 1, MAX_U32)),
  mtu: v.optional(whole('mtu', MTU.least, MTU.most)),
});

export const virtualRule = mapping('a virtual rule', {
  priority: whole('priority', 1, MAX_RULE),
  table,
  from: v.optional(network),
  to: v.optional(network),
  iif: v.optional(interfaceName('iif')),
  oif: v.optional(interfaceName('oif')),
  fwmark: v.optional(whole('fwmark', 1, MAX_FWMARK)),
  family: v.optional(v.picklist(['ipv4', 'ipv6'], 'family is ipv4 or ipv6')),
});

export type VirtualRouteShape = v.InferOutput<typeof virtualRoute>;
export type VirtualRuleShape = v.InferOutput<typeof virtualRule>;

export const wholeNetwork = (family: 4 | 6): Prefix => ({ address: family === 4 ? '0.0.0.0' : '::', length: 0 });
export const isHost = ({ address: ip, length }: Prefix): boolean => length === addressBits(familyOf(ip));
