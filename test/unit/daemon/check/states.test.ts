/** Administrative states in the check process: what goes to the kernel, in which order, and what is said of them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ApiService, ApiWhy } from '../../../../src/control/api.js';
import { answer } from '../../../../src/daemon/check/answers.js';
import { createDeadlines } from '../../../../src/daemon/check/deadlines.js';
import { createRemovals } from '../../../../src/daemon/check/removals.js';
import type { CheckSummary } from '../../../../src/daemon/messages.js';
import type { Admin, ServiceIntent } from '../../../../src/intent/types.js';
import type { KernelDestination } from '../../../../src/ipvs/types.js';
import { CHECKING, makeServer, makeService } from '../../../fake/intent.js';
import { dr, named, poolWorld } from '../../../fake/pool-world.js';
import { until } from '../../../fake/table-world.js';

const by = (id: number) =>
  ({ kind: 'override', override: { id, who: 'ann', when: '2026-01-01T00:00:00Z', why: 'disks' } }) as const;
const word = (own: Partial<Admin> = {}): { admin: Admin; said: Admin[] } => {
  const admin: Admin = { state: 'drain', source: by(7), ...own };
  return { admin, said: [admin] };
};
/** Which check answers first decides the order in the kernel. */
const has = (line: string | undefined, ...servers: string[]) => servers.every((one) => line?.split(' ').includes(one));
const MANAGED = {
  kernel: { manage: true, restore: false, values: {} },
  connectionSync: undefined,
  timeouts: { tcp: 0, tcpFin: 0, udp: 0 },
  checking: CHECKING,
};

describe('administrative states in the check process', () => {
  test('clients are kept before the weight goes, and sent away only when it is back', async () => {
    const persistence = { timeout: 300, prefix: 32, engine: '' } as const;
    const shop = (own: object) => named('shop', 10, [{ ...dr(1), ...own }, dr(2)], { persistence });
    await poolWorld(
      [shop({}), named('mail', 20, [{ ...dr(3), ...word() }], { persistence })],
      async ({ pool, table, events, settings }) => {
        settings.set('expire_quiescent_template', '0');
        await until(() => has(table()[0], '10.0.0.1:80=10', '10.0.0.2:80=10'), 'in');
        assert.equal(settings.get('expire_quiescent_template'), '1', 'mail drains and sends its clients away');
        const steps = () => events.splice(0).filter((one) => /expire_quiescent|^table shop/.test(one));
        steps();
        pool.update({ type: 'update', services: [shop(word({ sticky: 'honour' }))] });
        await until(() => has(table()[0], '10.0.0.1:80=0', '10.0.0.2:80=10'), 'weight 0');
        assert.deepEqual(
          steps().map((one) => one.slice(0, 50)),
          ['setting net.ipv4.vs.expire_quiescent_template: 1 -', 'table shop: set 10.0.0.1:80 weight 0 (dr)'],
        );
        assert.equal(settings.get('expire_quiescent_template'), '0');
        pool.update({ type: 'update', services: [shop({})] });
        await until(() => settings.get('expire_quiescent_template') === '1', 'as before');
        assert.deepEqual(
          steps().map((one) => one.slice(0, 50)),
          ['table shop: set 10.0.0.1:80 weight 10 (dr)', 'setting net.ipv4.vs.expire_quiescent_template: 0 -'],
        );
      },
      { more: { director: MANAGED } },
    );
  });

  test('what set-vs has set is told with what would be otherwise, and by whom', async () => {
    const changed = [{ setting: 'scheduler', value: 'rr', before: 'wlc', source: by(9) }] as const;
    await poolWorld([named('shop', 10, [dr(1)], { scheduler: 'rr', changed })], async ({ pool, table }) => {
      await until(() => has(table()[0], '10.0.0.1:80=10'), 'in');
      const asked = async (query: object) => (await answer(pool, query as never)) as { value: unknown };
      const { value } = await asked({ what: 'services', service: 'shop' });
      assert.deepEqual((value as { services: ApiService[] }).services[0]?.changed, [
        { setting: 'scheduler', value: 'rr', before: 'wlc', by: by(9).override },
      ]);
      const { steps } = (await asked({ what: 'detail', service: 'shop' })).value as ApiWhy;
      assert.ok(
        steps.includes('setting: scheduler rr, otherwise wlc (set at run time by ann at 2026-01-01T00:00:00Z: disks)'),
        steps.join('\n'),
      );
    });
  });

  test('a host: its real servers alone are listed, with what is wanted, what counts now, and by whom', async () => {
    const host = word({ host: true, until: Date.now() + 60_000, expires: Date.now() + 90_000 });
    const services = [
      named('web', 10, [{ ...dr(1), ...host }, dr(2)]),
      named('mail', 20, [dr(2)]),
      named('dns', 30, [{ ...dr(1), ...host, weight: 3, configuredWeight: 9 }]),
    ];
    await poolWorld(services, async ({ pool, table }) => {
      await until(() => has(table()[0], '10.0.0.1:80=0', '10.0.0.2:80=10') && has(table()[2], '10.0.0.1:80=0'), 'drains');
      const { value } = (await answer(pool, { what: 'services', service: undefined, host: '10.0.0.1' })) as {
        value: { services: ApiService[] };
      };
      assert.deepEqual(
        value.services.map(({ name, total, real_servers: [one, ...others] }) => [
          name,
          total,
          others.length,
          one?.wanted.weight,
          one?.wanted.configured_weight,
          one?.effective_weight,
          one?.kernel?.weight,
        ]),
        [
          ['web', 2, 0, 10, 10, 0, 0],
          ['dns', 1, 0, 3, 9, 0, 0],
        ],
      );
      const admin = value.services[0]?.real_servers[0]?.wanted.admin;
      assert.deepEqual([admin?.scope, admin?.by?.id, admin?.removes, admin?.sticky], ['host', 7, false, null]);
      assert.ok((admin?.deadline_seconds ?? 0) > 50 && (admin?.expires_seconds ?? 0) > 80);
      const why = (await answer(pool, { what: 'detail', service: 'dns', rs: '10.0.0.1' })) as { value: ApiWhy };
      assert.match(why.value.summary, /^drained with its host: in the table with weight 0, .*ready again in/);
      assert.match(why.value.steps.join('\n'), /^wanted: weight 3 of 9 configured/);
      assert.match(
        why.value.steps.join('\n'),
        /\nstate: drain of host 10\.0\.0\.1 \(set at run time by ann at 2026-01-01T00:00:00Z: disks\)/,
      );
      assert.match(why.value.steps.join('\n'), /\npool: in, effective weight 0\n/);
      const { drains } = ((await answer(pool, { what: 'summary' })) as { value: CheckSummary }).value;
      const left = { active: 0, inactive: 0, persistent: 0 };
      assert.deepEqual(
        drains,
        ['web', 'dns'].map((name) => ({ target: `${name}/10.0.0.1:80`, host: '10.0.0.1', left })),
      );
    });
  });

  test('one that is out of service and down is no problem of status', async () => {
    const services = [named('web', 10, [{ ...dr(1), ...word({ state: 'disabled' }) }, dr(2)])];
    await poolWorld(services, async ({ pool, down, events }) => {
      down.add('10.0.0.1').add('10.0.0.2');
      await until(() => events.filter((one) => one.includes('-> down')).length === 2, 'both are down');
      const { value } = (await answer(pool, { what: 'summary' })) as { value: { down: { rs: string }[] } };
      assert.deepEqual(
        value.down.map((one) => one.rs),
        ['10.0.0.2:80'],
      );
    });
  });
});

