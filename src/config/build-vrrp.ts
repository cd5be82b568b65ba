/** VRRP instances: defaults, and the rules that look at several keys at once. */
import { formatDuration } from '../base/duration.js';
import { addressBits, type Family, familyOf, formatPrefix, type Ip, isLinkLocal6 } from '../base/ip.js';
import { checkAuthentication, passwordOf, signingOf } from './build-authentication.js';
import { checkFailback, preemptionOf } from './build-failback.js';
import { buildPaths, checkPaths, type Paths } from './build-paths.js';
import { checkUnicast, unicastOf } from './build-unicast.js';
import { freeVrid } from './free-vrid.js';
import type { Located, Report } from './located.js';
import type { VrrpInstanceShape } from './schema.js';
import { buildAnnouncements, checkAnnouncements } from './schema-announcements.js';
import { noNeighbour } from './schema-neighbours.js';
import type { HeldAddress, NotifyConfig, VrrpInstanceConfig } from './types.js';

/** Count IPv4 Addr is 8 bits (RFC 9568 section 5.2.5); an unfragmented IPv6 advert at MTU 1500 holds 90. */
const MAX_ADDRESSES = { 4: 255, 6: 90 } as const;
/** The 28 bytes of a signature take the place of one. */
const MAX_SIGNED_6 = 89;

/** RFC 9568 wants a link-local address first: the EUI-64 form of the virtual MAC 00:00:5e:00:02:VRID. */
const derivedLinkLocal = (vrid: number): Ip => `fe80::200:5eff:fe00:${(0x200 + vrid).toString(16)}`;

/** The instance's own interface, named, is no other one. */
const settled = (shape: VrrpInstanceShape, { dev, ...rest }: HeldAddress): HeldAddress =>
  dev === undefined || dev === shape.interface ? rest : { ...rest, dev };

function addressesOf(shape: VrrpInstanceShape): readonly HeldAddress[] {
  const given = shape.virtual_addresses.map((one) => settled(shape, one));
  const others = shape.excluded_addresses.map((one) => ({ ...settled(shape, one), advertised: false as const }));
  const first = given[0];
  if (!first || familyOf(first.address) === 4) return [...given, ...others];
  const linkLocal = given.find((prefix) => isLinkLocal6(prefix.address)) ?? {
    address: derivedLinkLocal(shape.virtual_router_id),
    length: 128,
  };
  return [linkLocal, ...given.filter((prefix) => prefix !== linkLocal), ...others];
}

/** That of its adverts: of the addresses that they name, of the peers where they name none. */
function familyOfShape({ virtual_addresses: [first], unicast }: VrrpInstanceShape): Family {
  const one = first?.address ?? unicast?.peers[0]?.address;
  return one === undefined ? 4 : familyOf(one);
}

/** Undefined: not asked for. */
function vmacOf({ use_vmac: word, virtual_router_id: vrid }: VrrpInstanceShape, family: Family): { name: string } | undefined {
  if (word === undefined || word === false) return undefined;
  const given = word === true ? undefined : word.name;
  return { name: given ?? `${family === 4 ? 'vrrp' : 'vrrp6'}.${vrid}` };
}

/**
 * On the interface with the virtual MAC an address stands alone: with its network the kernel would have a second way there, and the
 * host's own packets would take it.
 */
const moved = (addresses: readonly HeldAddress[], dev: string): readonly HeldAddress[] =>
  addresses.map((one) => (one.dev === undefined ? { ...one, dev, length: addressBits(familyOf(one.address)) } : one));

const notifyOf = ({ command, states, timeout, user }: VrrpInstanceShape['notify'][number]): NotifyConfig => ({
  command,
  ...(states === undefined ? {} : { states }),
  timeout,
  user,
});

function build(shape: VrrpInstanceShape): VrrpInstanceConfig {
  const given = addressesOf(shape);
  const family = familyOfShape(shape);
  const vmac = vmacOf(shape, family);
  const addresses = vmac ? moved(given, vmac.name) : given;
  const advertInterval = shape.advert_interval ?? 1000;
  const signing = signingOf(shape, advertInterval);
  return {
    name: shape.name,
    interface: shape.interface,
    family,
    vrid: shape.virtual_router_id,
    version: shape.version ?? 3,
    priority: shape.priority ?? 100,
    advertInterval,
    ...preemptionOf(shape),
    v3Checksum: shape.v3_checksum ?? 'pseudo',
    addresses,
    ...(shape.unicast ? { unicast: unicastOf(shape.unicast) } : {}),
    ...(vmac ? { vmac } : {}),
    ...(shape.accept === false ? { accept: false as const } : {}),
    ...(shape.notify.length > 0 ? { notify: shape.notify.map(notifyOf) } : {}),
    ...(shape.announcements ? { announcements: buildAnnouncements(shape.announcements) } : {}),
    ...(shape.witness ? { witness: shape.witness } : {}),
    ...(signing ? { signing } : {}),
    password: passwordOf(shape),
  };
}

