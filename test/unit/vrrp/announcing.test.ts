import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOUNCEMENTS, type Announcements } from '../../../src/base/announcements.js';
import type { VrrpInstanceConfig } from '../../../src/config/types.js';
import { deadline, initial, step } from '../../../src/vrrp/machine.js';
import type { Received, VrrpEvent, VrrpState } from '../../../src/vrrp/types.js';
import { AUTH_NONE, NO_AUTH, VRRP_GROUP } from '../../../src/wire/vrrp.js';
import { conf as instance } from '../../fake/directors.js';

type Happening = VrrpEvent extends infer E ? (E extends VrrpEvent ? Omit<E, 'now'> : never) : never;

function master(announcements: Partial<Announcements>) {
  let conf: VrrpInstanceConfig = { ...instance(3, 1000, 255, true), announcements: { ...ANNOUNCEMENTS, ...announcements } };
  let state: VrrpState = initial(0);
  const at: number[] = [];
  const deliver = (event: Happening, now: number) => {
    const [next, effects] = step(conf, state, { ...event, now } as VrrpEvent);
    state = next;
    for (const one of effects) if (one.type === 'announce') at.push(now);
  };
  deliver({ type: 'start', link: { usable: true, source: '192.0.2.2' }, gate: { forwarding: 'ready', reason: '' } }, 0);
  return {
    deliver,
    /** When announcements were made, to the end of that time. */
    until(end: number): number[] {
      for (let due = deadline(state); due <= end; due = deadline(state)) deliver({ type: 'tick' }, due);
      return at.splice(0);
    },
    reconfigure(next: Partial<Announcements>, now: number) {
      const before = conf;
      conf = { ...conf, announcements: { ...ANNOUNCEMENTS, ...next } };
      deliver({ type: 'reconfigured', before }, now);
    },
  };
}

const other: Received = {
  source: '192.0.2.1',
  destination: VRRP_GROUP[4],
  ttl: 255,
  decoded: {
    ok: true,
    form: 'pseudo',
    advert: {
      version: 3,
      vrid: 51,
      priority: 90,
      interval: 1000,
      addresses: ['192.0.2.10'],
      authType: AUTH_NONE,
      authData: NO_AUTH,
    },
  },
};

test('as usual: two bursts of five, and a refresh each minute', () => {
  const burst = (from: number) => [0, 50, 150, 350, 750].map((ms) => from + ms);
  assert.deepEqual(master({}).until(130_000), [...burst(0), ...burst(5000), 65_000, 125_000]);
});

test('one round and no more where that is asked for', () => {
  assert.deepEqual(master({ repeat: 1, delay: 0, refresh: 0 }).until(600_000), [0]);
});

test('many rounds do not drift apart without end', () => {
  const times = master({ repeat: 12, delay: 0, refresh: 0 }).until(60_000);
  assert.equal(times.length, 12);
  assert.equal((times.at(-1) as number) - (times.at(-2) as number), 1000);
});

test('a refresh may be of several rounds, and runs while the second burst is still to come', () => {
  const times = master({ repeat: 1, delay: 3000, refresh: 2000, refreshRepeat: 2 }).until(6000);
  assert.deepEqual(times, [0, 2000, 2050, 3000, 5000, 5050]);
});

test('after another master was heard as often as is said for that, or not at all', () => {
  const once = master({ repeat: 1, delay: 0, refresh: 0, otherMaster: { repeat: 2, delay: 2000 } });
  once.until(10_000);
  once.deliver({ type: 'advert', received: other }, 10_000);
  assert.deepEqual(once.until(20_000), [10_000, 10_050, 12_000, 12_050]);
  const never = master({ repeat: 1, delay: 0, refresh: 0, otherMaster: { repeat: 0, delay: 0 } });
  never.until(10_000);
  never.deliver({ type: 'advert', received: other }, 10_000);
  assert.deepEqual(never.until(20_000), []);
});

test('a reload changes the refresh of a running master, and announces nothing by itself', () => {
  const one = master({ repeat: 1, delay: 0, refresh: 0 });
  one.until(10_000);
  one.reconfigure({ repeat: 1, delay: 0, refresh: 4000 }, 10_000);
  assert.deepEqual(one.until(19_000), [14_000, 18_000]);
  one.reconfigure({ repeat: 1, delay: 0, refresh: 0 }, 19_000);
  assert.deepEqual(one.until(60_000), []);
});
