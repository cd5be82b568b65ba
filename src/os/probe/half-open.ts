/** The tcp_half_open checker: a SYN is answered by a SYN-ACK, and no connection comes of it. */
import { familyOf } from '../../base/ip.js';
import type { HalfOpenProbe } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import { now } from '../clock.js';
import { findRoute, type Route } from './half-open-route.js';
import { enter, type HalfOpenSocket, halfOpenSocket, refused, rest } from './half-open-socket.js';
import { beginProbe } from './outcome.js';
import { type Failure, thrownFailure } from './reasons.js';
import type { Probe, Target } from './types.js';

/** How a server was probed last: the next probe needs no more, as long as it holds. */
interface Way {
  readonly probe: HalfOpenProbe;
  readonly socket: HalfOpenSocket;
  readonly route: Route;
}

/** By targets, which are one object as long as the check is; so are its settings. */
const ways = new WeakMap<Target, Way>();

/** A namespace may be made anew under its name, so that one is looked up each time. */
const holds = ({ probe, socket, route }: Way, wanted: HalfOpenProbe): boolean =>
  probe === wanted && socket.current && !route.stale && wanted.netns === undefined;

function findWay(probe: HalfOpenProbe, target: Target, before: Way | undefined): Way | Failure {
  try {
    const socket = halfOpenSocket(familyOf(target.address), probe);
    const route = findRoute(socket, target, before?.socket === socket ? before.route : undefined, now());
    if (typeof route === 'number') {
      const failure = refused(socket, -route);
      rest(socket);
      return failure;
    }
    const way = { probe, socket, route };
    ways.set(target, way);
    return way;
  } catch (error) {
    return thrownFailure(error);
  }
}

/** One SYN a probe: one that is lost on the way is a failure, and `fall` says how many of these count. */
export function startHalfOpen(probe: HalfOpenProbe, target: Target, done: (result: ProbeResult) => void): Probe {
  const known = ways.get(target);
  const way = known && holds(known, probe) ? known : findWay(probe, target, known);
  if ('socket' in way) return enter(way.socket, way.route, done);
  return beginProbe(
    (outcome) => outcome.fail(way),
    () => {},
    done,
  );
}
