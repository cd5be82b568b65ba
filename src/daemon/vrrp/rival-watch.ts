/** The alarm of two masters (vrrp/rivals.ts), told and shown. */
import type { Instant } from '../../base/time.js';
import type { VrrpInstanceConfig } from '../../config/types.js';
import type { ApiInstance } from '../../control/api.js';
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

export interface RivalWatch {
  /** An advert that the machine has dealt with. */
  heard(received: Received, standing: Standing): void;
  tick(standing: Standing): void;
  deadline(): Instant;
  report(standing: Standing): ApiInstance['rivals'];
}

export interface RivalWatchParts {
  readonly now: () => Instant;
  readonly conf: () => VrrpInstanceConfig;
  readonly tell: (text: string) => void;
  /** A VRID that nobody uses on the link. */
  readonly free: () => number | undefined;
  /** It is over, and this director is master: neighbours may still believe the other one. */
  readonly reannounce: () => void;
}

const seconds = (ms: number): number => Math.round(Math.max(0, ms)) / 1000;

export function createRivalWatch({ now, conf, tell, free, reannounce }: RivalWatchParts): RivalWatch {
  let rivals: Rivals = NO_RIVALS;

  function review(standing: Standing): void {
    const { rivals: next, begun, over } = reviewRivals(conf(), rivals, standing, now());
    rivals = next;
    if (begun !== undefined) tell(`two masters: ${begun}`);
    if (over === undefined) return;
    tell(`two masters: it is over: ${over}`);
    if (standing.phase === 'master') reannounce();
  }

  return {
    heard(received, standing) {
      rivals = hearRival(conf(), rivals, received, standing, now(), free());
      review(standing);
    },
    tick: review,
    deadline: () => rivalsDeadline(rivals),
    report: ({ phase }) =>
      standingRivals(conf(), rivals, phase).map(({ address, priority, cause, text, since, last, adverts }) => ({
        address,
        priority: priority ?? null,
        cause,
        text,
        since_seconds: seconds(now() - since),
        last_seconds: seconds(now() - last),
        adverts,
      })),
  };
}
