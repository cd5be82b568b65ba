/**
 * The checkers against servers that others wrote: nginx, haproxy, dnsmasq, exim, grpc-js. All of them listen on the loopback of a network
 * namespace, which the probes enter by `netns`. Each is up, is down with the reason when it answers wrongly, and down when it has ended.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { GrpcProbe, HttpProbe, HttpsProbe, ProbeConfig, TlsSettings } from '../../src/config/types.js';
import { makeNetns, type Netns, type Program } from './netns.js';
import { ask, curl, type Peer, startPeer } from './peers.js';
import { DNS_PORT, dnsmasq, exim, HTTP_PORTS, haproxy, nginx, PROXY_PORTS, SMTP_PORTS } from './peers-texts.js';

const pem = (name: string): string => fileURLToPath(new URL(`../../../test/golden/tls/${name}`, import.meta.url));
const tls: TlsSettings = { verify: true, ca: pem('ca.pem'), sni: 'web.test', warnBefore: 0 };
/** Bytes of the body that is compared, below the mebibyte that is searched. */
const FILE = 900_000;

let ns: Netns;
let netns = '';
const folder = mkdtempSync(join(tmpdir(), 'lbd-peers-'));
const file = (name: string, text: string | Buffer): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

before(() => {
  ns = makeNetns('peers');
  netns = ns.name;
  chmodSync(folder, 0o755);
});
after(() => {
  ns.destroy();
  rmSync(folder, { recursive: true });
});

type Own = Partial<Omit<HttpProbe, 'type'>>;
const http = (path: string, own: Own = {}): HttpProbe => ({
  type: 'http',
  path,
  host: undefined,
  headers: [],
  status: [[200, 299]],
  body: undefined,
  netns,
  ...own,
});
const https = (path: string, own: Own & Partial<Pick<HttpsProbe, 'tls'>> = {}): HttpsProbe => ({
  ...http(path),
  type: 'https',
  tls,
  ...own,
});

async function says(probe: ProbeConfig, port: number, expected: string | RegExp, ok = false): Promise<void> {
  const result = await ask(probe, port);
  const words = `${result.ok ? 'ok' : result.local ? 'local' : 'failed'}: ${result.reason}`;
  if (typeof expected === 'string') assert.equal(words, `${ok ? 'ok' : 'failed'}: ${expected}`);
  else assert.match(words, expected);
}
const isUp = (probe: ProbeConfig, port: number, reason: string) => says(probe, port, reason, true);

/** A child of a server may have its socket for a moment longer than the server. */
async function refused(probe: ProbeConfig, port: number): Promise<void> {
  for (let i = 0; i < 100 && (await ask(probe, port)).reason !== 'connection refused'; i++) await setTimeout(20);
  await says(probe, port, 'connection refused');
}

