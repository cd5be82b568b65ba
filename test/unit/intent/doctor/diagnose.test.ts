import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ServiceId } from '../../../../src/base/service-id.js';
import type { Forward, VrrpInstanceConfig } from '../../../../src/config/types.js';
import { diagnose } from '../../../../src/intent/doctor/diagnose.js';
import type { Finding, HostFacts, KernelStatus, Wanted } from '../../../../src/intent/doctor/types.js';
import type { ServiceIntent } from '../../../../src/intent/types.js';
import { makeFacts, makeWanted } from '../../../fake/host-facts.js';
import { makeServer, makeService } from '../../../fake/intent.js';
import { rulesetJson } from './rulesets.js';

const INSTANCE: VrrpInstanceConfig = {
  name: 'VI_1',
  interface: 'eth0',
  family: 4,
  vrid: 51,
  version: 3,
  priority: 150,
  advertInterval: 1000,
  preempt: true,
  preemptDelay: 0,
  v3Checksum: 'pseudo',
  addresses: [{ address: '192.0.2.10', length: 24 }],
  password: undefined,
};
const INSTANCE6: VrrpInstanceConfig = {
  ...INSTANCE,
  name: 'VI_6',
  family: 6,
  addresses: [{ address: 'fe80::1', length: 128 }],
};

const TCP: ServiceId = { kind: 'address', family: 4, protocol: 'tcp', address: '192.0.2.10', port: 80 };

function service(forward: Forward, own: Partial<ServiceIntent> = {}): ServiceIntent {
  return makeService([makeServer(21, { forward }), makeServer(22, { forward })], { forward, ...own });
}

const STATUS: KernelStatus = { settings: [], timeouts: { found: null, problem: null }, sync: null };

const wantedOf = (...services: ServiceIntent[]): Wanted => makeWanted({ services });

const nothingWrong = (found: readonly Finding[]): Finding[] =>
  found.filter((one) => one.severity === 'critical' || one.severity === 'warning');

const about = (found: readonly Finding[], topic: string): Finding[] => found.filter((one) => one.topic === topic);

function only(found: readonly Finding[], topic: string): Finding {
  const [first, ...more] = about(found, topic);
  assert.ok(first && more.length === 0, `findings on ${topic}: ${JSON.stringify(about(found, topic))}`);
  return first;
}

const withSysctls = (sysctls: Record<string, string>): HostFacts => makeFacts({ sysctls });

test('a host as it should be: nothing to do, for any method', () => {
  for (const forward of ['nat', 'dr', 'tun'] as const) {
    const wanted = makeWanted({ services: [service(forward)], instances: [INSTANCE, INSTANCE6] });
    assert.deepEqual(nothingWrong(diagnose(makeFacts(), wanted)), [], forward);
  }
});

test('worst first', () => {
  const facts = makeFacts({ sysctls: { 'net/ipv4/ip_forward': '0' }, legacyTables: ['iptables filter'] });
  const ranks = diagnose(facts, wantedOf(service('nat'))).map((one) =>
    ['critical', 'warning', 'info', 'ok'].indexOf(one.severity),
  );
  assert.deepEqual(
    ranks,
    [...ranks].sort((a, b) => a - b),
  );
});

test('what could not be read is told as it is', () => {
  const unread: Finding = { severity: 'warning', topic: 'sysctl', text: 'x cannot be read', cure: '' };
  assert.ok(diagnose(makeFacts({ unread: [unread] }), makeWanted()).includes(unread));
});

