/** lbctl as a process: what only the process around the function can get wrong. */
import assert from 'node:assert/strict';
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import type { ApiEvent } from '../../../src/control/api.js';
import { EVENTS, type FakeDaemon, startFakeDaemon, startRawServer, WEB } from '../../fake/control.js';

const MAIN = new URL('../../../src/cli/main.js', import.meta.url).href;

function startLbctl(argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const code = `import(${JSON.stringify(MAIN)}).then(({ main }) => main(process.argv.slice(1)))`;
  return spawn(process.execPath, ['-e', code, '--', ...argv], options);
}

async function ended(child: ChildProcess): Promise<readonly [status: number | null, signal: string | null]> {
  return (await once(child, 'close')) as [number | null, string | null];
}

const anEvent = (id: number): ApiEvent => ({ ...(EVENTS[0] as ApiEvent), id });

describe('output', () => {
  const servers = Array.from({ length: 5000 }, (_, i) => ({
    ...WEB.real_servers[0],
    address: `10.1.${i >> 8}.${i & 255}:80`,
  })) as typeof WEB.real_servers;
  let daemon: FakeDaemon;
  before(async () => {
    daemon = await startFakeDaemon({ list: () => ({ services: [{ ...WEB, real_servers: servers }] }) });
  });
  after(() => daemon.close());
  const ctl = (argv: readonly string[], options?: SpawnOptions) => startLbctl(['--socket', daemon.socketPath, ...argv], options);

  test('a long answer arrives whole in a pipe', async () => {
    const child = ctl(['list', '-o', 'json']);
    const [out, [status]] = await Promise.all([text(child.stdout as NodeJS.ReadableStream), ended(child)]);
    assert.equal(status, 0);
    assert.equal(JSON.parse(out).services[0].real_servers.length, 5000);
  });

  test('a reader that goes away in the middle is no error', async () => {
    const child = ctl(['list', '-o', 'json']);
    const [stdout, stderr] = [child.stdout as Socket, text(child.stderr as NodeJS.ReadableStream)];
    await once(stdout, 'data');
    stdout.destroy();
    assert.deepEqual(await ended(child), [0, null]);
    assert.equal(await stderr, '');
  });

  test('events -f ends with the first event after its reader went away', async () => {
    const child = ctl(['events', '-f']);
    const [stdout, stderr] = [child.stdout as Socket, text(child.stderr as NodeJS.ReadableStream)];
    await once(stdout, 'data');
    stdout.destroy();
    const end = ended(child);
    const timer = setInterval(() => daemon.server.publish(anEvent(9)), 20);
    assert.deepEqual(await end, [0, null]);
    clearInterval(timer);
    assert.equal(await stderr, '');
  });

  test('Ctrl-C ends events -f without a word', async () => {
    const child = ctl(['events', '-f']);
    const stderr = text(child.stderr as NodeJS.ReadableStream);
    await once(child.stdout as Socket, 'data');
    child.kill('SIGINT');
    assert.deepEqual(await ended(child), [null, 'SIGINT']);
    assert.equal(await stderr, '');
  });

  test('a full disk is status 1 and one line', { skip: !existsSync('/dev/full') && 'there is no /dev/full' }, async () => {
    const full = openSync('/dev/full', 'w');
    const child = ctl(['list'], { stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    const [err, [status]] = await Promise.all([text(child.stderr as NodeJS.ReadableStream), ended(child)]);
    assert.equal(status, 1);
    assert.match(err, /^lbctl: cannot write the output: ENOSPC[^\n]*\n$/);
  });

  test('the exit status counts also when nobody reads the error', async () => {
    const child = ctl(['lsit']);
    (child.stderr as Socket).destroy();
    assert.deepEqual(await ended(child), [2, null]);
  });
});

test('events -f to a reader that stands still takes no more than it can hold', async () => {
  const LIMIT = 16 << 20;
  const STALLED_MS = 400;
  let sent = 0;
  const stalled = new Promise<void>((resolve, reject) => {
    void startRawServer((socket) =>
      socket.once('data', async () => {
        socket.write('{"id":1,"result":{"events":[]}}\n');
        const line = `${JSON.stringify({ event: { ...anEvent(1), text: 'x'.repeat(1000) } })}\n`;
        for (;;) {
          sent += line.length;
          if (sent > LIMIT) return reject(new Error(`lbctl took ${LIMIT} bytes that nobody read`));
          if (socket.write(line)) continue;
          const timer = new AbortController();
          setTimeout(() => timer.abort(), STALLED_MS);
          const drained = await once(socket, 'drain', { signal: timer.signal }).catch(() => undefined);
          if (!drained) return resolve();
        }
      }),
    ).then(async (server) => {
      const child = startLbctl(['--socket', server.socketPath, 'events', '-f', '-o', 'json']);
      // Not one byte of it is read.
      (child.stdout as Socket).pause();
      await stalled.catch(() => {});
      const end = ended(child);
      child.kill('SIGKILL');
      (child.stdout as Socket).destroy();
      await end;
      await server.close();
    });
  });
  await stalled;
});
