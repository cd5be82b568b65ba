import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { HttpProbe, HttpsProbe, TlsSettings } from '../../../../src/config/types.js';
import type { ProbeResult } from '../../../../src/health/types.js';
import { startProbe } from '../../../../src/os/probe/index.js';
import { closeAll, closedPort, expectFailure, expectSuccess, leavesNothing, run, serve } from '../../../fake/probing.js';

const pem = (name: string): string => fileURLToPath(new URL(`../../../../../test/golden/tls/${name}`, import.meta.url));
const CA = pem('ca.pem');
const DAY = 86_400_000;

const https = (tls: Partial<TlsSettings> = {}, own: Partial<HttpsProbe> = {}): HttpsProbe => ({
  type: 'https',
  path: '/healthz',
  host: 'web.test',
  headers: [],
  status: [[200, 299]],
  body: undefined,
  tls: { verify: true, ca: CA, warnBefore: 14 * DAY, ...tls },
  ...own,
});

async function withServer(certificate: string, options: ServerOptions, body: (port: number) => Promise<void>): Promise<void> {
  const keys = { cert: readFileSync(pem(`${certificate}.pem`)), key: readFileSync(pem(`${certificate}.key`)) };
  const server = createServer({ ...keys, ...options }, (request, response) => {
    response.setHeader('Connection', 'close');
    response.end(`${request.method} ${request.headers.host}`);
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  await body((server.address() as AddressInfo).port);
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}

const ask = (probe: HttpsProbe, port: number): Promise<ProbeResult> => run(probe, { address: '127.0.0.1', port });
before(async () => {
  // What is loaded and opened once stays: the poller, TLS and its first connection.
  await withServer('server', {}, async (port) => {
    await ask(https(), port);
  });
});
after(closeAll);

test('the certificate is verified by name or address, and the answer judged', () =>
  leavesNothing(() =>
    withServer('server', {}, async (port) => {
      expectSuccess(await ask(https(), port), 'HTTP 200');
      expectSuccess(await ask(https({}, { host: undefined }), port), 'HTTP 200');
      const local = await ask(https({ sni: undefined }, { host: `[::1]:${port}` }), port);
      assert.doesNotMatch(local.reason, /\[::1\]/);
      expectSuccess(await ask(https({}, { body: 'GET web.test' }), port), 'HTTP 200');
      expectSuccess(await ask(https({}, { method: 'POST', regex: '^POST web\\.test$' }), port), 'HTTP 200');
      expectSuccess(await ask(https({}, { method: 'HEAD' }), port), 'HTTP 200');
      const digest = `sha256:${createHash('sha256').update('GET web.test').digest('hex')}`;
      expectSuccess(await ask(https({}, { digest }), port), 'HTTP 200');
      expectFailure(
        await ask(https({}, { digest: digest.replace(/.$/, digest.endsWith('0') ? '1' : '0') }), port),
        'HTTP 200, but the body has another sha256 digest',
      );
      expectFailure(await ask(https({}, { status: [[300, 399]] }), port), 'HTTP 200');
    }),
  ));

test('a certificate that will not do is named with its cure; verify: false takes it', () =>
  leavesNothing(() =>
    withServer('server', {}, async (port) => {
      const foreign = await ask(https({ ca: pem('client.pem') }), port);
      assert.equal(foreign.ok, false);
      assert.match(foreign.reason, /^certificate: .*; name its authority as tls\.ca, or say tls\.verify: false$/);
      const named = await ask(https({ sni: 'other.test' }), port);
      assert.match(named.reason, /^certificate: .*other\.test.*; give the check the name as tls\.sni$/s);
      expectSuccess(await ask(https({ verify: false, sni: 'other.test' }), port), 'HTTP 200');
    }),
  ));

test('an expired certificate fails, and one near its end is told', () =>
  leavesNothing(async () => {
    await withServer('expired', {}, async (port) => {
      expectFailure(await ask(https(), port), 'certificate: certificate has expired');
      expectSuccess(await ask(https({ verify: false }), port), 'HTTP 200; the certificate has expired');
    });
    await withServer('server', {}, async (port) => {
      const result = await ask(https({ warnBefore: 40_000 * DAY }), port);
      assert.match(result.reason, /^HTTP 200; the certificate expires in 3\d{4} days$/);
    });
  }));

test('a client certificate where the server wants one', () =>
  leavesNothing(() =>
    withServer('server', { requestCert: true, rejectUnauthorized: true, ca: readFileSync(CA) }, async (port) => {
      expectSuccess(await ask(https({ certificate: pem('client.pem'), key: pem('client.key') }), port), 'HTTP 200');
      const bare = await ask(https(), port);
      assert.deepEqual([bare.ok, bare.local], [false, false], bare.reason);
      assert.match(bare.reason, /^TLS: .*: the server wants a certificate: tls\.certificate and tls\.key$/);
      const lost = await ask(https({ ca: '/nonexistent/ca.pem' }), port);
      assert.deepEqual([lost.ok, lost.local], [false, true]);
      assert.match(lost.reason, /^tls: ENOENT.*\/nonexistent\/ca\.pem/);
      const empty = await ask(https({ ca: '/dev/null' }), port);
      assert.deepEqual([empty.ok, empty.local, empty.reason], [false, true, 'tls: /dev/null holds no certificate (PEM)']);
    }),
  ));

test('no TLS behind the port, an end in the handshake, nobody there, and a stall that is cancelled', () =>
  leavesNothing(async () => {
    const plain = await run(https(), await serve((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    assert.deepEqual([plain.ok, plain.local], [false, false]);
    assert.match(plain.reason, /^TLS: \w.*: does the port speak TLS\?$/);
    const closed = await run(https(), await serve((socket) => socket.once('data', () => socket.end())));
    expectFailure(closed, 'TLS: the server closed the connection during the handshake');
    expectFailure(await run(https(), await closedPort()), 'connection refused');
    const stall = startProbe(https(), await serve(() => {}), () => assert.fail('told'));
    await new Promise((done) => setTimeout(done, 30));
    stall.cancel();
  }));

test('http: regular expression, digest and method', () =>
  leavesNothing(async () => {
    const http = (own: Partial<HttpProbe>): HttpProbe => ({
      type: 'http',
      path: '/',
      host: undefined,
      headers: [],
      status: [[200, 299]],
      body: undefined,
      ...own,
    });
    const page = (socket: import('node:net').Socket) =>
      void socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\nhello world'));
    expectSuccess(await run(http({ regex: 'w.rld$' }), await serve(page)), 'HTTP 200');
    expectFailure(await run(http({ regex: '^world' }), await serve(page)), 'HTTP 200, but the body does not match /^world/');
    expectSuccess(
      await run(http({ digest: 'md5:5eb63bbbe01eeed093cb22bb8f5acdc3', body: 'hello' }), await serve(page)),
      'HTTP 200',
    );
  }));