describe('nginx', () => {
  const content = Buffer.alloc(FILE, 'abcdefg\n');
  const versions: readonly (readonly [name: string, port: number, probe: (path: string, own?: Own) => ProbeConfig])[] = [
    ['HTTP/1.1', HTTP_PORTS.http, http],
    ['HTTP/1.1 over TLS', HTTP_PORTS.plainTls, https],
    ['HTTP/2', HTTP_PORTS.h2c, (path, own) => http(path, { ...own, http2: true })],
    ['HTTP/2 over TLS', HTTP_PORTS.https, (path, own) => https(path, { ...own, http2: true })],
  ];
  let server: Peer;

  before(async () => {
    file('file', content);
    const conf = file('nginx.conf', nginx(folder, pem('server.pem'), pem('server.key')));
    server = await startPeer(netns, ['nginx', '-p', folder, '-e', 'stderr', '-c', conf], Object.values(HTTP_PORTS));
  });
  after(() => server?.stop());

  for (const [name, port, probe] of versions)
    test(`${name}: status, body and digest are as curl has them`, async () => {
      const scheme = probe('/').type;
      const options = name === 'HTTP/2' ? ['--http2-prior-knowledge'] : ['-k'];
      for (const path of ['/ok', '/file', '/chunked', '/none', '/same', '/moved', '/busy', '/absent']) {
        const { status, body } = curl(netns, `${scheme}://127.0.0.1:${port}${path}`, ...options);
        const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
        await isUp(probe(path, { status: [[status, status]], digest }), port, `HTTP ${status}`);
        if (body.length > 0)
          await says(
            probe(path, { status: [[status, status]], digest: `sha256:${'0'.repeat(64)}` }),
            port,
            `HTTP ${status}, but the body has another sha256 digest`,
          );
      }
      const changed = createHash('sha256').update(content.toString().replaceAll('abc', 'cba')).digest('hex');
      await isUp(probe('/chunked', { digest: `sha256:${changed}` }), port, 'HTTP 200');
      await isUp(
        probe('/ok', { body: `ok HTTP/${/2/.test(name) ? '2.0' : '1.1'} web.test`, host: 'web.test' }),
        port,
        'HTTP 200',
      );
    });

  for (const [name, port, probe] of versions)
    test(`${name}: another status or body is down, by name; HEAD has no body; 100 is no answer`, async () => {
      await says(probe('/busy'), port, 'HTTP 503');
      await says(probe('/ok', { body: 'fine' }), port, 'HTTP 200, but the body does not contain "fine"');
      await isUp(probe('/ok', { regex: '^ok HTTP/[0-9.]+ \\S+$' }), port, 'HTTP 200');
      await isUp(probe('/file', { method: 'HEAD' }), port, 'HTTP 200');
      await says(probe('/absent', { method: 'HEAD' }), port, 'HTTP 404');
      // nginx compresses for those who ask for it.
      const gzip = { headers: [['Accept-Encoding', 'gzip']] as const };
      await says(probe('/file', { ...gzip, body: 'abcdefg' }), port, 'HTTP 200, but the body does not contain "abcdefg"');
      await isUp(probe('/file', { body: 'abcdefg' }), port, 'HTTP 200');
      await isUp(probe('/ok', { method: 'POST', headers: [['Expect', '100-continue']], body: 'ok' }), port, 'HTTP 200');
      // A longer body than is searched for.
      await says(probe('/file', { body: 'needle' }), port, 'HTTP 200, but the body does not contain "needle"');
    });

  test('an answer on a connection that stays open is judged when it is whole', async () => {
    const keep = { headers: [['Connection', 'keep-alive']] as const };
    for (const path of ['/ok', '/file', '/chunked']) {
      await says(http(path, { ...keep, body: 'needle' }), HTTP_PORTS.http, 'HTTP 200, but the body does not contain "needle"');
      await says(
        https(path, { ...keep, body: 'needle' }),
        HTTP_PORTS.plainTls,
        'HTTP 200, but the body does not contain "needle"',
      );
    }
  });

  test('the other version than it speaks is down, by name', async () => {
    const without = 'the answer is not HTTP/2: a server that speaks HTTP/1.1 alone?';
    await says(http('/ok', { http2: true }), HTTP_PORTS.http, without);
    await says(http('/ok'), HTTP_PORTS.h2c, 'the answer is not HTTP/1.x');
    await says(https('/ok', { http2: true }), HTTP_PORTS.plainTls, 'TLS: the server does not offer HTTP/2 (h2 by ALPN)');
    await isUp(https('/ok'), HTTP_PORTS.https, 'HTTP 200');
    await says(http('/ok'), HTTP_PORTS.plainTls, 'HTTP 400');
    await says(https('/ok'), HTTP_PORTS.http, /^failed: TLS: /);
    await says(
      https('/ok', { http2: true, tls: { ...tls, sni: 'other.test' } }),
      HTTP_PORTS.https,
      /^failed: certificate: .*give the check the name as tls\.sni$/s,
    );
  });

  test('the PROXY protocol, in both versions', async () => {
    for (const proxyProtocol of ['v1', 'v2'] as const) {
      await isUp(http('/ok', { proxyProtocol, body: 'HTTP/1.1' }), HTTP_PORTS.proxy, 'HTTP 200');
      await isUp(http('/ok', { proxyProtocol, body: 'HTTP/2.0', http2: true }), HTTP_PORTS.h2cProxy, 'HTTP 200');
    }
    await says(
      http('/ok'),
      HTTP_PORTS.proxy,
      /^failed: (connection closed without an answer|connection reset before the answer was complete)$/,
    );
  });

  test('stopped it is down', async () => {
    await server.stop();
    for (const [, port, probe] of versions) await refused(probe('/ok'), port);
  });
});

