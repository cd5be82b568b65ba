/** A TCP connection of ours for one probe: opened, watched, closed with the probe. */
import { HOST_LITTLE_ENDIAN, viewOf } from '../../base/bytes.js';
import { familyOf } from '../../base/ip.js';
import type { ProbeStream } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import { native } from '../native.js';
import { closeWatched, unwatch, WRITABLE, watch, watchConnect } from '../poller.js';
import { AF_INET, AF_INET6, isSameAddress, readInetAddress, SOCK_STREAM, SOL_SOCKET } from '../sockaddr.js';
import { isOwnPort } from './lane.js';
import { beginProbe, type Outcome } from './outcome.js';
import { networkFailure, remote, sendFailure } from './reasons.js';
import { isPlain, openSocket, sockaddrOf } from './socket.js';
import type { Target } from './types.js';

const SO_ERROR = 4;
const EINPROGRESS = 115;
const POLLERR = 8;
const POLLHUP = 16;

/** The pending error of a socket, 0 for none; reading clears it. */
const pendingError = (fd: number): number =>
  viewOf(native.getsockopt(fd, SOL_SOCKET, SO_ERROR, 4)).getInt32(0, HOST_LITTLE_ENDIAN);

/** Whether the connection stands, now that the kernel has said something of it. */
function isConnected(fd: number, events: number, outcome: Outcome): boolean {
  if ((events & (POLLERR | POLLHUP)) === 0) return true;
  const error = pendingError(fd);
  if (error !== 0) outcome.fail(networkFailure(error));
  // Without an error it was connected and the server has closed already.
  return error === 0;
}

/**
 * Whether the connection is with itself: on an address of this host, where nobody listens, the kernel may choose the very port that is
 * asked as the connection's own, and its SYN answers itself (RFC 9293, 3.5: simultaneous open).
 */
function metItself(fd: number, { port }: Target, sockaddr: Uint8Array, { netns }: ProbeStream): boolean {
  // The range of another namespace is not known here.
  if (netns === undefined && !isOwnPort(port)) return false;
  const own = native.getsockname(fd);
  return readInetAddress(own)?.port === port && isSameAddress(own, sockaddr);
}

/** A connection that stands. */
export interface Connection {
  readonly fd: number;
  readonly outcome: Outcome;
  /** Gives the descriptor away: from now on `release` ends the connection, and nobody watches it. */
  handOver(release: () => void): void;
}

type Connected = (connection: Connection) => void;

class Attempt implements Connection {
  fd = -1;
  readonly outcome: Outcome;
  private own: (() => void) | undefined;

  constructor(settings: ProbeStream, target: Target, done: (result: ProbeResult) => void, connected: Connected) {
    const begin = (outcome: Outcome) => this.begin(outcome, settings, target, connected);
    this.outcome = beginProbe(begin, () => this.release(), done);
  }

  handOver(release: () => void): void {
    unwatch(this.fd);
    this.own = release;
  }

  private begin(outcome: Outcome, settings: ProbeStream, target: Target, connected: Connected): void {
    const sockaddr = sockaddrOf(target);
    const ready = (events: number) =>
      outcome.guard(() => {
        if (!isConnected(this.fd, events, outcome)) return;
        if (metItself(this.fd, target, sockaddr, settings)) outcome.fail(remote('connection refused'));
        else connected(this);
      });
    if (isPlain(settings)) {
      const fd = watchConnect(familyOf(target.address) === 4 ? AF_INET : AF_INET6, sockaddr, ready);
      if (fd < 0) return outcome.fail(sendFailure(-fd));
      this.fd = fd;
      return;
    }
    this.fd = openSocket(target.address, SOCK_STREAM, settings);
    const answer = native.connect(this.fd, sockaddr);
    if (answer !== 0 && answer !== -EINPROGRESS) return outcome.fail(sendFailure(-answer));
    watch(this.fd, WRITABLE, ready);
  }

  private release(): void {
    if (this.own) this.own();
    else if (this.fd >= 0) closeWatched(this.fd);
  }
}

/** Connects and calls `connected` on the loop; a failure before that is the outcome's. */
export const connectProbe = (
  settings: ProbeStream,
  target: Target,
  done: (result: ProbeResult) => void,
  connected: Connected,
): Outcome => new Attempt(settings, target, done, connected).outcome;
