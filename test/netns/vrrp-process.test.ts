/** The vrrp process and what may happen to it and around it, over IPv4, IPv6, and with both families in one object. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, afterEach, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { toHex } from '../../src/base/bytes.js';
import { AUTH_NONE, encodeAdvert, NO_AUTH, VRRP_GROUP } from '../../src/wire/vrrp.js';
import { monitorAddresses } from './address-monitor.js';
import {
  buildLan,
  endAll,
  type Folders,
  holds,
  type Lan,
  type Lbd,
  lacks,
  makeFolders,
  type Settings,
  startLbd,
  until,
  VIP,
  VIP6,
  VRID,
} from './vrrp-harness.js';

const CLAIMS = fileURLToPath(new URL('./vrrp-claims.js', import.meta.url));
const FORGE = fileURLToPath(new URL('./vrrp-forge.js', import.meta.url));

interface Kind {
  readonly title: string;
  readonly family: 4 | 6 | 'both';
  /** With their lengths, as they are configured. */
  readonly addresses: readonly string[];
  readonly more: string;
}

const KINDS: readonly Kind[] = [
  { title: 'IPv4', family: 4, addresses: [`${VIP}/24`], more: '10.9.0.101/24' },
  { title: 'IPv6', family: 6, addresses: ['fe80::9:100/128', `${VIP6}/128`], more: 'fd09::101/128' },
  { title: 'both families', family: 'both', addresses: [`${VIP}/24`, `${VIP6}/64`], more: 'fd09::101/64' },
];

const bare = (prefix: string): string => prefix.split('/')[0] as string;

