import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ServiceId } from '../../../src/base/service-id.js';
import type { Tunnel } from '../../../src/config/types.js';
import { netfilterRules, toNft } from '../../../src/intent/netfilter.js';
import type { RealServerIntent, ServiceIntent } from '../../../src/intent/types.js';
import { makeServer, makeService } from '../../fake/intent.js';

const REPLACED = 'table inet lbd {}\ndelete table inet lbd\n';

const at = (address: string, port: number, protocol: 'tcp' | 'udp' | 'sctp' = 'tcp'): ServiceId => ({
  kind: 'address',
  family: address.includes(':') ? 6 : 4,
  protocol,
  address,
  port,
});
const mark = (fwmark: number, family: 4 | 6 = 4): ServiceId => ({ kind: 'fwmark', family, fwmark });

const service = (ids: readonly ServiceId[], servers: readonly RealServerIntent[], own: Partial<ServiceIntent>): ServiceIntent =>
  makeService(servers, { ids, id: ids[0] as ServiceId, ...own });

const server = (address: string, port = 80, own: Partial<RealServerIntent> = {}): RealServerIntent =>
  makeServer(1, { address, port, ...own });

const snat = (ids: readonly ServiceId[], ...servers: RealServerIntent[]): ServiceIntent => service(ids, servers, { snat: true });
const plain = (ids: readonly ServiceId[], ...servers: RealServerIntent[]): ServiceIntent => service(ids, servers, {});
const tun = (ids: readonly ServiceId[], own: Partial<ServiceIntent> = {}): ServiceIntent =>
  service(ids, [], { forward: 'tun', mss: 'auto', ...own });

const tunnel = (type: Tunnel['type'], checksum: Tunnel['checksum'] = 'none'): Tunnel => ({ type, port: 0, checksum });
const text = (...services: ServiceIntent[]): string => toNft(netfilterRules(services));

test('nothing is wanted: the table goes', () => {
  assert.equal(text(), REPLACED);
  const dr = service([at('192.0.2.10', 80)], [server('10.0.0.1', 80, { forward: 'dr' })], { forward: 'dr', mss: 'auto' });
  assert.equal(text(plain([at('192.0.2.10', 81)], server('10.0.0.1')), dr), REPLACED);
  assert.equal(text(tun([at('192.0.2.10', 80)], { mss: undefined })), REPLACED, 'mss: off');
  assert.equal(text(tun([at('192.0.2.10', 53, 'udp')])), REPLACED, 'UDP has no MSS');
  assert.equal(text(snat([at('192.0.2.10', 80)])), REPLACED, 'no server yet');
});

