/** Readiness of our own file descriptors on Node's event loop: one epoll instance a process. */
import { native, type PollerHandle } from './native.js';

export const READABLE = 1;
export const WRITABLE = 4;

export type Ready = (events: number) => void;

interface Watch {
  readonly ready: Ready;
  /** The round in which it was made. */
  readonly round: number;
}

/** BOUNDED by the number of open sockets. */
const watches = new Map<number, Watch>();
let poller: PollerHandle | undefined;
let round = 0;

function dispatch(pairs: number[]): void {
  round++;
  for (let i = 0; i < pairs.length; i += 2) {
    // A handler of this round may have closed a later fd of the round: it is gone from the map then, or its number belongs to
    // another socket already. What a new watch really has to be told comes with the next round: readiness is level-triggered. So the
    // events are always those of the socket that the watch was made for.
    const one = watches.get(pairs[i] as number);
    if (one && one.round !== round) one.ready(pairs[i + 1] as number);
  }
}

/** Calls `ready` whenever one of `events` (READABLE, WRITABLE; errors always) holds. Replaces an earlier watch of the fd. */
export function watch(fd: number, events: number, ready: Ready): void {
  poller ??= native.pollerOpen(dispatch);
  native.pollerSet(poller, fd, events);
  watches.set(fd, { ready, round });
}

/** A stream socket that connects, watched until it is WRITABLE; or connect's negative errno. Throws OsError where there is no socket. */
export function watchConnect(domain: number, address: Uint8Array, ready: Ready): number {
  poller ??= native.pollerOpen(dispatch);
  const fd = native.pollerConnect(poller, domain, address);
  if (fd >= 0) watches.set(fd, { ready, round });
  return fd;
}

/** Ends the watch; the fd stays open. */
export function unwatch(fd: number): void {
  if (poller && watches.delete(fd)) native.pollerDelete(poller, fd);
}

/** Ends the watch and closes the fd. */
export function closeWatched(fd: number): void {
  if (poller && watches.delete(fd)) native.pollerDrop(poller, fd);
  else native.close(fd);
}
