/**
 * The pool of one virtual server: which real servers are in the table, and with what weight. Verdicts decide; where there is no
 * verdict yet, what was before stays.
 */

import { addressBits, formatEndpoint } from '../base/ip.js';
import type { ServiceId } from '../base/service-id.js';
import { MAX_WEIGHT } from '../base/words.js';
import type { OnFailure, SchedulerFlag, Tunnel } from '../config/types.js';
import { checkSpec } from '../health/key.js';
import type { CheckSpec, Verdict } from '../health/types.js';
import type { RealServerIntent, ServiceIntent } from '../intent/types.js';
import type { Destination, Service } from '../ipvs/types.js';
import { standingOf } from './admin.js';

/** What all the checks of a real server say together; `unchecked`: it has none, and is always up. */
export type MemberVerdict = Verdict | 'unchecked';

/**
 * `in`: with its weight. `kept`: so too, though it failed, because too few are left (pool/floor.ts). `quiesced`: in the table with weight 0
 * because it failed (on_failure: quiesce). `out`: not in the table.
 */
export type Membership = 'in' | 'kept' | 'quiesced' | 'out';

/** By the real server's key; a server that is not named is out. */
export type Memberships = ReadonlyMap<string, Membership>;

/** So many checks must pass, all unless said: what those without a verdict may still make of it leaves it unknown. */
export function memberVerdict(verdicts: readonly Verdict[], needed = verdicts.length): MemberVerdict {
  if (verdicts.length === 0) return 'unchecked';
  const up = verdicts.filter((one) => one === 'up').length;
  if (up >= needed) return 'up';
  const down = verdicts.filter((one) => one === 'down').length;
  return verdicts.length - down < needed ? 'down' : 'unknown';
}

/** Whether it takes traffic, as far as checks have a say. */
export const isIn = (state: Membership | undefined): boolean => state === 'in' || state === 'kept';

/** 0: no backup. */
export const tierOf = ({ tier = 0 }: Pick<RealServerIntent, 'tier'>): number => tier;

/**
 * The rule. An unknown verdict changes nothing: a new server stays out until its first success, one whose check was changed or
 * added stays as it was until that check decides.
 */
export function membership(verdict: MemberVerdict, onFailure: OnFailure, before: Membership): Membership {
  switch (verdict) {
    case 'up':
    case 'unchecked':
      return 'in';
    case 'down':
      return onFailure === 'quiesce' ? 'quiesced' : 'out';
    case 'unknown':
      return before;
  }
}

/**
 * What the kernel's table says of a server, where nothing else is remembered: a restarted daemon adopts what it finds. Weight 0 by the
 * administrator's word is no failure.
 */
export function adoptedMembership(
  destination: { readonly weight: number } | undefined,
  { admin, weight }: Pick<RealServerIntent, 'admin' | 'weight'>,
): Membership {
  if (!destination) return 'out';
  return destination.weight === 0 && !admin && weight > 0 ? 'quiesced' : 'in';
}

/** A memo, by identity: keys cost more than all the rest of a verdict, and intents live from one configuration to the next. */
const specs = new WeakMap<RealServerIntent, readonly CheckSpec[]>();

/** The checks of a real server. */
export function checksOf(server: RealServerIntent): readonly CheckSpec[] {
  let known = specs.get(server);
  if (!known) {
    known = server.checks.map((check) => checkSpec(check, server.address, server.port));
    specs.set(server, known);
  }
  return known;
}

/** Every check that the services need, each key once, in the order of the configuration. */
export function allChecks(services: readonly ServiceIntent[]): CheckSpec[] {
  const byKey = new Map<string, CheckSpec>();
  for (const service of services) {
    for (const server of service.realServers) {
      for (const spec of checksOf(server)) if (!byKey.has(spec.key)) byKey.set(spec.key, spec);
    }
  }
  return [...byKey.values()];
}

export type VerdictOf = (checkKey: string) => Verdict;

export const serverVerdict = (server: RealServerIntent, verdictOf: VerdictOf): MemberVerdict =>
  memberVerdict(
    checksOf(server).map((spec) => verdictOf(spec.key)),
    server.needed,
  );

/**
 * The port of a real server in the kernel: nat sends packets to it; dr and tun change no port, so it is the service's (0 behind a mark),
 * whatever port the server is checked at.
 */
export function kernelPort(server: Pick<RealServerIntent, 'forward' | 'port'>, id: ServiceId): number {
  if (server.forward === 'nat') return server.port;
  return id.kind === 'address' ? id.port : 0;
}

/** The server's destinationKey in the kernel's service `id`. */
export const kernelKey = (server: RealServerIntent, id: ServiceId): string =>
  formatEndpoint(server.address, kernelPort(server, id));

/** What the server's checks make of its weight, in percent: absent where none has said anything. */
export type ShareOf = (checkKey: string) => number | undefined;

/** What a check may ask for; nothing asked for is all of it. */
export function boundedShare({ check }: Pick<CheckSpec, 'check'>, share: number | undefined): number {
  const bounds = 'share' in check ? check.share : undefined;
  return share === undefined || !bounds ? (share ?? 100) : Math.min(bounds.max, Math.max(bounds.min, share));
}

