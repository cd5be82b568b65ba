/** ICMP errors about what a socket sent, as its error queue gives them (IP_RECVERR, IPV6_RECVERR; linux/errqueue.h). */
import { HOST_LITTLE_ENDIAN, viewOf } from '../../base/bytes.js';
import type { Family } from '../../base/ip.js';
import { icmpErrorText } from '../../wire/icmp.js';
import { native, type RecvMeta } from '../native.js';
import { intValue, SOL_SOCKET } from '../sockaddr.js';
import { type Failure, networkFailure, remote } from './reasons.js';

const SOL_IP = 0;
const IP_RECVERR = 11;
const SOL_IPV6 = 41;
const IPV6_RECVERR = 25;
const MSG_ERRQUEUE = 0x2000;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
/** What goes to thousands of servers in one turn of the loop, and what they answer between two of them. */
const BUFFER = 1 << 20;
/** struct cmsghdr of a 64-bit system, then struct sock_extended_err. */
const CMSG_HEADER = 16;
const EE_ORIGIN = CMSG_HEADER + 4;
const ORIGIN_ICMP = 2;
const ORIGIN_ICMP6 = 3;

/** Room for one message; of one socket at a time. */
export const createMeta = (): RecvMeta => ({
  address: new Uint8Array(128),
  addressLength: 0,
  control: new Uint8Array(512),
  controlLength: 0,
  flags: 0,
});

/** From now on errors about what the socket sends wait in its queue. */
export function queueErrors(fd: number, family: Family): void {
  native.setsockopt(fd, family === 4 ? SOL_IP : SOL_IPV6, family === 4 ? IP_RECVERR : IPV6_RECVERR, intValue(1));
}

function widen(fd: number, forced: number, asked: number): void {
  try {
    native.setsockopt(fd, SOL_SOCKET, forced, intValue(BUFFER));
  } catch {
    native.setsockopt(fd, SOL_SOCKET, asked, intValue(BUFFER));
  }
}

export function widenBuffers(fd: number): void {
  widen(fd, SO_RCVBUFFORCE, SO_RCVBUF);
  widen(fd, SO_SNDBUFFORCE, SO_SNDBUF);
}

/** Bytes of the next queued error's packet, the one that we sent, or a negative errno. `meta.address` is where it had gone to. */
export const receiveError = (fd: number, buffer: Uint8Array, meta: RecvMeta): number =>
  native.recv(fd, buffer, MSG_ERRQUEUE, meta);

/** What it means; undefined when nothing is said of that. The offender is not worth the parsing. */
export function queuedFailure(family: Family, meta: RecvMeta): Failure | undefined {
  if (meta.controlLength <= EE_ORIGIN + 2) return undefined;
  const origin = meta.control[EE_ORIGIN] as number;
  const [type, code] = [meta.control[EE_ORIGIN + 1] as number, meta.control[EE_ORIGIN + 2] as number];
  if (origin === ORIGIN_ICMP || origin === ORIGIN_ICMP6) return remote(icmpErrorText(family, type, code));
  return networkFailure(viewOf(meta.control).getUint32(CMSG_HEADER, HOST_LITTLE_ENDIAN));
}
