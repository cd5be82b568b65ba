/**
 * Below this checks may not empty the pool: `min_healthy` says how many must be healthy, `max_ejected` how many of it failing checks may
 * take out. Two views of one rule, of which a service has one.
 *
 *   min_healthy   of the real servers that are no backups, those too that the administrator has taken out;
 *                 healthy is who is up and takes part, a backup too
 *   max_ejected   of the real servers that are no backups and take part; backups are not asked
 *
 * What happens below it: `keep_last`: who failed last stays in; `all`: everybody is in, as if up; `sorry`: the sorry server serves;
 * `withdraw`: nobody gets anything new. Those that are kept in count for the quorum.
 */
import type { Instant } from '../base/time.js';
import type { FloorConfig } from '../config/types.js';
import type { RealServerIntent, ServiceIntent } from '../intent/types.js';
import { type Membership, type MemberVerdict, tierOf } from './membership.js';

/** A real server as the floor sees it. */
export interface Candidate {
  readonly server: RealServerIntent;
  readonly verdict: MemberVerdict;
  readonly before: Membership;
  /** What the rule of membership makes of it. */
  readonly state: Membership;
  /** Since when it is down. */
  readonly downSince: Instant;
  /** It may still turn out to be up: a start. */
  readonly hopeful: boolean;
}

type Pool = Pick<ServiceIntent, 'realServers'>;
const NOBODY: ReadonlySet<string> = new Set();

/** How many there must be. `coming`: they do not count. */
export function neededOf({ of, amount, unit }: FloorConfig, { realServers }: Pool, coming = NOBODY): number {
  const isOwn = (server: RealServerIntent) => tierOf(server) === 0 && !coming.has(server.key);
  const own = realServers.filter((server) => isOwn(server) && (of === 'min_healthy' || !server.admin));
  const share = unit === 'percent' ? (own.length * amount) / 100 : amount;
  if (of === 'min_healthy') return Math.min(own.length, Math.ceil(share - 1e-9));
  return own.length - Math.min(own.length, Math.floor(share + 1e-9));
}

const counts = ({ of }: FloorConfig, { server }: Candidate): boolean =>
  !server.admin && (of === 'min_healthy' || tierOf(server) === 0);

export interface Floor {
  readonly healthy: number;
  readonly needed: number;
  readonly scarce: boolean;
}

/** Of one that was broken, in an earlier life: the numbers are of the moment. */
export const SCARCE: Floor = { healthy: 0, needed: 0, scarce: true };

export function floorOf(rule: FloorConfig, service: Pool, candidates: readonly Candidate[], coming = NOBODY): Floor {
  const needed = neededOf(rule, service, coming);
  const own = candidates.filter((one) => counts(rule, one));
  const healthy = own.filter((one) => one.state === 'in').length;
  const hope = own.filter((one) => one.state !== 'in' && one.hopeful).length;
  return { healthy, needed, scarce: healthy + hope < needed };
}

/** Who is up and held out for flapping comes before who is down; then who failed last. */
function byFailure(a: Candidate, b: Candidate): number {
  const [downA, downB] = [a.verdict === 'down', b.verdict === 'down'];
  return downA === downB ? b.downSince - a.downSince : downA ? 1 : -1;
}

/** The keys of those that stay in, though they would go. */
export function keptOf(rule: FloorConfig, floor: Floor, candidates: readonly Candidate[]): ReadonlySet<string> {
  if (!floor.scarce || rule.below === 'sorry' || rule.below === 'withdraw') return new Set();
  const failing = candidates.filter((one) => !one.server.admin && one.state !== 'in' && one.verdict !== 'unknown');
  if (rule.below === 'all') return new Set(failing.map(({ server }) => server.key));
  const last = failing.filter((one) => counts(rule, one) && (one.before === 'in' || one.before === 'kept')).sort(byFailure);
  return new Set(last.slice(0, floor.needed - floor.healthy).map(({ server }) => server.key));
}

/** `min_healthy 50%`, `max_ejected 1` */
export const describeRule = ({ of, amount, unit }: FloorConfig): string => `${of} ${amount}${unit === 'percent' ? '%' : ''}`;

const EFFECT = {
  keep_last: 'those that failed last stay in',
  all: 'all are in, as if they were up',
  sorry: 'the sorry server serves',
  withdraw: 'nobody gets new connections',
} as const;

/** `1 healthy, 2 needed (min_healthy 50%): all are in, as if they were up` */
export function describeFloor(rule: FloorConfig, { healthy, needed, scarce }: Floor): string {
  const counted = `${healthy} healthy, ${needed} needed (${describeRule(rule)})`;
  return scarce ? `${counted}: ${EFFECT[rule.below]}` : counted;
}
