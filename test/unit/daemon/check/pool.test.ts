/** The check process as a whole, on a fake kernel: what core says ends in the table. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Methods } from '../../../../src/control/api.js';
import { answer } from '../../../../src/daemon/check/answers.js';
import type { Configure } from '../../../../src/daemon/check/pool.js';
import type { CheckSummary, DetailAnswer, ServicesAnswer } from '../../../../src/daemon/messages.js';
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

  test('one verdict that changes 200 services is one batch', async () => {
    const DELETE_DESTINATION = 7;
    const services = Array.from({ length: 200 }, (_, i) => named(`s${i}`, 10 + i, [dr(1), dr(2)]));
    await world(services, async ({ table, down, states, kernel, events }) => {
      await until(() => states.at(-1) === 'ready' && table().every((one) => one.endsWith('1:80=10 10.0.0.2:80=10')), 'all in');
      kernel.datagrams.length = 0;
      down.add('10.0.0.2');
      await until(() => table().every((one) => one.endsWith(': 10.0.0.1:80=10')), 'out of all');
      const batch = kernel.datagrams.filter((commands) => commands.includes(DELETE_DESTINATION));
      assert.deepEqual(
        batch.map(({ length }) => length),
        [128, 72],
        'as few messages as the kernel takes at once',
      );
      assert.equal(events.filter((one) => /^verdict .* -> down/.test(one)).length, 200, 'each service is told of');
    });
  });

  test('an instance that tracks a virtual server sees its quorum, and nothing before that is decided', async () => {
    await world([named('web', 10, [dr(1), dr(2)], { quorum: 20 })], async ({ pool, down, quorums }) => {
      assert.equal(pool.quorum('web'), undefined);
      await until(() => pool.quorum('web')?.value === 1, 'met');
      const before = quorums();
      down.add('10.0.0.2');
      await until(() => pool.quorum('web')?.value === 0, 'lost');
      assert.match(pool.quorum('web')?.text ?? '', /^quorum lost: weight 10 of 20 needed/);
      assert.ok(quorums() > before, 'nobody was told');
      down.clear();
      await until(() => pool.quorum('web')?.value === 1, 'met again');
      assert.deepEqual(pool.quorum('gone'), { value: 1, text: 'it is not there now, and does not count' });
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

  test('an update may add and remove virtual servers, and change what else core wants', async () => {
    const services = [named('web', 10, [dr(1), dr(2)]), named('mail', 20, [dr(2)])];
    const director = {
      kernel: { manage: false, restore: false, values: { expire_nodest_conn: '1' } },
      connectionSync: undefined,
      timeouts: { tcp: 0, tcpFin: 0, udp: 0 },
      checking: CHECKING,
    };
    await world(services, async ({ pool, table, settings, events }) => {
      const both = 'tcp/192.0.2.10:80: 10.0.0.1:80=10 10.0.0.2:80=10';
      await until(() => table().join() === `${both},tcp/192.0.2.20:80: 10.0.0.2:80=10`, 'all in');
      events.length = 0;
      const rest = { onStop: 'remove', director, carriers: [{ name: 'VI_1', addresses: ['192.0.2.30'] }] } as const;
      const services = [named('news', 30, [dr(2)]), named('chat', 40, [dr(2)])];
      pool.update({ type: 'update', services, names: ['chat', 'web', 'news'], rest });
      await until(
        () => table().sort().join() === [both, ...[30, 40].map((host) => `tcp/192.0.2.${host}:80: 10.0.0.2:80=10`)].join(),
        'what is named, and nothing else',
      );
      assert.deepEqual(
        [...pool.catalogue.all()].map(({ name }) => name),
        ['chat', 'web', 'news'],
      );
      assert.ok(!events.some((one) => / web/.test(one)), events.join('\n'));
      assert.equal(settings.get('expire_nodest_conn'), '1');
      await pool.close(true);
      assert.deepEqual(table(), [], 'on_stop is another');
    });
  });

  test('an update that comes before IPVS is open is not lost', async () => {
    let open = () => {};
    const opening = new Promise<void>((resolve) => {
      open = resolve;
    });
    const services = [named('web', 10, [dr(1)]), named('mail', 20, [dr(2)])];
    await poolWorld(
      services,
      async ({ pool, table }) => {
        pool.update({
          type: 'update',
          services: [named('web', 11, [dr(1)]), named('news', 30, [dr(2)])],
          names: ['news', 'web'],
        });
        pool.update({ type: 'update', services: [named('news', 31, [dr(2)])] });
        open();
        await until(
          () => table().sort().join() === 'tcp/192.0.2.11:80: 10.0.0.1:80=10,tcp/192.0.2.31:80: 10.0.0.2:80=10',
          'the latest',
        );
      },
      { opening },
    );
  });

  test('a configuration without a virtual server takes it out of the kernel', async () => {
    await world([named('web', 10, [dr(1)]), named('mail', 20, [dr(2)])], async ({ configure, table, pool }) => {
      await until(() => table().length === 2, 'both');
      configure([named('mail', 21, [dr(2)])]);
      await until(() => table().join() === 'tcp/192.0.2.21:80: 10.0.0.2:80=10', 'only that, without waiting for its check again');
      const { value } = (await answer(pool, { what: 'summary' })) as { value: CheckSummary };
      assert.deepEqual(
        value.services.map((one) => [one.name, one.in_sync, one.up, one.weight, one.wanted_weight, one.active_connections]),
        [['mail', true, 1, 10, 10, 0]],
      );
      assert.deepEqual(await answer(pool, { what: 'brief' }), { value: { active: 0 } });
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

  test('a lost quorum: the sorry server comes before the others lose their weight, and gives its own away after they have it again', async () => {
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
      const leaving = '10.0.0.1:80=10 10.0.0.2:80=10 10.0.0.99:80=0 tcp/192.0.2.10:80:';
      await until(
        () => (table()[0] ?? '').split(' ').sort().join(' ') === leaving,
        'all in again, and what it is serving goes on',
      );
      assert.deepEqual(steps(), [
        'quorum web: met: weight 20 of 20 needed; the sorry server 10.0.0.99:80 gives way',
        'add 10.0.0.2:80 weight 10 (dr)',
        'set 10.0.0.1:80 weight 10 (dr)',
        'set 10.0.0.99:80 weight 0 (dr)',
      ]);
    });
  });
});

describe('the rules of the pool, in the table', () => {
  const TABLE = 'tcp/192.0.2.10:80: ';
  /** Whatever their order: who comes back is the last one of the kernel. */
  const servers = ({ table }: PoolWorld) => (table()[0] ?? '').replace(TABLE, '').split(' ').sort().join(' ');
  const is = (one: PoolWorld, wanted: string) => until(() => servers(one) === wanted, wanted);
  const steps = ({ events }: PoolWorld) =>
    events.filter((one) => /^(table|pool|quorum)/.test(one)).map((one) => one.replace(/^table web: /, ''));

  test('a backup gets its weight before the last of the others goes, and gives it back after they have theirs', async () => {
    await world([named('web', 10, [dr(1), { ...dr(2), tier: 1 }])], async (one) => {
      await is(one, '10.0.0.1:80=10 10.0.0.2:80=0');
      one.events.length = 0;
      one.down.add('10.0.0.1');
      await is(one, '10.0.0.2:80=10');
      assert.deepEqual(steps(one), [
        'pool web: the backups take traffic: too few others are up',
        'set 10.0.0.2:80 weight 10 (dr)',
        'delete 10.0.0.1:80',
      ]);
      const { value } = (await answer(one.pool, { what: 'services', service: 'web' })) as { value: ServicesAnswer };
      assert.deepEqual(value.services[0]?.pool, { too_few: null, backups: 'the backups take traffic' });
      one.events.length = 0;
      one.down.clear();
      await is(one, '10.0.0.1:80=10 10.0.0.2:80=0');
      assert.deepEqual(steps(one), [
        'pool web: enough real servers are up again: the backups stand by',
        'add 10.0.0.1:80 weight 10 (dr)',
        'set 10.0.0.2:80 weight 0 (dr)',
      ]);
      const why = (await answer(one.pool, { what: 'detail', service: 'web', rs: '10.0.0.2' })) as { value: DetailAnswer };
      assert.equal(why.value.summary, 'up, in the table with weight 0 while those before it are enough (a backup)');
    });
  });

  test('below min_healthy those that failed last stay in, and it is told', async () => {
    const floor = { of: 'min_healthy', amount: 50, unit: 'percent', below: 'keep_last' } as const;
    await world([named('web', 10, [dr(1), dr(2)], { floor })], async (one) => {
      await is(one, '10.0.0.1:80=10 10.0.0.2:80=10');
      one.down.add('10.0.0.1');
      await is(one, '10.0.0.2:80=10');
      one.down.add('10.0.0.2');
      await until(() => one.events.some((each) => each.startsWith('pool')), 'it is told');
      assert.deepEqual(one.table(), [`${TABLE}10.0.0.2:80=10`]);
      const text = '0 healthy, 1 needed (min_healthy 50%): those that failed last stay in';
      assert.ok(one.events.includes(`pool web: too few: ${text}`));
      const { value } = (await answer(one.pool, { what: 'services', service: 'web' })) as { value: ServicesAnswer };
      assert.equal(value.services[0]?.pool?.too_few, text);
      assert.deepEqual(
        value.services[0]?.real_servers.map(({ pool, effective_weight: effective, why }) => [
          pool?.kept,
          effective,
          why.replace(/^down: .*?\), /, ''),
        ]),
        [
          [false, null, 'down: tcp connect to 10.0.0.1:80: refused, removed from the table'],
          [
            true,
            10,
            'down: tcp connect to 10.0.0.2:80: refused, in the table with weight 10, kept in because too few are healthy (min_healthy 50%)',
          ],
        ],
      );
    });
  });

  test('slow start: steps of the time alone, its end shown; a successor goes on where it was', async () => {
    let saved: { verdicts: object; members: object; policies: { web: { ramps: Record<string, number> } } } | undefined;
    const slow = (host: number) => ({ ...dr(host), slowStart: 100_000, weight: 1000, configuredWeight: 1000 });
    const services = [named('web', 10, [slow(1), slow(2)])];
    const ended = (folder: string) => {
      saved = JSON.parse(readFileSync(join(folder, 'verdicts.json'), 'utf8')) as typeof saved;
    };
    await poolWorld(
      services,
      async (one) => {
        await is(one, '10.0.0.1:80=1000 10.0.0.2:80=1000');
        one.down.add('10.0.0.2');
        await is(one, '10.0.0.1:80=1000');
        one.down.clear();
        await is(one, '10.0.0.1:80=1000 10.0.0.2:80=50');
        const { value } = (await answer(one.pool, { what: 'services', service: 'web' })) as { value: ServicesAnswer };
        const server = value.services[0]?.real_servers[1];
        assert.match(server?.why ?? '', /^up, in the table with weight 50 of 1000 \(slow start: all of it in (100|9\d)s\)$/);
        assert.equal(server?.effective_weight, 50);
        assert.ok((server?.pool?.slow_start_seconds ?? 0) > 90);
        const { slowStarts } = ((await answer(one.pool, { what: 'summary' })) as { value: CheckSummary }).value;
        const [{ seconds, ...growing }] = slowStarts as [CheckSummary['slowStarts'][number]];
        assert.deepEqual([growing, slowStarts.length], [{ target: 'web/10.0.0.2:80', weight: 50, full_weight: 1000 }, 1]);
        assert.ok(seconds > 90 && seconds <= 100, String(seconds));
      },
      { ended },
    );
    assert.ok(saved);
    // Half of its time has passed.
    const since = saved.policies.web.ramps['10.0.0.2:80'] as number;
    saved.policies.web.ramps['10.0.0.2:80'] = since - 50_000;
    const isHalf = /^10\.0\.0\.1:80=1000 10\.0\.0\.2:80=[5-7][05]0$/;
    await poolWorld(services, (one) => until(() => isHalf.test(servers(one)), 'half of it, and on'), { saved });
    const quick = services.map((web) => ({ ...web, realServers: web.realServers.map((each) => ({ ...each, slowStart: 1000 })) }));
    await poolWorld(quick, async (one) => {
      await is(one, '10.0.0.1:80=1000 10.0.0.2:80=1000');
      one.down.add('10.0.0.2');
      await is(one, '10.0.0.1:80=1000');
      one.events.length = 0;
      one.down.clear();
      await is(one, '10.0.0.1:80=1000 10.0.0.2:80=1000');
      const weights = one.events.flatMap((each) => /10\.0\.0\.2:80 weight (\d+)/.exec(each)?.[1] ?? []).map(Number);
      assert.ok(weights.length >= 3 && weights.length <= 20, `${weights}`);
      assert.deepEqual(
        weights,
        [...weights].sort((a, b) => a - b),
      );
    });
  });

  test('one that flaps is held out, with its penalty shown', async () => {
    const damping = { halfLife: 3_600_000, suppress: 2, reuse: 1 };
    await world([named('web', 10, [dr(1), dr(2)], { damping })], async (one) => {
      await is(one, '10.0.0.1:80=10 10.0.0.2:80=10');
      for (let i = 0; i < 3; i++) {
        const seen = one.events.length;
        const told = (text: string) => until(() => one.events.slice(seen).some((each) => each.includes(text)), text);
        one.down.add('10.0.0.2');
        await told('web/10.0.0.2:80: up -> down');
        one.down.clear();
        await told('web/10.0.0.2:80: down -> up');
      }
      one.pool.keeper.flush();
      assert.deepEqual(one.table(), [`${TABLE}10.0.0.1:80=10`]);
      const why = (await answer(one.pool, { what: 'detail', service: 'web', rs: '10.0.0.2' })) as { value: DetailAnswer };
      const { value } = (await answer(one.pool, { what: 'summary' })) as { value: CheckSummary };
      assert.deepEqual(
        value.down.map(({ rs }) => rs),
        ['10.0.0.2:80'],
      );
      assert.match(why.value.summary, /^up, but removed from the table; penalty 3 of 2, held out for flapping for \d+s more$/);
    });
  });
});
