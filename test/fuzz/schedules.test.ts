/**
 * Two or three directors of RFC 9568 section 6.4 under random schedules: loss, delay, doubled packets, paths that are cut in one
 * direction or both, processes that freeze, crash, start and are stopped in order. Two promises are held against every moment of it:
 *   - two that hear each other are not both master for longer than an interval and a skew;
 *   - nobody is master for no longer than the others' wait, as long as one lives that can be.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VrrpInstanceConfig } from '../../src/config/types.js';
import { initial } from '../../src/vrrp/machine.js';
import { longestSkew } from '../../src/vrrp/timers.js';
import { conf, createWorld, downOf, masters, type Node, type World } from '../fake/directors.js';
import { createFuzz, type Fuzz } from './seed.js';

function confs(fuzz: Fuzz): VrrpInstanceConfig[] {
  const version = fuzz.pick([2, 3] as const);
  const interval = fuzz.pick([10, 100, 1000]);
  // Equal priorities are decided by the address; so is every tie here.
  return Array.from({ length: 2 + fuzz.below(2) }, () => ({
    ...conf(version, interval, fuzz.pick([1, 100, 100, 150, 254]), fuzz.below(3) > 0),
    preemptDelay: fuzz.pick([0, 0, 5 * interval]),
  }));
}

/** A process that can be master: it runs, and has not been told to end. */
const lives = ({ frozen, state }: Node): boolean => !frozen && !['init', 'stopped', 'leaving'].includes(state.phase);

/** Longest time in a row that `holds` was true, begun anew by `excuse`. */
function longest(world: World, holds: () => boolean): { value: () => number; excuse: () => void } {
  let since: number | undefined;
  let most = 0;
  world.watch((now) => {
    if (since !== undefined) most = Math.max(most, now - since);
    since = holds() ? (since ?? now) : undefined;
  });
  return {
    value: () => most,
    excuse: () => {
      since = undefined;
    },
  };
}

/** What may happen; each changes whom the promises are made to, so each begins them anew. */
function happen(fuzz: Fuzz, world: World, cut: Set<string>): void {
  const node = fuzz.pick(world.nodes);
  const other = fuzz.pick(world.nodes);
  switch (fuzz.below(8)) {
    case 0:
      return node.frozen ? world.thaw(node) : world.freeze(node);
    case 1:
      if (node.frozen) world.thaw(node);
      return world.deliver(node, { type: 'stop' });
    case 2:
      // A crash: whatever was under way to it is lost, its addresses are cleaned by the successor.
      if (node.frozen) node.waiting.splice(0);
      node.frozen = false;
      Object.assign(node, { state: initial(world.now()), holds: false, watches: false });
      return world.start(node);
    case 3:
    case 4:
      return void cut.add(`${node.source} ${other.source}`);
    case 5:
      return cut.clear();
    case 6:
      world.weather.loss = fuzz.pick([0, 0.05, 0.5]);
      return;
    default:
      world.weather.twice = fuzz.pick([0, 0.3]);
  }
}

function schedule(fuzz: Fuzz): void {
  const chosen = confs(fuzz);
  const first = chosen[0] as VrrpInstanceConfig;
  const { advertInterval: interval } = first;
  const cut = new Set<string>();
  const delay = fuzz.next() * (interval / 5);
  const reaches = (from: Node, to: Node) => !cut.has(`${from.source} ${to.source}`);
  const world = createWorld(chosen, fuzz.below(2 ** 31), { loss: 0, twice: 0, delay, reaches });
  for (const node of world.nodes) world.at(fuzz.next() * 2 * interval, () => world.start(node));
  const well = () => world.weather.loss === 0 && cut.size === 0;
  const split = longest(world, () => well() && masters(world.nodes) > 1);
  const nobody = longest(world, () => world.nodes.some(lives) && masters(world.nodes) === 0);
  const down = downOf(world.nodes);
  for (let at = 3 * interval; at < 60 * interval; at += fuzz.next() * 12 * interval) {
    world.run(at);
    happen(fuzz, world, cut);
    split.excuse();
    nobody.excuse();
  }
  // In the end everybody who is there, is there.
  world.weather.loss = 0;
  cut.clear();
  for (const node of world.nodes) if (node.frozen) world.thaw(node);
  // One that was stopped in order while nobody answered serves on for a second more.
  world.run(world.now() + 4 * down + 12 * interval + 1500);
  const what = JSON.stringify(chosen.map(({ priority, preempt }) => ({ priority, preempt })));
  // Answers are sparing: one that went out a tenth of an interval ago is not repeated, and what it met may be a moment late.
  const mostTwo = interval * 1.1 + longestSkew(first) + 2 * delay;
  assert.ok(split.value() <= mostTwo, `two masters for ${split.value()} ms of ${mostTwo}: ${what}`);
  // Who was stopped for long listens for another wait, and a last advert may still be on its way.
  const mostNone = 2 * down + 2 * delay + interval;
  assert.ok(nobody.value() <= mostNone, `no master for ${nobody.value()} ms of ${mostNone}: ${what}`);
  settled(world);
}

/** One master if anybody can be, and who is not master holds nothing. */
function settled({ nodes }: World): void {
  const able = nodes.filter(lives);
  assert.equal(masters(nodes), Math.min(1, able.length));
  for (const node of nodes) assert.equal(node.holds, node.state.phase === 'master');
}

test('never two masters for longer than the protocol allows, never none while one can live', (t) => {
  const fuzz = createFuzz(t, 2000);
  const began = process.cpuUsage().user;
  for (let i = 0; i < fuzz.rounds; i++) schedule(fuzz);
  t.diagnostic(`${((process.cpuUsage().user - began) / 1e6).toFixed(1)} s of CPU`);
});
