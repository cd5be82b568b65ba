import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { PeerConfig } from '../../../../src/config/control-types.js';
import type { VrrpInstanceConfig } from '../../../../src/config/types.js';
import { createSyncWatch, judge } from '../../../../src/daemon/core/sync-watch.js';
import type { Synced } from '../../../../src/daemon/vrrp/messages.js';

test('a share is enough, and nothing to lose is', () => {
  assert.deepEqual(judge(0.9, { here: 89, there: 100 }), {
    synced: false,
    text: '89 of 100 active connections are here, 90 % are needed',
  });
  assert.equal(judge(0.9, { here: 90, there: 100 }).synced, true);
  assert.equal(judge(0.9, { here: 0, there: 0 }).synced, true);
  assert.deepEqual(judge(0.9, 'd2 is silent'), { synced: false, text: 'connections cannot be compared: d2 is silent' });
});

/** The watch keeps no process alive. */
const alive = setInterval(() => {}, 1000);
after(() => clearInterval(alive));

function watch(there: (peer: PeerConfig) => Promise<number>) {
  const instances = [{ name: 'VI_1', syncedShare: 0.5 }, { name: 'VI_2' }] as unknown as VrrpInstanceConfig[];
  const peers = [{ name: 'd2' }, { name: 'd3' }] as unknown as PeerConfig[];
  let heard: (told: Readonly<Record<string, Synced>>) => void = () => {};
  const it = createSyncWatch({
    instances: () => instances,
    peers: () => peers,
    here: async () => 10,
    there,
    tell: (told) => heard(told),
  });
  const next = () =>
    new Promise<Readonly<Record<string, Synced>>>((resolve) => {
      heard = resolve;
    });
  return { it, next };
}

test('only a backup that waits is told, beside the peer that has most', async () => {
  const { it, next } = watch(async ({ name }) => (name === 'd2' ? 8 : 40));
  const told = next();
  it.roles({ VI_1: 'backup', VI_2: 'backup' });
  assert.deepEqual(await told, { VI_1: { synced: false, text: '10 of 40 active connections are here, 50 % are needed' } });
  it.close();
});

test('a peer that cannot be asked is no reason to take over', async () => {
  const { it, next } = watch(({ name }) => (name === 'd2' ? Promise.resolve(8) : Promise.reject(new Error('d3 is silent'))));
  const told = next();
  it.roles({ VI_1: 'backup' });
  assert.deepEqual(await told, { VI_1: { synced: false, text: 'connections cannot be compared: d3 is silent' } });
  it.close();
});

test('a master asks nobody', async () => {
  let asked = 0;
  const { it } = watch(async () => ++asked);
  it.roles({ VI_1: 'master', VI_2: 'backup' });
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  assert.equal(asked, 0);
  it.close();
});
