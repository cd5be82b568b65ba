/** `accept: false`: nothing gets in at the addresses of an instance, at no moment, and neighbours are answered all the same. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, afterEach, before } from 'node:test';
import type { HeldAddress, VrrpInstanceConfig } from '../../src/config/types.js';
import { inLanes } from './lanes.js';
import {
  buildLan,
  endAll,
  type Folders,
  instance,
  type Lan,
  type Lbd,
  makeFolders,
  startLbd,
  startTraffic,
  until,
  VIP,
  VIP6,
} from './vrrp-harness.js';

/** Master-down time less an interval must be longer than the start of a process takes on a busy machine. */
const SETTINGS = { priority: 150, interval: 400 };
const OWN: readonly HeldAddress[] = [{ address: VIP, length: 24 }];
const BESIDE = '10.9.0.101';

inLanes('accept: false', 3, (test) => {
  let lan: Lan;
  let folders: Folders;
  const running: Lbd[] = [];
  const conf = (more: Partial<VrrpInstanceConfig> = {}): VrrpInstanceConfig => ({
    ...instance(SETTINGS),
    addresses: OWN,
    accept: false,
    ...more,
  });
  const configure = (one: Lbd, whole: VrrpInstanceConfig) => one.configure({ priority: 150, whole });
  const start = async (whole = conf()): Promise<Lbd> => {
    const one = await startLbd(lan, 'd1', folders.of('d1'), { priority: 150, whole });
    running.push(one);
    return one;
  };
  const ruleset = () => lan.exec('d1', 'nft list ruleset');
  /** The host itself answers: that nobody listens at that port. An answer comes at once, on a busy machine within these seconds. */
  const reaches = (address: string, from = 'cli', seconds = 5): boolean => {
    const argv = ['netns', 'exec', lan.ns(from), 'timeout', `${seconds}`, 'bash', '-c', `exec 3<>/dev/tcp/${address}/9`];
    return spawnSync('ip', argv, { encoding: 'utf8' }).stderr.includes('Connection refused');
  };
  const isClosed = (address: string): boolean => !reaches(address, 'cli', 0.6);

  before(() => {
    lan = buildLan();
    folders = makeFolders();
  });
  afterEach(() => endAll(running));
  after(() => {
    lan.destroy();
    folders.remove();
  });

  test('not one datagram gets in: at a take-over, a reload, a crash, a flush of the firewall', { timeout: 60_000 }, async () => {
    const traffic = await startTraffic(lan, VIP, 200, ['d1']);
    const first = await start();
    await until('the table is there', () => ruleset().includes(VIP));
    assert.equal((await first.report()).state, 'backup', 'before any address is');
    const { accept, accept_problem: problem } = await first.when('master');
    assert.deepEqual([accept, problem], [false, null]);
    assert.match(ruleset(), /priority 110/);
    assert.ok(reaches('10.9.0.1'));
    assert.ok(reaches(VIP, 'd1'), 'what the host says to itself');
    await until('ARP is answered', () => lan.exec('cli', `ip neigh show ${VIP}`).includes('02:00:00:00:09:01'));

    configure(first, conf({ addresses: [...OWN, { address: BESIDE, length: 32, advertised: false }] }));
    await until('the other one', async () => (await first.report()).addresses.every((one) => one.held));
    assert.ok(ruleset().includes(BESIDE));
    assert.ok(isClosed(BESIDE));
    configure(first, conf());
    await until('it is gone', () => !ruleset().includes(BESIDE));

    await first.kill();
    assert.ok(ruleset().includes(VIP), 'it outlives the process');
    const second = await start();
    await second.when('master');
    // Whichever it is: a machine that is busy may take longer to start it than the master-down time (vrrp-takeover looks at that).
    assert.match(second.events.join('\n'), /goes on as master|removes what an earlier process left/);
    assert.deepEqual((await traffic.take()).by, {});

    lan.exec('d1', 'nft flush ruleset');
    await until('it is put in again', () => ruleset().includes(VIP));
    await until('it is told', () => second.events.some((text) => text.includes('removed by somebody else')));
    lan.exec('d1', 'nft add table inet others');
    await until('it is the same', async () => (await second.report()).accept_problem === null && ruleset().includes(VIP));
    await traffic.take();

    await second.stop();
    assert.doesNotMatch(ruleset(), /lbd_vrrp/);
    assert.match(ruleset(), /others/);
    assert.deepEqual((await traffic.take()).by, {});
  });

  test('it is the word of a reload; what a crash left is cleaned up by who comes next', { timeout: 60_000 }, async () => {
    const first = await start(conf({ accept: undefined } as never));
    await first.when('master');
    await until('it answers', () => reaches(VIP, 'cli', 0.6));
    assert.doesNotMatch(ruleset(), /lbd_vrrp/);
    configure(first, conf());
    await until('no more', () => isClosed(VIP));
    assert.equal((await first.report()).state, 'master');
    configure(first, conf({ accept: undefined } as never));
    await until('it answers again', () => reaches(VIP, 'cli', 0.6));
    assert.doesNotMatch(ruleset(), /lbd_vrrp/);

    configure(first, conf());
    await until('it is closed', () => ruleset().includes(VIP));
    await first.kill();
    const next = await start({ ...instance(SETTINGS), vrid: 99, addresses: [{ address: '10.9.0.55', length: 24 }] });
    await until('what was left is cleaned up', () => next.events.some((text) => text.includes('no longer configured: removed')));
    await until('the table too', () => !ruleset().includes('lbd_vrrp'));
    await next.stop();
  });

  test('IPv6: neighbours are answered, a link-local address is closed on its link', { timeout: 60_000 }, async () => {
    const addresses = ['fe80::9:100', VIP6].map((address) => ({ address, length: 128 }));
    const one = await start(conf({ ...instance({ ...SETTINGS, family: 6 }), addresses, accept: false }));
    await one.when('master');
    await until('both are held', async () => (await one.report()).addresses.every((each) => each.held));
    assert.match(ruleset(), /"eth0" \. fe80::9:100/);
    for (const address of [VIP6, 'fe80::9:100%eth0']) {
      assert.ok(isClosed(address), address);
      const shown = lan.exec('cli', `ip -6 neigh show ${address.replace('%eth0', '')} dev eth0`);
      assert.match(shown, /02:00:00:00:09:01/, 'its question is answered');
      assert.doesNotMatch(shown, /FAILED|INCOMPLETE/);
    }
    assert.ok(reaches('fd09::1'));
    await one.stop();
    assert.doesNotMatch(ruleset(), /lbd_vrrp/);
  });
});
