/** What other masters give to think about: the alarm of two (vrrp/rivals.ts), and weights that are too small (vrrp/reach.ts). */
import type { Instant } from '../../base/time.js';
import type { VrrpInstanceConfig } from '../../config/types.js';
import type { ApiInstance } from '../../control/api.js';
import { admit } from '../../vrrp/admit.js';
import { lowestPriority, type Strongest, strongestOf, uselessWeights } from '../../vrrp/reach.js';
import {
  hearRival,
  NO_RIVALS,
  type Rivals,
  reviewRivals,
  rivalsDeadline,
  type Standing,
  standingRivals,
} from '../../vrrp/rivals.js';
import type { Received } from '../../vrrp/types.js';
import type { Host } from './types.js';

export interface RivalWatch {
  /** An advert that the machine has dealt with. */
  heard(received: Received, standing: Standing): void;
  tick(standing: Standing): void;
  deadline(): Instant;
  report(standing: Standing): Pick<ApiInstance, 'rivals' | 'weights_problem' | 'lowest_priority'>;
}

export interface RivalWatchParts {
  readonly host: Pick<Host, 'now' | 'freeVrid'>;
  readonly conf: () => VrrpInstanceConfig;
  /** Without what it tracks. */
  readonly base: () => VrrpInstanceConfig;
  readonly tell: (text: string) => void;
  /** It is over, and this director is master: neighbours may still believe the other one. */
  readonly reannounce: () => void;
}

const seconds = (ms: number): number => Math.round(Math.max(0, ms)) / 1000;

export function createRivalWatch({ host, conf, base, tell, reannounce }: RivalWatchParts): RivalWatch {
  const { now } = host;
  let rivals: Rivals = NO_RIVALS;
  let strongest: Strongest | undefined;
  let toldWeights: string | undefined;

  function review(standing: Standing): void {
    const { rivals: next, begun, over } = reviewRivals(conf(), rivals, standing, now());
    rivals = next;
    if (begun !== undefined) tell(`two masters: ${begun}`);
    if (over === undefined) return;
    tell(`two masters: it is over: ${over}`);
    if (standing.phase === 'master') reannounce();
  }

  /** Once, until it is otherwise. */
  function weigh(received: Received): void {
    const admission = admit(conf(), received);
    if ('advert' in admission) strongest = strongestOf(strongest, received.source, admission.advert);
    const useless = uselessWeights(base(), strongest);
    if (useless !== undefined && useless !== toldWeights) tell(`weights of no use: ${useless}`);
    toldWeights = useless;
  }

  return {
    heard(received, standing) {
      rivals = hearRival(conf(), rivals, received, standing, now(), host.freeVrid(conf()));
      review(standing);
      weigh(received);
    },
    tick: review,
    deadline: () => rivalsDeadline(rivals),
    report: ({ phase }) => ({
      weights_problem: uselessWeights(base(), strongest) ?? null,
      lowest_priority: lowestPriority(base().priority, base().track),
      rivals: standingRivals(conf(), rivals, phase).map(({ address, priority, cause, text, since, last, adverts }) => ({
        address,
        priority: priority ?? null,
        cause,
        text,
        since_seconds: seconds(now() - since),
        last_seconds: seconds(now() - last),
        adverts,
      })),
    }),
  };
}
