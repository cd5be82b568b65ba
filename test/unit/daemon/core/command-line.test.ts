import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VERSION } from '../../../../src/base/version.js';
import type { Session } from '../../../../src/control/command-line.js';
import { createCommandLines, isLarge, prepare } from '../../../../src/daemon/core/command-line.js';

/** A session that notes what is done with it. */
function createNotes(changes: Partial<Session> = {}) {
  const said: string[] = [];
  const session: Session = {
    decline: (why) => void said.push(`declined: ${why}`),
    accept: async () => void said.push('accepted'),
    out: (text) => void said.push(`out: ${text}`),
    err: (text) => void said.push(`err: ${text.split('\n')[0]}`),
    waits: (text) => void said.push(`waits: ${text}`),
    end: (status) => void said.push(`status ${status}`),
    connect: () => Promise.reject(new TypeError('no such thing')),
    gone: new AbortController().signal,
    ...changes,
  };
  return { said, session };
}

const line = (...argv: string[]) => ({ version: VERSION, socket: '/s', lbd_socket: '/s', argv });

test('a table is large above 1,000 real servers', () => {
  const of = (...counts: number[]) => counts.map((length) => ({ realServers: new Array<never>(length) }));
  assert.deepEqual([isLarge(of()), isLarge(of(500, 500)), isLarge(of(500, 501))], [false, false, true]);
});

test('what is read to be ready is a command line that the daemon runs', async () => {
  assert.equal(await prepare(), true);
});

test('a bug is told to lbctl and to the log, and harms nobody', async () => {
  const warnings: string[] = [];
  const { said, session } = createNotes();
  await createCommandLines(
    () => false,
    (text) => void warnings.push(text),
  )(line('list'), session);
  assert.deepEqual(said, ['accepted', 'err: lbctl: this is a bug: TypeError: no such thing', 'status 1']);
  assert.match(warnings.join(), /^control: a command line failed unexpectedly: TypeError: no such thing\n/);
});

test('nothing is begun for an lbctl that is gone', async () => {
  const { said, session } = createNotes({ accept: () => Promise.reject(new Error('EPIPE')) });
  await createCommandLines(() => false, assert.fail)(line('list'), session);
  assert.deepEqual(said, []);
});
