/**
 * The IPv4 header (RFC 791 section 3.1), as raw sockets give it and captures contain it.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-------+-------+---------------+-------------------------------+
 *   |Version|  IHL  |Type of Service|          Total Length         |
 *   +-------+-------+---------------+-----+-------------------------+
 *   |         Identification        |Flags|      Fragment Offset    |
 *   +---------------+---------------+-----+-------------------------+
 *   |  Time to Live |    Protocol   |         Header Checksum       |
 *   +---------------+---------------+-------------------------------+
 *   |                         Source Address                        |
 *   +---------------------------------------------------------------+
 *   |                      Destination Address                      |
 *   +---------------------------------------------------------------+
 *   |                    Options (IHL - 5 words)                    |
 *   +---------------------------------------------------------------+
 */
import { viewOf } from '../base/bytes.js';
import { checksum16 } from '../base/checksum.js';
import { type Ip, ipBytes, ipFromBytes } from '../base/ip.js';

const SHORTEST = 20;

export interface Ipv4Packet {
  readonly tos: number;
  readonly id: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly source: Ip;
  readonly destination: Ip;
  /** A window of the packet: copy what is kept. */
  readonly payload: Uint8Array;
}

/** The packet in the bytes; undefined when they are no whole IPv4 packet. Padding behind it is left off. */
export function parseIpv4(bytes: Uint8Array): Ipv4Packet | undefined {
  if (bytes.length < SHORTEST) return undefined;
  const view = viewOf(bytes);
  const version = view.getUint8(0) >> 4;
  const headerLength = 4 * (view.getUint8(0) & 15);
  const totalLength = view.getUint16(2);
  if (version !== 4 || headerLength < SHORTEST || totalLength < headerLength || totalLength > bytes.length) return undefined;
  return {
    tos: view.getUint8(1),
    id: view.getUint16(4),
    ttl: view.getUint8(8),
    protocol: view.getUint8(9),
    source: ipFromBytes(bytes.subarray(12, 16)),
    destination: ipFromBytes(bytes.subarray(16, 20)),
    payload: bytes.subarray(headerLength, totalLength),
  };
}

/** A packet without options and not fragmented, its header checksum filled in. */
export function encodeIpv4(packet: Ipv4Packet): Uint8Array {
  const bytes = new Uint8Array(SHORTEST + packet.payload.length);
  const view = viewOf(bytes);
  view.setUint8(0, 0x45);
  view.setUint8(1, packet.tos);
  view.setUint16(2, bytes.length);
  view.setUint16(4, packet.id);
  view.setUint8(8, packet.ttl);
  view.setUint8(9, packet.protocol);
  bytes.set(ipBytes(packet.source), 12);
  bytes.set(ipBytes(packet.destination), 16);
  view.setUint16(10, checksum16(bytes.subarray(0, SHORTEST)));
  bytes.set(packet.payload, SHORTEST);
  return bytes;
}
