/**
 * SNAT and the MSS clamp with IPVS and real servers whose way back to the client is not the director: the client 192.0.2.100 is their
 * neighbour. Only 192.0.2.101, the same client, is answered through the director.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ServiceId } from '../../src/base/service-id.js';
import type { Tunnel } from '../../src/config/types.js';
import type { NetfilterStatus } from '../../src/daemon/check/netfilter.js';
import { netfilterRules } from '../../src/intent/netfilter.js';
import type { ServiceIntent } from '../../src/intent/types.js';
import { makeServer, makeService } from '../fake/intent.js';
import { type Program as Called, startIn } from '../netns/netns.js';
import { buildNetwork, type Network } from './kit/net.js';
import { type Program, run, start, until } from './kit/shell.js';

const ORIGIN = fileURLToPath(new URL('./kit/origin.js', import.meta.url));
const ASKER = new URL('./kit/asker.js', import.meta.url);
const KEEPER = new URL('../netns/nft-child.js', import.meta.url);
const [D1, D1_6] = ['192.0.2.2', '2001:db8::2'];
const [RS1, RS1_6] = ['192.0.2.21', '2001:db8::21'];
const [CLIENT, CLIENT_6, ROUTED] = ['192.0.2.100', '2001:db8::100', '192.0.2.101'];

const VIPS = { nat: '192.0.2.11', tun: '192.0.2.12', mark: '192.0.2.13', wide: '192.0.2.14', tunMark: '192.0.2.15' };
const VIPS_6 = { nat: '2001:db8::11', tun: '2001:db8::12', mark: '2001:db8::13' };

const at = (address: string, port: number, protocol: 'tcp' | 'udp' = 'tcp'): ServiceId => ({
  kind: 'address',
  family: address.includes(':') ? 6 : 4,
  protocol,
  address,
  port,
});
const mark = (fwmark: number, family: 4 | 6 = 4): ServiceId => ({ kind: 'fwmark', family, fwmark });
const of = (id: ServiceId, port: number, own: Partial<ServiceIntent>): ServiceIntent =>
  makeService([makeServer(1, { address: id.family === 4 ? RS1 : RS1_6, port, forward: own.forward ?? 'nat' })], {
    id,
    ids: [id],
    ...own,
  });
const snat = (id: ServiceId, port: number) => of(id, port, { snat: true });
const tun = (id: ServiceId, mss: 'auto' | number) => of(id, 0, { forward: 'tun', mss });

const SERVICES = [
  snat(at(VIPS.nat, 80), 8080),
  snat(at(VIPS.nat, 80, 'udp'), 8080),
  snat(at(VIPS_6.nat, 80), 8080),
  snat(at(VIPS_6.nat, 80, 'udp'), 8080),
  snat(mark(7), 8080),
  snat(mark(8, 6), 0),
  snat(at(VIPS.wide, 0), 0),
  of(at(VIPS.nat, 81), 8080, {}),
  of(at(VIPS.wide, 81), 8080, {}),
  tun(at(VIPS.tun, 80), 'auto'),
  tun(at(VIPS_6.tun, 80), 'auto'),
  tun(mark(17), 1300),
];

/** The same in the kernel. */
const IPVS = `
-A -t ${VIPS.nat}:80 -s rr
-a -t ${VIPS.nat}:80 -r ${RS1}:8080 -m
-A -u ${VIPS.nat}:80 -s rr
-a -u ${VIPS.nat}:80 -r ${RS1}:8080 -m
-A -t [${VIPS_6.nat}]:80 -s rr
-a -t [${VIPS_6.nat}]:80 -r [${RS1_6}]:8080 -m
-A -u [${VIPS_6.nat}]:80 -s rr
-a -u [${VIPS_6.nat}]:80 -r [${RS1_6}]:8080 -m
-A -f 7 -s rr
-a -f 7 -r ${RS1}:8080 -m
-A -f 8 -6 -s rr
-a -f 8 -6 -r [${RS1_6}]:0 -m
-A -t ${VIPS.wide}:0 -s rr -p 60
-a -t ${VIPS.wide}:0 -r ${RS1}:0 -m
-A -t ${VIPS.nat}:81 -s rr
-a -t ${VIPS.nat}:81 -r ${RS1}:8080 -m
-A -t ${VIPS.wide}:81 -s rr
-a -t ${VIPS.wide}:81 -r ${RS1}:8080 -m
-A -t ${VIPS.tun}:80 -s rr
-a -t ${VIPS.tun}:80 -r ${RS1}:80 -i
-A -t [${VIPS_6.tun}]:80 -s rr
-a -t [${VIPS_6.tun}]:80 -r [${RS1_6}]:80 -i
-A -f 17 -s rr
-a -f 17 -r ${RS1}:0 -i
`;

