/**
 * Of each virtual server, who is in and whether that is enough: what verdicts make of it, and what of an earlier life goes on. What the
 * table should hold follows from it.
 */
import type { Instant } from '../../base/time.js';
import type { ApiEventChange } from '../../control/api.js';
import { describeCheck } from '../../health/key.js';
import type { HealthState, ResultRecord } from '../../health/types.js';
import type { ServiceIntent } from '../../intent/types.js';
import type { Service } from '../../ipvs/types.js';
import { SCARCE } from '../../pool/floor.js';
import { adoptedMembership, boundedShare, checksOf, isIn, kernelKey, wanted, weightOf } from '../../pool/membership.js';
import { notes, sorryIn } from '../../pool/notes.js';
import { describeStrength, type Quorum, strengthOf } from '../../pool/quorum.js';
import { begin, decide, isIdle, type Look, nextAt, type PoolState, type Remains, weightsNow } from '../../pool/state.js';
import { adoptedReach } from '../../pool/tiers.js';
import type { Reading } from '../../vrrp/track.js';
import { createTurns } from './turns.js';
import type { VerdictStore } from './verdicts.js';

export interface DeciderOptions {
  readonly now: () => Instant;
  readonly event: (kind: string, subject: string, text: string, change?: ApiEventChange) => void;
  readonly stateOf: (checkKey: string) => HealthState | undefined;
  /** The latest result of a check. */
  readonly latestOf: (checkKey: string) => ResultRecord | undefined;
  /** The failure of a check does not count: this director suspects itself. */
  readonly isHeld: (checkKey: string) => boolean;
  /** What the kernel has, by the key of a kernel service. */
  readonly believed: (key: string) => Service | undefined;
  readonly store: Pick<VerdictStore, 'members' | 'remains'>;
  /** The service of this name is to be decided again: its time has come. */
  readonly due: (name: string) => void;
}

export interface Decider {
  /** By the service's name. */
  readonly pools: ReadonlyMap<string, PoolState>;
  poolOf(service: ServiceIntent): PoolState;
  /**
   * A service that is new to this process goes on from what it was under its name before (`from`), from what is remembered (`isStart`), or
   * from what the kernel has.
   */
  adopt(service: ServiceIntent, isStart: boolean, from?: string): void;
  /** `trusting`: false while a check that fails says nothing of the servers. */
  decide(service: ServiceIntent, trusting: boolean): void;
  /** Tells that a check asks for another share of the weight. */
  tellShare(service: ServiceIntent, checkKey: string, share: number): void;
  wanted(service: ServiceIntent): Service[];
  /** What it would be of a service that is not decided yet. `hopeful`: checks that have not decided are taken for passed. `from`: see adopt. */
  foresee(service: ServiceIntent, hopeful: boolean, from?: string): Service[];
  /** A real server of it that takes traffic depends on the check. */
  serves(service: ServiceIntent, checkKey: string): boolean;
  /** What VRRP instances that track it see; undefined: the quorum is not decided. One that was taken away is nobody's failure. */
  reading(service: ServiceIntent | undefined): Reading | undefined;
  /** By name. */
  forget(service: string): void;
  close(): void;
}

/** What the kernel's table says of the quorum: the sorry server serves, or others in spite of it. */
function sorryTells({ sorry, id }: ServiceIntent, found: Service | undefined): Quorum | undefined {
  if (!sorry || !found) return undefined;
  const its = found.destinations.get(kernelKey(sorry, id));
  if (its && (its.weight > 0 || sorry.weight === 0)) return 'lost';
  return [...found.destinations.values()].some(({ weight }) => weight > 0) ? 'met' : undefined;
}

