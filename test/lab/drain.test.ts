/** Drains under 50 long connections and 200 new ones a second: nobody new, nobody cut before the deadline, everybody cut at it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createDirector, type Director } from './kit/director.js';
import { buildNetwork, giveVip, type Network, VIP } from './kit/net.js';
import { serveIn } from './kit/several.js';
import { type Program, start, until } from './kit/shell.js';
import { monotonic, shares, startTraffic, type Traffic } from './kit/traffic.js';

const script = (name: string) => fileURLToPath(new URL(`./kit/${name}.js`, import.meta.url));
const HELD = 50;
/** Seconds; and so many times a start of the daemon here: it is killed and started again within it, however slow the machine is. */
const DEADLINE = { least: 20, starts: 4 };
/** New connections a second: while a host is drained, and while they are only looked at: the lab's machine cannot make 200 for long. */
const RATE = { drained: 200, looked: 25 };
const SHOP = '192.0.2.11';
const BOTH = 'real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ]';
const CONFIG = `
defaults: { scheduler: rr, forward: dr, check: { interval: 3s, timeout: 2s }, checks: [ { type: tcp } ] }
virtual_servers:
  - { name: web, address: "${VIP}:80", ${BOTH} }
  - { name: long, address: "${VIP}:81", ${BOTH} }
  - { name: shop, address: "${SHOP}:80", persistence: { timeout: 300s }, ${BOTH} }
  - { name: idle, address: "${SHOP}:81", ${BOTH} }
`;
const RS1 = '192.0.2.21';
const RS2 = '192.0.2.22';
const ADDRESS: Readonly<Record<string, string>> = { rs1: RS1, rs2: RS2 };

