/** ARP, neighbour advertisements and the IPv4 header on input that nobody meant well. The good input is in test/golden. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../src/base/bytes.js';
import { checksum16 } from '../../../src/base/checksum.js';
import {
  ARP_REPLY,
  ARP_REQUEST,
  arpQuestion,
  encodeArpBroadcast,
  gratuitousArp,
  isAnnouncement,
  parseArp,
} from '../../../src/wire/arp.js';
import { encodeIpv4, parseIpv4 } from '../../../src/wire/ipv4.js';
import {
  encodeNeighborAdvert,
  neighborSolicit,
  parseNeighborAdvert,
  parseNeighborAdvertFrame,
  unsolicitedNeighborAdvert,
} from '../../../src/wire/ndp.js';

const mac = fromHex('020000000101');

test('ARP: cut frames, other hardware and other protocols are nothing', () => {
  const frame = gratuitousArp(mac, '192.0.2.10');
  for (let length = 0; length < frame.length; length++) assert.equal(parseArp(frame.subarray(0, length)), undefined);
  for (const [at, value] of [
    [12, 0x86],
    [15, 6],
    [16, 0x86],
    [18, 8],
    [19, 16],
  ] as const) {
    const changed = frame.slice();
    changed[at] = value;
    assert.equal(parseArp(changed), undefined, `byte ${at}`);
  }
});

test('ARP: padding is left off; a reply between two hosts announces nothing', () => {
  const reply = { operation: ARP_REPLY, senderMac: mac, senderIp: '192.0.2.1', targetMac: mac, targetIp: '192.0.2.2' };
  const padded = new Uint8Array(60);
  padded.set(encodeArpBroadcast(reply));
  assert.deepEqual(parseArp(padded), reply);
  assert.equal(isAnnouncement(reply), false);
  assert.equal(isAnnouncement({ ...reply, targetIp: '192.0.2.1' }), true);
});

test('NA: cut at any length or with a changed bit it is nothing', () => {
  const frame = unsolicitedNeighborAdvert(mac, '2001:db8::10', true);
  assert.equal(parseNeighborAdvertFrame(frame)?.router, true);
  for (let length = 0; length < frame.length; length++)
    assert.equal(parseNeighborAdvertFrame(frame.subarray(0, length)), undefined);
  for (let at = 54; at < frame.length; at++) {
    const changed = frame.slice();
    changed[at] = (changed[at] as number) ^ 1;
    assert.equal(parseNeighborAdvertFrame(changed), undefined, `byte ${at}`);
  }
  const hop = frame.slice();
  hop[21] = 254;
  assert.equal(parseNeighborAdvertFrame(hop), undefined);
});

test('NA: the MAC is found behind other options, and not behind a broken one', () => {
  const advert = { target: '2001:db8::10', router: false, solicited: true, override: false, mac: undefined };
  const bare = encodeNeighborAdvert(advert, 'fe80::1', 'fe80::2');
  assert.deepEqual(parseNeighborAdvert(bare), advert);
  const other = fromHex('0e01 000000000000');
  const option = fromHex('0201 020000000101');
  assert.deepEqual(parseNeighborAdvert(Uint8Array.of(...bare, ...other, ...option))?.mac, mac);
  assert.equal(parseNeighborAdvert(Uint8Array.of(...bare, 0x0e, 0, ...option))?.mac, undefined);
  assert.equal(parseNeighborAdvert(Uint8Array.of(...bare, 0x0e, 9, ...option))?.mac, undefined);
  assert.equal(parseNeighborAdvert(fromHex(`8700${'00'.repeat(22)}`)), undefined);
});

test('IPv4: options are skipped, padding left off, nonsense refused', () => {
  const packet = encodeIpv4({
    tos: 0,
    id: 1,
    ttl: 255,
    protocol: 112,
    source: '192.0.2.1',
    destination: '224.0.0.18',
    payload: fromHex('0102'),
  });
  const withOptions = Uint8Array.of(0x46, ...packet.subarray(1, 3), 26, ...packet.subarray(4, 20), 1, 1, 1, 1, 7, 8, 9);
  assert.deepEqual(parseIpv4(withOptions)?.payload, fromHex('0708'));
  for (let length = 0; length < packet.length; length++) assert.equal(parseIpv4(packet.subarray(0, length)), undefined);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const parsed = parseIpv4(bytes);
      assert.ok(parsed === undefined || parsed.payload.length <= bytes.length - 20);
    }),
  );
});

test('questions in the name of an address: a request, and a solicitation as RFC 4861 lays it out', () => {
  assert.deepEqual(parseArp(arpQuestion(mac, '192.0.2.10', '192.0.2.1')), {
    operation: ARP_REQUEST,
    senderMac: mac,
    senderIp: '192.0.2.10',
    targetMac: new Uint8Array(6),
    targetIp: '192.0.2.1',
  });
  const ethernet = '3333ff345678' + '020000000101' + '86dd';
  const header = '60000000' + '0020' + '3a' + 'ff';
  const [source, group] = ['20010db8000000000000000000000010', 'ff0200000000000000000001ff345678'];
  const target = 'fe800000000000000000000012345678';
  const frame = toHex(neighborSolicit(mac, '2001:db8::10', 'fe80::1234:5678'));
  const rest = `00000000${target}0101020000000101`;
  assert.equal(frame.replace(/^(.{108}8700).{4}/, '$1____'), `${ethernet}${header}${source}${group}8700____${rest}`);
  // The sum over pseudo-header and message comes out as zero, as in what a neighbour takes.
  const pseudo = fromHex(`${source}${group}000000200000003a`);
  assert.equal(checksum16(pseudo, fromHex(frame).subarray(54)), 0);
});