/** The weight of a server that is in: what its agents, files and scripts ask for, all together; not 0 unless one may ask for 0, and does. */
export function weightOf(server: RealServerIntent, shareOf: ShareOf): number {
  let weight = server.weight;
  for (const spec of checksOf(server)) weight *= boundedShare(spec, shareOf(spec.key)) / 100;
  return weight > 0 ? Math.min(Math.ceil(weight - 1e-9), MAX_WEIGHT) : 0;
}

/** IP_VS_CONN_F_TUNNEL_TYPE_* and IP_VS_TUNNEL_ENCAP_FLAG_* (linux/ip_vs.h). */
export const TUNNEL_TYPE: Readonly<Record<Tunnel['type'], number>> = { ipip: 0, gue: 1, gre: 2 };
export const TUNNEL_FLAGS: Readonly<Record<Tunnel['checksum'], number>> = { none: 0, csum: 1, remcsum: 2 };

function destination(server: RealServerIntent, state: Membership, full: number, id: ServiceId, scheduler: string): Destination {
  const { address, forward, upper, lower, tunnel } = server;
  const wrapped = forward === 'tun';
  const weight = state === 'quiesced' ? 0 : full;
  const place = server.weight || server.configuredWeight;
  return {
    address,
    port: kernelPort(server, id),
    forward,
    weight,
    ...(scheduler === 'mh' && weight === 0 && place > 0 ? { place } : {}),
    upper,
    lower,
    tunType: wrapped ? TUNNEL_TYPE[tunnel.type] : 0,
    tunPort: wrapped ? tunnel.port : 0,
    tunFlags: wrapped ? TUNNEL_FLAGS[tunnel.checksum] : 0,
  };
}

/** IP_VS_SVC_F_* (linux/ip_vs.h). */
const PERSISTENT = 0x01;
export const ONE_PACKET = 0x04;
const SCHEDULER_FLAG: Readonly<Record<SchedulerFlag, number>> = {
  'sh-fallback': 0x08,
  'mh-fallback': 0x08,
  'sh-port': 0x10,
  'mh-port': 0x10,
};

function flagsOf({ persistence, onePacket, schedulerFlags }: ServiceIntent): number {
  const scheduling = schedulerFlags.reduce((sum, flag) => sum | SCHEDULER_FLAG[flag], 0);
  return scheduling | (persistence ? PERSISTENT : 0) | (onePacket ? ONE_PACKET : 0);
}

/** What decides beside the memberships. */
export interface Circumstances {
  /** It serves in place of the others. */
  readonly sorry?: RealServerIntent | undefined;
  /** It did, and has connections yet. */
  readonly leaving?: RealServerIntent | undefined;
  /** Of those that take traffic; their wanted weight unless given. */
  readonly weightNow?: (server: RealServerIntent) => number;
  /** Stands by with weight 0. */
  readonly isIdle?: (server: RealServerIntent) => boolean;
  /** Wall clock in ms since 1970: of deadlines. */
  readonly now?: number;
}

/**
 * The virtual server as the kernel's table should hold it: one service for each id; destinations in the order of the configuration. While
 * the sorry server serves, those that are up stay with weight 0: what they are serving goes on; so does it when its turn is over.
 */
export function wanted(
  service: ServiceIntent,
  members: Memberships,
  { sorry, leaving, weightNow = ({ weight }) => weight, isIdle = () => false, now = 0 }: Circumstances = {},
): Service[] {
  const { scheduler, persistence } = service;
  const flags = flagsOf(service);
  const serving = service.realServers.flatMap((server) => {
    const state = members.get(server.key) ?? 'out';
    const standing = standingOf(server, now);
    if (state === 'out' || standing === 'out') return [];
    const idle = sorry !== undefined || standing === 'draining' || isIdle(server);
    return [{ server, state: idle ? ('quiesced' as const) : state, weight: weightNow(server) }];
  });
  const last = sorry ?? leaving;
  const state = sorry ? ('in' as const) : ('quiesced' as const);
  const all = last ? [...serving, { server: last, state, weight: last.weight }] : serving;
  return service.ids.map((id) => ({
    id,
    scheduler,
    flags,
    timeout: persistence?.timeout ?? 0,
    prefix: persistence?.prefix ?? addressBits(id.family),
    pe: persistence?.engine ?? '',
    destinations: new Map(
      all.map(({ server, state, weight }) => [kernelKey(server, id), destination(server, state, weight, id, scheduler)]),
    ),
  }));
}

/**
 * Keys of the checks that a serving member depends on: a check among them that is new begins with `serving` (health/types.ts).
 * `beforeOf` gives the memberships of a service by its key.
 */
export function servingChecks(services: readonly ServiceIntent[], beforeOf: (serviceKey: string) => Memberships): Set<string> {
  const keys = new Set<string>();
  for (const service of services) {
    const before = beforeOf(service.key);
    for (const server of service.realServers) {
      if (isIn(before.get(server.key))) for (const spec of checksOf(server)) keys.add(spec.key);
    }
  }
  return keys;
}
