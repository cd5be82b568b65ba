/**
 * The pool of one virtual server: which real servers are in the table, and with what weight. Verdicts decide; where there is no
 * verdict yet, what was before stays.
 */

import { addressBits } from '../base/ip.js';
import type { OnFailure } from '../config/types.js';
import { checkSpec } from '../health/key.js';
import type { CheckSpec, Verdict } from '../health/types.js';
import type { RealServerIntent, ServiceIntent } from '../intent/types.js';
import type { Destination, Service } from '../ipvs/types.js';

/** What all the checks of a real server say together; `unchecked`: it has none, and is always up. */
export type MemberVerdict = Verdict | 'unchecked';

/** `in`: with its weight. `quiesced`: in the table with weight 0 because it failed (on_failure: quiesce). `out`: not in the table. */
export type Membership = 'in' | 'quiesced' | 'out';

/** By the real server's key; a server that is not named is out. */
export type Memberships = ReadonlyMap<string, Membership>;

/** All must pass: one that fails is enough to be down, one that has not decided enough to be unknown. */
export function memberVerdict(verdicts: readonly Verdict[]): MemberVerdict {
  if (verdicts.length === 0) return 'unchecked';
  if (verdicts.includes('down')) return 'down';
  return verdicts.includes('unknown') ? 'unknown' : 'up';
}

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

/** What the kernel's table says of a server, where nothing else is remembered: a restarted daemon adopts what it finds. */
export function adoptedMembership(destination: { readonly weight: number } | undefined): Membership {
  if (!destination) return 'out';
  return destination.weight === 0 ? 'quiesced' : 'in';
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
  memberVerdict(checksOf(server).map((spec) => verdictOf(spec.key)));

/** The membership of every real server of the service, given what it was before. */
export function memberships(service: ServiceIntent, verdictOf: VerdictOf, before: Memberships): Map<string, Membership> {
  const decided = new Map<string, Membership>();
  for (const server of service.realServers) {
    const verdict = serverVerdict(server, verdictOf);
    decided.set(server.key, membership(verdict, service.onFailure, before.get(server.key) ?? 'out'));
  }
  return decided;
}

const destination = (server: RealServerIntent, state: Membership): Destination => ({
  address: server.address,
  port: server.port,
  forward: server.forward,
  weight: state === 'quiesced' ? 0 : server.weight,
  upper: server.upper,
  lower: server.lower,
  tunType: 0,
  tunPort: 0,
  tunFlags: 0,
});

/** The service as the kernel's table should hold it; destinations in the order of the configuration. */
export function wanted(service: ServiceIntent, members: Memberships): Service {
  const destinations = new Map<string, Destination>();
  for (const server of service.realServers) {
    const state = members.get(server.key) ?? 'out';
    if (state !== 'out') destinations.set(server.key, destination(server, state));
  }
  const prefix = addressBits(service.id.family);
  return { id: service.id, scheduler: service.scheduler, flags: 0, timeout: 0, prefix, pe: '', destinations };
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
      if (before.get(server.key) === 'in') for (const spec of checksOf(server)) keys.add(spec.key);
    }
  }
  return keys;
}
