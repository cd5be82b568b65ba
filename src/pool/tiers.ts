/**
 * Backups in tiers: real servers of tier 0 serve; those of the next tier serve with them while the tiers before do not have the quorum of
 * the virtual server (1 unless said: nobody is up). Who stands by is in the table with weight 0, so that what it was serving goes on, and
 * connections that the other director knows have their place. After the last tier comes the sorry server.
 */
import type { ServiceIntent } from '../intent/types.js';
import { isIn, type Memberships, type ShareOf, tierOf, weightOf } from './membership.js';
import { neededToGain, neededToKeep, type Present } from './quorum.js';

export interface TierLook extends Present {
  readonly shareOf: ShareOf;
  /** It has not decided since the start, and may still turn out to be up. */
  readonly isHopeful: (serverKey: string) => boolean;
}

type Pool = Pick<ServiceIntent, 'realServers' | 'quorum' | 'hysteresis'>;

export const tiersOf = ({ realServers }: Pick<ServiceIntent, 'realServers'>): number[] =>
  [...new Set(realServers.map(tierOf))].sort((a, b) => a - b);

/** Weights of the tiers down to this one. Who is kept in without being up does not spare the backups. */
function strengthTo(tier: number, { realServers }: Pool, { members, coming, shareOf, isHopeful }: TierLook, hopes: boolean) {
  let [live, all] = [0, 0];
  for (const server of realServers) {
    if (tierOf(server) > tier) continue;
    if (!coming.has(server.key)) all += server.weight;
    if (server.admin) continue;
    if (members.get(server.key) === 'in') live += weightOf(server, shareOf);
    else if (hopes && isHopeful(server.key)) live += server.weight;
  }
  return { live, all };
}

/** The last tier that takes traffic, where the kernel alone tells: who stands by has weight 0 there, and was not adopted as in. */
export const adoptedReach = ({ realServers }: Pick<ServiceIntent, 'realServers'>, members: Memberships): number =>
  realServers.reduce((reach, server) => (isIn(members.get(server.key)) ? Math.max(reach, tierOf(server)) : reach), 0);

/** The last tier that takes traffic. `before`: where it was. */
export function reachOf(service: Pool, look: TierLook, before: number): number {
  if (!service.realServers.some(tierOf)) return 0;
  const tiers = tiersOf(service);
  for (const tier of tiers) {
    // Hope keeps others from taking their place; who has it already gives it back to those that are up.
    const { live, all } = strengthTo(tier, service, look, tier >= before);
    const needed = tier >= before ? neededToKeep(service, all) : neededToGain(service, all);
    if (live > 0 && live >= needed) return tier;
  }
  return tiers.at(-1) ?? 0;
}
