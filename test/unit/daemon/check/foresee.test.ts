/** What is told beforehand is what comes; and what the kernel has otherwise is told as it is. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answer } from '../../../../src/daemon/check/answers.js';
import type { Foreseen } from '../../../../src/daemon/check/foresee.js';
import { type KernelDifference, kernelDifferences } from '../../../../src/daemon/check/kernel-diff.js';
import type { Service, ServiceId } from '../../../../src/ipvs/types.js';
import { dr, named, poolWorld } from '../../../fake/pool-world.js';
import { until } from '../../../fake/table-world.js';

const lines = (operations: Foreseen['now']): string[] =>
  operations.map(({ service, key, operation }) => `${service} ${key}: ${operation}`).sort();

describe('what a change would do to the table', () => {
  test('is told without doing it: what is checked already at once, what is new when its check has passed', async () => {
    const services = [named('web', 10, [dr(1), dr(2)]), named('mail', 20, [dr(2)]), named('old', 40, [dr(1)])];
    await poolWorld(services, async ({ pool, table, events }) => {
      await until(() => table().length === 3 && table().every((one) => /=10$/.test(one)), 'in');
      const before = [...table()];
      events.length = 0;
      const change = {
        services: [named('mail', 20, [{ ...dr(2), weight: 3 }, dr(4)]), named('news', 30, [dr(2), dr(5)])],
        names: ['web', 'mail', 'news'],
      };
      const { now, later, total } = pool.foresee(change);
      assert.deepEqual(lines(now), [
        'mail tcp/192.0.2.20:80: set 10.0.0.2:80 weight 3 (dr)',
        'news tcp/192.0.2.30:80: add 10.0.0.2:80 weight 10 (dr)',
        'news tcp/192.0.2.30:80: add service, scheduler wrr',
        'old tcp/192.0.2.40:80: delete service',
      ]);
      assert.deepEqual(lines(later), [
        'mail tcp/192.0.2.20:80: add 10.0.0.4:80 weight 10 (dr)',
        'news tcp/192.0.2.30:80: add 10.0.0.5:80 weight 10 (dr)',
      ]);
      assert.equal(total, 6);
      assert.deepEqual([table(), events], [before, []]);
      pool.update({ type: 'update', ...change });
      await until(
        () =>
          table().sort().join() ===
          'tcp/192.0.2.10:80: 10.0.0.1:80=10 10.0.0.2:80=10,tcp/192.0.2.20:80: 10.0.0.2:80=3 10.0.0.4:80=10,tcp/192.0.2.30:80: 10.0.0.2:80=10 10.0.0.5:80=10',
        'as foretold',
      );
      assert.deepEqual(pool.foresee({ services: change.services, names: change.names }), { now: [], later: [], total: 0 });
      assert.deepEqual(await answer(pool, { what: 'kernel-diff' }), { value: [] });
    });
  });
});

const id = (host: number): ServiceId => ({ kind: 'address', family: 4, protocol: 'tcp', address: `192.0.2.${host}`, port: 80 });
const service = (host: number, scheduler: string, servers: Readonly<Record<string, number>>): Service => ({
  id: id(host),
  scheduler,
  flags: 0,
  timeout: 0,
  prefix: 32,
  pe: '',
  destinations: new Map(
    Object.entries(servers).map(([address, weight]) => [
      `${address}:80`,
      { address, port: 80, forward: 'dr', weight, upper: 0, lower: 0, tunType: 0, tunPort: 0, tunFlags: 0 },
    ]),
  ),
});

describe('what the kernel has otherwise', () => {
  const wanted = new Map([
    ['tcp/192.0.2.10:80', service(10, 'rr', { '10.0.0.1': 10, '10.0.0.2': 10 })],
    ['tcp/192.0.2.20:80', service(20, 'rr', { '10.0.0.1': 10 })],
  ]);
  const find = (kernel: ReadonlyMap<string, Service>, foreign: readonly string[] = []): readonly KernelDifference[] =>
    kernelDifferences({
      services: [named('web', 10, []), named('mail', 20, [])],
      kernel,
      wantedOf: (key) => wanted.get(key),
      foreign,
    });

  test('is nothing where it has what is wanted', () => {
    assert.deepEqual(find(wanted), []);
  });

  test('is told object by object', () => {
    const kernel = new Map([
      ['tcp/192.0.2.10:80', service(10, 'wlc', { '10.0.0.1': 3, '10.0.0.9': 1 })],
      ['tcp/203.0.113.1:80', service(1, 'rr', {})],
    ]);
    assert.deepEqual(
      find(kernel, ['tcp/203.0.113.1:80']).map(({ change, target, text }) => `${change} ${target}: ${text}`),
      [
        'changed web (tcp/192.0.2.10:80): scheduler wlc instead of rr',
        'added web (tcp/192.0.2.10:80): 10.0.0.2:80 is gone',
        'changed web (tcp/192.0.2.10:80): 10.0.0.1:80: weight 3 instead of 10',
        'removed web (tcp/192.0.2.10:80): 10.0.0.9:80 is there, weight 1',
        'added mail (tcp/192.0.2.20:80): the service is gone',
        "removed tcp/203.0.113.1:80: somebody else's: lbd leaves it alone",
      ],
    );
  });
});
