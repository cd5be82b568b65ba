/** What a VRRP master holds: addresses, and how the host has them. */
import * as v from 'valibot';
import { familyOf, formatPrefix, ipBytes, type Prefix, parsePrefix } from '../base/ip.js';
import { unusable } from '../base/words.js';
import { choice, interfaceName, mapping, parsed, shown, text } from './schema-tools.js';
import type { HeldAddress } from './types.js';

/** Hosts and prefixes that one director may take from another. */
const virtualAddress = parsed(
  (word) => {
    const prefix = parsePrefix(word);
    if (!prefix) return { refused: `"${word}" is no address with an optional prefix length (192.0.2.10/24, 2001:db8::10/64)` };
    const why = unusable(prefix.address) ?? noVirtualAddress(prefix);
    return why === undefined ? { value: prefix } : { refused: why };
  },
  'an address',
  { is: 'prefix' },
);

/** What a host would take and not use as an address that others reach. */
function noVirtualAddress(prefix: Prefix): string | undefined {
  const { address, length } = prefix;
  if (address.startsWith('127.') || address === '::1') return `${address} is of the loopback network: no other host can reach it`;
  if (length === 0) return `${formatPrefix(prefix)} would make every address a neighbour: write the length of its network`;
  if (familyOf(address) === 6 || length > 30) return undefined;
  const host = ipBytes(address).reduce((sum, byte) => sum * 256 + byte, 0) % 2 ** (32 - length);
  if (host === 0) return `${formatPrefix(prefix)} is the network itself, no address of a host in it`;
  return host === 2 ** (32 - length) - 1 ? `${formatPrefix(prefix)} is the broadcast address of its network` : undefined;
}

/** IFNAMSIZ without its NUL, for IFA_LABEL is as long as a name (linux/if_addr.h, net/ipv4/devinet.c). */
const MAX_LABEL = 15;

const label = v.pipe(
  text('label'),
  v.check(
    (word) => /^[\x21-\x7e]+$/.test(word) && word.length <= MAX_LABEL,
    (issue) => `"${issue.input}" is no label of an address (1 to ${MAX_LABEL} characters, no space): write eth0:vip`,
  ),
);

const long = v.pipe(
  mapping('a virtual address', {
    address: virtualAddress,
    interface: v.optional(interfaceName('interface')),
    label: v.optional(label),
    scope: v.optional(choice('scope', ['global', 'site', 'link', 'host'])),
  }),
  v.check(
    ({ address, label: one }) => one === undefined || familyOf(address.address) === 4,
    'only an IPv4 address has a label: leave it out',
  ),
  v.transform(
    ({ address, interface: dev, label: name, scope }): HeldAddress => ({
      ...address,
      ...(dev === undefined ? {} : { dev }),
      ...(name === undefined ? {} : { label: name }),
      ...(scope === undefined ? {} : { scope }),
    }),
  ),
);

/** `192.0.2.10/24`, or a mapping with more to it. */
export const heldAddress = v.lazy((input): v.GenericSchema<unknown, HeldAddress> => {
  const isMapping = typeof input === 'object' && input !== null && !Array.isArray(input);
  return (isMapping ? long : virtualAddress) as v.GenericSchema<unknown, HeldAddress>;
});

const vmac = mapping('use_vmac', { name: v.optional(interfaceName('name')) });

/** `true`, or a mapping with the name of its interface. */
export const useVmac = v.lazy((input): v.GenericSchema<unknown, boolean | v.InferOutput<typeof vmac>> => {
  const isMapping = typeof input === 'object' && input !== null;
  return isMapping ? vmac : v.boolean((issue) => `use_vmac is true, false or { name: vrrp.51 }, not ${shown(issue.input)}`);
});
