/** The VRIDs that somebody was heard with, by link: whose is in use by a stranger is told one that is not. */
import { freeVrid } from '../../config/free-vrid.js';
import type { VrrpInstanceConfig } from '../../config/types.js';

type Group = Pick<VrrpInstanceConfig, 'interface' | 'family' | 'vrid'>;

export interface HeardVrids {
  note(heard: Group): void;
  /** The next one above that nobody was heard with, and none of `configured` has; undefined: there is none. */
  free(of: Group, configured: Iterable<Group>): number | undefined;
}

const linkOf = ({ interface: name, family }: Group): string => `${name}/${family}`;

export function createHeardVrids(): HeardVrids {
  /** BOUNDED by the interfaces of instances, and 255 each. */
  const all = new Map<string, Set<number>>();
  return {
    note(heard) {
      const link = linkOf(heard);
      const known = all.get(link);
      if (known) known.add(heard.vrid);
      else all.set(link, new Set([heard.vrid]));
    },
    free(of, configured) {
      const link = linkOf(of);
      const own = [...configured].filter((one) => linkOf(one) === link).map((one) => one.vrid);
      return freeVrid(of.vrid, new Set([...(all.get(link) ?? []), ...own]));
    },
  };
}
