/** sh and mh on two directors: a client's server stays while others fail and come back, and is the same on both, whatever happened before. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Program as Called, startIn } from '../netns/netns.js';
import { createDirector, type Director } from './kit/director.js';
import { buildNetwork, type Network } from './kit/net.js';
import { type Program, start } from './kit/shell.js';

const HOST = fileURLToPath(new URL('./kit/host.js', import.meta.url));
const ASKER = new URL('./kit/asker.js', import.meta.url);
/** Local on the directors and on the real servers. */
const VIPS = '198.51.100.0/24';
const CLIENTS = '10.7.0.0/16';
const SERVERS = ['rs1', 'rs2', 'rs3'];

/** Address, scheduler and flags of each service; `weighted`: the pool's weights count. */
const SERVICES = {
  mh: { address: '198.51.100.50', more: 'scheduler: mh', weighted: true },
  sh: { address: '198.51.100.51', more: 'scheduler: sh', weighted: false },
  'mh-port': {
    address: '198.51.100.52',
    more: 'scheduler: mh, scheduler_flags: [ mh-port, mh-fallback ], one_packet: true',
    weighted: true,
  },
  'mh-strict': { address: '198.51.100.53', more: 'scheduler: mh, scheduler_flags: []', weighted: true },
  'sh-strict': { address: '198.51.100.54', more: 'scheduler: sh, scheduler_flags: []', weighted: false },
  'sh-weights': { address: '198.51.100.55', more: 'scheduler: sh', weighted: true },
} as const;
type Name = keyof typeof SERVICES;
const NAMES = Object.keys(SERVICES) as Name[];
const STRICT: readonly Name[] = ['mh-strict', 'sh-strict'];

/** Number and weight of each server, in their order. */
type Pool = readonly (readonly [server: 1 | 2 | 3, weight: number])[];
const POOL: Pool = [
  [1, 10],
  [2, 20],
  [3, 10],
];

function service(name: Name, pool: Pool): string {
  const { address, more, weighted } = SERVICES[name];
  const servers = pool.map(([number, weight]) => `{ address: 192.0.2.${20 + number}, weight: ${weighted ? weight : 1} }`);
  return `  - { name: ${name}, address: "${address}:53", protocol: udp, ${more}, real_servers: [ ${servers.join(', ')} ] }\n`;
}

/** A real server is up while it listens on port 81; datagrams it answers always. */
const config = (pool: Pool): string => `
defaults: { forward: dr, check: { interval: 1500ms, timeout: 1400ms, fall: 2 }, checks: [ { type: tcp, port: 81 } ] }
virtual_servers:
${NAMES.map((name) => service(name, pool)).join('')}`;

let network: Network;
let d1: Director;
let d2: Director;
let client: Called<never>;
const hosts = new Map<string, Program>();

const CLIENT_ADDRESSES = Array.from({ length: 100 }, (_, i) => ({ address: `10.7.${i % 5}.${i + 1}` }));
const CLIENT_PORTS = Array.from({ length: 100 }, (_, i) => ({ address: '10.7.9.9', port: 20_000 + 7 * i }));

/** Whom each of 100 clients reaches through the director that their route names. */
const chosen = (name: Name): Promise<string[]> =>
  client.call('all', 'udp', SERVICES[name].address, 53, name === 'mh-port' ? CLIENT_PORTS : CLIENT_ADDRESSES);
const through = (director: 'd1' | 'd2') => network.exec('cli', `ip route replace ${VIPS} via ${network.host(director).address}`);
const allUp = (director: Director, up: number) =>
  director.when(
    `${up} servers up`,
    ({ services }) => services.length === NAMES.length && services.every((one) => one.up === up && one.in_sync),
  );
const isRefused = (answer: string | undefined) => answer === 'ECONNREFUSED' || answer === 'silence';

/** With all servers up, and with rs2 down, as d1 chooses. */
const first = new Map<Name, string[]>();
const failed = new Map<Name, string[]>();
/** Clients of servers other than rs2 that have another one while it is down. */
const moved = (name: Name): number =>
  (first.get(name) ?? []).filter((who, i) => who !== 'rs2' && who !== failed.get(name)?.[i]).length;

