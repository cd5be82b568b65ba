/** The rules of the pool, as the kernel and its clients see them: slow start, backups, the floor, flap damping. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createDirector, type Director } from './kit/director.js';
import { buildNetwork, giveVip, type Network, VIP } from './kit/net.js';
import { serveIn } from './kit/several.js';
import { type Program, start, until } from './kit/shell.js';
import { monotonic, shares, startTraffic, type Traffic } from './kit/traffic.js';

const script = (name: string) => fileURLToPath(new URL(`./kit/${name}.js`, import.meta.url));
const HELD = 10;

/** Of every real server and service a file says whether it is up. */
const config = (folder: string, [slow, heldOut] = ['slow', 'held-out']) => {
  const rs = (service: string, host: number, more = '') =>
    `{ address: 192.0.2.${20 + host}, weight: 100, checks: [ { type: file, path: ${folder}/${service}-${host} } ]${more} }`;
  return `
defaults: { scheduler: wrr, forward: dr, check: { interval: 500ms, timeout: 490ms, fall: 2 } }
virtual_servers:
  - { name: ramp, address: "${VIP}:80", slow_start: 8s, real_servers: [ ${rs('ramp', 1)}, ${rs('ramp', 2)} ] }
  - { name: ${slow}, address: "${VIP}:85", slow_start: 10m, real_servers: [ ${rs('ramp', 1)}, ${rs('ramp', 2)} ] }
  - { name: tiers, address: "${VIP}:81", on_failure: quiesce, real_servers: [ ${rs('tiers', 1)}, ${rs('tiers', 3, ', backup: true')} ] }
  - { name: held, address: "${VIP}:82", real_servers: [ ${rs('tiers', 1)}, ${rs('tiers', 3, ', backup: true')} ] }
  - { name: floor, address: "${VIP}:83", min_healthy: 50%, real_servers: [ ${rs('floor', 1)}, ${rs('floor', 2)} ] }
  - { name: flap, address: "${VIP}:84", damping: { half_life: 10s, suppress: 1.5, reuse: 1 }, real_servers: [ ${rs('flap', 1)}, ${rs('flap', 2)} ] }
  - { name: ${heldOut}, address: "${VIP}:86", damping: { half_life: 1h, suppress: 1.5 }, real_servers: [ ${rs('flap', 1)}, ${rs('flap', 2)} ] }
`;
};

