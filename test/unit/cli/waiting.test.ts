/** A question that takes longer than a second: what is waited for is told at a terminal, and wiped. */
import '../../fake/version.js';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { lbctl } from '../../../src/cli/lbctl.js';
import { CANNED, startFakeDaemon, startRawServer } from '../../fake/control.js';

const LBCTL = fileURLToPath(new URL('../../../../bin/lbctl', import.meta.url));
const WIPE = '\r\u001b[K';
const AT_CHECK = 'lbctl: why waits for the check process, 1s of at most 3s';

/** `why` takes a second and a half; what else is asked is answered at once. */
const slowDaemon = () => startFakeDaemon({ why: (params) => sleep(1600).then(() => CANNED.why(params)) as never });

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
  test('in Node.js: at a terminal a line that is wiped, to a pipe nothing', async (t) => {
    const daemon = await slowDaemon();
    t.after(() => daemon.close());
    const argv = ['why', 'web', '--socket', daemon.socketPath];
    const [terminal, pipe, fast] = await Promise.all([
      inNode(argv, true),
      inNode(argv, false),
      inNode(['vrrp', '--socket', daemon.socketPath], true),
    ]);
    assert.deepEqual([terminal.status, terminal.out], [0, pipe.out]);
    assert.equal(pipe.err, '');
    assert.ok(terminal.err.includes(`${WIPE}${AT_CHECK}`), JSON.stringify(terminal.err));
    assert.ok(terminal.err.endsWith(WIPE), JSON.stringify(terminal.err));
    assert.equal(fast.err, '');
  });

  test('in Node.js: a daemon that is silent is what is waited for', async (t) => {
    const server = await startRawServer((socket) => setTimeout(() => socket.end(), 1900));
    t.after(() => server.close());
    const { status, err } = await inNode(['plan', '/dev/null', '--socket', server.socketPath], true);
    assert.equal(status, 3);
    assert.ok(err.startsWith(`${WIPE}lbctl: lbd does not answer, 1s of at most 2m${WIPE}`), JSON.stringify(err));
    assert.match(err, /\u001b\[Klbctl: lbd closed the connection/);
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
    assert.ok(shown.startsWith(`${WIPE}${AT_CHECK}${WIPE}`), JSON.stringify(shown));
    assert.equal(daemon.declined.length, 0);
    const narrow = await onTerminal(`stty cols 20; ${LBCTL} why web`, daemon.socketPath);
    assert.ok(narrow.shown.startsWith(`${WIPE}${AT_CHECK.slice(0, 19)}${WIPE}`), JSON.stringify(narrow.shown));
  });

  test('the compiled one: a daemon that has accepted and is silent', { skip }, async (t) => {
    const words = '{"id":1,"result":{"accepted":true}}\nd 5 3\ndied\nq 6 3 30\nquiet\n';
    const server = await startRawServer((socket) =>
      socket.once('data', () => {
        socket.write(words);
        setTimeout(() => socket.end(), 1900);
      }),
    );
    t.after(() => server.close());
    const { status, shown } = await onTerminal(`${LBCTL} list`, server.socketPath);
    assert.equal(status, 3);
    assert.equal(shown, `${WIPE}lbctl: lbd does not answer, 1s of at most 30s${WIPE}died\r\n`);
  });

  test('the compiled one: a daemon that does not even accept is told by both', { skip }, async (t) => {
    const server = await startRawServer((socket) => setTimeout(() => socket.end(), 3600));
    t.after(() => server.close());
    const { status, shown } = await onTerminal(`${LBCTL} vrrp`, server.socketPath);
    assert.equal(status, 3);
    assert.ok(shown.startsWith(`${WIPE}lbctl: lbd does not answer, 1s${WIPE}`), JSON.stringify(shown));
    assert.ok(shown.includes(`${WIPE}lbctl: lbd does not answer, 1s of at most 10s`), JSON.stringify(shown));
  });
});
