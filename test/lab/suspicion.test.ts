/** Most real servers begin to fail at once. It is the director's own trouble: nobody leaves the table. It is true: they leave after the hold. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ApiStatus } from '../../src/control/api.js';
import { createDirector, type Director } from './kit/director.js';
import { buildNetwork, giveVip, type Network, VIP } from './kit/net.js';
import { type Program, start, until } from './kit/shell.js';

const LONG = fileURLToPath(new URL('./kit/long.js', import.meta.url));
const HELD = 10;
const HOSTS = [31, 32, 33, 34, 35].map((host) => `192.0.2.${host}`);
const CONFIG = `
defaults: { forward: dr, scheduler: rr, check: { interval: 1s, timeout: 900ms } }
virtual_servers:
  - name: web
    address: ${VIP}:80
    checks: [ { type: tcp } ]
    real_servers: [ ${HOSTS.map((address) => `{ address: ${address} }`).join(', ')} ]
`;

describe('a director that suspects itself', () => {
  let network: Network;
  let d1: Director;
  let server: Program;
  let client: Program;
  let held: { alive: readonly number[]; broken: readonly number[] } | undefined;
  let events: ReturnType<Director['follow']>;

  const inTable = () => [...network.exec('d1', 'ipvsadm -Ln').matchAll(/-> 192\.0\.2\.3\d:80/g)].length;
  const down = (count: number) =>
    d1.when(`${count} are down`, ({ services }) => services.some((one) => one.name === 'web' && one.up === HOSTS.length - count));

  before(async () => {
    network = buildNetwork(['cli', 'd1', 'rs1']);
    giveVip(
      network,
      'rs1',
      HOSTS.map((address) => `ip addr add ${address}/24 dev eth0`),
    );
    network.exec('d1', `ip addr add ${VIP}/32 dev eth0`);
    server = start(network.host('rs1').netns, [process.execPath, LONG, 'serve', '80']);
    await server.line(/listens/);
    d1 = createDirector(network.host('d1').netns, 'd1');
    d1.configure(CONFIG, 'suspicion: { hold: 60s }');
    await d1.start();
    await until('all are in', () => inTable() === HOSTS.length);
    client = start(network.host('cli').netns, [process.execPath, LONG, 'hold', String(HELD), '500', `${VIP}:80`]);
    client.onLine((line) => {
      if (line.startsWith('{')) held = JSON.parse(line) as typeof held;
    });
    await client.line(/all are open/);
    events = d1.follow();
    network.execAll('d1', ['nft add table ip uplink', 'nft add chain ip uplink out { type filter hook output priority 0 ; }']);
  });

  after(async () => {
    await d1?.destroy();
    await client?.kill();
    await server?.kill();
    network?.destroy();
  });

  test('its own packets do not get out: it says so, nobody leaves, connections go on', async () => {
    const last = d1.eventsSince().at(-1)?.id ?? 0;
    network.exec('d1', `nft add rule ip uplink out ip daddr ${HOSTS[0]}-${HOSTS.at(-1)} drop`);
    await down(HOSTS.length);
    assert.equal(inTable(), HOSTS.length);
    const { text } = await events.event(({ kind }) => kind === 'suspicion');
    assert.match(text, /[45] of 5 hosts that were up began to fail within one interval: this director suspects itself/);
    const { problems } = await d1.status();
    assert.ok(problems.some((one) => one.severity === 'critical' && /suspects itself/.test(one.text)));
    assert.match(d1.ctl('why', 'web', HOSTS[0] as string).stdout, /down: .* in the table with weight 1; it stays: most servers/);
    network.exec('d1', 'nft flush chain ip uplink out');
    await events.event((one) => one.kind === 'suspicion' && /answer again/.test(one.text));
    await down(0);
    const since = d1.eventsSince(last);
    assert.ok(since.filter(({ text }) => text.includes('-> down')).length >= HOSTS.length);
    assert.deepEqual(
      since.filter(({ kind }) => kind === 'table'),
      [],
    );
    await until('every long connection echoes', () => held?.alive[0] === HELD);
    assert.deepEqual(held?.broken, [0]);
  });

  test('they are dead: when the time is over they leave, all at once', async () => {
    d1.configure(CONFIG, 'suspicion: { hold: 4s }');
    assert.equal(d1.ctl('reload').status, 0);
    await server.kill();
    const suspects = ({ problems }: ApiStatus) => problems.some((one) => /suspects itself/.test(one.text));
    await d1.when('it holds first', (status) => suspects(status) && status.services.every((one) => one.up === 0));
    await until('all have left', () => inTable() === 0);
    assert.match(d1.ctl('why', 'web', HOSTS[0] as string).stdout, /connection refused.*removed from the table/);
    assert.ok(!suspects(await d1.status()));
  });
});
