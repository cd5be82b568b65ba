import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { CheckConfig } from '../../../../src/config/types.js';
import { createHeap, type Timed } from '../../../../src/daemon/check/heap.js';
import type { CheckRunner } from '../../../../src/daemon/check/scheduler.js';
import { checkSpec } from '../../../../src/health/key.js';
import type { CheckSpec, ProbeResult } from '../../../../src/health/types.js';
import { checkWorld, type Server } from '../../../fake/check-world.js';

const check: CheckConfig = { type: 'tcp', port: undefined, interval: 2000, timeout: 1000, rise: 1, fall: 2 };
const spec = (index: number, own: Partial<CheckConfig> = {}): CheckSpec =>
  checkSpec({ ...check, ...own } as CheckConfig, `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, 80);
const many = (count: number, own: Partial<CheckConfig> = {}): CheckSpec[] =>
  Array.from({ length: count }, (_, i) => spec(i, own));

const good: ProbeResult = { ok: true, local: false, reason: 'connected', duration: 1 };
const bad: ProbeResult = { ok: false, local: false, reason: 'connection refused', duration: 1 };

const placesOf = ({ runner }: { runner: CheckRunner }) => {
  const { running, waiting } = runner.load();
  return { running, waiting };
};

const prompt: Server = () => ({ after: 3, result: good });
const silent: Server = () => undefined;

describe('a runner', () => {
  test('brings three checks up at once, and keeps the beat of each', () => {
    const one = checkWorld(prompt);
    one.runner.reconcile(many(3), () => ({}));
    assert.equal(one.runner.undecided(), 3);
    one.advance(60);
    assert.deepEqual(
      one.verdicts.map((verdict) => verdict.at),
      // What is due soon after a wake waits for more of its kind.
      [3, 53, 53],
    );
    assert.equal(one.runner.undecided(), 0);
    one.advance(20_000);
    const first = one.starts.filter((start) => start.address === '10.0.0.0').map((start) => start.at);
    assert.deepEqual(first, [0, 2000, 4000, 6000, 8000, 10_000, 12_000, 14_000, 16_000, 18_000, 20_000]);
    one.runner.close();
  });

  test('a silent server is cancelled at each deadline and down after fall of them', () => {
    const one = checkWorld(silent);
    one.runner.reconcile([spec(1)], () => ({ remembered: { verdict: 'up', since: 0, reason: '' } }));
    one.advance(1000);
    assert.equal(one.open.size, 0);
    one.advance(1999);
    assert.deepEqual(one.verdicts, []);
    one.advance(1);
    assert.deepEqual(one.verdicts, [{ at: 3000, key: spec(1).key, text: 'up -> down' }]);
    assert.deepEqual(
      one.results.map(({ result }) => result.reason),
      ['no answer within 1s', 'no answer within 1s'],
    );
    one.runner.close();
  });

  test('5,000 checks are spread over the interval, and stay so', () => {
    const one = checkWorld(prompt);
    one.runner.reconcile(many(5000), () => ({}));
    one.advance(2000 + 2000 * 5 - 1);
    for (let from = 0; from < 12_000; from += 200) {
      const count = one.starts.filter((start) => start.at >= from && start.at < from + 200).length;
      // Starts of up to 50 ms go together.
      assert.ok(count >= 370 && count <= 630, `${count} starts in the 200 ms from ${from}`);
    }
    assert.equal(one.verdicts.length, 5000);
    // A timer for each deadline would be 60,000 and more.
    assert.ok(one.arms() <= one.starts.length * 2 + 10, `${one.arms()} timers for ${one.starts.length} probes`);
    one.runner.close();
    assert.equal(one.open.size, 0);
  });

  test('reconcile keeps what is known, drops and cancels what is gone, begins what is new', () => {
    const one = checkWorld(silent);
    one.runner.reconcile(many(3), () => ({}));
    one.advance(500);
    const kept = one.runner.state(spec(1).key);
    assert.equal(one.open.size, 3);
    const asked: string[] = [];
    one.runner.reconcile([spec(4), spec(1)], (key) => {
      asked.push(key);
      return { remembered: { verdict: 'down', since: 7, reason: 'as before' } };
    });
    assert.deepEqual(asked, [spec(4).key]);
    assert.equal(one.runner.state(spec(1).key), kept);
    assert.equal(one.runner.state(spec(0).key), undefined);
    assert.equal(one.open.size, 1);
    assert.equal(one.runner.state(spec(4).key)?.since, 7);
    assert.equal(one.runner.undecided(), 1);
    assert.deepEqual(
      [...one.runner.states()].map(([key]) => key),
      [spec(1).key, spec(4).key],
    );
    one.advance(10_000);
    assert.ok(!one.starts.slice(3).some((start) => start.address === '10.0.0.0'));
    one.runner.close();
    assert.equal(one.open.size, 0);
  });

  test('may be reconciled from within a verdict', () => {
    const specs = many(10);
    const one = checkWorld(() => ({ after: 1, result: bad }), {
      onVerdict: () => one.runner.reconcile(specs.splice(0, specs.length).slice(5), () => ({})),
    });
    one.runner.reconcile(specs, () => ({}));
    one.advance(5000);
    one.runner.reconcile([], () => ({}));
    assert.equal(one.open.size, 0);
    assert.deepEqual(placesOf(one), { running: 0, waiting: 0 });
    one.runner.close();
  });
});

describe('the cap on running probes', () => {
  test('holds, starves nobody, and a held probe has its whole timeout', () => {
    const one = checkWorld(() => ({ after: 900, result: good }), { maxRunning: 10 });
    one.runner.reconcile(many(100), () => ({}));
    one.advance(60_000);
    assert.equal(one.most(), 10);
    const counts = new Map<string, number>();
    for (const start of one.starts) counts.set(start.address, (counts.get(start.address) ?? 0) + 1);
    assert.equal(counts.size, 100);
    const all = [...counts.values()];
    assert.ok(Math.max(...all) - Math.min(...all) <= 1, `between ${Math.min(...all)} and ${Math.max(...all)} probes`);
    assert.ok(one.verdicts.every((verdict) => verdict.text === 'unknown -> up'));
    assert.equal(one.verdicts.length, 100);
    one.runner.close();
    assert.equal(one.open.size, 0);
  });

  test('who has to be probed again at its deadline comes after those that wait', () => {
    const one = checkWorld(({ address }) => (address === '10.0.0.2' ? { after: 3, result: good } : undefined), { maxRunning: 2 });
    one.runner.reconcile(many(3, { interval: 1000, timeout: 2000 }), () => ({}));
    one.advance(20_000);
    const counts = ['10.0.0.0', '10.0.0.1', '10.0.0.2'].map(
      (each) => one.starts.filter(({ address }) => address === each).length,
    );
    assert.ok(
      counts.every((count) => count >= 8),
      counts.join(),
    );
    assert.deepEqual(one.verdicts.map(({ text }) => text).sort(), ['unknown -> down', 'unknown -> down', 'unknown -> up']);
    one.runner.close();
  });

  test('a removed check gives its place to one that waits', () => {
    const one = checkWorld(silent, { maxRunning: 1 });
    one.runner.reconcile(many(2), () => ({}));
    one.advance(50);
    assert.deepEqual(placesOf(one), { running: 1, waiting: 1 });
    one.runner.reconcile([spec(1)], () => ({}));
    assert.deepEqual(placesOf(one), { running: 1, waiting: 0 });
    assert.equal(one.starts.at(-1)?.address, '10.0.0.1');
    one.runner.close();
  });
});

describe('how late probes start', () => {
  test('waiting for a place is told while it lasts, and for a while after', () => {
    const one = checkWorld(silent, { maxRunning: 1 });
    one.runner.reconcile(many(2, { interval: 10_000 }), () => ({}));
    one.advance(505);
    assert.deepEqual(one.runner.load(), {
      checks: 2,
      running: 1,
      limit: 1,
      waiting: 1,
      oldestWait: 455,
      latest: 0,
      longestWait: 0,
    });
    one.advance(500);
    assert.deepEqual(one.runner.load(), {
      checks: 2,
      running: 1,
      limit: 1,
      waiting: 0,
      oldestWait: 0,
      latest: 995,
      longestWait: 950,
    });
    one.runner.reconcile([spec(0, { interval: 10_000 })], () => ({}));
    one.advance(28_000);
    assert.equal(one.runner.load().longestWait, 950);
    one.advance(40_000);
    assert.deepEqual(one.runner.load(), {
      checks: 1,
      running: 0,
      limit: 1,
      waiting: 0,
      oldestWait: 0,
      latest: 0,
      longestWait: 0,
    });
    one.runner.close();
  });

  test('a process that comes late is told as well', () => {
    const one = checkWorld(prompt);
    one.runner.reconcile([spec(1)], () => ({}));
    one.advance(1990);
    one.pause(410);
    one.advance(0);
    assert.deepEqual(one.runner.load(), {
      checks: 1,
      running: 1,
      limit: 2000,
      waiting: 0,
      oldestWait: 0,
      latest: 400,
      longestWait: 0,
    });
    one.runner.close();
  });
});

describe('after a pause', () => {
  const known = () => ({ remembered: { verdict: 'up', since: 0, reason: '' } }) as const;

  test('of the whole process nobody has failed, and checks do not start all at once', () => {
    const one = checkWorld(prompt);
    one.runner.reconcile(many(1000, { fall: 1 }), known);
    one.advance(5001);
    const before = one.starts.length;
    one.pause(30_777);
    one.advance(0);
    assert.ok(one.starts.length - before <= 10, `${one.starts.length - before} started at once`);
    one.advance(4000);
    assert.deepEqual(one.verdicts, []);
    const again = one.starts.length - before;
    assert.ok(again >= 2000 && again <= 2010, `${again} probes in two intervals`);
    one.runner.close();
  });

  test('silent servers do fail, a timeout later', () => {
    const one = checkWorld(silent);
    one.runner.reconcile(many(5, { fall: 1 }), known);
    one.advance(500);
    one.pause(60_000);
    one.advance(900);
    assert.deepEqual(one.verdicts, []);
    one.advance(200);
    assert.equal(one.verdicts.length, 5);
    one.runner.close();
  });

  test('answers that came in meanwhile are taken before the deadlines decide', () => {
    const one = checkWorld(() => ({ after: 300, result: good }));
    one.runner.reconcile(many(5, { fall: 1 }), known);
    one.advance(100);
    one.pause(1500);
    assert.deepEqual(one.verdicts, []);
    assert.equal(one.results.length, 5);
    assert.ok(one.results.every(({ result }) => result.ok));
    one.runner.close();
  });
});

/** More than it has places for at first. */
const ITEMS = 150;

test('the heap gives back in order what was put in, moved, taken and removed', () => {
  const operation = fc.record({
    item: fc.nat(ITEMS - 1),
    at: fc.option(fc.nat(1000), { nil: undefined }),
    take: fc.option(fc.nat(20), { nil: undefined, freq: 20 }),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 600, size: 'max' }), (operations) => {
      const heap = createHeap<Timed & { name: number }>();
      const items = Array.from({ length: ITEMS }, (_, name) => ({ name, slot: -1 }));
      const model = new Map<number, number>();
      const take = (now: number, most: number) => {
        const due = [...model.values()].filter((at) => at <= now).sort((a, b) => a - b);
        const taken = heap.take(now, most);
        const times = taken.map(({ name }) => model.get(name) as number);
        assert.deepEqual(
          times.sort((a, b) => a - b),
          due.slice(0, most),
        );
        assert.deepEqual(
          taken.map(({ slot }) => slot),
          taken.map(({ slot }) => slot).sort((a, b) => a - b),
        );
        for (const { name } of taken) model.delete(name);
      };
      for (const { item, at, take: most } of operations) {
        const one = items[item] as (typeof items)[number];
        if (most !== undefined) take(at ?? 500, most);
        else if (at === undefined) {
          heap.remove(one);
          model.delete(item);
        } else {
          heap.set(one, at);
          model.set(item, at);
        }
        assert.equal(heap.size, model.size);
        const top = heap.top();
        assert.equal(top && model.get(top.name), model.size === 0 ? undefined : heap.first);
        assert.equal(heap.first, Math.min(...model.values()));
      }
      const order: number[] = [];
      for (let top = heap.top(); top; top = heap.top()) {
        order.push(heap.first);
        heap.remove(top);
      }
      assert.deepEqual(
        order,
        [...model.values()].sort((a, b) => a - b),
      );
    }),
  );
});
