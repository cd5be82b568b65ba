import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { SuspicionConfig } from '../../../src/config/types.js';
import {
  initialSuspicion,
  isDoubtful,
  isHeld,
  type SuspicionEvent,
  suspect,
  suspicionDeadline,
} from '../../../src/pool/suspicion.js';

const CONF: SuspicionConfig = { share: 0.6, minTargets: 5, hold: undefined, references: [], yields: false };
const INTERVAL = 2000;
const TIMING = { interval: INTERVAL, timeout: 1000 };

/** A world of checks, one or more a host; times are milliseconds from 0. */
function world(own: Partial<SuspicionConfig> = {}) {
  const conf = { ...CONF, ...own };
  const state = initialSuspicion();
  const told: string[] = [];
  const feed = (event: SuspicionEvent, now: number) => {
    for (const effect of suspect(conf, state, event, now)) told.push(`${effect.type}: ${effect.text}`);
  };
  const result = (host: number, ok: boolean, now: number, up = true, check = 'tcp') =>
    feed({ type: 'result', key: `${check}${host}`, host: `10.0.0.${host}`, timing: TIMING, ok, up }, now);
  const allUp = (count: number) => {
    for (let host = 1; host <= count; host++) result(host, true, 0);
  };
  /** Hosts 1 to `count` fail, evenly over so many ms. */
  const fail = (count: number, from: number, over: number) => {
    for (let host = 1; host <= count; host++) result(host, false, from + (over * (host - 1)) / count);
  };
  const kinds = () => told.map((one) => one.split(':')[0]);
  return { conf, state, told, feed, result, allUp, fail, kinds };
}

describe('who is suspected', () => {
  const TABLE: readonly (readonly [hosts: number, failing: number, own: Partial<SuspicionConfig>, suspects: boolean])[] = [
    [10, 1, {}, false],
    [10, 6, {}, false],
    [10, 7, {}, true],
    [10, 10, {}, true],
    [4, 4, {}, false],
    [5, 5, {}, true],
    [5, 3, {}, false],
    [100, 60, {}, false],
    [100, 61, {}, true],
    [4, 4, { minTargets: 2 }, true],
    [2, 1, { minTargets: 2, share: 0.4 }, false],
    [10, 5, { share: 0.4 }, true],
  ];
  for (const [hosts, failing, own, suspects] of TABLE)
    test(`${failing} of ${hosts} fail within an interval${JSON.stringify(own)}: ${suspects}`, () => {
      const one = world(own);
      one.allUp(hosts);
      one.fail(failing, 1000, 1900);
      assert.deepEqual(one.kinds(), suspects ? ['suspect'] : []);
    });

  test('those that fail one after the other, each an interval later, are the servers themselves', () => {
    const one = world();
    one.allUp(10);
    one.fail(10, 1000, 10 * 2 * INTERVAL);
    assert.deepEqual(one.told, []);
  });

  test('a host with many checks is one host', () => {
    const one = world();
    for (let i = 0; i < 10; i++) one.result(1, true, 0, true, `check${i}-`);
    one.allUp(2);
    for (let i = 0; i < 10; i++) one.result(1, false, 1000, true, `check${i}-`);
    assert.deepEqual(one.told, []);
  });

  test('what was down before counts neither as failing nor as a host', () => {
    const one = world();
    one.allUp(6);
    for (let host = 7; host <= 30; host++) one.result(host, false, 500, false);
    one.fail(5, 1000, 1000);
    assert.match(one.told[0] ?? '', /^suspect: 5 of 6 hosts that were up/);
  });

  test('one that went down by itself leaves the count', () => {
    const one = world();
    one.allUp(12);
    one.fail(5, 1000, 1000);
    for (let host = 1; host <= 5; host++) one.feed({ type: 'down', key: `tcp${host}` }, 3000);
    for (let host = 6; host <= 10; host++) one.result(host, false, 10_000 + host);
    assert.match(one.told[0] ?? '', /^suspect: 5 of 7 hosts/);
  });
});

