import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Passage } from '../../../../src/config/types.js';
import { createPassages } from '../../../../src/daemon/check/passages.js';
import type { CheckSpec } from '../../../../src/health/types.js';
import type { Service } from '../../../../src/ipvs/types.js';

const RANGE = { first: 100, last: 104 };
const timing = { interval: 1000, timeout: 500, rise: 1, fall: 1 };
const passage = (host: number): Passage => ({ address: `10.0.0.${host}`, forward: 'dr' });
/** A check of 10.0.0.`host` by an address of a virtual server. */
const spec = (key: string, host: number, vip = '192.0.2.10'): CheckSpec => ({
  key,
  check: { type: 'tcp', via: 'vip', passage: passage(host), connect: vip, port: 80, ...timing },
  address: vip,
  port: 80,
});

function world() {
  const wanted = new Map<string, Service>();
  const passages = createPassages((key, service) => void (service ? wanted.set(key, service) : wanted.delete(key)));
  const table = () => [...wanted].map(([key, { destinations }]) => `${key} ${[...destinations.keys()]}`).sort();
  const markOf = (host: number) => passages.find(4, passage(host))?.mark;
  return { passages, wanted, table, markOf };
}

test('checks of one real server share a passage, for every virtual server of a family, until the last of them is gone', () => {
  const { passages, table } = world();
  passages.use(RANGE);
  passages.change([spec('a', 1), spec('b', 1, '192.0.2.11'), spec('c', 2), spec('d', 1, '2001:db8::10')], []);
  const all = ['fwmark/100 10.0.0.1:0', 'fwmark/101 10.0.0.2:0', 'fwmark/102/inet6 10.0.0.1:0'];
  assert.deepEqual(table(), all);
  passages.change([], ['a']);
  assert.deepEqual(table(), all);
  passages.change([], ['b']);
  assert.deepEqual(table(), all.slice(1));
});

test('checks of other kinds have none', () => {
  const { passages, table } = world();
  passages.use(RANGE);
  passages.change([{ key: 'x', check: { type: 'tcp', port: 80, ...timing }, address: '10.0.0.1', port: 80 }], []);
  passages.change([], ['x', 'never seen']);
  assert.deepEqual(table(), []);
});

test('a mark that was given back rests; when all others are taken it is given again', () => {
  const { passages, markOf } = world();
  passages.use(RANGE);
  passages.change([spec('a', 1), spec('b', 2)], []);
  passages.change([spec('c', 3)], ['a']);
  assert.equal(markOf(3), 102, 'not the one of 10.0.0.1');
  passages.change([spec('d', 4), spec('e', 5), spec('f', 6), spec('g', 7)], []);
  assert.deepEqual([4, 5, 6, 7].map(markOf), [103, 104, 100, undefined]);
  passages.change([], ['b']);
  assert.equal(markOf(7), 101, 'whoever waits gets what becomes free');
});

test('a changed check of the same real server keeps the mark', () => {
  const { passages, markOf } = world();
  passages.use(RANGE);
  passages.change([spec('a', 1)], []);
  passages.change([spec('a2', 1)], ['a']);
  assert.equal(markOf(1), 100);
});

test('a restarted daemon goes on with the marks that the kernel has', () => {
  const before = world();
  before.passages.use(RANGE);
  before.passages.change([spec('a', 1), spec('b', 2), spec('c', 3)], []);
  const after = world();
  after.passages.use(RANGE, before.wanted.values());
  after.passages.change([spec('n', 9), spec('c', 3), spec('b', 2)], []);
  assert.deepEqual([3, 2].map(after.markOf), [102, 101]);
  assert.equal(after.markOf(9), 103, "nobody else's");
});

test('another range: everything gets a mark of it, and the old ones go', () => {
  const { passages, table } = world();
  passages.use(RANGE);
  passages.change([spec('a', 1), spec('b', 2)], []);
  passages.use({ first: 200, last: 300 });
  assert.deepEqual(table(), ['fwmark/200 10.0.0.1:0', 'fwmark/201 10.0.0.2:0']);
});
