/**
 * The machine of one virtual server's pool: verdicts, the administrator's word and the time make of one state the next. In this order:
 * the rule of membership (membership.ts), flap damping, the floor below which nobody more is taken out, the tiers of backups, the quorum,
 * slow start.
 */
import type { Milliseconds } from '../base/duration.js';
import { earliest, type Instant, NEVER } from '../base/time.js';
import { isHashed } from '../base/words.js';
import type { RealServerIntent, ServiceIntent } from '../intent/types.js';
import { dampen, forgive, type Penalty, reuseAt } from './damping.js';
import { type Candidate, type Floor, floorOf, keptOf } from './floor.js';
import {
  checksOf,
  isIn,
  type Membership,
  type Memberships,
  type MemberVerdict,
  membership,
  type ShareOf,
  serverVerdict,
  tierOf,
  type VerdictOf,
  weightOf,
} from './membership.js';
import { type Quorum, quorumOf, sorryServes, strengthOf } from './quorum.js';
import { hasEnded, nextStep, RAMP_STEPS, rampedWeight, stepOf } from './ramp.js';
import { reachOf, tiersOf } from './tiers.js';

export interface PoolState {
  /** Of the service: by it one that has another name after a restart is known again. */
  readonly key: string;
  readonly members: Memberships;
  /** Undefined: at a start, while it may still turn out to be met. */
  readonly quorum: Quorum | undefined;
  /** The last tier that takes traffic. */
  readonly reach: number;
  /** Where the service has one. */
  readonly floor: Floor | undefined;
  /** Keys of those that take part: who comes to them later begins slowly. */
  readonly present: ReadonlySet<string>;
  /** Keys of those that have not decided since this process has the service: they do not come back, they were never seen away. */
  readonly fresh: ReadonlySet<string>;
  /** Keys of those that came while others served already, and have not decided: until they have, they count for no rule. */
  readonly coming: ReadonlySet<string>;
  /** Until then those that are fresh may turn out to be up, and nobody takes their place. */
  readonly hopeUntil: Instant;
  /** Since when the weight of a server grows. */
  readonly ramps: ReadonlyMap<string, Instant>;
  /** Only of services with damping. */
  readonly penalties: ReadonlyMap<string, Penalty>;
  /** Key of the sorry server that is in the table: it serves, or it is leaving. */
  readonly sorry: string | undefined;
  /** Until then the sorry server, whose turn is over, stays with weight 0: what it is serving goes on. Undefined: it is not leaving. */
  readonly leaving: Instant | undefined;
}

/** What the machine looks at beside the intent. */
export interface Look {
  readonly now: Instant;
  readonly verdictOf: VerdictOf;
  readonly shareOf: ShareOf;
  /** Since when the verdict of a check holds. */
  readonly sinceOf: (checkKey: string) => Instant;
  /** Its failure does not count: this director suspects itself. */
  readonly isHeld?: (checkKey: string) => boolean;
}

/** What a state may go on from; absent: nothing is known. */
export type Remains = {
  readonly [K in 'quorum' | 'reach' | 'floor' | 'ramps' | 'penalties' | 'sorry']?: PoolState[K] | undefined;
};

/** As long as VRRP waits for the checks too. */
const HOPE: Milliseconds = 10_000;
/** Of the sorry server: longer than its page takes, and not much longer, for who keeps a connection open is shown nothing else meanwhile. */
const LEAVE: Milliseconds = 10_000;
/** A step of a ramp is late by so much at most. */
const STEP: Milliseconds = 100;
const NOBODY: ReadonlySet<string> = new Set();
const NO_RAMPS: PoolState['ramps'] = new Map();
const NO_PENALTIES: PoolState['penalties'] = new Map();

const takesPart = (server: RealServerIntent, members: Memberships): boolean => !server.admin && isIn(members.get(server.key));

/** Where a service begins in this process; `members` from what is remembered, or from what the kernel has. */
export function begin(service: ServiceIntent, members: Memberships, remains: Remains, now: Instant): PoolState {
  const keys = (test: (server: RealServerIntent) => boolean) =>
    new Set(service.realServers.filter(test).map((server) => server.key));
  return {
    key: service.key,
    members,
    quorum: remains.quorum,
    reach: remains.reach ?? 0,
    floor: remains.floor,
    present: keys((server) => takesPart(server, members)),
    fresh: keys((server) => !isIn(members.get(server.key))),
    coming: NOBODY,
    hopeUntil: now + HOPE,
    ramps: remains.ramps ?? NO_RAMPS,
    penalties: remains.penalties ?? NO_PENALTIES,
    sorry: remains.sorry,
    leaving: undefined,
  };
}

type Verdicts = ReadonlyMap<string, MemberVerdict>;

/** A server without checks is up. */
const ofChecks = (verdict: MemberVerdict): 'up' | 'down' | 'unknown' => (verdict === 'unchecked' ? 'up' : verdict);

