/**
 * What nftables has to do for the services, as a value and as the text of table `inet lbd`.
 *
 * MSS: IPVS wraps a packet whole, so a full-sized segment to a real server behind a tunnel does not fit the path. The SYN's MSS is
 * lowered where IPVS takes it, right before it does: there the address and the mark are those that IPVS goes by. It is the only MSS that
 * passes the director, and heeded by a real server that offers no more than it was offered. Linux offers what its route says, whatever
 * the client did (seen on 6.1): there `advmss` on the real server's route does it, or net.ipv4.vs.pmtu_disc=0 on the director (packets
 * that do not fit are then cut in two), or the ICMP "need to frag" of the director, where nobody drops it.
 *
 * SNAT: IPVS by itself keeps the client's address, so a real server's answer finds the director only as its default route. With
 * net.ipv4.vs.conntrack=1 the flow's connection is tracked from the client to the service (the original tuple) and from the real server
 * to the client (the reply tuple); a masquerade after IPVS changes the latter, and the way back undoes both.
 */
import { type Endpoint, type Family, familyOf } from '../base/ip.js';
import { type ServiceId, serviceKey } from '../base/service-id.js';
import { destinationsOf } from '../config/destinations.js';
import type { Tunnel } from '../config/types.js';
import type { ServiceIntent } from './types.js';

/** One hook: what happens to which services. */
export interface Handling<T> {
  readonly entries: readonly { readonly id: ServiceId; readonly what: T }[];
  /** Services that are left alone, though one of `entries` would fit their packets too: IPVS prefers these. */
  readonly spared: readonly ServiceId[];
}

export interface NetfilterWanted {
  /** The largest MSS let through. */
  readonly mss: Handling<number>;
  /** The real servers whose flows get the director's address; port 0: any. */
  readonly snat: Handling<readonly Endpoint[]>;
}

const PATH_MTU = 1500;
const TCP_HEADER = 20;
const ipHeader = (family: Family): number => (family === 4 ? 20 : 40);

/** Bytes beside the outer IP header: linux/net/netfilter/ipvs/ip_vs_xmit.c, the *_hdrlen of ip_vs_tunnel_xmit. */
function tunnelHeader(tunnel: Tunnel): number {
  if (tunnel.type === 'ipip') return 0;
  if (tunnel.type === 'gre') return tunnel.checksum === 'csum' ? 8 : 4;
  return tunnel.checksum === 'remcsum' ? 20 : 12;
}

/** The MSS that fits the largest tunnel, or the given one; undefined: none of the service's packets is wrapped. */
function clampOf(service: ServiceIntent): number | undefined {
  if (service.mss === undefined) return undefined;
  const { family } = service.id;
  const tunnels = destinationsOf(service)
    .filter((server) => server.forward === 'tun')
    .map((server) => ipHeader(familyOf(server.address)) + tunnelHeader(server.tunnel));
  // Servers come and go at run time, and the rule must be there before them.
  if (service.forward === 'tun') tunnels.push(ipHeader(family) + tunnelHeader(service.tunnel));
  if (tunnels.length === 0) return undefined;
  return service.mss === 'auto' ? PATH_MTU - Math.max(...tunnels) - ipHeader(family) - TCP_HEADER : service.mss;
}

/** Protocol and address, what a service of every port takes. */
const wideKey = (id: ServiceId): string => (id.kind === 'address' ? serviceKey({ ...id, port: 0 }) : '');

/** IPVS looks for a packet's mark first, then for its address and port, then for its address alone (ip_vs_service_find). */
function sparedOf(all: readonly ServiceId[], chosen: readonly ServiceId[]): ServiceId[] {
  const keys = new Set(chosen.map(serviceKey));
  const families = new Set(chosen.filter((id) => id.kind === 'address').map((id) => id.family));
  const wide = new Set(chosen.filter((id) => id.kind === 'address' && id.port === 0).map(serviceKey));
  return all.filter((id) => {
    if (keys.has(serviceKey(id))) return false;
    return id.kind === 'fwmark' ? families.has(id.family) : wide.has(wideKey(id));
  });
}

function handling<T>(services: readonly ServiceIntent[], what: (service: ServiceIntent) => T | undefined): Handling<T> {
  const entries = services.flatMap((service) => {
    const found = what(service);
    return found === undefined ? [] : service.ids.map((id) => ({ id, what: found }));
  });
  const all = services.flatMap((service) => service.ids);
  const chosen = entries.map((entry) => entry.id);
  return { entries, spared: entries.length === 0 ? [] : sparedOf(all, chosen) };
}

