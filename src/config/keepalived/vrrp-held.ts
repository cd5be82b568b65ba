/** virtual_ipaddress and virtual_ipaddress_excluded -> virtual_addresses, excluded_addresses. */
import { type Family, familyOf, isLinkLocal6, parsePrefix } from '../../base/ip.js';
import { heldAddress } from '../schema-held.js';
import type { Listing, Mapping, Plain } from './sheet.js';
import type { Statement } from './types.js';
import { dropEntry, eachEntry, endList, idleEntry, listFrom, tellWord, whyUnfit } from './vrrp-entries.js';
import type { OldInstance } from './vrrp-facts.js';
import type { Importing } from './walk.js';

/** Addresses by who has them and where, over all instances. */
export type Holders = Map<string, { readonly name: string; readonly dev: string }>;

/** What one advert can name: keepalived has the others excluded. */
const MOST: Readonly<Record<Family, number>> = { 4: 255, 6: 90 };

const KEYS = { virtual_ipaddress: 'virtual_addresses', virtual_ipaddress_excluded: 'excluded_addresses' } as const;
export type HeldBlock = keyof typeof KEYS;

const WITH_VALUE = ['dev', 'scope', 'label', 'brd', 'broadcast', 'peer', 'preferred_lft', 'track_group'];
/** rt_scopes of iproute2. */
const SCOPES: Readonly<Record<string, string>> = { '0': 'global', '200': 'site', '253': 'link', '254': 'host' };

type Words = Readonly<Record<string, string | undefined>>;

function wordsOf(entry: Statement, block: HeldBlock, importing: Importing): Words | undefined {
  const texts = entry.args.map((one) => one.text);
  const found: Record<string, string> = {};
  for (let i = 0; i < texts.length; i++) {
    const word = texts[i] as string;
    const value = WITH_VALUE.includes(word) ? texts[++i] : '';
    if (value === undefined) {
      dropEntry(entry, `${word} says nothing: keepalived passes over the address`, importing);
      return undefined;
    }
    found[word] = value;
    tellWord(entry, block, word, importing);
  }
  return found;
}

/** Scope and label mean nothing to IPv6, which keepalived says, too. */
function optionsOf(words: Words, family: Family, own: string | undefined): { readonly [key: string]: Plain | undefined } {
  const { dev, scope = '', label } = words;
  const plain = SCOPES[scope] ?? scope;
  return {
    interface: dev === own ? undefined : dev,
    label: family === 4 ? label : undefined,
    scope: family === 4 && plain !== '' && plain !== 'global' ? plain : undefined,
  };
}

interface Place {
  readonly old: OldInstance;
  readonly mapping: Mapping;
  readonly holders: Holders;
  readonly importing: Importing;
}

/** What lbd writes of an entry; undefined: it was told why nothing. */
function addressOf(entry: Statement, block: HeldBlock, { old, holders, importing }: Place): Plain | undefined {
  const text = entry.key.text;
  const prefix = parsePrefix(text);
  if (!prefix) return void dropEntry(entry, `${text} is no address: keepalived passes over it`, importing);
  const family = familyOf(prefix.address);
  if (block === 'virtual_ipaddress' && family !== old.family)
    return void dropEntry(
      entry,
      `${text} is not of the family of the instance: keepalived passes over it; excluded_addresses may be of any`,
      importing,
    );
  const words = wordsOf(entry, block, importing);
  if (!words) return undefined;
  const options = optionsOf(words, family, old.interface);
  const dev = words.dev ?? old.interface ?? '';
  const holder = holders.get(prefix.address);
  if (holder?.name === old.name) return void idleEntry(entry, `${prefix.address} is there twice`, importing);
  if (holder && holder.dev === dev && !isLinkLocal6(prefix.address))
    return void dropEntry(
      entry,
      `${prefix.address} is an address of ${holder.name} already: one of two masters would take it from the other`,
      importing,
    );
  const isPlain = Object.values(options).every((one) => one === undefined);
  const given = Object.fromEntries(Object.entries(options).filter(([, one]) => one !== undefined));
  const why = whyUnfit(heldAddress, isPlain ? text : { address: text, ...given });
  if (why !== undefined) return void dropEntry(entry, why, importing);
  holders.set(prefix.address, { name: old.name, dev });
  return isPlain ? text : { address: text, ...options };
}

export function heldHandler(block: HeldBlock, place: Place): (statement: Statement) => void {
  const { old, mapping, importing } = place;
  const { sheet, notes } = importing;
  return (statement) => {
    const list = listFrom(mapping, KEYS[block], statement, importing);
    eachEntry(statement, block, importing, (entry) => {
      const made = addressOf(entry, block, place);
      if (made === undefined) return;
      if (block === 'virtual_ipaddress' && list.items.length >= MOST[old.family]) {
        notes.change(entry, `an advert names ${MOST[old.family]} addresses: it is one of excluded_addresses, as in keepalived`);
        sheet.add(sheet.listOf(mapping, KEYS.virtual_ipaddress_excluded), made, entry);
      } else sheet.add(list, made, entry);
    });
    endList(mapping, KEYS[block], statement, importing);
    if (block === 'virtual_ipaddress' && old.family === 6 && list.items.length > 0 && !hasLinkLocal(list))
      notes.change(
        statement,
        'lbd adds a link-local address derived from the VRID, the first one of its adverts, as RFC 9568 wants it',
      );
  };
}

const hasLinkLocal = ({ items }: Listing): boolean =>
  items.some(({ value }) => typeof value === 'string' && isLinkLocal6(parsePrefix(value)?.address ?? ''));
