/**
 * Two or three directors on a bad network, in virtual time: packets are lost, late, or come twice, processes freeze and are stopped in
 * order. What must hold is what DESIGN section 7 and RFC 9568 promise, whatever the schedule.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { VrrpInstanceConfig } from '../../../src/config/types.js';
import { deadline, initial, step } from '../../../src/vrrp/machine.js';
import { longestSkew, masterDown } from '../../../src/vrrp/timers.js';
import type { VrrpEffect, VrrpEvent, VrrpState } from '../../../src/vrrp/types.js';
import { AUTH_NONE, NO_AUTH, VRRP_GROUP } from '../../../src/wire/vrrp.js';

type Happening = VrrpEvent extends infer E ? (E extends VrrpEvent ? Omit<E, 'now'> : never) : never;

interface Node {
  readonly source: string;
  readonly conf: VrrpInstanceConfig;
  state: VrrpState;
  holds: boolean;
  watches: boolean;
  frozen: boolean;
  /** What arrived while it was frozen. */
  readonly waiting: Happening[];
}

interface Weather {
  /** Probability that a packet is lost or comes twice. */
  loss: number;
  twice: number;
  /** Longest delay. */
  delay: number;
  /** One path: what one host sends to another arrives in its order. */
  inOrder?: boolean;
}

const VIP = { address: '192.0.2.10', length: 24 };

/** Numbers in [0, 1) from a seed (mulberry32). */
function random(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function createWorld(confs: readonly VrrpInstanceConfig[], seed: number, weather: Weather) {
  const next = random(seed);
  const nodes: Node[] = confs.map((conf, i) => ({
    source: `192.0.2.${2 + i}`,
    conf,
    state: initial(0),
    holds: false,
    watches: false,
    frozen: false,
    waiting: [],
  }));
  let now = 0;
  /** Packets under way, and what the test does at a time. */
  const queue: { at: number; act: () => void }[] = [];
  const watchers: ((now: number) => void)[] = [];
  /** By pair of hosts, when the last packet arrives. */
  const latest = new Map<string, number>();

  const at = (time: number, act: () => void) => void queue.push({ at: time, act });

  function deliver(node: Node, event: Happening): void {
    if (node.frozen) return void node.waiting.push(event);
    const [state, effects] = step(node.conf, node.state, { ...event, now } as VrrpEvent);
    node.state = state;
    for (const effect of effects) perform(node, effect);
  }

  function perform(node: Node, effect: VrrpEffect): void {
    if (effect.type === 'addresses') node.holds = effect.want.length > 0;
    else if (effect.type === 'watch') node.watches = effect.on;
    else if (effect.type === 'advert') broadcast(node, advertOf(node, effect.priority));
    else if (effect.type === 'announce') broadcast(node, { type: 'claimed', address: VIP.address });
  }

  function advertOf({ source, conf }: Node, priority: number): Happening {
    const { version, vrid, advertInterval: interval } = conf;
    const advert = { version, vrid, priority, interval, addresses: [VIP.address], authType: AUTH_NONE, authData: NO_AUTH };
    const decoded = { ok: true as const, advert, form: 'pseudo' as const };
    return { type: 'advert', received: { decoded, source, destination: VRRP_GROUP[4], ttl: 255 } };
  }

  function broadcast(from: Node, event: Happening): void {
    for (const node of nodes) {
      if (node === from || next() < weather.loss) continue;
      const copies = next() < weather.twice ? 2 : 1;
      const path = `${from.source} ${node.source}`;
      for (let i = 0; i < copies; i++) {
        const arrival = Math.max(now + next() * weather.delay, weather.inOrder ? (latest.get(path) ?? 0) : 0);
        latest.set(path, arrival);
        at(arrival, () => {
          if (event.type !== 'claimed' || node.watches || node.frozen) deliver(node, event);
        });
      }
    }
  }

  function earliest(): { at: number; act: () => void } | undefined {
    let best: { at: number; act: () => void } | undefined;
    for (const node of nodes) {
      const due = node.frozen ? Number.POSITIVE_INFINITY : deadline(node.state);
      if (due < (best?.at ?? Number.POSITIVE_INFINITY)) best = { at: due, act: () => deliver(node, { type: 'tick' }) };
    }
    // Of packets that arrive together the first sent comes first, and a tick after them all.
    const first = queue.reduce((a, b) => (b.at < a.at ? b : a), { at: Number.POSITIVE_INFINITY, act: () => {} });
    return first.at <= (best?.at ?? Number.POSITIVE_INFINITY) && Number.isFinite(first.at) ? first : best;
  }

  function run(until: number): void {
    for (let turns = 0; ; turns++) {
      assert.ok(turns < 200_000, 'the machines never rest');
      const one = earliest();
      if (!one || one.at > until) break;
      now = Math.max(now, one.at);
      const index = queue.indexOf(one);
      if (index >= 0) queue.splice(index, 1);
      one.act();
      for (const watcher of watchers) watcher(now);
    }
    now = until;
    for (const watcher of watchers) watcher(now);
  }

  return {
    nodes,
    weather,
    run,
    at,
    deliver,
    now: () => now,
    watch: (watcher: (now: number) => void) => void watchers.push(watcher),
    start(node: Node) {
      const link = { usable: true as const, source: node.source };
      deliver(node, { type: 'start', link, gate: { forwarding: 'ready', reason: '' } });
    },
    freeze(node: Node) {
      node.frozen = true;
    },
    /** What waits comes first, then the tick that is overdue. */
    thaw(node: Node) {
      node.frozen = false;
      for (const event of node.waiting.splice(0)) deliver(node, event);
      deliver(node, { type: 'tick' });
    },
  };
}

const conf = (version: 2 | 3, interval: number, priority: number, preempt: boolean): VrrpInstanceConfig => ({
  name: 'VI_1',
  interface: 'eth0',
  family: 4,
  vrid: 51,
  version,
  priority,
  advertInterval: version === 2 ? 1000 : interval,
  preempt,
  preemptDelay: 0,
  v3Checksum: 'pseudo',
  addresses: [VIP],
  password: undefined,
});

const directors = fc
  .record({
    version: fc.constantFrom(2 as const, 3 as const),
    interval: fc.constantFrom(10, 100, 1000),
    members: fc.array(fc.tuple(fc.integer({ min: 1, max: 254 }), fc.boolean()), { minLength: 2, maxLength: 3 }),
  })
  .map(({ version, interval, members }) => members.map(([priority, preempt]) => conf(version, interval, priority, preempt)));

const masters = (nodes: readonly Node[]): number => nodes.filter((node) => node.state.phase === 'master' && !node.frozen).length;
const downOf = (nodes: readonly Node[]): number => Math.max(...nodes.map(({ conf }) => masterDown(conf, conf.advertInterval)));

/** Longest time in a row with two masters from now on. */
function longestSplit(world: ReturnType<typeof createWorld>): () => number {
  let since: number | undefined;
  let longest = 0;
  world.watch((now) => {
    if (since !== undefined) longest = Math.max(longest, now - since);
    since = masters(world.nodes) > 1 ? (since ?? now) : undefined;
  });
  return () => longest;
}

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
