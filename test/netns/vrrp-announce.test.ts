/** What neighbours believe after everything that may have made them wrong: the client's own table is the proof. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { after, afterEach, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ANNOUNCEMENTS } from '../../src/base/announcements.js';
import { inLanes } from './lanes.js';
import {
  buildLan,
  endAll,
  type Folders,
  holds,
  type Lan,
  type Lbd,
  makeFolders,
  type Settings,
  startLbd,
  until,
  VIP,
  VIP6,
} from './vrrp-harness.js';

const CLAIMS = fileURLToPath(new URL('./vrrp-claims.js', import.meta.url));
const WRONG = '02:00:00:00:09:77';
const MAC = { d1: '02:00:00:00:09:01', d2: '02:00:00:00:09:02' } as const;
const vipOf = (family: 4 | 6) => (family === 4 ? VIP : VIP6);

inLanes('announcements', 3, (test) => {
  let lan: Lan;
  let folders: Folders;
  const running: Lbd[] = [];
  const lbd = async (host: string, settings: Settings): Promise<Lbd> => {
    const one = await startLbd(lan, host, folders.of(host), settings);
    running.push(one);
    return one;
  };
  const entry = (address: string) => lan.exec('cli', `ip neigh show ${address} dev eth0`);
  /** As if the last one that the client heard were another host. */
  const mislead = (address: string) => lan.exec('cli', `ip neigh replace ${address} lladdr ${WRONG} dev eth0 nud reachable`);
  const believes = (address: string, mac: string, limit = 5000) =>
    until(`the client has ${address} at ${mac}`, () => entry(address).includes(mac), limit).catch((error: Error) => {
      throw new Error(`${error.message}; it has ${entry(address)}`);
    });

  before(() => {
    lan = buildLan();
    folders = makeFolders();
  });
  afterEach(async () => {
    await endAll(running);
    lan.exec('cli', 'nft flush ruleset');
    for (const host of ['d1', 'd2']) {
      for (const vip of [`${VIP}/24`, `${VIP6}/128`, 'fe80::9:100/128'])
        if (await holds(lan, host, vip.split('/')[0] as string)) lan.exec(host, `ip addr del ${vip} dev eth0`);
    }
    lan.exec('cli', 'ip neigh flush dev eth0');
    folders.remove();
    folders = makeFolders();
  });
  after(() => {
    lan?.destroy();
    folders?.remove();
  });

  for (const family of [4, 6] as const) {
    const neighbour = family === 4 ? '10.9.0.9' : 'fd09::9';
    const vip = vipOf(family);
    const settings: Settings = { priority: 150, interval: 100, family };

    test(`are verified by a neighbour's answer, repeated until there is one, and told meanwhile, IPv${family}`, async () => {
      const drop = family === 4 ? 'arp operation request' : 'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }';
      const table = family === 4 ? 'arp lost' : 'ip6 lost';
      mislead(vip);
      lan.exec('cli', `nft add table ${table}`);
      lan.exec('cli', `nft add chain ${table} in { type filter hook input priority 0 ; }`);
      lan.exec('cli', `nft add rule ${table} in ${drop} drop`);
      const master = await lbd('d1', { ...settings, announcements: { ...ANNOUNCEMENTS, verify: [neighbour] } });
      await until('it is told', async () => (await master.report()).announcements.verify === 'failed');
      assert.match((await master.report()).announcements.text, new RegExp(`^${neighbour} does not answer to .*${vip}`));
      assert.ok(master.events.some((one) => one.startsWith(`${neighbour} does not answer to `)));
      assert.ok(entry(vip).includes(WRONG));
      lan.exec('cli', `nft delete table ${table}`);
      await until('it is verified', async () => (await master.report()).announcements.verify === 'verified');
      assert.ok(entry(vip).includes(MAC.d1), entry(vip));
      assert.ok(master.events.some((one) => one.includes('neighbours know where the addresses are')));
    });

    test(`follow another MAC of the interface, IPv${family}`, async () => {
      const master = await lbd('d1', settings);
      await master.when('master');
      mislead(vip);
      lan.exec('d1', 'ip link set eth0 address 02:00:00:00:09:0f');
      try {
        await believes(vip, '02:00:00:00:09:0f');
      } finally {
        lan.exec('d1', `ip link set eth0 address ${MAC.d1}`);
      }
      await believes(vip, MAC.d1);
      assert.equal((await master.report()).became_master, 1);
    });

    for (const stopped of family === 4 ? [500, 5000] : [500]) {
      test(`come again after the process was stopped for ${stopped / 1000} s, IPv${family}`, async () => {
        const master = await lbd('d1', settings);
        const backup = await lbd('d2', { ...settings, priority: 100 });
        await master.when('master');
        await until('the backup hears the master', async () => (await backup.report()).adverts_received > 0);
        mislead(vip);
        master.child.kill('SIGSTOP');
        await Promise.all([believes(vip, MAC.d2), sleep(stopped)]);
        mislead(vip);
        master.child.kill('SIGCONT');
        await believes(vip, MAC.d1);
        await backup.when('backup');
        const { lateness, became_master } = await master.report();
        assert.equal(became_master, 1);
        assert.ok(lateness.max_ms > stopped - 200, `the stop is told as lateness: ${lateness.max_ms} ms`);
      });
    }
  }

  test('come again after another master was heard, and after an address was put back', async () => {
    const master = await lbd('d1', { priority: 150, interval: 100 });
    await master.when('master');
    const intruder = await lbd('d2', { priority: 100, interval: 100 });
    await until('the intruder hears the master', async () => (await intruder.report()).adverts_received > 0);
    mislead(VIP);
    lan.exec('d1', `ip addr del ${VIP}/24 dev eth0`);
    await believes(VIP, MAC.d1);
    mislead(VIP);
    // Deaf for a moment, it is master too; and is heard.
    lan.exec('d2', 'nft add table ip deaf');
    lan.exec('d2', 'nft add chain ip deaf in { type filter hook input priority 0 ; }');
    lan.exec('d2', 'nft add rule ip deaf in ip protocol 112 drop');
    await intruder.when('master');
    lan.exec('d2', 'nft delete table ip deaf');
    await intruder.when('backup');
    await believes(VIP, MAC.d1);
  });

  test('keep their distance on an interface, over all instances', async () => {
    const listener: ChildProcess = lan.adopt(
      spawn('ip', ['netns', 'exec', lan.ns('cli'), process.execPath, CLAIMS, 'listen'], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      }),
    );
    const heard: { address: unknown; at: number }[] = [];
    listener.on('message', (address) => heard.push({ address, at: performance.now() }));
    await until('the listener is ready', () => heard.length > 0);
    const addresses = Array.from({ length: 20 }, (_, i) => `10.9.0.${100 + i}/24`);
    const announcements = { ...ANNOUNCEMENTS, repeat: 1, delay: 0, interval: 20 };
    const master = await lbd('d1', { priority: 255, interval: 100, addresses, announcements });
    await until('all are announced', () => new Set(heard.map((one) => one.address)).size === 21);
    const [first, last] = [heard[1]?.at as number, heard.at(-1)?.at as number];
    // Messages may come in one go at the end; they cannot come before their frame.
    assert.ok(last - first > 0.7 * 19 * 20, `20 frames within ${last - first} ms`);
    assert.equal(heard.length, 21);
    assert.equal((await master.report()).state, 'master');
    await master.stop();
    listener.kill('SIGKILL');
  });
});
