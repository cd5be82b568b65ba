/**
 * Checks via: vip on a real kernel: the probe takes the way of the clients' packets, so a real server without the VIP fails; on a backup, where
 * the VIP is somewhere else, and on a master, whose own address it is; dr and tun, IPv4 and IPv6, TCP and UDP.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createDirector, type Director } from './kit/director.js';
import { buildNetwork, type Network, VIP, VIP6 } from './kit/net.js';
import { type Program, start, until } from './kit/shell.js';

const HOST = fileURLToPath(new URL('./kit/host.js', import.meta.url));
const servers4 = '{ address: 192.0.2.21 }, { address: 192.0.2.22 }';
const servers6 = '{ address: "2001:db8::21" }, { address: "2001:db8::22" }';
const service = (name: string, address: string, own: string, servers: string) =>
  `  - { name: ${name}, address: "${address}", ${own}, real_servers: [ ${servers} ] }\n`;
const TCP = 'checks: [ { type: tcp, via: vip } ]';

const config = (via: string) => `
defaults: { forward: dr, check: { interval: 1s, timeout: 900ms, fall: 2 } }
virtual_servers:
${service('dr4', `${VIP}:80`, via, servers4)}${service('dr6', `[${VIP6}]:80`, via, servers6)}\
${service('tun4', `${VIP}:81`, `forward: tun, ${via}`, servers4)}${service('tun6', `[${VIP6}]:81`, `forward: tun, ${via}`, servers6)}\
${service('udp4', `${VIP}:53`, 'protocol: udp, checks: [ { type: udp, send: hello, regex: "rs[12]", via: vip } ]', servers4)}`;

const ALL = ['dr4', 'dr6', 'tun4', 'tun6', 'udp4'];

describe('checks via: vip', () => {
  let network: Network;
  let d1: Director;
  const programs: Program[] = [];

  const sh = (name: string, ...lines: string[]) => network.execAll(name, lines);
  const is = (names: readonly string[], up: number) =>
    d1.when(`${names.join()} have ${up} up`, ({ services }) =>
      names.every((name) => services.some((one) => one.name === name && one.up === up && one.in_sync)),
    );
  const vip = (name: string, word: 'add' | 'del') =>
    sh(name, `ip addr ${word} ${VIP}/32 dev lo`, `ip addr ${word} ${VIP6}/128 dev lo${word === 'add' ? ' nodad' : ''}`);
  const marked = () =>
    [...sh('d1', 'ipvsadm -Sn').matchAll(/^-a -f (\d+)(?: -6)? -r (\S+)/gm)].map(([, mark, to]) => `${mark} ${to}`);

  before(async () => {
    network = buildNetwork(['d1', 'rs1', 'rs2']);
    for (const name of ['rs1', 'rs2']) {
      const { address6 } = network.host(name);
      sh(
        name,
        'sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 net.ipv4.conf.all.rp_filter=0',
        'modprobe -a ipip ip6_tunnel',
        'ip link set tunl0 up',
        'sysctl -qw net.ipv4.conf.tunl0.rp_filter=0 net.ipv6.ip_nonlocal_bind=1 net.ipv4.ip_nonlocal_bind=1',
        `ip link add t6 type ip6tnl mode ip6ip6 local ${address6} remote any`,
        'ip link set t6 up',
      );
      programs.push(start(network.host(name).netns, [process.execPath, HOST, name, '80,81', '53', VIP]));
    }
    vip('rs1', 'add');
    for (const program of programs) await program.line(/listens/);
    d1 = createDirector(network.host('d1').netns, 'd1');
    d1.configure(config(TCP));
    await d1.start();
  });

  after(async () => {
    await d1?.destroy();
    for (const program of programs) await program.kill();
    network?.destroy();
  });

  test('on a backup: whoever has the VIP is up, and who has not fails and is named', async () => {
    await is(ALL, 1);
    const why = await until('the other one has failed', () => {
      const { stdout } = d1.ctl('why', 'dr4', '192.0.2.22');
      return /tcp connect to 192\.0\.2\.22 via VIP 192\.0\.2\.10:80: no answer within 900ms/.test(stdout) && stdout;
    });
    assert.match(why, /does 192\.0\.2\.22 have 192\.0\.2\.10 on lo\?/);
    assert.match(d1.ctl('why', 'tun6', '2001:db8::21').stdout, /up, in the table/);
    vip('rs2', 'add');
    await is(ALL, 2);
  });

  test('what lbd has in the kernel for them is one service a way, hidden, and nobody takes it for foreign', async () => {
    assert.equal(marked().length, 8);
    const status = await d1.status();
    assert.deepEqual(status.foreign_services, []);
    assert.doesNotMatch(d1.ctl('list').stdout, /fwmark/);
    assert.doesNotMatch(d1.ctl('stats').stdout, /fwmark/);
    assert.match(d1.ctl('list', '--all').stdout, /checks of 192\.0\.2\.21 via VIP \(dr\) +fwmark\/\d+ +rr/);
    const { connections } = JSON.parse(d1.ctl('stats', 'dr4', '-o', 'json').stdout).services[0].counters;
    assert.equal(connections, 0, 'clients');
  });

  test('on a master: without accept_local nothing is judged by IPv4, and doctor says what to do', async () => {
    // As lbd's own VRRP adds it. Otherwise IPVS may take it for the sender of its tunnels, and a real server that has it drops what comes.
    sh('d1', `ip addr add ${VIP}/32 dev eth0`, `ip addr add ${VIP6}/128 dev eth0 nodad preferred_lft 0`);
    await until('it is told', () => /not checked: net\.ipv4\.conf\.eth0\.accept_local is 0/.test(d1.ctl('why', 'dr4').stdout));
    const doctor = d1.ctl('doctor').stdout;
    assert.match(doctor, /accept_local is 0.*\n? *.*sysctl -w net\.ipv4\.conf\.eth0\.accept_local=1/);
    await is(ALL, 2);
  });

  test('on a master: with it, whoever loses the VIP is out, and comes back with it', async () => {
    sh('d1', 'sysctl -qw net.ipv4.conf.eth0.accept_local=1');
    vip('rs2', 'del');
    await is(ALL, 1);
    assert.match(d1.ctl('why', 'udp4', '192.0.2.22').stdout, /udp datagram to 192\.0\.2\.22 via VIP 192\.0\.2\.10:53/);
    vip('rs2', 'add');
    await is(ALL, 2);
  });

  test('somebody clears the table: healed, and no server is blamed for it', async () => {
    const last = d1.eventsSince().at(-1)?.id ?? 0;
    sh('d1', 'ipvsadm -C');
    await until('the marks are back', () => marked().length === 8);
    await is(ALL, 2);
    const since = d1.eventsSince(last);
    assert.ok(since.some(({ kind }) => kind === 'drift'));
    assert.deepEqual(
      since.filter(({ text }) => text.includes('-> down')),
      [],
    );
  });

  test('a daemon that was killed goes on with the marks that it had; a reload without via takes them out', async () => {
    const before = marked().sort();
    d1.program().signal('SIGKILL');
    await d1.program().ended;
    await d1.start();
    await is(ALL, 2);
    assert.deepEqual(marked().sort(), before);
    d1.configure(config('checks: [ { type: tcp } ]').replace(', via: vip', ''));
    assert.equal(d1.ctl('reload').status, 0);
    await until('no mark is left', () => marked().length === 0);
  });
});
