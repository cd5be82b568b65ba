/** Sockets of probes: where they leave this host, and what they say first. */
import { concatBytes, fromHex } from '../../base/bytes.js';
import { OsError } from '../../base/errors.js';
import { type Endpoint, familyOf, type Ip } from '../../base/ip.js';
import type { ProbePlace } from '../../config/check-types.js';
import type { Payload, ProbeSocket, ProbeStream } from '../../config/types.js';
import { native } from '../native.js';
import { inNetns } from '../netns.js';
import { AF_INET, AF_INET6, inetAddress, intValue, SOCK_RAW, SOCK_STREAM, SOL_SOCKET } from '../sockaddr.js';
import { bindToLane } from './lane.js';

const SOL_IP = 0;
/** The port is chosen at connect, so that one source address has all ports to every server (linux/in.h). */
const IP_BIND_ADDRESS_NO_PORT = 24;
const SO_BINDTODEVICE = 25;
const SO_MARK = 36;

/**
 * Marks, binds to the interface and to the source address what is to leave this host. `type` is the socket's: a raw one has no port
 * to choose, and over IPv6 refuses to hear of it. Throws OsError where the host refuses.
 */
export function prepareSocket(fd: number, type: number, settings: ProbeSocket): void {
  if (settings.fwmark) native.setsockopt(fd, SOL_SOCKET, SO_MARK, intValue(settings.fwmark | 0));
  if (settings.interface) native.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, new TextEncoder().encode(`${settings.interface}\0`));
  if (!settings.source || settings.lane !== undefined) return;
  if (type !== SOCK_RAW) native.setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, intValue(1));
  bindTo(fd, settings.source, settings);
}

const EADDRNOTAVAIL = 99;

/** Without a port of its own. Throws OsError, which names an address that is not here. */
function bindTo(fd: number, source: Ip, { netns }: ProbePlace): void {
  try {
    native.bind(fd, inetAddress(source, 0));
  } catch (error) {
    const { errno } = error as { errno?: number };
    if (errno !== EADDRNOTAVAIL) throw error;
    const owner = netns === undefined ? 'this director' : `network namespace ${netns}`;
    throw new OsError({ op: 'source', errno, object: source }, `no interface of ${owner} has that address`);
  }
}

/** By settings, which are one object as long as the configuration is. */
const ways = new WeakMap<ProbeSocket, string>();

/** What probes that share a socket have in common beside the family: equal text, equal way out of this host. */
export function wayOf(settings: ProbeSocket): string {
  let way = ways.get(settings);
  if (way === undefined) {
    way = JSON.stringify([settings.source, settings.interface, settings.fwmark, settings.netns]);
    ways.set(settings, way);
  }
  return way;
}

/** Nothing has to be done to a socket between its making and its use. */
export const isPlain = ({ source, interface: name, fwmark, netns }: ProbeSocket): boolean =>
  !source && !name && !fwmark && netns === undefined;

/** By targets, which are one object as long as the check is. */
const sockaddrs = new WeakMap<Endpoint, Uint8Array>();

export function sockaddrOf(target: Endpoint): Uint8Array {
  let sockaddr = sockaddrs.get(target);
  if (!sockaddr) {
    sockaddr = inetAddress(target.address, target.port);
    sockaddrs.set(target, sockaddr);
  }
  return sockaddr;
}

/** Of datagrams the kernel remembers nothing (pool/passage.ts): any port will do. */
function bindInLane(fd: number, type: number, settings: ProbeSocket): void {
  const { source, lane } = settings;
  if (source === undefined || lane === undefined) return;
  if (type === SOCK_STREAM) bindToLane(fd, source, lane);
  else bindTo(fd, source, settings);
}

/** A socket of the target's family, in the namespace that the check names; `type` SOCK_STREAM or SOCK_DGRAM. */
export function openSocket(address: Ip, type: number, settings: ProbeSocket): number {
  const fd = inNetns(settings.netns, () => native.socket(familyOf(address) === 4 ? AF_INET : AF_INET6, type, 0));
  try {
    prepareSocket(fd, type, settings);
    bindInLane(fd, type, settings);
  } catch (error) {
    native.close(fd);
    throw error;
  }
  return fd;
}

const utf8 = new TextEncoder();

export const payloadBytes = (payload: Payload | undefined): Uint8Array => {
  if (!payload) return new Uint8Array(0);
  return 'text' in payload ? utf8.encode(payload.text) : fromHex(payload.hex);
};

/** Of a connection that is the director's own: UNKNOWN and LOCAL (haproxy proxy-protocol.txt, 2.1 and 2.2). */
const PROXY_V1 = utf8.encode('PROXY UNKNOWN\r\n');
const PROXY_V2 = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, 0x20, 0x00, 0x00, 0x00);

/** What the probe sends, behind the header that the server wants to see first. */
export function withProxyHeader({ proxyProtocol }: ProbeStream, bytes: Uint8Array): Uint8Array {
  if (proxyProtocol === undefined) return bytes;
  return concatBytes([proxyProtocol === 'v1' ? PROXY_V1 : PROXY_V2, bytes]);
}
