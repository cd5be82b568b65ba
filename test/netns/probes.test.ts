/**
 * The probers where loopback cannot show it: silence, neighbours that do not answer, routes that say no, and echo probes over a
 * raw and over a ping socket. The file runs itself as the child inside a network namespace of its own, which ends with it.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import type { ProbeConfig } from '../../src/config/types.js';
import type { ProbeResult } from '../../src/health/types.js';
import { closeIdleIcmp, icmpSocket, leave } from '../../src/os/probe/icmp-socket.js';
import { startProbe } from '../../src/os/probe/index.js';
import { inOwnNamespace, VETH } from './self.js';

/** Neighbours that are lost, and routes that lead nowhere. */
const SETUP = `${VETH}
ip address add 10.99.0.1/24 dev va
ip address add fd99::1/64 dev va nodad
for family in 4 6; do
  echo 1 > /proc/sys/net/ipv$family/neigh/va/mcast_solicit
  echo 100 > /proc/sys/net/ipv$family/neigh/va/retrans_time_ms
done
ip neighbour add 10.99.0.2 lladdr 02:00:00:00:00:99 dev va
ip neighbour add fd99::2 lladdr 02:00:00:00:00:99 dev va
ip route add blackhole 198.51.100.1
ip route add prohibit 198.51.100.2
ip route add unreachable 198.51.100.3
ip -6 route add unreachable fd98::3
echo "$RANGE" > /proc/sys/net/ipv4/ping_group_range
exec "$0" "$1" child`;

interface Report {
  raw: boolean;
  results: Record<string, ProbeResult | 'silence'>;
  many: { ok: number; other: number };
  descriptors: [before: number, after: number];
}

const probes: Record<string, ProbeConfig> = {
  tcp: { type: 'tcp', port: undefined },
  http: { type: 'http', port: undefined, path: '/', host: undefined, headers: [], status: [[200, 299]], body: undefined },
  icmp: { type: 'icmp' },
};
const targets: Record<string, string> = {
  self: '127.0.0.1',
  self6: '::1',
  own: '10.99.0.1',
  own6: 'fd99::1',
  silent: '10.99.0.2',
  silent6: 'fd99::2',
  absent: '10.99.0.3',
  absent6: 'fd99::3',
  'no route': '203.0.113.1',
  blackhole: '198.51.100.1',
  prohibit: '198.51.100.2',
  unreachable: '198.51.100.3',
  unreachable6: 'fd98::3',
};

/** One probe, ended at a deadline as its owner would. */
const run = (probe: ProbeConfig, address: string): Promise<ProbeResult | 'silence'> =>
  new Promise((resolve) => {
    const one = startProbe(probe, { address, port: 9 }, (result) => {
      clearTimeout(deadline);
      resolve(result);
    });
    const deadline = setTimeout(() => {
      one.cancel();
      resolve('silence');
    }, 1500);
  });

const descriptors = (): number => readdirSync('/proc/self/fd').length;

async function child(): Promise<void> {
  await run(probes.tcp as ProbeConfig, '127.0.0.1');
  const had = descriptors();
  const names = Object.keys(probes).flatMap((probe) => Object.keys(targets).map((target) => [probe, target] as const));
  const all = names.map(async ([probe, target]) => [
    `${probe} ${target}`,
    await run(probes[probe] as ProbeConfig, targets[target] as string),
  ]);
  all.push(
    ...['10.99.0.1', 'fd99::1'].map(async (source) => [`icmp from ${source}`, await run({ type: 'icmp', source }, source)]),
  );
  const results = Object.fromEntries(await Promise.all(all)) as Report['results'];
  const crowd = Array.from({ length: 2000 }, (_, i) => run({ type: 'icmp' }, i % 2 === 0 ? `127.0.${i >> 8}.${i & 255}` : '::1'));
  const ok = (await Promise.all(crowd)).filter((result) => result !== 'silence' && result.ok).length;
  const socket = icmpSocket(4, {});
  leave(socket, -1);
  closeIdleIcmp();
  const report: Report = { raw: socket.raw, results, many: { ok, other: crowd.length - ok }, descriptors: [had, descriptors()] };
  process.stdout.write(JSON.stringify(report));
}

const words = (result: ProbeResult | 'silence' | undefined): string => {
  if (result === undefined || result === 'silence') return String(result);
  return `${result.ok ? 'ok' : result.local ? 'local' : 'failed'}: ${result.reason}`;
};

function suite(name: string, range: string, raw: boolean): void {
  describe(name, () => {
    let report: Report;
    before(async () => {
      report = await inOwnNamespace(import.meta.url, SETUP, { RANGE: range });
    });
    const says = (key: string, expected: string) => assert.equal(words(report.results[key]), expected, key);

    test('is what this namespace gives', () => assert.equal(report.raw, raw));

    test('connections end in what the network says', () => {
      for (const type of ['tcp', 'http']) {
        says(`${type} self`, 'failed: connection refused');
        says(`${type} own6`, 'failed: connection refused');
        says(`${type} silent`, 'silence');
        says(`${type} silent6`, 'silence');
        says(`${type} absent`, 'failed: no route to host');
        says(`${type} absent6`, 'failed: no route to host');
        says(`${type} no route`, 'failed: this director has no route to it (network unreachable)');
        says(`${type} blackhole`, 'failed: the route to it is a blackhole on this director, or the address needs an interface');
        says(`${type} prohibit`, 'failed: the route to it is prohibited on this director');
        says(`${type} unreachable`, 'failed: this director has no route to it (no route to host)');
        says(`${type} unreachable6`, 'failed: this director has no route to it (no route to host)');
      }
    });

    test('echoes are answered, or end in what the network says', () => {
      for (const target of ['self', 'self6', 'own', 'own6']) says(`icmp ${target}`, 'ok: echo reply');
      for (const source of ['10.99.0.1', 'fd99::1']) says(`icmp from ${source}`, 'ok: echo reply');
      for (const target of ['silent', 'silent6']) says(`icmp ${target}`, 'silence');
      says('icmp absent', raw ? 'failed: host unreachable, says 10.99.0.1' : 'failed: host unreachable');
      says('icmp absent6', raw ? 'failed: address unreachable, says fd99::1' : 'failed: address unreachable');
      says('icmp no route', 'failed: this director has no route to it (network unreachable)');
      says('icmp blackhole', 'failed: the route to it is a blackhole on this director, or the address needs an interface');
      says('icmp prohibit', 'failed: the route to it is prohibited on this director');
      says('icmp unreachable6', 'failed: this director has no route to it (no route to host)');
    });

    test('two thousand echoes at once are each answered', () => assert.deepEqual(report.many, { ok: 2000, other: 0 }));

    test('no descriptor is left', () => assert.equal(report.descriptors[1], report.descriptors[0]));
  });
}

if (process.argv[2] === 'child') await child();
else {
  suite('a raw socket', '1 0', true);
  suite('a ping socket', '0 2147483647', false);
}
