/** Two directors that are the real servers too (user pain 20): every connection reaches a server at once, whoever is master. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createDirector, type Director } from './kit/director.js';
import { buildNetwork, giveVip, type Network, VIP } from './kit/net.js';
import { type Program, start, until } from './kit/shell.js';
import { monotonic, shares, startTraffic, type Traffic } from './kit/traffic.js';

const WEB = fileURLToPath(new URL('./kit/web.js', import.meta.url));
const config = (priority: number): string => `
virtual_servers:
  - name: web
    address: ${VIP}:80
    scheduler: rr
    forward: dr
    checks: [ { type: http, interval: 1s, timeout: 900ms, fall: 5 } ]
    real_servers: [ { address: 192.0.2.2 }, { address: 192.0.2.3 } ]
vrrp_instances:
  - { name: VI_1, interface: eth0, virtual_router_id: 51, priority: ${priority}, advert_interval: 300ms, virtual_addresses: [ ${VIP}/24 ] }
`;

let network: Network;
let d1: Director;
let d2: Director;
let traffic: Traffic;
const programs: Program[] = [];

const has = (director: 'd1' | 'd2') => network.exec(director, 'ipvsadm -Sn').includes(`-A -t ${VIP}:80`);
/** SYNs for the service that came in over the wire. */
const syns = () =>
  ['d1', 'd2'].reduce(
    (sum, name) => sum + Number(/packets (\d+)/.exec(network.exec(name, 'nft list table ip syns'))?.[1] ?? 0),
    0,
  );

async function calm(): Promise<void> {
  const [from, before] = [monotonic(), syns()];
  const answers = await traffic.more(40);
  assert.deepEqual(
    traffic.between(from).filter((answer) => answer.error !== null),
    [],
  );
  const wire = syns() - before;
  // Once to the master, and once more to the other one for every second connection; some are under way at both ends.
  assert.ok(wire <= 2 * answers.length + 4, `${wire} SYNs on the wire for ${answers.length} connections`);
  const { d1: first = 0, d2: second = 0 } = shares(answers);
  assert.ok(Math.min(first, second) >= answers.length / 3, `spread ${first}, ${second}`);
}

describe('directors that are the real servers too', () => {
  before(async () => {
    network = buildNetwork(['cli', 'd1', 'd2']);
    for (const name of ['d1', 'd2']) {
      giveVip(network, name, [
        'nft add table ip syns',
        'nft add chain ip syns in { type filter hook prerouting priority -500 ; }',
        `nft add rule ip syns in iifname eth0 ip daddr ${VIP} tcp dport 80 tcp flags & (syn|ack) == syn counter`,
      ]);
      const program = start(network.host(name).netns, [process.execPath, WEB, name, '80']);
      programs.push(program);
      await program.line(/listens/);
    }
    d1 = createDirector(network.host('d1').netns, 'd1');
    d2 = createDirector(network.host('d2').netns, 'd2');
    d1.configure(config(150));
    d2.configure(config(100));
    await Promise.all([d1.start(), d2.start()]);
    await d1.when('master', (status) => status.instances[0]?.state === 'master' && status.services[0]?.up === 2);
    await d2.when('backup', (status) => status.instances[0]?.state === 'backup' && status.services[0]?.up === 2);
    await until('d1 has the service, d2 has not', () => has('d1') && !has('d2'));
    traffic = startTraffic(network.host('cli').netns, VIP, 80, 20, 10_000);
    await traffic.next((answer) => answer.error === null);
  });

  after(async () => {
    await traffic?.stop();
    await d1?.destroy();
    await d2?.destroy();
    for (const program of programs) await program.kill();
    network?.destroy();
  });

  test('the backup has no service in its kernel, and says why; nothing loops', async () => {
    await calm();
    const status = await d2.status();
    assert.equal(status.services[0]?.stands_back_for, 'VI_1');
    assert.ok(!status.problems.some((one) => one.text.startsWith('web')), JSON.stringify(status.problems));
    assert.match(d2.ctl('list').stdout, /not in the kernel while VI_1 is not master here/);
  });

  test('the master stops in order: the other one takes the service with the address', async () => {
    assert.equal(await d1.stop(), 0);
    await until('d2 has it', () => has('d2'));
    assert.ok(!has('d1'), 'a table left behind would forward again what is forwarded to it');
    await calm();
  });

  test('it comes back, and takes over: the other one gives the service up', async () => {
    await d1.start();
    await d1.when('master again', (status) => status.instances[0]?.state === 'master');
    await until('d1 has the service, d2 has not', () => has('d1') && !has('d2'));
    await traffic.next((answer) => answer.error === null && answer.at > monotonic() - 1000);
    await calm();
  });
});
