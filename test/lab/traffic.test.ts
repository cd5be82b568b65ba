/** Source ports that are used again as fast as a client can (user pain 9): no second is lost, and a drained server gets none of them. */
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Program as Called, startIn } from '../netns/netns.js';
import type { Reused } from './kit/asker.js';
import { createDirector, type Director } from './kit/director.js';
import { buildNetwork, giveVip, type Network, VIP } from './kit/net.js';
import { type Program, start, until } from './kit/shell.js';

const HOST = fileURLToPath(new URL('./kit/host.js', import.meta.url));
const ASKER = new URL('./kit/asker.js', import.meta.url);
const SNAT_VIP = '192.0.2.11';
const PORTS = Array.from({ length: 64 }, (_, i) => ({ address: '192.0.2.100', port: 20_000 + i }));
/** Each port is used again some times. */
const CONNECTS = PORTS.length * 8;

const CONFIG = `
defaults: { scheduler: rr, check: { interval: 2s, timeout: 1900ms, fall: 3 }, checks: [ { type: icmp } ] }
virtual_servers:
  - { name: web, address: "${VIP}:80", forward: dr, real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
`;
/** With it the kernel tracks connections, those of dr services too. */
const SNAT = `  - { name: snat, address: "${SNAT_VIP}:80", forward: nat, snat: auto, real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
`;

let network: Network;
let d1: Director;
let client: Called<never>;
const programs: Program[] = [];

/** SYNs that reached rs1. */
const syns = () => Number(/packets (\d+)/.exec(network.exec('rs1', 'nft list table ip syns'))?.[1]);
const connected = (count: number) => until(`${count} connections`, async () => (await client.call<number>('connects')) >= count);

/** From a number of ports, one connection after the other. The one before makes the neighbours known. */
async function reuse(to: string): Promise<Reused> {
  await client.call('tcp', to, 80);
  await client.call('reuse', to, 80, PORTS);
  await connected(CONNECTS);
  return client.call<Reused>('reused');
}

describe('source ports that are used again', () => {
  let direct: Reused;

  before(async () => {
    network = buildNetwork(['cli', 'd1', 'rs1', 'rs2']);
    network.execAll('d1', [
      'sysctl -qw net.ipv4.ip_forward=1',
      'sysctl -qw net.ipv4.conf.all.send_redirects=0',
      'sysctl -qw net.ipv4.conf.eth0.send_redirects=0',
      `ip addr add ${VIP}/32 dev eth0`,
      `ip addr add ${SNAT_VIP}/32 dev eth0`,
    ]);
    for (const name of ['rs1', 'rs2']) {
      giveVip(network, name);
      programs.push(start(network.host(name).netns, [process.execPath, HOST, name, '80']));
    }
    network.execAll('rs1', [
      'nft add table ip syns',
      'nft add chain ip syns in { type filter hook prerouting priority -500 ; }',
      'nft add rule ip syns in tcp dport 80 tcp flags & (syn|ack) == syn counter',
    ]);
    for (const program of programs) await program.line(/listens/);
    client = startIn(network.host('cli').netns, ASKER);
    d1 = createDirector(network.host('d1').netns, 'd1');
    d1.configure(CONFIG);
    await d1.start();
    await d1.when('all up', ({ services }) => services.length === 1 && services.every((one) => one.up === 2 && one.in_sync));
    direct = await reuse('192.0.2.22');
  });

  after(async () => {
    client?.signal('SIGKILL');
    await d1?.destroy();
    for (const program of programs) await program.kill();
    network?.destroy();
  });

  /** A port that has to wait does so each time that it is used: a hundredth is noise of a busy machine. */
  async function undelayed(t: TestContext, to: string): Promise<void> {
    const before = syns();
    const through = await reuse(to);
    t.diagnostic(`without IPVS ${JSON.stringify(direct)}; with it ${JSON.stringify(through)}`);
    assert.ok(syns() - before > CONNECTS / 4, 'both servers take part');
    assert.deepEqual(through.failed, direct.failed);
    assert.ok(through.repeatedSyns <= direct.repeatedSyns + CONNECTS / 100, JSON.stringify(through));
  }

  test('dr: no connection waits for a second', (t) => undelayed(t, VIP));

  test('a drained server gets no new connection, also not from a port that it knows', async () => {
    await client.call('reuse', VIP, 80, PORTS);
    await connected(PORTS.length * 2);
    const drained = d1.ctl('set-rs', 'web', '192.0.2.21', '--weight', '0');
    assert.equal(drained.status, 0, drained.stderr);
    await until('the kernel has it', () =>
      /-a -t 192\.0\.2\.10:80 -r 192\.0\.2\.21:80 -g -w 0/.test(network.exec('d1', 'ipvsadm -Sn')),
    );
    const [before, connects] = [syns(), await client.call<number>('connects')];
    await connected(connects + PORTS.length * 4);
    assert.equal(syns() - before, 0);
    const { failed } = await client.call<Reused>('reused');
    assert.deepEqual(failed, direct.failed);
    assert.equal(d1.ctl('set-rs', 'web', '192.0.2.21', '--weight', '100%').status, 0);
  });

  test('nat with snat: nor with connection tracking', async (t) => {
    d1.configure(CONFIG + SNAT);
    assert.equal(d1.ctl('reload').status, 0);
    await d1.when('snat too', ({ services }) => services.length === 2 && services.every((one) => one.up === 2 && one.in_sync));
    await until('its rules are in place', () => network.exec('d1', 'nft list ruleset').includes('masquerade'));
    await undelayed(t, SNAT_VIP);
  });

  test('dr beside snat: nor where its packets are not tracked, as doctor says', async (t) => {
    network.execAll('d1', [
      'nft add table ip admin',
      'nft add chain ip admin early { type filter hook prerouting priority raw ; }',
      `nft add rule ip admin early ip daddr ${VIP} tcp dport 80 notrack`,
    ]);
    await undelayed(t, VIP);
  });
});
