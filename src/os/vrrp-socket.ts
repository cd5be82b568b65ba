/**
 * Raw sockets for VRRP on one interface: one that receives what comes to the group there, with its TTL and destination, and one that
 * sends with a fixed source. Options: linux/in.h, linux/in6.h, asm-generic/socket.h.
 */
import { viewOf } from '../base/bytes.js';
import { type Family, type Ip, ipBytes, ipFromBytes, isLinkLocal6 } from '../base/ip.js';
import { parseIpv4 } from '../wire/ipv4.js';
import { IPPROTO_VRRP, VRRP_GROUP, VRRP_TTL } from '../wire/vrrp.js';
import { controlMessage } from './cmsg.js';
import { native, type RecvMeta } from './native.js';
import { closeWatched, READABLE, watch } from './poller.js';
import { AF_INET, AF_INET6, inetAddress, intValue, LITTLE_ENDIAN, readInetAddress, SOCK_RAW, SOL_SOCKET } from './sockaddr.js';

const SO_RCVBUF = 8;
const SO_PRIORITY = 12;
const SO_BINDTODEVICE = 25;
/** Priority of network control traffic (linux/pkt_sched.h: TC_PRIO_INTERACTIVE is 6). */
const PRIORITY = 6;

const SOL_IP = 0;
const IP_TOS = 1;
const IP_TTL = 2;
const IP_MTU_DISCOVER = 10;
const IP_MULTICAST_IF = 32;
const IP_MULTICAST_TTL = 33;
const IP_MULTICAST_LOOP = 34;
const IP_ADD_MEMBERSHIP = 35;
const IP_DROP_MEMBERSHIP = 36;
const IP_MULTICAST_ALL = 49;

const SOL_IPV6 = 41;
const IPV6_CHECKSUM = 7;
const IPV6_UNICAST_HOPS = 16;
const IPV6_MULTICAST_IF = 17;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_ADD_MEMBERSHIP = 20;
const IPV6_DROP_MEMBERSHIP = 21;
const IPV6_MULTICAST_ALL = 29;
const IPV6_RECVPKTINFO = 49;
const IPV6_PKTINFO = 50;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_HOPLIMIT = 52;
const IPV6_TCLASS = 67;

/** Internetwork control (RFC 4594 section 3.1), as keepalived sends it. */
const TRAFFIC_CLASS = 0xc0;
/** Where the checksum is in the VRRP message. */
const CHECKSUM_OFFSET = 6;

export interface Interface {
  readonly name: string;
  readonly index: number;
}

export interface VrrpPacket {
  readonly source: Ip;
  readonly destination: Ip;
  readonly ttl: number;
  /** What follows the IP header. A window of a buffer that the next receive overwrites. */
  readonly payload: Uint8Array;
}

export interface VrrpReceiver {
  /** The next waiting packet; undefined when there is none. What is no IP packet is skipped. */
  receive(): VrrpPacket | undefined;
  /** Hears the group, or no longer; at first it does not. Throws OsError. */
  join(on: boolean): void;
  close(): void;
}

export interface VrrpSender {
  /** Sends to the group, or to one host. 0, or a negative errno. */
  send(message: Uint8Array, to?: Ip): number;
  close(): void;
}

const buffer = new Uint8Array(65_536);
const meta: RecvMeta = {
  address: new Uint8Array(128),
  addressLength: 0,
  control: new Uint8Array(256),
  controlLength: 0,
  flags: 0,
};

const deviceName = (name: string): Uint8Array => new TextEncoder().encode(`${name}\0`);

/** struct ip_mreqn, or struct ipv6_mreq. */
function membership(family: Family, index: number): Uint8Array {
  const group = ipBytes(VRRP_GROUP[family]);
  const bytes = new Uint8Array(family === 4 ? 12 : 20);
  bytes.set(group, 0);
  viewOf(bytes).setInt32(bytes.length - 4, index, LITTLE_ENDIAN);
  return bytes;
}

/** A raw socket on the interface alone, closed again when an option is refused. */
function rawSocket(
  family: Family,
  on: Interface,
  configure: (set: (level: number, name: number, value: Uint8Array) => void, fd: number) => void,
): number {
  const fd = native.socket(family === 4 ? AF_INET : AF_INET6, SOCK_RAW, IPPROTO_VRRP);
  try {
    native.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, deviceName(on.name));
    configure((level, name, value) => native.setsockopt(fd, level, name, value), fd);
    return fd;
  } catch (error) {
    native.close(fd);
    throw error;
  }
}

