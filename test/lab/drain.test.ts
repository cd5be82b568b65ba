/** A drain under 50 long connections and 100 new ones a second: nobody new, nobody cut before the deadline, everybody cut at it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createDirector, type Director } from './kit/director.js';
import { buildNetwork, giveVip, type Network, VIP } from './kit/net.js';
import { type Program, start, until } from './kit/shell.js';
import { monotonic, shares, startTraffic, type Traffic } from './kit/traffic.js';

const script = (name: string) => fileURLToPath(new URL(`./kit/${name}.js`, import.meta.url));
const HELD = 50;
/** Long enough that the daemon is killed and started again within it, on a slow machine too. */
const DEADLINE_S = 30;
const CONFIG = `
defaults: { scheduler: rr, forward: dr, check: { interval: 1s, timeout: 900ms }, checks: [ { type: tcp } ] }
virtual_servers:
  - { name: web, address: "${VIP}:80", real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
  - { name: long, address: "${VIP}:81", real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
`;
const RS1 = '192.0.2.21';

describe('a drain', () => {
  let network: Network;
  let d1: Director;
  let traffic: Traffic;
  let held: { alive: readonly number[]; broken: readonly number[] } | undefined;
  const programs: Program[] = [];

  const refused = (since: number) => traffic.between(since).filter((answer) => answer.error !== null);
  /** Whoever answers what is asked from now on. */
  async function served(): Promise<string> {
    const since = monotonic();
    await traffic.next((answer) => answer.at > since);
    await traffic.more(100);
    assert.deepEqual(refused(since), []);
    return Object.keys(shares(traffic.between(since)))
      .sort()
      .join();
  }
  const kernel = () => network.exec('d1', 'ipvsadm -Ln');

  before(async () => {
    network = buildNetwork(['cli', 'd1', 'rs1', 'rs2']);
    network.exec('d1', `ip addr add ${VIP}/32 dev eth0`);
    for (const name of ['rs1', 'rs2']) {
      giveVip(network, name);
      const { netns } = network.host(name);
      programs.push(start(netns, [process.execPath, script('web'), name, '80']));
      programs.push(start(netns, [process.execPath, script('long'), 'serve', '81']));
    }
    for (const program of programs) await program.line(/listens/);
    d1 = createDirector(network.host('d1').netns, 'd1');
    d1.configure(CONFIG);
    await d1.start();
    await d1.when('all are up', ({ services }) => services.length === 2 && services.every((one) => one.up === 2 && one.in_sync));
    traffic = startTraffic(network.host('cli').netns, VIP, 80, 100, 10_000);
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

  test('nobody new comes after the command has returned, and nobody is refused', async () => {
    const result = d1.ctl('drain', 'web', RS1, '--reason', 'new disks');
    assert.equal(result.status, 0, result.stderr);
    assert.match(kernel(), /192\.0\.2\.21:80 +Route +0 /);
    assert.equal(await served(), 'rs2');
    assert.match(d1.ctl('why', 'web', RS1).stdout, /drain(?:ing|ed): in the table with weight 0/);
    assert.match(d1.ctl('show', 'web', RS1).stdout, /drain\*.*new disks/s);
  });

  test('--wait ends when it is empty; undrain alone brings it back', async () => {
    const result = d1.ctl('drain', 'web', RS1, '--deadline', '2s', '--wait');
    assert.equal(result.status, 0, result.stderr);
    assert.match(result.stderr, /drained: (?:its deadline has passed|in the table with weight 0, no connections left)/);
    assert.equal(await served(), 'rs2');
    assert.equal(d1.ctl('reload').status, 0);
    assert.equal(await served(), 'rs2');
    assert.equal(d1.ctl('undrain', 'web', RS1).status, 0);
    await until('it serves again', async () => (await served()) === 'rs1,rs2');
    assert.match(d1.ctl('undrain', 'web', RS1).stderr, /is not draining/);
  });

  test('long connections go on through a SIGKILL until the deadline, and end with it', async () => {
    const began = monotonic();
    assert.equal(d1.ctl('drain', 'long', RS1, '--deadline', `${DEADLINE_S}s`).status, 0);
    d1.program().signal('SIGKILL');
    await d1.program().ended;
    await d1.start();
    await d1.when('it goes on', ({ services }) => services.length === 2 && services.every((one) => one.in_sync));
    assert.match(kernel(), /192\.0\.2\.21:81 +Route +0 +25 /);
    await until('every long connection echoes', () => held?.alive[0] === HELD);
    assert.ok(monotonic() - began < DEADLINE_S * 1000, 'the deadline has not come yet');
    assert.deepEqual(held?.broken, [0]);
    await until('those of the drained one are cut', () => held?.broken[0] === HELD / 2, 120_000);
    assert.ok(monotonic() - began >= DEADLINE_S * 1000 - 1500, 'not before the deadline');
    assert.doesNotMatch(kernel(), /192\.0\.2\.21:81/);
    await until('the others go on', () => held?.alive[0] === HELD / 2);
    assert.match(d1.ctl('why', 'long', RS1).stdout, /drained: its deadline has passed/);
  });

  test('disable cuts at once, enable brings back', async () => {
    assert.equal(d1.ctl('disable', 'web', RS1).status, 0);
    await until('it is out', () => !/192\.0\.2\.21:80/.test(kernel()));
    assert.equal(await served(), 'rs2');
    assert.equal(d1.ctl('enable', 'web', RS1).status, 0);
    await until('it serves again', async () => (await served()) === 'rs1,rs2');
  });
});
