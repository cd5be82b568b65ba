/** Packets through the kernel: nat, dr and tun, TCP and UDP, IPv4 and IPv6, on one director. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createDirector, type Director } from './kit/director.js';
import { buildNetwork, giveVip, type Network, VIP, VIP6 } from './kit/net.js';
import { serveIn } from './kit/several.js';
import { type Program, start } from './kit/shell.js';

const script = (name: string) => fileURLToPath(new URL(`./kit/${name}.js`, import.meta.url));
const NAT_VIP = '192.0.2.11';
const TUN_VIP = '192.0.2.12';
const NAT_VIP6 = '2001:db8::11';

const CONFIG = `
defaults:
  scheduler: rr
  check: { interval: 2s, timeout: 1500ms }
  checks: [ { type: icmp } ]
virtual_servers:
  - { name: dr-tcp, address: "${VIP}:80", forward: dr, checks: [ { type: http } ], real_servers: [ { address: "192.0.2.21:80" }, { address: "192.0.2.22:80" } ] }
  - { name: dr-tcp6, address: "[${VIP6}]:80", forward: dr, checks: [ { type: http } ], real_servers: [ { address: "[2001:db8::21]:80" }, { address: "[2001:db8::22]:80" } ] }
  - { name: dr-udp, address: "${VIP}:53", protocol: udp, forward: dr, real_servers: [ { address: "192.0.2.21:53" }, { address: "192.0.2.22:53" } ] }
  - { name: nat-tcp, address: "${NAT_VIP}:8080", real_servers: [ { address: "192.0.2.21:80" }, { address: "192.0.2.22:80" } ] }
  - { name: nat-udp, address: "${NAT_VIP}:5353", protocol: udp, real_servers: [ { address: "192.0.2.21:53" }, { address: "192.0.2.22:53" } ] }
  - { name: nat-tcp6, address: "[${NAT_VIP6}]:8080", checks: [ { type: tcp } ], real_servers: [ { address: "[2001:db8::21]:80" }, { address: "[2001:db8::22]:80" } ] }
  - { name: tun-tcp, address: "${TUN_VIP}:80", forward: tun, checks: [ { type: tcp } ], real_servers: [ { address: "192.0.2.21:80" }, { address: "192.0.2.22:80" } ] }
`;
const SERVICES = 7;

let network: Network;
let d1: Director;
const programs: Program[] = [];

/** Answers go back through the director (nat), which must not tell anybody of a shorter way. */
function prepareRouting(): void {
  network.execAll('d1', [
    'sysctl -qw net.ipv4.ip_forward=1',
    'sysctl -qw net.ipv6.conf.all.forwarding=1',
    'sysctl -qw net.ipv4.conf.all.send_redirects=0',
    'sysctl -qw net.ipv4.conf.eth0.send_redirects=0',
    ...[VIP, NAT_VIP, TUN_VIP].map((vip) => `ip addr add ${vip}/32 dev eth0`),
    ...[VIP6, NAT_VIP6].map((vip) => `ip addr add ${vip}/128 dev eth0 nodad`),
  ]);
  for (const name of ['rs1', 'rs2'])
    giveVip(network, name, [
      `ip addr add ${TUN_VIP}/32 dev lo`,
      'ip link set tunl0 up',
      'sysctl -qw net.ipv6.conf.eth0.accept_redirects=0',
      'sysctl -qw net.ipv4.conf.all.rp_filter=0',
      'sysctl -qw net.ipv4.conf.tunl0.rp_filter=0',
    ]);
}

/** The client's own address behind the director, for the methods whose answers must come back through it. */
function answersThrough(director: boolean): void {
  const verb = director ? 'replace' : 'del';
  for (const name of ['rs1', 'rs2'])
    network.execAll(name, [
      `ip route ${verb} 192.0.2.100/32 via 192.0.2.2`,
      `ip route ${verb} 2001:db8::100/128 via 2001:db8::2`,
    ]);
}

async function httpAnswers(address: string, port: number, count: number): Promise<string[]> {
  const flow = start(network.host('cli').netns, [process.execPath, script('flow'), address, String(port), '20', '3000']);
  await new Promise<void>((resolve) => {
    let seen = 0;
    flow.onLine(() => {
      if (++seen === count) resolve();
    });
  });
  await flow.kill();
  return flow.lines.slice(0, count).map((line) => (JSON.parse(line) as { who: string | null; error: string | null }).who ?? line);
}