function checkInterval(instance: VrrpInstanceConfig, at: Located<unknown>, report: Report): void {
  const { version, advertInterval: ms } = instance;
  const written = formatDuration(ms);
  if (version === 2 && (ms % 1000 !== 0 || ms < 1000)) {
    report('error', at, `VRRPv2 counts in whole seconds (1s to 255s): advert_interval ${written} needs version: 3`, [
      'advert_interval',
    ]);
  }
  if (version === 3 && (ms % 10 !== 0 || ms > 40_950)) {
    report('error', at, `VRRPv3 counts in steps of 10ms up to 40.95s: advert_interval ${written} cannot be sent`, [
      'advert_interval',
    ]);
  }
}

/** What adverts name is of the instance's family; the rest is held beside it, of any. */
function checkAddresses(instance: VrrpInstanceConfig, at: Located<VrrpInstanceShape>, report: Report): void {
  const { addresses, family, version } = instance;
  const advertised = addresses.filter((one) => one.advertised !== false);
  const below = ['virtual_addresses'];
  if (advertised.length === 0) checkEmpty(instance, at, report);
  checkTwice(at, report);
  if (family === 6 && version === 2) report('error', at, 'VRRPv2 has no IPv6: this instance needs version: 3', ['version']);
  const most = family === 6 && instance.signing ? MAX_SIGNED_6 : MAX_ADDRESSES[family];
  if (advertised.length > most) {
    const text = `${most === MAX_SIGNED_6 ? 'a signed advert' : 'an advert'} names at most ${most} IPv${family} addresses, not ${advertised.length}: put the others into excluded_addresses, which are held the same`;
    report('error', at, text, below);
  }
}

/** An instance that names no address: other instances, services, routes, programs may hang on it. */
function checkEmpty({ name, version, accept, addresses }: VrrpInstanceConfig, at: Located<VrrpInstanceShape>, report: Report) {
  const { value } = at;
  if (accept === false && addresses.length === 0) report('error', at, 'there is no address that it could close', ['accept']);
  if (version === 3)
    report(
      'warning',
      at,
      `adverts of ${name} name no address: RFC 9568 ignores such, other lbds do not; version: 2 is what keepalived takes`,
    );
  const uses = [value.excluded_addresses, value.virtual_routes, value.virtual_rules, value.notify];
  if (uses.every((one) => one.length === 0))
    report('warning', at, `${name} has no address, no route and nobody to notify: it elects a master, and no more`);
}

function checkTwice(at: Located<VrrpInstanceShape>, report: Report): void {
  const seen = new Map<string, string>();
  for (const key of ['virtual_addresses', 'excluded_addresses'] as const) {
    for (const one of at.value[key]) {
      const before = seen.get(one.address);
      const again = before === key ? 'is listed twice' : `is in ${before} already`;
      if (before !== undefined) report('error', at, `${formatPrefix(one)} ${again}`, [key]);
      seen.set(one.address, key);
    }
  }
}

/** Words of `follow`. */
const TAKEN = ['auto', 'always'];

function checkChecksum({ version, family }: VrrpInstanceConfig, at: Located<VrrpInstanceShape>, report: Report): void {
  if (at.value.v3_checksum === undefined || (version === 3 && family === 4)) return;
  const fact = version === 2 ? 'VRRPv2 has one form of checksum' : 'over IPv6 there is one form of checksum';
  report('error', at, `v3_checksum means nothing here: ${fact}`, ['v3_checksum']);
}

interface Holder {
  readonly name: string;
  readonly dev: string;
}

/** One address in two instances: on one interface one of them takes it from the other; on two, its packets come by one. */
function checkHolders(instance: VrrpInstanceConfig, holders: Map<Ip, Holder>, at: Located<unknown>, report: Report): void {
  const { name } = instance;
  for (const { address, advertised, dev = instance.interface } of instance.addresses) {
    const holder = holders.get(address);
    holders.set(address, { name, dev });
    if (!holder || holder.name === name || isLinkLocal6(address)) continue;
    const [severity, where] = holder.dev === dev ? (['error', ''] as const) : (['warning', ` on ${holder.dev}`] as const);
    const key = advertised === false ? 'excluded_addresses' : 'virtual_addresses';
    report(severity, at, `${address} is a virtual address of ${holder.name}${where} already`, [key]);
  }
}

