/** The tcp_half_open checker: a SYN is answered by a SYN-ACK, and no connection comes of it. */
import { familyOf } from '../../base/ip.js';
import type { HalfOpenProbe } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import { Route } from './half-open-route.js';
import { enter, type HalfOpenRoute, halfOpenSocket, refused, rest } from './half-open-socket.js';
import { beginProbe } from './outcome.js';
import { type Failure, thrownFailure } from './reasons.js';
import type { Probe, Target } from './types.js';

type Done = (result: ProbeResult) => void;

/** As far as it is known from the probe before, or as it is now. */
function findRoute(probe: HalfOpenProbe, target: Target, known: HalfOpenRoute | undefined): HalfOpenRoute | Failure {
  try {
    const socket = halfOpenSocket(familyOf(target.address), probe);
    const isKnown = known?.socket === socket && known.probe === probe && !known.running;
    const route = isKnown ? known : new Route(socket, probe, target);
    const refusal = route.ask(target);
    if (refusal === 0) return route;
    if (!isKnown) route.drop();
    const failure = refused(socket, -refusal);
    rest(socket);
    return failure;
  } catch (error) {
    return thrownFailure(error);
  }
}

/** Of a target that is probed already: its route is for this one probe. */
function enterOnce(route: HalfOpenRoute, done: Done): Probe {
  enter(route, (result) => {
    route.drop();
    done(result);
  });
  return { cancel: () => route.drop() };
}

/** One SYN a probe: one that is lost on the way is a failure, and `fall` says how many of these count. */
export function startHalfOpen(probe: HalfOpenProbe, target: Target, done: Done): Probe {
  const known = target.kept as HalfOpenRoute | undefined;
  const route = known?.holds(probe) ? known : findRoute(probe, target, known);
  if (!('socket' in route))
    return beginProbe(
      (outcome) => outcome.fail(route),
      () => {},
      done,
    );
  if (route !== known) {
    if (known?.running) return enterOnce(route, done);
    known?.drop();
    target.kept = route;
  }
  enter(route, done);
  return route;
}
