/** The check process where times overlap: a network that goes and comes, a start that is slow or cut short, what an earlier life knew. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { answer } from '../../../../src/daemon/check/answers.js';
import { createGate } from '../../../../src/daemon/check/gate.js';
import type { DetailAnswer } from '../../../../src/daemon/messages.js';
import { isRunning } from '../../../../src/health/machine.js';
import { checksOf } from '../../../../src/pool/membership.js';
import { makeServer } from '../../../fake/intent.js';
import { createFakeKernel } from '../../../fake/ipvs-kernel.js';
import { dr, named, type PoolWorld, poolWorld } from '../../../fake/pool-world.js';
import { until } from '../../../fake/table-world.js';

const carriers = [{ name: 'VI_1', addresses: ['192.0.2.10'] }];
const BOTH = 'tcp/192.0.2.10:80: 10.0.0.1:80=10 10.0.0.2:80=10';
const has = ({ table }: Pick<PoolWorld, 'table'>, line: string) => table().join() === line;

/** Every table from now on until `done`: none of them may lack anybody. */
async function whole(world: PoolWorld, done: () => boolean, table = BOTH): Promise<void> {
  const lacking = new Set<string>();
  await until(() => {
    if (!has(world, table)) lacking.add(world.table().join());
    return done();
  }, 'done');
  assert.deepEqual([...lacking], []);
}

test('what a server asks for its weight is in the table, and an ordered stop leaves it and the verdicts for the next start', async () => {
  const servers = [dr(1, { jitter: 5 }), dr(2)];
  const run = async (world: PoolWorld) => {
    await until(() => has(world, BOTH), 'all in');
    world.shares.set('10.0.0.1', 25);
    await until(() => has(world, 'tcp/192.0.2.10:80: 10.0.0.1:80=3 10.0.0.2:80=10'), 'a quarter, rounded up');
    assert.match(world.events.join('\n'), /weight web\/10\.0\.0\.1:80: 3 of 10: 25 % of it/);
    world.down.add('10.0.0.1');
    await until(() => has(world, 'tcp/192.0.2.10:80: 10.0.0.2:80=10'), 'out');
    world.down.clear();
    await until(() => has(world, 'tcp/192.0.2.10:80: 10.0.0.1:80=3 10.0.0.2:80=10'), 'and back with its share');
  };
  let left: { verdicts: Record<string, { verdict: string; share?: number }> } | undefined;
  const ended = (folder: string) => {
    left = JSON.parse(readFileSync(join(folder, 'verdicts.json'), 'utf8'));
  };
  await poolWorld([named('web', 10, servers)], run, { ended });
  const keys = servers.map((one) => checksOf(one)[0]?.key as string);
  const saved = keys.map((key) => left?.verdicts[key]);
  assert.deepEqual(
    saved.map((one) => [one?.verdict, one?.share]),
    [
      ['up', 25],
      ['up', undefined],
    ],
  );
});

test('backups that serve go on with a new name and new checks, and after a restart that remembers nothing', async () => {
  const slow = (path: number) => [dr(1, { fall: 2, port: path }), { ...dr(2, { port: path }), tier: 1 }];
  const serves = 'tcp/192.0.2.10:80: 10.0.0.2:80=10';
  const run = async (world: PoolWorld) => {
    world.down.add('10.0.0.1');
    await until(() => has(world, serves), 'the backup serves');
    world.configure([named('shop', 10, slow(81))]);
    const seen = new Set<string>();
    await until(() => {
      seen.add(world.table().join());
      return world.events.filter((one) => /shop.*-> (up|down)/.test(one)).length === 2;
    }, 'the new checks have decided');
    assert.deepEqual([...seen], [serves]);
  };
  await poolWorld([named('web', 10, slow(80))], run, { probe: 15 });
});

