import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createNetfilterKeeper, type NetfilterKeeper, type NetfilterTiming } from '../../../../src/daemon/check/netfilter.js';
import { openNetfilterRecord } from '../../../../src/daemon/check/netfilter-record.js';
import { bootId } from '../../../../src/daemon/check/ownership.js';
import { makeServer, makeService } from '../../../fake/intent.js';
import { createFakeNft, type FakeNft } from '../../../fake/nft.js';

const web = makeService([makeServer(1)], { snat: true });
const mail = makeService([makeServer(2)], { snat: true, ids: [{ kind: 'fwmark', family: 4, fwmark: 9 }] });
const plain = makeService([makeServer(1)]);
const two = [web, makeService([], { forward: 'tun', mss: 1300, ids: [{ kind: 'fwmark', family: 4, fwmark: 7 }] })];

interface World {
  nft: FakeNft;
  keeper: NetfilterKeeper;
  log: string[];
  events: string[];
  record: { had: boolean };
  /** Milliseconds of the keeper's clock. */
  clock: { now: number };
}

const TIMING: NetfilterTiming = { check: 5000, retry: [5, 5, 10] };

interface Circumstances {
  readonly table?: string;
  readonly had?: boolean;
  readonly onStop?: 'keep' | 'remove';
  readonly timing?: NetfilterTiming;
}

async function world(run: (world: World) => Promise<void>, of: Circumstances = {}): Promise<void> {
  const nft = createFakeNft(of.table);
  const [log, events]: [string[], string[]] = [[], []];
  const record = {
    had: of.had ?? false,
    note(next: boolean) {
      record.had = next;
    },
  };
  const clock = { now: 1000 };
  const keeper = createNetfilterKeeper({
    nft,
    record,
    onStop: () => of.onStop ?? 'keep',
    now: () => clock.now,
    log: (level, message, fields) => log.push(`${level}: ${message} ${fields?.reason ?? ''}`.trim()),
    event: (kind, subject, text) => events.push(`${kind} ${subject}: ${text}`),
    timing: of.timing ?? TIMING,
  });
  try {
    await run({ nft, keeper, log, events, record, clock });
  } finally {
    await keeper.stop(false);
  }
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 400 && !holds(); i++) await sleep(5);
  assert.ok(holds(), what);
}

