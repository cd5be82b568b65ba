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

/**
 * By descriptor: the kernel gives the lowest that is free, so there are no more places than there were ever sockets open at once. A Map makes
 * itself anew every few sockets, and what its old tables name lives until the next great collection.
 */
const watches: (Watch | undefined)[] = [];
let poller: PollerHandle | undefined;
let round = 0;

function dispatch(pairs: number[]): void {
  round++;
  for (let i = 0; i < pairs.length; i += 2) {
    // A handler of this round may have closed a later fd of the round: it has no watch then, or its number belongs to
    // another socket already. What a new watch really has to be told comes with the next round: readiness is level-triggered. So the
    // events are always those of the socket that the watch was made for.
    const one = watches[pairs[i] as number];
    if (one && one.round !== round) one.ready(pairs[i + 1] as number);
  }
}

function note(fd: number, ready: Ready): void {
  while (watches.length <= fd) watches.push(undefined);
  watches[fd] = { ready, round };
}

/** Whether there was a watch; there is none from now on. */
function forget(fd: number): boolean {
  const known = watches[fd] !== undefined;
  if (known) watches[fd] = undefined;
  return known;
}

/** Calls `ready` whenever one of `events` (READABLE, WRITABLE; errors always) holds. Replaces an earlier watch of the fd. */
export function watch(fd: number, events: number, ready: Ready): void {
  poller ??= native.pollerOpen(dispatch);
  native.pollerSet(poller, fd, events);
  note(fd, ready);
}

/** A stream socket that connects, watched until it is WRITABLE; or connect's negative errno. Throws OsError where there is no socket. */
export function watchConnect(domain: number, address: Uint8Array, ready: Ready): number {
  poller ??= native.pollerOpen(dispatch);
  const fd = native.pollerConnect(poller, domain, address);
  if (fd >= 0) note(fd, ready);
  return fd;
}

/** Ends the watch; the fd stays open. */
export function unwatch(fd: number): void {
  if (poller && forget(fd)) native.pollerDelete(poller, fd);
}

/** Ends the watch and closes the fd. */
export function closeWatched(fd: number): void {
  if (poller && forget(fd)) native.pollerDrop(poller, fd);
  else native.close(fd);
}
