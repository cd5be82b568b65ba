/** The check process when most of its servers fail at once, and with checks via: vip; on a fake kernel and a fake network. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { SuspicionConfig } from '../../../../src/config/types.js';
import { answer } from '../../../../src/daemon/check/answers.js';
import type { CheckSummary, DetailAnswer, ServicesAnswer } from '../../../../src/daemon/messages.js';
import { CHECKING, makeServer } from '../../../fake/intent.js';
import { dr, named, type PoolWorld, poolWorld } from '../../../fake/pool-world.js';
import { until } from '../../../fake/table-world.js';

const HOSTS = [1, 2, 3, 4, 5, 6];
const ADDRESSES = HOSTS.map((host) => `10.0.0.${host}`);

const director = (suspicion: SuspicionConfig | undefined) => ({
  kernel: { manage: false, restore: false, values: {} },
  connectionSync: undefined,
  timeouts: { tcp: 0, tcpFin: 0, udp: 0 },
  checking: { ...CHECKING, suspicion },
});

const suspicious = (own: Partial<SuspicionConfig> = {}) =>
  director({ share: 0.6, minTargets: 5, hold: 60_000, references: [], yields: false, ...own });

/** So slow that one moment is one moment, also where the process stands still for a while between two probes. */
const SLOW = { interval: 400, timeout: 400 };
const servers = () => HOSTS.map((host) => dr(host, SLOW));

async function world(own: Partial<SuspicionConfig>, run: (world: PoolWorld) => Promise<void>): Promise<void> {
  await poolWorld([named('web', 10, servers())], run, { more: { director: suspicious(own) } });
}

/** Real servers in the table. */
const inTable = ({ table }: PoolWorld): number => table()[0]?.match(/=10/g)?.length ?? 0;
const all = (one: PoolWorld) => until(() => inTable(one) === HOSTS.length, 'all are in');
const told = ({ events }: PoolWorld) => events.filter((one) => one.startsWith('suspicion'));
const summary = async ({ pool }: PoolWorld) => ((await answer(pool, { what: 'summary' })) as { value: CheckSummary }).value;

/** Beside each other: each has a world of its own, and waits. */
describe('most servers begin to fail at once', { concurrency: 5 }, () => {
  test('they stay, or come back, for as long as it holds; it is told, and why says it', async () => {
    await world({}, async (one) => {
      await all(one);
      for (const address of ADDRESSES) one.down.add(address);
      await until(() => told(one).length === 1, 'told');
      await until(() => one.events.filter((text) => /-> down/.test(text)).length === HOSTS.length, 'every verdict is down');
      await all(one);
      assert.match((await summary(one)).suspicion ?? '', /hosts that were up began to fail/);
      const detail = await answer(one.pool, { what: 'detail', service: 'web', rs: '10.0.0.1' });
      assert.match(
        (detail as { value: DetailAnswer }).value.summary,
        /^down: .*in the table with weight 10; it stays: most servers/,
      );
      one.down.clear();
      await until(() => told(one).length === 2, 'over');
      assert.match(told(one)[1] ?? '', /answer again/);
      await all(one);
      assert.equal((await summary(one)).suspicion, null);
    });
  });

  test('who still fails when the others answer again is out', async () => {
    await world({}, async (one) => {
      await all(one);
      for (const address of ADDRESSES) one.down.add(address);
      await until(() => told(one).length === 1, 'told');
      for (const address of ADDRESSES.slice(1)) one.down.delete(address);
      await until(() => one.table()[0]?.includes('10.0.0.1:80') === false && inTable(one) === 5, 'one is out');
    });
  });

  test('it was true: when the time is over all leave', async () => {
    await world({ hold: 400 }, async (one) => {
      await all(one);
      for (const address of ADDRESSES) one.down.add(address);
      await until(() => told(one).length === 2, 'over');
      assert.match(told(one)[1] ?? '', /the time to hold is over/);
      await until(() => inTable(one) === 0, 'all are out');
      one.down.clear();
      await all(one);
    });
  });

  test('a reference that answers says at once that it is true; one that is silent says nothing', async () => {
    await world({ references: ['10.0.0.99'] }, async (one) => {
      await all(one);
      for (const address of [...ADDRESSES, '10.0.0.99']) one.down.add(address);
      await until(() => told(one).length === 1, 'told');
      await until(() => one.events.filter((text) => /-> down/.test(text)).length === HOSTS.length, 'every verdict is down');
      await all(one);
      one.down.delete('10.0.0.99');
      await until(() => inTable(one) === 0, 'all are out');
      assert.match(told(one)[1] ?? '', /10\.0\.0\.99 answers/);
    });
  });

  test('yield: while it suspects itself, and after the time to hold until they answer; never unless it is asked for', async () => {
    await world({ hold: 400, yields: true }, async (one) => {
      await all(one);
      assert.deepEqual(one.yielded, []);
      for (const address of ADDRESSES) one.down.add(address);
      await until(() => inTable(one) === 0, 'all are out');
      assert.deepEqual(one.yielded, [true]);
      one.down.clear();
      await all(one);
      assert.deepEqual(one.yielded, [true, false]);
    });
    await world({ hold: 400 }, async (one) => {
      await all(one);
      for (const address of ADDRESSES) one.down.add(address);
      await until(() => inTable(one) === 0, 'all are out');
      assert.deepEqual(one.yielded, []);
    });
  });

  test('a start at which most are down is no sudden failure: nobody who was never up gets traffic', async () => {
    await world({}, async (one) => {
      for (const address of ADDRESSES.slice(1)) one.down.add(address);
      one.configure([named('web', 10, servers()), named('mail', 20, [dr(7)])]);
      await until(() => one.events.filter((text) => /web.*-> (up|down)/.test(text)).length === HOSTS.length, 'all have decided');
      assert.deepEqual(told(one), []);
      await until(() => /: 10\.0\.0\.1:80=10$/.test(one.table()[0] ?? ''), 'the one that is up, alone');
      assert.deepEqual(told(one), []);
    });
  });

  test('who needs several successes stays until they are together', async () => {
    const slow = HOSTS.map((host) => dr(host, { ...SLOW, rise: 3 }));
    const run = async (one: PoolWorld) => {
      await all(one);
      for (const address of ADDRESSES) one.down.add(address);
      await until(() => one.events.filter((text) => /-> down/.test(text)).length === HOSTS.length, 'every verdict is down');
      await all(one);
      one.down.clear();
      let least = HOSTS.length;
      await until(() => {
        least = Math.min(least, inTable(one));
        return one.events.filter((text) => /down -> up/.test(text)).length === HOSTS.length;
      }, 'all are up');
      assert.equal(least, HOSTS.length);
    };
    await poolWorld([named('web', 10, slow)], run, { more: { director: suspicious() } });
  });

  test('who is back without having been away begins with his whole weight', async () => {
    const growing = servers().map((server) => ({ ...server, slowStart: 60_000 }));
    const run = async (one: PoolWorld) => {
      await all(one);
      for (const address of ADDRESSES) one.down.add(address);
      await until(() => one.events.filter((text) => /-> down/.test(text)).length === HOSTS.length, 'every verdict is down');
      await all(one);
      one.down.clear();
      await until(() => told(one).length === 2, 'over');
      assert.equal(inTable(one), HOSTS.length);
    };
    await poolWorld([named('web', 10, growing)], run, { more: { director: suspicious() } });
  });

  test('a restart meanwhile goes on suspecting, and does not begin with what did not count', async () => {
    let left: { verdicts: object; members: object } | undefined;
    const ended = (folder: string) => {
      const { verdicts, members } = JSON.parse(readFileSync(join(folder, 'verdicts.json'), 'utf8'));
      left = { verdicts, members };
    };
    const more = { director: suspicious() };
    const fail = async (one: PoolWorld) => {
      await all(one);
      for (const address of ADDRESSES) one.down.add(address);
      await until(() => one.events.filter((text) => /-> down/.test(text)).length === HOSTS.length, 'every verdict is down');
      await all(one);
    };
    await poolWorld([named('web', 10, servers())], fail, { more, ended });
    assert.deepEqual(left?.verdicts, {});
    const again = async (one: PoolWorld) => {
      for (const address of ADDRESSES) one.down.add(address);
      await until(() => told(one).length === 1, 'it suspects itself again');
      await until(() => one.events.filter((text) => /-> down/.test(text)).length === HOSTS.length, 'every verdict is down');
      await all(one);
    };
    await poolWorld([named('web', 10, servers())], again, { more, ...(left ? { saved: left } : {}) });
  });

  test('off, or switched off meanwhile: verdicts count', async () => {
    await world({}, async (one) => {
      await all(one);
      for (const address of ADDRESSES) one.down.add(address);
      await until(() => told(one).length === 1, 'told');
      one.configure([named('web', 10, servers())], { director: director(undefined) });
      await until(() => inTable(one) === 0, 'all are out');
      assert.equal((await summary(one)).suspicion, null);
    });
  });
});

