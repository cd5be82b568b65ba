/**
 * The TCP header (RFC 9293 section 3.1), as much of it as opens a connection half: a SYN, and what answers one.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-------------------------------+-------------------------------+
 *   |          Source Port          |       Destination Port        |
 *   +-------------------------------+-------------------------------+
 *   |                        Sequence Number                        |
 *   +---------------------------------------------------------------+
 *   |                    Acknowledgment Number                      |
 *   +-------+-------+---------------+-------------------------------+
 *   | Offset|  Rsvd |C E U A P R S F|            Window             |
 *   +-------+-------+---------------+-------------------------------+
 *   |           Checksum            |         Urgent Pointer        |
 *   +-------------------------------+-------------------------------+
 *   |                  Options (Offset - 5 words)                   |
 *   +---------------------------------------------------------------+
 */
import { viewOf } from '../base/bytes.js';
import { finish16, sum16 } from '../base/checksum.js';
import { type Ip, ipBytes } from '../base/ip.js';

export const IPPROTO_TCP = 6;
export const TCP_SYN = 0x02;
export const TCP_RST = 0x04;
export const TCP_ACK = 0x10;

/** Where the checksum lies in the header. */
export const TCP_CHECKSUM_AT = 16;
const HEADER = 20;
const SYN_LENGTH = 24;
/** Ports and sequence number: what an ICMP error quotes at least (RFC 792). */
const QUOTED = 8;
const OFFSET_SYN = 0x6002;
const WINDOW = 65_535;
/** Maximum segment size of Ethernet (RFC 9293 section 3.7.1); some firewalls drop a SYN that has no option at all. */
const MSS_OPTION = 0x0204_0000;
const MSS: Readonly<Record<4 | 16, number>> = { 4: 1460, 16: 1440 };

/** Whose SYN, and to whom. */
export interface SynRequest {
  readonly source: Ip;
  readonly destination: Ip;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** A SYN that is sent again and again with another sequence number each time. */
export interface SynTemplate {
  readonly bytes: Uint8Array;
  /** Of all the 16-bit words of pseudo header and segment but those of the sequence number. */
  readonly sum: number;
}

/** The template of a SYN; `writeSequence` makes it one. Both addresses are of one family. */
export function synTemplate({ source, destination, sourcePort, destinationPort }: SynRequest): SynTemplate {
  const bytes = new Uint8Array(SYN_LENGTH);
  const view = viewOf(bytes);
  const [from, to] = [ipBytes(source), ipBytes(destination)];
  view.setUint16(0, sourcePort);
  view.setUint16(2, destinationPort);
  view.setUint16(12, OFFSET_SYN);
  view.setUint16(14, WINDOW);
  view.setUint32(HEADER, MSS_OPTION + MSS[from.length as 4 | 16]);
  // The pseudo header (RFC 9293, RFC 8200 section 8.1): both addresses, protocol, length.
  const pseudo = sum16(to, sum16(from)) + IPPROTO_TCP + SYN_LENGTH;
  return { bytes, sum: sum16(bytes, pseudo) };
}

/** Writes the sequence number, with or without a sign, and the checksum that belongs to it; `at` is where the segment begins in `bytes`. */
export function writeSequence(bytes: Uint8Array, at: number, sum: number, sequence: number): void {
  bytes[at + 4] = sequence >>> 24;
  bytes[at + 5] = sequence >>> 16;
  bytes[at + 6] = sequence >>> 8;
  bytes[at + 7] = sequence;
  const checksum = finish16(sum + (sequence >>> 16) + (sequence & 0xffff));
  bytes[at + TCP_CHECKSUM_AT] = checksum >> 8;
  bytes[at + TCP_CHECKSUM_AT + 1] = checksum;
}

const half = (bytes: Uint8Array, at: number): number => ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
const whole = (bytes: Uint8Array, at: number): number => (half(bytes, at) << 16) | half(bytes, at + 2);

/**
 * Whether a header lies from `at`, and ends at `end` at the latest. The checksum is not looked at: a raw socket gets segments whose sum a
 * network card, or nobody on the way through one host, was to fill in.
 */
export function isSegment(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < HEADER) return false;
  const length = ((bytes[at + 12] as number) >> 4) * 4;
  return length >= HEADER && length <= end - at;
}

export const sourcePortAt = (bytes: Uint8Array, at: number): number => half(bytes, at);
export const destinationPortAt = (bytes: Uint8Array, at: number): number => half(bytes, at + 2);
/** 32 bits with a sign: what two of them have to do with each other is told by their difference anyway. */
export const acknowledgementAt = (bytes: Uint8Array, at: number): number => whole(bytes, at + 8);
/** TCP_SYN, TCP_RST, TCP_ACK, … */
export const flagsAt = (bytes: Uint8Array, at: number): number => bytes[at + 13] as number;

export interface QuotedSegment {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** 32 bits with a sign. */
  readonly sequence: number;
}

/** The head of a segment of ours that an error quotes, be it cut right behind the sequence number. */
export function readQuotedSegment(bytes: Uint8Array): QuotedSegment | undefined {
  if (bytes.length < QUOTED) return undefined;
  return { sourcePort: half(bytes, 0), destinationPort: half(bytes, 2), sequence: whole(bytes, 4) };
}