describe('a drain', () => {
  let network: Network;
  let d1: Director;
  let traffic: Traffic | undefined;
  let held: { alive: readonly number[]; broken: readonly number[] } | undefined;
  let began = 0;
  /** Seconds. */
  let deadline = DEADLINE.least;
  const programs: Program[] = [];

  async function ask(rate: number): Promise<Traffic> {
    await traffic?.stop();
    traffic = startTraffic(network.host('cli').netns, VIP, 80, rate, 10_000);
    return traffic;
  }
  /** Whoever answers what is asked from now on. */
  async function served(traffic: Traffic, since = monotonic()): Promise<string> {
    await traffic.next((answer) => answer.at > since);
    await traffic.more(50);
    const answers = traffic.between(since);
    assert.deepEqual(
      answers.filter((answer) => answer.error !== null),
      [],
    );
    return Object.keys(shares(answers)).sort().join();
  }
  const isOver = () => monotonic() - began > deadline * 1000 - 1500;
  const kernel = () => network.exec('d1', 'ipvsadm -Ln');
  const ctl = (...words: string[]) => {
    const result = d1.ctl(...words);
    assert.equal(result.status, 0, `lbctl ${words.join(' ')}: ${result.stderr}`);
    return result;
  };
  /** Who answers this client of the shop. */
  const shop = (client: string) =>
    network.exec('cli', `curl -s -m 10 --interface ${client} http://${SHOP}/`).split(' ')[0] as string;

  before(async () => {
    network = buildNetwork(['cli', 'd1', 'rs1', 'rs2']);
    network.execAll('d1', [`ip addr add ${VIP}/32 dev eth0`, `ip addr add ${SHOP}/32 dev eth0`]);
    network.exec('cli', 'ip addr add 192.0.2.101/24 dev eth0');
    for (const name of ['rs1', 'rs2']) {
      giveVip(network, name, [`ip addr add ${SHOP}/32 dev lo`]);
    }
    const serve = (name: string) => serveIn(network.host(name).netns, ['web', name, '80'], ['long', 'serve', '81']);
    programs.push(...(await Promise.all(['rs1', 'rs2'].map(serve))));
    d1 = createDirector(network.host('d1').netns, 'd1');
    d1.configure(CONFIG);
    const starts = monotonic();
    await d1.start();
    await d1.when('all are up', ({ services }) => services.length === 4 && services.every((one) => one.up === 2 && one.in_sync));
    deadline = Math.max(DEADLINE.least, Math.ceil((DEADLINE.starts * (monotonic() - starts)) / 1000));
    const client = start(network.host('cli').netns, [process.execPath, script('long'), 'hold', String(HELD), '500', `${VIP}:81`]);
    programs.push(client);
    client.onLine((line) => {
      if (line.startsWith('{')) held = JSON.parse(line) as typeof held;
    });
    await client.line(/all are open/);
  });

  after(async () => {
    await traffic?.stop();
    await d1?.destroy();
    for (const program of programs) await program.kill();
    network?.destroy();
  });

  test('del-rs --drain says who is left, and goes on through a SIGKILL', async () => {
    began = monotonic();
    const { stdout, stderr } = ctl('del-rs', 'long', RS1, '--drain', `${deadline}s`);
    assert.match(stdout, /it is removed when it is empty; what is left after \S+ is cut/);
    assert.match(
      stderr,
      /draining: in the table with weight 0, 25 active and 0 inactive connections left, cut in \S+, then removed/,
    );
    d1.program().signal('SIGKILL');
    await d1.program().ended;
    await d1.start();
    await d1.when('it goes on', ({ services }) => services.length === 4 && services.every((one) => one.in_sync));
    assert.match(kernel(), /192\.0\.2\.21:81 +Route +0 +25 /);
    await until('every long connection echoes', () => held?.alive[0] === HELD);
    assert.ok(!isOver(), `the machine is too slow for a deadline of ${deadline} s`);
    assert.deepEqual(held?.broken, [0]);
  });

  test('a host drains in all services at once: nobody new after the command has returned, and nobody is refused', async () => {
    const many = await ask(RATE.drained);
    await many.more(50);
    const { stderr } = ctl('drain', '--host', RS2, '--reason', 'new disks', '--for', '1h');
    const since = monotonic();
    assert.match(
      stderr,
      /host 192\.0\.2\.22: draining: \d of 4 real servers with \d+ active and \d+ inactive connections left: /,
    );
    assert.equal(kernel().match(/192\.0\.2\.22:8[01] +Route +0 /g)?.length, 4);
    assert.equal(await served(many, since), 'rs1');
    const few = await ask(RATE.looked);
    assert.deepEqual(Object.keys(shares(many.between(since))), ['rs1']);
    const { admin_states: states } = await d1.status();
    assert.match(states[0]?.text ?? '', /^draining, ready again in .* \(4 real servers\)$/);
    ctl('undrain', '--host', RS2);
    await until('it serves again', async () => (await served(few)) === 'rs1,rs2');
    await few.stop();
  });

  test('persistent clients keep coming, or go to others, as was said', async () => {
    const own = shop('192.0.2.100');
    const other = own === 'rs1' ? 'rs2' : 'rs1';
    ctl('drain', 'shop', ADDRESS[own] as string, '--sticky', 'honour');
    assert.deepEqual([shop('192.0.2.100'), shop('192.0.2.101')], [own, other]);
    assert.match(d1.ctl('drain', 'shop', ADDRESS[other] as string, '--sticky', 'break').stderr, /drains with --sticky honour/);
    ctl('drain', 'shop', ADDRESS[own] as string, '--sticky', 'break');
    assert.deepEqual([shop('192.0.2.100'), shop('192.0.2.101')], [other, other]);
  });

  test('one that is to be removed is gone as soon as it is empty', () => {
    assert.match(ctl('del-rs', 'idle', RS1, '--drain', 'never', '--wait').stderr, /idle\/192\.0\.2\.21: removed/);
    assert.doesNotMatch(kernel(), /192\.0\.2\.21:81 +Route +\d+ +0 +0/);
  });

  test('disable cuts at once, and ends by itself', async () => {
    ctl('disable', 'web', RS1, '--for', '2s');
    const told = d1.follow();
    await told.event(({ kind, text }) => kind === 'override' && text.startsWith('ready again: being disabled has ended'));
    await told.event(({ kind, subject, text }) => kind === 'table' && subject === 'web' && text === 'delete 192.0.2.21:80');
    const few = await ask(RATE.looked);
    await until('it serves again', async () => (await served(few)) === 'rs1,rs2');
    await few.stop();
  });

  test('at the deadline those who are left are cut, and the server is gone', async () => {
    assert.ok(isOver() || held?.broken[0] === 0, JSON.stringify(held));
    await until('those of the drained one are cut', () => held?.broken[0] === HELD / 2, deadline * 1000 + 60_000);
    assert.ok(isOver(), 'not before the deadline');
    assert.doesNotMatch(kernel(), /192\.0\.2\.21:81/);
    await until('the others go on', () => held?.alive[0] === HELD / 2);
    assert.match(d1.ctl('undrain', 'long', RS1).stderr, /long has no real server 192\.0\.2\.21/);
  });
});
