import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { CheckTiming } from '../../../src/config/types.js';
import { deadline, initial, isRunning, step } from '../../../src/health/machine.js';
import type { Beginning, HealthEffect, HealthEvent, HealthState, ProbeResult, ResultRecord } from '../../../src/health/types.js';

const timing: CheckTiming = { interval: 2000, timeout: 1000, rise: 2, fall: 3 };
const good: ProbeResult = { ok: true, local: false, reason: 'connected', duration: 1 };
const bad: ProbeResult = { ok: false, local: false, reason: 'connection refused', duration: 1 };
const ours: ProbeResult = { ok: false, local: true, reason: 'too many open files on this director', duration: 1 };

/** A machine on a table: every event and what came of it. */
function bench(beginning: Beginning = {}, own: CheckTiming = timing, offset = 0) {
  let state: HealthState = initial(own, 0, offset, beginning);
  let latest: ResultRecord | undefined;
  /** What it does but for the result that it tells. */
  const send = (event: HealthEvent): readonly HealthEffect[] => {
    const [next, effects] = step(own, state, event);
    state = next;
    const [first, ...others] = effects;
    if (first?.type !== 'ended') return effects;
    latest = first.result;
    return others;
  };
  const tick = (now: number) => send({ type: 'tick', now });
  const result = (now: number, answer: ProbeResult) => send({ type: 'result', now, id: state.probes, result: answer });
  return {
    tick,
    result,
    send,
    get state() {
      return state;
    },
    get latest() {
      return latest;
    },
    /** One whole probe: starts at its beat, ends 10 ms later. */
    probe(answer: ProbeResult) {
      const at = state.nextAt;
      const started = tick(at);
      assert.deepEqual(started, [{ type: 'start', id: state.probes }]);
      return result(at + 10, answer);
    },
  };
}

const up: Beginning = { remembered: { verdict: 'up', since: -5000, reason: 'connected' } };
const down: Beginning = { remembered: { verdict: 'down', since: -5000, reason: 'connection refused' } };

describe('first decision', () => {
  test('rise successes bring it up', () => {
    const one = bench();
    assert.deepEqual(one.probe(good), []);
    assert.deepEqual(one.probe(good), [{ type: 'verdict', from: 'unknown', to: 'up', reason: 'connected (2 of 2 successes)' }]);
    assert.equal(one.state.since, 2010);
  });

  test('one failure brings it down', () => {
    const effects = bench().probe(bad);
    assert.deepEqual(effects, [{ type: 'verdict', from: 'unknown', to: 'down', reason: 'connection refused (first result)' }]);
  });

  test('a serving server is given fall failures', () => {
    const one = bench({ serving: true });
    assert.deepEqual(one.probe(bad), []);
    assert.deepEqual(one.probe(bad), []);
    assert.deepEqual(one.probe(bad), [
      { type: 'verdict', from: 'unknown', to: 'down', reason: 'connection refused (3 of 3 failures)' },
    ]);
  });

  test('a remembered verdict is where it goes on', () => {
    const one = bench(up);
    assert.equal(one.state.verdict, 'up');
    assert.equal(one.state.since, -5000);
    one.probe(bad);
    one.probe(bad);
    assert.equal(one.state.verdict, 'up');
    one.probe(bad);
    assert.equal(one.state.verdict, 'down');
  });
});

describe('rise and fall', () => {
  test('count consecutive results only', () => {
    const one = bench(up);
    for (const answer of [bad, bad, good, bad, bad, good]) assert.deepEqual(one.probe(answer), []);
    const two = bench(down);
    for (const answer of [good, bad, good, bad]) assert.deepEqual(two.probe(answer), []);
    two.probe(good);
    assert.deepEqual(two.probe(good).length, 1);
  });

  test("the director's own failures are no evidence", () => {
    const one = bench(up);
    for (let i = 0; i < 10; i++) assert.deepEqual(one.probe(ours), []);
    one.probe(bad);
    one.probe(bad);
    one.probe(ours);
    assert.equal(one.state.verdict, 'up');
    assert.equal(one.state.streak.count, 2);
    assert.equal(one.probe(bad).length, 1);
    const fresh = bench();
    assert.deepEqual(fresh.probe(ours), []);
    assert.equal(fresh.state.verdict, 'unknown');
    assert.equal(fresh.latest?.reason, ours.reason);
  });
});

