/** What became other in a pool, in sentences for the log of events. */
import { formatDuration } from '../base/duration.js';
import type { Instant } from '../base/time.js';
import type { RealServerIntent, ServiceIntent } from '../intent/types.js';
import { roughly } from './admin.js';
import { type Penalty, penaltyAt, reuseAt } from './damping.js';
import { describeFloor } from './floor.js';
import { describeStrength, sorryServes, strengthOf } from './quorum.js';
import type { Look, PoolState } from './state.js';
import { tiersOf } from './tiers.js';

export interface Note {
  readonly kind: 'quorum' | 'pool';
  /** Absent: the service as a whole. */
  readonly server?: string;
  readonly text: string;
  readonly change?: { readonly before: string; readonly after: string };
}

/** `1.3` */
const rounded = (value: number): string => String(Math.round(value * 10) / 10);

function* ofQuorum(service: ServiceIntent, before: PoolState, after: PoolState, look: Look): Generator<Note> {
  const { quorum } = after;
  if (quorum === undefined || quorum === before.quorum || (before.quorum === undefined && quorum === 'met')) return;
  const { sorry } = service;
  const does = quorum === 'lost' ? 'serves' : sorryIn(service, after) ? 'serves on, for too few are healthy' : 'gives way';
  const serves = sorry ? `; the sorry server ${sorry.key} ${does}` : '';
  const strength = strengthOf(service, after, look.verdictOf, look.shareOf);
  const change = { before: before.quorum ?? 'unknown', after: quorum };
  yield { kind: 'quorum', text: `${quorum}: ${describeStrength(service, quorum, strength)}${serves}`, change };
}

/** `the backups of tier 1`; of a service with one tier of them `the backups`. */
export const backupsTo = (reach: number, service: Pick<ServiceIntent, 'realServers'>): string => {
  const tiers = tiersOf(service).filter((tier) => tier > 0);
  if (tiers.length < 2) return 'the backups';
  const used = tiers.filter((tier) => tier <= reach);
  return used.length > 1 ? `the backups of tiers ${used.join(', ')}` : `the backups of tier ${used[0] ?? tiers[0]}`;
};

function* ofTiers(service: ServiceIntent, { reach: before }: PoolState, { reach }: PoolState): Generator<Note> {
  if (reach > before) yield { kind: 'pool', text: `${backupsTo(reach, service)} take traffic: too few others are up` };
  else if (reach < before && reach > 0)
    yield { kind: 'pool', text: `${backupsTo(reach, service)} are enough again: the tiers after them stand by` };
  else if (reach < before) yield { kind: 'pool', text: 'enough real servers are up again: the backups stand by' };
}

function* ofFloor(service: ServiceIntent, before: PoolState, after: PoolState): Generator<Note> {
  if (!service.floor || !after.floor) return;
  const [was, is] = [before.floor?.scarce ?? false, after.floor.scarce];
  if (is !== was)
    yield { kind: 'pool', text: `${is ? 'too few' : 'enough again'}: ${describeFloor(service.floor, after.floor)}` };
}

function* ofDamping(service: ServiceIntent, server: RealServerIntent, was: Penalty | undefined, is: Penalty): Generator<Note> {
  const { damping } = service;
  if (!damping || (was?.held ?? false) === is.held) return;
  const text = is.held
    ? `flapping: penalty ${rounded(is.value)} of ${damping.suppress}: held out for ${roughly(reuseAt(is, damping) - is.at)}, whatever its checks say`
    : `its penalty is down to ${damping.reuse}: its checks decide again`;
  yield { kind: 'pool', server: server.key, text };
}

function* ofRamps(server: RealServerIntent, before: PoolState, after: PoolState): Generator<Note> {
  const { key, slowStart } = server;
  if (after.ramps.has(key) && !before.ramps.has(key) && slowStart !== undefined)
    yield { kind: 'pool', server: key, text: `slow start: its weight grows to ${server.weight} in ${formatDuration(slowStart)}` };
}

export function* notes(service: ServiceIntent, before: PoolState, after: PoolState, look: Look): Generator<Note> {
  yield* ofFloor(service, before, after);
  yield* ofTiers(service, before, after);
  yield* ofQuorum(service, before, after, look);
  if (after.ramps.size === 0 && after.penalties.size === 0) return;
  for (const server of service.realServers) {
    const is = after.penalties.get(server.key);
    if (is) yield* ofDamping(service, server, before.penalties.get(server.key), is);
    yield* ofRamps(server, before, after);
  }
}

/** What is to be said of a server's penalty; undefined: nothing. */
export function describePenalty(service: ServiceIntent, penalty: Penalty | undefined, now: Instant): string | undefined {
  const { damping } = service;
  if (!damping || !penalty) return undefined;
  const value = penaltyAt(penalty, damping, now);
  if (!penalty.held && value < 0.05) return undefined;
  const counted = `penalty ${rounded(value)} of ${damping.suppress}`;
  return penalty.held ? `${counted}, held out for flapping for ${roughly(reuseAt(penalty, damping) - now)} more` : counted;
}

/** Whether the sorry server serves as the pool stands. */
export const sorryIn = (service: ServiceIntent, { quorum, floor }: Pick<PoolState, 'quorum' | 'floor'>): boolean =>
  sorryServes(service, quorum, floor);
