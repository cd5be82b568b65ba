/**
 * The door to native/: sockets that Node.js lacks. File descriptors, readiness, send, receive, errno; no protocol.
 * Every fd made here is non-blocking and close-on-exec. Functions that say so return a negative errno instead of throwing,
 * because the caller expects it in normal work (EAGAIN, EINPROGRESS, ECONNREFUSED); the others throw OsError. An argument of the wrong
 * type is a TypeError.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OsError } from '../base/errors.js';

/** Where recv puts what came with a datagram. Reused from call to call: copy what is kept. */
export interface RecvMeta {
  /** struct sockaddr of the sender, as the kernel wrote it; room for 128 bytes. */
  readonly address: Uint8Array;
  /** Bytes of `address` in use. Set by recv. */
  addressLength: number;
  /** The control messages (struct cmsghdr …) as the kernel wrote them. */
  readonly control: Uint8Array;
  /** Bytes of `control` in use. Set by recv. */
  controlLength: number;
  /** msg_flags: MSG_TRUNC 0x20, MSG_CTRUNC 0x08, … Set by recv. */
  flags: number;
}

export interface Native {
  /** socket(2) with SOCK_NONBLOCK|SOCK_CLOEXEC. */
  socket(domain: number, type: number, protocol: number): number;
  close(fd: number): void;
  /** `address` is a struct sockaddr (os/sockaddr.ts builds it). */
  bind(fd: number, address: Uint8Array): void;
  /** 0, or a negative errno (-115 EINPROGRESS is the usual answer). */
  connect(fd: number, address: Uint8Array): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array): void;
  /** The option's bytes, at most `length`. */
  getsockopt(fd: number, level: number, name: number, length: number): Uint8Array;
  getsockname(fd: number): Uint8Array;
  /** SO_ATTACH_FILTER: instructions of classic BPF (os/packet-filter.ts builds them) decide what the socket receives. */
  attachFilter(fd: number, program: Uint8Array): void;
  /** Bytes sent, or a negative errno. MSG_NOSIGNAL is always added. Without address: send(2). */
  send(fd: number, data: Uint8Array, flags: number, address?: Uint8Array): number;
  /** Bytes received (0 at the end of a stream), or a negative errno. */
  recv(fd: number, buffer: Uint8Array, flags: number, meta?: RecvMeta): number;
  /**
   * sendmmsg(2): at most 256 datagrams that lie one behind the other in `records`, each `size` bytes: `addressLength` bytes of struct
   * sockaddr (0: the socket is connected), then the datagram. `places`: the numbers of the records to be sent; absent: all. How many of them
   * were sent, or a negative errno when the first was not: what stopped a later one is told when it is the first of another call.
   */
  sendMany(fd: number, records: Uint8Array, size: number, addressLength: number, places?: Int32Array): number;
  /**
   * recvmmsg(2): datagrams into records like those of sendMany, as many as there are, at most 256, and no more than `lengths` has room for.
   * How many, or a negative errno; the length of each is in `lengths`, what is longer than its record is cut.
   */
  recvMany(fd: number, records: Uint8Array, size: number, addressLength: number, lengths: Int32Array): number;
  /** poll(2) on one fd: the returned events (POLLIN 1, POLLOUT 4, POLLERR 8, POLLHUP 16), 0 at the time limit, or a negative errno. Blocks. */
  wait(fd: number, events: number, timeoutMs: number): number;
  shutdown(fd: number, how: number): number;
  /**
   * What `make` returns or throws, called while this thread is in the network namespace of that file. Where the way back fails the
   * process ends. Only for the one call that makes a socket or a process: everything else of this thread is there meanwhile too.
   */
  inNetns<T>(path: string, make: () => T): T;
  /** clock_gettime in milliseconds with its fraction: 1 CLOCK_MONOTONIC, 7 CLOCK_BOOTTIME. */
  clock(id: number): number;
  /**
   * One epoll instance on this thread's event loop. The callback gets pairs [fd, events, fd, events, …] (EPOLLIN 1, EPOLLOUT 4,
   * EPOLLERR 8, EPOLLHUP 16), at most 64 pairs a call. It keeps the loop alive only while at least one fd is added.
   */
  pollerOpen(callback: (pairs: number[]) => void): PollerHandle;
  /** epoll_ctl add or modify; level-triggered. */
  pollerSet(poller: PollerHandle, fd: number, events: number): void;
  /** epoll_ctl delete; must come before close(fd). Unknown fds are ignored. */
  pollerDelete(poller: PollerHandle, fd: number): void;
  pollerClose(poller: PollerHandle): void;
  /**
   * socket(2) for a stream, connect(2), and the fd added for EPOLLOUT: the fd, or connect's negative errno, and nothing is left then. Throws
   * what the other two calls say.
   */
  pollerConnect(poller: PollerHandle, domain: number, address: Uint8Array): number;
  /** close(2) of an fd that was added, and is not duplicated anywhere: it is out of the poller with that. */
  pollerDrop(poller: PollerHandle, fd: number): void;
}

export interface PollerHandle {
  readonly brand: 'poller';
}

/** Source checkout first (build/Release), then what a package carries (prebuilds). */
function find(): string {
  const names = ['build/Release/lbd.node', `prebuilds/linux-${process.arch}/lbd.node`];
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    for (const name of names) if (existsSync(join(dir, name))) return join(dir, name);
    if (dir === dirname(dir))
      throw new Error('the native addon lbd.node is missing: run `npm ci` in the source folder (needs make and gcc)');
  }
}

/** The addon says errno and system call; callers look for an OsError. */
function asOsError<A extends unknown[], R>(call: (...args: A) => R): (...args: A) => R {
  return (...args) => {
    try {
      return call(...args);
    } catch (error) {
      const { errno, syscall } = error as NodeJS.ErrnoException;
      throw errno === undefined || syscall === undefined ? error : new OsError({ op: syscall, errno });
    }
  };
}

const addon: Native = createRequire(import.meta.url)(find());

export const native: Native = {
  ...addon,
  socket: asOsError(addon.socket),
  close: asOsError(addon.close),
  bind: asOsError(addon.bind),
  setsockopt: asOsError(addon.setsockopt),
  getsockopt: asOsError(addon.getsockopt),
  getsockname: asOsError(addon.getsockname),
  attachFilter: asOsError(addon.attachFilter),
  clock: asOsError(addon.clock),
  pollerOpen: asOsError(addon.pollerOpen),
  pollerSet: asOsError(addon.pollerSet),
  pollerConnect: asOsError(addon.pollerConnect),
  pollerDrop: asOsError(addon.pollerDrop),
};