describe('ip_forward', () => {
  const off = withSysctls({ 'net/ipv4/ip_forward': '0', 'net/ipv6/conf/all/forwarding': '0' });

  test('nat needs it', () => {
    const { severity, text, cure } = only(diagnose(off, wantedOf(service('nat'))), 'ip_forward');
    assert.equal(severity, 'critical');
    assert.match(text, /^net\.ipv4\.ip_forward is 0: the answers of the real servers of web \(nat\)/);
    assert.equal(cure, 'sysctl -w net.ipv4.ip_forward=1');
  });

  test('one nat server among others is enough', () => {
    const mixed = makeService([makeServer(21, { forward: 'dr' }), makeServer(22, { forward: 'nat' })], { forward: 'dr' });
    assert.equal(only(diagnose(off, wantedOf(mixed)), 'ip_forward').severity, 'critical');
  });

  test('dr and tun do not', () => {
    for (const forward of ['dr', 'tun'] as const)
      assert.equal(only(diagnose(off, wantedOf(service(forward))), 'ip_forward').severity, 'ok');
  });

  test('IPv6 has its own', () => {
    const id: ServiceId = { ...TCP, family: 6, address: '2001:db8::10' };
    const six = makeService([makeServer(1, { address: '2001:db8::21' })], { id, ids: [id] });
    const { severity, cure } = only(diagnose(off, wantedOf(six)), 'ip_forward');
    assert.deepEqual([severity, cure], ['critical', 'sysctl -w net.ipv6.conf.all.forwarding=1']);
  });

  test('and the interface of the real servers too', () => {
    const facts = withSysctls({ 'net/ipv4/conf/eth1/forwarding': '0' });
    const { severity, text, cure } = only(diagnose(facts, wantedOf(service('nat'))), 'ip_forward');
    assert.deepEqual([severity, cure], ['critical', 'sysctl -w net.ipv4.conf.eth1.forwarding=1']);
    assert.match(text, /^forwarding is off on eth1/);
  });

  test('no service, no word', () => {
    assert.deepEqual(about(diagnose(off, makeWanted()), 'ip_forward'), []);
  });
});

describe('rp_filter', () => {
  const severities = (facts: HostFacts, wanted: Wanted) => about(diagnose(facts, wanted), 'rp_filter').map((one) => one.severity);

  test('strict on an interface of two: a warning for dr, tun and snat, none for nat', () => {
    const facts = withSysctls({ 'net/ipv4/conf/eth0/rp_filter': '1' });
    for (const wanted of [service('dr'), service('tun'), service('nat', { snat: true })]) {
      const { severity, text, cure } = only(diagnose(facts, wantedOf(wanted)), 'rp_filter');
      assert.equal(severity, 'warning');
      assert.match(text, /^rp_filter is strict on eth0/);
      assert.equal(cure, 'sysctl -w net.ipv4.conf.eth0.rp_filter=2');
    }
    assert.deepEqual(severities(facts, wantedOf(service('nat'))), []);
  });

  test('`all` makes every interface strict, loose of its own wins', () => {
    const all = { 'net/ipv4/conf/all/rp_filter': '1' };
    assert.deepEqual(severities(withSysctls(all), wantedOf(service('dr'))), ['warning', 'warning']);
    const loose = { ...all, 'net/ipv4/conf/eth0/rp_filter': '2' };
    assert.match(only(diagnose(withSysctls(loose), wantedOf(service('dr'))), 'rp_filter').text, /eth1/);
  });

  test('with one way in there is no other way out', () => {
    const { interfaces } = makeFacts();
    const facts = makeFacts({
      interfaces: interfaces.slice(0, 2),
      sysctls: { 'net/ipv4/conf/eth0/rp_filter': '1' },
    });
    assert.deepEqual(severities(facts, wantedOf(service('dr'))), ['ok']);
  });

  test('a strict tunnel drops what a real server gets', () => {
    const tunnel = { name: 'tunl0', up: true, loopback: false, tunnel: true, addresses: [] };
    const facts = makeFacts({
      interfaces: [...makeFacts().interfaces, tunnel],
      sysctls: { 'net/ipv4/conf/tunl0/rp_filter': '1' },
    });
    const bad = nothingWrong(diagnose(facts, wantedOf(service('tun'))));
    assert.deepEqual(
      bad.map((one) => one.cure),
      ['sysctl -w net.ipv4.conf.tunl0.rp_filter=2'],
    );
    assert.deepEqual(nothingWrong(diagnose(facts, wantedOf(service('dr')))), []);
  });

  test('a dot in a name is a slash for sysctl', () => {
    const vlan = {
      name: 'eth0.7',
      up: true,
      loopback: false,
      tunnel: false,
      addresses: [{ address: '198.51.100.1', length: 24 }],
    };
    const facts = makeFacts({
      interfaces: [...makeFacts().interfaces, vlan],
      sysctls: { 'net/ipv4/conf/eth0.7/rp_filter': '1' },
    });
    assert.equal(only(diagnose(facts, wantedOf(service('dr'))), 'rp_filter').cure, 'sysctl -w net.ipv4.conf.eth0/7.rp_filter=2');
  });
});

