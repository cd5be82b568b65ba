import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import type { ProbeConfig } from '../../../../src/config/types.js';
import { native } from '../../../../src/os/native.js';
import { bindToLane, portsOfLane } from '../../../../src/os/probe/lane.js';
import { AF_INET, readInetAddress, SOCK_STREAM } from '../../../../src/os/sockaddr.js';
import { closedPort, leavesNothing, run, serve } from '../../../fake/probing.js';

const HOST_RANGE = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number) as [
  number,
  number,
];

const portsOf = (range: readonly [number, number], lane: number): number[] => {
  const { first, step, count } = portsOfLane(range, lane);
  return Array.from({ length: count }, (_, i) => first + i * step);
};

test('no port is of two lanes, none is outside the range, and each lane has one', () => {
  for (const range of [
    [32_768, 60_999],
    [1024, 65_535],
    [40_000, 40_000],
    [40_000, 40_099],
  ] as const) {
    const lanes = Math.min(1024, range[1] - range[0] + 1);
    const all = Array.from({ length: lanes }, (_, lane) => portsOf(range, lane));
    assert.ok(all.every((ports) => ports.length > 0));
    const flat = all.flat().sort((a, b) => a - b);
    assert.deepEqual(
      flat,
      Array.from({ length: range[1] - range[0] + 1 }, (_, i) => range[0] + i),
      'every port once',
    );
    assert.deepEqual(portsOf(range, lanes), all[0], 'round');
  }
});

test('sockets of a lane get its ports one after the other, and a busy one is passed over', () => {
  const own = new Set(portsOf(HOST_RANGE, 7));
  const given = new Set<number>();
  for (let i = 0; i < 10; i++) {
    const fd = native.socket(AF_INET, SOCK_STREAM, 0);
    try {
      bindToLane(fd, '127.0.0.1', 7);
      given.add(readInetAddress(native.getsockname(fd))?.port ?? 0);
    } finally {
      native.close(fd);
    }
  }
  assert.equal(given.size, 10);
  for (const port of given) assert.ok(own.has(port), `${port} is of the lane`);
});

test('a port on which somebody listens is passed over', async () => {
  const fd = native.socket(AF_INET, SOCK_STREAM, 0);
  bindToLane(fd, '127.0.0.1', 9);
  const first = readInetAddress(native.getsockname(fd))?.port ?? 0;
  native.close(fd);
  const ports = portsOf(HOST_RANGE, 9);
  const next = ports[(ports.indexOf(first) + 1) % ports.length] as number;
  const server = createServer().listen(next, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    const other = native.socket(AF_INET, SOCK_STREAM, 0);
    bindToLane(other, '127.0.0.1', 9);
    assert.equal(readInetAddress(native.getsockname(other))?.port, ports[(ports.indexOf(next) + 1) % ports.length]);
    native.close(other);
  } finally {
    server.close();
  }
});

test('a probe with a lane works over and over: its end leaves the port free', async () => {
  // The poller's own descriptor is made with the first probe of the process.
  await run({ type: 'tcp' }, await closedPort());
  await leavesNothing(async () => {
    let seen = 0;
    const target = await serve((socket) => {
      seen++;
      socket.end('hello');
    });
    for (let i = 0; i < 40; i++) {
      const result = await run({ type: 'tcp', expect: 'hello', source: '127.0.0.1', lane: 3 }, target);
      assert.deepEqual([result.ok, result.reason], [true, 'answered "hello"']);
    }
    assert.equal(seen, 40);
  });
});

test('a connection that met itself is none: nobody listens there', () =>
  leavesNothing(async () => {
    // The first port that its lane has is the one that is asked.
    const { first, count } = portsOfLane(HOST_RANGE, 5);
    for (const [source, type] of [
      ['127.0.0.1', 'tcp'],
      ['::1', 'smtp'],
    ] as const) {
      const results = [];
      for (let i = 0; i < count; i++)
        results.push(await run({ type, helo: 'x', source, lane: 5 } as ProbeConfig, { address: source, port: first }));
      assert.deepEqual(
        results.filter(({ ok, reason }) => ok || reason !== 'connection refused'),
        [],
      );
    }
  }));
