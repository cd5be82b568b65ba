/** Neighbours that an instance asks something of: the default gateway, or addresses on its link. */
import * as v from 'valibot';
import { familyOf, type Ip, parseIp } from '../base/ip.js';
import { unusable } from '../base/words.js';
import { list, parsed, shown } from './schema-tools.js';
import type { VrrpInstanceConfig } from './types.js';

/** `gateway`, one of `words`, or a list of addresses. */
export function neighbourWords<const W extends string>(what: string, words: readonly W[]) {
  const one = parsed(
    (word) => {
      const address = parseIp(word);
      if (!address) return { refused: `${what}: "${word}" is no IP address of a neighbour` };
      const why = unusable(address);
      return why === undefined ? { value: address } : { refused: `${what}: ${why}` };
    },
    'the address of a neighbour',
    { is: 'address' },
  );
  const nobody = words.length > 0 ? `${what} lists nobody: write ${words[0]}` : `${what} lists nobody: leave it out`;
  const several = v.pipe(list(what, one), v.nonEmpty(nobody));
  const choices = [...words, 'gateway' as const];
  const expected = `${what} is ${choices.join(', ')} or a list of neighbours' addresses`;
  const word = v.picklist(choices, (issue) => `${expected}, not ${shown(issue.input)}`);
  return v.lazy((input): typeof several | typeof word => (Array.isArray(input) ? several : word));
}

/** Why this one cannot be asked about the instance's addresses. */
export function noNeighbour({ name, family, addresses }: VrrpInstanceConfig, what: string, one: Ip): string | undefined {
  if (familyOf(one) !== family)
    return `${one} knows nothing of IPv${family} addresses: ${what} takes IPv${family} neighbours here`;
  return addresses.some(({ address }) => address === one)
    ? `${one} is a virtual address of ${name} itself, no neighbour`
    : undefined;
}
