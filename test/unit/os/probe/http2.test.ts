/** HTTP/2 against a server of the test that says frame by frame what it should, or what it should not. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createSecureServer, type Http2SecureServer, type IncomingHttpHeaders } from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { GrpcProbe, HttpProbe, HttpsProbe, TlsSettings } from '../../../../src/config/types.js';
import { startProbe } from '../../../../src/os/probe/index.js';
import { data, type Fields, goaway, headers, reset, settings } from '../../../fake/http2-frames.js';
import { type Behaviour, closeAll, expectFailure, expectSuccess, leavesNothing, run, serve } from '../../../fake/probing.js';

const http = (own: Partial<HttpProbe> = {}): HttpProbe => ({
  type: 'http',
  path: '/healthz',
  host: undefined,
  headers: [],
  status: [[200, 299]],
  body: 'ok',
  http2: true,
  ...own,
});
const grpc = (own: Partial<GrpcProbe> = {}): GrpcProbe => ({ type: 'grpc', service: '', ...own });

const ok: Fields = [[':status', '200']];
const rpc: Fields = [...ok, ['content-type', 'application/grpc']];
const message = (...bytes: number[]) => data(Uint8Array.of(0, 0, 0, 0, bytes.length, ...bytes));
const trailers = (...fields: Fields) => headers(fields, true);

const says =
  (...frames: Buffer[]): Behaviour =>
  (socket) =>
    void socket.once('data', () => socket.write(Buffer.concat(frames)));
const saysAndEnds =
  (...frames: Buffer[]): Behaviour =>
  (socket) =>
    void socket.once('data', () => socket.end(Buffer.concat(frames)));

before(async () => {
  // What is loaded and opened once stays: the poller, HTTP/2 and TLS.
  await run(http(), await serve(says(settings, headers(ok), data('ok', true))));
  await withTls(
    createSecureServer(pair, (_request, response) => response.end('ok')),
    async (port) => {
      await run(https(), { address: '127.0.0.1', port });
    },
  );
  await closeAll();
  // What is destroyed is closed on the next turns of the loop.
  for (let i = 0; i < 10; i++) await new Promise(setImmediate);
});
after(closeAll);

const NOT_WHOLE = 'connection closed by the server before the answer was complete';
const NOT_HTTP2 = 'the answer is not HTTP/2: a server that speaks HTTP/1.1 alone?';

describe('http with HTTP/2', () => {
  const early = headers([[':status', '103']]);
  const cases: [name: string, behaviour: Behaviour, reason: string, own?: Partial<HttpProbe>][] = [
    ['a whole answer', says(settings, headers(ok), data('all ok', true)), 'HTTP 200'],
    ['another body', says(settings, headers(ok), data('no', true)), 'HTTP 200, but the body does not contain "ok"'],
    ['another status', says(settings, headers([[':status', '503']], true)), 'HTTP 503'],
    ['enough of an answer', says(settings, headers(ok)), 'HTTP 200', { body: undefined }],
    ['interim answers first', says(settings, early, early, headers(ok), data('ok', true)), 'HTTP 200'],
    [
      'an interim answer, then one without a body',
      says(settings, early, headers([[':status', '204']], true)),
      'HTTP 204',
      { body: undefined },
    ],
    ['an announced end, then the answer', says(settings, goaway(1, 0), headers(ok), data('ok', true)), 'HTTP 200'],
    ['an end without the answer', says(settings, goaway(0, 0)), 'HTTP/2: the request ended with REFUSED_STREAM'],
    ['an end for a reason', says(settings, goaway(1, 11)), 'HTTP/2: the server ended the connection with ENHANCE_YOUR_CALM'],
    ['a refused request', says(settings, reset(7)), 'HTTP/2: the request ended with REFUSED_STREAM'],
    ['a cancelled request', says(settings, reset(8)), 'HTTP/2: the request ended with CANCEL'],
    ['a code without a name', says(settings, headers(ok), reset(99)), 'HTTP 200, but HTTP/2: the request ended with error 99'],
    ['the end in the body', saysAndEnds(settings, headers(ok), data('n')), `HTTP 200, but ${NOT_WHOLE}`],
    ['the end instead of a head', saysAndEnds(settings), NOT_WHOLE],
    ['the end at once', (socket) => socket.end(), NOT_WHOLE],
    [
      'a body shorter than announced',
      says(settings, headers([...ok, ['content-length', '9']]), data('n', true)),
      'HTTP 200, but HTTP/2: the request ended with PROTOCOL_ERROR',
    ],
    ['a server of HTTP/1.1', saysAndEnds(Buffer.from('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')), NOT_HTTP2],
    ['a server of mail', (socket) => socket.write('220 mail.example.org ESMTP\r\n'), NOT_HTTP2],
  ];
  for (const [name, behaviour, reason, own] of cases)
    test(name, () =>
      leavesNothing(async () => {
        const result = await run(http(own), await serve(behaviour));
        (/^HTTP 20\d$/.test(reason) ? expectSuccess : expectFailure)(result, reason);
      }),
    );

  test('a reset in the body', () =>
    leavesNothing(async () => {
      const frames = Buffer.concat([settings, headers(ok), data('n')]);
      const target = await serve((socket) => socket.once('data', () => socket.write(frames, () => socket.resetAndDestroy())));
      // The kernel may throw away what came before the reset.
      assert.match((await run(http(), target)).reason, /connection (reset|closed by the server) before the answer was complete$/);
    }));

  test('a body that never ends is cut at its limit', () =>
    leavesNothing(async () => {
      const pour = (socket: Socket) => {
        const more = () => {
          while (!socket.destroyed && socket.write(data('x'.repeat(16_000))));
        };
        socket.once('data', () => socket.write(Buffer.concat([settings, headers(ok)]), more)).on('drain', more);
      };
      expectFailure(await run(http(), await serve(pour)), 'HTTP 200, but the first MiB of the body does not contain "ok"');
    }));

  test('cancelled in every phase it says nothing and frees its connection', () =>
    leavesNothing(async () => {
      for (const frames of [[], [settings], [settings, headers(ok)], [settings, headers(ok), data('n')]]) {
        let reached: (socket: Socket) => void = () => {};
        const there = new Promise<Socket>((resolve) => {
          reached = resolve;
        });
        const target = await serve((socket) =>
          socket.once('data', () => socket.write(Buffer.concat(frames), () => setImmediate(reached, socket))),
        );
        const probe = startProbe(http(), target, () => assert.fail('told'));
        const socket = await there;
        const closed = new Promise((resolve) => socket.once('close', resolve));
        probe.cancel();
        socket.resume();
        await closed;
      }
      startProbe(http(), await serve(() => {}), () => assert.fail('told')).cancel();
    }));
});

describe('grpc', () => {
  const serving = message(8, 1);
  const fine: Fields = [['grpc-status', '0']];
  const cases: [name: string, behaviour: Behaviour, reason: string][] = [
    ['SERVING', says(settings, headers(rpc), serving, trailers(...fine)), 'gRPC SERVING'],
    ['NOT_SERVING', says(settings, headers(rpc), message(8, 2), trailers(...fine)), 'gRPC NOT_SERVING'],
    ['SERVICE_UNKNOWN', says(settings, headers(rpc), message(8, 3), trailers(...fine)), 'gRPC SERVICE_UNKNOWN'],
    ['an empty message', says(settings, headers(rpc), message(), trailers(...fine)), 'gRPC UNKNOWN'],
    ['a status nobody knows', says(settings, headers(rpc), message(8, 77), trailers(...fine)), 'gRPC serving status 77'],
    ['SERVING, but the status is none', says(settings, headers(rpc), serving, trailers(['grpc-status', ''])), 'gRPC status ""'],
    ['SERVING, but the call failed', says(settings, headers(rpc), serving, trailers(['grpc-status', '14'])), 'gRPC UNAVAILABLE'],
    [
      'SERVING, but no status',
      says(settings, headers(rpc), data(Uint8Array.of(0, 0, 0, 0, 2, 8, 1), true)),
      'gRPC without a status',
    ],
    [
      'a status alone',
      says(settings, headers([...rpc, ['grpc-status', '5'], ['grpc-message', 'unknown%20service']], true)),
      'gRPC NOT_FOUND: "unknown service"',
    ],
    ['no such method', says(settings, headers([...rpc, ['grpc-status', '12']], true)), 'gRPC UNIMPLEMENTED'],
    [
      'a web page',
      says(settings, headers([...ok, ['content-type', 'text/html']]), data('<html>', true)),
      'no gRPC answer, but text/html',
    ],
    ['the error of a proxy', says(settings, headers([[':status', '502']], true)), 'HTTP 502, and no gRPC status'],
    [
      'a compressed message',
      says(settings, headers(rpc), data(Uint8Array.of(1, 0, 0, 0, 0)), trailers(...fine)),
      'the gRPC answer is compressed, which was not asked for',
    ],
    ['no message', says(settings, headers(rpc), trailers(...fine)), 'the gRPC answer has no message'],
    [
      'a message that is none',
      says(settings, headers(rpc), message(8), trailers(...fine)),
      'the gRPC answer is no HealthCheckResponse',
    ],
    ['a flood', says(settings, headers(rpc), data(new Uint8Array(5000))), 'the gRPC answer is no HealthCheckResponse'],
    ['the end in the answer', saysAndEnds(settings, headers(rpc), serving), NOT_WHOLE],
    ['a server of HTTP/1.1', saysAndEnds(Buffer.from('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')), NOT_HTTP2],
  ];
  for (const [name, behaviour, reason] of cases)
    test(name, () =>
      leavesNothing(async () => {
        const result = await run(grpc(), await serve(behaviour));
        (reason === 'gRPC SERVING' ? expectSuccess : expectFailure)(result, reason);
      }),
    );
});

const pem = (name: string): string => fileURLToPath(new URL(`../../../../../test/golden/tls/${name}`, import.meta.url));
const pair = { cert: readFileSync(pem('server.pem')), key: readFileSync(pem('server.key')) };
const tls = (own: Partial<TlsSettings> = {}): TlsSettings => ({
  verify: true,
  ca: pem('ca.pem'),
  sni: 'web.test',
  warnBefore: 0,
  ...own,
});
const https = (own: Partial<HttpsProbe> = {}): HttpsProbe => ({ ...http(), type: 'https', tls: tls(), ...own });

async function withTls(
  server: Http2SecureServer | ReturnType<typeof createServer>,
  body: (port: number) => Promise<void>,
): Promise<void> {
  server.on('tlsClientError', () => {}).listen(0, '127.0.0.1');
  await once(server, 'listening');
  await body((server.address() as AddressInfo).port);
  server.close();
  await once(server, 'close');
}

describe('over TLS', () => {
  test('the request is what the check says, and the certificate is verified', () =>
    leavesNothing(async () => {
      const heard: IncomingHttpHeaders[] = [];
      const server = createSecureServer(pair, (request, response) => {
        heard.push(request.headers);
        response.end('ok');
      });
      await withTls(server, async (port) => {
        const target = { address: '127.0.0.1', port };
        expectSuccess(
          await run(
            https({
              headers: [
                ['X-Probe', '1'],
                ['HOST', 'a.test'],
              ],
              method: 'POST',
            }),
            target,
          ),
          'HTTP 200',
        );
        const {
          ':authority': authority,
          ':method': method,
          ':scheme': scheme,
          'x-probe': own,
          'content-length': length,
        } = heard[0] ?? {};
        assert.deepEqual([authority, method, scheme, own, length], ['a.test', 'POST', 'https', '1', '0']);
        expectSuccess(await run(https({ method: 'HEAD', body: undefined, host: 'web.test' }), target), 'HTTP 200');
        assert.equal(heard[1]?.[':authority'], 'web.test');
        const soon = await run(https({ tls: tls({ warnBefore: 40_000 * 86_400_000 }) }), target);
        assert.match(soon.reason, /^HTTP 200; the certificate expires in 3\d{4} days$/);
        assert.equal(heard[2]?.[':authority'], `127.0.0.1:${port}`);
        const foreign = await run(https({ tls: tls({ ca: pem('client.pem') }) }), target);
        assert.match(foreign.reason, /^certificate: .*; name its authority as tls\.ca, or say tls\.verify: false$/);
      });
    }));

  test('a server that offers HTTP/1.1 alone, by alert or by silence, fails by name', () =>
    leavesNothing(async () => {
      const reason = 'TLS: the server does not offer HTTP/2 (h2 by ALPN)';
      for (const server of [createServer(pair), createServer({ ...pair, ALPNProtocols: [] })])
        await withTls(server, async (port) => expectFailure(await run(https(), { address: '127.0.0.1', port }), reason));
    }));

  test('grpc', () =>
    leavesNothing(async () => {
      const server = createSecureServer(pair);
      server.on('stream', (stream) => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(Uint8Array.of(0, 0, 0, 0, 2, 8, 1));
      });
      await withTls(server, async (port) =>
        expectSuccess(await run(grpc({ tls: tls(), service: 'web' }), { address: '127.0.0.1', port }), 'gRPC SERVING'),
      );
    }));
});