describe('send_redirects', () => {
  const near = (own: Partial<ServiceIntent> = {}) => makeService([makeServer(1, { address: '192.0.2.21' })], own);
  const sending = withSysctls({ 'net/ipv4/conf/eth0/send_redirects': '1' });

  test('nat with clients and servers on one interface', () => {
    const { severity, text, cure } = only(diagnose(sending, wantedOf(near())), 'send_redirects');
    assert.equal(severity, 'warning');
    assert.match(text, /^eth0 has clients and real servers of web \(nat\)/);
    assert.equal(cure, 'sysctl -w net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0');
  });

  test('`all` alone sends them too', () => {
    const facts = withSysctls({ 'net/ipv4/conf/all/send_redirects': '1' });
    assert.equal(only(diagnose(facts, wantedOf(near())), 'send_redirects').severity, 'warning');
  });

  test('neither with two arms, nor with snat, nor with dr', () => {
    for (const one of [service('nat'), near({ snat: true }), service('dr')])
      assert.deepEqual(about(diagnose(sending, wantedOf(one)), 'send_redirects'), []);
  });

  test('the interface of the VRRP instance that holds the address is the clients’', () => {
    const instance = { ...INSTANCE, interface: 'eth1' };
    const facts = withSysctls({ 'net/ipv4/conf/eth1/send_redirects': '1' });
    const wanted = makeWanted({ services: [service('nat')], instances: [instance] });
    assert.match(only(diagnose(facts, wanted), 'send_redirects').text, /^eth1 /);
  });
});

describe('interfaces', () => {
  test('missing, or down', () => {
    const wanted = makeWanted({ instances: [{ ...INSTANCE, interface: 'eth9' }] });
    assert.match(
      only(diagnose(makeFacts(), wanted), 'interface').text,
      /^VI_1 needs the interface eth9, which this host does not have/,
    );
    const interfaces = makeFacts().interfaces.map((one) => ({ ...one, up: false }));
    const down = only(diagnose(makeFacts({ interfaces }), makeWanted({ instances: [INSTANCE] })), 'interface');
    assert.deepEqual([down.severity, down.cure], ['warning', 'ip link set eth0 up']);
  });
});

describe('ipvs', () => {
  const ipvs = (own: Partial<HostFacts['ipvs']>): HostFacts =>
    makeFacts({ ipvs: { loaded: undefined, modules: ['ip_vs', 'ip_vs_wrr'], ...own } });
  const wanted = wantedOf(service('dr'));

  test('loaded; loadable; missing; nobody knows', () => {
    assert.match(only(diagnose(makeFacts(), wanted), 'ipvs').text, /^IPVS 1\.2\.1 of kernel 6\.1\.0-40-amd64/);
    assert.equal(only(diagnose(ipvs({}), wanted), 'ipvs').severity, 'info');
    const missing = only(diagnose(ipvs({ modules: ['nf_tables'] }), wanted), 'ipvs');
    assert.equal(missing.severity, 'critical');
    assert.match(missing.cure, /modprobe ip_vs$/);
    const unlisted = only(diagnose(ipvs({ modules: undefined }), wanted), 'ipvs');
    assert.deepEqual([unlisted.severity, /\/lib\/modules/.test(unlisted.text)], ['critical', true]);
    assert.equal(only(diagnose(ipvs({ modules: undefined }), makeWanted()), 'ipvs').severity, 'ok');
  });

  test('a scheduler that the kernel does not have', () => {
    const found = about(diagnose(makeFacts(), wantedOf(service('dr', { scheduler: 'twos' }))), 'ipvs');
    assert.deepEqual(
      found.map((one) => one.severity),
      ['critical', 'ok'],
    );
    assert.match(found[0]?.text ?? '', /does not have the scheduler twos, which web asks for/);
  });

  test('a small connection table is worth a word, unless it grows by itself', () => {
    const small = ipvs({ loaded: { version: '1.2.1', tableSize: 4096 } });
    const { severity, text, cure } = only(diagnose(small, wanted), 'conn_tab');
    assert.equal(severity, 'info');
    assert.match(text, /4096 buckets: beyond some 32768 connections/);
    assert.match(cure, /conn_tab_bits=18/);
    const growing = { ...small, sysctls: { ...small.sysctls, 'net/ipv4/vs/conn_lfactor': '-4' } };
    assert.deepEqual(about(diagnose(growing, wanted), 'conn_tab'), []);
    assert.deepEqual(about(diagnose(small, makeWanted()), 'conn_tab'), []);
  });
});

