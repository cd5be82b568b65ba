/** Announcements of addresses on the link: sent as whole frames, and heard from others while an address changes its holder. */
import { readFileSync } from 'node:fs';
import { equalBytes, viewOf } from '../base/bytes.js';
import { type Family, familyOf, type Ip } from '../base/ip.js';
import { ETHERTYPE_ARP, gratuitousArp, isAnnouncement, parseArp } from '../wire/arp.js';
import { ND_NEIGHBOR_ADVERT, parseNeighborAdvert, unsolicitedNeighborAdvert } from '../wire/ndp.js';
import { controlMessage } from './cmsg.js';
import { native, type RecvMeta } from './native.js';
import { closeWatched, READABLE, watch } from './poller.js';
import { AF_INET6, AF_PACKET, intValue, LITTLE_ENDIAN, packetAddress, SOCK_RAW, SOL_SOCKET } from './sockaddr.js';
import type { Interface } from './vrrp-socket.js';

const SO_BINDTODEVICE = 25;
const IPPROTO_ICMPV6 = 58;
const ICMP6_FILTER = 1;
const SOL_IPV6 = 41;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_HOPLIMIT = 52;
const ND_HOP_LIMIT = 255;

export interface FrameSender {
  /** 0, or a negative errno. */
  send(index: number, frame: Uint8Array): number;
  close(): void;
}

/** One packet socket for all interfaces; it receives nothing (protocol 0). Throws OsError. */
export function openFrameSender(): FrameSender {
  const fd = native.socket(AF_PACKET, SOCK_RAW, 0);
  return {
    send(index, frame) {
      const protocol = viewOf(frame).getUint16(12);
      return Math.min(0, native.send(fd, frame, 0, packetAddress(index, protocol, frame.subarray(0, 6))));
    },
    close: () => native.close(fd),
  };
}

/** Whether the host forwards IPv6 on the interface: the router flag of its neighbour advertisements must say so. */
function isRouter(name: string): boolean {
  try {
    return readFileSync(`/proc/sys/net/ipv6/conf/${name}/forwarding`, 'latin1').startsWith('1');
  } catch {
    return false;
  }
}

/** The frames that say: these addresses are at this MAC. */
export function announcementFrames(name: string, mac: Uint8Array, addresses: readonly Ip[]): Uint8Array[] {
  const router = addresses.some((one) => familyOf(one) === 6) && isRouter(name);
  return addresses.map((one) => (familyOf(one) === 4 ? gratuitousArp(mac, one) : unsolicitedNeighborAdvert(mac, one, router)));
}

const buffer = new Uint8Array(2048);
const meta: RecvMeta = {
  address: new Uint8Array(128),
  addressLength: 0,
  control: new Uint8Array(256),
  controlLength: 0,
  flags: 0,
};

export interface Claim {
  readonly address: Ip;
  readonly mac: Uint8Array;
}

function readClaim4(bytes: Uint8Array): Claim | undefined {
  const message = parseArp(bytes);
  return message && isAnnouncement(message) ? { address: message.senderIp, mac: message.senderMac } : undefined;
}

function readClaim6(bytes: Uint8Array): Claim | undefined {
  const hops = controlMessage(meta, SOL_IPV6, IPV6_HOPLIMIT);
  if (!hops || viewOf(hops).getInt32(0, LITTLE_ENDIAN) !== ND_HOP_LIMIT) return undefined;
  const advert = parseNeighborAdvert(bytes);
  return advert?.override && !advert.solicited && advert.mac ? { address: advert.target, mac: advert.mac } : undefined;
}

/** A packet socket that hears ARP on the interface; our own frames do not come back on one that is bound to a protocol. */
export function openArp(on: Interface): number {
  const fd = native.socket(AF_PACKET, SOCK_RAW, 0);
  native.bind(fd, packetAddress(on.index, ETHERTYPE_ARP));
  return fd;
}

/** A raw ICMPv6 socket through whose filter only neighbour advertisements come (a set bit blocks a type). */
export function openNa(on: Interface): number {
  const fd = native.socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
  const filter = new Uint8Array(32).fill(0xff);
  const word = ND_NEIGHBOR_ADVERT >> 5;
  viewOf(filter).setUint32(4 * word, (0xffffffff & ~(1 << (ND_NEIGHBOR_ADVERT & 31))) >>> 0, LITTLE_ENDIAN);
  native.setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, filter);
  native.setsockopt(fd, SOL_IPV6, IPV6_RECVHOPLIMIT, intValue(1));
  native.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, new TextEncoder().encode(`${on.name}\0`));
  return fd;
}

/** Frames taken in one turn of the loop. */
const BATCH = 256;

/** Calls `claimed` for every announcement of another host (another MAC than `own`) until closed. Throws OsError. */
export function watchClaims(family: Family, on: Interface, own: Uint8Array, claimed: (claim: Claim) => void): { close(): void } {
  const fd = family === 4 ? openArp(on) : openNa(on);
  const read = family === 4 ? readClaim4 : readClaim6;
  let open = true;
  watch(fd, READABLE, () => {
    for (let i = 0; i < BATCH && open; i++) {
      const length = native.recv(fd, buffer, 0, meta);
      if (length < 0) return;
      const claim = read(buffer.subarray(0, length));
      if (claim && !equalBytes(claim.mac, own)) claimed(claim);
    }
  });
  return {
    close() {
      if (open) closeWatched(fd);
      open = false;
    },
  };
}