describe('the schedule', () => {
  test('runs from start to start and does not drift with late ticks', () => {
    const one = bench(up, timing, 300);
    let at = 300;
    for (let i = 0; i < 50; i++) {
      assert.equal(deadline(one.state), at);
      assert.deepEqual(one.tick(at - 1), []);
      assert.equal(one.tick(at + 7).length, 1);
      assert.equal(deadline(one.state), at + 7 + timing.timeout);
      one.result(at + 400, good);
      at += timing.interval;
    }
  });

  test('missed beats are skipped, in phase', () => {
    const one = bench(up, timing, 100);
    assert.deepEqual(one.tick(100 + 5 * 2000 + 500), []);
    assert.equal(one.state.nextAt, 100 + 6 * 2000);
  });

  test('a probe longer than the interval skips the beats that it covers', () => {
    const slow = { ...timing, timeout: 3000, interval: 1000 };
    const one = bench(up, slow);
    one.tick(0);
    assert.deepEqual(one.tick(1000), []);
    one.result(2500, good);
    assert.equal(one.state.nextAt, 3000);
  });
});

describe('the deadline', () => {
  test('decides by itself: cancel, and a failure like any other', () => {
    const one = bench(up);
    one.tick(0);
    assert.deepEqual(one.tick(999.9), []);
    assert.deepEqual(one.tick(1000), [{ type: 'cancel', id: 1 }]);
    assert.equal(one.latest?.reason, 'no answer within 1s');
    assert.equal(one.state.streak.count, 1);
    assert.equal(one.state.nextAt, 2000);
  });

  test('the answer to a probe that was given up is ignored', () => {
    const one = bench(up);
    one.tick(0);
    one.tick(1000);
    const before = one.state;
    assert.deepEqual(one.send({ type: 'result', now: 1001, id: 1, result: good }), []);
    assert.equal(one.state, before);
    one.tick(2000);
    assert.deepEqual(one.send({ type: 'result', now: 2001, id: 1, result: bad }), []);
    assert.deepEqual([isRunning(one.state), one.state.probes], [true, 2]);
  });

  test('timeout equal to the interval: the next probe starts with the verdict on the last', () => {
    const one = bench(up, { ...timing, timeout: 2000, fall: 1 });
    one.tick(0);
    const effects = one.tick(2000.4);
    assert.deepEqual(
      effects.map((effect) => effect.type),
      ['cancel', 'verdict', 'start'],
    );
    assert.equal(one.state.nextAt, 4000);
  });

  test('counts from the launch of a probe that was held back', () => {
    const one = bench(up);
    one.tick(0);
    one.send({ type: 'launched', now: 5000, id: 1 });
    assert.equal(deadline(one.state), 6000);
    one.send({ type: 'launched', now: 5500, id: 9 });
    assert.equal(deadline(one.state), 6000);
    one.result(5200, good);
    assert.equal(one.state.nextAt, 6000);
  });
});

