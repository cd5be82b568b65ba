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

/** By targets, which are one object as long as the check is. Without a port: a raw socket takes it for a protocol (raw(7)). */
const sockaddrs = new WeakMap<Target, Uint8Array>();

function sockaddrOf(target: Target): Uint8Array {
  let sockaddr = sockaddrs.get(target);
  if (!sockaddr) {
    sockaddr = inetAddress(target.address, 0);
    sockaddrs.set(target, sockaddr);
  }
  return sockaddr;
}

interface Request {
  readonly sequence: number;
  readonly data: Uint8Array;
}

function send(socket: IcmpSocket, { sequence, data }: Request, address: Uint8Array, outcome: Outcome): void {
  const packet = encodeEchoRequest(socket.family, { id: socket.id, sequence, data });
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
    const sockaddr = sockaddrOf(target);
    socket = icmpSocket(familyOf(target.address), probe);
    sequence = enter(socket, {
      address: target.address,
      sockaddr,
      isReply: (data) => equalBytes(data, token),
      answered: () => outcome.succeed('echo reply'),
      failed: (failure) => outcome.fail(failure),
    });
    send(socket, { sequence, data: token }, sockaddr, outcome);
  };
  const release = () => {
    if (socket && sequence >= 0) leave(socket, sequence);
  };
  return beginProbe(start, release, done);
}