function masqueradedOf(service: ServiceIntent): Endpoint[] | undefined {
  const servers = destinationsOf(service).filter((server) => server.forward === 'nat');
  return service.snat && servers.length > 0 ? servers.map(({ address, port }) => ({ address, port })) : undefined;
}

export function netfilterRules(services: readonly ServiceIntent[]): NetfilterWanted {
  const carriesTcp = (id: ServiceId): boolean => id.kind === 'fwmark' || id.protocol === 'tcp';
  const mss = handling(services, clampOf);
  return {
    mss: { entries: mss.entries.filter(({ id }) => carriesTcp(id)), spared: mss.spared.filter(carriesTcp) },
    snat: handling(services, masqueradedOf),
  };
}

export const isEmpty = ({ mss, snat }: NetfilterWanted): boolean => mss.entries.length === 0 && snat.entries.length === 0;

/* ---- text ---- */

/** Lines of a chain that call something for an element of a set; no elements, no rule. */
function rule(before: string, elements: readonly string[], after = ''): string[] {
  return elements.length === 0 ? [] : [`${before} { ${[...new Set(elements)].join(', ')} }${after}`];
}

const chain = (name: string, lines: readonly string[]): string => `\tchain ${name} {\n\t\t${lines.join('\n\t\t')}\n\t}\n`;

const FAMILIES = [
  { family: 4, ip: 'ip', nfproto: 'ipv4' },
  { family: 6, ip: 'ip6', nfproto: 'ipv6' },
] as const;

/** Services of one family as [id, rest], by how they are looked up. */
function sorted<T>(family: Family, pairs: readonly (readonly [ServiceId, T])[]) {
  const marks: (readonly [number, T])[] = [];
  const exact: (readonly [AddressId, T])[] = [];
  const wide: (readonly [AddressId, T])[] = [];
  for (const [id, rest] of pairs) {
    if (id.family !== family) continue;
    if (id.kind === 'fwmark') marks.push([id.fwmark, rest]);
    else (id.port === 0 ? wide : exact).push([id, rest]);
  }
  return { marks, exact, wide };
}

type AddressId = Extract<ServiceId, { kind: 'address' }>;

/** IPVS takes packets at 98 and 99 of this hook: whatever sets marks has done so. */
const BEFORE_IPVS = 90;

function mssChains({ entries, spared }: Handling<number>): string[] {
  if (entries.length === 0) return [];
  const verdicts = [
    ...entries.map(({ id, what }) => [id, `goto mss_${what}`] as const),
    ...spared.map((id) => [id, 'accept'] as const),
  ];
  const values = [...new Set(entries.map((entry) => entry.what))].sort((a, b) => a - b);
  const choice = FAMILIES.flatMap(({ family, ip, nfproto }) => {
    const { marks, exact, wide } = sorted(family, verdicts);
    return [
      ...rule(
        `meta nfproto ${nfproto} meta mark vmap`,
        marks.map(([mark, verdict]) => `${mark} : ${verdict}`),
      ),
      ...rule(
        `${ip} daddr . tcp dport vmap`,
        exact.map(([id, verdict]) => `${id.address} . ${id.port} : ${verdict}`),
      ),
      ...rule(
        `${ip} daddr vmap`,
        wide.map(([id, verdict]) => `${id.address} : ${verdict}`),
      ),
    ];
  });
  return [
    // Never raised: the client means what it says.
    ...values.map((mss) => chain(`mss_${mss}`, [`tcp option maxseg size > ${mss} tcp option maxseg size set ${mss}`])),
    chain('mss_syn', choice),
    chain('mss_in', [
      `type filter hook input priority ${BEFORE_IPVS}; policy accept;`,
      'tcp flags & (fin | syn | rst | ack) == syn goto mss_syn',
    ]),
  ];
}

type Pairs = readonly (readonly [ServiceId, readonly Endpoint[]])[];

