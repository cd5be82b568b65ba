/** A TCP connection of ours for one probe: opened, watched, closed with the probe. */
import { HOST_LITTLE_ENDIAN, viewOf } from '../../base/bytes.js';
import type { ProbeStream } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import { native } from '../native.js';
import { closeWatched, unwatch, WRITABLE, watch } from '../poller.js';
import { inetAddress, intValue, SOCK_STREAM, SOL_SOCKET } from '../sockaddr.js';
import { beginProbe, type Outcome } from './outcome.js';
import { networkFailure, sendFailure } from './reasons.js';
import { openSocket } from './socket.js';
import type { Target } from './types.js';

const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const SO_ERROR = 4;
const EINPROGRESS = 115;
const POLLOUT = 4;
const POLLERR = 8;
const POLLHUP = 16;

/** The pending error of a socket, 0 for none; reading clears it. */
const pendingError = (fd: number): number =>
  viewOf(native.getsockopt(fd, SOL_SOCKET, SO_ERROR, 4)).getInt32(0, HOST_LITTLE_ENDIAN);

/** Whether the connection stands. Asked of the socket, not of the event: that may be about an earlier owner of the descriptor. */
function isConnected(fd: number, outcome: Outcome): boolean {
  const state = native.wait(fd, POLLOUT, 0);
  if (state <= 0) return false;
  if ((state & (POLLERR | POLLHUP)) === 0) return true;
  const error = pendingError(fd);
  if (error !== 0) outcome.fail(networkFailure(error));
  // Without an error it was connected and the server has closed already.
  return error === 0;
}

/** A connection that stands. */
export interface Connection {
  readonly fd: number;
  readonly outcome: Outcome;
  /** Gives the descriptor away: from now on `release` ends the connection, and nobody watches it. */
  handOver(release: () => void): void;
}

/** Connects and calls `connected` on the loop; a failure before that is the outcome's. */
export function connectProbe(
  settings: ProbeStream,
  target: Target,
  done: (result: ProbeResult) => void,
  connected: (connection: Connection) => void,
): Outcome {
  let release = () => {};
  const start = (outcome: Outcome) => {
    const fd = openSocket(target.address, SOCK_STREAM, settings);
    release = () => closeWatched(fd);
    native.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, intValue(1));
    const answer = native.connect(fd, inetAddress(target.address, target.port));
    if (answer !== 0 && answer !== -EINPROGRESS) return outcome.fail(sendFailure(-answer));
    const handOver = (own: () => void) => {
      unwatch(fd);
      release = own;
    };
    watch(fd, WRITABLE, () => outcome.guard(() => isConnected(fd, outcome) && connected({ fd, outcome, handOver })));
  };
  return beginProbe(start, () => release(), done);
}
