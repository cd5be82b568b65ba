/** What the check process says that the kernel counted: sums, addresses, absent and foreign ones, and numbers too large for JSON. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { reportStats, trafficOf } from '../../../../src/daemon/check/stats.js';
import type { ServiceIntent } from '../../../../src/intent/types.js';
import {
  type Counters,
  destinationKey,
  type KernelDestination,
  type KernelService,
  type ServiceId,
  serviceKey,
} from '../../../../src/ipvs/types.js';
import { makeServer, makeService } from '../../../fake/intent.js';
import { dest } from '../../../fake/table-world.js';

/** Ten different numbers that follow from one. */
const counters = (n: bigint): Counters => ({
  connections: n,
  inPackets: n * 2n,
  outPackets: n * 3n,
  inBytes: n * 4n,
  outBytes: n * 5n,
  cps: n * 6n,
  inPps: n * 7n,
  outPps: n * 8n,
  inBps: n * 9n,
  outBps: n * 10n,
});

/** The same as lbd tells it. */
const told = (n: number) => ({
  counters: { connections: n, in_packets: n * 2, out_packets: n * 3, in_bytes: n * 4, out_bytes: n * 5 },
  rates: { cps: n * 6, in_pps: n * 7, out_pps: n * 8, in_bps: n * 9, out_bps: n * 10 },
});

const nothing = { counters: null, rates: null, active: null, inactive: null, persistent: null };

const tcp = (host: number): ServiceId => ({ kind: 'address', family: 4, protocol: 'tcp', address: `192.0.2.${host}`, port: 80 });

const counted = (host: number, n: bigint, more: Partial<KernelDestination> = {}): KernelDestination => ({
  ...dest(host),
  active: host,
  inactive: host * 10,
  persistent: host * 100,
  stats: counters(n),
  ...more,
});

const kernelService = (id: ServiceId, n: bigint | undefined, destinations: readonly KernelDestination[]): KernelService => ({
  id,
  scheduler: 'rr',
  flags: 0,
  timeout: 0,
  prefix: 32,
  pe: '',
  destinations: new Map(destinations.map((one) => [destinationKey(one), one])),
  stats: n === undefined ? undefined : counters(n),
});

function report(services: readonly ServiceIntent[], kernel: readonly KernelService[], foreign: readonly ServiceId[] = []) {
  return reportStats({
    at: '2026-02-03T09:15:00.000Z',
    counting: true,
    services,
    kernel: new Map(kernel.map((one) => [serviceKey(one.id), one])),
    foreign: new Set(foreign.map(serviceKey)),
  });
}