test('deadlines of one moment are told together', async () => {
  const soon = Date.now() + 30;
  const services = [1, 2].map((n) => makeService([makeServer(n, word({ until: soon }))], { name: `s${n}` }));
  const dues: string[][] = [];
  const deadlines = createDeadlines({
    services: () => services,
    event: () => {},
    due: (due) => void dues.push(due.map((one) => one.name)),
  });
  deadlines.arm();
  await until(() => dues.length > 0, 'due');
  deadlines.close();
  assert.deepEqual(dues, [['s1', 's2']]);
  assert.ok(Date.now() >= soon);
});

test('a wall clock that is set back keeps no deadline from being told', async (context) => {
  const trueNow = Date.now;
  let wrong = 3_600_000;
  context.mock.method(Date, 'now', () => trueNow() + wrong);
  let services: ServiceIntent[] = [];
  let count = 0;
  const deadlines = createDeadlines({ services: () => services, event: () => {}, due: () => void count++ });
  deadlines.arm();
  wrong = 0;
  services = [makeService([makeServer(1, word({ until: Date.now() + 30 }))])];
  deadlines.arm();
  await until(() => count > 0, 'due');
  deadlines.close();
});

describe('real servers that are to be removed when they are empty', () => {
  const persistence = { timeout: 300, prefix: 32, engine: '' } as const;
  const found = (weight: number, active: number, persistent = 0) => [
    { weight, active, inactive: 0, persistent } as KernelDestination,
  ];

  /** What each look finds, in turn; the last one stays. How many looks there were when it was said to be empty. */
  async function looks(own: Partial<ServiceIntent>, admin: Partial<Admin>, ...finds: (KernelDestination[] | undefined)[]) {
    const service = makeService([makeServer(1, word({ remove: true, ...admin })), makeServer(2, word())], own);
    let count = 0;
    const said: [number, number][] = [];
    const removals = createRemovals({
      services: () => [service],
      read: (_, server) => {
        assert.equal(server.key, '10.0.0.1:80', 'only the one that is to be removed');
        return finds[Math.min(count++, finds.length - 1)];
      },
      empty: (id) => said.push([id, count]),
      every: 1,
    });
    removals.arm();
    await until(() => said.length > 0 || count > finds.length + 5, 'looked');
    removals.close();
    return said[0];
  }

  test('weight 0 and no connection, twice; not what cannot be read', async () => {
    assert.deepEqual(await looks({}, {}, found(10, 0), found(0, 1), found(0, 0), found(0, 0)), [7, 4]);
    assert.deepEqual(await looks({}, {}, found(0, 0), found(0, 1), found(0, 0), found(0, 0)), [7, 4]);
    assert.deepEqual(await looks({}, {}, undefined, []), [7, 3], 'not in the table');
    assert.equal(await looks({}, {}, undefined), undefined);
  });

  test('persistent clients who may come again keep it, the templates of others do not', async () => {
    assert.equal(await looks({ persistence }, { sticky: 'honour' }, found(0, 0, 1)), undefined);
    assert.deepEqual(await looks({ persistence }, { sticky: 'break' }, found(0, 0, 1)), [7, 2]);
    assert.deepEqual(await looks({}, { sticky: 'honour' }, found(0, 0, 1)), [7, 2]);
  });
});
