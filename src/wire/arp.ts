/**
 * ARP over Ethernet (RFC 826), whole frames of 42 bytes; the network card pads.
 *
 *   0       6       12     14      16      18    19    20      22      28      32      38      42
 *   +-------+-------+------+-------+-------+-----+-----+-------+-------+-------+-------+-------+
 *   |  dst  |  src  | 0806 |  hw 1 | 0800  |  6  |  4  |  op   |  SHA  |  SPA  |  THA  |  TPA  |
 *   +-------+-------+------+-------+-------+-----+-----+-------+-------+-------+-------+-------+
 *
 * An announcement (gratuitous ARP) is a broadcast request whose sender and target are the address announced. Linux neighbours take
 * the request form at once, whatever THA holds; the reply form only with THA equal to SHA.
 */
import { viewOf } from '../base/bytes.js';
import { type Ip, ipBytes, ipFromBytes } from '../base/ip.js';

export const ETHERTYPE_ARP = 0x0806;
export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;

const FRAME = 42;
const BROADCAST = new Uint8Array(6).fill(0xff);

export interface ArpMessage {
  readonly operation: number;
  /** Six bytes each. */
  readonly senderMac: Uint8Array;
  readonly senderIp: Ip;
  readonly targetMac: Uint8Array;
  readonly targetIp: Ip;
}

/** A frame to everybody on the link. */
export function encodeArpBroadcast(message: ArpMessage): Uint8Array {
  const bytes = new Uint8Array(FRAME);
  const view = viewOf(bytes);
  bytes.set(BROADCAST, 0);
  bytes.set(message.senderMac, 6);
  view.setUint16(12, ETHERTYPE_ARP);
  view.setUint16(14, 1);
  view.setUint16(16, 0x0800);
  bytes[18] = 6;
  bytes[19] = 4;
  view.setUint16(20, message.operation);
  bytes.set(message.senderMac, 22);
  bytes.set(ipBytes(message.senderIp), 28);
  bytes.set(message.targetMac, 32);
  bytes.set(ipBytes(message.targetIp), 38);
  return bytes;
}

/** The announcement that `ip` is at `mac` from now on. THA is the broadcast address, as keepalived sends it. */
export const gratuitousArp = (mac: Uint8Array, ip: Ip): Uint8Array =>
  encodeArpBroadcast({ operation: ARP_REQUEST, senderMac: mac, senderIp: ip, targetMac: BROADCAST, targetIp: ip });

/** The question of `ip` at `mac` who has `target`: whoever is asked takes the sender into its table first (RFC 826). */
export const arpQuestion = (mac: Uint8Array, ip: Ip, target: Ip): Uint8Array =>
  encodeArpBroadcast({ operation: ARP_REQUEST, senderMac: mac, senderIp: ip, targetMac: new Uint8Array(6), targetIp: target });

/** The message in an Ethernet frame; undefined when it is not ARP for IPv4 over Ethernet. Padding is left off. */
export function parseArp(frame: Uint8Array): ArpMessage | undefined {
  if (frame.length < FRAME) return undefined;
  const view = viewOf(frame);
  if (view.getUint16(12) !== ETHERTYPE_ARP || view.getUint16(14) !== 1 || view.getUint16(16) !== 0x0800) return undefined;
  if (frame[18] !== 6 || frame[19] !== 4) return undefined;
  return {
    operation: view.getUint16(20),
    senderMac: frame.slice(22, 28),
    senderIp: ipFromBytes(frame.subarray(28, 32)),
    targetMac: frame.slice(32, 38),
    targetIp: ipFromBytes(frame.subarray(38, 42)),
  };
}

/** The message announces its sender's own address, in either form (RFC 5227 section 2.3). */
export const isAnnouncement = (message: ArpMessage): boolean => message.senderIp === message.targetIp;
