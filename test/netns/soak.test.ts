/**
 * A thousand probes a second, of every kind and with every ending, for some time: descriptors and memory stay flat. The file runs itself
 * as the child inside a network namespace of its own, which ends with it.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { CheckConfig, ProbeConfig } from '../../src/config/types.js';
import { createCheckRunner } from '../../src/daemon/check/scheduler.js';
import { checkSpec } from '../../src/health/key.js';
import { now } from '../../src/os/clock.js';
import { closeIdleHalfOpen } from '../../src/os/probe/half-open-socket.js';
import { closeIdleIcmp } from '../../src/os/probe/icmp-socket.js';
import { startProbe } from '../../src/os/probe/index.js';
import { inOwnNamespace, VETH } from './self.js';

/** The neighbours of 10.99.0.0/16 are lost. */
const SETUP = `${VETH}
ip address add 10.99.0.1/16 dev va
ip neighbour add 10.99.0.2 lladdr 02:00:00:00:00:99 dev va
ip -6 route add local fd97::/64 dev lo
ip route add blackhole 198.51.100.1
exec "$0" --expose-gc --max-semi-space-size=1 "$1" child`;

const SAMPLES = 7;
const SAMPLE_MS = 2000;
/** Probes in flight, and what a turn of the loop has not closed yet, come and go. */
const DESCRIPTORS = 40;
const MEGABYTE = 1 << 20;

interface Sample {
  readonly descriptors: number;
  readonly heap: number;
  readonly resident: number;
  readonly results: number;
}
interface Report {
  readonly samples: readonly Sample[];
  readonly kinds: Readonly<Record<string, number>>;
  readonly left: readonly [before: number, after: number];
}

const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** Ways in which a server may behave to a connection. */
const BEHAVIOURS: readonly ((socket: Socket) => void)[] = [
  (socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')),
  (socket) => socket.once('data', () => socket.end('HTTP/1.1 503 No\r\n\r\n')),
  (socket) => socket.once('data', () => socket.resetAndDestroy()),
  (socket) => void socket.resume(),
];

async function serve(behaviour: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    behaviour(socket);
  });
  server.listen(0, '::', 1024);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Name of the kind, the probe, where to, how many of it each half second. */
type Load = readonly [kind: string, probe: ProbeConfig, address: (i: number) => string, port: number, count: number];

const local = (i: number): string => (i % 2 === 0 ? `127.1.${i >> 8}.${(i & 255) + 1}` : `fd97::${(i + 1).toString(16)}`);

function loads(ports: readonly number[], file: string): readonly Load[] {
  const http = (): ProbeConfig => ({ type: 'http', path: '/', host: undefined, headers: [], status: [[200, 299]], body: 'ok' });
  const [good = 0, bad = 0, reset = 0, hang = 0] = ports;
  return [
    ['tcp', { type: 'tcp' }, local, hang, 100],
    ['tcp refused', { type: 'tcp' }, local, 9, 30],
    ['tcp silent', { type: 'tcp' }, () => '10.99.0.2', 80, 1],
    ['tcp no route', { type: 'tcp' }, () => '198.51.100.1', 80, 1],
    ['tcp absent', { type: 'tcp' }, (i) => `10.99.7.${i + 1}`, 80, 10],
    ['half-open', { type: 'tcp_half_open' }, local, hang, 100],
    ['half-open refused', { type: 'tcp_half_open' }, local, 9, 30],
    ['half-open silent', { type: 'tcp_half_open' }, () => '10.99.0.2', 81, 1],
    ['half-open absent', { type: 'tcp_half_open' }, (i) => `10.99.7.${i + 1}`, 81, 10],
    ['http', http(), local, good, 75],
    ['http refusing', http(), local, bad, 15],
    ['http reset', http(), local, reset, 15],
    ['http hanging', http(), local, hang, 10],
    ['icmp', { type: 'icmp' }, local, 0, 75],
    ['icmp absent', { type: 'icmp' }, (i) => `10.99.8.${i + 1}`, 0, 5],
    ['udp', { type: 'udp', send: { text: 'x' } }, local, 9, 20],
    ['script', { type: 'script', command: ['/bin/true'], user: 'root' }, local, 0, 2],
    ['file', { type: 'file', file }, local, 0, 1],
  ];
}

