/** What an instance watches of itself: lateness, refused adverts by sender, neighbours that do not answer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOUNCEMENTS } from '../../../../src/base/announcements.js';
import { countRefusal, createCounters } from '../../../../src/daemon/vrrp/counters.js';
import { createLateness } from '../../../../src/daemon/vrrp/lateness.js';
import type { HostInterface } from '../../../../src/daemon/vrrp/types.js';
import { createVerifier } from '../../../../src/daemon/vrrp/verifier.js';
import type { Answer } from '../../../../src/os/neighbour-question.js';
import { conf as instance } from '../../../fake/directors.js';

test('lateness: the worst, the worst of the last minute, and percentiles that never exceed it', () => {
  const late = createLateness();
  assert.deepEqual(late.report(0), { adverts: 0, max_ms: 0, last_minute_ms: 0, p50_ms: 0, p99_ms: 0 });
  for (let i = 0; i < 200; i++) late.note(i === 0 ? 400 : 0.3, i * 100);
  assert.deepEqual(late.report(20_000), { adverts: 200, max_ms: 400, last_minute_ms: 400, p50_ms: 0.5, p99_ms: 0.5 });
  assert.equal(late.report(59_999).last_minute_ms, 400);
  assert.equal(late.report(60_000).last_minute_ms, 0.3);
  late.note(70_000, 1e6);
  late.note(-5, 1e6);
  assert.equal(late.report(1e6).max_ms, 70_000);
});

test('refusals are kept by reason and sender, and a flood of senders does not grow', () => {
  const counters = createCounters();
  for (let i = 0; i < 1000; i++) countRefusal(counters, 'password', `10.0.${i % 200}.1`, i);
  countRefusal(counters, 'password', '10.0.199.1', 1000);
  const known = counters.refused.get('password');
  assert.equal(known?.count, 1001);
  assert.equal(known?.senders.size, 8);
  assert.deepEqual([...(known?.senders ?? [])].at(-1), ['10.0.199.1', { count: 2, last: 1000 }]);
});

const on = { index: 2, name: 'eth0', mac: new Uint8Array(6) } as HostInterface;

function neighbourhood(verify: (typeof ANNOUNCEMENTS)['verify'], gateway?: string) {
  let now = 0;
  let answer: ((one: Answer) => void) | undefined;
  const done: string[] = [];
  const told: string[] = [];
  const conf = { ...instance(3, 1000, 100, true), announcements: { ...ANNOUNCEMENTS, verify } };
  const announcer = {
    announce: (_on: unknown, addresses: readonly string[]) => void done.push(`announce ${addresses.join(' ')}`),
    ask: (_on: unknown, address: string, neighbour: string) => void done.push(`ask ${neighbour} for ${address}`),
    cancel: () => {},
  };
  const verifier = createVerifier({
    host: { now: () => now, announcer, log: () => {} },
    conf: () => conf,
    tell: (text) => told.push(text),
    gateway: () => gateway,
    watch: (_family, _on, _own, answered) => {
      answer = answered;
      return {
        close() {
          answer = undefined;
        },
      };
    },
  });
  return {
    verifier,
    told,
    answer: (address: string, neighbour: string) => answer?.({ address, neighbour }),
    listens: () => answer !== undefined,
    take: () => done.splice(0),
    pass(to: number) {
      for (let due = verifier.deadline(); due <= to; due = verifier.deadline()) {
        now = due;
        verifier.tick();
      }
      now = to;
    },
  };
}

test('each neighbour is asked for each address; answers end it, and the socket goes', () => {
  const { verifier, answer, take, listens } = neighbourhood(['192.0.2.1', '192.0.2.3']);
  verifier.announced(on, ['192.0.2.10']);
  assert.deepEqual(take(), ['ask 192.0.2.1 for 192.0.2.10', 'ask 192.0.2.3 for 192.0.2.10']);
  assert.equal(verifier.report().verify, 'running');
  answer('192.0.2.10', '192.0.2.1');
  answer('192.0.2.99', '192.0.2.3');
  assert.equal(verifier.report().verify, 'running');
  answer('192.0.2.10', '192.0.2.3');
  assert.deepEqual(verifier.report(), { verify: 'verified', text: '192.0.2.1, 192.0.2.3 answers to every address' });
  assert.equal(listens(), false);
  verifier.announced(on, ['192.0.2.10']);
  assert.deepEqual(take(), [], 'the rounds of one burst are asked about once');
});

test('without an answer it announces and asks again, tells once after three seconds, and tells the end', () => {
  const { verifier, answer, take, pass, told } = neighbourhood('gateway', '192.0.2.1');
  verifier.announced(on, ['192.0.2.10', '192.0.2.11']);
  answer('192.0.2.10', '192.0.2.1');
  take();
  pass(2900);
  assert.deepEqual(told, []);
  assert.deepEqual(take().slice(0, 2), ['announce 192.0.2.11', 'ask 192.0.2.1 for 192.0.2.11'], 'only what is missing');
  pass(70_000);
  assert.deepEqual(told, ['192.0.2.1 does not answer to 192.0.2.11: packets may still go to another host']);
  assert.equal(verifier.report().verify, 'failed');
  const often = take().length;
  assert.ok(often > 100 && often < 160, `${often} frames within a minute`);
  pass(130_000);
  assert.ok(take().length <= 14, 'and then seldom');
  answer('192.0.2.11', '192.0.2.1');
  assert.equal(verifier.report().verify, 'verified');
  assert.equal(told.length, 2);
});

test('nobody to ask is said, and the end of being master ends it', () => {
  const lonely = neighbourhood('gateway');
  lonely.verifier.announced(on, ['192.0.2.10']);
  assert.deepEqual(lonely.verifier.report(), { verify: 'impossible', text: 'eth0 has no default gateway to ask' });
  const one = neighbourhood(['192.0.2.1']);
  one.verifier.announced(on, ['192.0.2.10']);
  one.verifier.end();
  assert.equal(one.listens(), false);
  assert.equal(one.verifier.deadline(), Number.POSITIVE_INFINITY);
  assert.equal(one.verifier.report().verify, 'off');
});
