/**
 * One configured VRRP instance with addresses of both families is two to the protocol, which have one VRID and move together: `VI_1`, IPv4,
 * and `VI_1/ipv6`. Nobody can give that name to an instance of his own.
 */
import { type Family, familyOf, type Ip } from '../base/ip.js';
import type { Located, Report } from './located.js';
import type { VrrpInstanceShape } from './schema.js';
import type { SyncGroupShape } from './schema-track.js';
import type { SyncGroupConfig, VirtualRoute, VirtualRule, VrrpInstanceConfig } from './types.js';

const SUFFIX = '/ipv6';

/** The half that is IPv6. */
export const twinOf = (name: string): string => `${name}${SUFFIX}`;

/** A text about a half is one about the whole: what is wrong with both is told once. */
export const ofTheWhole = (text: string): string => text.replaceAll(SUFFIX, '');

type Shape = VrrpInstanceShape;
type Place = Located<Shape>;

const isPair = ({ virtual_addresses: all }: Shape): boolean => new Set(all.map((one) => familyOf(one.address))).size > 1;

/** Names of configured instances that are two. */
export const pairsAmong = (sections: readonly Place[]): ReadonlySet<string> =>
  new Set(sections.filter((at) => isPair(at.value)).map((at) => at.value.name));

/** Peers and source of one family; undefined where none is left. */
function unicastOf({ unicast }: Shape, family: Family): Shape['unicast'] {
  if (!unicast) return undefined;
  const isOwn = (address: Ip) => familyOf(address) === family;
  const { source, ttl, peers } = unicast;
  const own = peers.filter((one, i) => isOwn(one.address) && peers.findIndex((each) => each.address === one.address) === i);
  if (own.length === 0) return undefined;
  return { peers: own, ...(ttl === undefined ? {} : { ttl }), ...(source !== undefined && isOwn(source) ? { source } : {}) };
}

/** Programs to notify, routes and rules are the first half's: see shareOut. */
function half(value: Shape, family: Family): Shape {
  const isOwn = (one: { readonly address: Ip }) => familyOf(one.address) === family;
  const { unicast: _, v3_checksum: checksum, ...rest } = value;
  const unicast = unicastOf(value, family);
  const own = {
    ...rest,
    virtual_addresses: value.virtual_addresses.filter(isOwn),
    excluded_addresses: value.excluded_addresses.filter(isOwn),
    ...(unicast ? { unicast } : {}),
  };
  if (family === 4) return checksum === undefined ? own : { ...own, v3_checksum: checksum };
  return { ...own, name: twinOf(value.name), notify: [], virtual_routes: [], virtual_rules: [] };
}

function checkPair(at: Place, report: Report): void {
  const { unicast, use_vmac: vmac } = at.value;
  if (typeof vmac === 'object' && vmac.name !== undefined)
    report('error', at, `${vmac.name} cannot be of both families: leave the name out, each has an interface of its own then`, [
      'use_vmac',
    ]);
  if (!unicast) return;
  const path = ['unicast', 'peers'];
  for (const family of [4, 6] as const) {
    if (!unicast.peers.some((one) => familyOf(one.address) === family))
      report('error', at, `the instance has IPv${family} addresses and no IPv${family} peer`, path);
  }
  for (const [i, { address }] of unicast.peers.entries()) {
    if (unicast.peers.findIndex((one) => one.address === address) < i)
      report('error', at, `${address} is listed twice`, [...path, i]);
  }
}

/** The sections with each pair as its two halves, one behind the other. */
export function splitPairs(sections: readonly Place[], report: Report): Place[] {
  return sections.flatMap((at) => {
    if (!isPair(at.value)) return [at];
    checkPair(at, report);
    return ([4, 6] as const).map((family) => ({ ...at, value: half(at.value, family) }));
  });
}

const membersOf = (members: readonly string[], pairs: ReadonlySet<string>): string[] =>
  members.flatMap((name) => (pairs.has(name) ? [name, twinOf(name)] : [name]));

/** The sections of sync groups with both halves of their members. */
export const withTwins = (sections: readonly Located<SyncGroupShape>[], pairs: ReadonlySet<string>): Located<SyncGroupShape>[] =>
  sections.map((at) => ({ ...at, value: { ...at.value, members: membersOf(at.value.members, pairs) } }));

/** A pair that is of no sync group is one by itself. */
export function groupsOf(groups: readonly SyncGroupConfig[], pairs: ReadonlySet<string>): SyncGroupConfig[] {
  const alone = [...pairs].filter((name) => !groups.some((one) => one.members.includes(name)));
  return [
    ...groups.map(({ name, members }) => ({ name, members: membersOf(members, pairs) })),
    ...alone.map((name) => ({ name, members: membersOf([name], pairs), pair: true as const })),
  ];
}

/** What was written at the whole, and goes with the addresses of one family. */
interface Paths {
  readonly routes: readonly VirtualRoute[];
  readonly rules: readonly VirtualRule[];
}

function pathsOf({ routes = [], rules = [] }: VrrpInstanceConfig, family: Family): Partial<Paths> {
  const own = {
    routes: routes.filter((one) => familyOf(one.to.address) === family),
    rules: rules.filter((one) => one.family === family),
  };
  return own.routes.length + own.rules.length > 0 ? own : {};
}

/** Routes and rules to the half of their family: they may name its addresses. */
export function shareOut(instances: readonly VrrpInstanceConfig[], pairs: ReadonlySet<string>): VrrpInstanceConfig[] {
  const found = new Map(instances.map((one) => [one.name, one]));
  return instances.map((one) => {
    const first = found.get(one.name.slice(0, -SUFFIX.length));
    if (first && pairs.has(first.name) && one.name === twinOf(first.name)) return { ...one, ...pathsOf(first, 6) };
    if (!pairs.has(one.name)) return one;
    const { routes: _, rules: __, ...rest } = one;
    return { ...rest, ...pathsOf(one, 4) };
  });
}
