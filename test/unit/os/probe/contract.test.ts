import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { HttpProbe, ProbeConfig } from '../../../../src/config/types.js';
import type { ProbeResult } from '../../../../src/health/types.js';
import { closeIdleHalfOpen, halfOpenSocket, rest } from '../../../../src/os/probe/half-open-socket.js';
import { startProbe } from '../../../../src/os/probe/index.js';
import type { Probe, Target } from '../../../../src/os/probe/types.js';
import {
  type Behaviour,
  closeAll,
  closedPort,
  expectFailure,
  expectSuccess,
  leavesNothing,
  run,
  serve,
} from '../../../fake/probing.js';

/** Raw sockets are root's. */
const root = process.getuid?.() === 0;
const half: ProbeConfig = { type: 'tcp_half_open' };
const tcp: ProbeConfig = { type: 'tcp', port: undefined };
const http = (own: Partial<HttpProbe> = {}): HttpProbe => ({
  type: 'http',
  port: undefined,
  path: '/healthz',
  host: undefined,
  headers: [],
  status: [[200, 299]],
  body: undefined,
  ...own,
});

const answerWith =
  (text: string | Buffer, end = true): Behaviour =>
  (socket) =>
    socket.once('data', () => (end ? socket.end(text) : socket.write(text)));

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

before(async () => {
  // The poller's own descriptor is opened with the first probe and stays.
  await run(tcp, await closedPort());
});
after(closeAll);

describe('every connection probe', () => {
  for (const probe of [tcp, http()]) {
    test(`${probe.type}: a closed port is refused`, () =>
      leavesNothing(async () => expectFailure(await run(probe, await closedPort()), 'connection refused')));

    test(`${probe.type}: works over IPv6`, () =>
      leavesNothing(async () => {
        const result = await run(probe, await serve(answerWith(ok), '::1'));
        assert.equal(result.ok, true, result.reason);
      }));

    test(`${probe.type}: an address that cannot be reached at all fails in words`, () =>
      leavesNothing(async () => {
        const broadcast = await run(probe, { address: '255.255.255.255', port: 80 });
        assert.match(broadcast.reason, /this director has no route to it/);
        const scope = await run(probe, { address: 'fe80::1', port: 80 });
        assert.match(scope.reason, /this director|needs an interface/);
        assert.deepEqual([broadcast.ok, scope.ok], [false, false]);
      }));

    test(`${probe.type}: cancelled at once, it says nothing and frees its descriptor`, () =>
      leavesNothing(async () => {
        let told = 0;
        const one = startProbe(probe, await serve(() => {}), () => told++);
        one.cancel();
        one.cancel();
        const refused = startProbe(probe, { address: '255.255.255.255', port: 80 }, () => told++);
        refused.cancel();
        await new Promise(setImmediate);
        assert.equal(told, 0);
      }));
  }
});

describe('tcp', () => {
  test('a handshake is enough', () =>
    leavesNothing(async () => {
      const result = await run(tcp, await serve(() => {}));
      expectSuccess(result, 'connected');
      assert.ok(result.duration >= 0 && result.duration < 5000);
    }));

  test('the server sees an orderly close', () =>
    leavesNothing(async () => {
      let closed: (error: string) => void = () => {};
      const end = new Promise<string>((done) => {
        closed = done;
      });
      const target = await serve((socket) => {
        socket.on('end', () => closed('')).on('error', (error) => closed(error.message));
        socket.resume();
      });
      await run(tcp, target);
      assert.equal(await end, '');
    }));
});

