/** What the engine can express beside plain services forwards packets as it says, on one director: marks, ranges, persistence, one packet, tunnels, SCTP. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Program as Called, startIn } from '../netns/netns.js';
import { createDirector, type Director } from './kit/director.js';
import { buildNetwork, type Network } from './kit/net.js';
import { type Program, run, start, tryRun } from './kit/shell.js';

const HOST = fileURLToPath(new URL('./kit/host.js', import.meta.url));
const ASKER = new URL('./kit/asker.js', import.meta.url);
/** Every address of it is local on the director and on the real servers, and routed to the director by the client. */
const VIPS = '198.51.100.0/24';
const [MARKED, MARKED_6] = ['198.51.100.20', '2001:db8:5::20'];
const vip = (host: number): string => `198.51.100.${host}`;
/** Every address of it is the client's; answers to those of 10.7.9.0/24 go through the director. */
const CLIENTS = '10.7.0.0/16';
const SERVERS = ['rs1', 'rs2', 'rs3'];

const config = (sctp: boolean): string => `
defaults: { scheduler: rr, forward: dr, check: { interval: 2s, timeout: 1900ms, fall: 3 }, checks: [ { type: icmp } ] }
virtual_servers:
  - { name: marked, fwmark: 7, real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
  - { name: marked6, fwmark: 8, family: ipv6, real_servers: [ { address: "2001:db8::21" }, { address: "2001:db8::22" } ] }
  - { name: range, address: [ "${vip(30)}-31:80", "${vip(33)}:80" ], real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
  - { name: every-port, address: "${vip(40)}:0", persistence: 5m, real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
  - { name: networks, address: "${vip(41)}:80", persistence: { timeout: 5m, prefix: 24 }, real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
  - { name: ops, address: "${vip(42)}:53", protocol: udp, one_packet: true, real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
  - { name: flows, address: "${vip(43)}:53", protocol: udp, real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
  - { name: ops-nat, address: "${vip(44)}:5353", protocol: udp, one_packet: true, forward: nat, real_servers: [ { address: "192.0.2.21:53" }, { address: "192.0.2.22:53" } ] }
  - name: tunnels
    address: "${vip(45)}:80"
    forward: tun
    real_servers:
      - { address: 192.0.2.21, tun: { type: gue } }
      - { address: 192.0.2.22, tun: { type: gre } }
      - { address: "2001:db8::23" }
  - name: checksums
    address: "${vip(46)}:80"
    forward: tun
    real_servers:
      - { address: 192.0.2.21, tun: { type: gue, checksum: remcsum } }
      - { address: 192.0.2.22, tun: { type: gue, checksum: csum } }
      - { address: 192.0.2.23, tun: { type: gre, checksum: csum } }
  - { name: six-in-four, address: "[2001:db8:5::47]:80", forward: tun, real_servers: [ { address: 192.0.2.21, tun: { type: gue } }, { address: 192.0.2.22, tun: { type: gre } }, { address: 192.0.2.23 } ] }
${
  sctp
    ? `  - { name: sctp-dr, address: "${vip(48)}:3868", protocol: sctp, real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
  - { name: sctp-nat, address: "${vip(49)}:3900", protocol: sctp, forward: nat, real_servers: [ { address: "192.0.2.21:3868" }, { address: "192.0.2.22:3868" } ] }`
    : ''
}
`;

/** The administrator's firewall. */
const MARKS = [
  'add table inet admin',
  'add chain inet admin marks { type filter hook prerouting priority mangle ; }',
  `add rule inet admin marks ip daddr ${MARKED} tcp dport { 80, 8080 } meta mark set 7`,
  `add rule inet admin marks ip daddr ${MARKED} udp dport 53 meta mark set 7`,
  `add rule inet admin marks ip6 daddr ${MARKED_6} meta l4proto { tcp, udp } meta mark set 8`,
];
const MODULES = ['ip_vs', 'ipip', 'ip_gre', 'fou', 'fou6', 'ip6_tunnel', 'sit'];
/** What unwraps each kind of tunnel on a real server. */
const UNWRAP = [
  'ip fou add port 6080 gue',
  'ip link set tunl0 up',
  'ip link set gre0 up',
  'ip link set sit0 up',
  'sysctl -qw net.ipv4.conf.all.rp_filter=0',
];
/** On rs3 only: IPv4 in IPv6, and gre with checksums, which its receiver must expect. */
const UNWRAP_3 = [
  'ip -6 tunnel add four mode any local 2001:db8::23 remote any dev eth0',
  'ip link set four up',
  'ip tunnel add sums mode gre local 192.0.2.23 remote any csum',
  'ip link set sums up',
];

const SCTP_PORT = 3868;
/** One socket for each address: SCTP tells a client all the addresses that its server listens on. */
const SCTP_SERVER = `
import select, socket, sys
def listen(address):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)
    s.bind((address, ${SCTP_PORT})); s.listen(16)
    return s
all = [listen(address) for address in sys.argv[2:]]
print('sctp listens', flush=True)
while True:
    for s in select.select(all, [], [])[0]:
        c, _ = s.accept(); c.sendall(sys.argv[1].encode()); c.close()
`;
const SCTP_CLIENT = `
import socket, sys
for _ in range(4):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)
    s.settimeout(5); s.bind((sys.argv[3], 0)); s.connect((sys.argv[1], int(sys.argv[2])))
    print('answer', s.recv(100).decode(), flush=True); s.close()
print('done', flush=True)
`;

let network: Network;
let d1: Director;
let client: Called<never>;
let sctp = false;
const programs: Program[] = [];

function prepare(): void {
  network.execAll('d1', [
    'sysctl -qw net.ipv4.ip_forward=1',
    'sysctl -qw net.ipv4.conf.all.send_redirects=0',
    'sysctl -qw net.ipv4.conf.eth0.send_redirects=0',
    `ip route add local ${VIPS} dev lo`,
    `ip route add ${CLIENTS} via 192.0.2.100`,
    `ip addr add ${MARKED_6}/128 dev lo nodad`,
    'ip addr add 2001:db8:5::47/128 dev lo nodad',
    ...MARKS.map((rule) => `nft ${rule}`),
  ]);
  network.execAll('cli', [
    `ip route add ${VIPS} via 192.0.2.2`,
    'ip route add 2001:db8:5::/64 via 2001:db8::2',
    `ip route add local ${CLIENTS} dev lo`,
  ]);
  for (const name of SERVERS) {
    network.execAll(name, [
      `ip route add local ${VIPS} dev lo`,
      `ip route add ${CLIENTS} via 192.0.2.100`,
      'ip route add 10.7.9.0/24 via 192.0.2.2',
      `ip addr add ${MARKED_6}/128 dev lo nodad`,
      'ip addr add 2001:db8:5::47/128 dev lo nodad',
      ...UNWRAP,
      ...(name === 'rs3' ? UNWRAP_3 : []),
    ]);
  }
}

async function startServers(): Promise<void> {
  for (const name of SERVERS) {
    const own = network.host(name).address;
    const udp = [MARKED, MARKED_6, vip(42), vip(43), own];
    programs.push(start(network.host(name).netns, [process.execPath, HOST, name, '80,8080,81', '53', ...udp]));
    if (sctp) programs.push(start(network.host(name).netns, ['python3', '-c', SCTP_SERVER, name, vip(48), own]));
  }
  for (const program of programs) await program.line(/listens/);
}

const names = (answers: readonly string[]): string[] => [...new Set(answers)].sort();
const BOTH = ['rs1', 'rs2'];
const times = (count: number, ...words: unknown[]): Promise<string[]> =>
  client.call(
    'all',
    ...words,
    Array.from({ length: count }, () => ({})),
  );

describe('the engine', () => {
  before(async () => {
    run(`modprobe -a ${MODULES.join(' ')}`);
    sctp = tryRun('modprobe sctp') !== undefined;
    network = buildNetwork(['cli', 'd1', ...SERVERS]);
    prepare();
    await startServers();
    client = startIn(network.host('cli').netns, ASKER);
    d1 = createDirector(network.host('d1').netns, 'd1');
    d1.configure(config(sctp));
    await d1.start();
    await d1.when(
      'all up',
      ({ services }) => services.length > 9 && services.every((one) => one.up === one.total && one.in_sync),
    );
  });

  after(async () => {
    client?.signal('SIGKILL');
    await d1?.destroy();
    for (const program of programs) await program.kill();
    network?.destroy();
  });

  test('a mark: TCP and UDP, IPv4 and IPv6, of every marked port and of no other', async () => {
    for (const to of [MARKED, MARKED_6]) {
      assert.deepEqual(names(await times(4, 'tcp', to, 80)), BOTH, to);
      assert.deepEqual(names(await times(4, 'tcp', to, 8080)), BOTH, to);
      assert.deepEqual(names(await times(4, 'udp', to, 53)), BOTH, to);
    }
    assert.equal(await client.call('tcp', MARKED, 81), 'ECONNREFUSED');
  });

  test('a list and a range: one definition, three addresses', async () => {
    for (const host of [30, 31, 33]) assert.deepEqual(names(await times(4, 'tcp', vip(host), 80)), BOTH, vip(host));
    assert.equal(await client.call('tcp', vip(32), 80), 'ECONNREFUSED');
  });

  test('port 0 with persistence: a client has one real server on all ports', async () => {
    const froms = Array.from({ length: 6 }, (_, i) => ({ address: `10.7.1.${i + 1}` }));
    const first = await client.call<string[]>('all', 'tcp', vip(40), 80, froms);
    assert.deepEqual(names(first), BOTH);
    assert.deepEqual(await client.call('all', 'tcp', vip(40), 8080, froms), first);
    assert.deepEqual(await client.call('all', 'tcp', vip(40), 80, froms), first);
  });

  test('persistence with a prefix: a network of clients has one real server', async () => {
    const of = (network: number) => Array.from({ length: 4 }, (_, i) => ({ address: `10.7.${network}.${i + 1}` }));
    const answers: string[][] = [];
    for (const network of [2, 3, 4, 5]) answers.push(names(await client.call<string[]>('all', 'tcp', vip(41), 80, of(network))));
    assert.ok(
      answers.every((one) => one.length === 1),
      JSON.stringify(answers),
    );
    assert.deepEqual(names(answers.flat()), BOTH);
  });

  test('one packet: datagrams of one flow go to one server after the other; otherwise to one', async () => {
    const each = await client.call<string[]>('stream', vip(42), 53, { address: '10.7.6.1', port: 4000 }, 10);
    assert.equal(each.length, 10);
    assert.deepEqual(names(each), [`rs1@${vip(42)}`, `rs2@${vip(42)}`]);
    assert.ok(Math.abs(each.filter((one) => one.startsWith('rs1')).length - 5) <= 1, JSON.stringify(each));
    const flow = await client.call<string[]>('stream', vip(43), 53, { address: '10.7.6.1', port: 4001 }, 10);
    assert.equal(flow.length, 10);
    assert.equal(names(flow).length, 1);
  });

  test('one packet with nat: the datagrams arrive, the answers do not come from the service', async () => {
    const answers = await client.call<string[]>('stream', vip(44), 5353, { address: '10.7.9.1', port: 4002 }, 6);
    assert.deepEqual(names(answers), ['rs1@192.0.2.21', 'rs2@192.0.2.22']);
  });

  test('tunnels: gue, gre, and IPv4 in IPv6', async () => assert.deepEqual(names(await times(6, 'tcp', vip(45), 80)), SERVERS));
  test('tunnels with checksums', async () => assert.deepEqual(names(await times(6, 'tcp', vip(46), 80)), SERVERS));
  test('tunnels: IPv6 in IPv4', async () => assert.deepEqual(names(await times(6, 'tcp', '2001:db8:5::47', 80)), SERVERS));

  test('SCTP by dr and nat', async (t) => {
    if (!sctp) return t.skip('this kernel has no SCTP (modprobe sctp failed)');
    for (const [address, port, from] of [
      [vip(48), '3868', '10.7.8.1'],
      [vip(49), '3900', '10.7.9.1'],
    ] as const) {
      const program = start(network.host('cli').netns, ['python3', '-c', SCTP_CLIENT, address, port, from]);
      programs.push(program);
      await program.line(/^done|Error/);
      assert.deepEqual(names(program.lines), ['answer rs1', 'answer rs2', 'done'], address);
    }
  });
});
