/** struct sockaddr_* as the kernel lays them out (linux/in.h, in6.h, if_packet.h, netlink.h). Numbers in host order unless said. */

import { HOST_LITTLE_ENDIAN as LITTLE_ENDIAN, viewOf } from '../base/bytes.js';
import { type Endpoint, familyOf, type Ip, ipBytes, ipFromBytes } from '../base/ip.js';

export { LITTLE_ENDIAN };

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOL_SOCKET = 1;

/** An option value of type int. */
export function intValue(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setInt32(0, value, LITTLE_ENDIAN);
  return bytes;
}

/** Where the address lies in a sockaddr_in, and in a sockaddr_in6. */
const IN_ADDRESS = [4, 8] as const;
const IN6_ADDRESS = [8, 24] as const;

/** The family: all of them are less than 256. */
const familyByte = (bytes: Uint8Array): number => (LITTLE_ENDIAN ? (bytes[0] as number) : (bytes[1] as number));

/** sockaddr_in or sockaddr_in6; `scope` is the interface index that a link-local address needs. */
export function inetAddress(address: Ip, port: number, scope = 0): Uint8Array {
  if (familyOf(address) === 4) {
    const bytes = new Uint8Array(16);
    const view = viewOf(bytes);
    view.setUint16(0, AF_INET, LITTLE_ENDIAN);
    view.setUint16(2, port);
    bytes.set(ipBytes(address), 4);
    return bytes;
  }
  const bytes = new Uint8Array(28);
  const view = viewOf(bytes);
  view.setUint16(0, AF_INET6, LITTLE_ENDIAN);
  view.setUint16(2, port);
  bytes.set(ipBytes(address), 8);
  view.setUint32(24, scope, LITTLE_ENDIAN);
  return bytes;
}

/** The address and port in a sockaddr_in or sockaddr_in6; undefined for another family. */
export function readInetAddress(bytes: Uint8Array): Endpoint | undefined {
  if (bytes.length < 16) return undefined;
  const view = viewOf(bytes);
  const family = view.getUint16(0, LITTLE_ENDIAN);
  if (family === AF_INET) return { address: ipFromBytes(bytes.subarray(4, 8)), port: view.getUint16(2) };
  if (family === AF_INET6 && bytes.length >= 24) return { address: ipFromBytes(bytes.subarray(8, 24)), port: view.getUint16(2) };
  return undefined;
}

/** Whether two such sockaddrs name one address, whatever their ports. */
export function isSameAddress(a: Uint8Array, b: Uint8Array): boolean {
  const family = familyByte(a);
  if (family !== familyByte(b)) return false;
  const [from, to] = family === AF_INET ? IN_ADDRESS : IN6_ADDRESS;
  for (let i = from; i < to; i++) if (a[i] !== b[i]) return false;
  return family === AF_INET || family === AF_INET6;
}

/** sockaddr_ll for an interface; the protocol is an Ethernet type, `hardware` the destination MAC when sending. */
export function packetAddress(interfaceIndex: number, protocol: number, hardware?: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = viewOf(bytes);
  view.setUint16(0, AF_PACKET, LITTLE_ENDIAN);
  view.setUint16(2, protocol);
  view.setInt32(4, interfaceIndex, LITTLE_ENDIAN);
  if (hardware) {
    bytes[11] = hardware.length;
    bytes.set(hardware, 12);
  }
  return bytes;
}

/** sockaddr_nl. */
export function netlinkAddress(portId = 0, groups = 0): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = viewOf(bytes);
  view.setUint16(0, AF_NETLINK, LITTLE_ENDIAN);
  view.setUint32(4, portId, LITTLE_ENDIAN);
  view.setUint32(8, groups, LITTLE_ENDIAN);
  return bytes;
}
