/** Adverts that are signed as they leave, and verified as they come: with a host whose clock and keys are as told. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SigningConfig, VrrpInstanceConfig } from '../../../../src/config/types.js';
import { createAdverts } from '../../../../src/daemon/vrrp/packing.js';
import { createSigner, readSavedSigning, type SavedSigning } from '../../../../src/daemon/vrrp/signer.js';
import type { Host } from '../../../../src/daemon/vrrp/types.js';
import { admit } from '../../../../src/vrrp/admit.js';
import { decodeAdvert, VRRP_GROUP } from '../../../../src/wire/vrrp.js';
import { conf as instance } from '../../../fake/directors.js';

const signing: SigningConfig = { keys: [{ id: 1, file: '/k1' }], activeKey: 1, mode: 'enforce', antiReplay: 'time', window: 5 };
const base = instance(3, 1000, 100, true);
const v6 = [
  { address: 'fe80::5e:30', length: 128 },
  { address: '2001:db8:1::100', length: 64 },
];
const unicast = (address: string) => ({
  peers: [address, '192.0.2.88'].map((one) => ({ address: one, minTtl: 1, maxTtl: 255 })),
});
const SOURCE = { 4: '192.0.2.1', 6: 'fe80::1' } as const;
const TARGET = { 4: '192.0.2.2', 6: 'fe80::2' } as const;

const KINDS: Readonly<Record<string, Partial<VrrpInstanceConfig>>> = {
  'version 2': { version: 2 },
  'version 3': {},
  'version 3 with the other checksum': { v3Checksum: 'rfc9568' },
  'unicast, version 3': { unicast: unicast(TARGET[4]) },
  'unicast, version 2': { version: 2, unicast: unicast(TARGET[4]) },
  IPv6: { family: 6, addresses: v6 },
  'IPv6 unicast': { family: 6, addresses: v6, unicast: unicast(TARGET[6]) },
  'a virtual MAC': { vmac: { name: 'vrrp.51' } },
  'a virtual MAC, IPv6': { family: 6, addresses: v6, vmac: { name: 'vrrp6.51' } },
};

const KEY = new Uint8Array(32).fill(7);

function side(conf: VrrpInstanceConfig, keys: Readonly<Record<string, Uint8Array>> = { '/k1': KEY }) {
  const self = { conf, utc: 1_800_000_000_000, keys };
  const host = { now: () => 0, utc: () => self.utc, key: (file: string) => self.keys[file] };
  const signer = createSigner(host, () => self.conf);
  const adverts = createAdverts({} as Host, () => self.conf, signer);
  return Object.assign(self, { signer, adverts });
}

/** What the other one makes of it. */
function hear(to: ReturnType<typeof side>, source: string, payload: Uint8Array) {
  const destination = to.conf.unicast ? TARGET[to.conf.family] : VRRP_GROUP[to.conf.family];
  const bare = { decoded: decodeAdvert(payload, { source, destination }), source, destination, ttl: 255 };
  const received = { ...bare, signature: to.signer.judge(bare, payload) };
  const admission = admit(to.conf, received);
  if ('advert' in admission) to.signer.taken(received);
  return 'rejection' in admission ? admission.rejection : admission.advert.priority;
}

const otherSide = (conf: VrrpInstanceConfig): VrrpInstanceConfig =>
  conf.unicast ? { ...conf, unicast: unicast(SOURCE[conf.family]) } : conf;

for (const [name, more] of Object.entries(KINDS)) {
  test(`what one signs the other takes, once: ${name}`, () => {
    const conf = { ...base, ...more, signing };
    const a = side(conf);
    const b = side(otherSide(conf));
    const source = SOURCE[conf.family];
    for (const priority of [100, 100, 0]) {
      const [first] = a.adverts.ready(source, priority);
      assert.ok(first);
      const payload = first.message.slice();
      assert.deepEqual(first.bytes.slice(-payload.length), payload);
      assert.equal(hear(b, source, payload), priority);
      assert.equal(hear(b, source, payload), 'replay');
    }
    assert.deepEqual(
      b.signer.report()?.heard.map((one) => [one.address, one.key, one.clock_behind_seconds]),
      [[source, 1, 0]],
    );
  });
}

test('one signature an advert, whoever it goes to', () => {
  const a = side({ ...base, family: 6, addresses: v6, signing, unicast: unicast(TARGET[6]) });
  const tails = a.adverts.ready(SOURCE[6], 100).map((one) => Buffer.from(one.message.slice(-28)).toString('hex'));
  assert.equal(tails.length, 2);
  assert.equal(tails[0], tails[1]);
});