describe('haproxy', () => {
  let server: Peer;
  before(async () => {
    const both = file('both.pem', Buffer.concat([readFileSync(pem('server.pem')), readFileSync(pem('server.key'))]));
    server = await startPeer(netns, ['haproxy', '-db', '-f', file('haproxy.conf', haproxy(both))], Object.values(PROXY_PORTS));
  });
  after(() => server?.stop());

  test('takes the PROXY protocol of every checker that has it, and nothing without', async () => {
    for (const proxyProtocol of ['v1', 'v2'] as const) {
      await isUp(http('/', { proxyProtocol, body: 'ok 1.1 127.0.0.1' }), PROXY_PORTS.http, 'HTTP 200');
      await isUp(http('/', { proxyProtocol, body: 'ok 2.0 127.0.0.1', http2: true }), PROXY_PORTS.http, 'HTTP 200');
      await isUp(https('/', { proxyProtocol, body: 'ok 1.1' }), PROXY_PORTS.https, 'HTTP 200');
      await isUp(https('/', { proxyProtocol, body: 'ok 2.0', http2: true }), PROXY_PORTS.https, 'HTTP 200');
      const send = { text: 'GET / HTTP/1.0\r\n\r\n' };
      await says({ type: 'tcp', netns, proxyProtocol, send, regex: '^HTTP/1.1 200' }, PROXY_PORTS.http, /^ok: answered "HTTP/);
    }
    await says(
      http('/'),
      PROXY_PORTS.http,
      /^failed: connection (closed without an answer|reset before the answer was complete)$/,
    );
    await says({ type: 'grpc', service: '', netns, proxyProtocol: 'v2' }, PROXY_PORTS.http, 'no gRPC answer, but text/plain');
  });

  test('stopped it is down', async () => {
    await server.stop();
    await refused(http('/'), PROXY_PORTS.http);
  });
});

describe('dnsmasq', () => {
  const dns = (name: string, query: string, answer?: string): ProbeConfig => ({ type: 'dns', name, query, answer, netns });
  let server: Peer;
  before(async () => {
    server = await startPeer(netns, dnsmasq, [DNS_PORT]);
  });
  after(() => server?.stop());

  test('its records are found, by TCP where they do not fit into a datagram', async () => {
    await isUp(dns('web.test', 'A'), DNS_PORT, 'DNS 192.0.2.7');
    await isUp(dns('WEB.test.', 'A', '192.0.2.7'), DNS_PORT, 'DNS 192.0.2.7');
    await isUp(dns('web.test', 'AAAA', '2001:db8::7'), DNS_PORT, 'DNS 2001:db8::7');
    await isUp(dns('web.test', 'MX', '10 mail.test'), DNS_PORT, 'DNS 10 mail.test');
    await isUp(dns('long.test', 'TXT', `3${'x'.repeat(200)}`), DNS_PORT, `DNS 3${'x'.repeat(200)} (by TCP)`);
  });

  test('another record, none, and no name are down, by name', async () => {
    await says(dns('web.test', 'A', '192.0.2.8'), DNS_PORT, 'DNS answered 192.0.2.7, not 192.0.2.8');
    await says(dns('web.test', 'TXT', 'x'), DNS_PORT, 'DNS answered no record, not x');
    await says(dns('absent.test', 'A'), DNS_PORT, 'DNS NXDOMAIN');
    await says(dns('example.org', 'A'), DNS_PORT, 'DNS REFUSED');
    await says(dns('long.test', 'TXT', 'y'), DNS_PORT, /^failed: DNS answered \dx{200}, \dx+…$/);
  });

  test('stopped it is down', async () => {
    await server.stop();
    await refused(dns('web.test', 'A'), DNS_PORT);
  });
});

// Debian has room for one mail server.
describe('exim', { skip: !existsSync('/usr/sbin/exim4') && 'another mail server is installed here' }, () => {
  const smtp: ProbeConfig = { type: 'smtp', helo: 'd1.test' };
  const inside = (): ProbeConfig => ({ ...smtp, netns });
  let server: Peer;
  before(async () => {
    server = await startPeer(netns, ['exim4', '-C', file('exim.conf', exim(folder)), '-bdf'], Object.values(SMTP_PORTS));
  });
  after(() => server?.stop());

  test('a greeting is up, a refusal down with its code and words', async () => {
    await isUp(inside(), SMTP_PORTS.good, 'SMTP 250');
    await says(inside(), SMTP_PORTS.refuses, 'SMTP 554 to the connection: "554 no mail here"');
    await says(inside(), SMTP_PORTS.busy, 'SMTP 421 to the connection: "421 too busy"');
    await says(
      { type: 'smtp', helo: 'no such_name!', netns },
      SMTP_PORTS.good,
      /^failed: SMTP 501 to the HELO: "501 Syntactically invalid HELO/,
    );
  });

  test('stopped it is down', async () => {
    await server.stop();
    await refused(inside(), SMTP_PORTS.good);
  });
});

describe('grpc-js', () => {
  const [CLEAR, BARE, TLS] = [50_051, 50_052, 50_053];
  const grpc = (own: Partial<GrpcProbe> = {}): GrpcProbe => ({ type: 'grpc', service: '', netns, ...own });
  let server: Program<never>;
  before(async () => {
    server = ns.start(new URL('./grpc-child.js', import.meta.url));
    await server.call('clear', CLEAR);
    await server.call('bare', BARE);
    await server.call('tls', TLS, pem('server.pem'), pem('server.key'));
  });
  after(() => server?.end());

  test('SERVING is up, with TLS and without, for the server and for a service', async () => {
    for (const service of ['', 'web']) {
      await isUp(grpc({ service }), CLEAR, 'gRPC SERVING');
      await isUp(grpc({ service, tls, host: 'web.test' }), TLS, 'gRPC SERVING');
    }
    await says(grpc({ tls: { ...tls, ca: pem('client.pem') } }), TLS, /^failed: certificate: /);
  });

  test('everything else is down, by name', async () => {
    await says(grpc({ service: 'down' }), CLEAR, 'gRPC NOT_SERVING');
    await says(grpc({ service: 'absent' }), CLEAR, /^failed: gRPC NOT_FOUND/);
    await says(grpc(), BARE, /^failed: gRPC UNIMPLEMENTED/);
    await server.call('set', 'web', 'NOT_SERVING');
    await says(grpc({ service: 'web' }), CLEAR, 'gRPC NOT_SERVING');
    await server.call('set', 'web', 'UNKNOWN');
    await says(grpc({ service: 'web' }), CLEAR, 'gRPC UNKNOWN');
    await says(grpc({ tls }), CLEAR, /^failed: TLS: /);
    await says(grpc(), TLS, /^failed: /);
  });

  test('stopped it is down', async () => {
    await server.call('stop');
    await refused(grpc(), CLEAR);
    await refused(grpc({ tls }), TLS);
  });
});