function readPacket4(bytes: Uint8Array): VrrpPacket | undefined {
  const packet = parseIpv4(bytes);
  return packet?.protocol === IPPROTO_VRRP ? packet : undefined;
}

/** Over IPv6 the kernel keeps the header: hop limit and destination come as control messages. */
function readPacket6(bytes: Uint8Array): VrrpPacket | undefined {
  const source = readInetAddress(meta.address.subarray(0, meta.addressLength))?.address;
  const hops = controlMessage(meta, SOL_IPV6, IPV6_HOPLIMIT);
  const info = controlMessage(meta, SOL_IPV6, IPV6_PKTINFO);
  if (!source || !hops || !info) return undefined;
  return { source, destination: ipFromBytes(info.subarray(0, 16)), ttl: viewOf(hops).getInt32(0, LITTLE_ENDIAN), payload: bytes };
}

/** Receives what comes to this host on this interface, and what comes to the group once it has joined. Bad checksums come too: they are to be counted. Throws OsError. */
export function openVrrpReceiver(family: Family, on: Interface, ready: () => void): VrrpReceiver {
  const fd = rawSocket(family, on, (set) => {
    if (family === 4) {
      set(SOL_IP, IP_MULTICAST_ALL, intValue(0));
    } else {
      set(SOL_IPV6, IPV6_MULTICAST_ALL, intValue(0));
      set(SOL_IPV6, IPV6_RECVHOPLIMIT, intValue(1));
      set(SOL_IPV6, IPV6_RECVPKTINFO, intValue(1));
    }
  });
  watch(fd, READABLE, ready);
  const read = family === 4 ? readPacket4 : readPacket6;
  let joined = false;
  return {
    join(wanted) {
      if (joined === wanted) return;
      const [level, add, drop] =
        family === 4 ? [SOL_IP, IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP] : [SOL_IPV6, IPV6_ADD_MEMBERSHIP, IPV6_DROP_MEMBERSHIP];
      native.setsockopt(fd, level, wanted ? add : drop, membership(family, on.index));
      joined = wanted;
    },
    receive() {
      for (;;) {
        const length = native.recv(fd, buffer, 0, meta);
        if (length < 0) return undefined;
        const packet = read(buffer.subarray(0, length));
        if (packet) return packet;
      }
    },
    close: () => closeWatched(fd),
  };
}

/** Only a link-local address needs one; a global one may be behind a router. */
const scopeOf = (to: Ip, on: Interface): number => (isLinkLocal6(to) ? on.index : 0);

/** Sends from `source`, which must be an address of the interface; `ttl`, 1..255, is of what goes to one host. Throws OsError. */
export function openVrrpSender(family: Family, on: Interface, source: Ip, ttl = VRRP_TTL): VrrpSender {
  const fd = rawSocket(family, on, (set, socket) => {
    // It hears what is sent to `source`, and nobody reads it.
    set(SOL_SOCKET, SO_RCVBUF, intValue(0));
    if (family === 4) {
      set(SOL_IP, IP_MULTICAST_IF, membership(4, on.index));
      set(SOL_IP, IP_MULTICAST_TTL, intValue(VRRP_TTL));
      set(SOL_IP, IP_MULTICAST_LOOP, intValue(0));
      set(SOL_IP, IP_TTL, intValue(ttl));
      set(SOL_IP, IP_MTU_DISCOVER, intValue(0));
      set(SOL_IP, IP_TOS, intValue(TRAFFIC_CLASS));
    } else {
      set(SOL_IPV6, IPV6_MULTICAST_ALL, intValue(0));
      set(SOL_IPV6, IPV6_MULTICAST_IF, intValue(on.index));
      set(SOL_IPV6, IPV6_MULTICAST_HOPS, intValue(VRRP_TTL));
      set(SOL_IPV6, IPV6_MULTICAST_LOOP, intValue(0));
      set(SOL_IPV6, IPV6_UNICAST_HOPS, intValue(ttl));
      set(SOL_IPV6, IPV6_TCLASS, intValue(TRAFFIC_CLASS));
      set(SOL_IPV6, IPV6_CHECKSUM, intValue(CHECKSUM_OFFSET));
    }
    // After IP_TOS, which sets a priority of its own.
    set(SOL_SOCKET, SO_PRIORITY, intValue(PRIORITY));
    native.bind(socket, inetAddress(source, 0, on.index));
  });
  const group = inetAddress(VRRP_GROUP[family], 0, on.index);
  return {
    send: (message, to) =>
      Math.min(0, native.send(fd, message, 0, to === undefined ? group : inetAddress(to, 0, scopeOf(to, on)))),
    close: () => native.close(fd),
  };
}