describe('keys are rolled out without a lost advert', () => {
  const with1 = { ...base, signing: { ...signing, mode: 'permissive' as const } };
  const keys = { '/k1': KEY, '/k2': new Uint8Array(64).fill(9) };
  const two = [
    { id: 1, file: '/k1' },
    { id: 2, file: '/k2' },
  ];
  const begin = [base, { ...base, signing: { ...signing, mode: 'receive_only' as const } }, with1, { ...base, signing }];
  const sweeps: Readonly<Record<string, readonly VrrpInstanceConfig[]>> = {
    'from nothing to signed adverts alone': begin,
    'and back': begin.toReversed(),
    'from one key to another': [
      { ...base, signing },
      { ...base, signing: { ...signing, keys: two } },
      { ...base, signing: { ...signing, keys: two, activeKey: 2 } },
      { ...base, signing: { ...signing, keys: two.slice(1), activeKey: 2 } },
    ],
  };
  for (const [name, sweep] of Object.entries(sweeps))
    test(name, () => {
      const [first] = sweep;
      const sides = [side(first as VrrpInstanceConfig, keys), side(first as VrrpInstanceConfig, keys)] as const;
      const speak = () => {
        for (const [from, to, source] of [
          [sides[0], sides[1], '192.0.2.1'],
          [sides[1], sides[0], '192.0.2.2'],
        ] as const) {
          from.utc += 10;
          const [packet] = from.adverts.ready(source, 100);
          assert.equal(hear(to, source, (packet?.message ?? new Uint8Array()).slice()), 100);
        }
      };
      speak();
      for (const next of sweep.slice(1)) {
        for (const one of sides) {
          one.conf = next;
          one.adverts.clear();
          speak();
        }
      }
    });
});

test('a key that is another under the same number, or is not there, is refused', () => {
  const a = side({ ...base, signing });
  const [packet] = a.adverts.ready('192.0.2.1', 100);
  const payload = (packet?.message ?? new Uint8Array()).slice();
  assert.equal(hear(side({ ...base, signing }, { '/k1': new Uint8Array(32).fill(8) }), '192.0.2.1', payload), 'signature');
  const other = { ...signing, keys: [{ id: 3, file: '/k1' }], activeKey: 3 };
  assert.equal(hear(side({ ...base, signing: other }), '192.0.2.1', payload), 'key-id');
  assert.equal(hear(side({ ...base, signing }, {}), '192.0.2.1', payload), 'key-id');
  assert.equal(hear(side(base), '192.0.2.1', payload), 'signed');
});

describe('a successor', () => {
  const monotonic = { ...base, signing: { ...signing, antiReplay: 'monotonic' as const } };
  const through = (saved: SavedSigning | undefined) => readSavedSigning(JSON.parse(JSON.stringify(saved ?? null)));

  test('takes nothing that was taken before', () => {
    const a = side(monotonic);
    const before = side(monotonic);
    const [packet] = a.adverts.ready('192.0.2.1', 100);
    const payload = (packet?.message ?? new Uint8Array()).slice();
    assert.equal(hear(before, '192.0.2.1', payload), 100);
    const after = side(monotonic);
    after.signer.resume(through(before.signer.saved().signing));
    assert.equal(hear(after, '192.0.2.1', payload), 'replay');
  });

  test('is heard though the clock was put back meanwhile', () => {
    const a = side(monotonic);
    const b = side(monotonic);
    const send = (from: typeof a) =>
      hear(b, '192.0.2.1', (from.adverts.ready('192.0.2.1', 100)[0]?.message ?? new Uint8Array()).slice());
    assert.equal(send(a), 100);
    const left = through(a.signer.saved().signing);
    // Some more that nobody wrote down.
    for (let i = 0; i < 5; i++) assert.equal(send(a), 100);
    const again = side(monotonic);
    again.utc -= 3_600_000;
    again.signer.resume(left);
    assert.equal(send(again), 100);
  });

  test('believes only what has the form', () => {
    assert.equal(readSavedSigning(undefined), undefined);
    assert.equal(readSavedSigning({ sent: '1' }), undefined);
    assert.deepEqual(readSavedSigning({ sent: 5, heard: { '192.0.2.1': '-1', x: '1', '192.0.2.2': '7' } }), {
      heard: { '192.0.2.2': '7' },
    });
  });

  test('finds no key in what was written', () => {
    const a = side(monotonic);
    a.adverts.ready('192.0.2.1', 100);
    assert.ok(!JSON.stringify([a.signer.saved(), a.signer.report()]).includes('0707'));
  });
});
