import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { openEventStore } from '../../../../src/daemon/core/event-store.js';
import { createEventLog, type EventLog, recall } from '../../../../src/daemon/core/events.js';

const ALL = Number.POSITIVE_INFINITY;

test('events after a number, the newest of them; a number of an earlier life is before all', () => {
  const log = createEventLog();
  for (let i = 1; i <= 2005; i++) log.add('', 'table', 'web', String(i));
  const ids = (since: number, limit: number) => log.after({ since, limit }).map(({ id }) => id);
  assert.deepEqual(ids(2003, 100), [2004, 2005]);
  assert.deepEqual(ids(0, 2), [2004, 2005]);
  assert.deepEqual([ids(0, 5000).length, ids(0, 5000)[0]], [2000, 6], 'the oldest have left');
  assert.deepEqual([ids(2005, 10), ids(0, 0)], [[], []]);
  assert.equal(ids(2006, 5000).length, 2000);
});

describe('events on disk', () => {
  const folders: string[] = [];
  let stateDir = '';
  let runDir = '';
  let warnings: string[] = [];
  let problems = new Set<string>();
  beforeEach(() => {
    const folder = mkdtempSync(join(tmpdir(), 'lbd-events-'));
    folders.push(folder);
    [stateDir, runDir] = [join(folder, 'state'), join(folder, 'run')];
    for (const one of [stateDir, runDir]) mkdirSync(one);
    warnings = [];
    problems = new Set();
  });
  after(() => {
    for (const one of folders) rmSync(one, { recursive: true, force: true });
  });

  const file = () => join(stateDir, 'events.jsonl');
  /** One life of the daemon. */
  const live = (limit?: number) =>
    createEventLog(
      openEventStore({ stateDir, runDir, problems, warn: (text) => warnings.push(text), ...(limit ? { limit } : {}) }),
    );
  const add = (log: EventLog, count: number, kind = 'table', subject = 'web') => {
    for (let i = 0; i < count; i++) log.add(`2026-11-28T10:00:0${i % 10}.000Z`, kind, subject, `event ${i}`);
  };
  const ids = (log: EventLog, since = 0) => log.after({ since, limit: ALL }).map(({ id }) => id);
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

  test('numbers count on over ends, kills and many lives, and all are told without gap or double', () => {
    const first = live();
    add(first, 3);
    first.close();
    const second = live();
    add(second, 2);
    // No close: killed.
    const third = live();
    add(third, 1);
    assert.deepEqual(ids(third), range(1, 6));
    assert.deepEqual(ids(third, 2), range(3, 6));
    assert.deepEqual(ids(third, 5), [6]);
    assert.deepEqual(ids(third, 6), []);
    assert.deepEqual(warnings, []);
    assert.equal(statSync(file()).mode & 0o777, 0o600);
  });

  test('what is in memory no more is read from disk', () => {
    const log = live();
    add(log, 2500);
    assert.deepEqual(ids(log), range(1, 2500));
    assert.deepEqual(ids(log, 499), range(500, 2500));
  });

  test('two files of a bounded size', () => {
    let log = live(2000);
    for (let life = 0; life < 20; life++) {
      add(log, 10);
      log = live(2000);
    }
    const sizes = ['events.jsonl', 'events.old.jsonl'].map((name) => statSync(join(stateDir, name)).size);
    assert.ok(
      sizes.every((size) => size > 0 && size <= 2000),
      sizes.join(),
    );
    const found = ids(log);
    assert.deepEqual(found, range(found[0] as number, 200), 'the newest, without a gap');
    assert.ok(found.length > 20);
  });

  test('cause, before and after come back; kind, subject and time choose', () => {
    const log = live();
    log.add('2026-11-28T10:00:00.000Z', 'verdict', 'web/10.0.0.1:80', 'up -> down', {
      cause: 'tcp',
      before: 'up',
      after: 'down',
    });
    log.add('2026-11-28T10:05:00.000Z', 'weight', 'web/10.0.0.1:80', '5 of 10', { before: 10, after: 5 });
    log.add('2026-11-28T10:10:00.000Z', 'vrrp', 'web2', 'backup -> master');
    const again = live();
    assert.deepEqual(again.after({ since: 0, limit: ALL }), log.after({ since: 0, limit: ALL }));
    const chosen = (params: Parameters<typeof recall>[1]) => recall(again, params).map(({ id }) => id);
    assert.deepEqual(chosen({ kind: 'verdict, vrrp' }), [1, 3]);
    const kind = (wanted: string, among: number) =>
      again.after({ since: 0, limit: 9, among, matches: (one) => one.kind === wanted });
    assert.deepEqual([kind('verdict', 2), kind('verdict', 3).length], [[], 1]);
    assert.deepEqual(chosen({ subject: 'web' }), [1, 2]);
    assert.deepEqual(chosen({ subject: 'web/10.0.0.1:80', limit: 1 }), [2]);
    assert.deepEqual(chosen({ since_time: '2026-11-28T11:05:00+01:00' }), [2, 3]);
    assert.throws(() => recall(again, { kind: 'verdit' }), /no events of the kind "verdit": there is start/);
    assert.throws(() => recall(again, { since_time: 'today' }), /since_time "today" is no time/);
  });

  test('a last line that was cut off is left out with one warning, and the next events are whole', () => {
    add(live(), 3);
    appendFileSync(file(), '{"id":4,"at":"2026-11');
    const log = live();
    add(log, 2);
    assert.deepEqual(ids(log), range(1, 5));
    assert.deepEqual(ids(live()), range(1, 5));
    assert.equal(warnings.length, 2, 'each life says it once');
    assert.match(warnings[0] as string, /the last line of .*events\.jsonl is cut off and left out/);
  });

  test('damage in the middle costs its lines', () => {
    add(live(), 5);
    writeFileSync(file(), readFileSync(file(), 'utf8').replace(/\{"id":3.*\n/, '\0\0\0\n{"id":"x"}\n'));
    const log = live();
    assert.deepEqual(ids(log), [1, 2, 4, 5]);
    assert.deepEqual(ids(log), [1, 2, 4, 5]);
    assert.deepEqual(warnings.length, 1);
  });

  test('a file without a readable line gives way', () => {
    const before = live(400);
    add(before, 9);
    writeFileSync(file(), '\0'.repeat(100_000));
    const log = live();
    add(log, 1);
    assert.ok(existsSync(`${file()}.damaged`));
    assert.match(warnings.join(), /is damaged: nothing in it can be read; it is now .*\.damaged/);
    assert.ok((ids(log).at(-1) as number) > (ids(log).at(-2) as number));
  });

  test('after a power loss no number is given twice', () => {
    add(live(), 3);
    rmSync(join(runDir, 'events.last'));
    assert.equal(live().add('', 'start', 'd1', '').id, 1004);
    const orderly = live();
    orderly.close();
    rmSync(join(runDir, 'events.last'));
    assert.equal(live().add('', 'start', 'd1', '').id, 1005, 'nothing was lost where the end was orderly');
  });

  test('a full disk costs what could be told after a restart, is a problem, and gives no number twice', () => {
    symlinkSync('/dev/full', file());
    const log = live();
    add(log, 3);
    assert.deepEqual(ids(log), [1, 2, 3], 'in memory they are');
    assert.match([...problems].join(), /events cannot be kept in .*state: ENOSPC/);
    assert.equal(warnings.length, 1);
    log.close();
    const next = live();
    assert.deepEqual(ids(next), []);
    add(next, 1);
    assert.deepEqual(ids(next), [4]);
    next.close();
  });

  test('a disk that takes them again gets those that it lacks', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const before = stateDir;
    stateDir = join(before, 'later');
    const log = live();
    add(log, 3);
    assert.equal(problems.size, 1);
    mkdirSync(stateDir);
    t.mock.timers.tick(10_000);
    assert.equal(problems.size, 0);
    add(log, 1);
    log.close();
    assert.deepEqual(ids(live()), [1, 2, 3, 4]);
  });

  test('a file that somebody takes away is made anew', () => {
    const log = live(2000);
    add(log, 3);
    rmSync(file());
    add(log, 40);
    assert.equal(problems.size, 0);
    const found = ids(live());
    assert.deepEqual(found, range(found[0] as number, 43));
    assert.ok((found[0] as number) > 3);
  });

  test('a start reads the end alone', () => {
    const log = live(64 << 20);
    add(log, 1);
    const line = readFileSync(file(), 'utf8');
    writeFileSync(file(), line.repeat(100_000) + line.replace('"id":1', '"id":77'));
    const before = performance.now();
    assert.equal(live().add('', 'start', 'd1', '').id, 78);
    assert.ok(performance.now() - before < 1000);
  });
});
