/** `announcements` and `witness` of a VRRP instance: what is understood, and what is refused at its place. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOUNCEMENTS } from '../../../src/base/announcements.js';
import { parseConfig } from '../../../src/config/parse.js';
import { BAD_OPTIONS, refuses } from '../../fake/bad-config.js';

const instance = (words: string, addresses = '192.0.2.10/24') =>
  `vrrp_instances:\n  - name: VI_1\n    interface: eth0\n    virtual_router_id: 51\n    virtual_addresses: [ ${addresses} ]\n    announcements: { ${words} }\n`;
const many = Array.from({ length: 200 }, (_, i) => `192.0.2.${1 + i}`).join(', ');

refuses('announcements', [
  [instance('@repet: 3'), /unknown key "repet" in announcements; did you mean "repeat"\?/],
  [instance('repeat: @0'), /repeat is a whole number from 1 to 100/],
  [instance('delay: @20ms'), /delay: 20ms is outside 1000ms to 3600s; "off" is none/],
  [instance('refresh: @never'), /refresh: "never" is no duration: write 5s, 1m or off/],
  [instance('interval: @2s'), /interval: 2s is outside 0ms to 1s/],
  [instance('verify: @router'), /verify is off, gateway or a list of neighbours' addresses, not "router"/],
  [instance('verify: @[]'), /verify lists nobody: write off/],
  [instance('verify: [ @192.0.2.300 ]'), /verify: "192\.0\.2\.300" is no IP address of a neighbour/],
  [instance('verify: [ @224.0.0.1 ]'), /verify: 224\.0\.0\.1 is no unicast address/],
  [instance('verify: @[ "fe80::1" ]'), /fe80::1 knows nothing of IPv4 addresses/],
  [instance('verify: @[ 192.0.2.10 ]'), /192\.0\.2\.10 is a virtual address of VI_1 itself, no neighbour/],
  [instance('refresh: @1s, interval: 10ms', many), /200 addresses 10ms apart take 2s, longer than refresh/],
]);

const witness = (words: string) => instance('').replace('announcements: {  }', words);

refuses('witness', [
  [witness('witness: @router'), /witness is gateway or a list of neighbours' addresses, not "router"/],
  [witness('witness: @off'), /witness is gateway or a list/],
  [witness('witness: @[]'), /witness lists nobody: leave it out/],
  [witness('witness: [ @10.0.0 ]'), /witness: "10\.0\.0" is no IP address of a neighbour/],
  [witness('witness: @[ "fe80::1" ]'), /witness takes IPv4 neighbours here/],
  [witness('witness: @[ 192.0.2.10 ]'), /192\.0\.2\.10 is a virtual address of VI_1 itself/],
  [
    witness('priority: 255\n    witness: @gateway'),
    /the address owner \(priority 255\) is master at once: it waits for no witness/,
  ],
]);

test('a witness is the gateway, or one of several neighbours; without the word none is asked', () => {
  const of = (words: string) => parseConfig('f.yaml', witness(words), BAD_OPTIONS).config?.vrrpInstances[0]?.witness;
  assert.equal(of('witness: gateway'), 'gateway');
  assert.deepEqual(of('witness: [ 192.0.2.1, 192.0.2.2 ]'), ['192.0.2.1', '192.0.2.2']);
  assert.equal(of('preempt: true'), undefined);
});

const parsed = (words: string) => {
  const { config, problems } = parseConfig('f.yaml', instance(words), BAD_OPTIONS);
  assert.ok(config, JSON.stringify(problems));
  return config.vrrpInstances[0]?.announcements;
};

test('what is not said is as usual, and holds after another master was heard too', () => {
  assert.deepEqual(parsed(''), ANNOUNCEMENTS);
  assert.deepEqual(parsed('repeat: 2, delay: off, refresh: off'), {
    ...ANNOUNCEMENTS,
    repeat: 2,
    delay: 0,
    refresh: 0,
    otherMaster: { repeat: 2, delay: 0 },
  });
  assert.deepEqual(parsed('refresh_repeat: 3, interval: 0.5ms, other_master: { repeat: 0 }, verify: [ 192.0.2.1 ]'), {
    ...ANNOUNCEMENTS,
    refreshRepeat: 3,
    interval: 0.5,
    otherMaster: { repeat: 0, delay: 5000 },
    verify: ['192.0.2.1'],
  });
  assert.equal(parsed('verify: gateway')?.verify, 'gateway');
});
