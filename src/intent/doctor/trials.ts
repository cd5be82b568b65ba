/** The packets that lbd's work needs, for the firewall to be asked about: adverts, group membership, connection sync, services. */

import { addressBits, type Family, familyOf, type Ip, type Prefix } from '../../base/ip.js';
import type { IpvsProtocol } from '../../base/service-id.js';
import { destinationsOf } from '../../config/destinations.js';
import type { ConnectionSyncConfig, VrrpInstanceConfig } from '../../config/types.js';
import type { ServiceIntent } from '../types.js';
import type { Hook } from './firewall.js';
import { conntrackOf, forwardsOf, sysctl } from './host.js';
import { viaTargets } from './judge-probes.js';
import type { Packet } from './packet.js';
import type { HostFacts, Severity, Wanted } from './types.js';

/** Addresses of services or of real servers, named in the rule that lets them through. */
export interface Tuples {
  readonly side: 'to' | 'from';
  readonly family: Family;
  readonly protocol: IpvsProtocol;
  readonly address: Ip;
  /** 0: every port. */
  readonly port: number;
  readonly onlyInvalid: boolean;
}

export interface Trial {
  /** Whose packets they are: an instance, a service. */
  readonly of: string;
  /** `incoming adverts for`: the name follows. */
  readonly subject: string;
  /** What comes of it when they are dropped. */
  readonly effect: string;
  readonly severity: Severity;
  readonly packet: Packet;
  readonly hooks: readonly Hook[];
  /** What a rule that lets it through says before `accept`. */
  readonly rule: string | Tuples;
  /** A rule that cannot be judged is not worth a word. */
  readonly onlyCertain: boolean;
}

const VRRP = 112;
const IGMP = 2;
const ICMPV6 = 58;
const UDP = 17;
const MLD_QUERY = 130;
const NUMBERS: Readonly<Record<IpvsProtocol, number>> = { tcp: 6, udp: UDP, sctp: 132 };
const SYNC_GROUP = '224.0.0.81';
const SYNC_PORT = 8848;
/** IPVS takes packets that arrive at LOCAL_IN, and answers at FORWARD, at these priorities (ip_vs_core.c, ip_vs_ops4). */
const IPVS_INPUT = 98;
const IPVS_FORWARD = 99;

const IN: readonly Hook[] = [{ name: 'ingress' }, { name: 'prerouting' }, { name: 'input' }];
const OUT: readonly Hook[] = [{ name: 'output' }, { name: 'postrouting' }];
const TO_IPVS: readonly Hook[] = [{ name: 'ingress' }, { name: 'prerouting' }, { name: 'input', before: IPVS_INPUT }];
const FROM_SERVERS: readonly Hook[] = [{ name: 'ingress' }, { name: 'prerouting' }, { name: 'forward', before: IPVS_FORWARD }];

const LINK_LOCAL: Prefix = { address: 'fe80::', length: 10 };

/** Where neighbours on this interface send from; undefined: nobody knows. */
function neighbours(facts: HostFacts, name: string, family: Family): readonly Prefix[] | undefined {
  if (family === 6) return [LINK_LOCAL];
  const own = facts.interfaces.find((one) => one.name === name)?.addresses ?? [];
  const networks = own.filter((one) => familyOf(one.address) === 4 && one.length < 31);
  return networks.length > 0 ? networks : undefined;
}

const arriving = (facts: HostFacts, name: string, family: Family): Pick<Packet, 'family' | 'sources' | 'inputs' | 'outputs'> => ({
  family,
  sources: neighbours(facts, name, family),
  inputs: [name],
  outputs: [],
});

function leaving(facts: HostFacts, name: string, family: Family): Pick<Packet, 'family' | 'sources' | 'inputs' | 'outputs'> {
  return { ...arriving(facts, name, family), inputs: [], outputs: [name] };
}

const group = (family: Family): Ip => (family === 4 ? '224.0.0.18' : 'ff02::12');

