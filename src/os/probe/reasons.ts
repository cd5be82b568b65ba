/** errno in the words of somebody who asks why a server is down. */
import { errnoName, OsError } from '../../base/errors.js';

export interface Failure {
  readonly reason: string;
  /** The director's own trouble, which proves nothing about the server. */
  readonly local: boolean;
}

export const remote = (reason: string): Failure => ({ reason, local: false });
export const local = (reason: string): Failure => ({ reason, local: true });

/** Said by the server, or by the network on the way to it. */
const REMOTE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ECONNABORTED: 'connection aborted',
  EPIPE: 'connection closed by the server',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'no route to host',
  EHOSTDOWN: 'host is down',
  ENETUNREACH: 'network unreachable',
  EPROTO: 'protocol error',
  ENOPROTOOPT: 'protocol unreachable',
};

/** Refused by this host for want of a resource or a right. */
const LOCAL: Readonly<Record<string, string>> = {
  EMFILE: 'too many open files on this director',
  ENFILE: 'too many open files on this director (the whole system)',
  ENOMEM: 'out of memory on this director',
  ENOBUFS: 'no buffer space on this director',
  ENOSPC: 'no space for another watch on this director',
  EAGAIN: 'send buffer full on this director',
  EADDRNOTAVAIL: 'no free local port or source address on this director',
  EADDRINUSE: 'no free local port on this director',
  EPERM: 'not permitted on this director (a local packet filter, or no privilege)',
  EACCES: 'permission denied on this director',
  ENODEV: 'no such interface on this director',
  EAFNOSUPPORT: 'address family not supported on this director',
  EMSGSIZE: 'the datagram is too large for the way to it',
  EPROTONOSUPPORT: 'protocol not supported on this director',
};

/** This host's routing table says no, so neither the probe nor a client's packet can reach the server from here: that counts. */
const ROUTE: Readonly<Record<string, string>> = {
  ENETUNREACH: 'this director has no route to it (network unreachable)',
  EHOSTUNREACH: 'this director has no route to it (no route to host)',
  ENETDOWN: 'the interface towards it is down on this director',
  EACCES: 'the route to it is prohibited on this director',
  EINVAL: 'the route to it is a blackhole on this director, or the address needs an interface',
};

const pick = (name: string): Failure => {
  const known = LOCAL[name];
  if (known !== undefined) return local(known);
  return remote(REMOTE[name] ?? `failed with ${name}`);
};

/** For an errno that came back later, from the network: SO_ERROR, a failed receive or send on a connection. */
export const networkFailure = (errno: number): Failure => pick(errnoName(errno));

/** For an errno of the very call that sends the first packet: connect(2), sendto(2). */
export function sendFailure(errno: number): Failure {
  const name = errnoName(errno);
  const route = ROUTE[name];
  return route === undefined ? pick(name) : remote(route);
}

/** For a system call that threw, such as socket(2): always the director's own, in the words of the error where it names
 * its object. Rethrows what is no refusal, for that is a bug. */
export function thrownFailure(error: unknown): Failure {
  if (error instanceof OsError && error.object !== undefined) return local(error.message);
  const errno = error instanceof Error && 'errno' in error ? error.errno : undefined;
  if (typeof errno !== 'number') throw error;
  const name = errnoName(errno);
  return local(LOCAL[name] ?? `${error instanceof Error ? error.message : name} on this director`);
}