/** Who is up only because a failure does not count. */
function excusedIn(service: ServiceIntent, verdicts: Verdicts, { isHeld }: Look): ReadonlySet<string> {
  if (!isHeld) return NOBODY;
  const excused = service.realServers.filter(
    (server) => verdicts.get(server.key) === 'up' && checksOf(server).some(({ key }) => isHeld(key)),
  );
  return excused.length === 0 ? NOBODY : new Set(excused.map(({ key }) => key));
}

interface Heard {
  readonly verdicts: Verdicts;
  readonly excused: ReadonlySet<string>;
}

function penaltiesOf(
  service: ServiceIntent,
  before: PoolState,
  { verdicts, excused }: Heard,
  now: Instant,
): PoolState['penalties'] {
  const { damping } = service;
  if (!damping) return NO_PENALTIES;
  const penalties = new Map<string, Penalty>();
  for (const [key, verdict] of verdicts) {
    const known = before.penalties.get(key);
    const penalty = dampen(damping, excused.has(key) ? forgive(damping, known) : known, ofChecks(verdict), now);
    if (penalty) penalties.set(key, penalty);
  }
  return penalties;
}

/** It went down with the check that left too few: the first of them where all must pass, the last where one is enough. */
function downSince(server: RealServerIntent, { verdictOf, sinceOf }: Look): Instant {
  const checks = checksOf(server);
  const since = checks.filter(({ key }) => verdictOf(key) === 'down').map(({ key }) => sinceOf(key));
  const deciding = since.sort((a, b) => a - b)[checks.length - (server.needed ?? checks.length)];
  return deciding ?? since.at(-1) ?? 0;
}

interface Judged {
  readonly members: Memberships;
  readonly floor: Floor | undefined;
}

/** Who is in by the checks, damping and the floor. */
function judge(
  service: ServiceIntent,
  before: PoolState,
  { verdicts, penalties, coming }: Pick<PoolState, 'penalties' | 'coming'> & Pick<Heard, 'verdicts'>,
  look: Look,
): Judged {
  const members = new Map<string, Membership>();
  const isHopeful = hopefulIn(before, verdicts, look.now);
  for (const { key } of service.realServers) {
    const held = penalties.get(key)?.held === true;
    const verdict = held ? 'down' : (verdicts.get(key) ?? 'unknown');
    members.set(key, membership(verdict, service.onFailure, before.members.get(key) ?? 'out'));
  }
  if (!service.floor) return { members, floor: undefined };
  const candidates = service.realServers.map(
    (server): Candidate => ({
      server,
      verdict: verdicts.get(server.key) ?? 'unknown',
      before: before.members.get(server.key) ?? 'out',
      state: members.get(server.key) ?? 'out',
      downSince: downSince(server, look),
      // As with the tiers: hope keeps the rule from being broken, and is not enough to say that it is kept again.
      hopeful: before.floor?.scarce !== true && isHopeful(server.key),
    }),
  );
  const floor = floorOf(service.floor, service, candidates, coming);
  for (const key of keptOf(service.floor, floor, candidates)) members.set(key, 'kept');
  return { members, floor };
}

const hopefulIn =
  ({ fresh, hopeUntil }: PoolState, verdicts: Verdicts, now: Instant) =>
  (key: string): boolean =>
    now < hopeUntil && fresh.has(key) && verdicts.get(key) === 'unknown';

/** A pool that has nobody yet has nobody who comes to others. */
function comingIn({ coming, members }: PoolState, verdicts: Verdicts): ReadonlySet<string> {
  if (members.size === 0) return NOBODY;
  let keys: Set<string> | undefined;
  for (const [key, verdict] of verdicts) {
    if (verdict !== 'unknown' || (members.has(key) && !coming.has(key))) continue;
    keys ??= new Set();
    keys.add(key);
  }
  return keys ?? NOBODY;
}

/**
 * A ramp begins with a server that takes part and did not before; it ends with its time, or when the server is away again. Who is back
 * because the failure did not count was never away, and who is kept in because too few are left must help at once.
 */
function rampsOf(
  service: ServiceIntent,
  before: PoolState,
  { members, excused }: Pick<PoolState, 'members'> & Heard,
  now: Instant,
): PoolState['ramps'] {
  let ramps: Map<string, Instant> | undefined;
  for (const server of service.realServers) {
    const { key, slowStart: span } = server;
    if (span === undefined || !takesPart(server, members)) continue;
    const isBack = members.get(key) === 'in' && !excused.has(key);
    const isNew = isBack && !before.present.has(key) && !before.fresh.has(key);
    const since = before.ramps.get(key) ?? (isNew ? now : undefined);
    if (since === undefined || hasEnded({ since, span }, now)) continue;
    ramps ??= new Map();
    ramps.set(key, since);
  }
  return ramps ?? NO_RAMPS;
}

