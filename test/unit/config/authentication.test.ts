/** `authentication`: what an instance is told. What is refused is in bad.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../src/config/parse.js';

function parse(text: string, addresses = '192.0.2.10/24') {
  const head = 'vrrp_instances:\n  - name: VI_1\n    interface: eth0\n    virtual_router_id: 51\n';
  const { config, problems } = parseConfig('f.yaml', `${head}    virtual_addresses: [ ${addresses} ]\n${text}`, { env: {} });
  return { instances: config?.vrrpInstances ?? [], told: problems.map((one) => one.message) };
}

const signingOf = (text: string) => parse(text).instances[0]?.signing;
const hmac = (more: string) => `    authentication: { type: hmac, keys: [ { id: 7, file: /etc/lbd/a.key } ]${more} }\n`;
const USUAL = {
  keys: [{ id: 7, file: '/etc/lbd/a.key' }],
  activeKey: 7,
  mode: 'enforce',
  antiReplay: 'time',
  window: 5,
};

test('one key is the key, all must sign, clocks may be 5 s or three adverts apart', () => {
  assert.deepEqual(signingOf(hmac('')), USUAL);
  assert.deepEqual(signingOf(`${hmac('')}    advert_interval: 2500ms\n`), { ...USUAL, window: 8 });
  assert.deepEqual(signingOf(`${hmac('')}    advert_interval: 200s\n    version: 2\n`), { ...USUAL, window: 300 });
});

test('everything may be said', () => {
  assert.deepEqual(signingOf(hmac(', active_key: 7, mode: receive_only, anti_replay: time, time_window: 300s')), {
    ...USUAL,
    mode: 'receive_only',
    window: 300,
  });
  assert.equal(signingOf(hmac(', anti_replay: monotonic'))?.antiReplay, 'monotonic');
});

test('an instance of both families signs as both, and a password signs nothing', () => {
  const { instances } = parse(hmac(''), '192.0.2.10/24, "2001:db8::1/64"');
  assert.deepEqual(
    instances.map((one) => one.signing),
    [USUAL, USUAL],
  );
  const old = parse('    version: 2\n    authentication: { type: pass, password: "1111" }\n').instances[0];
  assert.deepEqual([old?.password, old && 'signing' in old], ['1111', false]);
});

test('a signature takes the place of one IPv6 address', () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => `"2001:db8::${(i + 1).toString(16)}/64"`).join(', ');
  // One more is the link-local address that lbd derives.
  assert.deepEqual(parse(hmac(''), many(88)).told, []);
  assert.match(parse(hmac(''), many(89)).told.join(), /a signed advert names at most 89 IPv6 addresses, not 90/);
  assert.deepEqual(parse('', many(89)).told, []);
});
