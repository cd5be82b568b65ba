import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect as connectSocket, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { VERSION } from '../../../src/base/version.js';
import type { ApiEvent } from '../../../src/control/api.js';
import { connect } from '../../../src/control/client.js';
import { createControlServer, REQUEST_LIMIT } from '../../../src/control/server.js';
import { createCommandLines } from '../../../src/daemon/core/command-line.js';
import { EVENTS, type FakeDaemon, startFakeDaemon } from '../../fake/control.js';

interface Answer {
  readonly id: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
  readonly event?: ApiEvent;
}

/** Sends raw bytes and gives the first `count` lines that come back. */
function exchange(path: string, bytes: string | Buffer, count: number): Promise<Answer[]> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ path });
    let text = '';
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed after ${text}`)));
    socket.on('data', (chunk) => {
      text += chunk.toString();
      const lines = text.split('\n').slice(0, -1);
      if (lines.length < count) return;
      resolve(lines.map((line) => JSON.parse(line) as Answer));
      socket.destroy();
    });
    socket.write(bytes);
  });
}

const options = (socketPath: string, group?: string, warn: (text: string) => void = () => {}) => ({
  socketPath,
  group,
  peer: () => ({ uid: 0, pid: 1, name: 'root' }),
  handle: async () => ({}),
  toError: () => undefined,
  warn,
});

const event = (id: number, text = 'x'): ApiEvent => ({ id, at: '', kind: 'table', subject: 'web', text });

describe('requests', () => {
  let daemon: FakeDaemon;
  before(async () => {
    daemon = await startFakeDaemon();
  });
  after(() => daemon.close());

  const refusals: readonly (readonly [what: string, line: string, id: unknown, message: RegExp])[] = [
    ['no JSON', '{oops', null, /not JSON/],
    ['no object', '[1]', null, /not an object/],
    ['no method', '{"id":7}', 7, /no method/],
    ['an unknown method', '{"id":1,"method":"stauts"}', 1, /unknown method "stauts"/],
    ['a method of Object.prototype', '{"id":1,"method":"toString"}', 1, /unknown method "toString"/],
    ['params that are a list', '{"id":1,"method":"status","params":[]}', 1, /params of status are not an object/],
    ['a missing parameter', '{"id":1,"method":"show","params":{}}', 1, /show needs the parameter "service"/],
    ['a parameter of the wrong type', '{"id":1,"method":"list","params":{"service":5}}', 1, /"service" of list must be a text/],
    ['a number for a yes', '{"id":1,"method":"list","params":{"counters":1}}', 1, /"counters" of list must be true or false/],
    ['a list for a name', '{"id":1,"method":"stats","params":{"service":["web"]}}', 1, /"service" of stats must be a text/],
    ['a fraction', '{"id":1,"method":"events","params":{"limit":1.5}}', 1, /"limit" of events must be a whole number/],
    ['null', '{"id":1,"method":"reload","params":{"dry_run":null}}', 1, /"dry_run" of reload must be true or false/],
    [
      'words that are none',
      '{"id":1,"method":"command_line","params":{"version":"1","socket":"","argv":["a",1]}}',
      1,
      /a list of texts/,
    ],
    [
      'a command line of 64 KiB',
      `{"id":1,"method":"command_line","params":{"version":"1","socket":"","argv":["${'x'.repeat(65_500)}"]}}`,
      1,
      /the command line is longer than 65536 bytes/,
    ],
    ['an unknown parameter', '{"id":1,"method":"status","params":{"x":1}}', 1, /status has no parameter "x"/],
  ];
  for (const [what, line, id, message] of refusals) {
    test(`${what} is one bad_request, and the connection goes on`, async () => {
      const asked = daemon.asked.length;
      const [bad, good] = await exchange(daemon.socketPath, `${line}\n{"id":9,"method":"vrrp"}\n`, 2);
      assert.equal(bad?.error?.code, 'bad_request');
      assert.match(bad?.error?.message ?? '', message);
      assert.equal(bad?.id, id);
      assert.equal(good?.id, 9);
      assert.ok(good?.result);
      assert.equal(daemon.asked.length, asked + 1, 'the refused request reached the daemon');
    });
  }

  test('a request over the limit is refused, and the connection goes on', async () => {
    const long = `{"id":1,"method":"list","params":{"service":"${'x'.repeat(3 * REQUEST_LIMIT)}"}}\n`;
    const [bad, good] = await exchange(daemon.socketPath, `${long}{"id":2,"method":"vrrp"}\n`, 2);
    assert.match(bad?.error?.message ?? '', /longer than 16777216 bytes/);
    assert.ok(good?.result);
  });

  test('a request in pieces, cut inside a character, is one request', async () => {
    const bytes = Buffer.from('{"id":1,"method":"why","params":{"target":"bäh"}}\n');
    const cut = bytes.indexOf(0xc3) + 1;
    const answer = await new Promise<Answer>((resolve) => {
      const socket = connectSocket({ path: daemon.socketPath }, () => {
        socket.write(bytes.subarray(0, cut), () => setImmediate(() => socket.write(bytes.subarray(cut))));
      });
      socket.once('data', (chunk) => {
        resolve(JSON.parse(chunk.toString()) as Answer);
        socket.destroy();
      });
    });
    assert.equal((answer.result as { target: string }).target, 'bäh');
  });

  test('a caller that ends its side still gets the answer, and then the end', async () => {
    const text = await new Promise<string>((resolve) => {
      const socket = connectSocket({ path: daemon.socketPath, allowHalfOpen: true }, () =>
        socket.end('{"id":1,"method":"vrrp"}\n'),
      );
      let all = '';
      socket.on('data', (chunk) => {
        all += chunk.toString();
      });
      socket.on('end', () => resolve(all));
    });
    assert.match(text, /VI_1/);
  });

  test('what the daemon did not mean to throw is unavailable, and logged', async () => {
    const [answer] = await exchange(daemon.socketPath, '{"id":1,"method":"why","params":{"target":"crash"}}\n', 1);
    assert.deepEqual(answer?.error, { code: 'unavailable', message: 'why failed: a bug of the daemon' });
    assert.match(daemon.warnings.at(-1) ?? '', /why failed unexpectedly: TypeError: a bug of the daemon/);
  });
});

describe('command lines', () => {
  const line = (...argv: string[]) =>
    `${JSON.stringify({ id: 1, method: 'command_line', params: { version: VERSION, socket: '/s', lbd_socket: '/s', argv } })}\n`;

  /** All that comes until the server ends the connection. */
  const answer = (path: string, bytes: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connectSocket({ path }, () => socket.write(bytes));
      let all = '';
      socket.on('data', (chunk) => {
        all += chunk.toString();
      });
      socket.on('error', reject);
      socket.on('end', () => resolve(all));
    });

  test('accepted, what to say should the daemon die or stand still, the output, the status; nothing after it is read', async () => {
    const daemon = await startFakeDaemon();
    const all = await answer(daemon.socketPath, line('del-vs', 'fwmark/7') + line('vrrp'));
    const DIED =
      'lbctl: lbd closed the connection without an answer: it stopped or died; what was asked may or may not be done\n';
    const QUIET =
      'lbctl: lbd did not answer "del_vs" within 10 s: it is busy, or stopped (kill -CONT lets a stopped one go on); its log may say why\n';
    const OUT = 'delete service {"service":"fwmark/7"} (revision 5)\n';
    assert.equal(
      all,
      `{"id":1,"result":{"accepted":true}}\nd ${DIED.length} 3\n${DIED}q ${QUIET.length} 3 12\n${QUIET}o ${OUT.length}\n${OUT}x 0\n`,
    );
    assert.deepEqual(
      daemon.asked.map(({ method }) => method),
      ['del_vs'],
    );
    await daemon.close();
  });

  test('on a connection that has something else to do they are declined', async () => {
    const daemon = await startFakeDaemon();
    const all = await answer(daemon.socketPath, `{"id":7,"method":"events","params":{"follow":true}}\n${line('vrrp')}`);
    assert.match(all, /\{"id":1,"error":\{"code":"refused","message":"this connection is not for command lines"\}\}\n/);
    await daemon.close();
  });

  test('a server that runs none declines them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lbd-none-'));
    const server = await createControlServer(options(join(folder, 's')));
    assert.match(await answer(join(folder, 's'), line('vrrp')), /^\{"id":1,"error":\{"code":"refused"/);
    await server.close();
    rmSync(folder, { recursive: true });
  });

  test('who asks is who is at the other end', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lbd-who-'));
    const callers: string[] = [];
    const server = await createControlServer({
      ...options(join(folder, 's')),
      peer: () => ({ uid: 7, pid: 8, name: 'anna' }),
      handle: async (_method, _params, { uid, pid, name }) => {
        callers.push(`${name} ${uid} ${pid}`);
        return { text: 'done', revision: 1, dry_run: false };
      },
      runCommandLine: createCommandLines(() => false, assert.fail),
    });
    assert.match(await answer(join(folder, 's'), line('del-vs', 'web')), /done \(revision 1\)\nx 0\n$/);
    assert.deepEqual(callers, ['anna 7 8']);
    await server.close();
    rmSync(folder, { recursive: true });
  });
});

describe('following', () => {
  test('first the answer, then each event; nothing twice, nothing lost', async () => {
    const daemon = await startFakeDaemon({
      events: () => {
        // One that the answer has, one that came while it was made.
        daemon.server.publish(EVENTS[2] as ApiEvent);
        daemon.server.publish(event(4));
        return { events: EVENTS };
      },
    });
    const client = await connect(daemon.socketPath);
    const seen: number[] = [];
    for await (const one of client.follow({})) {
      seen.push(one.id);
      if (one.id === 4) daemon.server.publish(event(5));
      if (one.id === 5) break;
    }
    assert.deepEqual(seen, [1, 2, 3, 4, 5]);
    client.close();
    await daemon.close();
  });

  test('without follow no event comes', async () => {
    const daemon = await startFakeDaemon();
    const request = '{"id":1,"method":"events","params":{}}\n';
    const socket = connectSocket({ path: daemon.socketPath });
    socket.write(request);
    const lines: string[] = [];
    await new Promise<void>((resolve) => {
      socket.on('data', (chunk) => {
        lines.push(...chunk.toString().trim().split('\n'));
        if (lines.length === 1) {
          daemon.server.publish(event(4));
          socket.write(request);
        } else resolve();
      });
    });
    assert.ok(lines.every((line) => line.includes('"result"')));
    socket.destroy();
    await daemon.close();
  });

  test('a follower that does not read is dropped; one that reads is not', async () => {
    const daemon = await startFakeDaemon();
    const slow = connectSocket({ path: daemon.socketPath });
    slow.on('error', () => {});
    await new Promise<void>((resolve) => slow.write('{"id":1,"method":"events","params":{"follow":true}}\n', () => resolve()));
    await new Promise<void>((resolve) => slow.once('data', () => resolve()));
    slow.pause();
    const client = await connect(daemon.socketPath);
    const reader = client.follow({ since: 3 })[Symbol.asyncIterator]();
    let next = reader.next();
    await client.call('vrrp', {});
    const big = 'y'.repeat(64 * 1024);
    for (let id = 4; daemon.warnings.length === 0; id++) {
      assert.ok(id < 100, 'nobody was dropped after 6 MiB');
      daemon.server.publish(event(id, big));
      assert.equal(((await next).value as ApiEvent).id, id);
      next = reader.next();
    }
    assert.match(daemon.warnings[0] as string, /connection of root \(pid 1\) was dropped: it does not read/);
    daemon.server.publish(event(1000));
    let last = (await next).value as ApiEvent;
    while (last.id !== 1000) last = (await reader.next()).value as ApiEvent;
    assert.equal(daemon.warnings.length, 1);
    client.close();
    slow.destroy();
    await daemon.close();
  });
});

describe('the socket file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lbd-place-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

  test('it is the owner’s alone, and it goes on close', async () => {
    const path = join(folder, 'lbd.sock');
    const server = await createControlServer(options(path));
    assert.equal(mode(path), '600');
    await server.close();
    assert.equal(existsSync(path), false);
  });

  test('with a group it is the group’s too; without that group there is a warning', async () => {
    const warnings: string[] = [];
    const path = join(folder, 'group.sock');
    const without = await createControlServer(options(path, 'no-such-group', (text) => void warnings.push(text)));
    assert.equal(mode(path), '600');
    assert.match(warnings[0] as string, /group "no-such-group" does not exist.*groupadd/);
    await without.close();
    if (process.getuid?.() !== 0) return;
    const gid = Number(spawnSync('getent', ['group', 'daemon'], { encoding: 'utf8' }).stdout.split(':')[2]);
    const server = await createControlServer(options(path, 'daemon'));
    assert.equal(mode(path), '660');
    assert.equal(statSync(path).gid, gid);
    await server.close();
  });

  test('the file of a dead daemon is replaced', async () => {
    const path = join(folder, 'stale.sock');
    const code = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', code]);
    assert.ok(existsSync(path), 'the killed process left no file: the test tests nothing');
    const server = await createControlServer(options(path));
    const client = await connect(path);
    assert.deepEqual(await client.call('status', {}), {});
    client.close();
    await server.close();
  });

  test('a socket that is answered is left alone', async () => {
    const path = join(folder, 'live.sock');
    const first = await createControlServer(options(path));
    await assert.rejects(createControlServer(options(path)), /another process answers on the control socket .*live\.sock/);
    const client = await connect(path);
    assert.deepEqual(await client.call('status', {}), {});
    client.close();
    await first.close();
  });

  test('a file that is no socket is named', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, 'precious');
    await assert.rejects(createControlServer(options(path)), /file exists and is no socket/);
    chmodSync(path, 0o600);
  });

  test('close ends connections, also of a caller that never reads', async () => {
    const path = join(folder, 'close.sock');
    const server = await createControlServer(options(path));
    const socket = connectSocket({ path });
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.resume();
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    await server.close();
    await closed;
  });
});

test('peerOf names the caller as the kernel does', async () => {
  const { peerOf, userName } = await import('../../../src/os/peer.js');
  const folder = mkdtempSync(join(tmpdir(), 'lbd-peer-'));
  const listener = createServer();
  const path = join(folder, 's');
  const accepted = new Promise<Socket>((resolve) => listener.once('connection', resolve));
  listener.listen({ path });
  const socket = connectSocket({ path });
  const other = await accepted;
  const uid = process.getuid?.() ?? -1;
  assert.deepEqual(peerOf(other), { uid, pid: process.pid, name: userName(uid) });
  if (uid === 0) assert.equal(userName(0), 'root');
  assert.equal(userName(987_654), 'uid 987654');
  const file = join(mkdtempSync(join(tmpdir(), 'lbd-passwd-')), 'passwd');
  writeFileSync(file, 'ann:x:1001:1001::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n');
  assert.equal(userName(1001, file), 'ann', 'of several the first');
  writeFileSync(file, 'carol:x:1001:1001::/:/bin/sh\n');
  assert.equal(userName(1001, file), 'carol', 'a file that changed is read again');
  rmSync(dirname(file), { recursive: true });
  assert.equal(userName(1001, file), 'uid 1001');
  other.destroy();
  assert.equal(peerOf(other).name, 'unknown');
  socket.destroy();
  await new Promise((resolve) => listener.close(resolve));
  rmSync(folder, { recursive: true });
});