describe('the statistics', () => {
  test('a virtual server of two addresses is their sum, each server the sum of its places, each address by itself', () => {
    const web = makeService([makeServer(1), makeServer(2)], { ids: [tcp(10), tcp(11)] });
    const kernel = [
      kernelService(tcp(10), 100n, [counted(1, 1n), counted(2, 2n)]),
      kernelService(tcp(11), 1000n, [counted(1, 10n)]),
    ];
    const { at, services, totals } = report([web], kernel);
    assert.equal(at, '2026-02-03T09:15:00.000Z');
    assert.deepEqual(services, [
      {
        name: 'web',
        key: 'tcp/192.0.2.10:80',
        source: 'file',
        // The service counts by itself: it has served more than its present real servers.
        ...told(1100),
        active: 4,
        inactive: 40,
        persistent: 400,
        by_address: [
          { key: 'tcp/192.0.2.10:80', ...told(100), active: 3, inactive: 30, persistent: 300 },
          { key: 'tcp/192.0.2.11:80', ...told(1000), active: 1, inactive: 10, persistent: 100 },
        ],
        real_servers: [
          { address: '10.0.0.1:80', ...told(11), active: 2, inactive: 20, persistent: 200 },
          { address: '10.0.0.2:80', ...told(2), active: 2, inactive: 20, persistent: 200 },
        ],
      },
    ]);
    assert.deepEqual(totals, { ...told(1100), active: 4, inactive: 40, persistent: 400 });
  });

  test('a real server of dr is found at the port of the service', () => {
    const web = makeService([makeServer(1, { key: '10.0.0.1:8080', port: 8080, forward: 'dr' })]);
    const { services } = report([web], [kernelService(tcp(10), 7n, [counted(1, 7n, { forward: 'dr' })])]);
    assert.deepEqual(services[0]?.real_servers, [
      { address: '10.0.0.1:8080', ...told(7), active: 1, inactive: 10, persistent: 100 },
    ]);
  });

  test('what is not in the kernel is null, not nothing', () => {
    const web = makeService([makeServer(1), makeServer(2)]);
    const mail = makeService([makeServer(3)], { name: 'mail', key: 'tcp/192.0.2.20:80', id: tcp(20), ids: [tcp(20)] });
    const { services, totals } = report([web, mail], [kernelService(tcp(10), 5n, [counted(2, 0n)])]);
    assert.deepEqual(
      services.map((one) => one.real_servers),
      [
        [
          { address: '10.0.0.1:80', ...nothing },
          { address: '10.0.0.2:80', ...told(0), active: 2, inactive: 20, persistent: 200 },
        ],
        [{ address: '10.0.0.3:80', ...nothing }],
      ],
    );
    const { by_address, real_servers, ...rest } = services[1] ?? assert.fail();
    assert.deepEqual([by_address, rest], [[], { name: 'mail', key: 'tcp/192.0.2.20:80', source: 'file', ...nothing }]);
    assert.deepEqual(totals, { ...told(5), active: 2, inactive: 20, persistent: 200 });
  });

  test('somebody else comes last, marked, in the totals; an address taken by them is theirs, and counted once', () => {
    const web = makeService([makeServer(1)], { ids: [tcp(10), tcp(11)] });
    const kernel = [
      kernelService(tcp(99), 3n, [counted(8, 3n)]),
      kernelService(tcp(11), 20n, [counted(1, 20n)]),
      kernelService(tcp(10), 100n, [counted(1, 100n)]),
    ];
    const { services, totals } = report([web], kernel, [tcp(99), tcp(11)]);
    assert.deepEqual(
      services.map((one) => [one.name, one.source, one.counters?.connections, one.real_servers[0]?.counters?.connections]),
      [
        ['web', 'file', 100, 100],
        ['tcp/192.0.2.99:80', 'foreign', 3, 3],
        ['tcp/192.0.2.11:80', 'foreign', 20, 20],
      ],
    );
    assert.deepEqual(services[1]?.real_servers[0], {
      address: '10.0.0.8:80',
      ...told(3),
      active: 8,
      inactive: 80,
      persistent: 800,
    });
    assert.equal(totals.counters.connections, 123);
  });

  test('sums are exact up to 2^53 - 1 and stay there above', () => {
    const half = 2n ** 52n;
    const sum = (...all: bigint[]) => trafficOf(all.map((n) => ({ stats: { ...counters(0n), inBytes: n } })))?.counters.in_bytes;
    assert.equal(sum(half, half - 1n), Number.MAX_SAFE_INTEGER);
    assert.equal(sum(half, half), Number.MAX_SAFE_INTEGER);
    assert.equal(sum(2n ** 64n - 1n, 2n ** 64n - 1n), Number.MAX_SAFE_INTEGER);
    assert.equal(sum(half + 1n, half - 3n), Number.MAX_SAFE_INTEGER - 1);
  });

  test('a reading without counters has no traffic, and nothing at all has totals of nothing', () => {
    assert.equal(trafficOf([{ stats: undefined }]), undefined);
    const web = makeService([makeServer(1)]);
    const [found] = report([web], [kernelService(tcp(10), undefined, [])]).services;
    assert.deepEqual([found?.counters, found?.active], [null, 0]);
    assert.deepEqual(report([], []), {
      at: '2026-02-03T09:15:00.000Z',
      counting: true,
      services: [],
      totals: { ...told(0), active: 0, inactive: 0, persistent: 0 },
    });
  });
});
