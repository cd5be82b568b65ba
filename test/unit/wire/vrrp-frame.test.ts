import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../../src/base/bytes.js';
import { parseIpv4 } from '../../../src/wire/ipv4.js';
import { virtualMac, vrrpFrame } from '../../../src/wire/vrrp-frame.js';

/** Captured from keepalived 2.2.7 with use_vmac: VRID 20, priority 100, 192.0.2.120. */
const CAPTURED = fromHex('01005e00001200005e000114080045c0002000010000ff701899c0000201e0000012311464010064057dc0000278');

test('over IPv4 it is what keepalived sends, but for the number of the packet', () => {
  const sent = vrrpFrame(4, virtualMac(4, 20), '192.0.2.1', CAPTURED.subarray(34));
  assert.equal(toHex(sent.subarray(0, 14)), toHex(CAPTURED.subarray(0, 14)));
  const { id: _, ...packet } = parseIpv4(sent.subarray(14)) ?? assert.fail();
  const { id: __, ...theirs } = parseIpv4(CAPTURED.subarray(14)) ?? assert.fail();
  assert.deepEqual(packet, theirs);
});

test('over IPv6', () => {
  const sent = vrrpFrame(6, virtualMac(6, 0x33), 'fe80::1', Uint8Array.of(0x31, 0x33));
  assert.equal(
    toHex(sent),
    `33330000001200005e00023386dd6c000000000270ff${'fe80'.padEnd(31, '0')}1${'ff02'.padEnd(30, '0')}123133`,
  );
});
