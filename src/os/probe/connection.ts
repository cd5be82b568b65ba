/** A TCP connection of ours for one probe: opened, watched, closed with the probe. */
import { HOST_LITTLE_ENDIAN, viewOf } from '../../base/bytes.js';
import { familyOf } from '../../base/ip.js';
import type { ProbeResult } from '../../health/types.js';
import { native } from '../native.js';
import { closeWatched, WRITABLE, watch } from '../poller.js';
import { AF_INET, AF_INET6, inetAddress, intValue, SOCK_STREAM, SOL_SOCKET } from '../sockaddr.js';
import { beginProbe, type Outcome } from './outcome.js';
import { networkFailure, sendFailure } from './reasons.js';
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

/** Connects and calls `connected` on the loop; a failure before that is the outcome's. */
export function connectProbe(
  target: Target,
  done: (result: ProbeResult) => void,
  connected: (fd: number, outcome: Outcome) => void,
): Outcome {
  let fd = -1;
  const start = (outcome: Outcome) => {
    fd = native.socket(familyOf(target.address) === 4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
    native.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, intValue(1));
    const answer = native.connect(fd, inetAddress(target.address, target.port));
    if (answer !== 0 && answer !== -EINPROGRESS) return outcome.fail(sendFailure(-answer));
    watch(fd, WRITABLE, () => outcome.guard(() => isConnected(fd, outcome) && connected(fd, outcome)));
  };
  const release = () => {
    if (fd >= 0) closeWatched(fd);
    fd = -1;
  };
  return beginProbe(start, release, done);
}
