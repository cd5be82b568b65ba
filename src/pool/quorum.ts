/**
 * Whether enough real servers are up: the weight of those that take part against the quorum of their virtual server. While it is lost the
 * sorry server serves, where there is one; without one nothing changes in the table, for a few servers are better than none.
 */
import type { ServiceIntent } from '../intent/types.js';
import { isIn, type Memberships, type ShareOf, serverVerdict, type VerdictOf, weightOf } from './membership.js';

export type Quorum = 'met' | 'lost';

/** Sums of weights. */
export interface Strength {
  /** Of those that take part. */
  readonly live: number;
  /** Of those without a verdict that are not in. */
  readonly open: number;
  /** Without those that came while the others served, and have not decided. */
  readonly all: number;
}

/** Who is in, and who has just come. */
export interface Present {
  readonly members: Memberships;
  readonly coming: ReadonlySet<string>;
}

export function strengthOf(
  service: ServiceIntent,
  { members, coming }: Present,
  verdictOf: VerdictOf,
  shareOf: ShareOf = () => undefined,
): Strength {
  let [live, open, all] = [0, 0, 0];
  for (const server of service.realServers) {
    if (!coming.has(server.key)) all += server.weight;
    // Who takes nobody new, by the administrator's word, does not count.
    if (server.admin) continue;
    if (isIn(members.get(server.key))) live += weightOf(server, shareOf);
    else if (serverVerdict(server, verdictOf) === 'unknown') open += server.weight;
  }
  return { live, open, all };
}

type Rule = Pick<ServiceIntent, 'quorum' | 'hysteresis'>;

/** More than all weights together is all of them: a quorum that can never be met would be a service that is never served. */
export const neededToGain = ({ quorum, hysteresis }: Rule, all: number): number => Math.min(quorum + hysteresis, all);
export const neededToKeep = ({ quorum, hysteresis }: Rule, all: number): number =>
  Math.max(1, Math.min(quorum, all) - hysteresis);

/** `before` undefined: at a start, while it may still turn out to be met. */
export function quorumOf(before: Quorum | undefined, rule: Rule, { live, open, all }: Strength): Quorum | undefined {
  if (before === 'met') return live >= neededToKeep(rule, all) ? 'met' : 'lost';
  if (before === 'lost') return live > 0 && live >= neededToGain(rule, all) ? 'met' : 'lost';
  const needed = Math.max(1, Math.min(rule.quorum, all));
  if (live >= needed) return 'met';
  return live + open < needed ? 'lost' : undefined;
}

/** Whether the sorry server takes the place of the real ones. `floor`: as it stands, where the service has one. */
export const sorryServes = (
  service: Pick<ServiceIntent, 'sorry' | 'floor'>,
  quorum: Quorum | undefined,
  floor?: { readonly scarce: boolean },
): boolean => service.sorry !== undefined && (quorum === 'lost' || (floor?.scarce === true && service.floor?.below === 'sorry'));

/** `weight 1 of 2 needed` */
export function describeStrength(rule: Rule, quorum: Quorum | undefined, { live, all }: Strength): string {
  const needed = quorum === 'lost' ? neededToGain(rule, all) : neededToKeep(rule, all);
  return `weight ${live} of ${Math.max(1, needed)} needed`;
}