describe('tables of hashes', () => {
  before(async () => {
    network = buildNetwork(['cli', 'd1', 'd2', ...SERVERS]);
    for (const name of ['d1', 'd2', ...SERVERS])
      network.execAll(name, [`ip route add local ${VIPS} dev lo`, `ip route add ${CLIENTS} via 192.0.2.100`]);
    network.exec('cli', `ip route add local ${CLIENTS} dev lo`);
    const addresses = NAMES.map((name) => SERVICES[name].address);
    for (const name of SERVERS)
      hosts.set(name, start(network.host(name).netns, [process.execPath, HOST, name, '81', '53', ...addresses]));
    for (const host of hosts.values()) await host.line(/listens/);
    client = startIn(network.host('cli').netns, ASKER);
    d1 = createDirector(network.host('d1').netns, 'd1');
    d2 = createDirector(network.host('d2').netns, 'd2');
    d1.configure(config(POOL));
    d2.configure(config(POOL));
    await d1.start();
    await allUp(d1, 3);
    through('d1');
  });

  after(async () => {
    client?.signal('SIGKILL');
    await d1?.destroy();
    await d2?.destroy();
    for (const host of hosts.values()) await host.kill();
    network?.destroy();
  });

  test('a client always reaches the same server', async () => {
    for (const name of NAMES) first.set(name, await chosen(name));
    for (const [name, answers] of first) assert.deepEqual([...new Set(answers)].sort(), SERVERS, name);
    for (const name of ['mh', 'sh', 'mh-port'] as const) assert.deepEqual(await chosen(name), first.get(name), name);
  });

  test('a server fails: its clients are served by others and nobody else moves; without fallback they are refused', async (t) => {
    hosts.get('rs2')?.signal('SIGUSR1');
    await allUp(d1, 2);
    for (const name of NAMES) failed.set(name, await chosen(name));
    for (const name of NAMES) {
      const was = first.get(name) as string[];
      for (const [i, who] of (failed.get(name) as string[]).entries()) {
        if (was[i] !== 'rs2') continue;
        if (STRICT.includes(name)) assert.ok(isRefused(who), `${name}: client ${i} got ${who}`);
        else assert.ok(who === 'rs1' || who === 'rs3', `${name}: client ${i} got ${who}`);
      }
      t.diagnostic(`${name}: ${was.filter((who) => who === 'rs2').length} clients of rs2, ${moved(name)} others moved`);
      if (name !== 'sh-weights') assert.equal(moved(name), 0, name);
    }
    // What check-config warns of.
    assert.ok(moved('sh-weights') > 0);
  });

  test('a director that comes now, and never saw that server up, chooses as the other one does', async () => {
    await d2.start();
    await allUp(d2, 2);
    through('d2');
    for (const name of ['mh', 'sh', 'mh-port', 'sh-weights'] as const)
      assert.deepEqual(await chosen(name), failed.get(name), name);
  });

  test('the server comes back, and its clients with it, on both', async () => {
    hosts.get('rs2')?.signal('SIGUSR2');
    await Promise.all([allUp(d1, 3), allUp(d2, 3)]);
    for (const director of ['d1', 'd2'] as const) {
      through(director);
      for (const name of ['mh', 'sh', 'mh-port'] as const)
        assert.deepEqual(await chosen(name), first.get(name), `${name} through ${director}`);
    }
  });

  test('reloads that reorder, re-weight and empty the pool leave no trace', async () => {
    for (const pool of [[[3, 1] as const, [1, 5] as const], [[2, 3] as const], POOL]) {
      d2.configure(config(pool));
      const reload = d2.ctl('reload');
      assert.equal(reload.status, 0, reload.stderr);
      await allUp(d2, pool.length);
    }
    for (const name of ['mh', 'sh', 'mh-port'] as const) assert.deepEqual(await chosen(name), first.get(name), name);
  });
});