describe('mss', () => {
  const clamps = (...services: ServiceIntent[]) => netfilterRules(services).mss.entries.map((one) => one.what);
  const behind = (family: 4 | 6, address: string, of: Tunnel) =>
    service([mark(1, family)], [server(address, 80, { forward: 'tun', tunnel: of })], { mss: 'auto' });

  test('auto is what fits 1500 bytes through the tunnel', () => {
    const [four, six] = ['10.0.0.1', 'fd00::1'];
    assert.deepEqual(
      [
        behind(4, four, tunnel('ipip')),
        behind(4, six, tunnel('ipip')),
        behind(6, four, tunnel('ipip')),
        behind(6, six, tunnel('ipip')),
        behind(4, four, tunnel('gre')),
        behind(4, six, tunnel('gre')),
        behind(4, four, tunnel('gre', 'csum')),
        behind(4, four, tunnel('gue')),
        behind(4, six, tunnel('gue', 'csum')),
        behind(6, six, tunnel('gue', 'remcsum')),
      ].flatMap((one) => clamps(one)),
      [1440, 1420, 1420, 1400, 1436, 1416, 1432, 1428, 1408, 1380],
    );
  });

  test('of several tunnels the largest, of a service without servers that of servers to come', () => {
    const servers = [tunnel('ipip'), tunnel('gue'), tunnel('gre')].map((of) =>
      server('10.0.0.1', 80, { forward: 'tun', tunnel: of }),
    );
    assert.deepEqual(clamps(service([mark(1)], servers, { mss: 'auto' })), [1428]);
    assert.deepEqual(clamps(tun([mark(1)])), [1440]);
    assert.deepEqual(clamps(tun([mark(1, 6)], { tunnel: tunnel('gue') })), [1388]);
    assert.deepEqual(clamps(service([mark(1)], [server('10.0.0.1')], { mss: 'auto', forward: 'nat' })), []);
  });

  test('a number is taken as it is', () => {
    assert.deepEqual(clamps(tun([mark(1)], { mss: 1300 })), [1300]);
  });

  test('addresses and ports, marks, services of every port, both families', () => {
    const wanted = text(
      tun([at('192.0.2.12', 80), at('192.0.2.13', 443), at('192.0.2.13', 53, 'udp')]),
      tun([mark(7)], { mss: 1300 }),
      tun([mark(8, 6), at('2001:db8::10', 80)]),
      tun([at('192.0.2.14', 0)]),
    );
    assert.equal(
      wanted,
      `${REPLACED}table inet lbd {
\tchain mss_1300 {
\t\ttcp option maxseg size > 1300 tcp option maxseg size set 1300
\t}

\tchain mss_1400 {
\t\ttcp option maxseg size > 1400 tcp option maxseg size set 1400
\t}

\tchain mss_1440 {
\t\ttcp option maxseg size > 1440 tcp option maxseg size set 1440
\t}

\tchain mss_syn {
\t\tmeta nfproto ipv4 meta mark vmap { 7 : goto mss_1300 }
\t\tip daddr . tcp dport vmap { 192.0.2.12 . 80 : goto mss_1440, 192.0.2.13 . 443 : goto mss_1440 }
\t\tip daddr vmap { 192.0.2.14 : goto mss_1440 }
\t\tmeta nfproto ipv6 meta mark vmap { 8 : goto mss_1400 }
\t\tip6 daddr . tcp dport vmap { 2001:db8::10 . 80 : goto mss_1400 }
\t}

\tchain mss_in {
\t\ttype filter hook input priority 90; policy accept;
\t\ttcp flags & (fin | syn | rst | ack) == syn goto mss_syn
\t}
}
`,
    );
  });

  test('what IPVS gives to another service keeps its MSS', () => {
    const wanted = text(
      tun([at('192.0.2.14', 0)]),
      plain([at('192.0.2.14', 80), at('192.0.2.14', 53, 'udp'), at('192.0.2.15', 80)], server('10.0.0.1')),
      plain([mark(9), mark(9, 6)], server('10.0.0.1')),
    );
    assert.match(wanted, /^\t\tmeta nfproto ipv4 meta mark vmap \{ 9 : accept \}\n\t\tip daddr \. tcp dport/m);
    assert.match(wanted, /dport vmap \{ 192\.0\.2\.14 \. 80 : accept \}\n\t\tip daddr vmap \{ 192\.0\.2\.14 : goto mss_1440 \}/);
    assert.doesNotMatch(wanted, /ipv6/);
  });
});

