import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLog, createWriter } from '../../../src/daemon/log.js';

/** A standard error that takes a few bytes at a time, or refuses. */
function output() {
  let text = '';
  const state = { refuses: false };
  const write = (bytes: Uint8Array): number => {
    if (state.refuses) throw new Error('ENOSPC: no space left on device, write');
    const taken = bytes.subarray(0, 7);
    text += Buffer.from(taken).toString('latin1');
    return taken.length;
  };
  return {
    write,
    state,
    lines: () =>
      text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

test('lines are whole although they are written in pieces', () => {
  const { write, lines } = output();
  const log = createLog('info', write);
  log.write('debug', 'not told');
  log.write('error', 'the kernel refused', { service: 'web' });
  assert.deepEqual(
    lines().map(({ level, msg, service, pid }) => ({ level, msg, service, pid })),
    [{ level: 'error', msg: 'the kernel refused', service: 'web', pid: process.pid }],
  );
});

test('what a full disk took is counted, and told when there is room again', () => {
  const { write, state, lines } = output();
  const log = createLog('info', write);
  state.refuses = true;
  for (let i = 0; i < 3; i++) log.write('info', 'lost');
  state.refuses = false;
  log.write('info', 'there');
  assert.deepEqual(
    lines().map((line) => line.msg),
    ['3 log lines could not be written: ENOSPC: no space left on device, write', 'there'],
  );
});

test('a pipe that nobody reads blocks nothing: what it does not take is counted, and the first new line is whole', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lbd-log-'));
  const name = join(folder, 'pipe');
  execFileSync('mkfifo', [name]);
  const fd = openSync(name, 'r+');
  try {
    const log = createLog('info', createWriter(fd));
    const began = performance.now();
    for (let i = 0; i < 50; i++) log.write('info', 'x'.repeat(6000));
    assert.ok(performance.now() - began < 5000, 'waited for once, not for every line');
    let text = '';
    const room = new Uint8Array(2 ** 17);
    text += Buffer.from(room.subarray(0, readSync(fd, room))).toString();
    log.write('info', 'there');
    text += Buffer.from(room.subarray(0, readSync(fd, room))).toString();
    const lines = text.trim().split('\n');
    assert.equal((JSON.parse(lines.at(-1) as string) as { msg: string }).msg, 'there');
    assert.match(
      (JSON.parse(lines.at(-2) as string) as { msg: string }).msg,
      /^\d+ log lines could not be written: nobody reads them$/,
    );
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
});
