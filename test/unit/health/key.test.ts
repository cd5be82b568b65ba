import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CheckConfig } from '../../../src/config/types.js';
import { checkKey, checkSpec, describeCheck, describeCheckFully } from '../../../src/health/key.js';

const timing = { interval: 2000, timeout: 1000, rise: 1, fall: 2 };
const tcp: CheckConfig = { type: 'tcp', port: undefined, ...timing };
const icmp: CheckConfig = { type: 'icmp', ...timing };
const http: CheckConfig = {
  type: 'http',
  port: undefined,
  path: '/healthz',
  host: undefined,
  headers: [],
  status: [[200, 299]],
  body: undefined,
  ...timing,
};

test('equal checks of one target have one key, whatever way they were written', () => {
  assert.equal(checkKey(tcp, '10.0.0.1', 80), checkKey({ ...tcp, port: 80 }, '10.0.0.1', 8080));
  assert.equal(checkKey(icmp, '10.0.0.1', 80), checkKey(icmp, '10.0.0.1', 443));
  const passed = JSON.parse(JSON.stringify(http)) as CheckConfig;
  assert.equal(checkKey(passed, '10.0.0.1', 80), checkKey(http, '10.0.0.1', 80));
});

test('a file is read once for all the real servers that it speaks of', () => {
  const file: CheckConfig = { type: 'file', file: '/run/web.state', ...timing };
  assert.equal(checkKey(file, '10.0.0.1', 80), checkKey(file, '10.0.0.2', 81));
});

test('everything that matters makes another key', () => {
  const others: CheckConfig[] = [
    tcp,
    icmp,
    http,
    { ...tcp, port: 81 },
    { ...tcp, interval: 1000 },
    { ...tcp, timeout: 900 },
    { ...tcp, rise: 2 },
    { ...tcp, fall: 3 },
    { ...http, path: '/' },
    { ...http, host: 'example.org' },
    { ...http, headers: [['X-Probe', '1']] },
    { ...http, status: [[200, 200]] },
    { ...http, body: 'ok' },
    { ...http, http2: true },
    { ...tcp, netns: 'blue' },
    { ...tcp, netns: 'red' },
    { type: 'grpc', service: '', ...timing },
    { type: 'grpc', service: 'web', ...timing },
  ];
  const keys = others.map((check) => checkKey(check, '10.0.0.1', 80));
  assert.equal(new Set([...keys, checkKey(tcp, '10.0.0.2', 80)]).size, others.length + 1);
});

test('descriptions name the check and its target', () => {
  assert.equal(describeCheck(checkSpec(tcp, '2001:db8::1', 80)), 'tcp connect to [2001:db8::1]:80');
  assert.equal(describeCheck(checkSpec(icmp, '10.0.0.1', 80)), 'icmp echo to 10.0.0.1');
  assert.equal(
    describeCheckFully(checkSpec({ ...http, body: 'ok' }, '10.0.0.1', 80)),
    'http GET /healthz on 10.0.0.1:80, status 200-299, body contains "ok", every 2s, timeout 1s, fall 2',
  );
});
