/** What an instance tracks: states with their delays, and what they mean for the priority. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TrackedConfig } from '../../../src/config/types.js';
import { NOTHING_TRACKED, observe, type Reading, type TrackState, trackDeadline, trackVerdict } from '../../../src/vrrp/track.js';

const thing = (own: Partial<TrackedConfig>): TrackedConfig => ({
  kind: 'script',
  name: 's',
  weight: 0,
  count: 1,
  upDelay: 0,
  downDelay: 0,
  init: 'wait',
  ...own,
});
const up: Reading = { value: 1, text: 'fine' };
const down: Reading = { value: 0, text: 'exit status 1' };

/** The states of one thing, reading by reading. */
function follow(tracked: TrackedConfig, beginning = true) {
  let state: TrackState = NOTHING_TRACKED;
  return {
    at(now: number, reading: Reading | undefined, base = 100) {
      state = observe([tracked], state, () => reading, now, beginning);
      const { priority, hindrance } = trackVerdict(base, [tracked], state);
      return hindrance ? `${priority} ${hindrance.phase}: ${hindrance.reason}` : String(priority);
    },
    next: () => trackDeadline(state),
  };
}

describe('what an instance tracks', () => {
  test('without a weight is FAULT while it is down', () => {
    const one = follow(thing({}));
    assert.equal(one.at(0, up), '100');
    assert.equal(one.at(1, down), '100 fault: script s is down: exit status 1');
    assert.equal(one.at(2, up), '100');
  });

  test('with a negative weight lowers the priority while it is down, with a positive one raises it while it is up', () => {
    const lower = follow(thing({ weight: -20 }));
    assert.deepEqual([lower.at(0, up), lower.at(1, down), lower.at(2, up)], ['100', '80', '100']);
    const raise = follow(thing({ weight: 20 }));
    assert.deepEqual([raise.at(0, up), raise.at(1, down), raise.at(2, up)], ['120', '100', '120']);
  });

  test('leaves the priority within 1 to 254, and an owner at 255', () => {
    const lower = follow(thing({ weight: -253 }));
    const raise = follow(thing({ weight: 253 }));
    assert.deepEqual([lower.at(0, down), raise.at(0, up)], ['1', '254']);
    assert.equal(lower.at(1, down, 255), '255');
  });

  test('of a file is its number times the weight; so low that nothing would be left it is FAULT; with weight 0 any number is', () => {
    const file = follow(thing({ kind: 'file', name: '/run/f', weight: 10 }));
    const says = (value: number): Reading => ({ value, text: `it says ${value}` });
    assert.deepEqual([file.at(0, says(0)), file.at(1, says(3)), file.at(2, says(-4))], ['100', '130', '60']);
    assert.equal(file.at(3, says(-26)), '1 fault: file /run/f: it says -26');
    assert.equal(file.at(4, says(1000)), '254');
    const flag = follow(thing({ kind: 'file', name: '/run/f' }));
    assert.deepEqual([flag.at(0, says(0)), flag.at(1, says(1))], ['100', '100 fault: file /run/f: it says 1']);
  });

  test('of a process is as many as must run', () => {
    const one = follow(thing({ kind: 'process', name: 'nginx', count: 2, weight: -5 }));
    const run = (value: number): Reading => ({ value, text: `${value} run` });
    assert.deepEqual([one.at(0, run(2)), one.at(1, run(1)), one.at(2, run(3))], ['100', '95', '100']);
  });

  test('several add up, and one without a weight is FAULT whatever the others are', () => {
    const track = [thing({ weight: -20 }), thing({ name: 't', weight: 5 }), thing({ name: 'u' })];
    const readings =
      (failing: readonly string[]) =>
      ({ name }: TrackedConfig) =>
        failing.includes(name) ? down : up;
    const verdict = (failing: readonly string[]) =>
      trackVerdict(100, track, observe(track, NOTHING_TRACKED, readings(failing), 0, true));
    assert.equal(verdict(['s']).priority, 85);
    assert.equal(verdict(['s', 't']).priority, 80);
    assert.deepEqual(verdict(['t', 'u']), {
      priority: 100,
      hindrance: { phase: 'fault', reason: 'script u is down: exit status 1' },
    });
  });

  test('a change counts when it has lasted for its delay; one that goes back meanwhile never counted', () => {
    const one = follow(thing({ weight: -20, downDelay: 1000, upDelay: 500 }));
    assert.equal(one.at(0, up), '100');
    assert.equal(one.at(100, down), '100');
    assert.equal(one.next(), 1100);
    assert.equal(one.at(600, up), '100');
    assert.equal(one.next(), Number.POSITIVE_INFINITY);
    assert.equal(one.at(700, down), '100');
    assert.equal(one.at(1699, down), '100');
    assert.equal(one.at(1700, down), '80');
    assert.equal(one.at(1800, up), '80');
    assert.equal(one.at(2300, up), '100');
  });

  test('at a start the first result is awaited, ten seconds at most; it counts without a delay', () => {
    const one = follow(thing({ downDelay: 1000 }));
    assert.equal(one.at(0, undefined), '100 init: waits for the first result of script s');
    assert.equal(one.next(), 10_000);
    assert.equal(one.at(5000, down), '100 fault: script s is down: exit status 1');
    const silent = follow(thing({}));
    silent.at(0, undefined);
    assert.equal(silent.at(9999, undefined), '100 init: waits for the first result of script s');
    assert.equal(silent.at(10_000, undefined), '100 fault: script s is down: no result within 10s');
  });

  test('until its first result a script counts as its configuration says', () => {
    assert.equal(follow(thing({ init: 'up', weight: 20 })).at(0, undefined), '120');
    assert.match(follow(thing({ init: 'down' })).at(0, undefined), /^100 fault/);
  });

  test('at a start it is taken to be as it was, and one that comes later changes nothing before its first result', () => {
    assert.match(follow(thing({ weight: 20 }), true).at(0, undefined), /^120 init/);
    assert.match(follow(thing({ weight: 20 }), false).at(0, undefined), /^100 init/);
    assert.match(follow(thing({}), false).at(0, undefined), /^100 init/);
  });

  test('of which nothing is heard any more is down', () => {
    const one = follow(thing({ weight: -20 }));
    assert.equal(one.at(0, up), '100');
    assert.equal(one.at(1, undefined), '80');
    assert.equal(one.at(2, up), '100');
    const file = follow(thing({ kind: 'file', name: '/run/f', weight: 1 }));
    assert.equal(file.at(0, { value: 7, text: 'it says 7' }), '107');
    assert.equal(file.at(1, undefined), '100');
  });

  test('what is configured no more is forgotten, and what did not change is the same object', () => {
    const [s, t] = [thing({}), thing({ name: 't' })];
    const first = observe([s, t], NOTHING_TRACKED, () => up, 0, true);
    assert.equal(
      observe([s, t], first, () => up, 5),
      first,
    );
    assert.deepEqual([...observe([t], first, () => up, 6).keys()], ['script t']);
    assert.equal(observe([t, s], first, () => up, 6).get('script s'), first.get('script s'));
  });
});
