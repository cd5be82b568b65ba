/** Tables that take several turns of the loop: worked out as a whole, sent in one go, and open to a change of mind in between. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openOwnership } from '../../../../src/daemon/check/ownership.js';
import type { Service } from '../../../../src/ipvs/types.js';
import {
  dest,
  keyOf,
  outside,
  put,
  SLOW,
  same,
  say,
  service,
  start,
  until,
  type World,
  world,
} from '../../../fake/table-world.js';

/** Many turns of planning, and two of sending. */
const HOSTS = Array.from({ length: 250 }, (_none, i) => i + 1);
const LARGE: readonly Service[] = HOSTS.map((host) =>
  service(
    host,
    Array.from({ length: 45 }, (_none, i) => dest(i + 1)),
  ),
);
const turn = () => new Promise(setImmediate);

/** The first has been sent, others have not. */
async function underWay({ kernel, keeper }: World): Promise<void> {
  keeper.flush();
  while (kernel.table.services.size < 2) await turn();
  assert.ok(kernel.table.services.size < HOSTS.length - 20, 'not all of it');
}

describe('a large table', () => {
  test('is planned before any of it is sent, and then is there as wanted', async () => {
    await world(
      async ({ keeper, kernel, has, log }) => {
        await start(keeper, ...LARGE);
        assert.equal(kernel.table.services.size, 0, 'not with the first turn');
        await until(() => keeper.applied, 'applied');
        assert.ok(LARGE.every((one, i) => same(has(HOSTS[i] as number), one)));
        assert.equal(keeper.drift().total, 0);
        assert.equal(log.filter((line) => line === 'info: table applied').length, 1);
      },
      [],
      SLOW,
    );
  });

  test('what is wanted otherwise while it is on its way is sent as it is wanted last', async () => {
    await world(
      async (world) => {
        const { keeper, kernel, has } = world;
        await start(keeper, ...LARGE);
        await underWay(world);
        const [sent, last, gone] = [service(1, [dest(1, { weight: 3 })]), service(250, [dest(2)]), keyOf(249)];
        kernel.commands.length = 0;
        say(keeper, sent, last);
        keeper.want(gone, undefined);
        await until(() => keeper.applied, 'applied');
        assert.ok(same(has(1), sent) && same(has(250), last));
        assert.equal(has(249), undefined);
        // IPVS_CMD_DEL_SERVICE: it was never made.
        assert.ok(!kernel.commands.includes(3));
      },
      [],
      SLOW,
    );
  });

  test('the kernel is lost in the middle: all of it is planned anew', async () => {
    await world(
      async (world) => {
        const { keeper, kernel, has } = world;
        await start(keeper, ...LARGE);
        await underWay(world);
        kernel.queue = 0;
        await turn();
        await turn();
        kernel.queue = 277;
        await until(() => keeper.applied && LARGE.every((one, i) => same(has(HOSTS[i] as number), one)), 'as wanted');
      },
      [],
      { ...SLOW, reopen: 20 },
    );
  });

  test('a destination that the kernel refuses is told, and the rest of its service and of the table is there', async () => {
    await world(
      async ({ keeper, has }) => {
        const all = [...LARGE];
        all[200] = service(201, [dest(1), dest(2, { weight: -1 }), dest(3)]);
        await start(keeper, ...all);
        await until(() => keeper.applied, 'applied');
        assert.match(`${keeper.refusal(keyOf(201))}`, /add 10\.0\.0\.2:80 .*ERANGE/);
        assert.ok(same(has(201), service(201, [dest(1), dest(3)])) && same(has(202), all[201] as Service));
        assert.deepEqual([...(keeper.believed(keyOf(201))?.destinations.keys() ?? [])], ['10.0.0.1:80', '10.0.0.3:80']);
      },
      [],
      SLOW,
    );
  });

  test('what another program made meanwhile stays its own', async () => {
    await world(
      async (world) => {
        const { keeper, other, has, owned } = world;
        await start(keeper, service(9, [dest(1)]));
        await until(() => keeper.applied, 'the first table');
        const theirs = service(250, [dest(77)]);
        say(keeper, ...LARGE.filter((_one, i) => i !== 8));
        await underWay(world);
        put(other, theirs);
        await until(() => has(248) !== undefined && keeper.refusal(keyOf(250)) !== undefined, 'a collision');
        assert.ok(same(has(250), theirs), 'without anything of ours in it');
        assert.ok(!owned.keys.has(keyOf(250)));
        outside(other, { kind: 'del-service', key: keyOf(250), id: theirs.id });
      },
      [],
      { ...SLOW, retry: [0] },
    );
  });
});

test('services that will be made are in the record before, and are lbd’s when they are made', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lbd-owned-'));
  const recorded = (): string[] => JSON.parse(readFileSync(join(folder, 'owned.json'), 'utf8')).keys;
  try {
    const owned = openOwnership(folder, (text) => assert.fail(text));
    owned.add(['a']);
    owned.announce(['a', 'b', 'c', 'd']);
    owned.flush();
    assert.deepEqual([recorded(), [...owned.keys]], [['a', 'b', 'c', 'd'], ['a']]);
    rmSync(join(folder, 'owned.json'));
    owned.add(['b', 'c']);
    owned.flush();
    assert.throws(recorded, 'nothing was to be written');
    owned.announce([]);
    owned.flush();
    assert.deepEqual(recorded(), ['a', 'b', 'c'], 'what was not made after all is not in it');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
