/**
 * Of each virtual server, who is in and whether that is enough: what verdicts make of it, and what of an earlier life goes on. What the
 * table should hold follows from it.
 */
import type { HealthState } from '../../health/types.js';
import type { ServiceIntent } from '../../intent/types.js';
import type { Service } from '../../ipvs/types.js';
import {
  adoptedMembership,
  checksOf,
  kernelKey,
  type Memberships,
  memberships,
  wanted,
  weightOf,
} from '../../pool/membership.js';
import { describeStrength, type Quorum, quorumOf, sorryServes, strengthOf } from '../../pool/quorum.js';
import type { VerdictStore } from './verdicts.js';

export interface DeciderOptions {
  readonly event: (kind: string, subject: string, text: string) => void;
  readonly stateOf: (checkKey: string) => HealthState | undefined;
  /** What the kernel has, by the key of a kernel service. */
  readonly believed: (key: string) => Service | undefined;
  readonly store: Pick<VerdictStore, 'members' | 'quorum'>;
}

export interface Decider {
  /** By the service's name. */
  readonly members: ReadonlyMap<string, Memberships>;
  /** Of services that have been weighed. */
  readonly quorums: ReadonlyMap<string, Quorum>;
  membersOf(service: ServiceIntent): Memberships;
  /** A service that is new to this process goes on from what is remembered (`isStart`), or from what the kernel has. */
  adopt(service: ServiceIntent, isStart: boolean): void;
  /** `trusting`: false while a check that fails says nothing of the servers. */
  decide(service: ServiceIntent, trusting: boolean): void;
  /** The server asks for another share of its weight. */
  share(service: ServiceIntent, checkKey: string, share: number): void;
  wanted(service: ServiceIntent): Service[];
  /** By name. */
  forget(service: string): void;
}

export function createDecider({ event, stateOf, believed, store }: DeciderOptions): Decider {
  const members = new Map<string, Memberships>();
  const quorums = new Map<string, Quorum>();
  const membersOf = (service: ServiceIntent): Memberships => members.get(service.name) ?? new Map();
  const verdictOf = (key: string) => stateOf(key)?.verdict ?? 'unknown';
  const shareOf = (key: string) => stateOf(key)?.share;
  const trusted = (key: string) => (verdictOf(key) === 'down' ? 'unknown' : verdictOf(key));
  const sorryOf = (service: ServiceIntent) => (sorryServes(service, quorums.get(service.name)) ? service.sorry : undefined);

  /** Are enough of them up? */
  function weigh(service: ServiceIntent): void {
    const before = quorums.get(service.name);
    const strength = strengthOf(service, membersOf(service), verdictOf, shareOf);
    const next = quorumOf(before, service, strength);
    if (next === undefined || next === before) return;
    quorums.set(service.name, next);
    if (before === undefined && next === 'met') return;
    const { sorry } = service;
    const serves = sorry ? `; the sorry server ${sorry.key} ${next === 'lost' ? 'serves' : 'gives way'}` : '';
    event('quorum', service.name, `${next}: ${describeStrength(service, next, strength)}${serves}`);
  }

  return {
    members,
    quorums,
    membersOf,
    adopt(service, isStart) {
      if (members.has(service.name)) return;
      const saved = isStart ? store.members(service.name) : undefined;
      const found = believed(service.key);
      const inTable = service.realServers.map(
        (server) => [server.key, adoptedMembership(found?.destinations.get(kernelKey(server, service.id)))] as const,
      );
      members.set(service.name, saved ?? new Map(inTable));
      const served = service.sorry && found?.destinations.has(kernelKey(service.sorry, service.id)) ? 'lost' : undefined;
      const quorum = (isStart ? store.quorum(service.name) : undefined) ?? served;
      if (quorum) quorums.set(service.name, quorum);
    },
    decide(service, trusting) {
      members.set(service.name, memberships(service, trusting ? verdictOf : trusted, membersOf(service)));
      weigh(service);
    },
    share(service, checkKey, share) {
      const said = stateOf(checkKey)?.history[0]?.reason ?? '';
      for (const server of service.realServers) {
        if (!checksOf(server).some((spec) => spec.key === checkKey)) continue;
        const text = `${weightOf(server, shareOf)} of ${server.weight}: ${share} % of it, the server ${said}`;
        event('weight', `${service.name}/${server.key}`, text);
      }
      weigh(service);
    },
    wanted: (service) => wanted(service, membersOf(service), { sorry: sorryOf(service), shareOf, now: Date.now() }),
    forget(name) {
      members.delete(name);
      quorums.delete(name);
    },
  };
}
