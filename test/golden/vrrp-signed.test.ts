/**
 * Signed adverts against the fixed images of the draft (draft-cassen-vrrp-auth-hmac, appendix) as keepalived 2.4.2 tests itself with
 * them: test/auth_hmac_test.c of 2.4.2, arrays ipv4_vec and ipv6_vec, and its table of one changed byte each. Data alone is taken.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromHex, toHex } from '../../src/base/bytes.js';
import type { SigningConfig } from '../../src/config/types.js';
import { judgeSignature, type SignatureRefusal } from '../../src/vrrp/signing.js';
import { type Advert, decodeAdvert, encodeUnsigned, type Flow, NO_AUTH, sealAdvert } from '../../src/wire/vrrp.js';
import { isSignedWith, readTrailer, signAdvert, TRAILER } from '../../src/wire/vrrp-trailer.js';

const KEY = fromHex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');
const SEQUENCE = 0x6800000080000000n;

interface Image {
  readonly flow: Flow;
  readonly address: string;
  readonly hex: string;
}

const IMAGES: Readonly<Record<string, Image>> = {
  // The checksum is that of the message alone.
  IPv4: {
    flow: { source: '198.51.100.10', destination: '224.0.0.18' },
    address: '192.0.2.100',
    hex: '3133c80100644402c0000264' + '010100006800000080000000' + '1b84bc4e8e43892dc6d98448f8ee2265',
  },
  // The checksum covers the trailer.
  IPv6: {
    flow: { source: 'fe80::10', destination: 'fe80::20' },
    address: 'fe80::100',
    hex: '3133c8010064a2e9fe800000000000000000000000000100' + '010100006800000080000000' + 'c8c56146ebfd66ee10ec4d8186461b78',
  },
};

const advertOf = ({ address }: Image): Advert => ({
  version: 3,
  vrid: 51,
  priority: 200,
  interval: 1000,
  addresses: [address],
  authType: 0,
  authData: NO_AUTH,
});

/** The time in the images is long over. */
const conf: SigningConfig = { keys: [{ id: 1, file: '/k' }], activeKey: 1, mode: 'enforce', antiReplay: 'monotonic', window: 5 };

function judge(bytes: Uint8Array, source: string): SignatureRefusal | undefined {
  const verify = (id: number) => (id === 1 ? isSignedWith(bytes, source, KEY) : undefined);
  return judgeSignature(conf, [], { source, trailer: readTrailer(bytes), verify }, 0, 8).signature.refusal;
}

for (const [name, image] of Object.entries(IMAGES)) {
  describe(`the ${name} image`, () => {
    const { flow, hex } = image;

    test('is decoded and verifies', () => {
      const decoded = decodeAdvert(fromHex(hex), flow);
      const trailer = { type: 1, keyId: 1, reserved: 0, sequence: SEQUENCE };
      assert.deepEqual(decoded, { ok: true, advert: advertOf(image), form: name === 'IPv4' ? 'rfc9568' : 'pseudo', trailer });
      assert.equal(judge(fromHex(hex), flow.source), undefined);
    });

    test('is made', () => {
      const bytes = encodeUnsigned(advertOf(image), flow, 'rfc9568');
      const signed = bytes.slice();
      signAdvert(signed, flow.source, 1, KEY, SEQUENCE);
      sealAdvert(bytes, flow, signed.subarray(signed.length - TRAILER));
      assert.equal(toHex(bytes), hex);
    });

    test('is of this sender, this VRID and this version alone', () => {
      assert.equal(judge(fromHex(hex), name === 'IPv4' ? '198.51.100.11' : 'fe80::20'), 'signature');
      for (const [at, value] of [
        [1, 52],
        [0, 0x21],
      ] as const) {
        const bytes = fromHex(hex);
        bytes[at] = value;
        assert.equal(judge(bytes, flow.source), 'signature');
      }
    });
  });
}

/** Byte of the IPv6 image that is changed in one bit, and what comes of it. */
const CHANGES: readonly (readonly [string, number, SignatureRefusal | undefined])[] = [
  ['priority', 2, 'signature'],
  ['interval', 4, 'signature'],
  ['checksum', 6, undefined],
  ['address', 23, 'signature'],
  ['type of the trailer', 24, 'trailer'],
  ['key id', 25, 'key-id'],
  ['reserved', 26, 'trailer'],
  ['seconds', 28, 'signature'],
  ['counter', 34, 'signature'],
  ['HMAC', 36, 'signature'],
];

for (const [what, at, expected] of CHANGES)
  test(`another ${what}: ${expected ?? 'verifies'}`, () => {
    const bytes = fromHex((IMAGES.IPv6 as Image).hex);
    bytes[at] = (bytes[at] as number) ^ 1;
    assert.equal(judge(bytes, 'fe80::10'), expected);
  });
