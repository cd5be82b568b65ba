/** Weights against the priority that another director really advertises. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TrackedConfig } from '../../../src/config/types.js';
import { lowestPriority, type Strongest, strongestOf, uselessWeights } from '../../../src/vrrp/reach.js';

const thing = (weight: number, own: Partial<TrackedConfig> = {}): TrackedConfig => ({
  kind: 'script',
  name: `s${weight}`,
  weight,
  count: 1,
  upDelay: 0,
  downDelay: 0,
  init: 'wait',
  ...own,
});
const D2 = '192.0.2.2';
const heard = (...priorities: number[]): Strongest | undefined =>
  priorities.reduce<Strongest | undefined>(
    (before, priority) => strongestOf(before, D2, { priority } as Parameters<typeof strongestOf>[2]),
    undefined,
  );

test('the lowest priority is that with everything lost', () => {
  assert.equal(lowestPriority(150), 150);
  assert.equal(lowestPriority(150, [thing(-20), thing(-10), thing(0)]), 120);
  assert.equal(lowestPriority(150, [thing(20)]), 150, 'what is added counts for nothing when it is lost');
  assert.equal(lowestPriority(10, [thing(-200)]), 1);
  assert.equal(lowestPriority(150, [thing(2, { kind: 'file' })]), 1, 'any number may be in a file');
  assert.equal(lowestPriority(255, [thing(0)]), 255);
});

describe('weights of no use', () => {
  const told = (priority: number, track: readonly TrackedConfig[], strongest: Strongest | undefined) =>
    uselessWeights({ priority, track }, strongest);

  test('are those that leave the priority at what the other one has, or above', () => {
    const expected =
      'with all that is tracked lost the priority is 130, and no other director was heard with more than 100 (192.0.2.2): none takes over for that; larger weights would do, or none at all, which is FAULT';
    assert.equal(told(150, [thing(-20)], heard(100)), expected);
    assert.notEqual(told(150, [thing(-50)], heard(100)), undefined, 'a backup takes over from less, not from as much');
    assert.equal(told(150, [thing(-51)], heard(100)), undefined);
    assert.equal(told(150, [thing(-20), thing(-31)], heard(100)), undefined, 'together they may do');
    assert.notEqual(told(120, [thing(20)], heard(100)), undefined);
    assert.equal(told(90, [thing(20)], heard(100)), undefined);
  });

  test('are none where there are no weights, or nobody was heard that is well', () => {
    assert.equal(told(150, [], heard(100)), undefined);
    assert.equal(told(150, [thing(0)], heard(100)), undefined);
    assert.equal(told(150, [thing(-20)], heard()), undefined);
    assert.equal(told(150, [thing(-20)], heard(0, 1)), undefined, 'who resigns, and who suspects itself');
  });

  test('are judged by the most that was heard: the other one may have lost something itself', () => {
    assert.equal(told(150, [thing(-20)], heard(140, 60)), undefined);
    assert.notEqual(told(150, [thing(-20)], heard(60)), undefined);
  });
});
