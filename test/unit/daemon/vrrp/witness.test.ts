import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex } from '../../../../src/base/bytes.js';
import type { HostInterface } from '../../../../src/daemon/vrrp/types.js';
import { createWitness } from '../../../../src/daemon/vrrp/witness.js';
import type { Answer } from '../../../../src/os/neighbour-question.js';
import { initial } from '../../../../src/vrrp/machine.js';
import type { VrrpState } from '../../../../src/vrrp/types.js';
import { conf as instance } from '../../../fake/directors.js';

const on = { index: 2, name: 'eth0', mac: fromHex('020000000101') } as HostInterface;

test('witnesses are asked from an interval and a half before the wait ends, by a quarter, and not while a master is heard', () => {
  let now = 0;
  let answer: ((one: Answer) => void) | undefined;
  let answers = 0;
  const asked: string[] = [];
  const conf = { ...instance(3, 1000, 100, true), witness: ['192.0.2.1', '192.0.2.3'] };
  const witness = createWitness({
    host: {
      now: () => now,
      network: { link: () => on, addresses: () => [], at: () => undefined, reload: () => {}, take: () => [] },
      announcer: { announce() {}, cancel() {}, ask: (_on, address, to) => void asked.push(`${now} ${address} ${to}`) },
      log: () => {},
    },
    conf: () => conf,
    answered: () => void answers++,
    asks: () => assert.fail('witnesses are configured'),
    watch: (_family, _on, _own, answered) => {
      answer = answered;
      return {
        close() {
          answer = undefined;
        },
      };
    },
  });
  const backup: VrrpState = {
    ...initial(0),
    phase: 'backup',
    masterInterval: 1000,
    downAt: 3600,
    link: { usable: true, source: '192.0.2.2' },
  };
  const tick = (at: number, state: VrrpState) => {
    now = at;
    witness.tick(state);
  };
  assert.equal(witness.deadline(backup), 2100);
  tick(2000, backup);
  assert.deepEqual(asked, []);
  tick(2100, backup);
  assert.deepEqual(asked.splice(0), ['2100 192.0.2.2 192.0.2.1', '2100 192.0.2.2 192.0.2.3']);
  answer?.({ address: '192.0.2.2', neighbour: '192.0.2.99' });
  assert.equal(answers, 0, 'somebody else');
  answer?.({ address: '192.0.2.2', neighbour: '192.0.2.3' });
  assert.equal(answers, 1);
  assert.equal(witness.deadline(backup), 2350);
  tick(2200, backup);
  assert.deepEqual(asked, []);
  tick(2350, { ...backup, heldBack: true });
  assert.equal(asked.splice(0).length, 2);
  tick(2600, { ...backup, downAt: 6000 });
  assert.deepEqual([asked, answer], [[], undefined]);
  for (const other of [
    { ...backup, phase: 'master' as const },
    { ...backup, peer: { address: '192.0.2.3', priority: 0, heardAt: 0 } },
  ])
    assert.equal(witness.deadline(other), Number.POSITIVE_INFINITY);
});
