import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { MAX_AGE_MS, openVerdictStore, type StoreOptions } from '../../../../src/daemon/check/verdicts.js';
import { initial } from '../../../../src/health/machine.js';
import type { HealthState, Verdict } from '../../../../src/health/types.js';
import type { Memberships } from '../../../../src/pool/membership.js';

let dir = '';
let warnings: string[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbd-verdicts-'));
  warnings = [];
});
afterEach(() => rmSync(dir, { recursive: true }));

const file = () => join(dir, 'verdicts.json');
const openAt = (now: number, own: Partial<StoreOptions> = {}, folder = dir) =>
  openVerdictStore(folder, { now: () => now, warn: (text) => warnings.push(text), boot: 'boot-1', delayMs: 5, ...own });

const timing = { interval: 2000, timeout: 1000, rise: 1, fall: 2 };
const state = (verdict: Verdict, since: number, reason: string): HealthState =>
  initial(timing, 0, 0, { remembered: { verdict, since, reason } });
const states = new Map([
  ['a', state('up', 100, 'connected')],
  ['b', state('down', 200, 'HTTP 503 (2 of 2 failures)')],
  ['c', state('unknown', 300, '')],
]);
const members = new Map<string, Memberships>([
  [
    'tcp/192.0.2.10:80',
    new Map([
      ['10.0.0.1:80', 'in'],
      ['10.0.0.2:80', 'quiesced'],
    ] as const),
  ],
]);

const pools = new Map([...members].map(([name, one]) => [name, { members: one }]));

async function saved(at = 1000, folder = dir): Promise<void> {
  const store = openAt(at, {}, folder);
  store.save(states, pools);
  await store.flush();
}

describe('what was saved', () => {
  test('is there for a successor', async () => {
    await saved();
    const store = openAt(2000);
    assert.deepEqual(store.verdict('a'), { verdict: 'up', since: 100, reason: 'connected' });
    assert.deepEqual(store.verdict('b'), { verdict: 'down', since: 200, reason: 'HTTP 503 (2 of 2 failures)' });
    assert.equal(store.verdict('c'), undefined);
    assert.equal(store.verdict('toString'), undefined);
    assert.deepEqual(store.members('tcp/192.0.2.10:80'), members.get('tcp/192.0.2.10:80'));
    assert.equal(store.members('tcp/192.0.2.11:80'), undefined);
    assert.deepEqual(warnings, []);
  });

  test('with what the rules of the pool remember', async () => {
    const store = openAt(1000);
    const penalty = { value: 2.5, at: 900, up: false, held: true };
    const pool = {
      members: new Map([
        ['10.0.0.1:80', 'kept'],
        ['10.0.0.5:80', 'out'],
      ] as const),
      coming: new Set(['10.0.0.5:80']),
      quorum: 'lost' as const,
      reach: 1,
      key: 'tcp/192.0.2.10:80',
      floor: { healthy: 1, needed: 2, scarce: true },
      ramps: new Map([['10.0.0.2:80', 950]]),
      penalties: new Map([
        ['10.0.0.3:80', penalty],
        ['10.0.0.4:80', { ...penalty, value: 0, held: false }],
      ]),
    };
    store.save(states, new Map([['web', pool]]));
    await store.flush();
    const next = openAt(2000);
    assert.deepEqual(next.members('web'), new Map([['10.0.0.1:80', 'kept']]), 'who has not decided is new again');
    assert.deepEqual([next.nameOf('tcp/192.0.2.10:80'), next.nameOf('tcp/192.0.2.11:80')], ['web', undefined]);
    const penalties = new Map([['10.0.0.3:80', penalty]]);
    assert.deepEqual(next.remains('web'), {
      quorum: 'lost',
      reach: 1,
      floor: { healthy: 0, needed: 0, scarce: true },
      ramps: pool.ramps,
      penalties,
    });
    assert.deepEqual(next.remains('mail'), { quorum: undefined });
  });

  test('is forgotten at the age limit, also by a store opened before it', async () => {
    await saved(1000);
    let now = 1000 + MAX_AGE_MS;
    const store = openAt(0, { now: () => now });
    assert.equal(store.verdict('a')?.verdict, 'up');
    now++;
    assert.equal(store.verdict('a'), undefined);
    assert.equal(store.members('tcp/192.0.2.10:80'), undefined);
  });

  test('of another boot means nothing', async () => {
    await saved();
    assert.equal(openAt(2000, { boot: 'boot-2' }).verdict('a'), undefined);
    assert.deepEqual(warnings, []);
  });

  test('goes to a folder that is made for it, and leaves no temporary file', async () => {
    const folder = join(dir, 'not', 'yet');
    await saved(1000, folder);
    assert.deepEqual(readdirSync(folder), ['verdicts.json']);
  });
});