/** Everything that was begun has ended: the fake answers within one turn of the loop. */
async function quiet(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

const applied = (keeper: NetfilterKeeper) => until(() => keeper.status().state === 'applied', 'applied');

test('nothing wanted, nothing ever had: nft is not run', async () => {
  await world(
    async ({ nft, keeper }) => {
      keeper.reconcile();
      keeper.want([]);
      keeper.want([plain]);
      keeper.reconcile();
      await quiet();
      assert.equal(keeper.status().state, 'none');
      await keeper.stop(true);
      assert.deepEqual(nft.calls, []);
    },
    { onStop: 'remove' },
  );
});

test('what is wanted is put in once, noted before, and only a change puts it in again', async () => {
  await world(async ({ nft, keeper, record, log }) => {
    keeper.want([web]);
    assert.equal(keeper.status().state, 'pending');
    assert.equal(record.had, true, 'noted before nft had a chance');
    await applied(keeper);
    assert.match(nft.table ?? '', /^table inet lbd \{[\s\S]*tcp_80/);
    keeper.want([web]);
    keeper.want([{ ...web, scheduler: 'rr' }, plain]);
    keeper.reconcile();
    await quiet();
    assert.deepEqual(nft.calls, ['apply', 'list']);
    keeper.want(two);
    await quiet();
    assert.match(nft.table ?? '', /mss_1300/);
    assert.deepEqual(keeper.status(), { state: 'applied', mss: 1, snat: 1, problem: null, drift: { total: 0, last: null } });
    assert.deepEqual(log, ['info: netfilter rules applied', 'info: netfilter rules applied']);
  });
});

test('nothing wanted any more: the table goes, and nft rests', async () => {
  await world(async ({ nft, keeper, record, clock }) => {
    keeper.want([web]);
    await applied(keeper);
    keeper.want([plain]);
    await until(() => keeper.status().state === 'none', 'gone');
    assert.equal(nft.table, undefined);
    assert.equal(record.had, false);
    clock.now += 1e6;
    keeper.reconcile();
    await quiet();
    assert.deepEqual(nft.calls, ['apply', 'list', 'apply']);
  });
});

describe('an earlier life', () => {
  const earlier = { table: 'table inet lbd { }', had: true };

  test("'s table is replaced, but not before somebody says what is wanted", async () => {
    await world(async ({ nft, keeper }) => {
      keeper.reconcile();
      await quiet();
      assert.deepEqual(nft.calls, []);
      keeper.want([web]);
      await applied(keeper);
      assert.match(nft.table ?? '', /tcp_80/);
      assert.equal(keeper.status().drift.total, 0);
    }, earlier);
  });

  test("'s table is deleted when nothing is wanted", async () => {
    await world(async ({ nft, keeper, record }) => {
      keeper.want([]);
      await until(() => keeper.status().state === 'none', 'gone');
      assert.equal(nft.table, undefined);
      assert.deepEqual(nft.calls, ['apply']);
      assert.equal(record.had, false);
    }, earlier);
  });
});

describe('drift', () => {
  for (const [what, table] of [
    ['gone', undefined],
    ['changed', 'table inet lbd { chain mine { } }'],
  ] as const) {
    test(`a table that is ${what} is put in again and told with one line`, async () => {
      await world(async ({ nft, keeper, events, clock }) => {
        keeper.want([web]);
        await applied(keeper);
        const own = nft.table;
        nft.table = table;
        clock.now += 4999;
        keeper.reconcile();
        await quiet();
        assert.equal(nft.calls.length, 2, 'it is not looked at all the time');
        clock.now += 1;
        keeper.reconcile();
        keeper.reconcile();
        await until(() => nft.table === own, 'healed');
        await quiet();
        assert.deepEqual(nft.calls.slice(2), ['list', 'apply', 'list']);
        assert.deepEqual(events, [
          `drift netfilter: nft table inet lbd was ${what} by somebody else; healing: it is put in again`,
        ]);
        assert.deepEqual(keeper.status().drift, { total: 1, last: `nft table inet lbd was ${what}` });
      });
    });
  }

  test('a table that nobody changed is no drift, look after look', async () => {
    await world(async ({ nft, keeper, events, clock }) => {
      keeper.want([web]);
      await applied(keeper);
      for (let i = 0; i < 5; i++) {
        clock.now += 5000;
        keeper.reconcile();
        await quiet();
      }
      assert.deepEqual(nft.calls.slice(2), ['list', 'list', 'list', 'list', 'list']);
      assert.deepEqual(events, []);
    });
  });

  test('a look that takes long is followed by a longer rest', async () => {
    await world(async ({ nft, keeper, clock }) => {
      keeper.want([web]);
      await applied(keeper);
      let open = () => {};
      nft.gate = new Promise((resolve) => {
        open = resolve;
      });
      clock.now += 5000;
      keeper.reconcile();
      clock.now += 1000;
      open();
      await quiet();
      for (const [wait, looks] of [
        [5000, 1],
        [14_999, 1],
        [1, 2],
      ] as const) {
        clock.now += wait;
        keeper.reconcile();
        await quiet();
        assert.equal(nft.calls.length - 2, looks);
      }
    });
  });
});

test('one nft at a time, and the last word counts', async () => {
  await world(async ({ nft, keeper }) => {
    keeper.want([web]);
    keeper.want(two);
    keeper.want([mail]);
    keeper.want([]);
    keeper.want(two);
    await until(() => keeper.status().state === 'applied', 'applied');
    assert.match(nft.table ?? '', /mss_1300/);
    assert.equal(nft.busiest(), 1);
    assert.deepEqual(nft.calls, ['apply', 'list', 'apply', 'list'], 'what was wanted in between is skipped');
  });
});

describe('failures', () => {
  test('are shown, told once, tried again after growing waits, and forgotten', async () => {
    await world(async ({ nft, keeper, log }) => {
      nft.failures.push('no', 'no', 'no', 'another');
      keeper.want([web]);
      await applied(keeper);
      assert.deepEqual(nft.calls, ['apply', 'apply', 'apply', 'apply', 'apply', 'list']);
      assert.deepEqual(log, [
        'error: netfilter rules cannot be kept nftables: no',
        'error: netfilter rules cannot be kept nftables: another',
        'info: netfilter rules applied',
        'info: netfilter rules are in order again',
      ]);
      assert.equal(keeper.status().problem, null);
    });
  });

  test('nobody hastens the retry', async () => {
    await world(
      async ({ nft, keeper, clock }) => {
        nft.failures.push('no');
        keeper.want([web]);
        await until(() => keeper.status().state === 'failed', 'failed');
        assert.equal(keeper.status().problem, 'nftables: no');
        for (let i = 0; i < 10; i++) {
          clock.now += 10_000;
          keeper.reconcile();
          keeper.want(i % 2 ? two : [web]);
          await quiet();
        }
        assert.deepEqual(nft.calls, ['apply']);
      },
      { timing: { check: 5000, retry: [60_000] } },
    );
  });

  test('a look that fails is no drift; a table that cannot be listed after it was put in is put in again', async () => {
    await world(async ({ nft, keeper, events, clock }) => {
      keeper.want([web]);
      await applied(keeper);
      nft.failures.push('busy');
      clock.now += 5000;
      keeper.reconcile();
      await until(() => nft.calls.length === 4, 'looked again');
      await quiet();
      assert.deepEqual(nft.calls.slice(2), ['list', 'list']);
      assert.deepEqual(events, []);
      assert.equal(keeper.status().state, 'applied');
    });
    await world(async ({ nft, keeper }) => {
      const list = nft.list;
      nft.list = (table) => {
        nft.failures.push('busy');
        nft.list = list;
        return list(table);
      };
      keeper.want([web]);
      await applied(keeper);
      assert.deepEqual(nft.calls, ['apply', 'list', 'apply', 'list']);
    });
  });
});

describe('stop', () => {
  for (const [ordered, onStop, left] of [
    [true, 'keep', true],
    [false, 'remove', true],
    [true, 'remove', false],
  ] as const) {
    test(`${ordered ? 'ordered' : 'at once'}, on_stop: ${onStop}: the rules ${left ? 'stay' : 'go'}`, async () => {
      await world(
        async ({ nft, keeper, record }) => {
          keeper.want([web]);
          await applied(keeper);
          await keeper.stop(ordered);
          assert.equal(nft.table !== undefined, left);
          assert.equal(record.had, left);
          keeper.want(two);
          keeper.reconcile();
          await quiet();
          assert.equal(nft.calls.length, left ? 2 : 3, 'nothing after the end');
        },
        { onStop },
      );
    });
  }

  test('in the middle of putting the rules in: they go after that', async () => {
    await world(
      async ({ nft, keeper }) => {
        keeper.want([web]);
        await keeper.stop(true);
        assert.equal(nft.table, undefined);
        assert.equal(nft.busiest(), 1);
      },
      { onStop: 'remove' },
    );
  });

  test('rules that cannot be taken away are told, and remembered', async () => {
    await world(
      async ({ nft, keeper, log, record }) => {
        keeper.want([web]);
        await applied(keeper);
        nft.failures.push('no');
        await keeper.stop(true);
        assert.equal(log.at(-1), 'error: netfilter rules stay behind nftables: no');
        assert.equal(record.had, true);
      },
      { onStop: 'remove' },
    );
  });
});

describe('record', () => {
  function inFolder(run: (folder: string) => void): void {
    const folder = mkdtempSync(join(tmpdir(), 'lbd-netfilter-'));
    try {
      run(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  const fail = (text: string) => assert.fail(text);

  test('outlives the process, within one boot', () => {
    inFolder((folder) => {
      const state = join(folder, 'made', 'when needed');
      const record = openNetfilterRecord(state, fail);
      assert.equal(record.had, false);
      record.note(true);
      assert.equal(openNetfilterRecord(state, fail).had, true);
      const file = join(state, 'netfilter.json');
      const saved = readFileSync(file, 'utf8');
      writeFileSync(file, saved.replace(bootId(), '00000000-0000-0000-0000-000000000000'));
      assert.equal(openNetfilterRecord(state, fail).had, false);
      writeFileSync(file, saved);
      record.note(false);
      assert.equal(openNetfilterRecord(state, fail).had, false);
    });
  });

  test('a damaged one says nothing, one that cannot be written is a warning with the consequence', () => {
    inFolder((folder) => {
      for (const text of ['', '{', 'null', '[]', '7', '{"boot_id":7}', '\0\0']) {
        writeFileSync(join(folder, 'netfilter.json'), text);
        assert.equal(openNetfilterRecord(folder, fail).had, false, text);
      }
      rmSync(join(folder, 'netfilter.json'));
      mkdirSync(join(folder, 'netfilter.json'));
      const warnings: string[] = [];
      const record = openNetfilterRecord(folder, (text) => warnings.push(text));
      record.note(true);
      assert.equal(record.had, true);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] as string, /^cannot write .*netfilter\.json: .*table inet lbd might stay behind$/);
    });
  });
});
