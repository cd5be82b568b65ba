/** The tcp_half_open checker: a SYN is answered by a SYN-ACK, and no connection comes of it. */
import { familyOf } from '../../base/ip.js';
import type { HalfOpenProbe } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import { now } from '../clock.js';
import { enter, halfOpenSocket, leave, refused, rest, routeTo, send } from './half-open-socket.js';
import { beginProbe, type Outcome } from './outcome.js';
import type { Probe, Target } from './types.js';

/** One SYN a probe: one that is lost on the way is a failure, and `fall` says how many of these count. */
export function startHalfOpen(probe: HalfOpenProbe, target: Target, done: (result: ProbeResult) => void): Probe {
  let release = () => {};
  const start = (outcome: Outcome) => {
    const socket = halfOpenSocket(familyOf(target.address), probe);
    release = () => rest(socket);
    const route = routeTo(socket, target, now());
    if (typeof route === 'number') return outcome.fail(refused(socket, -route));
    const waiter = enter(socket, route, outcome);
    release = () => leave(socket, waiter);
    send(socket, waiter);
  };
  return beginProbe(start, () => release(), done);
}