function* adverts(facts: HostFacts, { name, interface: link, family }: VrrpInstanceConfig): Generator<Trial> {
  const destination = group(family);
  const advert = { protocol: VRRP, destination, hops: 255, state: 'new' } as const;
  const rule = family === 4 ? `ip protocol 112 ip daddr ${destination}` : `meta l4proto 112 ip6 daddr ${destination}`;
  const common = { of: name, rule, onlyCertain: false } as const;
  yield {
    ...common,
    subject: `incoming VRRP adverts (protocol 112 to ${destination}) for`,
    effect: 'this director does not hear the other one and becomes master beside it',
    severity: 'critical',
    packet: { ...advert, ...arriving(facts, link, family) },
    hooks: IN,
  };
  yield {
    ...common,
    subject: `outgoing VRRP adverts (protocol 112 to ${destination}) of`,
    effect: 'the other director does not hear this one and becomes master beside it',
    severity: 'critical',
    packet: { ...advert, ...leaving(facts, link, family) },
    hooks: OUT,
  };
  yield { ...common, ...membership(facts, link, family) };
}

/** Switches ask who wants a group, and send it to nobody else when they get no answer; 224.0.0.x they should send to everybody (RFC 4541). */
function membership(facts: HostFacts, link: string, family: Family): Omit<Trial, 'of' | 'onlyCertain'> {
  const common = { ...arriving(facts, link, family), hops: 1 } as const;
  const ask = family === 4 ? 'IGMP queries' : 'MLD queries';
  const igmp: Packet = { ...common, protocol: IGMP, destination: '224.0.0.1', state: 'new' };
  const mld: Packet = { ...common, protocol: ICMPV6, icmpType: MLD_QUERY, destination: 'ff02::1', state: 'untracked' };
  return {
    subject: `incoming ${ask} for`,
    effect: 'a switch that looks at group memberships may stop sending adverts here',
    severity: family === 4 ? 'info' : 'warning',
    // A querier may be anywhere.
    packet: { ...(family === 4 ? igmp : mld), sources: family === 4 ? undefined : [LINK_LOCAL] },
    hooks: IN,
    rule: family === 4 ? 'ip protocol 2' : 'icmpv6 type mld-listener-query',
  };
}

function* sync(facts: HostFacts, config: ConnectionSyncConfig): Generator<Trial> {
  const destination = config.group ?? SYNC_GROUP;
  const family = familyOf(destination);
  const port = config.port ?? SYNC_PORT;
  const ports = Number(sysctl(facts, 'net/ipv4/vs/sync_ports') ?? 1);
  const range = ports > 1 ? `${port}-${port + ports - 1}` : `${port}`;
  const datagram = { protocol: UDP, destination, destinationPort: port, hops: config.ttl ?? 1, state: 'new' } as const;
  const common = {
    of: `connection_sync on ${config.interface}`,
    rule: `${family === 4 ? 'ip' : 'ip6'} daddr ${destination} udp dport ${range}`,
    onlyCertain: false,
    severity: 'warning',
  } as const;
  yield {
    ...common,
    subject: `incoming sync datagrams (UDP ${range} to ${destination}) for`,
    effect: 'connections are lost in a switch-over to this director',
    packet: { ...datagram, ...arriving(facts, config.interface, family) },
    hooks: IN,
  };
  yield {
    ...common,
    subject: `outgoing sync datagrams (UDP ${range} to ${destination}) of`,
    effect: 'connections are lost in a switch-over to the other director',
    packet: { ...datagram, ...leaving(facts, config.interface, family) },
    hooks: OUT,
  };
}

type AddressId = Extract<ServiceIntent['id'], { kind: 'address' }>;

const outward = (facts: HostFacts): readonly string[] =>
  facts.interfaces.filter((one) => one.up && !one.loopback).map((one) => one.name);

/** Clients' packets to a service, up to where IPVS takes them. */
function* clients(facts: HostFacts, wanted: Wanted, service: ServiceIntent, id: AddressId): Generator<Trial> {
  const { family, protocol, address, port } = id;
  const packet: Packet = {
    family,
    protocol: NUMBERS[protocol],
    sources: undefined,
    destination: address,
    destinationPort: port === 0 ? undefined : port,
    inputs: outward(facts),
    outputs: [],
    state: 'new',
  };
  const tuple = { side: 'to', family, protocol, address, port } as const;
  const common = { of: service.name, hooks: TO_IPVS, severity: 'critical', onlyCertain: true } as const;
  yield {
    ...common,
    subject: `new ${protocol} connections of clients to`,
    effect: 'clients get no answer',
    packet,
    rule: { ...tuple, onlyInvalid: false },
  };
  const effect = protocol === 'udp' ? undefined : oneSided(facts, wanted, service);
  if (!effect) return;
  yield {
    ...common,
    subject: `${protocol} packets of clients that connection tracking calls invalid to`,
    effect,
    packet: { ...packet, state: 'invalid' },
    rule: { ...tuple, onlyInvalid: true },
  };
}

