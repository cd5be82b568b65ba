/** The check process as a whole, on a fake kernel: what core says ends in the table. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Methods } from '../../../../src/control/api.js';
import { answer } from '../../../../src/daemon/check/answers.js';
import type { Configure } from '../../../../src/daemon/check/pool.js';
import type { CheckSummary, ServicesAnswer } from '../../../../src/daemon/messages.js';
import type { ServiceIntent } from '../../../../src/intent/types.js';
import { CHECKING, makeServer } from '../../../fake/intent.js';
import { dr, named, type PoolWorld, poolWorld } from '../../../fake/pool-world.js';
import { until } from '../../../fake/table-world.js';

const world = (first: readonly ServiceIntent[], run: (world: PoolWorld) => Promise<void>, more: Partial<Configure> = {}) =>
  poolWorld(first, run, { more });

describe('the check process', () => {
  test('a verdict moves a server in every kernel service of its virtual server', async () => {
    const ids = [10, 11].map(
      (host) => ({ kind: 'address', family: 4, protocol: 'tcp', address: `192.0.2.${host}`, port: 80 }) as const,
    );
    await world([named('web', 10, [dr(1), dr(2)], { ids })], async ({ table, down, states }) => {
      await until(
        () => table().length === 2 && table().every((one) => one.endsWith(': 10.0.0.1:80=10 10.0.0.2:80=10')),
        'all in',
      );
      await until(() => states.at(-1) === 'ready', 'ready');
      down.add('10.0.0.2');
      await until(() => table().every((one) => one.endsWith(': 10.0.0.1:80=10')), 'out of both');
      down.clear();
      await until(() => table().every((one) => one.endsWith(': 10.0.0.1:80=10 10.0.0.2:80=10')), 'in both again');
    });
  });

  test('while the network of a service is away, failing checks take nobody out; when it is back, they look again first', async () => {
    const carriers = [{ name: 'VI_1', addresses: ['192.0.2.10'] }];
    const services = [named('web', 10, [dr(1), dr(2)]), named('mail', 20, [dr(2)])];
    await world(
      services,
      async ({ pool, table, down, events }) => {
        const both = 'tcp/192.0.2.10:80: 10.0.0.1:80=10 10.0.0.2:80=10';
        const has = (...lines: string[]) => table().join() === lines.join();
        await until(() => has(both, 'tcp/192.0.2.20:80: 10.0.0.2:80=10'), 'all in');
        pool.roles({ VI_1: 'fault' });
        down.add('10.0.0.1').add('10.0.0.2');
        await until(() => has(both, 'tcp/192.0.2.20:80: '), 'one that no instance carries follows its check');
        await until(() => events.filter((one) => / web.* -> down/.test(one)).length === 2, 'both failed');
        pool.recheck();
        pool.roles({ VI_1: 'backup' });
        pool.keeper.flush();
        assert.ok(has(both, 'tcp/192.0.2.20:80: '), 'what was found while the network was away does not count');
        down.delete('10.0.0.1');
        await until(() => has('tcp/192.0.2.10:80: 10.0.0.1:80=10', 'tcp/192.0.2.20:80: '), 'what is found now does');
      },
      { carriers, roles: { VI_1: 'backup' } },
    );
  });

  test('an update changes one virtual server, and its checks go on', async () => {
    const services = [named('web', 10, [dr(1), dr(2)]), named('mail', 20, [dr(2)])];
    await world(services, async ({ pool, table, events }) => {
      await until(
        () => table().join() === 'tcp/192.0.2.10:80: 10.0.0.1:80=10 10.0.0.2:80=10,tcp/192.0.2.20:80: 10.0.0.2:80=10',
        'in',
      );
      events.length = 0;
      pool.update({ type: 'update', services: [named('mail', 20, [{ ...dr(2), weight: 3 }, dr(4)])] });
      await until(() => table()[1] === 'tcp/192.0.2.20:80: 10.0.0.2:80=3 10.0.0.4:80=10', 'changed');
      assert.ok(!events.some((one) => one.includes('web')), events.join('\n'));
      assert.deepEqual(
        events.filter((one) => one.startsWith('verdict')),
        ['verdict mail/10.0.0.4:80: unknown -> up: connected'],
      );
    });
  });

  test('a configuration without a virtual server takes it out of the kernel', async () => {
    await world([named('web', 10, [dr(1)]), named('mail', 20, [dr(2)])], async ({ configure, table, pool }) => {
      await until(() => table().length === 2, 'both');
      configure([named('mail', 21, [dr(2)])]);
      await until(() => table().join() === 'tcp/192.0.2.21:80: 10.0.0.2:80=10', 'only that, without waiting for its check again');
      const { value } = (await answer(pool, { what: 'summary' })) as { value: CheckSummary };
      assert.deepEqual(
        value.services.map((one) => [one.name, one.in_sync, one.up]),
        [['mail', true, 1]],
      );
    });
  });

  test('where this host is a real server, the service is there while its instance is master', async () => {
    const carriers = [{ name: 'VI_1', addresses: ['192.0.2.10'] }];
    const services = [named('web', 10, [dr(1), dr(2)], { follow: 'auto' }), named('mail', 20, [dr(2)])];
    await world(
      services,
      async ({ pool, table }) => {
        await until(() => table().join() === 'tcp/192.0.2.20:80: 10.0.0.2:80=10', 'nobody has said who is master');
        pool.roles({ VI_1: 'master' });
        await until(() => table().length === 2, 'it is here');
        pool.roles({ VI_1: 'backup' });
        await until(() => table().length === 1, 'it is not');
        const { value } = (await answer(pool, { what: 'services', service: 'web' })) as {
          value: { services: { stands_back_for: string }[] };
        };
        assert.equal(value.services[0]?.stands_back_for, 'VI_1');
        assert.ok(pool.keeper.drift().total === 0);
        pool.roles({ VI_1: 'master' });
        await until(() => table().length === 2, 'and here again');
        await pool.close(true);
        assert.deepEqual(table(), ['tcp/192.0.2.20:80: 10.0.0.2:80=10'], 'an ordered stop leaves only what needs no master');
      },
      { carriers },
    );
  });

  test('the kernel settings that the services need are made, and stay made', async () => {
    const director = {
      kernel: { manage: true, restore: true, values: {} },
      connectionSync: undefined,
      timeouts: { tcp: 0, tcpFin: 0, udp: 0 },
      checking: CHECKING,
    };
    let settings = new Map<string, string>();
    await world(
      [named('web', 10, [dr(1)])],
      async ({ settings: made, events, pool }) => {
        settings = made;
        await until(() => made.get('expire_nodest_conn') === '1', 'made');
        made.set('expire_nodest_conn', '0');
        await until(() => made.get('expire_nodest_conn') === '1', 'made again');
        assert.match(events.filter((one) => one.startsWith('setting')).at(-1) ?? '', /0 -> 1: somebody else had changed it/);
        assert.equal(pool.director().settings.find((one) => one.name === 'conn_reuse_mode')?.state, 'absent');
      },
      { director },
    );
    assert.equal(settings.get('expire_nodest_conn'), '0', 'an ordered stop puts it back');
  });

  test('what the kernel counted is told where it is asked for', async () => {
    await world([named('web', 10, [dr(1), dr(2)]), named('mail', 20, [])], async ({ pool, table, settings }) => {
      assert.deepEqual(await answer(pool, { what: 'stats', service: undefined }), {
        error: 'no statistics: IPVS cannot be used: IPVS is not opened yet',
      });
      await until(() => table().join().endsWith('10.0.0.1:80=10 10.0.0.2:80=10,tcp/192.0.2.20:80: '), 'there');
      const stats = async (service: string | undefined) =>
        ((await answer(pool, { what: 'stats', service })) as { value: Methods['stats']['result'] }).value;
      const all = await stats(undefined);
      assert.deepEqual(
        all.services.map((one) => [one.name, one.counters?.connections, one.real_servers.map((server) => server.rates?.cps)]),
        [
          ['web', 0, [0, 0]],
          ['mail', 0, []],
        ],
      );
      assert.equal(all.counting, true);
      settings.set('run_estimation', '0');
      assert.equal((await stats('web')).counting, false);
      assert.deepEqual((await stats('tcp/192.0.2.20:80')).services, all.services.slice(1));
      for (const service of [undefined, 'web']) {
        for (const counters of [true, false]) {
          const { value } = (await answer(pool, { what: 'services', service, counters })) as { value: ServicesAnswer };
          const [web] = value.services;
          const traffic = [web?.traffic, ...(web?.real_servers ?? []).map((one) => one.kernel?.traffic)];
          assert.deepEqual(
            traffic.map((one) => one?.counters.connections),
            counters ? [0, 0, 0] : [undefined, undefined, undefined],
          );
        }
      }
      assert.deepEqual(await answer(pool, { what: 'stats', service: 'wbe' }), {
        error: 'unknown service "wbe"; there is web, mail',
      });
    });
  });

  test('what a query cannot find is said', async () => {
    await world([named('web', 10, [dr(1)])], async ({ pool, table }) => {
      await until(() => table().length === 1, 'there');
      assert.deepEqual(await answer(pool, { what: 'services', service: 'wbe' }), {
        error: 'unknown service "wbe"; there is web',
      });
      assert.deepEqual(await answer(pool, { what: 'take-over', service: 'web' }), {
        error: "web is lbd's already, or the kernel has nothing of it: there is nothing to take over",
      });
      assert.deepEqual(await answer(undefined, { what: 'summary' }), { error: 'the check process has no configuration yet' });
    });
  });

  test('a lost quorum: the sorry server comes before the others lose their weight, and goes after they have it again', async () => {
    const sorry = makeServer(99, { forward: 'dr', weight: 1 });
    const service = named('web', 10, [dr(1), dr(2)], { quorum: 20, sorry });
    await world([service], async ({ table, down, events }) => {
      const all = 'tcp/192.0.2.10:80: 10.0.0.1:80=10 10.0.0.2:80=10';
      await until(() => table().join() === all, 'all in');
      assert.ok(!events.some((one) => one.startsWith('quorum')), 'a start is no change');
      events.length = 0;
      down.add('10.0.0.2');
      await until(() => table().join() === 'tcp/192.0.2.10:80: 10.0.0.1:80=0 10.0.0.99:80=1', 'sorry');
      const steps = () => events.filter((one) => /^(table|quorum)/.test(one)).map((one) => one.replace(/^table web: /, ''));
      assert.deepEqual(steps(), [
        'quorum web: lost: weight 10 of 20 needed; the sorry server 10.0.0.99:80 serves',
        'add 10.0.0.99:80 weight 1 (dr)',
        'set 10.0.0.1:80 weight 0 (dr)',
        'delete 10.0.0.2:80',
      ]);
      events.length = 0;
      down.clear();
      await until(() => table().join() === all, 'all in again');
      assert.deepEqual(steps(), [
        'quorum web: met: weight 20 of 20 needed; the sorry server 10.0.0.99:80 gives way',
        'add 10.0.0.2:80 weight 10 (dr)',
        'set 10.0.0.1:80 weight 10 (dr)',
        'delete 10.0.0.99:80',
      ]);
    });
  });
});