describe('checks via: vip', () => {
  const check = (host: number) =>
    ({
      type: 'tcp',
      via: 'vip',
      passage: { address: `10.0.0.${host}`, forward: 'dr' },
      connect: '192.0.2.10',
      port: 80,
      interval: 20,
      timeout: 20,
      rise: 1,
      fall: 1,
    }) as const;
  const through = (host: number) => makeServer(host, { forward: 'dr', checks: [check(host)] });
  const first = CHECKING.probeMarks.first;
  const PASSAGES = [`fwmark/${first}: 10.0.0.1:0=1`, `fwmark/${first + 1}: 10.0.0.2:0=1`];
  const listed = async ({ pool }: PoolWorld, more: boolean) =>
    ((await answer(pool, { what: 'services', service: undefined, all: more })) as { value: ServicesAnswer }).value.services;

  test('they have services of their own in the kernel, shown to who asks, and no longer than they are needed', async () => {
    const services = [named('web', 10, [through(1), through(2)]), named('mail', 20, [through(2)])];
    await poolWorld(services, async (one) => {
      const { pool, table, configure, down } = one;
      const has = (...lines: string[]) => lines.every((line) => table().includes(line));
      await until(() => has('tcp/192.0.2.10:80: 10.0.0.1:80=10 10.0.0.2:80=10', ...PASSAGES), 'all in');
      assert.equal(table().length, 4);
      down.add('10.0.0.2');
      await until(() => has('tcp/192.0.2.10:80: 10.0.0.1:80=10', ...PASSAGES), 'out; its passage stays');
      down.clear();
      assert.deepEqual([pool.keeper.foreign(), (await listed(one, false)).length], [[], 2]);
      const shown = (await listed(one, true)).slice(2);
      assert.deepEqual(
        shown.map(({ name, source, in_sync, real_servers }) => [name, source, in_sync, real_servers.length]),
        [1, 2].map((host) => [`checks of 10.0.0.${host} via VIP (dr)`, 'checks', true, 1]),
      );
      configure([named('web', 10, [dr(1), dr(2)]), named('mail', 20, [through(2)])]);
      await until(() => !table().some((line) => line === PASSAGES[0]) && has(PASSAGES[1] as string), 'one is gone');
      configure([]);
      await until(() => table().length === 0, 'both are gone');
    });
  });
});
