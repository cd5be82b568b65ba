/** The table keeper in good times: start, stop, drift; what is foreign stays as it is. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Operation } from '../../../../src/ipvs/types.js';
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
          [6, 5, 7],
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
        assert.equal(keeper.read(), undefined);
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
    'service gone': [[{ kind: 'del-service', key, id }], 4, /add service, scheduler rr, add 10\.0\.0\.1:80/],
    'destination gone': [[{ kind: 'del-dest', key, id, dest: dest(2) }], 1, /add 10\.0\.0\.2:80 weight 5/],
    weight: [[{ kind: 'set-dest', key, id, dest: dest(2, { weight: 0 }) }], 1, /set 10\.0\.0\.2:80 weight 5/],
    method: [[{ kind: 'set-dest', key, id, dest: dest(1, { forward: 'dr' }) }], 1, /set 10\.0\.0\.1:80 .*nat/],
    scheduler: [[{ kind: 'set-service', key, service: { ...web, scheduler: 'wlc' } }], 1, /set service, scheduler rr/],
    'junk destination': [[{ kind: 'new-dest', key, id, dest: dest(77) }], 1, /delete 10\.0\.0\.77:80/],
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
