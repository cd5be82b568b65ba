import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '../../../src/daemon/log.js';

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