/**
 * What connection tracking makes of it that it sees only the clients' half of connections; undefined when it sees both. IPVS leaves
 * no trace of a connection there (net.ipv4.vs.conntrack 0), so that each packet is the first of its connection: an ACK may be one, a
 * FIN or RST may not (tcp_conntracks in nf_conntrack_proto_tcp.c). With a trace, and answers that go another way, nothing after a SYN may.
 */
function oneSided(facts: HostFacts, wanted: Wanted, service: ServiceIntent): string | undefined {
  const traced = conntrackOf(facts, wanted);
  const bypassed = forwardsOf(service).some((forward) => forward !== 'nat');
  if (traced && !bypassed) return undefined;
  if (traced || sysctl(facts, 'net/netfilter/nf_conntrack_tcp_loose') === '0')
    return 'it does not see the answers of the real servers, and what follows a SYN is invalid to it: no connection is established';
  return 'it sees one half of the connections, and a FIN or RST is invalid to it: connections are not closed and stay in the table';
}

/** Answers of real servers behind nat, up to where IPVS gives them the service's address. */
function* answers(facts: HostFacts, wanted: Wanted, service: ServiceIntent, protocol: IpvsProtocol): Generator<Trial> {
  const first = protocol === 'udp' ? 'new' : 'invalid';
  for (const { address, port, forward } of destinationsOf(service)) {
    if (forward !== 'nat') continue;
    const family = familyOf(address);
    yield {
      of: service.name,
      subject: `${protocol} answers of real servers (nat) for`,
      effect: 'they never reach the clients',
      severity: 'critical',
      packet: {
        family,
        protocol: NUMBERS[protocol],
        sources: [{ address, length: addressBits(family) }],
        destination: undefined,
        sourcePort: port === 0 ? undefined : port,
        inputs: outward(facts),
        outputs: outward(facts),
        state: conntrackOf(facts, wanted) ? 'established' : first,
      },
      hooks: FROM_SERVERS,
      rule: { side: 'from', family, protocol, address, port, onlyInvalid: false },
      onlyCertain: true,
    };
  }
}

/**
 * Answers of real servers to checks via: vip. IPVS takes what the check sends out of connection tracking: the answer is the first packet
 * that tracking sees, and of TCP invalid (tried on 6.1).
 */
function* probeAnswers(facts: HostFacts, wanted: Wanted, service: ServiceIntent): Generator<Trial> {
  for (const { vip, port, protocol } of viaTargets(service)) {
    const family = familyOf(vip);
    const untracked = protocol === 'udp' ? 'new' : 'invalid';
    yield {
      of: service.name,
      subject: 'answers to checks via: vip of',
      effect: 'the checks fail, and the real servers are taken out',
      severity: 'critical',
      packet: {
        family,
        protocol: NUMBERS[protocol],
        sources: [{ address: vip, length: addressBits(family) }],
        destination: undefined,
        sourcePort: port,
        inputs: outward(facts),
        outputs: [],
        state: conntrackOf(facts, wanted) ? 'established' : untracked,
      },
      hooks: IN,
      rule: { side: 'from', family, protocol, address: vip, port, onlyInvalid: false },
      onlyCertain: true,
    };
  }
}

/** What lbd itself sends and hears. */
export function* ownTrials(facts: HostFacts, wanted: Wanted): Generator<Trial> {
  for (const instance of wanted.instances) yield* adverts(facts, instance);
  if (wanted.director.connectionSync) yield* sync(facts, wanted.director.connectionSync);
}

/** What clients and real servers send. */
export function* serviceTrials(facts: HostFacts, wanted: Wanted): Generator<Trial> {
  for (const service of wanted.services) {
    const ids = service.ids.filter((id): id is AddressId => id.kind === 'address');
    for (const id of ids) yield* clients(facts, wanted, service, id);
    const [id] = ids;
    if (id) yield* answers(facts, wanted, service, id.protocol);
    yield* probeAnswers(facts, wanted, service);
  }
}