function suiteOf({ title, family, addresses, more }: Kind): void {
  describe(title, { concurrency: 1 }, () => {
    let lan: Lan;
    let folders: Folders;
    const running: Lbd[] = [];
    const vip = addresses.map(bare);
    const fast: Settings = { priority: 150, interval: 100, family };
    /** Master-down time less an interval must be longer than the start of a process takes on a busy machine. */
    const slow: Settings = { priority: 150, interval: 500, family };
    const lbd = async (host: string, settings: Settings): Promise<Lbd> => {
      const one = await startLbd(lan, host, folders.of(host), settings);
      running.push(one);
      return one;
    };
    const aboutVip = (lines: readonly string[]) => lines.filter((line) => vip.some((one) => line.includes(` ${one}/`)));
    const hears = (one: Lbd) =>
      until('a master is heard', async () => (await one.reports()).every((each) => each.adverts_received > 0));
    /** How often each half has been master. */
    const terms = async (one: Lbd) => (await one.reports()).map((each) => each.became_master);
    const all = (count: number) => (family === 'both' ? [count, count] : [count]);

    before(() => {
      lan = buildLan();
      folders = makeFolders();
    });
    afterEach(async () => {
      await endAll(running);
      for (const host of ['d1', 'd2'])
        for (const one of vip) if (await holds(lan, host, one)) lan.exec(host, `ip addr flush dev eth0 to ${one}`);
      folders.remove();
      folders = makeFolders();
    });
    after(() => {
      lan?.destroy();
      folders?.remove();
    });

    for (const signal of ['SIGKILL', 'SIGUSR2'] as const) {
      test(`ended by ${signal} and started again within the master-down time, it goes on without a switch-over`, async () => {
        const master = await lbd('d1', slow);
        await master.when('master');
        const backup = await lbd('d2', { ...slow, priority: 100 });
        await hears(backup);
        const seen = await monitorAddresses(lan, 'd1');
        master.child.kill(signal);
        await master.ended;
        assert.ok(await holds(lan, 'd1', vip));
        const again = await lbd('d1', slow);
        assert.match((await again.when('master')).reason, /goes on as master/);
        const before = (await backup.report()).adverts_received;
        await until('the backup hears it again', async () => (await backup.report()).adverts_received > before);
        await backup.when('backup');
        assert.deepEqual(await terms(backup), all(0));
        assert.deepEqual(aboutVip(seen.lines), []);
      });
    }

    test('started too late after a crash, it removes its left-over addresses and listens', async () => {
      const master = await lbd('d1', fast);
      await master.when('master');
      await master.kill();
      assert.ok(await holds(lan, 'd1', vip));
      const backup = await lbd('d2', { ...fast, priority: 100, preempt: false });
      await backup.when('master');
      const again = await lbd('d1', { ...fast, preempt: false });
      await until('the left-over addresses are gone', () => lacks(lan, 'd1', vip));
      assert.match(again.events.join('\n'), /removes what an earlier process left/);
      await again.when('backup');
      assert.deepEqual(await terms(again), all(0));
    });

    test('addresses that somebody removes come back', async () => {
      const master = await lbd('d1', fast);
      await master.when('master');
      const began = Date.now();
      for (const one of addresses) lan.exec('d1', `ip addr del ${one} dev eth0`);
      await until('they are back', () => holds(lan, 'd1', vip), 1000);
      assert.ok(Date.now() - began < 5000);
      await until('it is told', () => master.events.some((one) => one.includes('was added again')));
      assert.deepEqual(await terms(master), all(1));
    });

    test('addresses of somebody else are reported, used, and left', async () => {
      for (const one of addresses) lan.exec('d1', `ip addr add ${one} dev eth0`);
      const master = await lbd('d1', fast);
      await master.when('master');
      await until('it is told', () => master.events.some((one) => one.includes('lbd did not add it')));
      await master.stop();
      assert.ok(await holds(lan, 'd1', vip));
    });

    test('a new process takes over from one whose core is gone', async () => {
      const old = await lbd('d1', slow);
      await old.when('master');
      const seen = await monitorAddresses(lan, 'd1');
      old.child.disconnect();
      const next = await lbd('d1', slow);
      assert.equal(await old.ended, 0);
      assert.match((await next.when('master')).reason, /goes on as master/);
      assert.deepEqual(aboutVip(seen.lines), []);
    });

    test('a reload changes an instance in place, adds and removes without an election', async () => {
      const master = await lbd('d1', fast);
      await master.when('master');
      const seen = await monitorAddresses(lan, 'd1');
      for (let i = 0; i < 20; i++) master.configure({ ...fast, priority: 150 - i });
      master.configure({ ...fast, priority: 120, addresses: [...addresses, more] });
      await until('the address more is there', () => holds(lan, 'd1', bare(more)));
      master.configure({ ...fast, priority: 120 });
      await until('it is gone', () => lacks(lan, 'd1', bare(more)));
      for (const { state, priority } of await master.reports()) assert.deepEqual([state, priority], ['master', 120]);
      assert.deepEqual(await terms(master), all(1));
      assert.deepEqual(aboutVip(seen.lines), []);
      master.send({ type: 'configure', instances: [], runDir: folders.of('d1'), routerId: 'd1' });
      await until('the removed instance has let go', () => lacks(lan, 'd1', vip));
    });

    test('an interface may be missing, come, and go', async () => {
      lan.exec('d1', 'ip link set eth0 down');
      lan.exec('d1', 'ip link set eth0 name away0');
      try {
        const one = await lbd('d1', fast);
        assert.match((await one.when('fault')).reason, /there is no interface eth0/);
        lan.exec('d1', 'ip link set away0 name eth0');
        lan.exec('d1', 'ip link set eth0 up');
        await one.when('master');
        lan.exec('d1', 'ip link set eth0 down');
        assert.match((await one.when('fault')).reason, /eth0 is down/);
        await until('the addresses are gone', () => lacks(lan, 'd1', vip));
      } finally {
        lan.exec('d1', 'ip link set eth0 name eth0');
        lan.exec('d1', 'ip link set eth0 up');
      }
    });

    // The rest has nothing to do with the family.
    if (family !== 4) return;

    test('refused adverts are counted by reason, and change nothing', async () => {
      const master = await lbd('d1', { priority: 100, interval: 100 });
      await master.when('master');
      const flow = { source: '10.9.0.9', destination: VRRP_GROUP[4] };
      const advert = { vrid: VRID, priority: 200, interval: 100, addresses: [VIP], authType: AUTH_NONE, authData: NO_AUTH };
      const good = toHex(encodeAdvert({ ...advert, version: 3 }, flow, 'pseudo'));
      const wrong = toHex(encodeAdvert({ ...advert, version: 3 }, { ...flow, source: '10.9.0.8' }, 'pseudo'));
      const old = toHex(encodeAdvert({ ...advert, version: 2, interval: 1000 }, flow, 'pseudo'));
      const packets = [wrong, '255', wrong, '255', good, '254', old, '255', good.slice(0, -4), '255', good.slice(0, 8), '255'];
      lan.exec('cli', `${process.execPath} ${FORGE} ${packets.join(' ')}`);
      const counted = await until('all are counted', async () => {
        const { rejected } = await master.report();
        return rejected.reduce((sum, one) => sum + one.count, 0) === 6 && rejected;
      });
      const counts = Object.fromEntries(counted.map((one) => [one.reason, one.count]));
      assert.deepEqual(counts, { checksum: 2, ttl: 1, version: 1, truncated: 2 });
      assert.ok(counted.every((one) => one.from === '10.9.0.9'));
      assert.equal((await master.report()).became_master, 1);
      assert.equal((await master.report()).state, 'master');
      // The same without a fault, and its master is believed.
      lan.exec('cli', `${process.execPath} ${FORGE} ${good} 255`);
      assert.match((await master.when('backup')).reason, /10\.9\.0\.9 \(priority 200\)/);
    });

    test('announcements of others are heard, over ARP and neighbour discovery, and our own are not', async () => {
      const argv = ['netns', 'exec', lan.ns('d1'), process.execPath, CLAIMS, 'listen'];
      const listener = lan.adopt(spawn('ip', argv, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
      const heard: unknown[] = [];
      listener.on('message', (message) => heard.push(message));
      await until('the listener is ready', () => heard.length > 0);
      const announce = (host: string, ...addresses: string[]) =>
        lan.exec(host, `${process.execPath} ${CLAIMS} announce ${addresses.join(' ')}`);
      announce('d1', '10.9.0.200', 'fd09::200');
      announce('d2', '10.9.0.201', 'fd09::201');
      await until('both are heard', () => heard.length >= 3);
      assert.deepEqual(heard.sort(), ['10.9.0.201', 'fd09::201', 'ready']);
      listener.kill('SIGKILL');
    });

    test('forwarding that cannot be used is FAULT, and a wait at start is no more than the gate', async () => {
      const one = await lbd('d1', { priority: 150, interval: 100 });
      await one.when('master');
      one.send({ type: 'gate', forwarding: 'unusable', reason: 'no IPVS in this kernel' });
      assert.match((await one.when('fault')).reason, /no IPVS in this kernel/);
      assert.equal(await holds(lan, 'd1', VIP), false);
      one.send({ type: 'gate', forwarding: 'ready', reason: '' });
      await one.when('master');
    });
  });
}

describe('the vrrp process', { concurrency: KINDS.length }, () => {
  for (const kind of KINDS) suiteOf(kind);
});
