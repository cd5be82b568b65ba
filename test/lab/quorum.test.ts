/** Too few real servers: the sorry server takes new connections, what is served goes on, and nobody is refused on the way there and back. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createDirector, type Director } from './kit/director.js';
import { buildNetwork, giveVip, type Network, VIP } from './kit/net.js';
import { serveIn } from './kit/several.js';
import { type Program, start, until } from './kit/shell.js';
import { monotonic, shares, startTraffic, type Traffic } from './kit/traffic.js';

const script = (name: string) => fileURLToPath(new URL(`./kit/${name}.js`, import.meta.url));
const HELD = 20;
const CONFIG = `
defaults:
  scheduler: rr
  forward: dr
  on_failure: quiesce
  quorum: 2
  sorry_server: { address: 192.0.2.23 }
  check: { interval: 1s, timeout: 900ms }
  checks: [ { type: tcp, port: 8080 } ]
virtual_servers:
  - { name: web, address: "${VIP}:80", real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
  - { name: mh, address: "${VIP}:82", scheduler: mh, real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
  - { name: sh, address: "${VIP}:83", scheduler: sh, real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
  - { name: long, address: "${VIP}:81", real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
`;
const SORRY = 'rs3';
/** Connections that the sorry server has when its turn is over. */
const GUESTS = 5;
/** An echo that kit/long.ts has heard of lately is not older. */
const ECHO_MS = 2500;

/** What kit/long.ts said last. */
interface Holding {
  latest: { at: number; alive: readonly number[]; broken: readonly number[] } | undefined;
}

describe('the quorum', () => {
  let network: Network;
  let d1: Director;
  let traffic: Traffic;
  let began = 0;
  let held: Holding;
  /** What the checks ask: closed by SIGUSR1, opened by SIGUSR2, while the web server goes on. */
  const health = new Map<string, Program>();
  const programs: Program[] = [];

  const refused = () => traffic.between(began).filter((answer) => answer.error !== null);
  const state = (quorum: string) =>
    d1.when(
      `quorum ${quorum}`,
      ({ services }) => services.length === 4 && services.every((one) => one.quorum.state === quorum && one.in_sync),
    );
  /** Whoever answers what is asked from now on. */
  async function served(): Promise<string> {
    const since = monotonic();
    await traffic.next((answer) => answer.at > since);
    await traffic.more(20);
    return Object.keys(shares(traffic.between(since)))
      .sort()
      .join();
  }

  /** Long connections to one service. */
  async function hold(count: number): Promise<Holding> {
    const client = start(network.host('cli').netns, [
      process.execPath,
      script('long'),
      'hold',
      String(count),
      '500',
      `${VIP}:81`,
    ]);
    programs.push(client);
    const holding: Holding = { latest: undefined };
    client.onLine((line) => {
      if (line.startsWith('{')) holding.latest = JSON.parse(line) as Holding['latest'];
    });
    await client.line(/all are open/);
    return holding;
  }

  /** All have an echo of what was sent from now on, and none is broken. */
  async function echo(holding: Holding, count: number): Promise<void> {
    await until('a report', () => holding.latest);
    const from = (holding.latest?.at ?? 0) + ECHO_MS;
    await until(
      'every long connection echoes',
      () => holding.latest && holding.latest.at > from && holding.latest.alive[0] === count,
    );
    assert.deepEqual(holding.latest?.broken, [0]);
  }

  before(async () => {
    network = buildNetwork(['cli', 'd1', 'rs1', 'rs2', SORRY]);
    network.exec('d1', `ip addr add ${VIP}/32 dev eth0`);
    for (const name of ['rs1', 'rs2', SORRY]) {
      giveVip(network, name);
    }
    const hosts = ['rs1', 'rs2', SORRY];
    const serve = (name: string) =>
      serveIn(network.host(name).netns, ['host', name, '8079,8080'], ['web', name, '80', '82', '83'], ['long', 'serve', '81']);
    for (const [i, program] of (await Promise.all(hosts.map(serve))).entries()) health.set(hosts[i] as string, program);
    d1 = createDirector(network.host('d1').netns, 'd1');
    d1.configure(CONFIG);
    await d1.start();
    await state('met');
    traffic = startTraffic(network.host('cli').netns, VIP, 80, 20, 10_000);
    held = await hold(HELD);
    began = monotonic();
  });

  after(async () => {
    await traffic?.stop();
    await d1?.destroy();
    for (const program of [...health.values(), ...programs]) await program.kill();
    network?.destroy();
  });

  test('met: the sorry server gets nothing', async () => {
    assert.equal(await served(), 'rs1,rs2');
    assert.match(d1.ctl('list', 'web').stdout, /192\.0\.2\.23:80.*sorry server: waits for the quorum to be lost/);
  });

  test('lost: it gets every new connection, nobody is refused, and long connections go on', async () => {
    health.get('rs2')?.signal('SIGUSR1');
    await state('lost');
    assert.equal(await served(), SORRY);
    assert.deepEqual(refused(), []);
    for (const port of [82, 83])
      assert.match(network.exec('cli', `curl -s -m 5 http://${VIP}:${port}/`), /^rs3 ok/, `port ${port}`);
    await echo(held, HELD);
    assert.match(
      d1.ctl('status').stdout,
      /web: the quorum is lost: weight 1 of 2 needed; the sorry server 192\.0\.2\.23:80 serves/,
    );
    assert.match(d1.ctl('why', 'web', '192.0.2.21').stdout, /weight 0 while the sorry server serves/);
  });

  test('the daemon is killed and started again: it goes on as it was', async () => {
    d1.program().signal('SIGKILL');
    await d1.program().ended;
    await d1.start();
    await state('lost');
    assert.equal(await served(), SORRY);
    assert.deepEqual(refused(), []);
  });

  test('met again: the real servers serve, nobody is refused, and what all of them were serving goes on', async () => {
    const guests = await hold(GUESTS);
    health.get('rs2')?.signal('SIGUSR2');
    await state('met');
    assert.match(
      d1.ctl('list', 'long').stdout,
      /192\.0\.2\.23:81.*sorry server: its turn is over, and what it is serving goes on for/,
    );
    await echo(guests, GUESTS);
    assert.equal(await served(), 'rs1,rs2');
    await until('the sorry server has left', () => !/192\.0\.2\.23/.test(network.exec('d1', 'ipvsadm -Ln')));
    assert.deepEqual(refused(), []);
    await echo(held, HELD);
  });
});
