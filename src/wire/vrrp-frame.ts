/**
 * An advert as a whole Ethernet frame: what has the virtual MAC as its source (RFC 9568 section 5.1.1 and 7.3) cannot leave by a raw IP
 * socket of the physical interface. Class and hop limit as the sockets set them.
 */
import { viewOf } from '../base/bytes.js';
import { type Family, type Ip, ipBytes } from '../base/ip.js';
import { encodeIpv4 } from './ipv4.js';
import { IPPROTO_VRRP, VRRP_GROUP, VRRP_TTL } from './vrrp.js';

const ETHERNET_HEADER = 14;
const IPV6_HEADER = 40;
const ETHERTYPE = { 4: 0x0800, 6: 0x86dd } as const;
/** Internetwork control (RFC 4594 section 3.1). */
export const TRAFFIC_CLASS = 0xc0;

/** 00-00-5E-00-01-VRID, for IPv6 00-00-5E-00-02-VRID (RFC 9568 section 7.3). */
export const virtualMac = (family: Family, vrid: number): Uint8Array =>
  Uint8Array.of(0x00, 0x00, 0x5e, 0x00, family === 4 ? 0x01 : 0x02, vrid);

/** Of the group (RFC 1112 section 6.4: the low 23 bits; RFC 2464 section 7: the last four bytes). */
function groupMac(family: Family): Uint8Array {
  const group = ipBytes(VRRP_GROUP[family]);
  if (family === 6) return Uint8Array.of(0x33, 0x33, ...group.subarray(12));
  return Uint8Array.of(0x01, 0x00, 0x5e, (group[1] as number) & 0x7f, group[2] as number, group[3] as number);
}

function packet6(source: Ip, message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(IPV6_HEADER + message.length);
  const view = viewOf(bytes);
  view.setUint32(0, 0x60000000 | (TRAFFIC_CLASS << 20));
  view.setUint16(4, message.length);
  bytes[6] = IPPROTO_VRRP;
  bytes[7] = VRRP_TTL;
  bytes.set(ipBytes(source), 8);
  bytes.set(ipBytes(VRRP_GROUP[6]), 24);
  bytes.set(message, IPV6_HEADER);
  return bytes;
}

/** `message`: the VRRP message, its checksum filled in. */
export function vrrpFrame(family: Family, mac: Uint8Array, source: Ip, message: Uint8Array): Uint8Array {
  const header = { tos: TRAFFIC_CLASS, id: 0, ttl: VRRP_TTL, protocol: IPPROTO_VRRP };
  const packet =
    family === 4 ? encodeIpv4({ ...header, source, destination: VRRP_GROUP[4], payload: message }) : packet6(source, message);
  const frame = new Uint8Array(ETHERNET_HEADER + packet.length);
  frame.set(groupMac(family), 0);
  frame.set(mac, 6);
  viewOf(frame).setUint16(12, ETHERTYPE[family]);
  frame.set(packet, ETHERNET_HEADER);
  return frame;
}
