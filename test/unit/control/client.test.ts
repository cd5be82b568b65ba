import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ApiRefusal, type Client, connect, Unreachable } from '../../../src/control/client.js';
import { startFakeDaemon, startRawServer } from '../../fake/control.js';

const unreachable = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Unreachable, String(error));
  assert.match(error.message, message);
  return true;
};

async function against(behave: (socket: Socket) => void, work: (client: Client) => Promise<void>): Promise<void> {
  const server = await startRawServer(behave);
  try {
    const client = await connect(server.socketPath);
    await work(client);
    client.close();
  } finally {
    await server.close();
  }
}

describe('a daemon that cannot be reached', () => {
  test('no socket: says that lbd is not running, and the cure', async () => {
    await assert.rejects(
      connect('/nonexistent/lbd.sock'),
      unreachable(/not running: there is no socket \/nonexistent.*systemctl start lbd/),
    );
  });

  test('a socket that nobody listens on', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lbd-client-'));
    const path = join(folder, 's');
    const code = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', code]);
    await assert.rejects(connect(path), unreachable(/not running: nobody listens/));
    rmSync(folder, { recursive: true });
  });
});

describe('calls', () => {
  test('answers come to their calls, refusals as ApiRefusal', async () => {
    const daemon = await startFakeDaemon();
    const client = await connect(daemon.socketPath);
    const [vrrp, refused, status] = await Promise.all([
      client.call('vrrp', {}),
      client.call('list', { service: 'wbe' }).catch((error: unknown) => error),
      client.call('status', {}),
    ]);
    assert.equal(vrrp.instances.length, 2);
    assert.equal(status.router_id, 'd1');
    assert.ok(refused instanceof ApiRefusal);
    assert.equal(refused.error.code, 'refused');
    client.close();
    await daemon.close();
  });

  for (const [what, bytes] of [
    ['no JSON', 'SSH-2.0-OpenSSH\r\n'],
    ['JSON of somebody else', '{"hello":1}\n'],
    ['a result that is none', '{"id":1,"result":null}\n'],
    ['an error without a message', '{"id":1,"error":{}}\n'],
  ] as const) {
    test(`garbage (${what}) is one clear error`, () =>
      against(
        (socket) => socket.write(bytes),
        (client) => assert.rejects(client.call('status', {}), unreachable(/is not lbd/)),
      ));
  }

  test('a daemon that dies before, and in the middle of, its answer', async () => {
    await against(
      (socket) => socket.once('data', () => socket.destroy()),
      (client) =>
        assert.rejects(client.call('status', {}), unreachable(/closed the connection without an answer.*may or may not be done/)),
    );
    await against(
      (socket) => socket.once('data', () => socket.end('{"id":1,"resu')),
      (client) => assert.rejects(client.call('status', {}), unreachable(/in the middle of an answer/)),
    );
  });

  test('a daemon that is silent', () =>
    against(
      () => {},
      (client) => assert.rejects(client.call('status', {}, 30), unreachable(/did not answer "status" within 0\.03 s/)),
    ));

  test('an error without an id belongs to the open call', () =>
    against(
      (socket) => socket.once('data', () => socket.write('{"id":null,"error":{"code":"bad_request","message":"too long"}}\n')),
      (client) => assert.rejects(client.call('status', {}), ApiRefusal),
    ));
});

describe('follow', () => {
  test('throws when the daemon goes away, ends quietly on close', async () => {
    const daemon = await startFakeDaemon();
    const [first, second] = await Promise.all([connect(daemon.socketPath), connect(daemon.socketPath)]);
    const ids: number[] = [];
    for await (const { id } of first.follow({ since: 1 })) {
      ids.push(id);
      if (id === 3) first.close();
    }
    assert.deepEqual(ids, [2, 3]);
    const rest = second.follow({ since: 2 })[Symbol.asyncIterator]();
    await rest.next();
    await daemon.close();
    await assert.rejects(rest.next(), unreachable(/closed the connection \(it stopped, or its events were not read in time\)/));
  });
});