describe('idle timeouts', () => {
  const of = (tcp: number, status?: KernelStatus): Finding => {
    const wanted = wantedOf(service('dr'));
    const director = { ...wanted.director, timeouts: { tcp, tcpFin: 0, udp: 0 } };
    return only(diagnose(makeFacts(), { ...wanted, director }, status), 'timeouts');
  };

  test('900 s are less than a keepalive', () => {
    assert.match(of(0).text, /idle for 900 s are forgotten, before the keepalive/);
    assert.equal(of(0).severity, 'info');
    assert.equal(of(7200).severity, 'ok');
  });

  test('the kernel’s own word counts where it is known', () => {
    const status = { ...STATUS, timeouts: { found: { tcp: 1200, tcpFin: 120, udp: 300 }, problem: null } };
    assert.match(of(7200, status).text, /idle for 1200 s/);
  });

  test('no TCP, no word', () => {
    const udp = service('dr', { ids: [{ ...TCP, protocol: 'udp' }] });
    assert.deepEqual(about(diagnose(makeFacts(), wantedOf(udp)), 'timeouts'), []);
  });
});

describe('settings of IPVS', () => {
  const lines = (found: readonly Finding[]) => about(found, 'settings').map((one) => `${one.severity} ${one.text}`);

  test('as the daemon keeps them', () => {
    const settings = [
      { name: 'conn_reuse_mode', wanted: '1', found: '1', why: 'a reused port is a new connection', state: 'ok' },
      { name: 'sloppy_tcp', wanted: '1', found: '0', why: 'sh', state: 'permission denied' },
      { name: 'run_estimation', wanted: '1', found: null, why: 'rates', state: 'absent' },
    ];
    assert.deepEqual(lines(diagnose(makeFacts(), makeWanted(), { ...STATUS, settings })), [
      'warning net.ipv4.vs.sloppy_tcp is 0 and should be 1 (sh): permission denied',
      'info this kernel has no net.ipv4.vs.run_estimation, which lbd would set to 1: rates',
      'ok net.ipv4.vs.conn_reuse_mode is 1: a reused port is a new connection',
    ]);
  });

  test('as they will be, without a daemon', () => {
    const facts = withSysctls({ 'net/ipv4/vs/conn_reuse_mode': '1', 'net/ipv4/vs/expire_nodest_conn': '0' });
    const found = lines(diagnose(facts, wantedOf(service('nat'))));
    assert.match(found[0] ?? '', /^info lbd will set net\.ipv4\.vs\.expire_nodest_conn to 1, it is 0: clients of a real server/);
    assert.match(found[1] ?? '', /^info lbd will set net\.ipv4\.vs\.run_estimation to 1: /);
    assert.match(found[2] ?? '', /^ok net\.ipv4\.vs\.conn_reuse_mode is 1: /);
    assert.deepEqual(lines(diagnose(facts, makeWanted())), []);
  });

  test('timeouts that cannot be set', () => {
    const status = { ...STATUS, timeouts: { found: null, problem: 'EPERM' } };
    const { severity, text } = only(diagnose(makeFacts(), makeWanted(), status), 'timeouts');
    assert.deepEqual([severity, text], ['warning', 'the idle timeouts cannot be set: EPERM']);
  });
});

