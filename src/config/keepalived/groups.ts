/** virtual_server_group: addresses, ranges and marks, as services of lbd have them. */
import {
  addressBits,
  compareIp,
  type Family,
  familyOf,
  type Ip,
  ipBytes,
  ipFromBytes,
  parseIp,
  parsePort,
} from '../../base/ip.js';
import { isRefused, MAX_FWMARK, MAX_RANGE, parseServiceAddresses, unusable } from '../../base/words.js';
import type { Given } from './parts.js';
import { passOver, tellWhole, wholeOf } from './services-words.js';
import type { Statement } from './types.js';
import { leftOut } from './walk.js';

export interface GroupAddress {
  readonly family: Family;
  readonly first: Ip;
  readonly last: Ip;
  /** 0: every port. */
  readonly port: number;
  readonly from: Statement;
}

export interface GroupMark {
  readonly mark: number;
  readonly family: Family | undefined;
  readonly from: Statement;
}

export interface Group {
  readonly statement: Statement;
  /** The same without its block. */
  readonly heading: Statement;
  readonly addresses: readonly GroupAddress[];
  readonly marks: readonly GroupMark[];
}

const PART = { 4: 0xff, 6: 0xffff } as const;

/** The last part of an address replaced: an octet, or 16 bits. */
function withLastPart(first: Ip, part: number): Ip {
  const bytes = ipBytes(first);
  if (familyOf(first) === 6) bytes[14] = part >>> 8;
  bytes[bytes.length - 1] = part & 0xff;
  return ipFromBytes(bytes);
}

function endOf(first: Ip, word: string): Ip | string {
  if (/[.:]/.test(word)) return parseIp(word) ?? `"${word}" is no address`;
  const family = familyOf(first);
  const part = (family === 4 ? /^\d{1,3}$/ : /^[\da-fA-F]{1,4}$/).test(word) ? Number.parseInt(word, family === 4 ? 10 : 16) : -1;
  return part >= 0 && part <= PART[family] ? withLastPart(first, part) : `"${word}" is no end of a range from ${first}`;
}

/** The last address of a prefix; a string: host bits are set in the first one. */
function lastOf(first: Ip, length: number): Ip | string {
  const bytes = ipBytes(first);
  for (let bit = length; bit < bytes.length * 8; bit++) {
    const mask = 0x80 >> (bit % 8);
    const at = bit >> 3;
    if (((bytes[at] as number) & mask) !== 0) return `${first}/${length} has bits behind its mask`;
    bytes[at] = (bytes[at] as number) | mask;
  }
  return ipFromBytes(bytes);
}

interface Range {
  readonly first: Ip;
  readonly last: Ip;
}

function rangeOf(word: string): Range | string {
  const [, address = '', sign, end = ''] = /^([^/-]+)(?:([/-])(.*))?$/.exec(word) ?? [];
  const first = parseIp(address);
  if (first === undefined) return `"${word}" is no address, range or prefix`;
  if (sign === undefined) return { first, last: first };
  const length = wholeOf(end, 1, addressBits(familyOf(first)));
  if (sign === '/' && length === undefined) return `"${end}" is no length of a prefix`;
  const last = sign === '/' ? lastOf(first, length as number) : endOf(first, end);
  if (parseIp(last) === undefined) return last;
  if (familyOf(last) !== familyOf(first)) return `${first} and ${last} are of two families`;
  return compareIp(first, last) > 0 ? `the range ${word} ends before it begins` : { first, last };
}

/** As `address:` of a virtual server has it: `192.0.2.10-13:80`, `[2001:db8::1]:80`. */
export function addressWord({ first, last, port, family }: Omit<GroupAddress, 'from'>): string {
  if (family === 6) return `[${first}${first === last ? '' : `-${last}`}]:${port}`;
  if (first === last) return `${first}:${port}`;
  const cut = first.lastIndexOf('.') + 1;
  return `${first}-${last.startsWith(first.slice(0, cut)) ? last.slice(cut) : last}:${port}`;
}

type Told = readonly [outcome: 'noEffect' | 'refuse', why: string];

function readAddress(entry: Statement): GroupAddress | Told {
  const port = entry.args[0] === undefined ? 0 : parsePort(entry.args[0].text);
  const range = rangeOf(entry.key.text);
  if (typeof range === 'string') return ['noEffect', range];
  if (port === undefined) return ['noEffect', `"${entry.args[0]?.text}" is no port`];
  const found = { family: familyOf(range.first), ...range, port, from: entry };
  const why = unusable(range.first);
  if (why !== undefined) return ['refuse', why];
  if (isRefused(parseServiceAddresses(addressWord(found))))
    return [
      'refuse',
      `it is more than ${MAX_RANGE} addresses: mark their packets with nftables, and have a virtual_server of this fwmark`,
    ];
  return found;
}

function readMark({ args }: Statement): Omit<GroupMark, 'from'> | Told {
  const mark = wholeOf(args[0]?.text ?? '', 0, MAX_FWMARK);
  const family = args[1]?.text;
  if (mark === undefined) return ['noEffect', `"${args[0]?.text ?? ''}" is no firewall mark`];
  if (mark === 0) return ['refuse', 'mark 0 is none: packets that nobody marked have it'];
  if (family !== undefined && family !== 'inet' && family !== 'inet6')
    return ['noEffect', `"${family}" is neither inet nor inet6`];
  return { mark, family: family === undefined ? undefined : family === 'inet6' ? 6 : 4 };
}

const isTold = (found: object): found is Told => Array.isArray(found);

function readGroup(statement: Statement, given: Given): Group {
  const { notes, sheet } = given;
  const [addresses, marks]: [GroupAddress[], GroupMark[]] = [[], []];
  for (const entry of statement.block ?? []) {
    notes.meet(entry, 'virtual_server_group', 'carried');
    const isMark = entry.key.text === 'fwmark';
    const found = isMark ? readMark(entry) : readAddress(entry);
    if (!isTold(found)) {
      if (isMark) marks.push({ ...(found as Omit<GroupMark, 'from'>), from: entry });
      else addresses.push(found as GroupAddress);
    } else if (found[0] === 'noEffect') passOver(entry, found[1], given);
    else {
      notes.refuse(entry, found[1]);
      sheet.leave(entry, leftOut(entry, found[1]));
    }
  }
  return { statement, heading: { ...statement, block: undefined }, addresses, marks };
}

export type Groups = ReadonlyMap<string, Group>;

/** By name; of two with one name keepalived takes the first. */
export function readGroups(given: Given): Groups {
  const groups = new Map<string, Group>();
  for (const statement of given.blocks.get('virtual_server_group') ?? []) {
    const name = statement.args[0]?.text ?? '';
    const group = readGroup(statement, given);
    if (groups.has(name))
      tellWhole(
        statement,
        'noEffect',
        `there is another virtual_server_group ${name}, which is the one that counts`,
        given.notes,
      );
    else if (group.addresses.length + group.marks.length === 0)
      tellWhole(statement, 'noEffect', 'it has no address and no mark: keepalived drops it', given.notes);
    else groups.set(name, group);
  }
  return groups;
}
