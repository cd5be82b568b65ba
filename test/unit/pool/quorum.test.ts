import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { describeStrength, type Quorum, quorumOf, sorryServes, strengthOf } from '../../../src/pool/quorum.js';
import { makeServer, makeService } from '../../fake/intent.js';

const rule = (quorum: number, hysteresis = 0) => ({ quorum, hysteresis });
const strength = (live: number, all: number, open = 0) => ({ live, open, all });

describe('the quorum', () => {
  const cases: readonly (readonly [string, Quorum | undefined, number, number, number, number, number, Quorum | undefined])[] = [
    // what, before, quorum, hysteresis, live, all, open, after
    ['one server is enough by default', 'met', 1, 0, 1, 30, 0, 'met'],
    ['nobody is not', 'met', 1, 0, 0, 30, 0, 'lost'],
    ['as much as needed', 'met', 20, 0, 20, 30, 0, 'met'],
    ['less', 'met', 20, 0, 19, 30, 0, 'lost'],
    ['within the hysteresis it stays met', 'met', 20, 5, 15, 30, 0, 'met'],
    ['below it is lost', 'met', 20, 5, 14, 30, 0, 'lost'],
    ['within the hysteresis it stays lost', 'lost', 20, 5, 24, 30, 0, 'lost'],
    ['above it is met', 'lost', 20, 5, 25, 30, 0, 'met'],
    ['more than there is: all of them are enough', 'lost', 50, 5, 30, 30, 0, 'met'],
    ['quorum and hysteresis are more than there is: all of them are enough', 'lost', 30, 5, 30, 30, 0, 'met'],
    ['every server was drained', 'met', 1, 0, 0, 0, 0, 'lost'],
    ['and is not met by nothing', 'lost', 1, 0, 0, 0, 0, 'lost'],
    ['a start that is sure', undefined, 20, 5, 20, 30, 0, 'met'],
    ['a start that may still find enough', undefined, 20, 0, 10, 30, 20, undefined],
    ['a start that cannot', undefined, 20, 0, 10, 30, 0, 'lost'],
    ['new servers do not keep it', 'met', 20, 0, 10, 30, 20, 'lost'],
  ];
  for (const [what, before, quorum, hysteresis, live, all, open, after] of cases)
    test(what, () => assert.equal(quorumOf(before, rule(quorum, hysteresis), strength(live, all, open)), after));

  test('a service whose servers are all up is never lost, and one without any never met', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<(Quorum | undefined)[]>('met', 'lost', undefined),
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 0, max: 99 }),
        fc.integer({ min: 1, max: 100 }),
        (before, quorum, hysteresis, all) => {
          const own = rule(quorum, Math.min(hysteresis, quorum - 1));
          assert.equal(quorumOf(before, own, strength(all, all)), 'met');
          assert.equal(quorumOf(before, own, strength(0, all)), 'lost');
        },
      ),
    );
  });

  test('what counts: the wanted weight of those that take part', () => {
    const service = makeService([makeServer(1), makeServer(2, { weight: 5, configuredWeight: 20 }), makeServer(3)]);
    const members = new Map([
      ['10.0.0.1:80', 'in'],
      ['10.0.0.2:80', 'in'],
      ['10.0.0.3:80', 'quiesced'],
    ] as const);
    assert.deepEqual(
      strengthOf(service, { members, coming: new Set() }, () => 'up'),
      { live: 15, open: 0, all: 25 },
    );
  });

  test('the sorry server serves while it is lost, where there is one', () => {
    assert.equal(sorryServes(makeService([]), 'lost'), false);
    const sorry = makeServer(99);
    assert.deepEqual(
      (['lost', 'met', undefined] as const).map((quorum) => sorryServes(makeService([], { sorry }), quorum)),
      [true, false, false],
    );
    assert.equal(describeStrength(rule(2), 'lost', strength(1, 3)), 'weight 1 of 2 needed');
  });
});
