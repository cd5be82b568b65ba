/** Packets and whole frames captured from keepalived 2.2.7, and the RFC 9568 forms of the same, both ways and byte for byte. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fromHex, toHex } from '../../src/base/bytes.js';
import { ipFromBytes } from '../../src/base/ip.js';
import { gratuitousArp, isAnnouncement, parseArp } from '../../src/wire/arp.js';
import { encodeIpv4, parseIpv4 } from '../../src/wire/ipv4.js';
import { parseNeighborAdvertFrame, unsolicitedNeighborAdvert } from '../../src/wire/ndp.js';
import {
  type Advert,
  AUTH_NONE,
  AUTH_PASS,
  decodeAdvert,
  encodeAdvert,
  type Flow,
  IPPROTO_VRRP,
  NO_AUTH,
  passwordData,
  VRRP_GROUP,
  VRRP_TTL,
} from '../../src/wire/vrrp.js';

interface Golden {
  readonly vrrp: readonly {
    readonly id: string;
    readonly vrrp_payload_hex: string;
    readonly captured_frame_hex: string | null;
  }[];
  readonly frames: Readonly<Record<string, string>>;
}

const golden = JSON.parse(readFileSync(new URL('../../../test/golden/wire-golden.json', import.meta.url), 'utf8')) as Golden;
const flow4: Flow = { source: '192.0.2.1', destination: VRRP_GROUP[4] };
const flow6: Flow = { source: 'fe80::ff:fe00:101', destination: VRRP_GROUP[6] };
const vips = (...last: number[]) => last.map((one) => `192.0.2.${one}`);
const vips6 = ['fe80::5e:30', '2001:db8:1::100'];

const v2 = (vrid: number, priority: number, addresses: readonly string[], password?: string): Advert => ({
  version: 2,
  vrid,
  priority,
  interval: 1000,
  addresses,
  authType: password ? AUTH_PASS : AUTH_NONE,
  authData: password ? passwordData(password) : NO_AUTH,
});
const v3 = (vrid: number, priority: number, interval: number, addresses: readonly string[]): Advert => ({
  version: 3,
  vrid,
  priority,
  interval,
  addresses,
  authType: AUTH_NONE,
  authData: NO_AUTH,
});

/** What each packet of the file was made of, in its own words; a p or n at the end of a name tells the checksum's form. */
const inputs: Readonly<Record<string, Advert>> = {
  G1: v2(10, 100, vips(100), 's3cret'),
  G2: v2(11, 150, vips(111, 112)),
  G3p: v3(20, 200, 500, vips(120)),
  G3n: v3(20, 200, 500, vips(120)),
  G4p: v3(21, 254, 1000, vips(121, 122, 123)),
  G4n: v3(21, 254, 1000, vips(121, 122, 123)),
  G5: v3(30, 120, 1000, vips6),
  G6a: v2(10, 0, vips(100), 's3cret'),
  G6p: v3(20, 0, 500, vips(120)),
  G6n: v3(20, 0, 500, vips(120)),
  G6v6: v3(30, 0, 1000, vips6),
  G7: v2(11, 0, vips(111, 112)),
  G8p: v3(21, 0, 1000, vips(121, 122, 123)),
  G9p: v3(20, 100, 1000, vips(120)),
  G9n: v3(20, 100, 1000, vips(120)),
  G10: v3(30, 100, 1000, vips6),
  G11: v2(10, 100, vips(100), 's3cretlo-and-more'),
};

describe('VRRP adverts', () => {
  test('the file holds what this test knows', () => {
    assert.deepEqual(golden.vrrp.map((one) => one.id).sort(), Object.keys(inputs).sort());
  });

  for (const { id, vrrp_payload_hex: hex, captured_frame_hex: frame } of golden.vrrp) {
    const advert = inputs[id] as Advert;
    const flow = advert.addresses[0]?.includes(':') ? flow6 : flow4;
    const form = id.endsWith('n') ? 'rfc9568' : 'pseudo';
    test(`${id} is encoded`, () => assert.equal(toHex(encodeAdvert(advert, flow, form)), hex));
    test(`${id} is decoded`, () => assert.deepEqual(decodeAdvert(fromHex(hex), flow), { ok: true, advert, form }));
    if (frame) test(`${id} in its captured frame`, () => (flow === flow4 ? checkFrame4 : checkFrame6)(fromHex(frame), hex));
  }
});

function checkFrame4(frame: Uint8Array, payload: string): void {
  const packet = parseIpv4(frame.subarray(14));
  assert.ok(packet);
  const { payload: inside, ...header } = packet;
  assert.deepEqual(header, { tos: 0xc0, id: packet.id, ttl: VRRP_TTL, protocol: IPPROTO_VRRP, ...flow4 });
  assert.equal(toHex(inside), payload);
  assert.equal(toHex(encodeIpv4(packet)), toHex(frame.subarray(14)));
}

function checkFrame6(frame: Uint8Array, payload: string): void {
  assert.equal(frame[20], IPPROTO_VRRP);
  assert.equal(frame[21], VRRP_TTL);
  assert.equal(ipFromBytes(frame.subarray(22, 38)), flow6.source);
  assert.equal(ipFromBytes(frame.subarray(38, 54)), flow6.destination);
  assert.equal(toHex(frame.subarray(54)), payload);
}

describe('announcements', () => {
  for (const [name, hex] of Object.entries(golden.frames)) {
    const frame = fromHex(hex);
    const mac = frame.slice(6, 12);
    if (name.startsWith('garp_')) {
      const ip = name.split('_')[2] as string;
      test(`${name} both ways`, () => {
        assert.equal(toHex(gratuitousArp(mac, ip)), hex);
        const message = parseArp(frame);
        assert.ok(message && isAnnouncement(message));
        assert.deepEqual([message.senderIp, toHex(message.senderMac), message.operation], [ip, toHex(mac), 1]);
      });
    } else {
      const ip = ipFromBytes(fromHex(name.split('_')[2] as string));
      test(`${name} both ways`, () => {
        assert.equal(toHex(unsolicitedNeighborAdvert(mac, ip, false)), hex);
        const expected = { target: ip, router: false, solicited: false, override: true, mac };
        assert.deepEqual(parseNeighborAdvertFrame(frame), expected);
      });
    }
  }
});