describe('a stall of the process', () => {
  test("is nobody's failure: the probe is run again", () => {
    const one = bench(up, { ...timing, fall: 1 });
    one.tick(0);
    const effects = one.tick(31_000);
    assert.deepEqual(effects, [
      { type: 'cancel', id: 1 },
      { type: 'start', id: 2 },
    ]);
    assert.equal(one.state.verdict, 'up');
    assert.equal(one.latest?.reason, 'not judged: lbd itself did not run for 30s');
    assert.equal(deadline(one.state), 32_000);
    assert.deepEqual(one.result(31_005, bad).length, 1);
  });

  test('a lateness within the timeout or a second still decides', () => {
    const one = bench(up, { ...timing, fall: 1 });
    one.tick(0);
    assert.equal(one.tick(2000).length, 3);
    assert.equal(one.state.verdict, 'down');
    const quick = bench(up, { ...timing, timeout: 100, fall: 1 });
    quick.tick(0);
    quick.tick(1099);
    assert.equal(quick.state.verdict, 'down');
  });

  test('after it a success counts, a failure is run again', () => {
    const one = bench(up, { ...timing, fall: 1 });
    one.tick(0);
    assert.deepEqual(one.result(60_000, bad), [{ type: 'start', id: 2 }]);
    assert.equal(one.state.verdict, 'up');
    const two = bench(down, { ...timing, rise: 1 });
    two.tick(0);
    assert.equal(two.result(60_000, good).length, 1);
  });
});

const answer = fc.constantFrom(good, bad, ours);
const event = fc.oneof(
  fc.record({ kind: fc.constant('tick' as const), wait: fc.double({ min: 0, max: 9000, noNaN: true }) }),
  fc.record({
    kind: fc.constant('result' as const),
    wait: fc.double({ min: 0, max: 1500, noNaN: true }),
    answer,
    stale: fc.boolean(),
  }),
);
const anyTiming = fc.record({
  interval: fc.integer({ min: 50, max: 5000 }),
  timeout: fc.integer({ min: 10, max: 6000 }),
  rise: fc.integer({ min: 1, max: 4 }),
  fall: fc.integer({ min: 1, max: 4 }),
});

test('a state that is changed in place becomes what its copy does, and one that is copied stays as it was', () => {
  fc.assert(
    fc.property(anyTiming, fc.nat(100), fc.array(event, { maxLength: 80 }), (own, jitter, events) => {
      const timed = { ...own, jitter };
      let copied = initial(timed, 0, 0);
      let changed = initial(timed, 0, 0);
      let now = 0;
      for (const one of events) {
        now += one.wait;
        const id = one.kind === 'result' && !one.stale ? copied.probes : 0;
        const sent: HealthEvent = one.kind === 'tick' ? { type: 'tick', now } : { type: 'result', now, id, result: one.answer };
        const before = structuredClone(copied);
        const [next, effects] = step(timed, copied, sent);
        assert.deepEqual(copied, before);
        const [same, told] = step(timed, changed, sent, true);
        assert.deepEqual([same, told], [next, effects]);
        [copied, changed] = [next, same];
      }
    }),
    { numRuns: 300 },
  );
});

test('whatever happens: one probe at a time, in phase, and a verdict only on rise or fall results', () => {
  fc.assert(
    fc.property(anyTiming, fc.nat(4000), fc.array(event, { maxLength: 80 }), (own, offset, events) => {
      let state = initial(own, 0, offset);
      let now = 0;
      let open: number | undefined;
      for (const one of events) {
        now += one.wait;
        const id = one.kind === 'result' && !one.stale ? state.probes : 0;
        if (one.kind === 'result' && id === open) open = undefined;
        const before = state;
        const sent: HealthEvent = one.kind === 'tick' ? { type: 'tick', now } : { type: 'result', now, id, result: one.answer };
        const [next, effects] = step(own, state, sent);
        const ended = effects.findIndex(({ type }) => type === 'ended');
        assert.equal(ended, isRunning(before) && (!isRunning(next) || next.probes !== before.probes) ? 0 : -1);
        for (const effect of effects) {
          if (effect.type === 'ended') continue;
          if (effect.type === 'cancel') {
            assert.equal(effect.id, open);
            open = undefined;
          } else if (effect.type === 'start') {
            assert.equal(open, undefined);
            open = effect.id;
          } else assert.ok(effect.from === before.verdict && effect.to !== effect.from);
        }
        assert.equal(isRunning(next) ? next.probes : undefined, open);
        const beats = (next.nextAt - offset) / own.interval;
        assert.ok(Math.abs(beats - Math.round(beats)) < 1e-6, `off the phase: ${beats}`);
        if (next.verdict !== before.verdict) {
          const needed = next.verdict === 'up' ? own.rise : before.verdict === 'unknown' ? 1 : own.fall;
          assert.ok(next.streak.count === needed && next.streak.ok === (next.verdict === 'up'));
        }
        state = next;
      }
    }),
    { numRuns: 300 },
  );
});

