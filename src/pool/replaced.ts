/** Checks that a reload has changed: which of the old ones each of the new ones takes the place of. */
import type { ServiceIntent } from '../intent/types.js';
import { checksOf } from './membership.js';

/** By the key of the new check the key of the old one: of the same real server and type, in their order; what is added takes nobody's place. */
export function replacedChecks(before: ServiceIntent, after: ServiceIntent): Map<string, string> {
  const places = new Map<string, string>();
  const known = new Map(before.realServers.map((server) => [server.key, server]));
  for (const server of after.realServers) {
    const old = known.get(server.key);
    if (!old || old === server) continue;
    const is = new Set(checksOf(server).map(({ key }) => key));
    const was = new Set(checksOf(old).map(({ key }) => key));
    const left = checksOf(old).filter(({ key }) => !is.has(key));
    for (const { key, check } of checksOf(server)) {
      const at = was.has(key) ? -1 : left.findIndex((one) => one.check.type === check.type);
      const [place] = at < 0 ? [] : left.splice(at, 1);
      if (place) places.set(key, place.key);
    }
  }
  return places;
}
