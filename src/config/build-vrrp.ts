/** VRRP instances: defaults, and the rules that look at several keys at once. */
import { formatDuration } from '../base/duration.js';
import { familyOf, formatPrefix, type Ip, isLinkLocal6, type Prefix } from '../base/ip.js';
import type { Located, Report } from './located.js';
import type { VrrpInstanceShape } from './schema.js';
import { buildAnnouncements, checkAnnouncements } from './schema-announcements.js';
import { noNeighbour } from './schema-neighbours.js';
import type { VrrpInstanceConfig } from './types.js';

const MAX_PASSWORD_BYTES = 8;
/** Count IPv4 Addr is 8 bits (RFC 9568 section 5.2.5); an unfragmented IPv6 advert at MTU 1500 holds 90. */
const MAX_ADDRESSES = { 4: 255, 6: 90 } as const;

/** RFC 9568 wants a link-local address first: the EUI-64 form of the virtual MAC 00:00:5e:00:02:VRID. */
const derivedLinkLocal = (vrid: number): Ip => `fe80::200:5eff:fe00:${(0x200 + vrid).toString(16)}`;

function addressesOf(shape: VrrpInstanceShape): readonly Prefix[] {
  const given = shape.virtual_addresses;
  const first = given[0];
  if (!first || familyOf(first.address) === 4) return given;
  const linkLocal = given.find((prefix) => isLinkLocal6(prefix.address)) ?? {
    address: derivedLinkLocal(shape.virtual_router_id),
    length: 128,
  };
  return [linkLocal, ...given.filter((prefix) => prefix !== linkLocal)];
}

function build(shape: VrrpInstanceShape): VrrpInstanceConfig {
  const addresses = addressesOf(shape);
  const preempt = shape.preempt ?? true;
  return {
    name: shape.name,
    interface: shape.interface,
    family: addresses[0] ? familyOf(addresses[0].address) : 4,
    vrid: shape.virtual_router_id,
    version: shape.version ?? 3,
    priority: shape.priority ?? 100,
    advertInterval: shape.advert_interval ?? 1000,
    preempt: preempt !== false,
    preemptDelay: typeof preempt === 'object' ? preempt.delay : 0,
    v3Checksum: shape.v3_checksum ?? 'pseudo',
    addresses,
    ...(shape.announcements ? { announcements: buildAnnouncements(shape.announcements) } : {}),
    ...(shape.witness ? { witness: shape.witness } : {}),
    password: shape.authentication?.password,
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

function checkAddresses(instance: VrrpInstanceConfig, at: Located<VrrpInstanceShape>, report: Report): void {
  const { addresses, family, version } = instance;
  const below = ['virtual_addresses'];
  if (addresses.length === 0) return report('error', at, `the VRRP instance ${instance.name} has no virtual address`, below);
  const seen = new Set<string>();
  for (const prefix of at.value.virtual_addresses) {
    if (familyOf(prefix.address) !== family) {
      report('error', at, `${prefix.address}: IPv4 and IPv6 are two VRRP instances (both may have the same VRID)`, below);
    }
    if (seen.has(prefix.address)) report('error', at, `${formatPrefix(prefix)} is listed twice`, below);
    seen.add(prefix.address);
  }
  if (family === 6 && version === 2) report('error', at, 'VRRPv2 has no IPv6: this instance needs version: 3', ['version']);
  if (addresses.length > MAX_ADDRESSES[family]) {
    report(
      'error',
      at,
      `one instance carries at most ${MAX_ADDRESSES[family]} IPv${family} addresses, not ${addresses.length}`,
      below,
    );
  }
}

/** Words of `follow`. */
const TAKEN = ['auto', 'always'];

function checkChecksum({ version, family }: VrrpInstanceConfig, at: Located<VrrpInstanceShape>, report: Report): void {
  if (at.value.v3_checksum === undefined || (version === 3 && family === 4)) return;
  const fact = version === 2 ? 'VRRPv2 has one form of checksum' : 'over IPv6 there is one form of checksum';
  report('error', at, `v3_checksum means nothing here: ${fact}`, ['v3_checksum']);
}

function checkPassword(instance: VrrpInstanceConfig, at: Located<unknown>, report: Report): void {
  const { password, version } = instance;
  if (password === undefined) return;
  if (version === 3) report('error', at, 'VRRPv3 has no authentication: leave it out, or use version: 2', ['authentication']);
  // Bytes, not characters: the field of the advert is 8 bytes wide. Every character beyond ASCII takes at least two.
  const bytes = [...password].reduce((sum, letter) => sum + (letter.charCodeAt(0) < 0x80 ? 1 : 2), 0);
  if (bytes > MAX_PASSWORD_BYTES)
    report('error', at, `the password has more than ${MAX_PASSWORD_BYTES} bytes; VRRPv2 would cut it`, [
      'authentication',
      'password',
    ]);
  if (/[^\x20-\x7e]/.test(password))
    report('error', at, 'the password may hold printable ASCII characters only', ['authentication', 'password']);
}

/** One address in two instances: on one interface one of them takes it from the other; on two, its packets come by one. */
function checkHolders(
  instance: VrrpInstanceConfig,
  holders: Map<Ip, VrrpInstanceConfig>,
  at: Located<unknown>,
  report: Report,
): void {
  for (const { address } of instance.addresses) {
    const holder = holders.get(address);
    holders.set(address, instance);
    if (!holder || holder.name === instance.name || isLinkLocal6(address)) continue;
    const [severity, where] =
      holder.interface === instance.interface ? (['error', ''] as const) : (['warning', ` on ${holder.interface}`] as const);
    report(severity, at, `${address} is a virtual address of ${holder.name}${where} already`, ['virtual_addresses']);
  }
}

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
  const holders = new Map<Ip, VrrpInstanceConfig>();
  return sections.map((at) => {
    const instance = build(at.value);
    const router = `${instance.interface} ${instance.family} ${instance.vrid}`;
    if (names.has(instance.name)) report('error', at, `there is another VRRP instance named "${instance.name}"`, ['name']);
    const twin = routers.get(router);
    if (twin) {
      const where = `IPv${instance.family} on ${instance.interface}`;
      report('error', at, `virtual_router_id ${instance.vrid} is used by ${twin} already (${where})`, ['virtual_router_id']);
    }
    if (TAKEN.includes(instance.name))
      report('error', at, `"${instance.name}" is a word of follow: name the instance otherwise`, ['name']);
    checkHolders(instance, holders, at, report);
    names.add(instance.name);
    routers.set(router, instance.name);
    checkInterval(instance, at, report);
    checkAddresses(instance, at, report);
    checkChecksum(instance, at, report);
    checkPassword(instance, at, report);
    checkAnnouncements(instance, at, report);
    checkWitness(instance, at, report);
    return instance;
  });
}
