import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../src/config/parse.js';
import { formatProblem } from '../../../src/config/problems.js';
import { checkSpec, describeCheckFully } from '../../../src/health/key.js';

/** Each check as a user writes it, and as `lbctl why` says it. */
const CHECKS: readonly (readonly [string, string])[] = [
  ['{ type: tcp }', 'tcp connect to 10.0.0.1:80, every 2s, timeout 1s, fall 2'],
  [
    '{ type: tcp, port: 6379, send: "PING\\r\\n", expect: "+PONG", interval_down: 10s, interval_changing: 1s }',
    'tcp exchange with 10.0.0.1:6379, sends "PING\\r\\n", expects "+PONG", every 2s, every 10s while down, every 1s while changing, timeout 1s, fall 2',
  ],
  [
    '{ type: tcp, address: 192.0.2.9, source: 192.0.2.1, interface: eth1, fwmark: 7, proxy_protocol: v2 }',
    'tcp connect to 192.0.2.9:80, from 192.0.2.1, through eth1, with mark 7, PROXY v2, every 2s, timeout 1s, fall 2',
  ],
  [
    '{ type: tcp_half_open, port: 443, source: 192.0.2.1, interface: eth1, fwmark: 7 }',
    'tcp half-open to 10.0.0.1:443, from 192.0.2.1, through eth1, with mark 7, every 2s, timeout 1s, fall 2',
  ],
  [
    '{ type: http, method: HEAD, path: /x, status: [ 204 ] }',
    'http HEAD /x on 10.0.0.1:80, status 204, every 2s, timeout 1s, fall 2',
  ],
  [
    '{ type: https, port: 443, host: www.example.com, regex: "^ok", tls: { verify: false } }',
    'https GET / on 10.0.0.1:443, status 200-299, body matches /^ok/, certificate not verified, every 2s, timeout 1s, fall 2',
  ],
  [
    '{ type: http, http2: true, netns: blue, interface: eth1 }',
    'http GET / on 10.0.0.1:80, status 200-299, HTTP/2, in netns blue, through eth1, every 2s, timeout 1s, fall 2',
  ],
  ['{ type: http, http2: false }', 'http GET / on 10.0.0.1:80, status 200-299, every 2s, timeout 1s, fall 2'],
  ['{ type: grpc, port: 50051 }', 'grpc health of 10.0.0.1:50051, every 2s, timeout 1s, fall 2'],
  [
    '{ type: grpc, service: shop.Cart, host: cart.example.com, tls: {}, netns: /run/netns/blue }',
    'grpc health of shop.Cart at 10.0.0.1:80, TLS, certificate verified, in netns blue, every 2s, timeout 1s, fall 2',
  ],
  ['{ type: icmp, interface: eth1 }', 'icmp echo to 10.0.0.1, through eth1, every 2s, timeout 1s, fall 2'],
  [
    '{ type: udp, port: 514, send_hex: 0A0b, silence: 200ms }',
    'udp datagram to 10.0.0.1:514, sends 0a0b (hex), silence for 200ms will do, every 2s, timeout 1s, fall 2',
  ],
  [
    '{ type: dns, port: 53, name: example.com, query: AAAA, answer: "2001:db8::1" }',
    'dns AAAA example.com at 10.0.0.1:53, expects 2001:db8::1, every 2s, timeout 1s, fall 2',
  ],
  ['{ type: smtp, port: 25 }', 'smtp greeting of 10.0.0.1:25, every 2s, timeout 1s, fall 2'],
  [
    '{ type: script, command: [ /etc/lbd/check, -v ], user: lbd, netns: /proc/42/ns/net }',
    'script /etc/lbd/check for 10.0.0.1:80, as lbd, in netns /proc/42/ns/net, every 2s, timeout 1s, fall 2',
  ],
  ['{ type: file, path: /run/web.state }', 'file /run/web.state, every 2s, timeout 1s, fall 2'],
  ['{ type: agent, port: 9999, send: "web\\n" }', 'agent at 10.0.0.1:9999, every 2s, timeout 1s, fall 2'],
];

