/** Adverts to named hosts: two lbd, and lbd with keepalived, on a link that carries no multicast. */
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import type { UnicastConfig } from '../../src/config/types.js';
import { inLanes } from './lanes.js';
import {
  buildLan,
  type Folders,
  holds,
  type Lan,
  lacks,
  makeFolders,
  NOISE,
  type Settings,
  type Speaker,
  startKeepalived,
  startLbd,
  startTraffic,
  until,
  VIP,
  VIP6,
} from './vrrp-harness.js';

const NET = '10.9.0.';
const NET6 = 'fd09::';

const kinds = [
  { title: 'version 2 with a password', settings: { version: 2, interval: 1000, password: 's3cret' }, vip: VIP, nets: [NET] },
  { title: 'version 3, IPv4', settings: { interval: 100 }, vip: VIP, nets: [NET] },
  { title: 'version 3, IPv6', settings: { family: 6, interval: 100 }, vip: VIP6, nets: [NET6] },
  {
    title: 'version 3, both families in one',
    settings: { family: 'both', interval: 100 },
    vip: [VIP, VIP6],
    nets: [NET, NET6],
  },
] as const;

const TTL = 64;

const namesOf = (nets: readonly string[], numbers: readonly number[], ttl?: number): UnicastConfig['peers'] =>
  nets.flatMap((net) => numbers.map((number) => ({ address: `${net}${number}`, minTtl: ttl ?? 1, maxTtl: ttl ?? 255 })));

/** Both are named on either side: who sends is no peer of itself. Of IPv4 the first address is the source anyway. */
const unicast = (nets: readonly string[], host: string, ttl?: number): UnicastConfig => ({
  source: `${nets.at(-1)}${host.slice(1)}`,
  peers: namesOf(nets, [1, 2], ttl),
  ...(ttl === undefined ? {} : { ttl }),
});

function pairOf({ title, settings, vip, nets }: (typeof kinds)[number]): void {
  inLanes(title, settings.interval === 1000 ? 2 : 1, (test) => {
    let lan: Lan;
    let folders: Folders;
    const settingsOf = (host: string, ttl?: number): Settings => ({
      ...settings,
      priority: host === 'd1' ? 150 : 100,
      unicast: unicast(nets, host, ttl),
    });
    const lbd = (host: string, ttl?: number) => startLbd(lan, host, folders.of(host), settingsOf(host, ttl));
    const hearsGroup = (host: string) => / 224\.0\.0\.18| ff02::12\b/.test(lan.exec(host, 'ip maddr show dev eth0'));
    const keepalived = (host: string): Promise<Speaker> => {
      const { unicast: both, ...rest } = settingsOf(host);
      const peers = namesOf(nets, [host === 'd1' ? 2 : 1]);
      return startKeepalived(lan, host, folders.of(host), { ...rest, unicast: { ...both, peers } });
    };

    before(() => {
      lan = buildLan();
      folders = makeFolders();
      // The group is unreachable, as in most clouds.
      for (const host of ['d1', 'd2']) {
        lan.exec(host, 'nft add table inet t');
        lan.exec(host, 'nft add chain inet t in { type filter hook input priority 0 ; }');
        for (const group of ['ip6 daddr ff02::12', 'ip daddr 224.0.0.18']) lan.exec(host, `nft add rule inet t in ${group} drop`);
      }
    });
    after(() => {
      lan?.destroy();
      folders?.remove();
    });

    test('a pair of lbd: one master, nothing lost on a planned change, a stranger counts for nothing', {
      timeout: 60_000,
    }, async () => {
      // Exactly as it was sent, or it is refused.
      const [d1, d2] = await Promise.all([lbd('d1', TTL), lbd('d2', TTL)]);
      await d1.when('master');
      await d2.when('backup');
      await until('d2 hears the master', async () => (await d2.report()).master?.address === `${nets[0]}1`);
      const traffic = await startTraffic(lan, vip);
      await traffic.take();
      await d1.stop();
      await d2.when('master');
      const report = await traffic.take();
      assert.ok(report.lost <= NOISE, JSON.stringify(report));
      for (const { rejected } of await d2.reports()) assert.deepEqual(rejected, []);
      assert.ok(!hearsGroup('d2'));
      d2.configure({
        ...settingsOf('d2'),
        unicast: { ...unicast(nets, 'd2'), peers: namesOf(nets, [77]) },
      });
      const again = await lbd('d1');
      await again.when('master');
      await until('it is refused', async () =>
        (await d2.report()).rejected.some((one) => one.reason === 'peer' && one.from === `${nets[0]}1`),
      );
      assert.equal((await d2.report()).state, 'master', 'two that do not know each other');
      d2.configure(settingsOf('d2'));
      await d2.when('backup');
      const { unicast: _, ...toGroup } = settingsOf('d2');
      d2.configure(toGroup);
      await until('it joins the group', () => hearsGroup('d2'));
      d2.configure(settingsOf('d2'));
      await until('it leaves the group', () => !hearsGroup('d2'));
      await Promise.all([again.stop(), d2.stop()]);
    });

    test('lbd and keepalived hear each other, either as master', { timeout: 60_000 }, async () => {
      const master = await lbd('d1');
      await master.when('master');
      const backup = await keepalived('d2');
      assert.ok(await lacks(lan, 'd2', vip));
      await master.stop();
      await until('keepalived takes over', () => holds(lan, 'd2', vip));
      const back = await lbd('d1');
      await back.when('master');
      await until('keepalived yields', () => lacks(lan, 'd2', vip));
      for (const { rejected } of await back.reports()) assert.deepEqual(rejected, []);
      await backup.stop();
      await back.stop();
    });
  });
}

describe('unicast', { concurrency: kinds.length }, () => {
  for (const kind of kinds) pairOf(kind);
});
