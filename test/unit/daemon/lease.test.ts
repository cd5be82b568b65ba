/** The abstract sockets that make lbd and its children unique: who may use them, and what callers that misbehave can do. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { describe, test } from 'node:test';
import { takeLock } from '../../../src/daemon/core/lock.js';
import { takeLease } from '../../../src/daemon/lease.js';

const NOBODY = 65_534;
const notRoot = process.getuid?.() === 0 ? false : 'needs root to become another user';
let names = 0;
const freshName = () => `\0lbd-test/${process.pid}/${++names}`;

/**
 * Starts code with `name`, `connect` and `createServer` as another user. The process gives up its rights itself: the other user may not be
 * allowed to reach the binary that runs the test.
 */
function spawnNobody(name: string, code: string) {
  const script = `const { connect, createServer } = require('node:net'); const name = ${JSON.stringify(name)};
    process.setgroups([]); process.setgid(${NOBODY}); process.setuid(${NOBODY}); ${code}`;
  return spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Runs code as another user; resolves with what it printed. */
async function asNobody(name: string, code: string): Promise<string> {
  const child = spawnNobody(name, code);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await once(child, 'close');
  return text;
}

const CONNECT = "connect(name).on('error', () => {}).on('close', () => console.log('closed')).resume();";

/** What the lock tells one caller. */
async function ask(name: string): Promise<string> {
  const socket = connect({ path: name });
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

describe('a lease', () => {
  test('is given up for a successor', async () => {
    const name = freshName();
    let yields = 0;
    assert.equal(await takeLease('check', () => yields++, name), true);
    const socket = connect({ path: name });
    await once(socket, 'connect');
    while (yields === 0) await new Promise(setImmediate);
    socket.destroy();
    assert.equal(yields, 1);
  });

  test('is not given up for another user', { skip: notRoot }, async () => {
    const name = freshName();
    let yields = 0;
    await takeLease('vrrp', () => yields++, name);
    assert.equal(await asNobody(name, CONNECT), 'closed\n');
    assert.equal(yields, 0);
  });
});

describe('the lock', () => {
  test('names its holder', async () => {
    const name = freshName();
    const { lock } = await takeLock('pid 7', name);
    assert.ok(lock);
    assert.deepEqual(await takeLock('pid 8', name), { lock: undefined, holder: 'pid 7', squatted: false });
    lock.close();
  });

  test('outlives callers that do not wait for the answer', async () => {
    const name = freshName();
    const { lock } = await takeLock('pid 7', name);
    const gone = Array.from({ length: 20 }, () =>
      connect({ path: name }, function (this: { destroy(): void }) {
        this.destroy();
      }),
    );
    await Promise.all(gone.map((socket) => once(socket, 'close')));
    assert.equal(await ask(name), 'pid 7\n');
    (lock as Server).close();
  });

  test('tells nothing to another user', { skip: notRoot }, async () => {
    const name = freshName();
    const { lock } = await takeLock('pid 7', name);
    const words =
      "connect(name).on('error', () => {}).on('data', (it) => console.log(String(it))).on('close', () => console.log('closed'));";
    assert.equal(await asNobody(name, words), 'closed\n');
    (lock as Server).close();
  });

  test('held by another user is told from one held by lbd', { skip: notRoot }, async () => {
    const name = freshName();
    const squatter = spawnNobody(name, "createServer(() => {}).listen(name, () => console.log('held'));");
    await once(squatter.stdout, 'data');
    const { lock, squatted } = await takeLock('pid 7', name);
    assert.deepEqual({ lock, squatted }, { lock: undefined, squatted: true });
    squatter.kill('SIGKILL');
    await once(squatter, 'close');
  });

  test('a holder that never answers is one all the same', async () => {
    const name = freshName();
    const mute = createServer(() => {}).listen({ path: name });
    await once(mute, 'listening');
    assert.deepEqual(await takeLock('pid 8', name), { lock: undefined, holder: 'it does not answer', squatted: false });
    mute.close();
  });
});
