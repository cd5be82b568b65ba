/** Connection sync on a pair: the daemons follow the VRRP instance, and connections outlive the master, by nat, dr and tun. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ApiStatus } from '../../src/control/api.js';
import { createDirector, type Director } from './kit/director.js';
import { buildNetwork, giveVip, type Network, VIP } from './kit/net.js';
import { type Program, start, until } from './kit/shell.js';

const LONG = fileURLToPath(new URL('./kit/long.js', import.meta.url));
/** Where the nat server's answers go: the master. */
const GATEWAY = '192.0.2.1';
const EACH = 70;
/** Of kit/long.ts, and one report more. */
const LATELY_MS = 3000;
const TARGETS = ['dr', 'tun', 'nat'];

const config = (priority: number, syncInterface = 'eth0', failback = 'immediate'): string => `
defaults: { scheduler: rr, check: { interval: 2s, timeout: 1900ms, fall: 3 }, checks: [ { type: icmp } ] }
connection_sync: { interface: ${syncInterface}, follow: VI_1 }
timeouts: { tcp: 1h }
virtual_servers:
  - { name: dr, address: "${VIP}:80", forward: dr, real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
  - { name: tun, address: "${VIP}:81", forward: tun, real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
  - { name: nat, address: "${VIP}:82", real_servers: [ { address: "192.0.2.23:80" } ] }
vrrp_instances:
  - { name: VI_1, interface: eth0, virtual_router_id: 51, priority: ${priority}, advert_interval: 300ms, failback: ${failback}, virtual_addresses: [ ${VIP}/24, ${GATEWAY}/24 ] }
`;

let network: Network;
let d1: Director;
let d2: Director;
const programs: Program[] = [];

function prepare(): void {
  for (const name of ['d1', 'd2'])
    network.execAll(
      name,
      ['ip_forward=1', 'conf.all.send_redirects=0', 'conf.eth0.send_redirects=0', 'conf.all.rp_filter=0'].map(
        (setting) => `sysctl -qw net.ipv4.${setting}`,
      ),
    );
  for (const name of ['rs1', 'rs2'])
    giveVip(network, name, [
      'ip link set tunl0 up',
      'sysctl -qw net.ipv4.conf.all.rp_filter=0',
      'sysctl -qw net.ipv4.conf.tunl0.rp_filter=0',
    ]);
  network.exec('rs3', `ip route add 192.0.2.100/32 via ${GATEWAY} dev eth0 onlink`);
  for (const name of ['rs1', 'rs2', 'rs3', 'cli']) network.exec(name, 'sysctl -qw net.ipv4.conf.all.accept_redirects=0');
}

const runs = (role: 'master' | 'backup') => (status: ApiStatus) =>
  status.connection_sync?.running.join() === role && status.connection_sync.problem === null;
const daemons = (director: 'd1' | 'd2') => network.exec(director, 'ipvsadm -ln --daemon').trim();
/** The director's interface has joined the group of connection sync (in the kernel's words, 224.0.0.81). */
function listens(director: 'd1' | 'd2', name: string): boolean {
  const devices = network.exec(director, 'cat /proc/net/igmp').split(/^(?=\d)/m);
  return devices.some((one) => one.split(/\s+/)[1] === name && one.includes('510000E0'));
}
/** An interface with nobody at its other end. */
function makeInterface(director: 'd1' | 'd2', name: string): void {
  network.execAll(
    director,
    [`add ${name} type veth peer name ${name}p`, `set ${name}p up`, `set ${name} up`].map((line) => `ip link ${line}`),
  );
}
/** Established connections in a director's table. */
const known = (director: 'd1' | 'd2') => network.exec(director, 'cat /proc/net/ip_vs_conn').match(/ESTABLISHED/g)?.length ?? 0;

interface Held {
  /** Milliseconds of the client's clock. */
  readonly at: number;
  readonly alive: readonly number[];
  readonly broken: readonly number[];
}

function follow(program: Program): { latest(): Held | undefined } {
  let latest: Held | undefined;
  program.onLine((line) => {
    if (line.startsWith('{')) latest = JSON.parse(line) as Held;
  });
  return { latest: () => latest };
}

/**
 * Nearly all of each target's connections have echoed lately, and what counts as lately began after this was called. Segments that were
 * lost come again after the client's retransmission timeout, which has doubled some times by then.
 */
