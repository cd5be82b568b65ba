import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { coalesce } from '../../../../src/daemon/core/coalesce.js';
import { createSupervisor } from '../../../../src/daemon/core/supervisor.js';

/** A child that answers with the types of all it was sent, and is ready only when the file beside it is there. */
const CHILD = `
const { existsSync } = require('node:fs');
const seen = [];
process.on('message', (message) => {
  seen.push(message.type);
  if (message.type === 'query') process.send({ type: 'answer', id: message.id, seen });
  if (message.type === 'stop') process.exit(0);
});
process.send({ type: 'started' });
const timer = setInterval(() => {
  if (!existsSync(__filename + '.go')) return;
  clearInterval(timer);
  process.send({ type: 'ready' });
}, 5);
`;

test('a child is sent nothing before it is ready, and then all of it once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lbd-supervisor-'));
  const program = join(folder, 'child.cjs');
  writeFileSync(program, CHILD);
  const heard = new EventTarget();
  const supervisor = createSupervisor({
    role: 'check',
    program,
    log: { write: () => {}, setLevel: () => {} },
    configure: () => {
      supervisor.send({ type: 'configure' });
      heard.dispatchEvent(new Event('ready'));
    },
    onMessage: ({ type }) => heard.dispatchEvent(new Event(type)),
    onDeath: () => {},
  });
  try {
    const started = once(heard, 'started');
    supervisor.start();
    await started;
    supervisor.send({ type: 'too early' });
    const ready = once(heard, 'ready');
    writeFileSync(`${program}.go`, '');
    await ready;
    assert.deepEqual((await supervisor.ask({})).seen, ['configure', 'query']);
  } finally {
    await supervisor.stop('stop', 5000);
    rmSync(folder, { recursive: true });
  }
});

test('a child that stands still is told from one that runs, with what lets it go on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lbd-supervisor-'));
  const program = join(folder, 'child.cjs');
  writeFileSync(program, CHILD);
  writeFileSync(`${program}.go`, '');
  const heard = new EventTarget();
  const supervisor = createSupervisor({
    role: 'check',
    program,
    log: { write: () => {}, setLevel: () => {} },
    configure: () => heard.dispatchEvent(new Event('ready')),
    onMessage: () => {},
    onDeath: () => {},
  });
  try {
    const ready = once(heard, 'ready');
    supervisor.start();
    await ready;
    const { pid } = supervisor.state();
    assert.ok(pid);
    process.kill(pid, 'SIGSTOP');
    const asked = supervisor.ask({}, 100);
    assert.equal(supervisor.open()?.limit, 100);
    assert.equal(supervisor.state().state, 'running', 'it still has time');
    await assert.rejects(
      asked,
      new RegExp(`^Error: the check process did not answer within 0\\.1s: it is stopped: kill -CONT ${pid} `),
    );
    const { state, silent_seconds: silent = 0 } = supervisor.state();
    assert.equal(state, 'silent');
    assert.ok(silent >= 0.1, `${silent}`);
    assert.equal(supervisor.open(), undefined);
    process.kill(pid, 'SIGCONT');
    await supervisor.ask({});
    assert.deepEqual(supervisor.state(), { pid, state: 'running', restarts: 0 });
  } finally {
    await supervisor.stop('stop', 5000);
    rmSync(folder, { recursive: true });
  }
});

test('what is asked for many times while it is being done is done once more', async () => {
  let begun = 0;
  const ends: (() => void)[] = [];
  const run = coalesce(() => {
    begun++;
    return new Promise((resolve) => ends.push(resolve));
  });
  const all = Array.from({ length: 200 }, run);
  assert.equal(begun, 1);
  ends[0]?.();
  await new Promise(setImmediate);
  assert.equal(begun, 2);
  ends[1]?.();
  await Promise.all(all);
  const later = run();
  assert.equal(begun, 3);
  ends[2]?.();
  await later;
});
