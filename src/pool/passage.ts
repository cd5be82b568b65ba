/**
 * The passages of checks `via: vip` in the kernel's table: each a service of one firewall mark with one real server. What this director
 * itself sends with the mark goes to that server, whatever address of a virtual server it has.
 */
import { addressBits, type Family, formatEndpoint } from '../base/ip.js';
import { inRange, type MarkRange, type Passage } from '../config/passage.js';
import type { Destination, Service } from '../ipvs/types.js';
import { ONE_PACKET, TUNNEL_FLAGS, TUNNEL_TYPE } from './membership.js';

function destinationOf({ address, forward, tunnel }: Passage): Destination {
  return {
    address,
    port: 0,
    forward,
    weight: 1,
    upper: 0,
    lower: 0,
    tunType: tunnel ? TUNNEL_TYPE[tunnel.type] : 0,
    tunPort: tunnel?.port ?? 0,
    tunFlags: tunnel ? TUNNEL_FLAGS[tunnel.checksum] : 0,
  };
}

/**
 * `family`: of the virtual server. One-packet scheduling: a datagram leaves no entry behind, which would lead the next one that has the
 * same port, and another mark, to this server too; the kernel applies it to UDP alone.
 */
export function passageService(mark: number, family: Family, passage: Passage): Service {
  const destination = destinationOf(passage);
  return {
    id: { kind: 'fwmark', family, fwmark: mark },
    scheduler: 'rr',
    flags: ONE_PACKET,
    timeout: 0,
    prefix: addressBits(family),
    pe: '',
    destinations: new Map([[formatEndpoint(destination.address, 0), destination]]),
  };
}

const identity = (family: Family, { address, forward, tunType, tunPort, tunFlags }: Destination): string =>
  [family, address, forward, tunType, tunPort, tunFlags].join(' ');

/** What makes two passages one. */
export const passageKey = (family: Family, passage: Passage): string => identity(family, destinationOf(passage));

/** The mark and passageKey of a service that an earlier life has left; undefined: it is no passage. */
export function recognize({ id, destinations }: Service, range: MarkRange): { mark: number; key: string } | undefined {
  const [only, ...more] = destinations.values();
  if (id.kind !== 'fwmark' || !inRange(range, id.fwmark) || !only || more.length > 0) return undefined;
  return { mark: id.fwmark, key: identity(id.family, only) };
}

/** The next mark from `start` on, round the range, that nobody has; undefined: all are taken. */
export function freeMark({ first, last }: MarkRange, start: number, isTaken: (mark: number) => boolean): number | undefined {
  const size = last - first + 1;
  for (let i = 0; i < size; i++) {
    const mark = first + ((start - first + i) % size);
    if (!isTaken(mark)) return mark;
  }
  return undefined;
}