const parse = (check: string) =>
  parseConfig(
    'f.yaml',
    `virtual_servers:\n  - name: web\n    address: 192.0.2.10:80\n    checks:\n      - ${check}\n    real_servers:\n      - address: 10.0.0.1:80\n`,
    { env: {}, hostname: 'd1' },
  );

for (const [written, said] of CHECKS)
  test(written, () => {
    const { config, problems } = parse(written);
    assert.deepEqual(problems.map(formatProblem), []);
    const [check] = config?.virtualServers[0]?.realServers[0]?.checks ?? [];
    assert.ok(check);
    assert.equal(check.jitter, 5, 'periods are jittered unless said otherwise');
    const spec = checkSpec(check, '10.0.0.1', 80);
    assert.equal(describeCheckFully(spec), said);
    // Over the channel to the check process and back.
    assert.equal(checkSpec(JSON.parse(JSON.stringify(check)), '10.0.0.1', 80).key, spec.key);
  });

test('silence that cannot be kept is refused', () => {
  const said = (check: string) =>
    parse(check)
      .problems.map((one) => one.message)
      .join('\n');
  assert.match(said('{ type: udp, send: x, silence: 1s }'), /silence \(1s\) must be shorter than its timeout \(1s\)/);
});

test('probes may come sooner than their timeout: who is refused fails at once, one that hangs delays the next', () => {
  const { config, problems } = parse('{ type: tcp, interval_down: 700ms, interval_changing: 500ms }');
  assert.deepEqual(problems, []);
  assert.equal(config?.virtualServers[0]?.realServers[0]?.checks[0]?.intervalChanging, 500);
});

test('a timeout longer than the interval may be a slip: a warning, of the defaults once', () => {
  const said = (text: string) => {
    const { config, problems } = text.startsWith('{') ? parse(text) : parseConfig('f.yaml', text, { env: {} });
    assert.ok(config);
    return problems.map(({ severity, line, message }) => `${line} ${severity} ${message}`);
  };
  const hint = 'is longer than its interval (600ms): a probe that hangs delays the next ones';
  assert.deepEqual(said('{ type: tcp, interval: 600ms }'), [`5 warning the check's timeout (1s) ${hint}`]);
  const service = (n: number) =>
    `  - { name: s${n}, address: "192.0.2.${n}:80", checks: [ { type: tcp } ], real_servers: [ { address: "10.0.0.1:80" } ] }\n`;
  const text = `defaults: { check: { interval: 600ms, timeout: 3s } }\nvirtual_servers:\n${service(1)}${service(2)}`;
  assert.deepEqual(said(text), [`1 warning the check's timeout (3s) ${hint}`]);
  const script = 'scripts: [ { name: chk, command: [ /bin/true ], interval: 600ms, timeout: 2s } ]\n';
  assert.deepEqual(said(`${script}virtual_servers:\n${service(1)}`), [
    '1 warning no VRRP instance tracks the script chk: it is not run',
    `1 warning the script's timeout (2s) ${hint}`,
  ]);
});

test('who says another interval does not mean the special ones of the defaults', () => {
  const text = `defaults: { check: { interval_down: 500ms, timeout: 400ms } }
virtual_servers:
  - name: web
    address: 192.0.2.10:80
    real_servers:
      - { address: "10.0.0.1:80", checks: [ { type: tcp }, { type: tcp, interval: 30s, timeout: 10s } ] }
`;
  const { config, problems } = parseConfig('f.yaml', text, { env: {} });
  assert.deepEqual(problems, []);
  const checks = config?.virtualServers[0]?.realServers[0]?.checks ?? [];
  assert.deepEqual(
    checks.map((one) => [one.interval, one.intervalDown]),
    [
      [2000, 500],
      [30_000, undefined],
    ],
  );
});
