/**
 * Two or three directors on a bad network, in virtual time: packets are lost, late, or come twice, processes freeze and are stopped in
 * order. What must hold is what DESIGN section 7 and RFC 9568 promise, whatever the schedule.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { VrrpInstanceConfig } from '../../../src/config/types.js';
import { initial } from '../../../src/vrrp/machine.js';
import { longestSkew } from '../../../src/vrrp/timers.js';
import { createWorld, directors, downOf, longestSplit, masters, type Node } from '../../fake/directors.js';

describe('directors on a bad network', () => {
  test('when it heals there is one master, and two for no longer than an interval and a skew', () => {
    fc.assert(
      fc.property(directors, fc.integer(), fc.double({ min: 0, max: 1, noNaN: true }), (confs, seed, loss) => {
        const interval = confs[0]?.advertInterval as number;
        const world = createWorld(confs, seed, { loss, twice: 0.1, delay: interval / 10 });
        for (const [i, node] of world.nodes.entries()) world.at(i * interval * 0.37, () => world.start(node));
        world.run(20 * interval);
        world.weather.loss = 0;
        const split = longestSplit(world);
        world.run(20 * interval + 4 * downOf(world.nodes));
        assert.ok(split() <= interval + longestSkew(confs[0] as VrrpInstanceConfig), `two masters for ${split()} ms`);
        assert.equal(masters(world.nodes), 1);
        for (const node of world.nodes) assert.equal(node.holds, node.state.phase === 'master');
      }),
      { numRuns: 300 },
    );
  });

  test('a frozen process that goes on makes two masters for no longer than an interval and a skew', () => {
    const length = fc.double({ min: 0.1, max: 60, noNaN: true });
    fc.assert(
      fc.property(directors, fc.integer(), fc.nat({ max: 2 }), length, (confs, seed, which, intervals) => {
        const interval = confs[0]?.advertInterval as number;
        const world = createWorld(confs, seed, { loss: 0, twice: 0, delay: interval / 10 });
        for (const node of world.nodes) world.start(node);
        const settled = 3 * downOf(world.nodes);
        const split = longestSplit(world);
        const node = world.nodes[which % world.nodes.length] as Node;
        world.at(settled, () => world.freeze(node));
        world.at(settled + intervals * interval, () => world.thaw(node));
        world.run(settled + intervals * interval + 4 * downOf(world.nodes));
        assert.ok(split() <= interval + longestSkew(confs[0] as VrrpInstanceConfig), `two masters for ${split()} ms`);
        assert.equal(masters(world.nodes), 1);
      }),
      { numRuns: 300 },
    );
  });
});

describe('directors on a good network', () => {
  test('one that is stopped in order leaves no moment without the addresses, and the preempting one neither', () => {
    fc.assert(
      fc.property(directors, fc.integer(), fc.double({ min: 0, max: 1, noNaN: true }), (confs, seed, phase) => {
        const interval = confs[0]?.advertInterval as number;
        const world = createWorld(confs, seed, { loss: 0, twice: 0, delay: Math.min(10, interval / 10), inOrder: true });
        for (const node of world.nodes) world.start(node);
        const settled = (3 + phase) * downOf(world.nodes);
        world.run(settled);
        const master = world.nodes.find((node) => node.state.phase === 'master') as Node;
        let absent = 0;
        world.watch(() => {
          if (!world.nodes.some((node) => node.holds)) absent++;
        });
        world.deliver(master, { type: 'stop' });
        world.run(settled + 3 * downOf(world.nodes));
        assert.equal(master.state.phase, 'stopped');
        assert.equal(master.holds, false);
        assert.equal(masters(world.nodes), 1);
        // It comes back, and preempts or does not.
        master.state = initial(world.now());
        world.start(master);
        world.run(world.now() + 4 * downOf(world.nodes));
        assert.equal(masters(world.nodes), 1);
        assert.equal(absent, 0, 'nobody held the addresses');
        assert.equal(world.nodes.filter((node) => node.holds).length, 1);
      }),
      { numRuns: 300 },
    );
  });

  test('the highest priority is master in the end where everybody preempts', () => {
    fc.assert(
      fc.property(directors, fc.integer(), (confs, seed) => {
        const all = confs.map((one) => ({ ...one, preempt: true }));
        const world = createWorld(all, seed, {
          loss: 0,
          twice: 0,
          delay: (all[0]?.advertInterval as number) / 10,
          inOrder: true,
        });
        for (const node of world.nodes) world.start(node);
        world.run(6 * downOf(world.nodes));
        const best = Math.max(...all.map((one) => one.priority));
        assert.equal(world.nodes.find((node) => node.state.phase === 'master')?.conf.priority, best);
      }),
      { numRuns: 100 },
    );
  });
});
