/** The icmp checker: an echo request is answered by the address it went to. */
import { equalBytes } from '../../base/bytes.js';
import { familyOf } from '../../base/ip.js';
import type { IcmpProbe } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import { encodeEchoRequest } from '../../wire/icmp.js';
import { native } from '../native.js';
import { inetAddress } from '../sockaddr.js';
import { drainErrors, enter, type IcmpSocket, icmpSocket, leave, refused } from './icmp-socket.js';
import { beginProbe, type Outcome } from './outcome.js';
import { randomToken } from './random.js';
import type { Probe, Target } from './types.js';

/** Bytes of data, random: what makes a reply ours. */
const TOKEN = 8;

function send(socket: IcmpSocket, sequence: number, token: Uint8Array, target: Target, outcome: Outcome): void {
  const packet = encodeEchoRequest(socket.family, { id: socket.id, sequence, data: token });
  const address = inetAddress(target.address, 0);
  let count = native.send(socket.fd, packet, 0, address);
  if (count < 0 && !socket.raw) {
    // It may be the pending error of an earlier request to somebody else.
    drainErrors(socket);
    count = native.send(socket.fd, packet, 0, address);
  }
  if (count < 0) outcome.fail(refused(socket, -count));
}

export function startIcmp(probe: IcmpProbe, target: Target, done: (result: ProbeResult) => void): Probe {
  let socket: IcmpSocket | undefined;
  let sequence = -1;
  const start = (outcome: Outcome) => {
    const token = randomToken(TOKEN);
    socket = icmpSocket(familyOf(target.address), probe);
    sequence = enter(socket, {
      address: target.address,
      isReply: (data) => equalBytes(data, token),
      answered: () => outcome.succeed('echo reply'),
      failed: (failure) => outcome.fail(failure),
    });
    send(socket, sequence, token, target, outcome);
  };
  const release = () => {
    if (socket && sequence >= 0) leave(socket, sequence);
  };
  return beginProbe(start, release, done);
}
