/** A connected UDP socket of one probe: errors of the network come back on it. */
import type { ProbeSocket } from '../../config/types.js';
import { native } from '../native.js';
import { closeWatched, READABLE, watch } from '../poller.js';
import { inetAddress, SOCK_DGRAM } from '../sockaddr.js';
import type { Outcome } from './outcome.js';
import { networkFailure, sendFailure } from './reasons.js';
import { openSocket } from './socket.js';
import type { Target } from './types.js';

const EINTR = -4;
const EAGAIN = -11;
const LARGEST = 65_535;

/** One for all probes: what is read is judged before the next read. */
let buffer: Uint8Array | undefined;

/** Sends one datagram and hears what comes back; `release` is to be called at the end of the probe. `look` takes what is there already. */
export function openDatagram(
  settings: ProbeSocket,
  target: Target,
  outcome: Outcome,
  heard: (bytes: Uint8Array) => void,
): { send(bytes: Uint8Array): void; look(): void; release(): void } {
  const fd = openSocket(target.address, SOCK_DGRAM, settings);
  const receive = () => {
    buffer ??= new Uint8Array(LARGEST);
    const count = native.recv(fd, buffer, 0);
    if (count >= 0) heard(buffer.subarray(0, count));
    else if (count !== EAGAIN && count !== EINTR) outcome.fail(networkFailure(-count));
  };
  return {
    send(bytes) {
      const answer = native.connect(fd, inetAddress(target.address, target.port));
      if (answer !== 0) return outcome.fail(sendFailure(-answer));
      watch(fd, READABLE, () => outcome.guard(receive));
      const count = native.send(fd, bytes, 0);
      if (count < 0) outcome.fail(sendFailure(-count));
    },
    look: receive,
    release: () => closeWatched(fd),
  };
}