describe('while it suspects itself', () => {
  const suspecting = (own: Partial<SuspicionConfig> = {}) => {
    const one = world(own);
    one.allUp(10);
    one.fail(10, 1000, 1000);
    assert.deepEqual(one.kinds(), ['suspect']);
    return one;
  };

  test('no failure counts, also of those that were taken out before it was known, and that begin later', () => {
    const one = suspecting();
    for (let host = 1; host <= 10; host++) assert.ok(isHeld(one.state, `tcp${host}`), `${host}`);
    one.feed({ type: 'down', key: 'tcp1' }, 3000);
    assert.ok(isHeld(one.state, 'tcp1'));
  });

  test('two intervals later, or when the file says, it was true', () => {
    for (const [own, ms] of [
      [{}, 2 * INTERVAL],
      [{ hold: 500 }, 500],
    ] as const) {
      const one = suspecting(own);
      const until = suspicionDeadline(one.state);
      // Seven of ten are most; the seventh fails 600 ms after the first.
      assert.equal(until, 1600 + ms);
      one.feed({ type: 'tick' }, until - 1);
      assert.deepEqual(one.kinds(), ['suspect']);
      one.feed({ type: 'tick' }, until);
      assert.deepEqual(one.kinds(), ['suspect', 'over']);
      assert.equal(isHeld(one.state, 'tcp1'), false);
      // The same failures go on: no second reason.
      for (let host = 1; host <= 10; host++) one.result(host, false, until + host, true);
      assert.deepEqual(one.kinds(), ['suspect', 'over']);
    }
  });

  test('without a word of the file nobody waits longer than ten seconds', () => {
    const one = world();
    const slow = { type: 'result', timing: { interval: 60_000, timeout: 1000 } } as const;
    for (const ok of [true, false])
      for (let host = 1; host <= 5; host++) one.feed({ ...slow, key: `${host}`, host: `10.0.0.${host}`, ok, up: true }, 1000);
    assert.equal(suspicionDeadline(one.state), 11_000);
  });

  test('when most answer again the others have one more probe; who still fails then has failed', () => {
    const one = suspecting({ hold: 60_000 });
    for (let host = 1; host <= 5; host++) one.result(host, true, 4000);
    assert.equal(suspicionDeadline(one.state), 61_600);
    one.result(6, true, 4001);
    assert.equal(suspicionDeadline(one.state), 4001 + TIMING.interval + TIMING.timeout);
    assert.ok(isHeld(one.state, 'tcp7'), 'its turn has not come');
    one.result(7, true, 5000);
    assert.equal(suspicionDeadline(one.state), 4001 + TIMING.interval + TIMING.timeout, 'it is put off no further');
    one.feed({ type: 'tick' }, 7001);
    assert.match(one.told[1] ?? '', /^over: 7 of 10 hosts answer again: verdicts count/);
  });

  test('when all answer again it ends at once', () => {
    const one = suspecting({ hold: 60_000 });
    for (let host = 1; host <= 10; host++) one.result(host, true, 4000 + host);
    assert.match(one.told[1] ?? '', /^over: all 10 hosts answer again/);
  });

  test('the end that was set is not put off by it', () => {
    const one = suspecting({ hold: 500 });
    for (let host = 1; host <= 6; host++) one.result(host, true, 2050);
    assert.equal(suspicionDeadline(one.state), 2100);
  });

  test('a reference that answers ends it at once', () => {
    const one = suspecting();
    one.feed({ type: 'reference', address: '192.0.2.1' }, 2100);
    assert.match(one.told[1] ?? '', /^over: 192\.0\.2\.1 answers: it is the real servers/);
    one.feed({ type: 'reference', address: '192.0.2.1' }, 2200);
    assert.equal(one.told.length, 2);
  });
});