test('who is out and has another check now is told apart from who is new', async () => {
  const why = async ({ pool }: PoolWorld, rs: string) =>
    ((await answer(pool, { what: 'detail', service: 'web', rs })) as { value: DetailAnswer }).value.summary;
  await poolWorld([named('web', 10, [dr(1), dr(2)])], async (world) => {
    world.down.add('10.0.0.2');
    await until(() => world.events.some((one) => /10\.0\.0\.2.*-> down/.test(one)), 'it has failed');
    world.configure([named('web', 10, [dr(1), dr(2, { interval: 10_000, jitter: 1 }), dr(3, { interval: 10_000 })])]);
    assert.match(await why(world, '10.0.0.2'), /^unknown: removed from the table as before, until a new check has decided: tcp/);
    assert.match(await why(world, '10.0.0.3'), /^new: waiting for its first successful check: tcp/);
  });
});

describe('a restart goes on with the sorry server, or without it', () => {
  const sorry = makeServer(9, { forward: 'dr', weight: 1 });
  const hosts = [1, 2, 3, 4];
  /** `port`: of the checks; another one makes others of them. */
  const cases = [
    [
      'within the hysteresis of a quorum that is met',
      { quorum: 40, hysteresis: 10 },
      [1],
      '10.0.0.2:80=10 10.0.0.3:80=10 10.0.0.4:80=10',
    ],
    ['of a quorum that is lost', { quorum: 30, hysteresis: 10 }, [1, 2, 3], '10.0.0.4:80=0 10.0.0.9:80=1'],
    [
      'of a floor that is broken',
      { floor: { of: 'min_healthy', amount: 50, unit: 'percent', below: 'sorry' } as const },
      [1, 2, 3],
      '10.0.0.4:80=0 10.0.0.9:80=1',
    ],
  ] as const;
  for (const [name, own, failed, line] of cases)
    for (const [how, port, forget] of [
      ['its checks are others', 81, false],
      ['it remembers nothing', 80, true],
    ] as const)
      test(`${name}: ${how}`, async () => {
        const earlier = { folder: mkdtempSync(join(tmpdir(), 'lbd-sorry-')), kernel: createFakeKernel() };
        const web = (at: number) => [
          named(
            'web',
            10,
            hosts.map((host) => dr(host, { port: at, fall: 2 })),
            { ...own, sorry },
          ),
        ];
        const table = `tcp/192.0.2.10:80: ${line}`;
        const fail = ({ down }: PoolWorld) => failed.forEach((host) => void down.add(`10.0.0.${host}`));
        const first = async (world: PoolWorld) => {
          await until(() => world.states.at(-1) === 'ready', 'all in');
          fail(world);
          await until(() => has(world, table), 'as it is');
        };
        const ended = (folder: string) => {
          if (forget) rmSync(join(folder, 'verdicts.json'));
        };
        const second = async (world: PoolWorld) => {
          fail(world);
          const decided = () => world.events.filter((one) => /unknown -> /.test(one)).length;
          await until(() => decided() === hosts.length, 'all have decided');
          world.pool.keeper.flush();
          assert.deepEqual(
            world.events.filter((one) => /^table|^quorum|^pool/.test(one)),
            [],
          );
          assert.ok(has(world, table), world.table().join());
        };
        try {
          await poolWorld(web(80), first, { earlier, ended });
          await poolWorld(web(port), second, { earlier, probe: 5 });
        } finally {
          rmSync(earlier.folder, { recursive: true });
        }
      });
});

test('a restart finds a sorry server whose turn is over: it goes on with what it is serving, and has no other turn', async () => {
  const sorry = makeServer(9, { forward: 'dr', weight: 1 });
  const web = [named('web', 10, [dr(1), dr(2)], { quorum: 20, sorry })];
  const earlier = { folder: mkdtempSync(join(tmpdir(), 'lbd-sorry-')), kernel: createFakeKernel() };
  const sorted = (world: PoolWorld) => (world.table()[0] ?? '').split(' ').sort().join(' ');
  const leaving = '10.0.0.1:80=10 10.0.0.2:80=10 10.0.0.9:80=0 tcp/192.0.2.10:80:';
  const first = async (world: PoolWorld) => {
    await until(() => world.states.at(-1) === 'ready', 'all in');
    world.down.add('10.0.0.2');
    await until(() => has(world, 'tcp/192.0.2.10:80: 10.0.0.1:80=0 10.0.0.9:80=1'), 'its turn');
    world.down.clear();
    await until(() => sorted(world) === leaving, 'its turn is over');
  };
  const second = async (world: PoolWorld) => {
    await until(() => world.events.filter((one) => /unknown -> up/.test(one)).length === 2, 'all have decided');
    world.pool.keeper.flush();
    assert.equal(sorted(world), leaving);
    assert.deepEqual(
      world.events.filter((one) => /^table|^quorum|^pool/.test(one)),
      [],
    );
  };
  try {
    await poolWorld(web, first, { earlier, ended: (folder) => rmSync(join(folder, 'verdicts.json')) });
    await poolWorld(web, second, { earlier, probe: 5 });
  } finally {
    rmSync(earlier.folder, { recursive: true });
  }
});