describe('tcp_half_open', { skip: root ? false : 'raw sockets need root' }, () => {
  /** Its socket stays for the next probe. */
  const alone = (body: () => Promise<void>) =>
    leavesNothing(async () => {
      await body();
      closeIdleHalfOpen();
    });

  for (const host of ['127.0.0.1', '::1']) {
    test(`${host}: a SYN-ACK is enough, and the server gets no connection`, () =>
      alone(async () => {
        let connections = 0;
        const target = await serve(() => connections++, host);
        for (let i = 0; i < 3; i++) expectSuccess(await run(half, target), 'SYN-ACK');
        await run(tcp, target);
        await closeAll();
        assert.equal(connections, 1, 'the one that the tcp probe made, and none before it');
      }));

    test(`${host}: a closed port is refused`, () =>
      alone(async () => expectFailure(await run(half, { ...(await closedPort()), address: host }), 'connection refused')));
  }

  test('an address that cannot be reached at all fails in words', () =>
    alone(async () => {
      const result = await run(half, { address: 'fe80::1', port: 80 });
      expectFailure(result, 'the route to it is a blackhole on this director, or the address needs an interface');
    }));

  test('cancelled at once, it says nothing and lets its socket go', () =>
    alone(async () => {
      let told = 0;
      const one = startProbe(half, await serve(() => {}), () => told++);
      one.cancel();
      one.cancel();
      startProbe(half, { address: 'fe80::1', port: 80 }, () => told++).cancel();
      await new Promise(setImmediate);
      assert.equal(told, 0);
    }));

  test('probes that leave in one way share one socket, each way has its own', () =>
    alone(async () => {
      const [plain, again, marked] = [{}, {}, { fwmark: 7 }].map((way) => halfOpenSocket(4, way));
      assert.equal(plain, again);
      assert.notEqual(plain?.port, marked?.port);
      for (const socket of [plain, marked]) if (socket) rest(socket);
    }));
});

