/** Probes against servers of the test on loopback, and that nothing of them stays. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { ProbeConfig } from '../../src/config/types.js';
import type { ProbeResult } from '../../src/health/types.js';
import { startProbe } from '../../src/os/probe/index.js';
import type { Target } from '../../src/os/probe/types.js';

export const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** One probe to its end; refuses a second result and one told too early. */
export function run(probe: ProbeConfig, target: Target): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    let started = false;
    let results = 0;
    startProbe(probe, target, (result) => {
      results++;
      if (!started) reject(new Error('told before startProbe returned'));
      setImmediate(() => (results === 1 ? resolve(result) : reject(new Error(`${results} results`))));
    });
    started = true;
  });
}

export type Behaviour = (socket: Socket) => void;

/** Servers of one test. Each is closed with its connections. */
const open = new Set<Server>();
const sockets = new Set<Socket>();

export async function serve(behaviour: Behaviour, host = '127.0.0.1'): Promise<Target> {
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    behaviour(socket);
  });
  open.add(server);
  server.listen(0, host);
  await once(server, 'listening');
  return { address: host, port: (server.address() as AddressInfo).port };
}

export async function closeAll(): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await Promise.all([...open].map((server) => new Promise((done) => server.close(done))));
  open.clear();
}

/** A port of loopback where nobody listens. */
export async function closedPort(): Promise<Target> {
  const target = await serve(() => {});
  await closeAll();
  return target;
}

/** Runs the body and asserts that it left no descriptor behind. */
export async function leavesNothing(body: () => Promise<void>): Promise<void> {
  const had = descriptors();
  await body();
  await closeAll();
  // What Node.js closes for us is closed on one of the loop's next turns.
  for (let i = 0; i < 200 && descriptors() !== had; i++) await setTimeout(10);
  assert.equal(descriptors(), had, 'descriptors before and after');
}

export const expectFailure = (result: ProbeResult, reason: string) =>
  assert.deepEqual({ ok: result.ok, local: result.local, reason: result.reason }, { ok: false, local: false, reason });
export const expectSuccess = (result: ProbeResult, reason: string) =>
  assert.deepEqual({ ok: result.ok, local: result.local, reason: result.reason }, { ok: true, local: false, reason });