test('what a server asks for its weight holds while its check is another one that has not answered yet', async () => {
  const servers = (port: number) => [dr(1, { port, jitter: 5 }), dr(2)];
  const quarter = 'tcp/192.0.2.10:80: 10.0.0.1:80=3 10.0.0.2:80=10';
  await poolWorld(
    [named('web', 10, servers(80))],
    async (world) => {
      world.shares.set('10.0.0.1', 25);
      await until(() => has(world, quarter), 'a quarter');
      world.events.length = 0;
      world.configure([named('web', 10, servers(81))]);
      await whole(world, () => world.events.some((one) => /-> up/.test(one)), quarter);
      assert.deepEqual(
        world.events.filter((one) => !/^verdict/.test(one)),
        [],
      );
      world.shares.delete('10.0.0.1');
      await until(() => has(world, BOTH), 'it asks for nothing any more');
    },
    { probe: 15 },
  );
});

test('with a new name, over a restart too, the rules of the pool remember what they did: no weight jumps, nobody who is held comes in, a lost quorum stays lost', async () => {
  const damping = { halfLife: 3_600_000, suppress: 1, reuse: 0.5 };
  const big = (host: number) => ({ ...dr(host), slowStart: 100_000, weight: 1000, configuredWeight: 1000 });
  const sorry = makeServer(9, { forward: 'dr', weight: 1 });
  const services = (...[slow, flap, few]: readonly string[]) => [
    named(slow as string, 10, [big(1), big(2)]),
    named(flap as string, 11, [dr(3), dr(4)], { damping }),
    named(few as string, 12, [dr(5), dr(6), dr(7)], { quorum: 20, hysteresis: 10, sorry }),
  ];
  const table = [
    'tcp/192.0.2.10:80: 10.0.0.1:80=1000 10.0.0.2:80=50',
    'tcp/192.0.2.11:80: 10.0.0.3:80=10',
    'tcp/192.0.2.12:80: 10.0.0.5:80=0 10.0.0.6:80=0 10.0.0.9:80=1',
  ].join();
  const next = services('x', 'y', 'z');
  const unmoved = ({ table: now, events, pool }: PoolWorld) => {
    pool.keeper.flush();
    assert.deepEqual([now().join(), events.filter((one) => !/^verdict/.test(one))], [table, []]);
  };
  const first = async (world: PoolWorld) => {
    await until(() => world.states.at(-1) === 'ready', 'all in');
    for (const host of [2, 4, 5, 6, 7]) world.down.add(`10.0.0.${host}`);
    await until(
      () =>
        has(
          world,
          ['10.0.0.1:80=1000', '10.0.0.3:80=10', '10.0.0.9:80=1'].map((one, i) => `tcp/192.0.2.1${i}:80: ${one}`).join(),
        ),
      'out',
    );
    for (const host of [2, 4, 5, 6]) world.down.delete(`10.0.0.${host}`);
    await until(() => has(world, table), 'back, as far as the rules let them');
    assert.deepEqual(world.pool.foresee({ services: next, names: next.map(({ name }) => name) }), {
      now: [],
      later: [],
      total: 0,
    });
    world.events.length = 0;
    world.configure(next);
    await whole(world, () => world.pool.catalogue.find('x') !== undefined, table);
    unmoved(world);
    world.configure(services('a', 'b', 'c'));
  };
  const earlier = { folder: mkdtempSync(join(tmpdir(), 'lbd-renamed-')), kernel: createFakeKernel() };
  try {
    await poolWorld(services('a', 'b', 'c'), first, { earlier });
    const restarted = async (world: PoolWorld) => {
      world.down.add('10.0.0.7');
      await until(() => world.states.at(-1) === 'ready', 'as before');
      unmoved(world);
    };
    await poolWorld(next, restarted, { earlier });
  } finally {
    rmSync(earlier.folder, { recursive: true });
  }
});