const collect = (globalThis as { gc?: () => void }).gc ?? (() => {});

async function child(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lbd-soak-'));
  const file = join(folder, 'state');
  writeFileSync(file, '80%\n');
  const ports = await Promise.all(BEHAVIOURS.map(serve));
  const had = descriptors();
  const kinds: Record<string, number> = {};
  const kindOf = new Map<string, string>();
  let results = 0;
  const runner = createCheckRunner({
    now,
    startProbe,
    onVerdict: () => {},
    onResult: (key) => {
      results++;
      const kind = kindOf.get(key) ?? '';
      kinds[kind] = (kinds[kind] ?? 0) + 1;
    },
  });
  const timing = { interval: 500, jitter: 5, timeout: 300, rise: 1, fall: 2 };
  const specs = loads(ports, file).flatMap(([kind, probe, address, port, count]) =>
    Array.from({ length: count }, (_none, i) => {
      const spec = checkSpec({ ...probe, ...timing } as CheckConfig, address(i), port);
      kindOf.set(spec.key, kind);
      return spec;
    }),
  );
  runner.reconcile(specs, () => ({}));
  const samples: Sample[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    collect();
    const { heapUsed, rss } = process.memoryUsage();
    samples.push({ descriptors: descriptors(), heap: heapUsed, resident: rss, results });
  }
  runner.close();
  closeIdleIcmp();
  closeIdleHalfOpen();
  rmSync(folder, { recursive: true });
  // The servers of this process close their ends on the loop's next turns; the poller's own descriptor stays.
  const wanted = had + 1;
  for (let i = 0; i < 200 && descriptors() > wanted; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  process.stdout.write(JSON.stringify({ samples, kinds, left: [wanted, descriptors()] } satisfies Report), () => process.exit(0));
}

const scenario = () =>
  describe('a thousand probes a second for a quarter of a minute', () => {
    let report: Report;
    before(async () => {
      report = await inOwnNamespace(import.meta.url, SETUP);
    });
    /** The third sample, when all is warm and every check has its ten results to remember, and what came after it. */
    const both = () => [report.samples[2] as Sample, report.samples.slice(3)] as const;

    test('every kind of them ends', () => {
      const all = loads([1, 2, 3, 4], '').map(([kind]) => kind);
      assert.deepEqual(
        all.filter((kind) => !report.kinds[kind]),
        [],
      );
      const last = report.samples.at(-1) as Sample;
      const first = report.samples[0] as Sample;
      const rate = (last.results - first.results) / (((SAMPLES - 1) * SAMPLE_MS) / 1000);
      console.log(
        `# ${Math.round(rate)} results a second; heap ${report.samples.map(({ heap }) => Math.round(heap / 1e5) / 10).join(' ')} MB`,
      );
      assert.ok(rate > 500, `${rate} results a second: this machine is too slow for this to mean anything`);
    });

    test('descriptors stay flat, and none is left at the end', () => {
      const [warm, later] = both();
      for (const one of later)
        assert.ok(Math.abs(one.descriptors - warm.descriptors) <= DESCRIPTORS, JSON.stringify(report.samples));
      assert.equal(report.left[1], report.left[0]);
    });

    test('memory stays flat', () => {
      const [warm, later] = both();
      const last = later.at(-1) as Sample;
      assert.ok(last.heap - warm.heap < MEGABYTE, JSON.stringify(report.samples));
      assert.ok(last.resident - warm.resident < 24 * MEGABYTE, JSON.stringify(report.samples));
    });
  });

if (process.argv[2] === 'child') await child();
else scenario();