test('connection sync: what runs, and what is wrong', () => {
  const of = (running: readonly string[], problem: string | null = null, wanted: readonly string[] = ['backup']) => {
    const sync = { interface: 'eth1', id: 51, wanted, running, problem };
    const { severity, text } = only(diagnose(makeFacts(), makeWanted(), { ...STATUS, sync }), 'sync');
    return `${severity} ${text}`;
  };
  assert.equal(of(['backup']), 'ok connection sync on eth1 (id 51): runs as backup');
  assert.equal(of([]), 'warning connection sync on eth1 (id 51): no backup daemon runs');
  assert.equal(of([], null, []), 'ok connection sync on eth1 (id 51): none is wanted now');
  assert.equal(of([], 'there is no interface eth1'), 'warning connection sync on eth1 (id 51): there is no interface eth1');
});

describe('the firewall', () => {
  const facts = (name: string, own: Partial<HostFacts> = {}) => makeFacts({ nft: rulesetJson(name), ...own });
  const director = {
    ...makeWanted().director,
    connectionSync: {
      interface: 'eth1',
      follow: 'VI_1',
      id: 51,
      group: undefined,
      port: undefined,
      ttl: undefined,
      maxlen: undefined,
    },
  };
  const all = makeWanted({
    instances: [INSTANCE, { ...INSTANCE, name: 'VI_2' }, INSTANCE6],
    services: [service('nat')],
    director,
  });
  const lines = (found: readonly Finding[]) => about(found, 'firewall').map((one) => `${one.severity} ${one.text} | ${one.cure}`);

  test('open: nothing in the way', () => {
    assert.deepEqual(lines(diagnose(facts('open'), all)), ['ok nftables lets through what lbd and its services need | ']);
  });

  test('closed: each kind of traffic once, with the line that lets it in', () => {
    const cures = about(diagnose(facts('closed'), all), 'firewall').map((one) => `${one.severity} ${one.cure}`);
    assert.deepEqual(cures, [
      'critical nft insert rule inet filter input ip protocol 112 ip daddr 224.0.0.18 accept',
      'critical nft insert rule inet filter output ip protocol 112 ip daddr 224.0.0.18 accept',
      'critical nft insert rule inet filter input meta l4proto 112 ip6 daddr ff02::12 accept',
      'critical nft insert rule inet filter output meta l4proto 112 ip6 daddr ff02::12 accept',
      'critical nft insert rule inet filter input ip daddr 192.0.2.10 tcp dport 80 accept',
      'critical nft insert rule inet filter forward ip saddr . tcp sport { 10.0.0.21 . 80, 10.0.0.22 . 80 } accept',
      'warning nft insert rule inet filter input icmpv6 type mld-listener-query accept',
      'warning nft insert rule inet filter input ip daddr 224.0.0.81 udp dport 8848 accept',
      'warning nft insert rule inet filter output ip daddr 224.0.0.81 udp dport 8848 accept',
      'info nft insert rule inet filter input ip protocol 2 accept',
    ]);
  });

  test('the sentence names who, by what, and what comes of it', () => {
    const [first] = about(diagnose(facts('closed'), all), 'firewall');
    assert.equal(
      first?.text,
      'incoming VRRP adverts (protocol 112 to 224.0.0.18) for VI_1 and VI_2 are dropped by the policy of chain inet filter input: this director does not hear the other one and becomes master beside it',
    );
  });

  test('firewalld: the rule at the end of the chain rejects, the base chain gets the cure', () => {
    const wanted = makeWanted({ instances: [INSTANCE] });
    const [first] = about(diagnose(facts('firewalld'), wanted), 'firewall');
    assert.match(first?.text ?? '', /are dropped by rule handle \d+ of chain inet firewalld filter_IN_public: /);
    assert.equal(first?.cure, 'nft insert rule inet firewalld filter_INPUT ip protocol 112 ip daddr 224.0.0.18 accept');
  });

  test('invalid packets of dr: what connection tracking does not see the other half of', () => {
    const cut = only(diagnose(facts('invalid'), wantedOf(service('dr'))), 'firewall');
    assert.equal(cut.severity, 'critical');
    assert.match(cut.text, /a FIN or RST is invalid to it: connections are not closed/);
    assert.equal(cut.cure, 'nft insert rule inet filter input ip daddr 192.0.2.10 tcp dport 80 ct state invalid accept');
    const tracked = facts('invalid', { sysctls: { 'net/ipv4/vs/conntrack': '1' } });
    assert.match(only(diagnose(tracked, wantedOf(service('dr'))), 'firewall').text, /no connection is established/);
  });

  test('invalid packets of nat: both ways without conntrack, no way with it', () => {
    const cures = about(diagnose(facts('invalid'), wantedOf(service('nat'))), 'firewall').map((one) => one.cure);
    assert.deepEqual(cures, [
      'nft insert rule inet filter input ip daddr 192.0.2.10 tcp dport 80 ct state invalid accept',
      'nft insert rule inet filter forward ip saddr . tcp sport { 10.0.0.21 . 80, 10.0.0.22 . 80 } accept',
    ]);
    for (const tracked of [
      diagnose(facts('invalid', { sysctls: { 'net/ipv4/vs/conntrack': '1' } }), wantedOf(service('nat'))),
      diagnose(facts('invalid'), wantedOf(service('nat', { snat: true }))),
    ])
      assert.equal(only(tracked, 'firewall').severity, 'ok');
  });

  test('UDP knows no invalid packets', () => {
    const udp = { ...TCP, protocol: 'udp', port: 53 } as const;
    const dns = service('dr', { id: udp, ids: [udp] });
    assert.equal(only(diagnose(facts('invalid'), wantedOf(dns)), 'firewall').severity, 'ok');
  });

  test('a service of every port, and many services of one rule', () => {
    const every = { ...TCP, protocol: 'udp', port: 0 } as const;
    const [any] = about(diagnose(facts('closed'), wantedOf(service('dr', { ids: [every] }))), 'firewall');
    assert.equal(any?.cure, 'nft insert rule inet filter input ip daddr 192.0.2.10 meta l4proto udp accept');
    const many = ['a', 'b', 'c', 'd', 'e'].map((name, i) => service('dr', { name, ids: [{ ...TCP, port: 8000 + i }] }));
    const found = only(diagnose(facts('closed'), wantedOf(...many)), 'firewall');
    assert.match(found.text, /to a, b and 3 more are dropped/);
    assert.match(found.cure, /ip daddr \. tcp dport \{ 192\.0\.2\.10 \. 8000, .* 192\.0\.2\.10 \. 8004 \} accept$/);
  });

  test('thousands of services: the first are tried, and that is said', () => {
    const many = Array.from({ length: 3000 }, (_, i) => service('dr', { name: `s${i}`, ids: [{ ...TCP, port: 1 + i }] }));
    const found = about(diagnose(facts('open'), wantedOf(...many)), 'firewall');
    assert.match(found.map((one) => one.text).join('\n'), /only the first were tried/);
  });

  test('a rule that nobody can judge is told as that', () => {
    const chain = { family: 'inet', table: 'f', name: 'in', hook: 'input', prio: 0, policy: 'drop' };
    const expr = [{ xt: null }, { accept: null }];
    const nft = { nftables: [{ chain }, { rule: { family: 'inet', table: 'f', chain: 'in', handle: 7, expr } }] };
    const found = diagnose(makeFacts({ nft }), makeWanted({ instances: [INSTANCE] }));
    const [first] = about(found, 'firewall');
    assert.equal(first?.severity, 'info');
    assert.match(
      first?.text ?? '',
      /^lbd cannot tell whether incoming VRRP adverts .* get through rule handle 7 of chain inet f in, which has iptables' own extension$/,
    );
    assert.equal(first?.cure, 'read it: nft -a list chain inet f in');
  });

  test('the old iptables is not looked at, and that is said', () => {
    const found = only(
      diagnose(makeFacts({ legacyTables: ['iptables filter', 'ip6tables filter'], nft: undefined }), all),
      'firewall',
    );
    assert.deepEqual([found.severity, /iptables filter, ip6tables filter/.test(found.text)], ['info', true]);
  });

  test('a ruleset that could not be read is judged by nobody', () => {
    assert.deepEqual(about(diagnose(makeFacts({ nft: undefined }), all), 'firewall'), []);
  });
});