/** Tunnels in the words of ipvsadm, and as lbd has them. */
const TUNNELS: readonly (readonly [string, string, Tunnel])[] = [
  ['--tun-type ipip', `${RS1}:80`, { type: 'ipip', port: 0, checksum: 'none' }],
  ['--tun-type ipip', `[${RS1_6}]:80`, { type: 'ipip', port: 0, checksum: 'none' }],
  ['--tun-type gre --tun-nocsum', `${RS1}:80`, { type: 'gre', port: 0, checksum: 'none' }],
  ['--tun-type gre --tun-csum', `${RS1}:80`, { type: 'gre', port: 0, checksum: 'csum' }],
  ['--tun-type gue --tun-port 6080 --tun-nocsum', `[${RS1_6}]:80`, { type: 'gue', port: 6080, checksum: 'none' }],
  ['--tun-type gue --tun-port 6080 --tun-csum', `${RS1}:80`, { type: 'gue', port: 6080, checksum: 'csum' }],
  ['--tun-type gue --tun-port 6080 --tun-remcsum', `${RS1}:80`, { type: 'gue', port: 6080, checksum: 'remcsum' }],
];

/** What the administrator's firewall does: marks, in a table of its own. */
const MARKS = [
  'add table inet admin',
  'add chain inet admin marks { type filter hook prerouting priority mangle ; }',
  `add rule inet admin marks ip daddr ${VIPS.mark} meta mark set 7`,
  `add rule inet admin marks ip6 daddr ${VIPS_6.mark} meta mark set 8`,
  `add rule inet admin marks ip daddr ${VIPS.tunMark} meta mark set 17`,
];

let network: Network;
let keeper: Called<string>;
let client: Called<never>;
let folder: string;
const programs: Program[] = [];

function prepareDirector(): void {
  network.execAll('d1', [
    'sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.vs.conntrack=1',
    'sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0',
    ...Object.values(VIPS).map((vip) => `ip addr add ${vip}/32 dev eth0`),
    // Deprecated, or the kernel prefers it to the director's own as the source towards its neighbours.
    ...Object.values(VIPS_6).map((vip) => `ip addr add ${vip}/128 dev eth0 nodad preferred_lft 0`),
    ...MARKS.map((rule) => `nft ${rule}`),
    ...IPVS.trim()
      .split('\n')
      .map((rule) => `ipvsadm ${rule}`),
  ]);
  network.exec('cli', `ip addr add ${ROUTED}/24 dev eth0`);
}

function prepareServer(): void {
  network.execAll('rs1', [
    'sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2',
    `ip addr add ${VIPS.tun}/32 dev lo`,
    `ip addr add ${VIPS.tunMark}/32 dev lo`,
    `ip addr add ${VIPS_6.tun}/128 dev lo nodad`,
    'ip link set tunl0 up',
    'ip link set ip6tnl0 up',
    'sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.tunl0.rp_filter=0',
    `ip route add ${ROUTED}/32 via ${D1}`,
  ]);
}

const ask = (protocol: 'tcp' | 'udp', address: string, port: number, from = CLIENT, bytes = 1): Promise<string> =>
  client.call('say', protocol, address.includes(':') ? CLIENT_6 : from, address, port, bytes);

/** Waits until the keeper has done what it was told, or found. */
async function settled(): Promise<void> {
  await until('the rules are in place', async () => {
    const { state } = await keeper.call<NetfilterStatus>('status');
    return state === 'applied' || state === 'none';
  });
}

/** The MSS with which the real server sees the client's SYN. */
async function mssSeen(device: 'tunl0' | 'ip6tnl0', address: string): Promise<number> {
  const sniffer = start(network.host('rs1').netns, ['tcpdump', '-nl', '-i', device, 'tcp or (ip6 proto 6)']);
  await sniffer.line(/listening on/);
  const asked = ask('tcp', address, 80);
  const syn = await sniffer.line(/Flags \[S\]/);
  assert.match(await asked, /^rs1 sees /);
  await sniffer.kill();
  return Number(/mss (\d+)/.exec(syn)?.[1]);
}