describe('snat', () => {
  const chains = (wanted: string) => wanted.slice(REPLACED.length);

  test("each flow is that of a service's address and port to one of its nat servers", () => {
    const mixed = [server('10.0.0.1', 8080), server('10.0.0.2', 80), server('10.0.0.3', 80, { forward: 'dr' })];
    const wanted = text(
      snat([at('192.0.2.10', 80), at('192.0.2.11', 80)], ...mixed),
      snat([at('192.0.2.10', 53, 'udp')], server('10.0.0.1', 53)),
      snat([at('192.0.2.10', 3868, 'sctp')], server('10.0.0.1', 3868)),
      snat([at('2001:db8::10', 80)], server('fd00::1', 8080)),
      plain([at('192.0.2.10', 81)], server('10.0.0.1', 8080)),
    );
    assert.equal(
      chains(wanted),
      `table inet lbd {
\tchain tcp_80 {
\t\tct original ip daddr . ip daddr . th dport { 192.0.2.10 . 10.0.0.1 . 8080, 192.0.2.10 . 10.0.0.2 . 80, 192.0.2.11 . 10.0.0.1 . 8080, 192.0.2.11 . 10.0.0.2 . 80 } masquerade
\t\tct original ip6 daddr . ip6 daddr . th dport { 2001:db8::10 . fd00::1 . 8080 } masquerade
\t}

\tchain udp_53 {
\t\tct original ip daddr . ip daddr . th dport { 192.0.2.10 . 10.0.0.1 . 53 } masquerade
\t}

\tchain sctp_3868 {
\t\tct original ip daddr . ip daddr . th dport { 192.0.2.10 . 10.0.0.1 . 3868 } masquerade
\t}

\tchain snat_out {
\t\ttype nat hook postrouting priority srcnat; policy accept;
\t\tmeta l4proto tcp ct original proto-dst vmap { 80 : jump tcp_80 }
\t\tmeta l4proto udp ct original proto-dst vmap { 53 : jump udp_53 }
\t\tmeta l4proto sctp ct original proto-dst vmap { 3868 : jump sctp_3868 }
\t}
}
`,
    );
  });

  test('marks come first, and only what came through IPVS', () => {
    const wanted = text(
      snat([mark(7)], server('10.0.0.1', 0), server('10.0.0.2', 8080)),
      snat([mark(8, 6)], server('fd00::1', 0)),
      snat([at('192.0.2.10', 80)], server('10.0.0.1', 80)),
      plain([mark(9)], server('10.0.0.1', 0)),
      plain([mark(9, 6)], server('fd00::1', 0)),
    );
    assert.equal(
      chains(wanted),
      `table inet lbd {
\tchain tcp_80 {
\t\tct original ip daddr . ip daddr . th dport { 192.0.2.10 . 10.0.0.1 . 80 } masquerade
\t}

\tchain snat_out {
\t\ttype nat hook postrouting priority srcnat; policy accept;
\t\tmeta mark . ct original ip daddr { 7 . 10.0.0.1, 7 . 10.0.0.2 } accept
\t\tmeta mark . ip daddr . th dport { 7 . 10.0.0.2 . 8080 } masquerade
\t\tmeta mark . ip daddr { 7 . 10.0.0.1 } masquerade
\t\tmeta nfproto ipv4 meta mark { 7, 9 } accept
\t\tmeta mark . ct original ip6 daddr { 8 . fd00::1 } accept
\t\tmeta mark . ip6 daddr { 8 . fd00::1 } masquerade
\t\tmeta l4proto tcp ct original proto-dst vmap { 80 : jump tcp_80 }
\t}
}
`,
    );
  });

  test('a service of every port spares the services of one port at its address', () => {
    const wanted = text(
      snat([at('192.0.2.10', 0)], server('10.0.0.1', 0)),
      snat([at('2001:db8::10', 0)], server('fd00::1', 0)),
      plain([at('192.0.2.10', 80), at('192.0.2.10', 53, 'udp'), at('192.0.2.11', 80)], server('10.0.0.1', 80)),
      snat([at('192.0.2.10', 443)], server('10.0.0.1', 8443)),
      snat([at('192.0.2.12', 0, 'udp')], server('10.0.0.2', 5353)),
    );
    assert.equal(
      chains(wanted),
      `table inet lbd {
\tchain tcp_443 {
\t\tct original ip daddr . ip daddr . th dport { 192.0.2.10 . 10.0.0.1 . 8443 } masquerade
\t}

\tchain tcp_80 {
\t\tct original ip daddr { 192.0.2.10 } accept
\t}

\tchain snat_out {
\t\ttype nat hook postrouting priority srcnat; policy accept;
\t\tmeta l4proto tcp ct original proto-dst vmap { 443 : jump tcp_443, 80 : jump tcp_80 }
\t\tmeta l4proto . ct original ip daddr . ip daddr . th dport { udp . 192.0.2.12 . 10.0.0.2 . 5353 } masquerade
\t\tmeta l4proto . ct original ip daddr . ip daddr { tcp . 192.0.2.10 . 10.0.0.1 } masquerade
\t\tmeta l4proto . ct original ip6 daddr . ip6 daddr { tcp . 2001:db8::10 . fd00::1 } masquerade
\t}
}
`,
    );
  });

  test('with clamps in one table', () => {
    const wanted = text(snat([at('192.0.2.10', 80)], server('10.0.0.1')), tun([at('192.0.2.12', 80)]));
    assert.deepEqual(
      [...wanted.matchAll(/chain (\w+)/g)].map((found) => found[1]),
      ['mss_1440', 'mss_syn', 'mss_in', 'tcp_80', 'snat_out'],
    );
  });
});
