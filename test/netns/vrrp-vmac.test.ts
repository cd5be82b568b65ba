/** A virtual MAC: what neighbours see of it, and that nothing of it is left. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach } from 'node:test';
import type { VrrpInstanceConfig } from '../../src/config/types.js';
import { inLanes } from './lanes.js';
import {
  buildLan,
  endAll,
  type Folders,
  instance,
  type Lan,
  type Lbd,
  makeFolders,
  NOISE,
  startLbd,
  startTraffic,
  until,
  VIP,
  VIP6,
} from './vrrp-harness.js';

const NAME = 'vrrp.51';
/** Master-down time less an interval must be longer than the start of a process takes on a busy machine. */
const SLOW = 500;

function conf(host: string, family: 4 | 6, interval: number): VrrpInstanceConfig {
  const priority = host === 'd1' ? 150 : 100;
  const addresses =
    family === 4
      ? [{ address: VIP, length: 32, dev: NAME }]
      : ['fe80::200:5eff:fe00:233', VIP6].map((address) => ({ address, length: 128, dev: NAME }));
  return { ...instance({ priority, interval, family }), addresses, vmac: { name: NAME } };
}

inLanes('a virtual MAC', 3, (test) => {
  let lan: Lan;
  let folders: Folders;
  const running: Lbd[] = [];
  const start = async (host: string, family: 4 | 6, interval = 200): Promise<Lbd> => {
    const whole = conf(host, family, interval);
    const one = await startLbd(lan, host, folders.of(host), { priority: whole.priority, whole });
    running.push(one);
    return one;
  };
  const sysctl = (host: string, name: string) => lan.exec(host, `sysctl -n net.ipv4.conf.eth0.${name}`).trim();
  const links = (host: string) => lan.exec(host, 'ip -o link show');
  /** A datagram to nobody: both ends learn each other's MAC. */
  const speak = (host: string, to: string) => {
    const script = `const s = require('node:dgram').createSocket('udp4'); s.send('x', 9, '${to}', () => setTimeout(() => s.close(), 50))`;
    execFileSync('ip', ['netns', 'exec', lan.ns(host), process.execPath, '-e', script]);
  };
  const neighbour = (address: string) => lan.exec('cli', `ip neigh show ${address} dev eth0`);

  beforeEach(() => {
    lan = buildLan();
    folders = makeFolders();
  });
  afterEach(async () => {
    await endAll(running);
    lan.destroy();
    folders.remove();
  });

  for (const [family, address, mac] of [
    [4, VIP, '00:00:5e:00:01:33'],
    [6, VIP6, '00:00:5e:00:02:33'],
  ] as const) {
    test(`IPv${family}: the address is at it on either director, and no datagram is lost on a planned change`, {
      timeout: 60_000,
    }, async () => {
      const first = await start('d1', family);
      await first.when('master');
      const second = await start('d2', family);
      await second.when('backup');
      await until('the adverts are heard', async () => (await second.report()).adverts_received > 2);
      assert.doesNotMatch(
        links('d2')
          .split('\n')
          .find((line) => line.includes(NAME)) ?? '',
        /[<,]UP[,>]/,
        'down on a backup',
      );
      for (const [one, up] of [
        [first, true],
        [second, false],
      ] as const)
        assert.deepEqual((await one.report()).virtual_mac, { interface: NAME, mac, there: true, up });
      const traffic = await startTraffic(lan, address);
      await traffic.take();
      assert.match(neighbour(address), new RegExp(`lladdr ${mac}`));
      if (family === 4) {
        speak('d1', '10.9.0.9');
        speak('cli', '10.9.0.1');
        await until('the client knows d1', () => /lladdr/.test(neighbour('10.9.0.1')));
        assert.match(neighbour('10.9.0.1'), /lladdr 02:00:00:00:09:01/);
        assert.match(neighbour(address), new RegExp(`lladdr ${mac}`));
        assert.deepEqual([sysctl('d1', 'arp_ignore'), sysctl('d1', 'arp_announce')], ['1', '2']);
      }
      await first.stop();
      await second.when('master');
      const report = await traffic.take();
      assert.ok(report.lost <= NOISE, JSON.stringify(report));
      assert.match(neighbour(address), new RegExp(`lladdr ${mac}`));
      assert.doesNotMatch(links('d1'), /vrrp\.51/);
      assert.deepEqual([sysctl('d1', 'arp_ignore'), sysctl('d1', 'arp_announce')], ['0', '0'], 'as it was');
      await second.stop();
    });
  }

  for (const family of [4, 6] as const) {
    test(`IPv${family}: two masters hear each other, though both send from the one MAC`, { timeout: 60_000 }, async () => {
      const [first, second] = [await start('d1', family), await start('d2', family)];
      await first.when('master');
      lan.exec('d2', 'nft add table inet cut');
      lan.exec('d2', 'nft add chain inet cut in { type filter hook input priority 0 ; }');
      lan.exec('d2', 'nft add rule inet cut in meta l4proto 112 drop');
      await second.when('master');
      lan.exec('d2', 'nft delete table inet cut');
      await second.when('backup');
      assert.equal((await first.report()).state, 'master');
      await Promise.all([first.stop(), second.stop()]);
    });
  }

  test('a crash, a changed setting, a parent made anew, a foreign interface of that name', { timeout: 60_000 }, async () => {
    const first = await start('d1', 4, SLOW);
    await first.when('master');
    lan.exec('d1', 'sysctl -qw net.ipv4.conf.eth0.arp_ignore=0');
    lan.exec('d1', `ip link set ${NAME} down`);
    await until('both are set again', () => sysctl('d1', 'arp_ignore') === '1' && /vrrp\.51.*[<,]UP[,>]/.test(links('d1')));
    await first.kill();
    const again = await start('d1', 4, SLOW);
    await again.when('master');
    assert.match(again.events.join('\n'), /goes on as master/);
    lan.exec('d1', `ip link del ${NAME}`);
    await until('it is made again', () => /vrrp\.51.*[<,]UP[,>]/.test(links('d1')));
    await until('with its address', () => lan.exec('d1', `ip -o addr show dev ${NAME}`).includes(`${VIP}/32`));
    // It dies, and whoever comes next has another file.
    await again.kill();
    const next = await startLbd(lan, 'd1', folders.of('d1'), {
      priority: 100,
      whole: { ...instance({ priority: 100, interval: SLOW }), vrid: 99, addresses: [{ address: '10.9.0.55', length: 24 }] },
    });
    running.push(next);
    await until('it is told', () =>
      /no longer configured: removed 10\.9\.0\.100\/32 dev vrrp\.51, the interface vrrp\.51 from eth0/.test(
        next.events.join('\n'),
      ),
    );
    assert.doesNotMatch(links('d1'), /vrrp\.51/);
    assert.equal(sysctl('d1', 'arp_ignore'), '0');
    await next.stop();
    const last = await start('d1', 4, SLOW);
    await last.when('master');
    await last.stop();
    assert.equal(sysctl('d1', 'arp_ignore'), '0');
    assert.doesNotMatch(links('d1'), /vrrp\.51/);

    lan.exec('d1', `ip link add ${NAME} type veth peer name far`);
    const blocked = await start('d1', 4, SLOW);
    const report = await blocked.when('fault');
    assert.match(report.reason, /there is an interface vrrp\.51 that is not of this instance/);
    lan.exec('d1', `ip link del ${NAME}`);
    await blocked.when('master');
    await blocked.stop();
  });
});
