import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { serviceKey } from '../../../../src/base/service-id.js';
import type { CheckConfig } from '../../../../src/config/types.js';
import { Catalogue } from '../../../../src/daemon/check/catalogue.js';
import type { ServiceIntent } from '../../../../src/intent/types.js';
import { checksOf } from '../../../../src/pool/membership.js';
import { makeServer, makeService } from '../../../fake/intent.js';

const tcp: CheckConfig = { type: 'tcp', port: undefined, interval: 2000, timeout: 1000, rise: 1, fall: 2 };

/** A virtual server with these addresses and real servers. */
function service(name: string, addresses: readonly number[], hosts: readonly number[], weight = 1): ServiceIntent {
  const ids = addresses.map((host) => ({
    kind: 'address' as const,
    family: 4 as const,
    protocol: 'tcp' as const,
    address: `192.0.2.${host}`,
    port: 80,
  }));
  const servers = hosts.map((host) => makeServer(host, { checks: [tcp], weight }));
  return makeService(servers, { name, ids, id: ids[0] as (typeof ids)[0], key: serviceKey(ids[0] as (typeof ids)[0]) });
}

const checkKeys = (services: readonly ServiceIntent[]) =>
  new Set(services.flatMap((one) => one.realServers.flatMap((server) => checksOf(server).map((spec) => spec.key))));

describe('the catalogue', () => {
  test('what is the same is no change; what goes leaves its kernel services and checks behind', () => {
    const catalogue = new Catalogue();
    catalogue.replace([service('web', [1, 2], [1, 2]), service('mail', [3], [2, 3])]);
    const same = catalogue.replace([service('web', [1, 2], [1, 2]), service('mail', [3], [2, 3])]);
    assert.deepEqual([same.changed, same.unwanted, same.removed, same.newChecks, same.goneChecks], [[], [], [], [], []]);
    const next = catalogue.replace([service('web', [2, 4], [1])]);
    assert.deepEqual(
      next.changed.map((one) => one.name),
      ['web'],
    );
    assert.deepEqual([...next.unwanted].sort(), ['tcp/192.0.2.1:80', 'tcp/192.0.2.3:80']);
    assert.deepEqual(next.removed, ['mail']);
    assert.equal(next.goneChecks.length, 2);
    assert.equal(catalogue.find('tcp/192.0.2.4:80')?.name, 'web');
    assert.equal(catalogue.find('tcp/192.0.2.1:80'), undefined);
  });

  test('an address that moves from one virtual server to another stays wanted', () => {
    const catalogue = new Catalogue();
    catalogue.replace([service('web', [1], [1]), service('mail', [2], [2])]);
    const { unwanted } = catalogue.replace([service('mail', [1], [2]), service('web', [2], [1])]);
    assert.deepEqual(unwanted, []);
    assert.equal(catalogue.ofKey('tcp/192.0.2.1:80')?.name, 'mail');
  });

  test('one with a new name is known by an address that it had, and only if the old name goes', () => {
    const catalogue = new Catalogue();
    catalogue.replace([service('web', [1, 2], [1]), service('mail', [3], [2])]);
    const renamed = (...next: readonly ServiceIntent[]) =>
      [...catalogue.renamed({ services: next, gone: catalogue.goneWith(next.map(({ name }) => name)) })].join();
    const mail = service('mail', [3], [2]);
    assert.equal(renamed(service('shop', [2, 9], [1]), mail), 'shop,web');
    assert.equal(renamed(service('shop', [9], [1]), mail), '');
    assert.equal(renamed(service('shop', [1], [1]), service('web', [2], [1]), mail), '', 'web is still there');
    assert.equal(renamed(service('one', [1], [1]), service('two', [2], [1]), mail), 'one,web,two,web');
    assert.deepEqual([...catalogue.replace([service('shop', [1, 2], [1]), mail]).renamed], [['shop', 'web']]);
  });

  test('step by step it says the same as from the beginning', () => {
    const hosts = fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 });
    const world = fc.uniqueArray(
      fc.record({ n: fc.integer({ min: 1, max: 4 }), hosts, weight: fc.integer({ min: 1, max: 2 }) }),
      {
        selector: (one) => one.n,
      },
    );
    fc.assert(
      fc.property(fc.array(world, { minLength: 1, maxLength: 5 }), (worlds) => {
        const catalogue = new Catalogue();
        // It is told only what is other than before.
        const told = new Catalogue();
        const checks = new Set<string>();
        const wanted = new Set<string>();
        for (const one of worlds) {
          const services = one.map(({ n, hosts, weight }) => service(`s${n}`, [n, n + 100], hosts, weight));
          const { changed, unwanted, newChecks, goneChecks } = catalogue.replace(services);
          const arranged = told.arrange(
            changed,
            services.map(({ name }) => name),
          );
          assert.deepEqual(
            [arranged.unwanted, arranged.newChecks, arranged.goneChecks, [...told.all()]],
            [unwanted, newChecks, goneChecks, [...catalogue.all()]],
          );
          for (const key of goneChecks) assert.ok(checks.delete(key), 'was there');
          for (const spec of newChecks) {
            assert.ok(!checks.has(spec.key), 'is new');
            checks.add(spec.key);
          }
          for (const key of unwanted) wanted.delete(key);
          for (const { ids } of changed) for (const id of ids) wanted.add(serviceKey(id));
          assert.deepEqual(checks, checkKeys(services));
          assert.deepEqual([...wanted].sort(), services.flatMap(({ ids }) => ids.map(serviceKey)).sort());
          assert.deepEqual(
            [...catalogue.all()].map(({ name }) => name),
            services.map(({ name }) => name),
          );
          for (const key of checks) assert.ok([...catalogue.usersOf(key)].length > 0);
        }
      }),
    );
  });
});