describe('the rules of the pool', () => {
  let network: Network;
  let d1: Director;
  let traffic: Traffic;
  let folder = '';
  const programs: Program[] = [];

  const say = (server: string, word: 'up' | 'down') => writeFileSync(join(folder, server), `${word}\n`);
  const is = (name: string, up: number) =>
    d1.when(`${name} has ${up} up`, ({ services }) => services.some((one) => one.name === name && one.up === up && one.in_sync));
  /** The weight of rsN in the kernel's service of this port; undefined: it is not there. */
  const weight = (port: number, host: number): number | undefined => {
    const found = new RegExp(`192\\.0\\.2\\.${20 + host}:${port} +Route +(\\d+) `).exec(network.exec('d1', 'ipvsadm -Ln'))?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const why = (name: string, host: number) => d1.ctl('why', name, `192.0.2.${20 + host}`).stdout;
  /** Whoever answers what is asked from now on. */
  async function served(): Promise<string> {
    const since = monotonic();
    await traffic.next((answer) => answer.at > since);
    await traffic.more(15);
    return Object.keys(shares(traffic.between(since)))
      .sort()
      .join();
  }

  before(async () => {
    network = buildNetwork(['cli', 'd1', 'rs1', 'rs2', 'rs3']);
    network.exec('d1', `ip addr add ${VIP}/32 dev eth0`);
    for (const name of ['rs1', 'rs2', 'rs3']) {
      giveVip(network, name);
    }
    const serve = (name: string) => serveIn(network.host(name).netns, ['web', name, '81', '83'], ['long', 'serve', '82']);
    programs.push(...(await Promise.all(['rs1', 'rs2', 'rs3'].map(serve))));
    d1 = createDirector(network.host('d1').netns, 'd1');
    folder = join(d1.folder, 'words');
    mkdirSync(folder);
    for (const one of ['ramp-1', 'ramp-2', 'tiers-1', 'tiers-3', 'floor-1', 'floor-2', 'flap-1', 'flap-2']) say(one, 'up');
    d1.configure(config(folder));
    await d1.start();
    for (const name of ['ramp', 'tiers', 'held', 'floor', 'flap', 'slow', 'held-out']) await is(name, 2);
  });

  after(async () => {
    await traffic?.stop();
    await d1?.destroy();
    for (const program of programs) await program.kill();
    network?.destroy();
  });

  test('a start of the director ramps nobody; who comes back grows to its whole weight', async () => {
    assert.deepEqual([weight(80, 1), weight(80, 2)], [100, 100]);
    say('ramp-2', 'down');
    await until('it is out', () => weight(80, 2) === undefined);
    say('ramp-2', 'up');
    const seen: number[] = [];
    await until('all of it', () => {
      const found = weight(80, 2);
      if (found !== undefined && found !== seen.at(-1)) seen.push(found);
      return found === 100;
    });
    assert.ok(seen.length >= 4, `it grew in steps: ${seen}`);
    assert.deepEqual(
      seen,
      [...seen].sort((a, b) => a - b),
      'and never fell',
    );
    assert.equal(weight(80, 1), 100);
  });

  test('slow start goes on over a crash of the daemon, and its end is shown', async () => {
    assert.deepEqual([weight(85, 1), weight(85, 2)], [100, 5]);
    d1.program().signal('SIGKILL');
    await d1.program().ended;
    await d1.start();
    await is('slow', 2);
    assert.deepEqual([weight(85, 1), weight(85, 2)], [100, 5]);
    assert.match(why('slow', 2), /in the table with weight 5 of 100 \(slow start: all of it in 5\d\ds\)/);
  });

  test('a backup takes over and gives back: nobody is refused, and what it serves goes on', async () => {
    traffic = startTraffic(network.host('cli').netns, VIP, 81, 20, 10_000);
    const began = monotonic();
    assert.deepEqual([await served(), weight(81, 3)], ['rs1', 0]);
    say('tiers-1', 'down');
    await is('held', 1);
    await is('tiers', 1);
    assert.equal(await served(), 'rs3');
    assert.match(d1.ctl('status').stdout, /tiers: the backups take traffic/);
    const client = start(network.host('cli').netns, [process.execPath, script('long'), 'hold', String(HELD), '500', `${VIP}:82`]);
    programs.push(client);
    let held: { alive: readonly number[]; broken: readonly number[] } | undefined;
    client.onLine((line) => {
      if (line.startsWith('{')) held = JSON.parse(line) as typeof held;
    });
    await client.line(/all are open/);
    say('tiers-1', 'up');
    await is('held', 2);
    await is('tiers', 2);
    assert.deepEqual([await served(), weight(81, 1), weight(81, 3), weight(82, 3)], ['rs1', 100, 0, 0]);
    held = undefined;
    await until('every long connection echoes', () => held?.alive[0] === HELD);
    assert.deepEqual((held as { broken: readonly number[] } | undefined)?.broken, [0]);
    assert.deepEqual(
      traffic.between(began).filter((answer) => answer.error !== null),
      [],
    );
    await traffic.stop();
  });

  test('below min_healthy who failed last goes on serving, and everybody is told', async () => {
    say('floor-1', 'down');
    await is('floor', 1);
    assert.equal(weight(83, 1), undefined);
    say('floor-2', 'down');
    await is('floor', 0);
    assert.deepEqual([weight(83, 1), weight(83, 2)], [undefined, 100]);
    assert.match(network.exec('cli', `curl -s -m 5 http://${VIP}:83/`), /^rs2 ok/);
    assert.match(
      d1.ctl('status').stdout,
      /floor: too few real servers: 0 healthy, 1 needed \(min_healthy 50%\): those that failed last stay in/,
    );
    assert.match(why('floor', 2), /down: .*kept in because too few are healthy \(min_healthy 50%\)/);
    say('floor-1', 'up');
    await is('floor', 1);
    assert.deepEqual([weight(83, 1), weight(83, 2)], [100, undefined]);
  });

  test('one that flaps is held out, and used again when its penalty has decayed', async () => {
    const flapping = (text: RegExp) => (event: { subject: string; text: string }) =>
      event.subject === 'flap/192.0.2.22:84' && text.test(event.text);
    const events = d1.follow();
    await until('events are followed', () => events.lines.length > 0);
    for (let i = 0; i < 2; i++) {
      say('flap-2', 'down');
      await is('held-out', 1);
      say('flap-2', 'up');
      await is('held-out', 2);
    }
    await events.event(flapping(/held out/));
    await events.event(flapping(/its checks decide again/));
    await until('it is back', () => weight(84, 2) === 100);
    assert.equal(weight(86, 2), undefined);
    assert.match(
      why('held-out', 2),
      /up, but removed from the table; penalty [\d.]+ of 1\.5, held out for flapping for \d+s more/,
    );
  });

  test('with other names, after a reload and after a crash, they go on', async () => {
    const goOn = async ([slow, heldOut]: readonly [string, string]) => {
      await is(slow, 2);
      await is(heldOut, 2);
      assert.equal(weight(86, 2), undefined);
      assert.match(why(heldOut, 2), /held out for flapping/);
      assert.ok((weight(85, 2) ?? 100) < 100, 'it grows');
      assert.match(why(slow, 2), /slow start: all of it in \d+s/);
    };
    const [reloaded, restarted] = [['slower', 'kept-out'] as const, ['slowest', 'put-out'] as const];
    d1.configure(config(folder, [...reloaded]));
    assert.equal(d1.ctl('reload').status, 0);
    await goOn(reloaded);
    d1.program().signal('SIGKILL');
    await d1.program().ended;
    d1.configure(config(folder, [...restarted]));
    await d1.start();
    await goOn(restarted);
  });
});
