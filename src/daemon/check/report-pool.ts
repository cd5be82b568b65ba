/** What the rules of the pool have to do with a real server, for the reports. */
import type { Milliseconds } from '../../base/duration.js';
import type { Instant } from '../../base/time.js';
import type { ApiRealServer, ApiService } from '../../control/api.js';
import type { HealthState, ResultRecord } from '../../health/types.js';
import type { RealServerIntent, ServiceIntent } from '../../intent/types.js';
import { roughly } from '../../pool/admin.js';
import { penaltyAt, reuseAt } from '../../pool/damping.js';
import type { Member } from '../../pool/explain.js';
import { describeFloor, describeRule } from '../../pool/floor.js';
import { checksOf, isIn, tierOf } from '../../pool/membership.js';
import { backupsTo, describePenalty, sorryIn } from '../../pool/notes.js';
import { isIdle, isWithdrawn, type PoolState, weightsNow } from '../../pool/state.js';

export interface PoolSight {
  readonly now: Instant;
  readonly stateOf: (checkKey: string) => HealthState | undefined;
  /** The latest result of a check. */
  readonly latestOf: (checkKey: string) => ResultRecord | undefined;
  readonly poolOf: (service: ServiceIntent) => PoolState;
  /** The failure of a check does not count: this director suspects itself. */
  readonly isHeld: (checkKey: string) => boolean;
}

export type Weigh = (server: RealServerIntent) => number;

export const shareIn = (sight: Pick<PoolSight, 'stateOf'>) => (key: string) => sight.stateOf(key)?.share;

/** For all servers of the service: a ramp is measured by the others. */
export const weigher = (sight: PoolSight, service: ServiceIntent): Weigh =>
  weightsNow(service, sight.poolOf(service), shareIn(sight), sight.now);

/** Why a server that is up gets nothing new. */
function idleReason(service: ServiceIntent, pool: PoolState, server: RealServerIntent): string | undefined {
  if (server === service.sorry) return undefined;
  if (sorryIn(service, pool))
    return `while the sorry server serves: ${pool.quorum === 'lost' ? 'the quorum is lost' : 'too few are healthy'}`;
  if (isWithdrawn(service, pool)) return 'while the service is withdrawn: too few are healthy';
  const isStandby = isIdle(service, pool, server) && isIn(pool.members.get(server.key));
  return isStandby ? 'while those before it are enough (a backup)' : undefined;
}

function growing(pool: PoolState, { key, slowStart }: RealServerIntent, now: Instant): Milliseconds | undefined {
  const since = pool.ramps.get(key);
  return since === undefined || slowStart === undefined || now >= since + slowStart ? undefined : since + slowStart - now;
}

export function memberOf(
  sight: PoolSight,
  service: ServiceIntent,
  server: RealServerIntent,
  weigh: Weigh = weigher(sight, service),
): Member {
  const pool = sight.poolOf(service);
  const penalty = pool.penalties.get(server.key);
  const text = describePenalty(service, penalty, sight.now);
  return {
    membership: pool.members.get(server.key) ?? 'out',
    weight: weigh(server),
    asked: server.weight,
    growing: growing(pool, server, sight.now),
    idle: idleReason(service, pool, server),
    needed: server.needed,
    penalty: text === undefined ? undefined : { text, held: penalty?.held === true },
    kept: service.floor && describeRule(service.floor),
    known: pool.members.has(server.key) && !pool.coming.has(server.key) && !pool.fresh.has(server.key),
    held: checksOf(server).some(({ key }) => sight.isHeld(key)),
    checks: checksOf(server).map((spec) => ({ spec, state: sight.stateOf(spec.key), latest: sight.latestOf(spec.key) })),
  };
}

const seconds = (ms: Milliseconds): number => Math.max(0, Math.round(ms / 100) / 10);

export function serverPool(
  sight: PoolSight,
  service: ServiceIntent,
  server: RealServerIntent,
  member: Member,
): NonNullable<ApiRealServer['pool']> {
  const pool = sight.poolOf(service);
  const penalty = pool.penalties.get(server.key);
  return {
    tier: tierOf(server),
    slow_start_seconds: member.growing === undefined ? null : seconds(member.growing),
    kept: member.membership === 'kept',
    penalty:
      service.damping && penalty
        ? {
            value: Math.round(penaltyAt(penalty, service.damping, sight.now) * 100) / 100,
            reuse_seconds: penalty.held ? seconds(reuseAt(penalty, service.damping) - sight.now) : null,
          }
        : null,
  };
}

/** What is out of the ordinary. */
export function oddities(service: ServiceIntent, pool: PoolState): NonNullable<ApiService['pool']> {
  const isUsed = service.realServers.some(
    (server) => tierOf(server) > 0 && tierOf(server) <= pool.reach && isIn(pool.members.get(server.key)),
  );
  return {
    too_few: service.floor && pool.floor?.scarce ? describeFloor(service.floor, pool.floor) : null,
    backups: isUsed && !sorryIn(service, pool) ? `${backupsTo(pool.reach, service)} take traffic` : null,
  };
}

/** What `why` tells of a server's place in the pool. `effective`: its weight in the table that is wanted; null: it is not there. */
export function poolStep(service: ServiceIntent, server: RealServerIntent, member: Member, effective: number | null): string {
  const weight = effective === null ? 'not in the table' : `effective weight ${effective}`;
  const parts = [`pool: ${member.membership}, ${weight}${service.onFailure === 'quiesce' ? ' (on_failure: quiesce)' : ''}`];
  if (tierOf(server) > 0) parts.push(`a backup of tier ${tierOf(server)}`);
  if (member.growing !== undefined)
    parts.push(`slow start: weight ${member.weight} of ${server.weight}, all of it in ${roughly(member.growing)}`);
  if (member.penalty) parts.push(member.penalty.text);
  return parts.join(', ');
}

/** What `why` tells of a service's rules as they stand. */
export function poolSteps(service: ServiceIntent, pool: PoolState): string[] {
  const steps: string[] = [];
  if (service.floor && pool.floor) steps.push(`pool: ${describeFloor(service.floor, pool.floor)}`);
  const { backups } = oddities(service, pool);
  if (backups !== null) steps.push(`pool: ${backups}`);
  return steps;
}