describe('netfilter', () => {
  before(async () => {
    network = buildNetwork(['cli', 'd1', 'rs1']);
    run('modprobe -a ip_vs ipip ip6_tunnel');
    prepareDirector();
    prepareServer();
    for (const port of ['8080', '80']) {
      const program = start(network.host('rs1').netns, [process.execPath, ORIGIN, 'serve', 'rs1', port]);
      programs.push(program);
      await program.line(/listens/);
    }
    folder = mkdtempSync(join(tmpdir(), 'lbd-netfilter-'));
    client = startIn(network.host('cli').netns, ASKER);
    keeper = startIn(network.host('d1').netns, KEEPER);
    await keeper.call('begin', folder, 'remove');
  });

  after(async () => {
    keeper?.signal('SIGKILL');
    client?.signal('SIGKILL');
    for (const program of programs) await program.kill();
    network?.destroy();
    if (folder) rmSync(folder, { recursive: true });
  });

  test('without rules nobody is answered whose way is not through the director, and SYNs are as they came', async () => {
    assert.deepEqual(await Promise.all([ask('tcp', VIPS.nat, 80), ask('udp', VIPS.nat, 80)]), ['none', 'none']);
    assert.equal(await ask('tcp', VIPS.nat, 80, ROUTED), `rs1 sees ${ROUTED}`);
    assert.equal(await mssSeen('tunl0', VIPS.tun), 1460);
    assert.equal(await mssSeen('ip6tnl0', VIPS_6.tun), 1440);
  });

  test('snat: the real server sees the director and answers through it', async () => {
    await keeper.call('want', SERVICES);
    await settled();
    for (const [protocol, address, port, seen] of [
      ['tcp', VIPS.nat, 80, D1],
      ['udp', VIPS.nat, 80, D1],
      ['tcp', VIPS_6.nat, 80, D1_6],
      ['udp', VIPS_6.nat, 80, D1_6],
      ['tcp', VIPS.mark, 80, D1],
      ['udp', VIPS.mark, 1234, D1],
      ['tcp', VIPS_6.mark, 8080, D1_6],
      ['tcp', VIPS.wide, 8080, D1],
    ] as const) {
      assert.equal(await ask(protocol, address, port), `rs1 sees ${seen}`, `${protocol} ${address} ${port}`);
    }
    assert.equal(await ask('tcp', VIPS.nat, 80, ROUTED), `rs1 sees ${D1}`);
  });

  test('accept: false: IPVS has what is of its services, and nothing else gets in', async () => {
    const refused = await ask('tcp', VIPS.nat, 82, ROUTED);
    assert.match(refused, /ECONNREFUSED/);
    // The director as a real server: IPVS leaves it the packet as it came.
    const local = start(network.host('d1').netns, [process.execPath, ORIGIN, 'serve', 'd1', '83']);
    programs.push(local);
    await local.line(/listens/);
    network.execAll('d1', [`ipvsadm -A -t ${VIPS.nat}:83 -s rr`, `ipvsadm -a -t ${VIPS.nat}:83 -r ${D1}:83 -g`]);
    assert.match(await ask('tcp', VIPS.nat, 83, ROUTED), /^d1 sees /);
    await keeper.call('close', [...Object.values(VIPS), ...Object.values(VIPS_6)]);
    for (const [protocol, address, port] of [
      ['tcp', VIPS.nat, 80],
      ['udp', VIPS.nat, 80],
      ['tcp', VIPS_6.nat, 80],
      ['tcp', VIPS.mark, 80],
      ['tcp', VIPS.wide, 8080],
      ['tcp', VIPS.tun, 80],
      ['tcp', VIPS_6.tun, 80],
    ] as const) {
      assert.match(await ask(protocol, address, port), /^rs1 sees /, `${protocol} ${address} ${port}`);
    }
    const others = [ask('tcp', VIPS.nat, 82, ROUTED), ask('tcp', VIPS_6.nat, 82), ask('tcp', VIPS.nat, 83, ROUTED)];
    assert.deepEqual(await Promise.all(others), ['none', 'none', 'none']);
    await keeper.call('close', []);
    assert.equal(await ask('tcp', VIPS.nat, 82, ROUTED), refused);
  });

  test('flows of other services, and past IPVS, keep the client', async () => {
    for (const address of [VIPS.nat, VIPS.wide]) {
      assert.equal(await ask('tcp', address, 81, ROUTED), `rs1 sees ${ROUTED}`, address);
    }
    network.exec('cli', `ip route add ${RS1}/32 via ${D1}`);
    network.exec('d1', `nft add rule inet admin marks ip daddr ${RS1} meta mark set 7`);
    assert.equal(await ask('tcp', RS1, 8080, ROUTED), `rs1 sees ${ROUTED}`);
    network.exec('cli', `ip route del ${RS1}/32`);
  });

  test('a connection goes on while the rules are replaced', async () => {
    const argv = [process.execPath, ORIGIN, 'talk', CLIENT, VIPS.nat, '80'];
    const talker = start(network.host('cli').netns, argv);
    programs.push(talker);
    await talker.line(/^answer: rs1/);
    for (const services of [SERVICES.slice(0, 3), SERVICES]) {
      await keeper.call('want', services);
      await settled();
      const heard = talker.lines.length;
      await until('answers go on', () => talker.lines.length > heard + 5);
    }
    assert.deepEqual([...new Set(talker.lines)], [`answer: rs1 sees ${D1}`]);
    await talker.kill();
  });

  test('mss: lowered to what fits the tunnel, never raised', async () => {
    assert.equal(await mssSeen('tunl0', VIPS.tun), 1440);
    assert.equal(await mssSeen('ip6tnl0', VIPS_6.tun), 1400);
    assert.equal(await mssSeen('tunl0', VIPS.tunMark), 1300);
    network.exec('cli', `ip route add ${VIPS.tun}/32 dev eth0 advmss 1000`);
    assert.equal(await mssSeen('tunl0', VIPS.tun), 1000);
    network.exec('cli', `ip route del ${VIPS.tun}/32`);
  });

  test('mss: auto is what the kernel itself says fits each tunnel', async () => {
    const icmp = start(network.host('cli').netns, ['tcpdump', '-nl', '-i', 'eth0', 'icmp[0] == 3 and icmp[1] == 4']);
    programs.push(icmp);
    await icmp.line(/listening on/);
    for (const [at, [words, address, tunnel]] of TUNNELS.entries()) {
      const port = 9000 + at;
      network.execAll('d1', [
        `ipvsadm -A -u ${VIPS.nat}:${port} -s rr`,
        `ipvsadm -a -u ${VIPS.nat}:${port} -r ${address} -i ${words}`,
      ]);
      const asked = ask('udp', VIPS.nat, port, CLIENT, 1472);
      const said = await icmp.line(/mtu \d+/);
      assert.doesNotMatch(await asked, /^rs1 sees/);
      icmp.lines.length = 0;
      network.exec('cli', 'ip route flush cache');
      const server = makeServer(1, { address: address.replace(/^\[|\]?:\d+$/g, ''), forward: 'tun', tunnel });
      const [clamp] = netfilterRules([makeService([server], { ids: [mark(1)], forward: 'tun', mss: 'auto' })]).mss.entries;
      assert.equal(clamp?.what, Number(/mtu (\d+)/.exec(said)?.[1]) - 40, words);
    }
    await icmp.kill();
  });

  test('the rules come back after somebody flushes the ruleset, and nothing else does', async () => {
    network.exec('d1', 'nft flush ruleset');
    await keeper.call('reconcile');
    await keeper.event((text) => /^drift netfilter: nft table inet lbd was gone/.test(text));
    await settled();
    assert.equal(await ask('tcp', VIPS.nat, 80), `rs1 sees ${D1}`);
    assert.equal(await mssSeen('tunl0', VIPS.tun), 1440);
    assert.equal(network.exec('d1', 'nft list tables').trim(), 'table inet lbd');
  });

  test('on_stop: remove takes the rules away', async () => {
    await keeper.call('stop', true);
    assert.equal(network.exec('d1', 'nft list ruleset'), '');
    assert.equal(await ask('tcp', VIPS.nat, 80), 'none');
  });
});
