/**
 * Which virtual servers of lbd one of keepalived is: one, or, where it is of a group, one for each family of its addresses and one for each
 * mark; and one for each port where a real server behind NAT has none of its own. Their names: snmp_name, or the group's, or
 * tcp-192.0.2.10-80 and fwmark-7; what tells several of a group apart stands behind it, and a number where it is taken.
 */
import { compareIp, type Family, familyOf } from '../../base/ip.js';
import type { Group, GroupAddress, Groups } from './groups.js';
import type { ServiceDraft } from './services-read.js';
import { tellWhole } from './services-words.js';
import type { Statement } from './types.js';
import { leftOut } from './walk.js';

export interface Output {
  readonly name: string;
  readonly family: Family;
  readonly addresses: readonly GroupAddress[];
  readonly mark: number | undefined;
  /** Each once; 0 for every port. */
  readonly ports: readonly number[];
  /** Its address, mark or group. */
  readonly from: Statement | undefined;
}

const MAX_NAME = 63;
const clean = (text: string): string =>
  text
    .replace(/[^\w.-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, MAX_NAME);

export interface Names {
  /** The first that nobody has of `web`, `web-2`, … */
  take(wanted: string): string;
}

export function createNames(): Names {
  const taken = new Set<string>();
  return {
    take(wanted) {
      const first = clean(wanted) || 'service';
      let name = first;
      for (let i = 2; taken.has(name); i++) name = `${first.slice(0, MAX_NAME - String(i).length - 1)}-${i}`;
      taken.add(name);
      return name;
    },
  };
}

type Held = Pick<GroupAddress, 'first' | 'last'>;

/** Of one protocol, port and family. Ranges are few. */
interface Taken {
  readonly singles: Set<string>;
  readonly ranges: Held[];
}

function isTaken({ singles, ranges }: Taken, { first, last }: Held): boolean {
  if (ranges.some((one) => compareIp(one.first, last) <= 0 && compareIp(first, one.last) <= 0)) return true;
  if (first === last) return singles.has(first);
  return [...singles].some((one) => compareIp(first, one) <= 0 && compareIp(one, last) <= 0);
}

/** What has been said already, of all virtual servers: the kernel has each address, port and protocol once. */
export interface Claims {
  /** False: another virtual server has it, or a part of it. */
  takeAddress(protocol: string, one: Omit<GroupAddress, 'from'>): boolean;
  takeMark(mark: number, family: Family): boolean;
}

export function createClaims(): Claims {
  const byPort = new Map<string, Taken>();
  const marks = new Set<string>();
  return {
    takeMark(mark, family) {
      const key = `${mark}/${family}`;
      return !marks.has(key) && marks.add(key) !== undefined;
    },
    takeAddress(protocol, { first, last, port, family }) {
      const key = `${protocol}/${port}/${family}`;
      const taken = byPort.get(key) ?? { singles: new Set<string>(), ranges: [] };
      if (isTaken(taken, { first, last })) return false;
      byPort.set(key, taken);
      if (first === last) taken.singles.add(first);
      else taken.ranges.push({ first, last });
      return true;
    },
  };
}

const HELD = 'another virtual server has it: to the kernel they are one, which is that of the first';

/** The family of a mark that says none is that of what is not behind a tunnel, or of all. */
export function familyOfMark({ words, servers }: Pick<ServiceDraft, 'words' | 'servers'>): Family {
  if (words.family) return words.family.value;
  const direct = servers.find(({ forward }) => forward !== 'tun');
  if (direct) return familyOf(direct.place.address);
  if (words.granularity?.value.includes('.')) return 4;
  const families = new Set(servers.map(({ place }) => familyOf(place.address)));
  return families.size === 1 && families.has(6) ? 6 : 4;
}

const uniquePorts = (addresses: readonly GroupAddress[]): number[] => [...new Set(addresses.map(({ port }) => port))];

/** What is behind NAT without a port has that of the service: which, must be one. */
function needsOnePort({ servers, words, forward }: ServiceDraft): boolean {
  const { sorry, sorryForward } = words;
  const bySorry = sorry !== undefined && sorry.value.port === undefined && (sorryForward?.value.method ?? forward) === 'nat';
  return bySorry || servers.some((one) => one.forward === 'nat' && one.place.port === undefined);
}

interface Part extends Omit<Output, 'name'> {
  /** What tells it from others of the same group. */
  readonly tail: string;
}

function partsOfAddresses(addresses: readonly GroupAddress[], draft: ServiceDraft, hasBoth: boolean): Part[] {
  const ports = uniquePorts(addresses);
  const sets =
    ports.length > 1 && needsOnePort(draft) ? ports.map((port) => addresses.filter((one) => one.port === port)) : [addresses];
  return sets.map((set): Part => {
    const { family, port } = set[0] as GroupAddress;
    const tail = `${hasBoth ? `-ipv${family}` : ''}${sets.length > 1 ? `-${port}` : ''}`;
    return { family, addresses: set, mark: undefined, ports: uniquePorts(set), from: undefined, tail };
  });
}

function partsOfGroup(group: Group, draft: ServiceDraft, protocol: string, claims: Claims): Part[] {
  const { notes, sheet } = draft.reading;
  const lost = (from: Statement): false => {
    notes.refuse(from, HELD);
    sheet.leave(from, leftOut(from, HELD));
    return false;
  };
  const addresses = group.addresses.filter((one) => claims.takeAddress(protocol, one) || lost(one.from));
  const families = ([4, 6] as const).filter((family) => addresses.some((one) => one.family === family));
  const byAddress = families.flatMap((family) =>
    partsOfAddresses(
      addresses.filter((one) => one.family === family),
      draft,
      families.length > 1,
    ),
  );
  const byMark = group.marks.flatMap(({ mark, family = familyOfMark(draft), from }): Part[] =>
    claims.takeMark(mark, family) || lost(from)
      ? [{ family, addresses: [], mark, ports: [0], from, tail: `-fwmark-${mark}` }]
      : [],
  );
  return [...byAddress, ...byMark];
}

function loseService({ statement, reading }: ServiceDraft, why: string): Output[] {
  tellWhole(statement, 'refuse', why, reading.notes);
  reading.given.sheet.leave(statement, leftOut({ ...statement, block: undefined }, why));
  return [];
}

/** Empty: there is no such group, or others have all of it; that was told. */
export function outputsOf(draft: ServiceDraft, groups: Groups, protocol: string, claims: Claims, names: Names): Output[] {
  const { target, statement, words } = draft;
  if (target.kind === 'group') {
    const group = groups.get(target.name);
    if (!group) return loseService(draft, `there is no virtual_server_group ${target.name} with an address or a mark`);
    const parts = partsOfGroup(group, draft, protocol, claims);
    const base = words.name?.value ?? target.name;
    return parts.map(({ tail, ...part }) => ({ ...part, name: names.take(`${base}${parts.length > 1 ? tail : ''}`) }));
  }
  if (target.kind === 'fwmark') {
    const family = familyOfMark(draft);
    if (!claims.takeMark(target.mark, family)) return loseService(draft, HELD);
    const name = names.take(words.name?.value ?? `fwmark-${target.mark}`);
    return [{ name, family, addresses: [], mark: target.mark, ports: [0], from: statement }];
  }
  const { address, port } = target;
  const one: GroupAddress = { family: familyOf(address), first: address, last: address, port, from: statement };
  if (!claims.takeAddress(protocol, one)) return loseService(draft, HELD);
  const name = names.take(words.name?.value ?? `${protocol}-${address}-${port}`);
  return [{ name, family: one.family, addresses: [one], mark: undefined, ports: [port], from: statement }];
}
