import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Passage } from '../../../src/config/types.js';
import { freeMark, passageKey, passageService, recognize } from '../../../src/pool/passage.js';

const RANGE = { first: 100, last: 103 };
const DR: Passage = { address: '10.0.0.21', forward: 'dr' };
const tun = (type: 'ipip' | 'gue' | 'gre', port = 0): Passage => ({
  address: '10.0.0.21',
  forward: 'tun',
  tunnel: { type, port, checksum: 'none' },
});

test('a passage is one service of a mark with one real server, its weight 1 and no port of its own', () => {
  const { id, destinations, flags } = passageService(100, 4, tun('gue', 6080));
  assert.deepEqual(id, { kind: 'fwmark', family: 4, fwmark: 100 });
  assert.deepEqual(
    [...destinations],
    [
      [
        '10.0.0.21:0',
        { address: '10.0.0.21', port: 0, forward: 'tun', weight: 1, upper: 0, lower: 0, tunType: 1, tunPort: 6080, tunFlags: 0 },
      ],
    ],
  );
  assert.equal(flags, 4, 'one-packet: no datagram leaves an entry');
});

test('what makes another passage: family, address, forwarding, tunnel', () => {
  const all = [
    passageKey(4, DR),
    passageKey(6, DR),
    passageKey(4, { ...DR, address: '10.0.0.22' }),
    passageKey(4, tun('ipip')),
    passageKey(4, tun('gre')),
    passageKey(4, tun('gue', 1)),
    passageKey(4, tun('gue', 2)),
  ];
  assert.equal(new Set(all).size, all.length);
  assert.equal(passageKey(4, tun('gue', 1)), passageKey(4, structuredClone(tun('gue', 1))));
});

test('a later life recognizes what an earlier one has made, and nothing else', () => {
  for (const passage of [DR, tun('gue', 6080)])
    assert.deepEqual(recognize(passageService(101, 4, passage), RANGE), { mark: 101, key: passageKey(4, passage) });
  const one = passageService(101, 4, DR);
  assert.equal(recognize(one, { first: 1, last: 100 }), undefined, 'another range');
  assert.equal(recognize({ ...one, destinations: new Map() }, RANGE), undefined, 'nobody in it');
  const two = new Map([...one.destinations, ...passageService(1, 4, { ...DR, address: '10.0.0.22' }).destinations]);
  assert.equal(recognize({ ...one, destinations: two }, RANGE), undefined, 'two in it');
});

test('marks are given in turn, round the range', () => {
  const taken = new Set<number>([101, 102]);
  const isTaken = (mark: number) => taken.has(mark);
  assert.equal(freeMark(RANGE, 100, isTaken), 100);
  assert.equal(freeMark(RANGE, 101, isTaken), 103);
  taken.add(103);
  assert.equal(freeMark(RANGE, 101, isTaken), 100);
  taken.add(100);
  assert.equal(freeMark(RANGE, 102, isTaken), undefined);
});