/** Whether what the sorry server is serving can go on when it gets nothing new. */
const canLeave = ({ ids, persistence, scheduler }: ServiceIntent): boolean =>
  // Persistent clients, and flows of datagrams, would stay with it; dh chooses it all the same; and of sh and mh most clients would have
  // to change their server once more when it goes, for the table of hashes is another one then.
  !persistence && scheduler !== 'dh' && !isHashed(scheduler) && ids.every((id) => id.kind === 'fwmark' || id.protocol !== 'udp');

const AWAY: Pick<PoolState, 'sorry' | 'leaving'> = { sorry: undefined, leaving: undefined };

/** The sorry server's place in the table. One that was not in it, as it has just been configured, has nothing to go on with. */
function sorryOf(
  service: ServiceIntent,
  before: PoolState,
  { quorum, floor }: Pick<PoolState, 'quorum' | 'floor'>,
  now: Instant,
): Pick<PoolState, 'sorry' | 'leaving'> {
  const sorry = service.sorry?.key;
  if (sorryServes(service, quorum, floor)) return { sorry, leaving: undefined };
  if (sorry === undefined || sorry !== before.sorry || !canLeave(service)) return AWAY;
  const leaving = before.leaving ?? now + LEAVE;
  return now < leaving ? { sorry, leaving } : AWAY;
}

/** The next state. */
export function decide(service: ServiceIntent, before: PoolState, look: Look): PoolState {
  const { now, verdictOf, shareOf } = look;
  const verdicts = new Map(service.realServers.map((server) => [server.key, serverVerdict(server, verdictOf)]));
  const heard = { verdicts, excused: excusedIn(service, verdicts, look) };
  const penalties = penaltiesOf(service, before, heard, now);
  const coming = comingIn(before, verdicts);
  const { members, floor } = judge(service, before, { verdicts, penalties, coming }, look);
  const isHopeful = hopefulIn(before, verdicts, now);
  const reach = reachOf(service, { members, coming, shareOf, isHopeful }, before.reach);
  const strength = strengthOf(service, { members, coming }, verdictOf, shareOf);
  const quorum = quorumOf(before.quorum, service, strength) ?? before.quorum;
  const fresh = before.fresh.size === 0 ? [] : [...before.fresh].filter((key) => verdicts.get(key) === 'unknown');
  return {
    key: service.key,
    members,
    quorum,
    reach,
    floor,
    present: new Set(service.realServers.filter((one) => takesPart(one, members)).map((one) => one.key)),
    fresh: fresh.length === 0 ? NOBODY : new Set(fresh),
    coming,
    hopeUntil: before.hopeUntil,
    ramps: rampsOf(service, before, { ...heard, members }, now),
    penalties,
    ...sorryOf(service, before, { quorum, floor }, now),
  };
}

/** Servers that came back one by one grow in common steps: each for itself would be a decision, of a thousand servers twenty thousand. */
const together = (at: Instant): Instant => Math.ceil(at / STEP) * STEP;

/** When the time alone makes another state. */
export function nextAt(service: ServiceIntent, state: PoolState, now: Instant): Instant {
  let next = state.leaving ?? NEVER;
  for (const { key, slowStart: span } of service.realServers) {
    const since = state.ramps.get(key);
    if (since !== undefined && span !== undefined) next = earliest(next, together(nextStep({ since, span }, now)));
    const penalty = state.penalties.get(key);
    if (penalty?.held && service.damping) next = earliest(next, reuseAt(penalty, service.damping));
  }
  const waits = state.fresh.size > 0 && now < state.hopeUntil && (service.floor !== undefined || tiersOf(service).length > 1);
  return waits ? earliest(next, state.hopeUntil) : next;
}

/** By the floor: nobody gets anything new. */
export const isWithdrawn = ({ floor: rule }: Pick<ServiceIntent, 'floor'>, { floor }: Pick<PoolState, 'floor'>): boolean =>
  floor?.scarce === true && rule?.below === 'withdraw';

/** Stands by: a backup that is not needed, or one of a service that is withdrawn. */
export const isIdle = (service: ServiceIntent, state: PoolState, server: RealServerIntent): boolean =>
  tierOf(server) > state.reach || isWithdrawn(service, state);

/** A state that was decided before is looked at later, and a ramp may have ended. */
function stepIn({ ramps }: PoolState, { key, slowStart: span }: RealServerIntent, now: Instant): number {
  const since = ramps.get(key);
  return since === undefined || span === undefined ? RAMP_STEPS : stepOf({ since, span }, now);
}

/** The weight of each server as it is at this moment of its ramp. */
export function weightsNow(
  service: ServiceIntent,
  state: PoolState,
  shareOf: ShareOf,
  now: Instant,
): (server: RealServerIntent) => number {
  if (state.ramps.size === 0) return (server) => weightOf(server, shareOf);
  let foremost = 0;
  for (const server of service.realServers) {
    if (!takesPart(server, state.members) || isIdle(service, state, server) || weightOf(server, shareOf) === 0) continue;
    foremost = Math.max(foremost, stepIn(state, server, now));
  }
  return (server) => rampedWeight(weightOf(server, shareOf), stepIn(state, server, now), foremost || RAMP_STEPS);
}