describe('a damaged file', () => {
  const damages: [name: string, text: string][] = [
    ['cut', '{"boot_id":"boot-1","saved_at":1'],
    ['empty', ''],
    ['another record', '[]'],
    ['fields of another kind', '{"boot_id":"boot-1","saved_at":"now","verdicts":{},"members":{}}'],
  ];
  for (const [name, text] of damages) {
    test(`${name}: is set aside with one line, and the store works`, async () => {
      writeFileSync(file(), text);
      const store = openAt(1000);
      assert.equal(store.verdict('a'), undefined);
      assert.equal(readFileSync(`${file()}.damaged`, 'utf8'), text);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] as string, /verdicts\.json is damaged \(.*\): set aside/);
      store.save(states, pools);
      await store.flush();
      assert.equal(openAt(1001).verdict('a')?.verdict, 'up');
    });
  }

  test('entries that say nothing are left out', () => {
    const verdicts = {
      a: { verdict: 'fine' },
      b: { verdict: 'up', since: 1, reason: 'ok' },
      c: null,
      d: { verdict: 'up', since: '1' },
      e: { verdict: 'up', since: 11, reason: 'it will have been' },
    };
    const byService = { s: { one: 'in', two: 'maybe' }, t: 7 };
    const policies = {
      s: {
        reach: -1,
        ramps: { one: '7', two: 8, three: 11 },
        penalties: { one: { value: 1 }, two: null, three: { value: 1, at: 11, up: true, held: true } },
      },
      t: 7,
    };
    writeFileSync(file(), JSON.stringify({ boot_id: 'boot-1', saved_at: 10, verdicts, members: byService, policies }));
    assert.equal(openAt(9).verdict('b'), undefined, 'of a time that is yet to come');
    const store = openAt(10);
    assert.deepEqual(store.remains('s'), { quorum: undefined, ramps: new Map([['two', 8]]), penalties: new Map() });
    assert.deepEqual(store.remains('t'), { quorum: undefined });
    assert.deepEqual(
      ['a', 'b', 'c', 'd', 'e'].map((key) => store.verdict(key)?.verdict),
      [undefined, 'up', undefined, undefined, undefined],
    );
    assert.deepEqual(store.members('s'), new Map([['one', 'in']]));
    assert.equal(store.members('t'), undefined);
    assert.deepEqual(warnings, []);
  });
});

describe('writing', () => {
  test('waits a moment and takes what holds then, once', async () => {
    const live = new Map(states);
    const store = openAt(1000, { delayMs: 20 });
    store.save(live, pools);
    live.set('a', state('down', 900, 'connection refused'));
    store.save(live, pools);
    assert.equal(existsSync(file()), false);
    await store.flush();
    assert.equal(openAt(1001).verdict('a')?.verdict, 'down');
  });

  test('does not wait where a verdict is another one, though one write does for the other', async () => {
    const live = new Map(states);
    const store = openAt(1000, { delayMs: 600_000 });
    store.save(live, pools);
    store.save(live, pools, true);
    for (let i = 0; i < 500 && !existsSync(file()); i++) await new Promise((done) => setTimeout(done, 5));
    assert.equal(openAt(1001).verdict('a')?.verdict, 'up');
    live.set('a', state('down', 900, 'connection refused'));
    store.save(live, pools, true);
    await new Promise((done) => setTimeout(done, 20));
    assert.equal(openAt(1001).verdict('a')?.verdict, 'up');
    await store.flush();
    assert.equal(openAt(1001).verdict('a')?.verdict, 'down');
  });

  test('happens by itself after the delay, and again so that the age stays true', async () => {
    let now = 1000;
    const store = openAt(0, { now: () => now, refreshMs: 10, delayMs: 1 });
    store.save(states, pools);
    const savedAt = () =>
      existsSync(file()) ? (JSON.parse(readFileSync(file(), 'utf8')) as { saved_at: number }).saved_at : undefined;
    const until = async (wanted: number) => {
      for (let i = 0; i < 500 && savedAt() !== wanted; i++) await new Promise((done) => setTimeout(done, 5));
      assert.equal(savedAt(), wanted);
    };
    await until(1000);
    now = 2000;
    await until(2000);
    await store.flush();
  });

  test('that fails is said once, never thrown, and tried again', async () => {
    const blocked = join(dir, 'blocked');
    writeFileSync(blocked, '');
    const store = openAt(1000, {}, join(blocked, 'state'));
    store.save(states, pools);
    await store.flush();
    store.save(states, pools);
    await store.flush();
    assert.equal(warnings.length, 2, warnings.join('\n'));
    assert.match(warnings[0] as string, /cannot read/);
    assert.match(warnings[1] as string, /cannot write .* would not survive a restart/);
    rmSync(blocked);
    store.save(states, pools);
    await store.flush();
    assert.equal(openAt(1001, {}, join(blocked, 'state')).verdict('a')?.verdict, 'up');
  });

  test('a flush without anything to say writes nothing', async () => {
    await openAt(1).flush();
    assert.equal(existsSync(file()), false);
  });
});
