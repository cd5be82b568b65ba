import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../src/base/bytes.js';
import { ipFromBytes } from '../../../src/base/ip.js';
import {
  type Advert,
  type AdvertRefusal,
  AUTH_NONE,
  AUTH_PASS,
  decodeAdvert,
  encodeAdvert,
  type Flow,
  NO_AUTH,
  passwordData,
  peekVrid,
  VRRP_GROUP,
} from '../../../src/wire/vrrp.js';

const REFUSALS: readonly AdvertRefusal[] = ['truncated', 'version', 'type', 'length', 'checksum', 'zero-interval'];

const flow4: Flow = { source: '192.0.2.1', destination: VRRP_GROUP[4] };
const flow6: Flow = { source: 'fe80::1', destination: VRRP_GROUP[6] };

const ip4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(ipFromBytes);
const ip6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(ipFromBytes);
const byte = fc.integer({ min: 0, max: 255 });
const count = { minLength: 1, maxLength: 20 };

const oldAdvert: fc.Arbitrary<Advert> = fc.record(
  {
    version: fc.constant(2 as const),
    vrid: byte,
    priority: byte,
    interval: fc.integer({ min: 1, max: 255 }).map((seconds) => seconds * 1000),
    addresses: fc.array(ip4, count),
    authType: fc.constantFrom(AUTH_NONE, AUTH_PASS, 2),
    authData: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  },
  { noNullPrototype: true },
);
const newAdvert = (address: fc.Arbitrary<string>): fc.Arbitrary<Advert> =>
  fc.record(
    {
      version: fc.constant(3 as const),
      vrid: byte,
      priority: byte,
      interval: fc.integer({ min: 1, max: 4095 }).map((centiseconds) => centiseconds * 10),
      addresses: fc.array(address, count),
      authType: fc.constant(AUTH_NONE),
      authData: fc.constant(NO_AUTH),
    },
    { noNullPrototype: true },
  );
const form = fc.constantFrom('pseudo' as const, 'rfc9568' as const);
const sample = fc.oneof(
  fc.tuple(oldAdvert, fc.constant(flow4), fc.constant('pseudo' as const)),
  fc.tuple(newAdvert(ip4), fc.constant(flow4), form),
  fc.tuple(newAdvert(ip6), fc.constant(flow6), fc.constant('pseudo' as const)),
);

const refusalOf = (bytes: Uint8Array, flow: Flow): AdvertRefusal | undefined => {
  const decoded = decodeAdvert(bytes, flow);
  return decoded.ok ? undefined : decoded.refusal;
};

describe('any advert', () => {
  test('comes back as it was', () => {
    fc.assert(
      fc.property(sample, ([advert, flow, form]) => {
        assert.deepEqual(decodeAdvert(encodeAdvert(advert, flow, form), flow), { ok: true, advert, form });
      }),
    );
  });

  test('cut at any length is truncated', () => {
    fc.assert(
      fc.property(sample, ([advert, flow, form]) => {
        const bytes = encodeAdvert(advert, flow, form);
        for (let length = 0; length < bytes.length; length++)
          assert.equal(refusalOf(bytes.subarray(0, length), flow), 'truncated');
      }),
      { numRuns: 30 },
    );
  });

  test('with a byte too many has a wrong length', () => {
    fc.assert(
      fc.property(sample, ([advert, flow, form]) => {
        assert.equal(refusalOf(Uint8Array.of(...encodeAdvert(advert, flow, form), 0), flow), 'length');
      }),
    );
  });

  test('with one bit of its checksum or of its addresses flipped has a wrong checksum', () => {
    fc.assert(
      fc.property(sample, fc.nat(), fc.integer({ min: 0, max: 7 }), ([advert, flow, form], at, bit) => {
        const bytes = encodeAdvert(advert, flow, form);
        const place = 6 + (at % (bytes.length - 6));
        bytes[place] = (bytes[place] as number) ^ (1 << bit);
        const decoded = decodeAdvert(bytes, flow);
        // A sum without the pseudo-header can by chance be the sum with it; never the same form.
        assert.ok(!decoded.ok ? decoded.refusal === 'checksum' : decoded.form !== form);
      }),
    );
  });
});

test('garbage gets one of the declared refusals', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(flow4, flow6), (bytes, flow) => {
      const refusal = refusalOf(bytes, flow);
      assert.ok(refusal === undefined || REFUSALS.includes(refusal));
    }),
    { numRuns: 2000 },
  );
});

describe('each refusal has its cause', () => {
  const good: Advert = {
    version: 3,
    vrid: 20,
    priority: 200,
    interval: 500,
    addresses: ['192.0.2.120'],
    authType: AUTH_NONE,
    authData: NO_AUTH,
  };
  const bytes = () => encodeAdvert(good, flow4, 'rfc9568');

  test('version 4, and version 2 over IPv6', () => {
    const packet = bytes();
    packet[0] = 0x41;
    assert.deepEqual(decodeAdvert(packet, flow4), { ok: false, refusal: 'version', version: 4 });
    assert.equal(refusalOf(fromHex('21 0a 64 01 00 01 0000 c0000264 0000000000000000'), flow6), 'version');
  });

  test('type 2', () => {
    const packet = bytes();
    packet[0] = 0x32;
    assert.equal(refusalOf(packet, flow4), 'type');
  });

  test('no address at all', () => {
    for (const version of [2, 3] as const) {
      const decoded = decodeAdvert(encodeAdvert({ ...good, version, addresses: [], interval: 1000 }, flow4, 'rfc9568'), flow4);
      assert.deepEqual(decoded.ok && decoded.advert.addresses, []);
    }
  });

  test('interval 0', () => {
    assert.equal(refusalOf(encodeAdvert({ ...good, interval: 0 }, flow4, 'rfc9568'), flow4), 'zero-interval');
    assert.equal(refusalOf(encodeAdvert({ ...good, version: 2, interval: 0 }, flow4, 'rfc9568'), flow4), 'zero-interval');
  });

  test('the pseudo-header covers where it came from', () => {
    const packet = encodeAdvert(good, flow4, 'pseudo');
    assert.equal(refusalOf(packet, flow4), undefined);
    assert.equal(refusalOf(packet, { ...flow4, source: '192.0.2.9' }), 'checksum');
  });
});

test('reserved bits are ignored', () => {
  const packet = fromHex('3114c801 f032 543e c0000278');
  const decoded = decodeAdvert(packet, flow4);
  assert.ok(decoded.ok);
  assert.equal(decoded.advert.interval, 500);
});

test('a password is padded or cut to eight bytes', () => {
  assert.equal(toHex(passwordData('ab')), '6162000000000000');
  assert.equal(toHex(passwordData('123456789')), '3132333435363738');
});

test('the VRID is found in whatever has two bytes', () => {
  assert.equal(peekVrid(fromHex('3114')), 20);
  assert.equal(peekVrid(fromHex('31')), undefined);
});