/** One chain for each protocol and port: nft cannot look up the original port together with an address. */
function portChains(pairs: Pairs, spared: readonly ServiceId[]): { chains: string[]; jumps: string[] } {
  const ports = new Map<string, Set<number>>();
  const lines = new Map<string, string[]>();
  const add = (id: AddressId, added: readonly string[]): void => {
    const name = `${id.protocol}_${id.port}`;
    lines.set(name, [...(lines.get(name) ?? []), ...added]);
    ports.set(id.protocol, (ports.get(id.protocol) ?? new Set()).add(id.port));
  };
  for (const { family, ip } of FAMILIES) {
    for (const group of byPort(sorted(family, pairs).exact)) {
      const elements = group.flatMap(([id, servers]) =>
        servers.map((one) => `${id.address} . ${one.address} . ${one.port || id.port}`),
      );
      add(first(group), rule(`ct original ${ip} daddr . ${ip} daddr . th dport`, elements, ' masquerade'));
    }
    for (const group of byPort(
      sorted(
        family,
        spared.map((id) => [id, undefined] as const),
      ).exact,
    )) {
      const elements = group.map(([id]) => id.address);
      add(first(group), rule(`ct original ${ip} daddr`, elements, ' accept'));
    }
  }
  const jumps = [...ports].flatMap(([protocol, numbers]) =>
    rule(
      `meta l4proto ${protocol} ct original proto-dst vmap`,
      [...numbers].map((port) => `${port} : jump ${protocol}_${port}`),
    ),
  );
  return { chains: [...lines].map(([name, rules]) => chain(name, rules)), jumps };
}

const first = <T>(group: readonly (readonly [AddressId, T])[]): AddressId => (group[0] as readonly [AddressId, T])[0];

function byPort<T>(pairs: readonly (readonly [AddressId, T])[]): (readonly [AddressId, T])[][] {
  const groups = new Map<string, (readonly [AddressId, T])[]>();
  for (const pair of pairs) {
    const key = `${pair[0].protocol}_${pair[0].port}`;
    const group = groups.get(key);
    if (group) group.push(pair);
    else groups.set(key, [pair]);
  }
  return [...groups.values()];
}

/** `KEY . ADDRESS . PORT` where the real server has a port of its own, `KEY . ADDRESS` where it gets the client's. */
function flows(what: readonly string[], ip: string, keyed: readonly (readonly [string, readonly Endpoint[]])[]): string[] {
  const key = what.join(' . ');
  const all = keyed.flatMap(([name, servers]) => servers.map((one) => ({ name, ...one })));
  const fixed = all.filter((one) => one.port !== 0).map((one) => `${one.name} . ${one.address} . ${one.port}`);
  const any = all.filter((one) => one.port === 0).map((one) => `${one.name} . ${one.address}`);
  return [...rule(`${key} . ${ip} daddr . th dport`, fixed, ' masquerade'), ...rule(`${key} . ${ip} daddr`, any, ' masquerade')];
}

function markRules(pairs: Pairs, spared: readonly ServiceId[]): string[] {
  return FAMILIES.flatMap(({ family, ip, nfproto }) => {
    const { marks, exact, wide } = sorted(family, pairs);
    const others = sorted(
      family,
      spared.map((id) => [id, undefined] as const),
    ).marks;
    const told = exact.length + wide.length > 0 ? [...marks, ...others].map(([mark]) => String(mark)) : [];
    const direct = marks.flatMap(([mark, servers]) => servers.map((one) => `${mark} . ${one.address}`));
    return [
      // Marked, but sent to the real server's own address: forwarded past IPVS.
      ...rule(`meta mark . ct original ${ip} daddr`, direct, ' accept'),
      ...flows(
        ['meta mark'],
        ip,
        marks.map(([mark, servers]) => [String(mark), servers]),
      ),
      ...rule(`meta nfproto ${nfproto} meta mark`, told, ' accept'),
    ];
  });
}

function snatChains({ entries, spared }: Handling<readonly Endpoint[]>): string[] {
  if (entries.length === 0) return [];
  const pairs = entries.map(({ id, what }) => [id, what] as const);
  const { chains, jumps } = portChains(pairs, spared);
  const wide = FAMILIES.flatMap(({ family, ip }) =>
    flows(
      ['meta l4proto', `ct original ${ip} daddr`],
      ip,
      sorted(family, pairs).wide.map(([id, servers]) => [`${id.protocol} . ${id.address}`, servers]),
    ),
  );
  const base = ['type nat hook postrouting priority srcnat; policy accept;', ...markRules(pairs, spared), ...jumps, ...wide];
  return [...chains, chain('snat_out', base)];
}

/** For `nft -f -`, one transaction: the table as it is goes, and the wanted one comes, unless nothing is wanted. */
export function toNft(wanted: NetfilterWanted): string {
  const replaced = 'table inet lbd {}\ndelete table inet lbd\n';
  if (isEmpty(wanted)) return replaced;
  return `${replaced}table inet lbd {\n${[...mssChains(wanted.mss), ...snatChains(wanted.snat)].join('\n')}}\n`;
}
