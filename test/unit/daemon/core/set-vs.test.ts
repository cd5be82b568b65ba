/** set-vs in core: on disk before it counts, there again after a restart, dropped with an event when the file says the same. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parseConfig } from '../../../../src/config/parse.js';
import { SETTINGS, settingText } from '../../../../src/config/settable.js';
import { Refused } from '../../../../src/daemon/core/refused.js';
import { openWanted, type Wanted } from '../../../../src/daemon/core/wanted.js';
import type { ChangeRequest } from '../../../../src/intent/change.js';

let folder: string;
let text: string;
let told: string[];
let published: number;
const opened: Wanted[] = [];

const file = (settings = ''): string =>
  `global: { state_dir: ${folder} }\nvirtual_servers:\n  - name: web\n    address: 192.0.2.10:80\n    real_servers: [ { address: 10.0.0.1, weight: 10 } ]\n${settings}`;

async function open(): Promise<Wanted> {
  const read = () => Promise.resolve(parseConfig('f.yaml', text, { env: {} }));
  const { config, record } = await read();
  assert.ok(config);
  const wanted = await openWanted({
    file: 'f.yaml',
    config,
    record,
    log: { write: () => {}, setLevel: () => {} },
    tell: (kind, subject, words) => told.push(`${kind} ${subject}: ${words}`),
    problems: new Set(),
    changed: () => void published++,
    loadConfig: read,
  });
  opened.push(wanted);
  return wanted;
}

const ALL = {
  scheduler: 'wrr',
  persistence: 600,
  persistence_prefix: 24,
  quorum: 5,
  hysteresis: 1,
  on_failure: 'quiesce',
  slow_start: 30,
  sorry_server: '10.0.0.99:80',
};
const wish = (words: object): ChangeRequest => ({ kind: 'set-vs', service: 'web', ...words });
const textsIn = (wanted: Wanted) => {
  const [service] = wanted.intent().services;
  assert.ok(service);
  return SETTINGS.map((one) => settingText(service, one)).join(' ');
};
const SET = 'wrr none 10m 24 5 1 quiesce 30s 10.0.0.99:80';

describe('set-vs in core', () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lbd-set-vs-'));
    text = file();
    told = [];
    published = 0;
  });
  afterEach(() => {
    for (const one of opened.splice(0)) one.close();
    rmSync(folder, { recursive: true });
  });

  test('is there again after a restart, all of it', async () => {
    const wanted = await open();
    const { text: said } = await wanted.change(wish(ALL), { who: 'ann', reason: 'a sale' });
    assert.match(said, /^web: scheduler wlc -> wrr, persistence none -> 10m, /);
    assert.equal(textsIn(wanted), SET);
    assert.match(told.join('\n'), /^override web: web: scheduler wlc -> wrr.* \(by ann: a sale\)$/m);
    const again = await open();
    assert.equal(textsIn(again), SET);
    assert.deepEqual(again.overrides(), wanted.overrides());
  });

  test('a dry run, and what is refused, change nothing', async () => {
    const wanted = await open();
    const before = wanted.intent();
    const { text: said, dry_run } = await wanted.change(wish({ scheduler: 'rr' }), { who: 'ann', dryRun: true });
    assert.deepEqual([said, dry_run], ['web: scheduler wlc -> rr', true]);
    const refused = (error: unknown) => error instanceof Refused && error.error.code === 'refused';
    await assert.rejects(wanted.change(wish({ hysteresis: 3 }), { who: 'ann' }), refused);
    assert.deepEqual([wanted.intent() === before, published, told], [true, 0, []]);
  });

  test('a reload keeps it, and drops it with an event when the file says the same', async () => {
    const wanted = await open();
    await wanted.change(wish({ scheduler: 'wrr' }), { who: 'ann' });
    text = file('    quorum: 2\n');
    await wanted.reload({ who: 'bob' });
    assert.match(textsIn(wanted), /^wrr none none none 2 /);
    text = file('    quorum: 2\n    scheduler: wrr\n');
    await wanted.reload({ who: 'bob' });
    assert.deepEqual(wanted.overrides(), []);
    assert.match(told.join('\n'), /dropped the override of ann .*: the file says the same of web now/);
    assert.deepEqual((await open()).overrides(), []);
  });

  test('parts of it go one by one, on disk too', async () => {
    const wanted = await open();
    await wanted.change(wish({ scheduler: 'wrr', quorum: 3 }), { who: 'ann' });
    await wanted.change(wish({ quorum: 4 }), { who: 'bob' });
    await wanted.change(wish({ unset: 'scheduler' }), { who: 'cid' });
    const again = await open();
    assert.deepEqual(
      again.overrides().map(({ who, change }) => [who, change]),
      [['bob', { kind: 'set-vs', service: 'web', set: { quorum: 4 } }]],
    );
    assert.match(textsIn(again), /^wlc none none none 4 /);
  });
});