function checkVmac(
  { name, vmac, ...instance }: VrrpInstanceConfig,
  vmacs: Map<string, string>,
  at: Located<unknown>,
  report: Report,
) {
  if (!vmac) return;
  const holder = vmacs.get(vmac.name);
  if (holder !== undefined)
    report('error', at, `${vmac.name} is the interface of ${holder} already: use_vmac: { name: … }`, ['use_vmac']);
  if (vmac.name === instance.interface) report('error', at, `${vmac.name} is the interface of the instance itself`, ['use_vmac']);
  vmacs.set(vmac.name, name);
}

/** Of all instances with `accept: false`. */
const closedAmong = (sections: readonly Located<VrrpInstanceShape>[]): ReadonlySet<Ip> =>
  new Set(sections.flatMap(({ value }) => (value.accept === false ? addressesOf(value).map((one) => one.address) : [])));

/** What `accept: false` would break is refused. */
function checkAccept(instance: VrrpInstanceConfig, closed: ReadonlySet<Ip>, at: Located<unknown>, report: Report): void {
  const { accept, priority, routes = [] } = instance;
  if (accept === false && priority === 255)
    report('error', at, 'the address owner (priority 255) accepts packets to its addresses always (RFC 9568): leave accept out', [
      'accept',
    ]);
  for (const [i, { source }] of routes.entries()) {
    if (source === undefined || !closed.has(source)) continue;
    const text = `answers to what this director sends from ${source} would come to an address that accept: false closes`;
    report('error', at, text, ['virtual_routes', i, 'source']);
  }
}

const hasAny = ({ routes, rules }: Paths): boolean => routes.length + rules.length > 0;

function checkWitness(instance: VrrpInstanceConfig, at: Located<unknown>, report: Report): void {
  const { witness, priority } = instance;
  if (witness === undefined) return;
  if (priority === 255)
    report('error', at, 'the address owner (priority 255) is master at once: it waits for no witness', ['witness']);
  for (const one of witness === 'gateway' ? [] : witness) {
    const why = noNeighbour(instance, 'witness', one);
    if (why !== undefined) report('error', at, why, ['witness']);
  }
}

export function buildInstances(sections: readonly Located<VrrpInstanceShape>[], report: Report): VrrpInstanceConfig[] {
  const names = new Set<string>();
  const routers = new Map<string, string>();
  const closed = closedAmong(sections);
  const vrids = new Set(sections.map((at) => at.value.virtual_router_id));
  const holders = new Map<Ip, Holder>();
  const paths = new Map<string, string>();
  const vmacs = new Map<string, string>();
  return sections.map((at) => {
    const plain = build(at.value);
    const own = buildPaths(plain, at);
    // Without them an instance is what it was before there were any.
    const instance = hasAny(own) ? { ...plain, ...own } : plain;
    const router = `${instance.interface} ${instance.family} ${instance.vrid}`;
    if (names.has(instance.name)) report('error', at, `there is another VRRP instance named "${instance.name}"`, ['name']);
    const twin = routers.get(router);
    if (twin !== undefined && twin !== instance.name) {
      const where = `IPv${instance.family} on ${instance.interface}`;
      const free = freeVrid(instance.vrid, vrids);
      const hint = free === undefined ? '' : `; ${free} is free in this file`;
      report('error', at, `virtual_router_id ${instance.vrid} is used by ${twin} already (${where})${hint}`, [
        'virtual_router_id',
      ]);
    }
    if (TAKEN.includes(instance.name))
      report('error', at, `"${instance.name}" is a word of follow: name the instance otherwise`, ['name']);
    checkHolders(instance, holders, at, report);
    checkUnicast(instance, at, report);
    checkVmac(instance, vmacs, at, report);
    checkPaths(instance.name, own, paths, at, report);
    names.add(instance.name);
    routers.set(router, instance.name);
    checkFailback(at, report);
    checkInterval(instance, at, report);
    checkAddresses(instance, at, report);
    checkChecksum(instance, at, report);
    checkAuthentication(instance, at, report);
    checkAnnouncements(instance, at, report);
    checkWitness(instance, at, report);
    checkAccept(instance, closed, at, report);
    return instance;
  });
}
