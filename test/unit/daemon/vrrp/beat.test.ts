import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBeat, withBeats } from '../../../../src/daemon/vrrp/beat.js';
import type { Rtnetlink } from '../../../../src/os/rtnetlink.js';

test('between changes of addresses everybody is asked, once a millisecond, and never within the asking', () => {
  let now = 0;
  const beats: number[] = [];
  const rtnetlink = {
    addAddress: () => {
      now += 0.3;
      return 'added' as const;
    },
    deleteAddress: () => 'deleted' as const,
  } as unknown as Rtnetlink;
  const prefix = { address: '192.0.2.10', length: 24 };
  const other = {
    beat() {
      beats.push(Math.round(now * 10));
      // It restores an address meanwhile.
      paced.addAddress(2, prefix);
    },
  };
  const paced = withBeats(
    rtnetlink,
    ['addAddress', 'deleteAddress'],
    createBeat(
      () => now,
      () => [other],
    ),
  );
  for (let i = 0; i < 10; i++) assert.equal(paced.addAddress(2, prefix), 'added');
  assert.deepEqual(beats, [0, 15, 30]);
  now = 100;
  assert.equal(paced.deleteAddress(2, prefix), 'deleted');
  assert.equal(beats.length, 4);
});
