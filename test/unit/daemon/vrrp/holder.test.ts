import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OsError } from '../../../../src/base/errors.js';
import { formatPrefix, type Prefix, parsePrefix } from '../../../../src/base/ip.js';
import { createHolder } from '../../../../src/daemon/vrrp/holder.js';
import type { Host } from '../../../../src/daemon/vrrp/types.js';
import type { Address } from '../../../../src/os/rtnetlink.js';

const prefix = (text: string): Prefix => parsePrefix(text) as Prefix;
const A = prefix('192.0.2.10/24');
const B = prefix('192.0.2.11/24');

/** A kernel with one interface; `marks` false: one that knows no marks of addresses. */
function kernel(marks = true) {
  const present = new Map<string, Address>();
  const events: string[] = [];
  const calls: string[] = [];
  let refuse = false;
  const put = (one: Prefix, own: boolean) =>
    present.set(formatPrefix(one), {
      ...one,
      index: 2,
      family: 4,
      own,
      secondary: false,
      tentative: false,
      duplicate: false,
      label: undefined,
      scope: undefined,
    });
  const host = {
    network: { at: () => undefined, link: () => ({ index: 2, name: 'eth0' }), addresses: () => [] },
    rtnetlink: {
      addresses: () => [...present.values()],
      addAddress(_index: number, one: Prefix) {
        calls.push(`+${one.address}`);
        if (refuse) throw new OsError({ op: 'adding', errno: 13, object: one.address });
        if (present.has(formatPrefix(one))) return 'exists';
        put(one, marks);
        return 'added';
      },
      deleteAddress(_index: number, one: Prefix) {
        calls.push(`-${one.address}`);
        return present.delete(formatPrefix(one)) ? 'deleted' : 'missing';
      },
    },
    awaitLocal: () => true,
    event: (_kind: string, _subject: string, text: string) => void events.push(text),
    log: () => {},
  } as unknown as Host;
  const setRefuse = (on: boolean) => {
    refuse = on;
  };
  return { host, present, put, events, calls, refuse: setRefuse };
}

test('only the difference is done', () => {
  const { host, calls } = kernel();
  const holder = createHolder(host, 'VI_1', 'eth0', []);
  assert.deepEqual(holder.reconcile([A, B]), [A, B]);
  assert.deepEqual(holder.reconcile([A, B]), []);
  assert.deepEqual(holder.reconcile([B]), []);
  assert.deepEqual(holder.reconcile([]), []);
  assert.deepEqual(calls, ['+192.0.2.10', '+192.0.2.11', '-192.0.2.10', '-192.0.2.11']);
});

test('what a predecessor left is held already', () => {
  const { host, put, calls } = kernel();
  put(A, true);
  const holder = createHolder(host, 'VI_1', 'eth0', [A]);
  assert.deepEqual(holder.reconcile([A]), []);
  assert.deepEqual(calls, []);
  holder.reconcile([]);
  assert.deepEqual(calls, ['-192.0.2.10']);
});

test('an address of somebody else is told once and never removed; one with our mark is ours', () => {
  const { host, put, events, present } = kernel();
  put(A, false);
  put(B, true);
  const holder = createHolder(host, 'VI_1', 'eth0', []);
  for (let i = 0; i < 2; i++) holder.reconcile([A, B]);
  assert.equal(events.length, 1);
  assert.deepEqual(holder.held(), [B]);
  holder.reconcile([]);
  assert.deepEqual([...present.keys()], ['192.0.2.10/24']);
});

test('old news of a removal costs nothing, also where the kernel has no marks', () => {
  for (const marks of [true, false]) {
    const { host, events } = kernel(marks);
    const holder = createHolder(host, 'VI_1', 'eth0', []);
    holder.reconcile([A]);
    holder.lost('eth0', A);
    assert.equal(holder.isHeld(A), false);
    assert.deepEqual(holder.reconcile([A]), []);
    assert.equal(holder.isHeld(A), true);
    assert.deepEqual(events, []);
  }
});

test('what was really removed is added again', () => {
  const { host, present } = kernel();
  const holder = createHolder(host, 'VI_1', 'eth0', []);
  holder.reconcile([A]);
  present.clear();
  holder.lost('eth0', A);
  assert.deepEqual(holder.reconcile([A]), [A]);
});

test('a refusal is told once, lacking until it works', () => {
  const { host, events, refuse } = kernel();
  const holder = createHolder(host, 'VI_1', 'eth0', []);
  refuse(true);
  for (let i = 0; i < 2; i++) assert.deepEqual(holder.reconcile([A]), []);
  assert.equal(holder.lacking(), true);
  assert.equal(holder.lacks(A), true);
  assert.match(events.join(), /192\.0\.2\.10\/24 cannot be added to eth0: .*EACCES/);
  assert.equal(events.length, 1);
  refuse(false);
  assert.deepEqual(holder.reconcile([A]), [A]);
  assert.equal(holder.lacking(), false);
});