describe('whether another director should serve', () => {
  const suspecting = () => {
    const one = world();
    one.allUp(10);
    assert.ok(!isDoubtful(one.state));
    one.fail(10, 1000, 1000);
    assert.ok(isDoubtful(one.state));
    return one;
  };

  test('no longer when most answer again, or a reference does', () => {
    const one = suspecting();
    for (let host = 1; host <= 6; host++) one.result(host, true, 4000);
    assert.ok(!isDoubtful(one.state));
    const other = suspecting();
    other.feed({ type: 'reference', address: '192.0.2.1' }, 2100);
    assert.ok(!isDoubtful(other.state));
  });

  test('when the time to hold ran out, until half of them answer or are no more', () => {
    for (const end of ['result', 'gone'] as const) {
      const one = suspecting();
      for (let host = 1; host <= 10; host++) one.feed({ type: 'down', key: `tcp${host}` }, 3000);
      one.feed({ type: 'tick' }, 60_000);
      for (let host = 1; host <= 5; host++) {
        assert.ok(isDoubtful(one.state), `${host}`);
        one.result(host, false, 61_000, false);
        if (end === 'result') one.result(host, true, 62_000, false);
        else one.feed({ type: 'gone', key: `tcp${host}` }, 62_000);
      }
      assert.ok(!isDoubtful(one.state));
    }
  });
});

/** What the counts would be, counted from nothing. */
function recount({ seen, fresh, held }: ReturnType<typeof initialSuspicion>) {
  const hosts = new Map<string, { checks: number; failing: number; fresh: number; held: number }>();
  for (const [key, { host, failedAt }] of seen) {
    const one = hosts.get(host) ?? { checks: 0, failing: 0, fresh: 0, held: 0 };
    hosts.set(host, {
      checks: one.checks + 1,
      failing: one.failing + (failedAt === undefined ? 0 : 1),
      fresh: one.fresh + (fresh.has(key) ? 1 : 0),
      held: one.held + (held?.keys.has(key) ? 1 : 0),
    });
  }
  const all = [...hosts.values()];
  const counts = {
    fresh: all.filter((one) => one.fresh > 0).length,
    held: all.filter((one) => one.held > 0).length,
    failing: all.filter((one) => one.held > 0 && one.failing > 0).length,
  };
  return [hosts, counts];
}

test('whatever comes: the counts are right, what is held is known, and a hold ends', () => {
  const event = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('result'), host: fc.integer({ min: 1, max: 8 }), ok: fc.boolean() }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constantFrom('down', 'gone'), host: fc.integer({ min: 1, max: 8 }), ok: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('tick', 'reference'), host: fc.constant(1), ok: fc.boolean() }) },
  );
  const steps = fc.array(fc.tuple(event, fc.integer({ min: 0, max: 900 })), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (list) => {
      const one = world({ minTargets: 2 });
      let now = 0;
      for (const [{ kind, host, ok }, wait] of list) {
        now += wait;
        const key = `tcp${host}`;
        if (kind === 'result') one.result(host, ok, now, ok || one.state.seen.has(key));
        else if (kind === 'down' || kind === 'gone') one.feed({ type: kind, key }, now);
        else if (kind === 'reference') one.feed({ type: 'reference', address: '192.0.2.1' }, now);
        one.feed({ type: 'tick' }, now);
        assert.deepEqual([one.state.hosts, one.state.counts], recount(one.state));
        for (const held of one.state.held?.keys ?? []) assert.ok(one.state.seen.has(held));
        for (const fresh of one.state.fresh) assert.notEqual(one.state.seen.get(fresh)?.failedAt, undefined);
        assert.ok(suspicionDeadline(one.state) > now);
      }
      const kinds = one.kinds();
      assert.ok(
        kinds.every((kind, i) => kind === (i % 2 === 0 ? 'suspect' : 'over')),
        kinds.join(),
      );
    }),
    { numRuns: 300 },
  );
});

test('ten thousand checks that fail and come back together cost no more than each for itself', () => {
  const one = world();
  const each = (ok: boolean, from: number) => {
    for (let i = 0; i < 10_000; i++) one.result(i % 5000, ok, from + i / 10, true, `check${i}-`);
  };
  const began = performance.now();
  each(true, 0);
  each(false, 2000);
  each(true, 4000);
  assert.deepEqual(one.kinds(), ['suspect', 'over']);
  // A fifth of a second; counted anew for each result it is a minute.
  assert.ok(performance.now() - began < 5000);
});
