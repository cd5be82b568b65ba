import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openOwnership } from '../../../../src/daemon/check/ownership.js';
import { findLeftovers } from '../../../../src/daemon/core/leftovers.js';
import { openStore } from '../../../../src/daemon/vrrp/store.js';

test('what an earlier lbd left in the kernel is found, whatever the configuration says now', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lbd-leftovers-'));
  const fail = (text: string) => assert.fail(text);
  try {
    assert.deepEqual(findLeftovers(folder, folder), { services: false, addresses: false });
    const owned = openOwnership(folder, fail);
    owned.add(['tcp/192.0.2.10:80']);
    owned.flush();
    assert.deepEqual(findLeftovers(folder, folder), { services: true, addresses: false });
    const store = openStore(folder, fail);
    store.put('eth0/4/51', { interface: 'eth0', master: false, lastAdvert: null, held: [] });
    store.write();
    assert.deepEqual(findLeftovers(folder, folder), { services: true, addresses: false });
    store.put('eth0/4/51', { interface: 'eth0', master: true, lastAdvert: 1, held: [{ address: '192.0.2.10', length: 24 }] });
    store.write();
    // A backup has these too, and whoever elects without addresses may have routes.
    const route = { to: { address: '203.0.113.0', length: 24 }, table: 254 };
    for (const more of [{ vmac: { name: 'vrrp.51', before: {} } }, { closed: true }, { paths: { routes: [route], rules: [] } }]) {
      store.put('eth0/4/51', { interface: 'eth0', master: false, lastAdvert: null, held: [], ...more });
      store.write();
      assert.equal(findLeftovers(folder, folder).addresses, true, JSON.stringify(more));
      store.put('eth0/4/51', { interface: 'eth0', master: true, lastAdvert: 1, held: [{ address: '192.0.2.10', length: 24 }] });
      store.write();
    }
    owned.remove(['tcp/192.0.2.10:80']);
    owned.flush();
    assert.deepEqual(findLeftovers(folder, folder), { services: false, addresses: true });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