describe('http', () => {
  const cases: [name: string, probe: HttpProbe, behaviour: Behaviour, reason: string, good?: true][] = [
    ['a good answer', http(), answerWith(ok), 'HTTP 200', true],
    ['an answer on a connection kept open', http(), answerWith(ok, false), 'HTTP 200', true],
    ['a status that is not wanted', http(), answerWith('HTTP/1.1 503 No\r\n\r\n'), 'HTTP 503'],
    [
      'a status wanted',
      http({
        status: [
          [301, 302],
          [503, 503],
        ],
      }),
      answerWith('HTTP/1.1 503 No\r\n\r\n'),
      'HTTP 503',
      true,
    ],
    ['a body wanted', http({ body: 'ok' }), answerWith(ok), 'HTTP 200', true],
    ['another body', http({ body: 'fine' }), answerWith(ok), 'HTTP 200, but the body does not contain "fine"'],
    ['half a head', http(), answerWith('HTTP/1.1 200 OK\r\nSer'), 'connection closed in the head of the answer'],
    [
      'half a body',
      http({ body: 'no' }),
      answerWith('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok'),
      'HTTP 200, but connection closed after 2 of 9 bytes of the body',
    ],
    ['no answer', http(), (socket) => socket.end(), 'connection closed without an answer'],
    ['garbage', http(), answerWith('220 mail.example.org ESMTP\r\n', false), 'the answer is not HTTP/1.x'],
    [
      'a reset in the middle',
      http(),
      (socket) => socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n', () => socket.resetAndDestroy())),
      'connection reset before the answer was complete',
    ],
  ];
  for (const [name, probe, behaviour, reason, good] of cases) {
    test(name, () =>
      leavesNothing(async () => {
        const result = await run(probe, await serve(behaviour));
        if (good) expectSuccess(result, reason);
        else expectFailure(result, reason);
      }),
    );
  }

  test('the request is what the check says', () =>
    leavesNothing(async () => {
      let request = '';
      const target = await serve((socket) =>
        socket.on('data', (data) => {
          request += data;
          if (request.endsWith('\r\n\r\n')) socket.end(ok);
        }),
      );
      await run(
        http({
          path: '/a?b=c',
          headers: [
            ['user-agent', 'mine'],
            ['X-Probe', '1'],
          ],
        }),
        target,
      );
      const lines = request.split('\r\n');
      assert.equal(lines[0], 'GET /a?b=c HTTP/1.1');
      assert.deepEqual(lines.slice(1, -2).sort(), [
        'Accept: */*',
        'Connection: close',
        `Host: 127.0.0.1:${target.port}`,
        'X-Probe: 1',
        'user-agent: mine',
      ]);
    }));

  test('a body that never ends is cut at its limit', () =>
    leavesNothing(async () => {
      const head = 'HTTP/1.1 200 OK\r\n\r\n';
      const pour = (socket: Socket) => {
        const more = () => {
          while (!socket.destroyed && socket.write('x'.repeat(65_536)));
        };
        socket.once('data', () => socket.write(head, more)).on('drain', more);
      };
      const result = await run(http({ body: 'needle' }), await serve(pour));
      expectFailure(result, 'HTTP 200, but the first MiB of the body does not contain "needle"');
    }));

  test('reading stops when the body has said enough', () =>
    leavesNothing(async () => {
      const target = await serve(answerWith('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n... ok ...', false));
      expectSuccess(await run(http({ body: 'ok' }), target), 'HTTP 200');
    }));

  test('an answer that comes byte by byte is one answer', () =>
    leavesNothing(async () => {
      const drip = (socket: Socket) => {
        socket.setNoDelay(true);
        const bytes = [...ok];
        const next = () => bytes.length > 0 && socket.write(bytes.shift() as string, () => setImmediate(next));
        socket.once('data', next);
      };
      expectSuccess(await run(http({ body: 'ok' }), await serve(drip)), 'HTTP 200');
    }));

  /** Cancels a probe when its server has reached a phase: nothing may come after, and nothing may stay. */
  const phases: [name: string, behaviour: (socket: Socket, reached: () => void) => void][] = [
    ['accepted and hanging', (_socket, reached) => reached()],
    ['request received', (socket, reached) => socket.once('data', reached)],
    ['half the head sent', (socket, reached) => socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n', reached))],
    [
      'half the body sent',
      (socket, reached) => socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok', reached)),
    ],
  ];
  for (const [name, behaviour] of phases) {
    test(`cancelled with ${name}`, () =>
      leavesNothing(async () => {
        let told = 0;
        const closed = new Promise<void>((done, failed) => {
          let probe: Probe | undefined;
          void serve((socket) => {
            socket.on('close', () => done());
            behaviour(socket, () => setImmediate(() => probe?.cancel()));
            socket.resume();
          }).then((target) => {
            probe = startProbe(http({ body: 'never' }), target, () => told++);
          }, failed);
        });
        await closed;
        assert.equal(told, 0);
      }));
  }
});

describe('a director in trouble', () => {
  const TYPES = ['tcp', 'tcp_half_open', 'http', 'https', 'grpc', 'icmp', 'udp', 'dns', 'smtp', 'script', 'file', 'agent'];
  const module = fileURLToPath(new URL('../../../../src/os/probe/index.js', import.meta.url));
  /** Runs every prober in a process that has no descriptor left. */
  const script = `
    import { openSync } from 'node:fs';
    const { startProbe } = await import(process.argv[1]);
    const tls = { verify: true, warnBefore: 0 };
    const own = { headers: [], status: [], path: '/', send: { text: 'x' }, name: 'a', query: 'A', helo: 'a', service: '', tls };
    const script = { command: ['/bin/true'], user: 'root', file: '/dev/null' };
    const run = (type) => new Promise((done) => startProbe({ type, ...own, ...script }, { address: '127.0.0.1', port: 9 }, done));
    await run('tcp');
    for (;;) { try { openSync('/dev/null'); } catch { break; } }
    const results = [];
    for (const type of process.argv.slice(2)) results.push(await run(type));
    process.stdout.write(JSON.stringify(results));
    process.exit(0);`;

  test('without a descriptor left it blames itself', { skip: root ? false : 'raw sockets need root' }, () => {
    const command = `ulimit -n 80 && exec "$0" --input-type=module -e "$@"`;
    const child = spawnSync('sh', ['-c', command, process.execPath, script, module, ...TYPES], { encoding: 'utf8' });
    const results = JSON.parse(child.stdout || `"${child.stderr}"`) as ProbeResult[];
    for (const [i, { local, reason }] of results.entries()) {
      assert.equal(local, true, `${TYPES[i]}: ${reason}`);
      assert.match(reason, /^(\/dev\/null: )?too many open files on this director$|EMFILE/, TYPES[i]);
    }
    assert.equal(results.length, TYPES.length);
  });
});

test('a thousand probes leave nothing', () =>
  leavesNothing(async () => {
    const target = await serve(answerWith(ok));
    const gone = { ...target, port: (await serveAndClose()).port };
    const kinds: [ProbeConfig, Target, boolean][] = [
      [tcp, target, true],
      [http(), target, true],
      [tcp, gone, false],
      [http(), gone, false],
    ];
    for (let round = 0; round < 5; round++) {
      const runs = Array.from({ length: 200 }, (_, i) => kinds[i % 4] as (typeof kinds)[number]);
      const results = await Promise.all(runs.map(([probe, to]) => run(probe, to)));
      assert.deepEqual(
        results.map((result) => result.ok),
        runs.map(([, , wanted]) => wanted),
      );
    }
  }));

async function serveAndClose(): Promise<Target> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return { address: '127.0.0.1', port };
}
