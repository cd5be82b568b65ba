/** Checks that this director cannot make: their verdicts stay as they are, so somebody must hear of it. */
import { describeCheck } from '../../health/key.js';
import type { ResultRecord } from '../../health/types.js';
import type { ServiceIntent } from '../../intent/types.js';
import { checksOf } from '../../pool/membership.js';

/** Results in a row, where there are so many: a process that stood still for a moment is no news. */
const IN_A_ROW = 2;

export interface Blindness {
  /** Why, in the words of the latest result. */
  readonly reason: string;
  readonly checks: number;
  /** The first of them: `web/10.0.0.21:80: tcp connect to 10.0.0.21:80`. */
  readonly first: string;
}

export interface BlindSight {
  readonly latestOf: (key: string) => ResultRecord | undefined;
  readonly historyOf: (key: string) => readonly ResultRecord[];
}

function isBlind({ latestOf, historyOf }: BlindSight, key: string): boolean {
  if (!latestOf(key)?.local) return false;
  return historyOf(key)
    .slice(0, IN_A_ROW)
    .every(({ local }) => local);
}

/** By reason, each check once. */
export function blindness(services: Iterable<ServiceIntent>, sight: BlindSight): Blindness[] {
  const seen = new Set<string>();
  const found = new Map<string, Blindness>();
  for (const { name, realServers } of services)
    for (const server of realServers)
      for (const spec of checksOf(server)) {
        if (seen.has(spec.key) || !isBlind(sight, spec.key)) continue;
        seen.add(spec.key);
        const reason = sight.latestOf(spec.key)?.reason ?? '';
        const known = found.get(reason);
        const first = known?.first ?? `${name}/${server.key}: ${describeCheck(spec)}`;
        found.set(reason, { reason, checks: (known?.checks ?? 0) + 1, first });
      }
  return [...found.values()];
}