test('one that drains is adopted as it is: its connections are not cut by one failure of a check that is new', async () => {
  const admin = { state: 'drain', source: { kind: 'file' } } as const;
  const drains = (port: number) => [{ ...dr(1, { fall: 3, port, interval: 60 }), admin }, dr(2, { port })];
  const serves = 'tcp/192.0.2.10:80: 10.0.0.1:80=0 10.0.0.2:80=10';
  await poolWorld([named('web', 10, drains(80))], async (world) => {
    await until(() => has(world, serves), 'all in');
    world.down.add('10.0.0.1');
    world.configure([named('shop', 10, drains(81))]);
    await until(() => world.events.some((one) => /shop\/10\.0\.0\.1.*-> down/.test(one)), 'it has failed');
    assert.match(world.events.find((one) => /shop\/10\.0\.0\.1.*-> down/.test(one)) ?? '', /3 of 3 failures/);
  });
});

describe('a network that was away', () => {
  for (const [rise, fall] of [
    [1, 1],
    [2, 1],
    [3, 2],
  ] as const)
    test(`rise ${rise}, fall ${fall}: healthy servers stay, and are there when it is ready`, async () => {
      const timing = { rise, fall };
      const run = async (world: PoolWorld) => {
        const { pool, down, events, states } = world;
        await until(() => has(world, BOTH), 'all in');
        pool.roles({ VI_1: 'fault' });
        down.add('10.0.0.1').add('10.0.0.2');
        await until(() => events.filter((one) => /-> down/.test(one)).length === 2, 'both failed');
        down.clear();
        states.length = 0;
        pool.recheck();
        pool.roles({ VI_1: 'backup' });
        await whole(world, () => states.at(-1) === 'ready');
        assert.equal(states[0], 'starting', 'it looked again');
      };
      await poolWorld([named('web', 10, [dr(1, timing), dr(2, timing)])], run, { more: { carriers } });
    });

  test('a check that had failed once, and whose next probe began while it was away, is looked at again too', async () => {
    const timing = { interval: 100, timeout: 90, fall: 2 };
    const servers = [dr(1, timing), dr(2, timing)];
    const keys = servers.map((one) => checksOf(one)[0]?.key as string);
    const run = async (world: PoolWorld) => {
      const { pool, down, states } = world;
      const states_ = () => keys.map((key) => pool.sight().stateOf(key));
      await until(() => has(world, BOTH), 'all in');
      pool.roles({ VI_1: 'fault' });
      down.add('10.0.0.1').add('10.0.0.2');
      await until(() => states_().every((one) => one?.streak.ok === false && isRunning(one)), 'once, and again');
      down.clear();
      states.length = 0;
      pool.recheck();
      pool.roles({ VI_1: 'backup' });
      await whole(world, () => states.at(-1) === 'ready' && states_().every((one) => one?.streak.ok));
    };
    await poolWorld([named('web', 10, servers)], run, { more: { carriers }, probe: 30 });
  });

  test('away twice within ten seconds: the second time has its ten seconds too', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let at = 0;
    const looked: number[] = [];
    const gate = createGate({
      now: () => at,
      send: () => {},
      obstacle: () => undefined,
      undecided: () => 0,
      onLooked: () => looked.push(at),
    });
    const pass = (ms: number) => {
      at += ms;
      t.mock.timers.tick(ms);
    };
    gate.recheck(new Map([['a', 2]]));
    gate.result('a', { ok: true, up: true });
    pass(9500);
    gate.recheck(new Map([['a', 2]]));
    pass(9900);
    assert.equal(gate.looking, true);
    pass(100);
    assert.deepEqual([gate.looking, looked], [false, [19_500]]);
  });

  test('a service that moves away from it, by a reload of that service alone, is judged by its checks again', async () => {
    const run = async ({ pool, table, down }: PoolWorld) => {
      await until(() => table().join() === BOTH, 'all in');
      pool.roles({ VI_1: 'fault' });
      pool.update({ type: 'update', services: [named('web', 99, [dr(1), dr(2)])] });
      await until(() => /192\.0\.2\.99/.test(table().join()), 'moved');
      down.add('10.0.0.2');
      await until(() => table().join() === 'tcp/192.0.2.99:80: 10.0.0.1:80=10', 'the failed one is out');
    };
    await poolWorld([named('web', 10, [dr(1), dr(2)])], run, { more: { carriers } });
  });
});

