/**
 * The half-open prober on the host's own kernel: what each kind of server and of network makes of a SYN, that no server ever gets a
 * connection, and that its half of one is ended by this kernel's RST. The file runs itself as the child inside a network namespace of
 * its own, which ends with it.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HalfOpenProbe, ProbeConfig } from '../../src/config/types.js';
import type { ProbeResult } from '../../src/health/types.js';
import { closeIdleHalfOpen, halfOpenSocket, rest } from '../../src/os/probe/half-open-socket.js';
import { closeIdleIcmp } from '../../src/os/probe/icmp-socket.js';
import { startProbe } from '../../src/os/probe/index.js';
import { inOwnNamespace, VETH } from './self.js';

/** Neighbours that are lost, routes that lead nowhere, and what a firewall may do. */
const SETUP = `${VETH}
ip address add 10.99.0.1/24 dev va
ip address add 10.99.0.9/24 dev va
ip address add fd99::1/64 dev va nodad
ip address add fd99::9/64 dev va nodad
for family in 4 6; do
  echo 1 > /proc/sys/net/ipv$family/neigh/va/mcast_solicit
  echo 100 > /proc/sys/net/ipv$family/neigh/va/retrans_time_ms
done
ip neighbour add 10.99.0.2 lladdr 02:00:00:00:00:99 dev va
ip neighbour add fd99::2 lladdr 02:00:00:00:00:99 dev va
ip route add blackhole 198.51.100.1
ip route add unreachable 198.51.100.3
ip -6 route add unreachable fd98::3
ip -6 route add local fd97::/64 dev lo
nft add table inet t
nft add chain inet t out '{ type filter hook output priority 0; policy accept; }'
nft add rule inet t out ip daddr 127.9.0.1 counter reject with icmp type admin-prohibited
nft add chain inet t in '{ type filter hook input priority 0; policy accept; }'
nft add rule inet t in ip daddr 127.9.0.2 tcp flags syn drop
nft add rule inet t in ip daddr 127.9.0.3 tcp flags syn reject with icmp type host-unreachable
nft add rule inet t in ip6 daddr fd97::9:3 tcp flags syn reject with icmpv6 type addr-unreachable
nft add rule inet t out ip daddr 127.9.0.4 tcp flags rst drop
exec "$0" "$1" child`;

/** A firewall that lets in what comes for the server and what answers, and nothing that conntrack calls invalid, to and fro. */
const statefulRules = (port: number): string => `
add rule inet t in ct state invalid counter drop
add rule inet t in ct state established accept
add rule inet t in tcp dport != ${port} drop
add rule inet t out ct state invalid counter drop`;

type Ended = ProbeResult | 'silence';
/** Of this namespace, from /proc/net/snmp: connections that servers got, half ones that ended, resets sent. */
interface Counters {
  readonly PassiveOpens: number;
  readonly AttemptFails: number;
  readonly OutRsts: number;
}
interface Report {
  results: Record<string, string>;
  again: string[];
  interfaces: string[];
  stateful: { good: number; invalid: number };
  many: { good: number; other: string[]; counters: Counters };
  pending: number;
  accepted: number;
  port: { taken: boolean };
  descriptors: [before: number, after: number];
}

const probe: HalfOpenProbe = { type: 'tcp_half_open' };
const OPEN: Record<string, string> = { self: '127.0.0.1', self6: '::1', own: '10.99.0.1', own6: 'fd99::1' };
const OTHERS: Record<string, string> = {
  silent: '10.99.0.2',
  silent6: 'fd99::2',
  absent: '10.99.0.3',
  absent6: 'fd99::3',
  'no route': '203.0.113.1',
  blackhole: '198.51.100.1',
  unreachable: '198.51.100.3',
  unreachable6: 'fd98::3',
  'no scope': 'fe80::7',
  dropped: '127.9.0.2',
  rejected: '127.9.0.3',
  rejected6: 'fd97::9:3',
};
const MANY = 2000;

/** One probe, ended at a deadline as its owner would. */
const runProbe = (probe: ProbeConfig, address: string, port: number, ms: number): Promise<Ended> =>
  new Promise((resolve) => {
    const one = startProbe(probe, { address, port }, (result) => {
      clearTimeout(deadline);
      resolve(result);
    });
    const deadline = setTimeout(() => {
      one.cancel();
      resolve('silence');
    }, ms);
  });

const run = (address: string, port: number, own: Partial<HalfOpenProbe> = {}): Promise<Ended> =>
  runProbe({ ...probe, ...own }, address, port, 1500);

const words = (result: Ended): string => {
  if (result === 'silence') return result;
  return `${result.ok ? 'ok' : result.local ? 'local' : 'failed'}: ${result.reason}`;
};

