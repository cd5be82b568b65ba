/** lbctl as a process: what only the process around the function can get wrong, in Node.js and compiled. */
import '../../fake/version.js';
import assert from 'node:assert/strict';
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, existsSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ApiEvent } from '../../../src/control/api.js';
import { EVENTS, type FakeDaemon, startFakeDaemon, startRawServer, WEB } from '../../fake/control.js';

type Start = (argv: readonly string[], options?: SpawnOptions) => ChildProcess;

const MAIN = new URL('../../../src/cli/main.js', import.meta.url).href;
const startInNode: Start = (argv, options = {}) => {
  const code = `import(${JSON.stringify(MAIN)}).then(({ main }) => main(process.argv.slice(1)))`;
  return spawn(process.execPath, ['-e', code, '--', ...argv], options);
};

const LBCTL = fileURLToPath(new URL('../../../../bin/lbctl', import.meta.url));
const startCompiled: Start = (argv, options = {}) => spawn(LBCTL, argv, options);

async function ended(child: ChildProcess): Promise<readonly [status: number | null, signal: string | null]> {
  return (await once(child, 'close')) as [number | null, string | null];
}

const anEvent = (id: number): ApiEvent => ({ ...(EVENTS[0] as ApiEvent), id });

const WAYS: Readonly<Record<string, Start>> = { 'in Node.js': startInNode, compiled: startCompiled };

for (const [way, startLbctl] of Object.entries(WAYS))
  describe(`output, ${way}`, () => {
    const servers = Array.from({ length: 5000 }, (_, i) => ({
      ...WEB.real_servers[0],
      address: `10.1.${i >> 8}.${i & 255}:80`,
    })) as typeof WEB.real_servers;
    let daemon: FakeDaemon;
    before(async () => {
      daemon = await startFakeDaemon({ list: () => ({ revision: 7, services: [{ ...WEB, real_servers: servers }] }) });
    });
    after(async () => {
      assert.equal(daemon.commandLines.length, startLbctl === startCompiled ? 6 : 0);
      assert.deepEqual(daemon.declined, []);
      await daemon.close();
    });
    const ctl: Start = (argv, options) => startLbctl(['--socket', daemon.socketPath, ...argv], options);

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

for (const [way, startLbctl] of Object.entries(WAYS))
  test(`standard input that comes slowly is waited for, ${way}, of a pipe that never blocks, too`, async () => {
    const daemon = await startFakeDaemon();
    const folder = mkdtempSync(join(tmpdir(), 'lbd-pipe-'));
    const fifo = join(folder, 'fifo');
    spawnSync('mkfifo', [fifo]);
    for (const flags of [constants.O_RDONLY, constants.O_RDONLY | constants.O_NONBLOCK]) {
      // Who opens it for both waits for nobody.
      const both = openSync(fifo, 'r+');
      const [input, writer] = [openSync(fifo, flags), openSync(fifo, 'w')];
      closeSync(both);
      const child = startLbctl(['--socket', daemon.socketPath, 'batch'], { stdio: [input, 'pipe', 'pipe'] });
      const [err, end] = [text(child.stderr as Socket), ended(child)];
      closeSync(input);
      // It must have begun to read.
      await Promise.race([end, sleep(700)]);
      writeSync(writer, 'nonsense\n');
      closeSync(writer);
      assert.match(await err, /^lbctl: line 1: unknown command "nonsense"/);
      assert.deepEqual(await end, [2, null]);
    }
    rmSync(folder, { recursive: true });
    await daemon.close();
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
      const child = startInNode(['--socket', server.socketPath, 'events', '-f', '-o', 'json']);
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

test('compiled, events -f of a reader that stands still costs the daemon no more than others do, and ends with the same words', async () => {
  const daemon = await startFakeDaemon();
  const child = startCompiled(['--socket', daemon.socketPath, 'events', '-f', '-o', 'json']);
  const stdout = child.stdout as Socket;
  await once(stdout, 'data');
  stdout.pause();
  const big = 'y'.repeat(8192);
  for (let id = 4; daemon.warnings.length === 0; id++) {
    assert.ok(id < 3000, '24 MiB that nobody read were taken');
    daemon.server.publish({ ...anEvent(id), text: big });
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.match(daemon.warnings[0] as string, /does not read/);
  const [out, err, end] = [text(stdout), text(child.stderr as Socket), ended(child)];
  assert.deepEqual(await end, [3, null]);
  assert.match(JSON.parse(await err).error.message, /its events were not read in time/);
  const ids = (await out).split('\n').flatMap((line) => (line.startsWith('{') ? [(JSON.parse(line) as ApiEvent).id] : []));
  assert.deepEqual(
    ids,
    [...ids.keys()].map((i) => i + (ids[0] as number)),
    'an event was lost in the middle',
  );
  await daemon.close();
});

test('compiled, events -f ends when its reader goes away, without an event', async () => {
  const daemon = await startFakeDaemon();
  const child = startCompiled(['--socket', daemon.socketPath, 'events', '-f']);
  await once(child.stdout as Socket, 'data');
  (child.stdout as Socket).destroy();
  assert.deepEqual(await ended(child), [0, null]);
  await daemon.close();
});

test('compiled, events -f of a daemon that is stopped is status 3', async () => {
  const daemon = await startFakeDaemon();
  const child = startCompiled(['--socket', daemon.socketPath, 'events', '-f']);
  const err = text(child.stderr as Socket);
  await once(child.stdout as Socket, 'data');
  const end = ended(child);
  await daemon.close();
  assert.deepEqual(await end, [3, null]);
  assert.match(await err, /^lbctl: lbd closed the connection \(it stopped, or [^\n]*\n$/);
});

test('compiled, a standard output that was closed before is no place for the socket', async () => {
  const daemon = await startFakeDaemon();
  const child = spawn('sh', ['-c', `exec ${LBCTL} --socket ${daemon.socketPath} list >&-`]);
  const err = text(child.stderr);
  assert.deepEqual(await ended(child), [0, null]);
  assert.deepEqual([await err, daemon.commandLines.length], ['', 1]);
  await daemon.close();
});
