/** Questions to neighbours in the name of an address, and their answers: what shows that they know where the address is. */
import { equalBytes } from '../base/bytes.js';
import { type Family, familyOf, type Ip, ipFromBytes } from '../base/ip.js';
import { ARP_REPLY, arpQuestion, parseArp } from '../wire/arp.js';
import { neighborSolicit, parseNeighborAdvert } from '../wire/ndp.js';
import { controlMessage } from './cmsg.js';
import { native, type RecvMeta } from './native.js';
import { openArp, openNa } from './packet.js';
import { closeWatched, READABLE, watch } from './poller.js';
import { intValue } from './sockaddr.js';
import type { Interface } from './vrrp-socket.js';

const SOL_IPV6 = 41;
const IPV6_RECVPKTINFO = 49;
const IPV6_PKTINFO = 50;
/** Frames taken in one turn of the loop. */
const BATCH = 256;

export interface Answer {
  readonly address: Ip;
  readonly neighbour: Ip;
}

export const questionFrame = (mac: Uint8Array, address: Ip, neighbour: Ip): Uint8Array =>
  familyOf(address) === 4 ? arpQuestion(mac, address, neighbour) : neighborSolicit(mac, address, neighbour);

const buffer = new Uint8Array(2048);
const meta: RecvMeta = {
  address: new Uint8Array(128),
  addressLength: 0,
  control: new Uint8Array(256),
  controlLength: 0,
  flags: 0,
};

/** A reply to our MAC; broadcasts and what a switch floods for others are none. */
function readAnswer4(frame: Uint8Array, own: Uint8Array): Answer | undefined {
  const message = parseArp(frame);
  if (message?.operation !== ARP_REPLY || !equalBytes(message.targetMac, own) || !equalBytes(frame.subarray(0, 6), own))
    return undefined;
  return { address: message.targetIp, neighbour: message.senderIp };
}

/** A solicited advertisement: the kernel hands it on only when it came to one of this host's addresses. */
function readAnswer6(bytes: Uint8Array): Answer | undefined {
  const advert = parseNeighborAdvert(bytes);
  const info = controlMessage(meta, SOL_IPV6, IPV6_PKTINFO);
  return advert?.solicited && info ? { address: ipFromBytes(info.subarray(0, 16)), neighbour: advert.target } : undefined;
}

function open(family: Family, on: Interface): number {
  if (family === 4) return openArp(on);
  const fd = openNa(on);
  native.setsockopt(fd, SOL_IPV6, IPV6_RECVPKTINFO, intValue(1));
  return fd;
}

/** Calls `answered` for every answer that comes to `own` until closed. Throws OsError. */
export function watchAnswers(
  family: Family,
  on: Interface,
  own: Uint8Array,
  answered: (answer: Answer) => void,
): { close(): void } {
  const fd = open(family, on);
  let isOpen = true;
  watch(fd, READABLE, () => {
    for (let i = 0; i < BATCH && isOpen; i++) {
      const length = native.recv(fd, buffer, 0, meta);
      if (length < 0) return;
      const bytes = buffer.subarray(0, length);
      const answer = family === 4 ? readAnswer4(bytes, own) : readAnswer6(bytes);
      if (answer) answered(answer);
    }
  });
  return {
    close() {
      if (isOpen) closeWatched(fd);
      isOpen = false;
    },
  };
}