describe('intervals of their own', () => {
  const own: CheckTiming = { interval: 1000, intervalDown: 5000, intervalChanging: 200, timeout: 100, rise: 2, fall: 2 };
  /** Starts of probes until `until`, whose answers take 10 ms. */
  function beats(timing: CheckTiming, answers: (at: number) => boolean, until: number): number[] {
    let state = initial(timing, 0, 0);
    const starts: number[] = [];
    for (let now = 0; now <= until; now = deadline(state)) {
      [state] = step(timing, state, { type: 'tick', now });
      if (!isRunning(state)) continue;
      starts.push(Math.round(now));
      const result = { ok: answers(now), local: false, reason: '', duration: 10 };
      [state] = step(timing, state, { type: 'result', now: now + 10, id: state.probes, result });
    }
    return starts;
  }

  test('a verdict on its way is sought faster, one of down is looked at rarely', () => {
    assert.deepEqual(
      beats(own, (at) => at < 1000 || at >= 6000, 8000),
      // Two successes to come up; one failure at 1200, another one 200 ms later; down each 5 s; a success at 6400, up 200 ms later.
      [0, 200, 1200, 1400, 6400, 6600, 7600],
    );
  });

  test('sooner than the timeout: who fails at once is asked again after it, who hangs when that probe is over, and no two at a time', () => {
    const timing: CheckTiming = { interval: 10_000, intervalChanging: 200, timeout: 5000, rise: 1, fall: 3 };
    assert.deepEqual(
      beats({ ...timing, rise: 2 }, (at) => at < 5000, 30_000),
      [0, 200, 10_200, 10_400, 10_600, 20_600],
    );

    const [told, ends]: [string[], number[]] = [[], []];
    let hanging = initial(timing, 0, 0, up);
    for (let now = 0; now <= 15_000; now = deadline(hanging)) {
      const [next, effects] = step(timing, hanging, { type: 'tick', now });
      hanging = next;
      for (const { type } of effects) told.push(`${now} ${type}`);
      if (effects.some(({ type }) => type === 'verdict')) ends.push(now);
    }
    assert.deepEqual(told.slice(0, 5), ['0 start', '5000 ended', '5000 cancel', '5000 start', '10000 ended']);
    assert.deepEqual(ends, [15_000], 'down with the third');
  });

  test('jitter moves every beat within its share, and never the ones after it', () => {
    const timing: CheckTiming = { interval: 1000, jitter: 10, timeout: 100, rise: 1, fall: 2 };
    const starts = beats(timing, () => true, 1_000_000);
    assert.ok(
      starts.every((at, i) => Math.abs(at - i * 1000) <= 101),
      'no beat is further away than its share',
    );
    const moved = new Set(starts.map((at, i) => at - i * 1000));
    assert.ok(moved.size > 100, `${moved.size} different moves`);
    assert.ok(Math.max(...moved) > 80 && Math.min(...moved) < -80, 'the share is used');
  });

  test('what a server asks for its weight stays until it says something else', () => {
    let state = initial(own, 0, 0);
    const say = (ok: boolean, share?: number) => {
      [state] = step(own, state, { type: 'tick', now: state.nextAt });
      const result = { ok, local: false, reason: '', duration: 1, ...(share === undefined ? {} : { share }) };
      [state] = step(own, state, { type: 'result', now: state.nextAt, id: state.probes, result });
      return state.share;
    };
    assert.deepEqual([say(true, 50), say(false), say(true, 0), say(true)], [50, 50, 0, undefined]);
  });
});
