/** A packet that the firewall is asked about: what is known of it, and what its fields may be. */
import { addressBits, type Family, familyOf, type Ip, ipBytes, isMulticast, type Prefix } from '../../base/ip.js';
import { isObject, type Json } from './ruleset.js';

/** Numbers and addresses from `low` to `high`, both included: whichever of them the field has. */
export interface Range {
  readonly low: bigint;
  readonly high: bigint;
}
/** One thing that a field may be. A text is an interface, a state, a type; true and false say whether it is there at all. */
export type Candidate = Range | string | boolean;
/**
 * What a field may be: one of these. `absent`: this packet has no such field, and every rule that asks for it passes it by. Undefined:
 * nobody knows.
 */
export type Field = readonly Candidate[] | 'absent' | undefined;

export interface Packet {
  readonly family: Family;
  /** Number of the protocol in IP: 112 VRRP. */
  readonly protocol: number;
  /** The networks that it may come from; undefined: anywhere. */
  readonly sources: readonly Prefix[] | undefined;
  /** Undefined: anywhere. */
  readonly destination: Ip | undefined;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
  /** Of ICMPv6. */
  readonly icmpType?: number | undefined;
  /** Time to live, or hop limit. */
  readonly hops?: number | undefined;
  /** The interfaces that it may come in by; none: this host sends it. */
  readonly inputs: readonly string[];
  /** The interfaces that it may go out by; none: it stays. */
  readonly outputs: readonly string[];
  /** What connection tracking makes of it. */
  readonly state: 'new' | 'established' | 'invalid' | 'untracked';
}

/** What rules on the packet's way may have changed. */
export interface Marks {
  readonly state: Packet['state'] | undefined;
  readonly mark: number | undefined;
}

export const exactly = (value: number): Range => ({ low: BigInt(value), high: BigInt(value) });

export const toNumber = (ip: Ip): bigint => ipBytes(ip).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

export function prefixRange({ address, length }: Prefix): Range {
  const rest = BigInt(addressBits(familyOf(address)) - length);
  const low = (toNumber(address) >> rest) << rest;
  return { low, high: low + (1n << rest) - 1n };
}

const known = (value: number | undefined): Field => (value === undefined ? undefined : [exactly(value)]);

const TCP = 6;
const UDP = 17;
const SCTP = 132;
const ICMPV6 = 58;
/** Protocols by the names that nft gives their headers. */
const HEADERS: Readonly<Record<string, number>> = {
  tcp: TCP,
  udp: UDP,
  sctp: SCTP,
  icmp: 1,
  igmp: 2,
  icmpv6: ICMPV6,
  dccp: 33,
  gre: 47,
  esp: 50,
  ah: 51,
  comp: 108,
  udplite: 136,
};
const WITH_PORTS = new Set([TCP, UDP, SCTP]);

function addressField(packet: Packet, name: 'saddr' | 'daddr'): Field {
  const { sources, destination } = packet;
  if (name === 'daddr') return destination === undefined ? undefined : [prefixRange(host(destination))];
  return sources?.map(prefixRange);
}

const host = (address: Ip): Prefix => ({ address, length: addressBits(familyOf(address)) });

function networkField(packet: Packet, name: string): Field {
  if (name === 'saddr' || name === 'daddr') return addressField(packet, name);
  if (name === 'protocol' || name === 'nexthdr') return known(packet.protocol);
  if (name === 'version') return known(packet.family);
  if (name === 'ttl' || name === 'hoplimit') return known(packet.hops);
  // None of ours is in fragments.
  return name === 'frag-off' ? known(0) : undefined;
}

function portField(packet: Packet, name: string): Field {
  if (name === 'dport') return known(packet.destinationPort);
  return name === 'sport' ? known(packet.sourcePort) : undefined;
}

