import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createEventLog } from '../../../../src/daemon/core/events.js';
import { loadedOf, recentOf } from '../../../../src/daemon/core/lately.js';
import { statesOf } from '../../../../src/daemon/revision-store.js';

test('when the configuration was read, by whom, and whether its file is another one since', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lbd-lately-'));
  const file = join(folder, 'lbd.yaml');
  const events = createEventLog();
  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);
  try {
    writeFileSync(file, 'a');
    const files = statesOf([{ file, text: 'a' }]);
    utimesSync(file, minutesAgo(60), minutesAgo(60));
    events.add(minutesAgo(30).toISOString(), 'start', 'd1', '');
    const { since_seconds: since, ...start } = loadedOf({ files, events });
    assert.deepEqual(start, { by: 'start', stale: false });
    assert.ok(Math.abs(since - 1800) < 60, String(since));
    utimesSync(file, minutesAgo(20), minutesAgo(20));
    assert.equal(loadedOf({ files, events }).stale, false, 'touched, or written by save');
    writeFileSync(file, 'b');
    assert.equal(loadedOf({ files, events }).stale, true);
    writeFileSync(file, 'a');
    utimesSync(file, minutesAgo(20), minutesAgo(20));
    events.add(minutesAgo(10).toISOString(), 'reload', file, '', { cause: 'anna' });
    const reloaded = loadedOf({ files, events });
    assert.deepEqual([reloaded.by, reloaded.stale], ['anna', false]);
    rmSync(file);
    assert.equal(loadedOf({ files, events }).stale, true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the last five changes, without the operations that follow from them', () => {
  const events = createEventLog();
  for (let i = 0; i < 20; i++) events.add('', i % 2 === 0 ? 'verdict' : 'table', 'web', String(i));
  assert.deepEqual(
    recentOf(events).map(({ text }) => text),
    ['10', '12', '14', '16', '18'],
  );
});
