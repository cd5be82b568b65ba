/** A question that takes longer than a second: what is waited for is told at a terminal, and wiped. */
import '../../fake/version.js';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { VERSION } from '../../../src/base/version.js';
import { lbctl } from '../../../src/cli/lbctl.js';
import { CANNED, startFakeDaemon, startRawServer } from '../../fake/control.js';

const LBCTL = fileURLToPath(new URL('../../../../bin/lbctl', import.meta.url));
const WIPE = '\r\u001b[K';
const AT_CHECK = /^\r\u001b\[Klbctl: why waits for the check process, \ds of at most 3s\r\u001b\[K/;
/** One or more of them, as they are written over each other; then it is wiped. */
const silence = (limit: string) => `(\\r\u001b\\[Klbctl: lbd does not answer, \\ds${limit})+\\r\u001b\\[K`;
/** Until it is told at a terminal that nobody answers, at the latest; a busy machine takes a while longer. */
const SILENT_MS = 2500;

/** `why` is answered when somebody has been told what he waits for; all else at once. */
function slowDaemon() {
  const open: (() => void)[] = [];
  const why = (params: Parameters<typeof CANNED.why>[0]) =>
    new Promise<void>((resolve) => open.push(resolve)).then(() => CANNED.why(params));
  const answer = () => {
    for (const resolve of open.splice(0)) resolve();
  };
  return startFakeDaemon({ why: why as never }, undefined, undefined, () => setImmediate(answer));
}

async function inNode(argv: readonly string[], terminal: boolean) {
  let [out, err] = ['', ''];
  const status = await lbctl(argv, {
    out: (part) => {
      out += part;
    },
    err: (part) => {
      err += part;
    },
    env: {},
    terminal: undefined,
    ...(terminal ? { progress: { columns: 100 } } : {}),
  });
  return { status, out, err };
}

describe('what takes longer than a second', { concurrency: 4 }, () => {
  test('in Node.js: at a terminal a line that is wiped, none where the answer is there at once', async (t) => {
    const daemon = await slowDaemon();
    t.after(() => daemon.close());
    const argv = ['why', 'web', '--socket', daemon.socketPath];
    const terminal = await inNode(argv, true);
    assert.equal(terminal.status, 0);
    assert.match(terminal.err, AT_CHECK);
    assert.ok(terminal.err.endsWith(WIPE), JSON.stringify(terminal.err));
    assert.equal((await inNode(['vrrp', '--socket', daemon.socketPath], true)).err, '');
  });

  test('in Node.js: a daemon that is silent is what is waited for', async (t) => {
    const server = await startRawServer((socket) => setTimeout(() => socket.end(), SILENT_MS));
    t.after(() => server.close());
    const argv = ['plan', '/dev/null', '--socket', server.socketPath];
    const [{ status, err }, pipe] = await Promise.all([inNode(argv, true), inNode(argv, false)]);
    assert.match(pipe.err, /^lbctl: lbd closed the connection [^\n]*\n$/, 'a pipe is told nothing');
    assert.equal(status, 3);
    assert.match(err, new RegExp(`^${silence(' of at most 2m')}lbctl: lbd closed the connection`));
  });

  const skip = !existsSync('/usr/bin/script') && 'there is no script(1)';
  const onTerminal = async (line: string, socket: string) => {
    const child = spawn('script', ['-qec', `stty cols 100; ${line}`, '/dev/null'], {
      env: { ...process.env, LBD_SOCKET: socket },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const shown = await text(child.stdout);
    return { status: await ended, shown };
  };

  test('the compiled one: the same line, wiped before the answer', { skip }, async (t) => {
    const daemon = await slowDaemon();
    t.after(() => daemon.close());
    const { status, shown } = await onTerminal(`${LBCTL} why web`, daemon.socketPath);
    assert.equal(status, 0);
    assert.match(shown, AT_CHECK);
    assert.equal(daemon.declined.length, 0);
    const narrow = await onTerminal(`stty cols 20; ${LBCTL} why web`, daemon.socketPath);
    assert.ok(narrow.shown.startsWith(`${WIPE}lbctl: why waits fo${WIPE}`), JSON.stringify(narrow.shown));
  });

  test('an lbctl that does not ask for the line, as it knows no such frame, gets none', async (t) => {
    const daemon = await slowDaemon();
    t.after(() => daemon.close());
    const { socketPath: path } = daemon;
    const params = { version: VERSION, socket: path, lbd_socket: path, argv: ['why', 'web'] };
    const isTold = async (wish: object): Promise<boolean> => {
      const socket = connectSocket({ path }, () => {
        socket.write(`${JSON.stringify({ id: 1, method: 'command_line', params, ...wish })}\n`);
      });
      const all = await text(socket);
      assert.match(all, /x 0\n$/);
      return /^w \d+$/m.test(all);
    };
    // All are answered when the first one is told, and the last one has waited the least.
    assert.deepEqual(await Promise.all([{}, { progress: 'yes' }, { progress: true }].map(isTold)), [false, false, true]);
  });

  test('the compiled one asks for the line at a terminal, and for none in a pipe', { skip }, async (t) => {
    const asked: unknown[] = [];
    const server = await startRawServer((socket) =>
      socket.once('data', (request: Buffer) => {
        asked.push(JSON.parse(request.toString()).progress);
        socket.end('{"id":1,"result":{"accepted":true}}\nw 5\nlinesx 0\n');
      }),
    );
    t.after(() => server.close());
    assert.equal((await onTerminal(`${LBCTL} list`, server.socketPath)).shown, `${WIPE}lines${WIPE}`);
    // A core of before the wish tells everybody.
    assert.equal((await onTerminal(`${LBCTL} list 2>&1 | cat`, server.socketPath)).shown, '');
    assert.deepEqual(asked, [true, undefined]);
  });

  test('the compiled one: a daemon that has accepted and is silent', { skip }, async (t) => {
    const words = '{"id":1,"result":{"accepted":true}}\nd 5 3\ndied\nq 6 3 30\nquiet\n';
    const server = await startRawServer((socket) =>
      socket.once('data', () => {
        socket.write(words);
        setTimeout(() => socket.end(), SILENT_MS);
      }),
    );
    t.after(() => server.close());
    const { status, shown } = await onTerminal(`${LBCTL} list`, server.socketPath);
    assert.equal(status, 3);
    assert.match(shown, new RegExp(`^${silence(' of at most 30s')}died\r\n$`));
  });

  test('the compiled one: a daemon that does not even accept is told by both', { skip }, async (t) => {
    const server = await startRawServer((socket) => setTimeout(() => socket.end(), 2 * SILENT_MS));
    t.after(() => server.close());
    const { status, shown } = await onTerminal(`${LBCTL} vrrp`, server.socketPath);
    assert.equal(status, 3);
    assert.match(shown, new RegExp(`^(${silence('')})?${silence(' of at most 10s')}`));
  });
});
