/** Readiness of our own file descriptors on Node's event loop: one epoll instance a process. */
import { native, type PollerHandle } from './native.js';

export const READABLE = 1;
export const WRITABLE = 4;

export type Ready = (events: number) => void;

/** BOUNDED by the number of open sockets. */
const handlers = new Map<number, Ready>();
let poller: PollerHandle | undefined;

function dispatch(pairs: number[]): void {
  for (let i = 0; i < pairs.length; i += 2) {
    // A handler of this round may have closed a later fd of the round: it is gone from the map then.
    handlers.get(pairs[i] as number)?.(pairs[i + 1] as number);
  }
}

/** Calls `ready` whenever one of `events` (READABLE, WRITABLE; errors always) holds. Replaces an earlier watch of the fd. */
export function watch(fd: number, events: number, ready: Ready): void {
  poller ??= native.pollerOpen(dispatch);
  handlers.set(fd, ready);
  native.pollerSet(poller, fd, events);
}

/** Ends the watch and closes the fd. */
export function closeWatched(fd: number): void {
  if (poller && handlers.delete(fd)) native.pollerDelete(poller, fd);
  native.close(fd);
}
