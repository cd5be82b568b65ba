/** What is not meant by a change is not touched by it: connections through reloads, through kills in the middle of a large change, and one-way flows. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createDirector, type Director } from './kit/director.js';
import { buildNetwork, giveVip, type Network, VIP } from './kit/net.js';
import { type Program, start, until } from './kit/shell.js';
import { monotonic, startTraffic, type Traffic } from './kit/traffic.js';

const script = (name: string) => fileURLToPath(new URL(`./kit/${name}.js`, import.meta.url));
const HELD = 200;
const MANY = 1000;

const BASE = `
defaults: { scheduler: rr, forward: dr, check: { interval: 1s, timeout: 900ms, fall: 2 }, checks: [ { type: icmp, fall: 20 } ] }
virtual_servers:
  - { name: web, address: "${VIP}:80", real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
  - { name: long, address: "${VIP}:81", real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
  - { name: dns, address: "${VIP}:53", protocol: udp, checks: [ { type: tcp, port: 81 } ], real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
`;
/** Services that have nothing to do with those above. */
const others = (count: number, weight: number): string =>
  Array.from({ length: count }, (_, i) => {
    const address = `10.5.${Math.floor(i / 250)}.${(i % 250) + 1}`;
    const servers = [1, 2, 3, 4, 5].map((host) => `{ address: 10.6.0.${host}, weight: ${weight} }`).join(', ');
    return `  - { name: o${i}, address: "${address}:80", checks: [], real_servers: [ ${servers} ] }\n`;
  }).join('');

let network: Network;
let d1: Director;
let traffic: Traffic;
let client: Program;
const echo = new Map<string, Program>();
const programs: Program[] = [];
let held: { alive: readonly number[]; broken: readonly number[] } | undefined;

async function serve(name: string): Promise<void> {
  const program = start(network.host(name).netns, [process.execPath, script('long'), 'serve', '81']);
  echo.set(name, program);
  await program.line(/echo listens/);
}

const lines = () => network.exec('d1', 'cat /proc/net/ip_vs').split('\n').length;
const saved = () => network.exec('d1', 'ipvsadm -Sn').trim().split('\n');
const foreign = () => saved().filter((line) => line.includes('203.0.113.1'));
const inSync = () =>
  d1.when('all as wanted', ({ services, ipvs }) => ipvs.usable && services.every((one) => one.in_sync), 120_000);

async function undisturbed(since: number): Promise<void> {
  await traffic.more(40);
  assert.deepEqual(
    traffic.between(since).filter((answer) => answer.error !== null),
    [],
  );
  await until('every connection echoes', () => held?.alive[0] === HELD);
  assert.deepEqual(held?.broken, [0]);
}

async function reload(text: string): Promise<void> {
  d1.configure(text);
  const done = d1.ctl('reload');
  assert.equal(done.status, 0, done.stderr);
}

describe('a steady director', () => {
  before(async () => {
    network = buildNetwork(['cli', 'd1', 'rs1', 'rs2']);
    network.exec('d1', `ip addr add ${VIP}/32 dev eth0`);
    network.exec('d1', 'ipvsadm -A -t 203.0.113.1:80 -s wrr');
    network.exec('d1', 'ipvsadm -a -t 203.0.113.1:80 -r 10.9.9.9:80 -m -w 3');
    for (const name of ['rs1', 'rs2']) {
      giveVip(network, name);
      programs.push(start(network.host(name).netns, [process.execPath, script('web'), name, '80']));
      programs.push(start(network.host(name).netns, [process.execPath, script('udp'), 'serve', name, '53', VIP]));
      await serve(name);
    }
    for (const program of programs) await program.line(/listens/);
    d1 = createDirector(network.host('d1').netns, 'd1');
    d1.configure(BASE);
    await d1.start();
    await d1.when('two servers each', (status) => status.services.every((one) => one.up === 2));
    traffic = startTraffic(network.host('cli').netns, VIP, 80, 10, 10_000);
    client = start(network.host('cli').netns, [process.execPath, script('long'), 'hold', String(HELD), `${VIP}:81`]);
    client.onLine((line) => {
      if (line.startsWith('{')) held = JSON.parse(line) as typeof held;
    });
    await client.line(/all are open/);
    await until('every connection echoes', () => held?.alive[0] === HELD);
  });

  after(async () => {
    await traffic?.stop();
    await client?.kill();
    await d1?.destroy();
    for (const program of [...programs, ...echo.values()]) await program.kill();
    network?.destroy();
  });

  test('reloads of unrelated services break no connection, of 200 long ones and of those that come all the time', async () => {
    const since = monotonic();
    for (let i = 1; i <= 8; i++) await reload(BASE + others(i * 3, i));
    await reload(BASE);
    await inSync();
    await undisturbed(since);
  });

  test('killed in the middle of a change of thousands: it is finished, and nothing else is touched', async (t) => {
    const since = monotonic();
    const before = foreign();
    const small = lines();
    await reload(BASE + others(MANY, 1));
    await until('it is on its way', () => lines() > small + 300);
    const { processes } = await d1.status();
    const check = processes.find((one) => one.name === 'check')?.pid as number;
    process.kill(check, 'SIGKILL');
    t.diagnostic(`check killed with about ${lines() - small} of ${MANY * 6} lines in the table`);
    await until('the table is whole', () => lines() >= small + MANY * 6, 120_000);
    await inSync();
    assert.deepEqual(foreign(), before);
    await undisturbed(since);
  });

  test('all of lbd killed while it takes them away again: the next one does it', async () => {
    const since = monotonic();
    const full = lines();
    await reload(BASE);
    await until('it is on its way, or done', () => lines() < full - 100);
    const { processes } = await d1.status();
    for (const { pid } of processes) if (pid) process.kill(pid, 'SIGKILL');
    await d1.program().ended;
    await d1.start();
    await until(
      "only what is wanted, and what is somebody else's",
      () => saved().filter((line) => line.startsWith('-A')).length === 4,
      60_000,
    );
    await inSync();
    assert.equal(foreign().length, 2);
    await undisturbed(since);
  });

  test('a flow of datagrams moves within a second of the verdict on its real server', async (t) => {
    const flow = start(network.host('cli').netns, [process.execPath, script('stream'), VIP, '53', '20']);
    programs.push(flow);
    const first = JSON.parse(await flow.line(/^\{/)) as { who: string };
    const events = d1.follow();
    let movedAt = 0;
    flow.onLine((line) => {
      const answer = JSON.parse(line) as { at: number; who: string };
      if (answer.who !== first.who && movedAt === 0) movedAt = answer.at;
    });
    await echo.get(first.who)?.kill();
    await events.event(
      (event) => event.kind === 'verdict' && event.subject.startsWith('dns/') && event.text.startsWith('up -> down'),
    );
    const verdictAt = monotonic();
    await until('another one answers', () => movedAt !== 0, 20_000);
    t.diagnostic(`${Math.round(movedAt - verdictAt)} ms after the verdict was heard of`);
    assert.ok(movedAt - verdictAt < 1000, `${movedAt - verdictAt} ms`);
    await serve(first.who);
    await events.kill();
    await d1.when('both are back', (status) => status.services.find((one) => one.name === 'dns')?.up === 2);
  });
});
