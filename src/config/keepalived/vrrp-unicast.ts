/** Peers and source of an instance -> `unicast`; its password or keys -> `authentication`. */
import { familyOf, parseIp } from '../../base/ip.js';
import { Mapping, type Plain } from './sheet.js';
import type { Statement } from './types.js';
import { dropEntry, eachEntry, endList, idleEntry, listFrom, tellWord } from './vrrp-entries.js';
import type { OldInstance } from './vrrp-facts.js';
import { boundsOf, whyNoPeer } from './vrrp-peers.js';
import { lastOf, textsOf, wholeOf } from './vrrp-values.js';
import { type Handlers, type Importing, refuseWhole } from './walk.js';

const ORDER = ['source', 'ttl', 'peers'];

export interface InstancePlace {
  readonly old: OldInstance;
  readonly mapping: Mapping;
  readonly importing: Importing;
}

/** The mapping of a key, in its order of words. */
function sectionOf(mapping: Mapping, key: string, order: readonly string[], { sheet }: Importing): Mapping {
  const there = mapping.get(key);
  if (there instanceof Mapping) return there;
  const made = new Mapping(order);
  sheet.set(mapping, key, made);
  return made;
}

/** An address, or that and the bounds of its TTL. */
function peerOf(entry: Statement, importing: Importing): Plain {
  const texts = entry.args.map((one) => one.text);
  for (let i = 0; i < texts.length; i += 2) {
    const word = texts[i] as string;
    if (wholeOf(texts[i + 1], 0, 255) === undefined)
      importing.notes.refuse(
        entry,
        `${texts.slice(i, i + 2).join(' ')}: behind a peer are min_ttl and max_ttl, each with 0 to 255: keepalived passes over it. Each peer has a line of its own`,
      );
    else tellWord(entry, 'unicast_peer', word, importing);
  }
  const { min, max } = boundsOf(entry);
  return min === undefined && max === undefined ? entry.key.text : { address: entry.key.text, min_ttl: min, max_ttl: max };
}

const WITHOUT = 'while the host has not this address the instance is in FAULT, as with track_src_ip';
const UNCHECKED = 'adverts of directors that it does not name are refused: name all others';
const NOBODY = 'it names no peer: adverts go to the group, as they do in keepalived';
const FAULTY =
  'it names no peer: adverts go to the group; keepalived stays in FAULT, for unicast_fault_no_peer: name the other director';

export function unicastHandlers({ old, mapping, importing }: InstancePlace): Handlers {
  const { sheet, notes } = importing;
  const seen = new Set<string>();
  const section = () => sectionOf(mapping, 'unicast', ORDER, importing);
  const source = (statement: Statement): void => {
    const [text = ''] = textsOf(statement);
    const address = parseIp(text);
    if (address === undefined || familyOf(address) !== old.family)
      return refuseWhole(statement, `${text} is no IPv${old.family} address: keepalived passes over it`, importing);
    if (!old.hasPeers)
      return refuseWhole(
        statement,
        `adverts to the group leave from the first address of ${old.interface ?? 'the interface'}: put ${text} first there`,
        importing,
      );
    if (!lastOf(old.statement, 'track_src_ip')) notes.change(statement, WITHOUT);
    sheet.set(section(), 'source', text, statement);
  };
  const peer = (entry: Statement, list: ReturnType<typeof listFrom>): void => {
    const address = parseIp(entry.key.text) ?? '';
    const why = whyNoPeer(entry, old.statement, old.family);
    if (why !== undefined) return dropEntry(entry, why, importing);
    if (seen.has(address)) return idleEntry(entry, 'it is there twice', importing);
    seen.add(address);
    sheet.add(list, peerOf(entry, importing), entry);
  };
  return {
    mcast_src_ip: source,
    unicast_src_ip: source,
    unicast_peer(statement) {
      const list = listFrom(section(), 'peers', statement, importing);
      eachEntry(statement, 'unicast_peer', importing, (entry) => peer(entry, list));
      endList(section(), 'peers', statement, importing);
      if (section().entries.length === 0)
        mapping.entries.splice(
          mapping.entries.findIndex((one) => one.key === 'unicast'),
          1,
        );
      if (!old.hasPeers && lastOf(old.statement, 'unicast_fault_no_peer')) notes.refuse(statement, FAULTY);
      else if (!old.hasPeers) notes.change(statement, NOBODY);
      else if (!lastOf(old.statement, 'check_unicast_src')) notes.change(statement, UNCHECKED);
    },
    unicast_ttl(statement) {
      const ttl = wholeOf(textsOf(statement)[0], 0, 255);
      if (ttl === undefined) return refuseWhole(statement, 'it is 0 to 255: keepalived passes over it', importing);
      if (!old.hasPeers) return refuseWhole(statement, 'there is no peer: keepalived passes over it', importing);
      if (ttl === 0) notes.change(statement, 'an advert of TTL 0 goes nowhere: it is 1');
      sheet.set(section(), 'ttl', Math.max(1, ttl), statement);
    },
  };
}