const descriptors = (): number => readdirSync('/proc/self/fd').length;

function counters(): Counters {
  const [names = '', values = ''] = readFileSync('/proc/net/snmp', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Tcp:'));
  const all = Object.fromEntries(names.split(' ').map((name, i) => [name, Number(values.split(' ')[i])]));
  return { PassiveOpens: all.PassiveOpens ?? 0, AttemptFails: all.AttemptFails ?? 0, OutRsts: all.OutRsts ?? 0 };
}

const since = (from: Counters): Counters => {
  const to = counters();
  return {
    PassiveOpens: to.PassiveOpens - from.PassiveOpens,
    AttemptFails: to.AttemptFails - from.AttemptFails,
    OutRsts: to.OutRsts - from.OutRsts,
  };
};

/** Sockets in SYN_RECV: state 03 of /proc/net/tcp. */
const pending = (): number =>
  ['tcp', 'tcp6'].flatMap((name) =>
    readFileSync(`/proc/net/${name}`, 'utf8')
      .split('\n')
      .filter((line) => line.split(/\s+/)[4] === '03'),
  ).length;

/** Of the rules that count, packets. */
const counted = (): number =>
  [
    ...execFileSync('nft', ['list', 'table', 'inet', 't'], { encoding: 'utf8' }).matchAll(/invalid counter packets (\d+)/g),
  ].reduce((sum, match) => sum + Number(match[1]), 0);

async function crowd(port: number): Promise<Report['many']> {
  const before = counters();
  const addresses = Array.from({ length: MANY }, (_, i) =>
    i % 2 === 0 ? `127.1.${i >> 8}.${i & 255}` : `fd97::${i.toString(16)}`,
  );
  const all = await Promise.all(addresses.map((address) => run(address, port)));
  const good = all.filter((one) => one !== 'silence' && one.reason === 'SYN-ACK').length;
  const other = [...new Set(all.map(words).filter((text) => text !== 'ok: SYN-ACK'))];
  // The RST of the last SYN-ACK is sent in the turn that delivers it: what the kernel does here is done.
  return { good, other, counters: since(before) };
}

async function statefully(port: number): Promise<Report['stateful']> {
  execFileSync('nft', ['-f', '-'], { input: statefulRules(port) });
  let good = 0;
  for (let i = 0; i < 20; i++) {
    const one = await run(i % 2 === 0 ? '10.99.0.1' : 'fd99::1', port);
    if (one !== 'silence' && one.ok) good++;
  }
  return { good, invalid: counted() };
}

/** The interface that probes are bound to goes, and another one comes under its name, while the shared sockets never rest. */
async function anew(port: number): Promise<string[]> {
  const sh = (text: string) => execFileSync('sh', ['-ec', text]);
  const up = () =>
    sh(`ip link add dm type veth peer name dn; ip link set dn up; ip link set dm up; ip address add 10.98.0.1/24 dev dm; ip address add fd96::1/64 dev dm nodad
      for to in 10.98.0.2 fd96::2; do ip neighbour add $to lladdr 02:00:00:00:00:98 dev dm; done`);
  const ways: [ProbeConfig, string][] = [
    [{ type: 'tcp_half_open', interface: 'dm' }, '10.98.0.2'],
    [{ type: 'tcp_half_open', interface: 'dm' }, 'fd96::2'],
    [{ type: 'icmp', interface: 'dm' }, '10.98.0.2'],
    [{ type: 'icmp', interface: 'dm' }, 'fd96::2'],
  ];
  const round = () => Promise.all(ways.map(([way, address]) => runProbe(way, address, port, 300)));
  up();
  const said = [await round()];
  sh('ip link del dm');
  // The first one learns it.
  await round();
  said.push(await round());
  up();
  said.push(await round());
  sh('ip link del dm');
  return said.map((all) => all.map(words).join(', '));
}

/** Nobody else gets the port that the probes leave from. */
function takePort(): boolean {
  const socket = halfOpenSocket(4, probe);
  rest(socket);
  const script = `require('net').createServer().listen(${socket.port}, '127.0.0.1').on('error', (e) => { console.log(e.code); })
    .on('listening', () => process.exit(3))`;
  const said = execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }).trim();
  return said !== 'EADDRINUSE';
}

