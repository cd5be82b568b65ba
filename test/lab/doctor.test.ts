/** lbctl doctor on a kernel with IPVS: what it calls broken is broken, and its cures, run as printed, mend it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ApiDoctor, ApiFinding } from '../../src/control/api.js';
import { createDirector, type Director } from './kit/director.js';
import { buildNetwork, giveVip, type Network, VIP } from './kit/net.js';
import { type Program, start, until } from './kit/shell.js';

const script = (name: string) => fileURLToPath(new URL(`./kit/${name}.js`, import.meta.url));
const NAT_VIP = '192.0.2.11';
const CONFIG = `
virtual_servers:
  - { name: direct, address: "${VIP}:80", scheduler: rr, forward: dr, checks: [ { type: icmp } ], real_servers: [ { address: "192.0.2.21:80" } ] }
  - { name: translated, address: "${NAT_VIP}:8080", scheduler: rr, forward: nat, checks: [ { type: icmp } ], real_servers: [ { address: "192.0.2.22:80" } ] }
`;
/** What careful firewalls begin with. */
const INVALID = `
table inet filter {
  chain input { type filter hook input priority filter; policy accept; ct state invalid drop; }
  chain forward { type filter hook forward priority filter; policy accept; ct state invalid drop; }
}
`;

let network: Network;
let d1: Director;
const webs: Program[] = [];

const onD1 = (command: string, input = '') =>
  execFileSync('ip', ['netns', 'exec', network.host('d1').netns, 'sh', '-ec', command], { encoding: 'utf8', input });

/** What the client of one connection says: the server's name, or the error. */
async function answer(address: string, port: number): Promise<string> {
  const flow = start(network.host('cli').netns, [process.execPath, script('flow'), address, String(port), '0.01', '3000']);
  const line = await flow.line(/^\{/);
  await flow.kill();
  const { who, error } = JSON.parse(line) as { who: string | null; error: string | null };
  return who ?? error ?? '';
}

function examine(): readonly ApiFinding[] {
  const { stdout, stderr } = d1.ctl('doctor', '-o', 'json');
  assert.equal(stderr, '');
  return (JSON.parse(stdout) as ApiDoctor).findings;
}

const broken = (topic: string) => examine().filter((one) => one.topic === topic && /critical|warning/.test(one.severity));

/** States of the connections to an address, as ipvsadm names them. */
const statesOf = (address: string): string[] =>
  onD1('ipvsadm -Lnc')
    .split('\n')
    .filter((line) => line.includes(` ${address}:`))
    .map((line) => line.trim().split(/\s+/)[2] as string);

describe('doctor', () => {
  before(async () => {
    network = buildNetwork(['cli', 'd1', 'rs1', 'rs2']);
    giveVip(network, 'rs1');
    network.exec('rs2', 'ip route replace 192.0.2.100/32 via 192.0.2.2');
    network.execAll('d1', [
      `ip addr add ${VIP}/32 dev eth0`,
      `ip addr add ${NAT_VIP}/32 dev eth0`,
      'sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.all.send_redirects=1 net.ipv4.conf.eth0.send_redirects=1',
    ]);
    for (const name of ['rs1', 'rs2']) {
      const web = start(network.host(name).netns, [process.execPath, script('web'), name, '80']);
      webs.push(web);
      await web.line(/listens/);
    }
    d1 = createDirector(network.host('d1').netns, 'd1');
    d1.configure(CONFIG);
    await d1.start();
    await d1.when('both up', (status) => status.services.every((one) => one.up === 1 && one.in_sync));
  });

  after(async () => {
    await d1?.destroy();
    for (const web of webs) await web.kill();
    network?.destroy();
  });

  test('IPVS is seen', () => {
    const ipvs = examine().filter((one) => one.topic === 'ipvs');
    assert.deepEqual(
      ipvs.map((one) => one.severity),
      ['ok'],
    );
    assert.match(ipvs[0]?.text ?? '', /^IPVS 1\.2\.1 of kernel \S+, connection table of 4096 buckets$/);
  });

  test('settings are told with their reason', () => {
    const settings = examine().filter((one) => one.topic === 'settings');
    assert.ok(settings.length >= 3 && settings.every((one) => one.severity === 'ok'), JSON.stringify(settings));
    assert.match(settings.map((one) => one.text).join('\n'), /net\.ipv4\.vs\.expire_nodest_conn is 1: clients of a real server/);
  });

  test('without forwarding nat is dead and dr is not; the cures bring it to life', async () => {
    assert.deepEqual([await answer(NAT_VIP, 8080), await answer(VIP, 80)], ['timeout', 'rs1']);
    const found = [...broken('ip_forward'), ...broken('send_redirects')];
    assert.deepEqual(
      found.map((one) => one.severity),
      ['critical', 'warning'],
    );
    for (const { cure } of found) onD1(cure);
    assert.deepEqual([...broken('ip_forward'), ...broken('send_redirects')], []);
    assert.equal(await answer(NAT_VIP, 8080), 'rs2');
  });

  test('a firewall that drops invalid packets: nat is dead, dr does not close; the cures mend both', async () => {
    onD1('nft -f -', INVALID);
    assert.deepEqual([await answer(NAT_VIP, 8080), await answer(VIP, 80)], ['timeout', 'rs1']);
    assert.ok(statesOf(VIP).includes('ESTABLISHED'), onD1('ipvsadm -Lnc'));
    const found = broken('firewall');
    assert.deepEqual(
      found.map((one) => one.cure),
      [
        `nft insert rule inet filter input ip daddr . tcp dport { ${VIP} . 80, ${NAT_VIP} . 8080 } ct state invalid accept`,
        'nft insert rule inet filter forward ip saddr 192.0.2.22 tcp sport 80 accept',
      ],
    );
    for (const { cure } of found) onD1(cure);
    assert.deepEqual(broken('firewall'), []);
    assert.equal(await answer(NAT_VIP, 8080), 'rs2');
    assert.equal(await answer(VIP, 80), 'rs1');
    // The first connection's FIN, sent again and again, gets through now too.
    await until('every connection is closed', () => !statesOf(VIP).includes('ESTABLISHED'));
  });

  test('with conntrack the same firewall lets no dr connection through', async () => {
    onD1('nft flush ruleset && nft -f -', INVALID);
    d1.configure(`${CONFIG}kernel_settings: { conntrack: 1 }\n`);
    assert.equal(d1.ctl('reload').status, 0);
    await until('conntrack is set', () => onD1('sysctl -n net.ipv4.vs.conntrack').trim() === '1');
    assert.deepEqual([await answer(NAT_VIP, 8080), await answer(VIP, 80)], ['rs2', 'timeout']);
    const [found, ...more] = broken('firewall');
    assert.deepEqual(more, []);
    assert.match(
      found?.text ?? '',
      /to direct are dropped by rule handle \d+ of chain inet filter input: .* no connection is established$/,
    );
    onD1(found?.cure ?? '');
    assert.deepEqual([await answer(NAT_VIP, 8080), await answer(VIP, 80)], ['rs2', 'rs1']);
  });
});
