/** The SYNs of one socket, one behind the other in one array: from there they are sent, with another sequence number each time. */
import { doubled } from '../../base/arrays.js';
import type { Family } from '../../base/ip.js';

const SYN_LENGTH = 24;
const IP4_HEADER = 20;
const SOCKADDR: Readonly<Record<Family, number>> = { 4: 16, 6: 28 };
/** Where a sockaddr_in and a sockaddr_in6 have the address. */
const SOCKADDR_IP: Readonly<Record<Family, number>> = { 4: 4, 6: 8 };

/** How a record is laid out, what sendMany takes: a sockaddr, then the SYN, over IPv4 with its IP header. */
export interface Layout {
  /** Bytes of the sockaddr. */
  readonly sockaddr: number;
  /** Where the server's address is, in network order, and its length. */
  readonly address: number;
  readonly addressLength: number;
  /** Where the TCP header begins. */
  readonly segment: number;
  /** Bytes in all. */
  readonly size: number;
}

const layout = (family: Family, header: number): Layout => ({
  sockaddr: SOCKADDR[family],
  address: SOCKADDR_IP[family],
  addressLength: family === 4 ? 4 : 16,
  segment: SOCKADDR[family] + header,
  size: SOCKADDR[family] + header + SYN_LENGTH,
});
export const LAYOUT: Readonly<Record<Family, Layout>> = { 4: layout(4, IP4_HEADER), 6: layout(6, 0) };

const LEAST = 16;

export class Records {
  readonly layout: Layout;
  /** Another one after a `take`, at times. */
  bytes: Uint8Array;
  private readonly free: number[] = [];
  private places = 0;

  constructor(family: Family) {
    this.layout = LAYOUT[family];
    this.bytes = new Uint8Array(LEAST * this.layout.size);
  }

  /** A place for one, whatever it holds. */
  take(): number {
    const place = this.free.pop() ?? this.places++;
    if (this.places * this.layout.size > this.bytes.length) this.bytes = doubled(this.bytes);
    return place;
  }

  give(place: number): void {
    this.free.push(place);
  }

  /** `parts` one behind the other. */
  write(place: number, parts: readonly Uint8Array[]): void {
    let at = place * this.layout.size;
    for (const part of parts) {
      this.bytes.set(part, at);
      at += part.length;
    }
  }

  /** Whether it goes to the address that lies there. */
  isTo(place: number, bytes: Uint8Array, at: number): boolean {
    const { address, addressLength, size } = this.layout;
    const from = place * size + address;
    for (let i = 0; i < addressLength; i++) if (this.bytes[from + i] !== bytes[at + i]) return false;
    return true;
  }
}