async function child(): Promise<void> {
  let accepted = 0;
  const server = createServer((socket) => {
    accepted++;
    socket.destroy();
  });
  server.listen(0, '::', 4096);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await run('127.0.0.1', port);
  closeIdleHalfOpen();
  const had = descriptors();
  const entries: [string, Promise<Ended>][] = [
    ...Object.entries(OPEN).map(([name, to]): [string, Promise<Ended>] => [name, run(to, port)]),
    ...Object.entries(OPEN).map(([name, to]): [string, Promise<Ended>] => [`${name} closed`, run(to, 9)]),
    ...Object.entries(OTHERS).map(([name, to]): [string, Promise<Ended>] => [name, run(to, port)]),
    ['from', run('10.99.0.1', port, { source: '10.99.0.9', fwmark: 7 })],
    ['from6', run('fd99::1', port, { source: 'fd99::9', fwmark: 7 })],
    ['from nowhere', run('10.99.0.1', port, { source: '192.0.2.77' })],
    ['through', run('10.99.0.2', port, { interface: 'va' })],
    ['through nothing', run('10.99.0.2', port, { interface: 'nosuch0' })],
    ['not let out', run('127.9.0.1', port)],
    ['twice at once', run('127.8.0.1', port)],
    ['twice at once, the other', run('127.8.0.1', port)],
  ];
  const results: Report['results'] = {};
  for (const [name, ended] of entries) results[name] = words(await ended);
  const many = await crowd(port);
  const left = pending();
  const again: string[] = [];
  for (let i = 0; i < 2; i++) {
    again.push(words(await run('127.9.0.4', port)));
    // The server answers a SYN outside its window twice a second at most.
    await sleep(600);
  }
  const stateful = await statefully(port);
  const interfaces = await anew(port);
  const taken = takePort();
  closeIdleHalfOpen();
  closeIdleIcmp();
  const report: Report = {
    ...{ results, again, interfaces, stateful, many, pending: left, accepted },
    port: { taken },
    descriptors: [had, descriptors()],
  };
  process.stdout.write(JSON.stringify(report));
  server.close();
}

const scenario = () =>
  describe('half-open probes', () => {
    let report: Report;
    before(async () => {
      report = await inOwnNamespace(import.meta.url, SETUP);
    });
    const says = (key: string, expected: string) => assert.equal(report.results[key], expected, key);

    test('an open port answers, a closed one refuses', () => {
      for (const name of Object.keys(OPEN)) {
        says(name, 'ok: SYN-ACK');
        says(`${name} closed`, 'failed: connection refused');
      }
    });

    test('the network is heard', () => {
      for (const name of ['silent', 'silent6', 'dropped', 'through']) says(name, 'silence');
      says('absent', 'failed: host unreachable');
      says('absent6', 'failed: address unreachable');
      says('rejected', 'failed: host unreachable');
      says('rejected6', 'failed: address unreachable');
      says('no route', 'failed: this director has no route to it (network unreachable)');
      says('blackhole', 'failed: the route to it is a blackhole on this director, or the address needs an interface');
      says('no scope', 'failed: the route to it is a blackhole on this director, or the address needs an interface');
      says('unreachable', 'failed: this director has no route to it (no route to host)');
      says('unreachable6', 'failed: this director has no route to it (no route to host)');
    });

    test('it leaves as it is told, or the director is blamed', () => {
      says('from', 'ok: SYN-ACK');
      says('from6', 'ok: SYN-ACK');
      says('from nowhere', 'local: source 192.0.2.77: no interface of this director has that address');
      says('through nothing', 'local: no such interface on this director');
      says('not let out', 'local: not permitted on this director (a local packet filter, or no privilege)');
    });

    test('an interface that was made anew is found by its name, by ICMP probes too', () => {
      const none = 'local: no such interface on this director';
      assert.deepEqual(report.interfaces, [
        'silence, silence, silence, silence',
        `${none}, ${none}, ${none}, ${none}`,
        'silence, silence, silence, silence',
      ]);
    });

    test('two probes of one server do not meet', () => {
      says('twice at once', 'ok: SYN-ACK');
      assert.match(report.results['twice at once, the other'] as string, /^ok: /);
    });

    test('two thousand servers at once each answer', () => {
      assert.deepEqual([report.many.good, report.many.other], [MANY, []]);
    });

    test('no server gets a connection, and each half of one is ended by a reset', () => {
      assert.equal(report.accepted, 0);
      assert.deepEqual(report.many.counters, { PassiveOpens: 0, AttemptFails: MANY, OutRsts: MANY });
      assert.equal(report.pending, 0);
    });

    test('a filter that keeps the resets back makes no server look dead', () => {
      assert.deepEqual(report.again, [
        'ok: SYN-ACK',
        'ok: ACK of an earlier SYN: the RST of this director does not reach the server',
      ]);
    });

    test('a stateful firewall finds nothing invalid in it', () => assert.deepEqual(report.stateful, { good: 20, invalid: 0 }));

    test('the port is the probes own, and nothing is left', () => {
      assert.equal(report.port.taken, false);
      assert.equal(report.descriptors[1], report.descriptors[0]);
    });
  });

if (process.argv[2] === 'child') await child();
else scenario();