export function createDecider({ now, event, stateOf, latestOf, isHeld, believed, store, due }: DeciderOptions): Decider {
  const pools = new Map<string, PoolState>();
  const turns = createTurns(now, due);
  const poolOf = (service: ServiceIntent): PoolState => pools.get(service.name) ?? begin(service, new Map(), {}, now());
  const verdictOf = (key: string) => (isHeld(key) ? 'up' : (stateOf(key)?.verdict ?? 'unknown'));
  const trusted = (key: string) => (verdictOf(key) === 'down' ? 'unknown' : verdictOf(key));
  const shareOf = (key: string) => stateOf(key)?.share;
  const look = (): Look => ({ now: now(), verdictOf, shareOf, sinceOf: (key) => stateOf(key)?.since ?? 0, isHeld });

  function adopted(service: ServiceIntent, isStart: boolean, from?: string): PoolState {
    const found = believed(service.key);
    const inTable = service.realServers.map(
      (server) => [server.key, adoptedMembership(found?.destinations.get(kernelKey(server, service.id)), server)] as const,
    );
    const name = isStart ? [service.name, from].find((one) => one !== undefined && store.members(one)) : undefined;
    const known = name === undefined ? undefined : store.members(name);
    const members = known ?? new Map(inTable);
    const remains: Remains = name !== undefined ? store.remains(name) : { reach: adoptedReach(service, members) };
    const served = sorryTells(service, found);
    // Where it serves for either reason, the one that hope does not end keeps it there.
    const isScarce = served === 'lost' && service.floor?.below === 'sorry';
    const { quorum = isScarce ? undefined : served, floor = isScarce ? SCARCE : undefined }: Remains = remains;
    const isThere = service.sorry && found?.destinations.has(kernelKey(service.sorry, service.id));
    return begin(service, members, { ...remains, quorum, floor, sorry: isThere ? service.sorry?.key : undefined }, now());
  }

  const earlier = (name: string | undefined): PoolState | undefined => (name === undefined ? undefined : pools.get(name));

  const tableOf = (service: ServiceIntent, pool: PoolState): Service[] =>
    wanted(service, pool.members, {
      sorry: sorryIn(service, pool) ? service.sorry : undefined,
      leaving: pool.leaving === undefined ? undefined : service.sorry,
      weightNow: weightsNow(service, pool, shareOf, now()),
      isIdle: (server) => isIdle(service, pool, server),
      now: Date.now(),
    });

  return {
    pools,
    poolOf,
    adopt(service, isStart, from) {
      if (!pools.has(service.name)) pools.set(service.name, earlier(from) ?? adopted(service, isStart, from));
    },
    decide(service, trusting) {
      const before = poolOf(service);
      const sight = trusting ? look() : { ...look(), verdictOf: trusted };
      const after = decide(service, before, sight);
      pools.set(service.name, after);
      for (const { kind, server, text, change } of notes(service, before, after, sight))
        event(kind, server === undefined ? service.name : `${service.name}/${server}`, text, change);
      turns.set(service.name, nextAt(service, after, sight.now));
    },
    tellShare(service, checkKey, share) {
      const said = latestOf(checkKey)?.reason ?? '';
      for (const server of service.realServers) {
        const spec = checksOf(server).find((one) => one.key === checkKey);
        if (!spec) continue;
        const after = weightOf(server, shareOf);
        const text = `${after} of ${server.weight}: ${boundedShare(spec, share)} % of it, the server ${said}`;
        const before = believed(service.key)?.destinations.get(kernelKey(server, service.id))?.weight;
        const change = { cause: describeCheck(spec), after, ...(before === undefined ? {} : { before }) };
        event('weight', `${service.name}/${server.key}`, text, change);
      }
    },
    wanted: (service) => tableOf(service, poolOf(service)),
    foresee(service, hopeful, from) {
      const sight = look();
      const hoped = (key: string) => (sight.verdictOf(key) === 'unknown' ? 'up' : sight.verdictOf(key));
      const before = earlier(service.name) ?? earlier(from) ?? adopted(service, false);
      return tableOf(service, decide(service, before, hopeful ? { ...sight, verdictOf: hoped } : sight));
    },
    serves(service, checkKey) {
      const { members } = poolOf(service);
      return service.realServers.some(
        (server) => isIn(members.get(server.key)) && checksOf(server).some((one) => one.key === checkKey),
      );
    },
    reading(service) {
      if (!service) return { value: 1, text: 'it is not there now, and does not count' };
      const pool = poolOf(service);
      const { quorum } = pool;
      if (quorum === undefined) return undefined;
      const text = describeStrength(service, quorum, strengthOf(service, pool, verdictOf, shareOf));
      return { value: quorum === 'met' ? 1 : 0, text: `quorum ${quorum}: ${text}` };
    },
    forget(name) {
      pools.delete(name);
      turns.set(name, Number.POSITIVE_INFINITY);
    },
    close: turns.close,
  };
}