async function goOn(held: { latest(): Held | undefined }): Promise<void> {
  const from = (held.latest()?.at ?? 0) + LATELY_MS;
  await until(
    'they go on',
    () => {
      const latest = held.latest();
      return latest && latest.at > from && latest.alive.every((one) => one >= EACH * 0.99);
    },
    60_000,
  ).catch((error: Error) => assert.fail(`${error.message}: ${JSON.stringify(held.latest())} of ${EACH} each`));
}

describe('connection sync', () => {
  before(async () => {
    network = buildNetwork(['cli', 'd1', 'd2', 'rs1', 'rs2', 'rs3']);
    prepare();
    for (const name of ['rs1', 'rs2', 'rs3'])
      programs.push(start(network.host(name).netns, [process.execPath, LONG, 'serve', '80', '81']));
    for (const program of programs) await program.line(/echo listens/);
    d1 = createDirector(network.host('d1').netns, 'd1');
    d2 = createDirector(network.host('d2').netns, 'd2');
    d1.configure(config(150));
    d2.configure(config(100));
    await Promise.all([d1.start(), d2.start()]);
  });

  after(async () => {
    await d1?.destroy();
    await d2?.destroy();
    for (const program of programs) await program.kill();
    network?.destroy();
  });

  test('each director runs the daemon of its role', async () => {
    await d1.when('the master sends', runs('master'));
    await d2.when('the backup listens', runs('backup'));
    assert.match(daemons('d1'), /^master sync daemon \(mcast=eth0, syncid=51/m);
    assert.match(daemons('d2'), /^backup sync daemon \(mcast=eth0, syncid=51/m);
    assert.match(d1.ctl('status').stdout, /sync +master on eth0, id 51, follows VI_1/);
  });

  test('a daemon that somebody stops comes back, and timeouts that somebody sets go', async () => {
    network.exec('d1', 'ipvsadm --stop-daemon master');
    network.exec('d1', 'ipvsadm --set 60 0 0');
    await until('the daemon runs again', () => /master sync daemon/.test(daemons('d1')));
    await until('the timeout is as configured', () =>
      /^Timeout \(tcp tcpfin udp\): 3600 /m.test(network.exec('d1', 'ipvsadm -ln --timeout')),
    );
  });

  test('an interface that is not there is a problem with its name; when it is there, or made anew, the daemon follows', async () => {
    d2.configure(config(100, 'eth9'));
    assert.equal(d2.ctl('reload').status, 0);
    const status = await d2.when('told', (one) => one.connection_sync?.problem !== null);
    assert.match(status.problems.map((one) => one.text).join(), /connection sync: there is no interface eth9/);
    makeInterface('d2', 'eth9');
    await d2.when('listens', runs('backup'));
    assert.ok(listens('d2', 'eth9'));
    // The kernel's daemon would go on with the one that is gone, deaf.
    network.exec('d2', 'ip link del eth9');
    makeInterface('d2', 'eth9');
    await until('the new interface has joined', () => listens('d2', 'eth9'));
    await d2.when('listens again', runs('backup'));
    network.exec('d2', 'ip link del eth9');
    d2.configure(config(100));
    assert.equal(d2.ctl('reload').status, 0);
    await d2.when('listens again', runs('backup'));
    assert.ok(listens('d2', 'eth0') && !listens('d2', 'eth9'));
  });

  test('the check process dies: the next one goes on with the daemon that runs', async () => {
    const told = () => d1.ctl('events', '-o', 'json').stdout.match(/"kind": ?"sync"/g)?.length;
    const before = told();
    const killed = (await d1.status()).processes.find((one) => one.name === 'check')?.pid as number;
    process.kill(killed, 'SIGKILL');
    await d1.when(
      'the next one knows its role',
      (status) =>
        runs('master')(status) && status.processes.some(({ name, pid }) => name === 'check' && pid !== null && pid !== killed),
    );
    assert.ok(before !== undefined && before > 0);
    assert.equal(told(), before);
    assert.match(daemons('d1'), /^master sync daemon \(mcast=eth0, syncid=51/m);
  });

  test('the master is cut off: at least 99 % of the connections go on, by nat, dr and tun', async (t) => {
    const client = start(network.host('cli').netns, [
      process.execPath,
      LONG,
      'hold',
      String(EACH),
      '500',
      `${VIP}:80`,
      `${VIP}:81`,
      `${VIP}:82`,
    ]);
    programs.push(client);
    const held = follow(client);
    await client.line(/all are open/);
    await until('every connection has echoed', () => held.latest()?.alive.every((one) => one === EACH));
    assert.deepEqual(held.latest()?.broken, [0, 0, 0]);
    await until('the backup knows them', () => known('d2') >= EACH * TARGETS.length * 0.99);
    network.cable('d1', 'down');
    await d2.when('master', (status) => status.instances[0]?.state === 'master');
    await d2.when('and now it sends', runs('master'));
    await d1.when('and the other one listens', (one) => one.connection_sync?.running.join() === 'backup');
    assert.equal((await d1.status()).connection_sync?.problem, 'the interface eth0 is down: bring it up');
    await goOn(held);
    t.diagnostic(TARGETS.map((name, i) => `${name}: ${held.latest()?.alive[i]} of ${EACH} go on`).join(', '));
    assert.ok(held.latest()?.broken.every((one) => one <= EACH * 0.01));
    // Its checks have failed meanwhile, and it comes back as the master that knows its connections still.
    const broken = held.latest()?.broken;
    await until(
      'the checks of the one that is cut off have failed',
      async () => (await d1.status()).services.every((one) => one.up === 0),
      20_000,
    );
    network.cable('d1', 'up');
    await d1.when('master again', (status) => status.instances[0]?.state === 'master' && runs('master')(status));
    await d2.when('listens again', runs('backup'));
    await goOn(held);
    assert.deepEqual(held.latest()?.broken, broken);
  });

  test('a director that comes back without connections waits until it has them, and the two agree', async (t) => {
    const address = { d1: network.host('d1').address, d2: network.host('d2').address };
    const beside = (own: 'd1' | 'd2', other: 'd1' | 'd2') =>
      `http: { listen: "${address[own]}:8405", anonymous: read }\n  peers: [ { name: ${other}, url: "http://${address[other]}:8405" } ]`;
    d2.configure(config(100), beside('d2', 'd1'));
    assert.equal(d2.ctl('reload').status, 0);
    assert.match(d1.ctl('failover', 'VI_1', '--check').stdout, /name its API in global\.peers/);
    await d1.stop();
    await d2.when('master', (status) => status.instances[0]?.state === 'master');
    // The kernel forgets no connection by itself; whoever comes back after a reboot has none.
    network.execAll('d1', ['ipvsadm -C']);
    const before = known('d1');
    const client = start(network.host('cli').netns, [process.execPath, LONG, 'hold', String(EACH), '500', `${VIP}:80`]);
    programs.push(client);
    const held = follow(client);
    await client.line(/all are open/);
    d1.configure(config(150, 'eth0', '{ when_synced: { share: 90%, limit: 10m } }'), beside('d1', 'd2'));
    await d1.start();
    const waiting = await d1.when('it waits', (status) =>
      /active connections are here/.test(status.instances[0]?.waits_for ?? ''),
    );
    t.diagnostic(`${waiting.instances[0]?.waits_for}; of ${before} in the table before`);
    assert.equal(waiting.instances[0]?.state, 'backup');
    await d1.when('it takes over', (status) => status.instances[0]?.state === 'master', 240_000);
    const taken = d1.eventsSince().findLast(({ kind, text }) => kind === 'vrrp' && text.includes('-> master'));
    assert.match(taken?.text ?? '', /priority 150 preempts/);
    await until('the other one is fit again', () => d1.ctl('failover', 'VI_1', '--check').status === 0, 60_000);
    await goOn(held);
    assert.deepEqual(held.latest()?.broken, [0]);
    assert.match(d1.ctl('failover', 'VI_1', '--check').stdout, /active connections: \d+ here, \d+ at d2/);
    d2.configure(config(100).replace('192.0.2.23:80', '192.0.2.24:80'), beside('d2', 'd1'));
    assert.equal(d2.ctl('reload').status, 0);
    const refused = d1.ctl('failover', 'VI_1');
    assert.deepEqual([refused.status, /nat has other real servers at d2/.test(refused.stderr)], [1, true], refused.stderr);
  });

  test('an ordered stop ends the daemon, and nothing else of IPVS', async () => {
    assert.equal(await d2.stop(), 0);
    assert.equal(daemons('d2'), '');
    assert.match(network.exec('d2', 'ipvsadm -ln'), /TCP +192\.0\.2\.10:82 rr/);
    assert.match(network.exec('d2', 'ipvsadm -ln --timeout'), /: 3600 /);
  });
});
