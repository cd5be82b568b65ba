/** The table keeper in good times: start, stop, drift; what is foreign stays as it is. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openOwnership } from '../../../../src/daemon/check/ownership.js';
import { createTableKeeper } from '../../../../src/daemon/check/table.js';
import { type Operation, type Service, serviceKey } from '../../../../src/ipvs/types.js';
import { openIpvs } from '../../../../src/os/ipvs.js';
import { createFakeKernel } from '../../../fake/ipvs-kernel.js';
import {
  dest,
  foreign,
  keyOf,
  mail,
  outside,
  put,
  QUIET,
  raw,
  SLOW,
  same,
  say,
  service,
  start,
  TIMING,
  until,
  web,
  world,
} from '../../../fake/table-world.js';

describe('start and stop', () => {
  test('an empty table is filled, in one batch at the end of the turn', async () => {
    await world(
      async ({ keeper, has, owned, states, kernel }) => {
        await start(keeper, web, mail);
        assert.ok(same(has(1), web) && same(has(2), mail));
        assert.deepEqual([...owned.keys], [keyOf(1), keyOf(2)]);
        assert.equal(states.at(-1), 'ready');
        assert.ok(keeper.applied && keeper.problem === undefined);
        const before = kernel.commands.length;
        keeper.want(keyOf(2), undefined);
        say(keeper, service(3, [dest(5)]));
        assert.equal(kernel.commands.length, before, 'not before the turn is over');
        await until(() => !has(2) && same(has(3), service(3, [dest(5)])), 'both changes');
        assert.deepEqual([...owned.keys], [keyOf(1), keyOf(3)]);
      },
      [],
      SLOW,
    );
  });

  test('nothing is done before begin', async () => {
    await world(async ({ keeper, kernel }) => {
      await keeper.open();
      say(keeper, web);
      await sleep(QUIET);
      assert.equal(kernel.table.services.size, 0);
    });
  });

  test('what is there already is adopted: no service is deleted, no destination renewed', async () => {
    await world(
      async ({ keeper, kernel, other, has, owned }) => {
        put(other, service(1, [dest(1), dest(2, { weight: 9 }), dest(7)]));
        kernel.commands.length = 0;
        await start(keeper, web);
        assert.ok(same(has(1), web));
        assert.deepEqual(
          [1, 2, 3].filter((one) => kernel.commands.includes(one)),
          [],
        );
        assert.deepEqual(
          kernel.commands.filter((one) => [5, 6, 7].includes(one)),
          [5, 6, 7],
        );
        assert.ok(owned.keys.has(keyOf(1)));
        assert.equal(keeper.drift().total, 0, 'a start is no drift');
      },
      [],
      SLOW,
    );
  });

  test('a service of the last life that is no longer wanted goes, and only an owned one', async () => {
    await world(
      async ({ keeper, other, has, owned }) => {
        put(other, mail);
        put(other, foreign);
        await start(keeper, web);
        assert.equal(has(2), undefined);
        assert.ok(same(has(9), foreign));
        assert.ok(!owned.keys.has(keyOf(2)));
      },
      [keyOf(2), keyOf(5)],
      SLOW,
    );
  });

  test('a foreign service is the same, byte for byte, through start, reconcile, drift and stop', async () => {
    await world(async ({ keeper, kernel, other, has }) => {
      put(other, foreign);
      const bytes = structuredClone(raw(kernel, 0));
      await start(keeper, web);
      await until(() => keeper.foreign().length === 1, 'seen by the reconciliation');
      assert.deepEqual(keeper.foreign(), [keyOf(9)]);
      outside(other, { kind: 'del-service', key: '', id: web.id });
      await until(() => keeper.drift().total > 0 && same(has(1), web), 'healed');
      keeper.removeAll();
      keeper.close();
      assert.deepEqual([...kernel.table.services.values()], [bytes]);
      assert.ok(same(has(9), foreign));
    });
  });

  test('close leaves the table, removeAll takes it back', async () => {
    await world(
      async ({ keeper, has, kernel, owned }) => {
        await start(keeper, web, mail);
        keeper.removeAll();
        assert.equal(kernel.table.services.size, 0);
        assert.equal(owned.keys.size, 0);
        say(keeper, mail);
        keeper.flush();
        keeper.close();
        assert.ok(same(has(2), mail));
        assert.equal(kernel.sockets, 2, 'those of the other program');
        keeper.flush();
        keeper.close();
        assert.equal(keeper.read([]), undefined);
      },
      [],
      SLOW,
    );
  });
});

describe('drift is healed and counted', () => {
  const id = web.id;
  const key = keyOf(1);
  const kinds: Record<string, [operations: Operation[], count: number, text: RegExp]> = {
    'service gone': [[{ kind: 'del-service', key, id }], 1, /the service was gone/],
    'destination gone': [[{ kind: 'del-dest', key, id, dest: dest(2) }], 1, /10\.0\.0\.2:80 was gone/],
    weight: [[{ kind: 'set-dest', key, id, dest: dest(2, { weight: 0 }) }], 1, /10\.0\.0\.2:80: weight 0 instead of 5/],
    method: [[{ kind: 'set-dest', key, id, dest: dest(1, { forward: 'dr' }) }], 1, /10\.0\.0\.1:80: forward dr instead of nat/],
    scheduler: [[{ kind: 'set-service', key, service: { ...web, scheduler: 'wlc' } }], 1, /scheduler wlc instead of rr/],
    'junk destination': [[{ kind: 'new-dest', key, id, dest: dest(77) }], 1, /10\.0\.0\.77:80 was there, weight 1/],
  };
  for (const [name, [operations, count, text]] of Object.entries(kinds)) {
    test(name, async () => {
      await world(async ({ keeper, other, has, events }) => {
        await start(keeper, web, mail);
        outside(other, ...operations);
        await until(() => same(has(1), web), 'healed');
        const drift = keeper.drift();
        assert.equal(drift.total, count);
        assert.match(drift.last ?? '', text);
        assert.equal(events.filter((one) => one.startsWith(`drift ${key}`)).length, 1);
        await sleep(QUIET);
        assert.equal(keeper.drift().total, count, 'once');
      });
    });
  }

  test('also after many readings that found nothing to do, and again when what is wanted changes', async () => {
    await world(async ({ keeper, kernel, other, has }) => {
      await start(keeper, web);
      const readings = async (count: number) => {
        const before = kernel.commands.length;
        await until(() => kernel.commands.length > before + 4 * count, `${count} readings`);
      };
      for (const weight of [7, 8]) {
        await readings(4);
        outside(other, { kind: 'set-dest', key: keyOf(1), id: web.id, dest: dest(3, { weight }) });
        await until(() => same(has(1), web), 'healed');
      }
      assert.equal(keeper.drift().total, 2);
      const heavier = service(1, [dest(1), dest(2, { weight: 50 }), dest(3)]);
      await readings(4);
      say(keeper, heavier);
      await until(() => same(has(1), heavier), 'what is wanted now');
      await readings(4);
      outside(other, { kind: 'set-dest', key: keyOf(1), id: web.id, dest: dest(2, { weight: 5 }) });
      await until(() => same(has(1), heavier), 'what was wanted before is drift');
      outside(other, { kind: 'set-service', key: keyOf(1), service: { ...web, scheduler: 'wlc' } });
      await until(() => keeper.drift().by_kind.service_changed === 1 && same(has(1), heavier), 'the service itself');
    });
  });

  test('the order of a table of hashes is drift too', async () => {
    await world(async ({ keeper, other, kernel }) => {
      const hashed = service(4, [dest(1), dest(2), dest(3)], 'sh');
      await start(keeper, hashed);
      const order = () => [...other.readDestinations(hashed.id).keys()];
      const wanted = [...hashed.destinations.keys()];
      assert.deepEqual(order(), wanted);
      outside(
        other,
        { kind: 'del-dest', key: '', id: hashed.id, dest: dest(1) },
        { kind: 'new-dest', key: '', id: hashed.id, dest: dest(1) },
      );
      assert.notDeepEqual(order(), wanted);
      await until(() => JSON.stringify(order()) === JSON.stringify(wanted), 'in order again');
      await until(() => keeper.drift().by_kind.server_order !== undefined, 'counted');
      assert.ok(kernel.table.services.size > 0);
    });
  });

  test('a failed server of mh that somebody took out is one drift, and gets its place again', async () => {
    await world(async ({ keeper, other, has, kernel }) => {
      const hashed = service(4, [dest(1), dest(2, { weight: 0, place: 7 })], 'mh');
      await start(keeper, hashed);
      outside(other, { kind: 'del-dest', key: '', id: hashed.id, dest: dest(2) });
      kernel.commands.length = 0;
      await until(() => same(has(4), hashed), 'healed');
      assert.deepEqual(
        kernel.commands.filter((one) => [5, 6, 7].includes(one)),
        [5, 6],
        'added with its place, then set to 0',
      );
      await until(() => keeper.drift().total > 0, 'counted');
      assert.deepEqual(keeper.drift().by_kind, { server_missing: 1 });
    });
  });

  test('another program that works against lbd is told of now and then, and healed each time', async () => {
    await world(async ({ keeper, other, has, events }) => {
      await start(keeper, web);
      for (let round = 1; round <= 12; round++) {
        outside(other, { kind: 'set-dest', key: '', id: web.id, dest: dest(2, { weight: 0 }) });
        await until(() => keeper.drift().total === round && same(has(1), web), `healed ${round} times`);
      }
      const told = events.filter((one) => one.startsWith('drift'));
      assert.equal(told.length, 5, 'five in a minute are a fight, which is told, and the next ones are not');
      assert.match(told.at(-1) ?? '', /5 times in a minute: another program works against lbd/);
      assert.deepEqual(keeper.drift().fought_over, [keyOf(1)]);
      assert.equal(keeper.drift().by_kind.server_changed, 12);
    });
  });

  test('what lbd itself deletes while a long table is being read is no drift, and may come again', async () => {
    const kernel = createFakeKernel();
    kernel.queue = 100_000;
    const folder = mkdtempSync(join(tmpdir(), 'lbd-read-'));
    let clock = 0;
    const keeper = createTableKeeper({
      open: () => openIpvs(kernel.open, () => Promise.resolve('')),
      owned: openOwnership(folder, assert.fail),
      // A slow machine: each service that is read fills a slice.
      now: () => (clock += 6),
      log: () => {},
      event: () => {},
      nameOf: (key) => key,
      onState: () => {},
      timing: TIMING,
    });
    const far = (i: number): Service => {
      const one = service(1, [dest(1)]);
      return { ...one, id: { ...one.id, address: `192.0.${10 + (i >> 7)}.${1 + (i & 127)}` } as Service['id'] };
    };
    const key = (i: number) => serviceKey(far(i).id);
    const reads = () => kernel.commands.filter((one) => one === 8).length;
    await start(keeper, ...Array.from({ length: 1200 }, (_, i) => far(i)));
    await until(() => kernel.table.services.size === 1200, 'all there');
    await until(() => reads() > 0, 'a reading is under way');
    keeper.want(key(20), undefined);
    keeper.want(key(21), undefined);
    await until(() => kernel.table.services.size === 1198, 'deleted');
    const later = reads();
    await until(() => reads() > later + 30, 'the reading has come by');
    assert.equal(keeper.drift().total, 0);
    say(keeper, far(21));
    await until(() => kernel.table.services.size === 1199, 'there again');
    assert.equal(keeper.refusal(key(21)), undefined);
    keeper.close();
    rmSync(folder, { recursive: true });
  });

  test('no drift, no commands but readings', async () => {
    await world(async ({ keeper, kernel }) => {
      await start(keeper, web);
      kernel.commands.length = 0;
      await until(() => kernel.commands.length > 10, 'readings go on');
      assert.deepEqual([...new Set(kernel.commands)].sort(), [4, 8]);
      assert.equal(keeper.drift().total, 0);
    });
  });
});

describe('a service of somebody else under the address of a wanted one', () => {
  const theirs = service(1, [dest(66)], 'wlc');
  const collision = /has a service tcp\/192\.0\.2\.1:80 that is not lbd's: .*lbctl take-over/;

  test('at run time is left alone, and told', async () => {
    await world(async ({ keeper, other, has, owned, events }) => {
      await start(keeper, mail);
      put(other, theirs);
      say(keeper, web);
      await until(() => collision.test(keeper.refusal(keyOf(1)) ?? ''), 'told');
      await sleep(QUIET);
      assert.ok(same(has(1), theirs));
      assert.ok(!owned.keys.has(keyOf(1)));
      assert.deepEqual(keeper.foreign(), [keyOf(1)]);
      assert.equal(events.filter((one) => collision.test(one)).length, 1, 'once');
      assert.equal(keeper.drift().total, 0);
    });
  });

  test('after a restart with a record is left alone; at the first start of all it is adopted', async () => {
    await world(
      async ({ keeper, other, has }) => {
        put(other, theirs);
        await start(keeper, web, mail);
        assert.match(keeper.refusal(keyOf(1)) ?? '', collision);
        assert.ok(same(has(1), theirs) && same(has(2), mail));
      },
      [keyOf(2)],
    );
  });

  test('a first start that was cut short between two slices has adopted nothing for good: the next one goes on', async () => {
    const kernel = createFakeKernel();
    kernel.queue = 100_000;
    const other = await openIpvs(kernel.open, () => Promise.resolve(''));
    const folder = mkdtempSync(join(tmpdir(), 'lbd-cut-'));
    const wanted = Array.from({ length: 200 }, (_, i) =>
      service(
        i + 1,
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((host) => dest(host)),
      ),
    );
    for (const one of wanted) put(other, { ...one, destinations: new Map() });
    const life = async () => {
      const keeper = createTableKeeper({
        open: () => openIpvs(kernel.open, () => Promise.resolve('')),
        owned: openOwnership(folder, assert.fail),
        now: () => performance.now(),
        log: () => {},
        event: () => {},
        nameOf: (key) => key,
        onState: () => {},
        timing: TIMING,
      });
      await start(keeper, ...wanted);
      return keeper;
    };
    (await life()).close();
    const second = await life();
    await until(() => second.applied, 'applied');
    const strangers = wanted.filter((one) => second.refusal(serviceKey(one.id)) !== undefined);
    second.close();
    other.close();
    rmSync(folder, { recursive: true });
    assert.equal(strangers.length, 0);
  });

  test('gives way when it is deleted, or taken over', async () => {
    await world(async ({ keeper, other, has, owned }) => {
      await start(keeper, mail);
      put(other, theirs);
      put(other, service(3, [dest(66)]));
      say(keeper, web, service(3, [dest(1)]));
      await until(() => keeper.refusal(keyOf(1)) !== undefined && keeper.refusal(keyOf(3)) !== undefined, 'both collide');
      outside(other, { kind: 'del-service', key: '', id: theirs.id });
      await until(() => same(has(1), web), 'its place is taken');
      assert.equal(keeper.takeOver([keyOf(1), keyOf(3)]), 1);
      await until(() => same(has(3), service(3, [dest(1)])), "made lbd's");
      assert.ok(owned.keys.has(keyOf(3)) && keeper.refusal(keyOf(3)) === undefined);
    });
  });

  test('that is no longer wanted is forgotten, and stays', async () => {
    await world(async ({ keeper, other, has }) => {
      await start(keeper, mail);
      put(other, theirs);
      say(keeper, web);
      await until(() => keeper.refusal(keyOf(1)) !== undefined, 'collides');
      keeper.want(keyOf(1), undefined);
      await until(() => keeper.refusal(keyOf(1)) === undefined, 'forgotten');
      await sleep(QUIET);
      assert.ok(same(has(1), theirs));
    });
  });
});

test('a large table is written in slices, services before deletions, and read in slices', async () => {
  await world(async ({ keeper, other, has, log }) => {
    const many = Array.from({ length: 200 }, (_, i) =>
      service(
        i + 1,
        Array.from({ length: 20 }, (_none, host) => dest(host + 1)),
      ),
    );
    let turns = 0;
    const turn = () => {
      turns++;
      next = setImmediate(turn);
    };
    let next = setImmediate(turn);
    await start(keeper, ...many);
    await until(() => keeper.applied, 'applied');
    clearImmediate(next);
    assert.ok(turns > 2, `${turns} turns of the loop meanwhile`);
    assert.equal(log.filter((one) => one.startsWith('info: table applied')).length, 1);
    assert.equal(other.readTable().size, 200);
    const table = await keeper.readAll(false);
    assert.equal(
      [...(table?.values() ?? [])].reduce((sum, one) => sum + one.destinations.size, 0),
      4000,
    );
    keeper.removeAll();
    assert.equal(has(1), undefined);
    assert.equal(other.readTable().size, 0, 'at once');
  });
});
