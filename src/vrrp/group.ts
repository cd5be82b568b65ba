/**
 * A sync group: instances that are master together, or not. All of it follows from what the members are at this moment, so there is
 * nothing that could get out of step:
 *   - one member in FAULT of its own puts the others into FAULT;
 *   - one takes over only when all of them could: who hears a live master that is as good as itself objects, and all wait. Without that,
 *     where one network is torn and the other is not, the group would be taken to and fro without end;
 *   - one that has become master takes the others with it, and one that has ceased to be takes them along too; they hand over as always.
 */
import type { Milliseconds } from '../base/duration.js';
import type { Instant } from '../base/time.js';
import type { SyncGroupConfig, VrrpInstanceConfig } from '../config/types.js';
import { ownObstacle } from './obstacle.js';
import { preempts } from './timers.js';
import type { Hindrance, Phase, VrrpState } from './types.js';

export interface Member {
  readonly conf: VrrpInstanceConfig;
  readonly state: VrrpState;
}

export interface Lead {
  readonly name: string;
  readonly to: 'master' | 'backup';
  readonly reason: string;
}

export interface Move {
  readonly name: string;
  readonly from: Phase;
  readonly to: Phase;
}

/** So many intervals of silence, and the master of a mate may well be gone: it has missed one advert at least. */
const SILENCE = 2;

/** Two families of one instance are no group of the administrator's. */
const title = ({ name, pair }: SyncGroupConfig): string => (pair ? `the VRRP instance ${name}` : `the sync group ${name}`);

/** Who is on its way out counts no more. */
const takesPart = ({ state }: Member): boolean => state.phase !== 'leaving' && state.phase !== 'stopped';

const matesOf = (members: readonly Member[], name: string): Member[] =>
  members.filter((one) => one.conf.name !== name && takesPart(one));

/** Why this member could not be master now; undefined: it could, or is. */
function objects({ conf, state }: Member, now: Instant): string | undefined {
  const { name } = conf;
  const { phase, peer, masterInterval } = state;
  if (phase === 'master') return undefined;
  if (phase !== 'backup') return `${name} is not ready: ${state.reason}`;
  const silence: Milliseconds = SILENCE * masterInterval;
  if (!peer) return now - state.since < silence ? `${name} has not listened long enough` : undefined;
  const yields = peer.priority < conf.priority && preempts(conf) && now >= state.preemptAt;
  if (peer.priority === 0 || yields || now - peer.heardAt >= silence) return undefined;
  return `${name} hears ${peer.address} (priority ${peer.priority})`;
}

/** Why a member that would take over must wait for the others; undefined: it need not. */
export function objection(group: SyncGroupConfig, members: readonly Member[], name: string, now: Instant): string | undefined {
  const reason = matesOf(members, name)
    .map((one) => objects(one, now))
    .find((text) => text !== undefined);
  return reason === undefined ? undefined : `waits for ${title(group)}: ${reason}`;
}

/** What the others' own faults mean for a member. */
export function faultOfMates(
  group: SyncGroupConfig,
  members: readonly Member[],
  name: string,
  now: Instant,
): Hindrance | undefined {
  for (const { conf, state } of matesOf(members, name)) {
    const own = ownObstacle(state, now);
    if (own?.phase === 'fault') return { phase: 'fault', reason: `${conf.name} of ${title(group)} is in FAULT: ${own.reason}` };
  }
  return undefined;
}

/** What the others do after one has moved. */
export function leads(group: SyncGroupConfig, members: readonly Member[], move: Move, now: Instant): Lead[] {
  const of = `of ${title(group)}`;
  const mates = matesOf(members, move.name);
  if (move.to === 'master') {
    const free = mates.filter((one) => one.state.phase === 'backup' && objects(one, now) === undefined);
    return free.map(({ conf }) => ({ name: conf.name, to: 'master', reason: `with ${move.name} ${of}` }));
  }
  if (move.from !== 'master' || (move.to !== 'backup' && move.to !== 'init')) return [];
  const masters = mates.filter((one) => one.state.phase === 'master');
  return masters.map(({ conf }) => ({
    name: conf.name,
    to: 'backup',
    reason: `with ${move.name} ${of}, which is ${move.to} now`,
  }));
}
