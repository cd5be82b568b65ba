/** The default gateway on an interface: the main table, as the kernel shows it (Documentation/networking, /proc/net/route). */
import { readFileSync } from 'node:fs';
import { fromHex } from '../base/bytes.js';
import { type Family, type Ip, ipFromBytes } from '../base/ip.js';
import { LITTLE_ENDIAN } from './sockaddr.js';

interface Found {
  readonly gateway: Ip;
  readonly metric: number;
}

/** `eth0 00000000 010009 0A 0003 0 0 METRIC MASK …`: addresses are hexadecimal numbers in the host's order. */
function readRoute4(fields: readonly string[], name: string): Found | undefined {
  const [dev, destination, gateway = '', , , , metric, mask] = fields;
  if (dev !== name || destination !== '00000000' || mask !== '00000000' || gateway === '00000000') return undefined;
  const bytes = fromHex(gateway);
  return { gateway: ipFromBytes(LITTLE_ENDIAN ? bytes.reverse() : bytes), metric: Number(metric) };
}

/** `DESTINATION LENGTH SOURCE LENGTH NEXTHOP METRIC … eth0`: addresses in the network's order, numbers hexadecimal. */
function readRoute6(fields: readonly string[], name: string): Found | undefined {
  const [, length, , , gateway = '', metric = ''] = fields;
  if (fields.at(-1) !== name || length !== '00' || /^0+$/.test(gateway)) return undefined;
  return { gateway: ipFromBytes(fromHex(gateway)), metric: Number.parseInt(metric, 16) };
}

export function parseGateway(family: Family, table: string, name: string): Ip | undefined {
  const read = family === 4 ? readRoute4 : readRoute6;
  const found = table
    .split('\n')
    .map((line) => read(line.trim().split(/\s+/), name))
    .filter((one): one is Found => one !== undefined);
  return found.sort((a, b) => a.metric - b.metric)[0]?.gateway;
}

/** That of the least metric; undefined when the interface has none. */
export function gatewayOf(family: Family, name: string): Ip | undefined {
  try {
    return parseGateway(family, readFileSync(family === 4 ? '/proc/net/route' : '/proc/net/ipv6_route', 'latin1'), name);
  } catch {
    // A kernel without this family.
    return undefined;
  }
}