describe('a start', () => {
  test('is ready when the whole table is in the kernel', async () => {
    const servers = Array.from({ length: 10 }, (_, i) => makeServer(i + 1, { forward: 'dr' }));
    const services = Array.from({ length: 200 }, (_, i) => named(`s${i}`, i + 1, servers));
    await poolWorld(services, async ({ readyWith }) => {
      await until(() => readyWith() !== undefined, 'ready');
      assert.equal(readyWith(), 2000);
    });
  });

  test('knows the roles that it was told while IPVS was being opened', async () => {
    let open = () => {};
    const opening = new Promise<void>((resolve) => {
      open = resolve;
    });
    const run = async ({ pool, table }: PoolWorld) => {
      pool.roles({ VI_1: 'master' });
      open();
      await until(() => table().join() === 'tcp/192.0.2.10:80: 10.0.0.1:80=10', 'served');
    };
    const service = named('web', 10, [makeServer(1, { forward: 'dr' })], { follow: 'VI_1' });
    await poolWorld([service], run, { more: { carriers }, opening });
  });
});

describe('what an earlier life remembers', () => {
  const two = dr(2, { interval: 50, fall: 5 });
  const up = { verdict: 'up', since: 0, reason: 'connected' };
  const keyOf = (server: typeof two) => checksOf(server)[0]?.key as string;
  const saved = {
    verdicts: { [keyOf(dr(1))]: up, [keyOf(two)]: up },
    members: { web: { '10.0.0.1:80': 'in', '10.0.0.2:80': 'in' } },
  };
  const ONE = 'tcp/192.0.2.10:80: 10.0.0.1:80=10';

  test('is not believed of a server that failed since, was removed, and comes back', async () => {
    const run = async (world: PoolWorld) => {
      const { configure, down, pool, events } = world;
      await until(() => has(world, BOTH), 'all in');
      down.add('10.0.0.2');
      await until(() => has(world, ONE), 'out');
      configure([named('web', 10, [dr(1)])]);
      await until(() => pool.sight().stateOf(keyOf(two)) === undefined, 'gone');
      events.length = 0;
      configure([named('web', 10, [dr(1), two])]);
      await until(() => pool.sight().stateOf(keyOf(two))?.verdict === 'down', 'found down anew');
      assert.ok(!events.some((one) => /add 10\.0\.0\.2/.test(one)), events.join('\n'));
      assert.ok(has(world, ONE));
    };
    await poolWorld([named('web', 10, [dr(1), two])], run, { saved });
  });

  test('nor of a whole service', async () => {
    const run = async ({ configure, down, table, events }: PoolWorld) => {
      await until(() => table().join() === 'tcp/192.0.2.10:80: 10.0.0.2:80=10', 'in');
      down.add('10.0.0.2');
      await until(() => table().join() === 'tcp/192.0.2.10:80: ', 'out');
      configure([]);
      await until(() => table().length === 0, 'gone');
      events.length = 0;
      configure([named('web', 10, [dr(2, { interval: 60, fall: 5 })])]);
      await until(() => events.some((one) => /-> down/.test(one)), 'found down anew');
      assert.ok(!events.some((one) => /add 10\.0\.0\.2/.test(one)), events.join('\n'));
    };
    await poolWorld([named('web', 10, [two])], run, { saved });
  });
});