/** A header field, by nft's names. */
function payloadField(packet: Packet, protocol: Json, name: string): Field {
  if (protocol === 'ip' || protocol === 'ip6')
    return (protocol === 'ip') === (packet.family === 4) ? networkField(packet, name) : 'absent';
  if (protocol === 'th') return WITH_PORTS.has(packet.protocol) ? portField(packet, name) : undefined;
  if (protocol === 'ether' && name === 'type') return [etherType(packet)];
  if (protocol === 'arp') return 'absent';
  const number = HEADERS[String(protocol)];
  if (number === undefined) return undefined;
  if (number !== packet.protocol) return 'absent';
  if (number === ICMPV6 && name === 'type') return known(packet.icmpType);
  return portField(packet, name);
}

const etherType = ({ family }: Packet): string => (family === 4 ? 'ip' : 'ip6');

/** The interface a packet does not have is the empty name. */
const interfaces = (names: readonly string[]): readonly string[] => (names.length === 0 ? [''] : names);

function metaField(packet: Packet, marks: Marks, key: string): Field {
  switch (key) {
    case 'l4proto':
      return known(packet.protocol);
    case 'nfproto':
      return [`ipv${packet.family}`];
    case 'protocol':
      return [etherType(packet)];
    case 'iifname':
    case 'iif':
      return interfaces(packet.inputs);
    case 'oifname':
    case 'oif':
      return interfaces(packet.outputs);
    case 'pkttype':
      return packet.inputs.length === 0 ? undefined : [isGroup(packet) ? 'multicast' : 'host'];
    case 'mark':
      return known(marks.mark);
    default:
      return undefined;
  }
}

const isGroup = ({ destination }: Packet): boolean => destination !== undefined && isMulticast(destination);

function trackingField(marks: Marks, key: string): Field {
  if (key === 'state') return marks.state === undefined ? undefined : [marks.state];
  // Nobody answers to a group's or a new connection's address in the name of another.
  if (key === 'status') return marks.state === 'established' ? undefined : ['none'];
  return undefined;
}

/** Answers of the routing table. A sender in a network of the interface is reached through it. */
function routeField(packet: Packet, fib: Readonly<Record<string, Json>>): Field {
  const flags = Array.isArray(fib.flags) ? fib.flags : [fib.flags];
  if (fib.result === 'type' && flags.includes('daddr') && isGroup(packet)) return ['multicast'];
  if (fib.result === 'oif' && flags.includes('saddr') && packet.sources && packet.inputs.length === 1) return [true];
  return undefined;
}

/** No routing header, no fragment; of the other extension headers nothing is known. */
function extensionField({ name, field }: Readonly<Record<string, Json>>): Field {
  if (name !== 'rt' && name !== 'frag') return undefined;
  return field === undefined ? [false] : 'absent';
}

function maskedField(field: Field, mask: Json): Field {
  if (field === 'absent' || field === undefined || typeof mask !== 'number') return field === 'absent' ? field : undefined;
  const masked = field.map((one) => (typeof one === 'object' && one.low === one.high ? one.low & BigInt(mask) : undefined));
  return masked.every((one) => one !== undefined) ? masked.map((one) => ({ low: one, high: one })) : undefined;
}

/** What the left side of a match is of this packet. */
export function fieldOf(packet: Packet, marks: Marks, left: Json): Field {
  if (!isObject(left)) return undefined;
  const { payload, meta, ct, fib, exthdr } = left;
  if (isObject(payload)) return payloadField(packet, payload.protocol, String(payload.field));
  if (isObject(meta)) return metaField(packet, marks, String(meta.key));
  if (isObject(ct)) return ct.dir === undefined ? trackingField(marks, String(ct.key)) : undefined;
  if (isObject(fib)) return routeField(packet, fib);
  if (isObject(exthdr)) return extensionField(exthdr);
  const and = left['&'];
  return Array.isArray(and) && and.length === 2 ? maskedField(fieldOf(packet, marks, and[0]), and[1]) : undefined;
}