describe('checks via: vip', () => {
  const through = (host: number) =>
    makeServer(host, {
      forward: 'dr',
      checks: [
        {
          type: 'tcp',
          via: 'vip',
          passage: { address: `10.0.0.${host}`, forward: 'dr' },
          connect: '192.0.2.10',
          port: 80,
          interval: 2000,
          timeout: 1000,
          rise: 1,
          fall: 2,
        },
      ],
    });
  const wanted = makeWanted({ services: [makeService([through(21)], { forward: 'dr' })], instances: [INSTANCE] });
  const conf = (settings: Record<string, string>) =>
    withSysctls(Object.fromEntries(Object.entries(settings).map(([key, value]) => [`net/ipv4/conf/${key}`, value])));

  test('a director that may get the VIP must let in answers from it', () => {
    const { severity, text, cure } = only(diagnose(conf({ 'eth1/accept_local': '0' }), wanted), 'accept_local');
    assert.equal(severity, 'warning');
    assert.match(
      text,
      /net\.ipv4\.conf\.eth1\.accept_local is 0: once this host has 192\.0\.2\.10, it drops the answers .* of web/,
    );
    assert.equal(cure, 'sysctl -w net.ipv4.conf.eth1.accept_local=1');
  });

  test('one that has it does so now', () => {
    const facts = conf({});
    const interfaces = facts.interfaces.map((one) =>
      one.name === 'eth0' ? { ...one, addresses: [...one.addresses, { address: '192.0.2.10', length: 32 }] } : one,
    );
    const { severity, text } = only(diagnose({ ...facts, interfaces }, wanted), 'accept_local');
    assert.equal(severity, 'critical');
    assert.match(text, /this host has 192\.0\.2\.10, it drops/);
  });

  test('a strict filter wants the answer where the VIP is', () => {
    const found = diagnose(conf({ 'eth1/accept_local': '1', 'eth1/rp_filter': '1' }), wanted);
    const [fault] = about(found, 'rp_filter').filter((one) => /via: vip/.test(one.text));
    assert.equal(fault?.cure, 'sysctl -w net.ipv4.conf.eth1.rp_filter=2');
  });

  test('nothing to do where it is let in, or where the VIP is never here', () => {
    assert.equal(only(diagnose(conf({ 'all/accept_local': '1' }), wanted), 'accept_local').severity, 'ok');
    const elsewhere = makeWanted({ services: wanted.services });
    assert.deepEqual(about(diagnose(conf({}), elsewhere), 'accept_local'), []);
  });

  test('a firewall that drops what connection tracking calls invalid drops the answers', () => {
    const facts = { ...conf({ 'all/accept_local': '1' }), nft: rulesetJson('invalid') };
    const found = about(diagnose(facts, wanted), 'firewall').filter((one) => /answers to checks via: vip/.test(one.text));
    assert.equal(found.length, 1, JSON.stringify(diagnose(facts, wanted)));
    assert.match(found[0]?.cure ?? '', /ip saddr 192\.0\.2\.10 tcp sport 80 accept$/);
  });
});

describe('accept: false', () => {
  const closed = { ...INSTANCE, accept: false as const };
  const own = (forward: Forward) =>
    makeService([makeServer(2, { address: '192.0.2.2', forward })], { forward, id: TCP, ids: [TCP] });
  const found = (instance: VrrpInstanceConfig, one: ServiceIntent) =>
    about(diagnose(makeFacts(), makeWanted({ services: [one], instances: [instance] })), 'vrrp');

  test('a real server that is this director gets nothing', () => {
    const [first] = found(closed, own('dr'));
    assert.match(first?.text ?? '', /its real server 192\.0\.2\.2 is this director, and VI_1 with accept: false drops/);
    assert.equal(first?.severity, 'critical');
  });

  test('but behind nat, and where others serve', () => {
    assert.deepEqual(found(closed, own('nat')), []);
    assert.deepEqual(found(closed, service('dr', { id: TCP, ids: [TCP] })), []);
    assert.deepEqual(found(INSTANCE, own('dr')), []);
  });
});