async function udpAnswers(address: string, port: number, count: number): Promise<string[]> {
  const program = start(network.host('cli').netns, [
    process.execPath,
    script('udp'),
    'ask',
    address,
    String(port),
    String(count),
  ]);
  return JSON.parse(await program.line(/^\[/)) as string[];
}

function assertBothAnswer(answers: readonly string[]): void {
  assert.deepEqual([...new Set(answers)].sort(), ['rs1', 'rs2'], `${JSON.stringify(answers)}\n${d1.ctl('list').stdout}`);
}

describe('forwarding', () => {
  before(async () => {
    network = buildNetwork(['cli', 'd1', 'rs1', 'rs2']);
    await start(undefined, ['modprobe', 'ipip']).ended;
    prepareRouting();
    const serve = (name: string) => {
      const { netns, address } = network.host(name);
      return serveIn(netns, ['web', name, '80'], ['udp', 'serve', name, '53', VIP, address]);
    };
    programs.push(...(await Promise.all(['rs1', 'rs2'].map(serve))));
    d1 = createDirector(network.host('d1').netns, 'd1');
    d1.configure(CONFIG);
    await d1.start();
    await d1.when(
      'every server up',
      (status) => status.services.filter((one) => one.up === 2 && one.in_sync).length === SERVICES,
    );
  });

  after(async () => {
    await d1?.destroy();
    for (const program of programs) await program.kill();
    network?.destroy();
  });

  test('the table is what ipvsadm shows', () => {
    const table = network.exec('d1', 'ipvsadm -Sn');
    assert.match(table, /-a -t 192\.0\.2\.11:8080 -r 192\.0\.2\.21:80 -m -w 1/);
    assert.match(table, /-a -t 192\.0\.2\.12:80 -r 192\.0\.2\.22:80 -i -w 1/);
    assert.match(table, /-a -u 192\.0\.2\.10:53 -r 192\.0\.2\.21:53 -g -w 1/);
    assert.match(table, /-a -t \[2001:db8::10\]:80 -r \[2001:db8::22\]:80 -g -w 1/);
  });

  test('dr: TCP', async () => assertBothAnswer(await httpAnswers(VIP, 80, 10)));
  test('dr: TCP over IPv6', async () => assertBothAnswer(await httpAnswers(VIP6, 80, 10)));
  test('dr: UDP', async () => assertBothAnswer(await udpAnswers(VIP, 53, 6)));
  test('tun: TCP', async () => assertBothAnswer(await httpAnswers(TUN_VIP, 80, 10)));
  test('nat: TCP and UDP, ports changed', async () => {
    answersThrough(true);
    assertBothAnswer(await httpAnswers(NAT_VIP, 8080, 10));
    assertBothAnswer(await udpAnswers(NAT_VIP, 5353, 6));
  });
  test('nat: TCP over IPv6', async () => assertBothAnswer(await httpAnswers(NAT_VIP6, 8080, 10)));

  test('answers go straight to the client again', () => answersThrough(false));

  test('ICMP checks: a server whose network is gone leaves the services, and returns', async () => {
    network.cable('rs2', 'down');
    await d1.when('rs2 is down everywhere', (status) => status.services.every((one) => one.up === 1));
    assert.doesNotMatch(network.exec('d1', 'ipvsadm -Sn'), /-r (192\.0\.2\.22|\[2001:db8::22\])/);
    network.cable('rs2', 'up');
    await d1.when('rs2 is back everywhere', (status) => status.services.every((one) => one.up === 2));
  });

  test('a scheduler that this kernel lacks is named, and the others are served', async () => {
    d1.configure(CONFIG.replace('name: tun-tcp,', 'name: tun-tcp, scheduler: twos,'));
    const reload = d1.ctl('reload');
    assert.equal(reload.status, 0, reload.stderr);
    await d1.when(
      'tun-tcp is not as wanted',
      (status) => status.services.find((one) => one.name === 'tun-tcp')?.in_sync === false,
    );
    assert.match(d1.ctl('why', 'tun-tcp').stdout, /this kernel has no scheduler "twos"/);
    assertBothAnswer(await httpAnswers(VIP, 80, 6));
    d1.configure(CONFIG);
    assert.equal(d1.ctl('reload').status, 0);
    await d1.when('all as wanted', (status) => status.services.every((one) => one.in_sync));
  });

  test('on_stop: remove takes the services back and leaves foreign ones', async () => {
    network.exec('d1', 'ipvsadm -A -t 192.0.2.99:99 -s rr');
    d1.configure(CONFIG, 'on_stop: remove');
    assert.equal(d1.ctl('reload').status, 0);
    assert.equal(await d1.stop(), 0);
    assert.equal(network.exec('d1', 'ipvsadm -Sn').trim(), '-A -t 192.0.2.99:99 -s rr');
  });
});
