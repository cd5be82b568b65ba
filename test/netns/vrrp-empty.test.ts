/** Instances that name no address: what hangs on them goes with the office, and keepalived has the same (version 2 alone). */
import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';
import type { VirtualRoute, VrrpInstanceConfig } from '../../src/config/types.js';
import { inLanes } from './lanes.js';
import {
  buildLan,
  endAll,
  type Folders,
  instance,
  type Lan,
  type Lbd,
  makeFolders,
  type Speaker,
  startKeepalived,
  startLbd,
  until,
} from './vrrp-harness.js';

const ROUTE: VirtualRoute = { to: { address: '203.0.113.0', length: 24 }, via: '10.9.0.9', table: 254 };

inLanes('an instance without addresses', 2, (test) => {
  let lan: Lan;
  let folders: Folders;
  const running: Lbd[] = [];
  const peers: Speaker[] = [];
  const conf = (more: Partial<VrrpInstanceConfig>): VrrpInstanceConfig => ({
    ...instance({ priority: 100, addresses: [] }),
    routes: [ROUTE],
    ...more,
  });
  const start = async (host: string, whole: VrrpInstanceConfig): Promise<Lbd> => {
    const one = await startLbd(lan, host, folders.of(host), { priority: whole.priority, whole });
    running.push(one);
    return one;
  };
  const hasRoute = (host: string) => lan.exec(host, 'ip route show').includes('203.0.113.0/24');

  before(() => {
    lan = buildLan();
    folders = makeFolders();
  });
  afterEach(async () => {
    await endAll(running);
    for (const one of peers.splice(0)) await one.kill();
  });
  after(() => {
    lan.destroy();
    folders.remove();
  });

  test('its routes go with the office: to another lbd, at a stop, in FAULT, after a crash', { timeout: 30_000 }, async () => {
    const one = await start('d1', conf({ priority: 150, advertInterval: 100 }));
    await one.when('master');
    await until('the route', () => hasRoute('d1'));
    const other = await start('d2', conf({ advertInterval: 100 }));
    await until('it hears the master', async () => (await other.report()).adverts_received > 3);
    assert.deepEqual((await other.report()).rejected, []);
    assert.ok(!hasRoute('d2'));

    lan.cable('d1', 'down');
    await one.when('fault');
    await other.when('master');
    await until('the route has moved', () => !hasRoute('d1') && hasRoute('d2'));
    lan.cable('d1', 'up');
    await one.when('master');
    await until('the route is back', () => hasRoute('d1') && !hasRoute('d2'));

    await one.kill();
    await other.when('master');
    assert.ok(hasRoute('d1'));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const next = await start('d1', conf({ advertInterval: 100 }));
    await until('what the crash left is gone', () => !hasRoute('d1'));
    await other.stop();
    assert.ok(!hasRoute('d2'));
    await next.when('master');
    await next.stop();
    assert.ok(!hasRoute('d1'));
  });

  test('keepalived hears it and is heard', { timeout: 40_000 }, async () => {
    const old = { version: 2, advertInterval: 1000 } as const;
    const peer = await startKeepalived(lan, 'd2', folders.of('d2'), { priority: 100, version: 2, interval: 1000, addresses: [] });
    peers.push(peer);
    const one = await start('d1', conf({ ...old, priority: 150 }));
    const { adverts_sent: sent } = await one.when('master');
    const before = await until('adverts, after the last one of keepalived', async () => {
      const found = await one.report();
      return found.adverts_sent > sent + 1 && found;
    });
    const later = await until('more of them', async () => {
      const found = await one.report();
      return found.adverts_sent > before.adverts_sent + 2 && found;
    });
    assert.deepEqual([later.adverts_received, later.rivals, later.rejected], [before.adverts_received, [], []]);
    await one.stop();
    const back = await start('d1', conf({ ...old, priority: 50 }));
    const { master, rejected } = await until('it hears keepalived', async () => {
      const found = await back.report();
      return found.adverts_received > 1 && found;
    });
    assert.deepEqual([master?.address, master?.priority, rejected], ['10.9.0.2', 100, []]);
    assert.equal((await back.report()).state, 'backup');

    // The same VRID, with an address.
    back.configure({ priority: 50, whole: { ...instance({ priority: 50, version: 2, interval: 1000 }) } });
    const refused = await until('they are refused', async () => (await back.report()).rejected[0]);
    assert.deepEqual([refused.reason, refused.from], ['no-addresses', '10.9.0.2']);
    await peer.stop();
  });
});
