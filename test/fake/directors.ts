/**
 * Directors in virtual time: their machines, and a network between them that loses, delays and doubles packets as it is told.
 * Everything is drawn from a seed.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { VrrpInstanceConfig } from '../../src/config/types.js';
import { deadline, initial, step } from '../../src/vrrp/machine.js';
import { masterDown } from '../../src/vrrp/timers.js';
import type { VrrpEffect, VrrpEvent, VrrpState } from '../../src/vrrp/types.js';
import { AUTH_NONE, NO_AUTH, VRRP_GROUP } from '../../src/wire/vrrp.js';

type Happening = VrrpEvent extends infer E ? (E extends VrrpEvent ? Omit<E, 'now'> : never) : never;

export interface Node {
  readonly source: string;
  readonly conf: VrrpInstanceConfig;
  state: VrrpState;
  holds: boolean;
  watches: boolean;
  frozen: boolean;
  /** What arrived while it was frozen. */
  readonly waiting: Happening[];
}

export interface Weather {
  /** Probability that a packet is lost or comes twice. */
  loss: number;
  twice: number;
  /** Longest delay. */
  delay: number;
  /** One path: what one host sends to another arrives in its order. */
  inOrder?: boolean;
  /** Whether packets of one get to the other at all; absent: yes. */
  reaches?: (from: Node, to: Node) => boolean;
}

const VIP = { address: '192.0.2.10', length: 24 };

/** Numbers in [0, 1) from a seed (mulberry32). */
export function random(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function createWorld(confs: readonly VrrpInstanceConfig[], seed: number, weather: Weather) {
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
      if (node === from || next() < weather.loss || weather.reaches?.(from, node) === false) continue;
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

export type World = ReturnType<typeof createWorld>;

export const conf = (version: 2 | 3, interval: number, priority: number, preempt: boolean): VrrpInstanceConfig => ({
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

export const directors = fc
  .record({
    version: fc.constantFrom(2 as const, 3 as const),
    interval: fc.constantFrom(10, 100, 1000),
    members: fc.array(fc.tuple(fc.integer({ min: 1, max: 254 }), fc.boolean()), { minLength: 2, maxLength: 3 }),
  })
  .map(({ version, interval, members }) => members.map(([priority, preempt]) => conf(version, interval, priority, preempt)));

export const masters = (nodes: readonly Node[]): number =>
  nodes.filter((node) => node.state.phase === 'master' && !node.frozen).length;
export const downOf = (nodes: readonly Node[]): number =>
  Math.max(...nodes.map(({ conf }) => masterDown(conf, conf.advertInterval)));

/** Longest time in a row with two masters from now on. */
export function longestSplit(world: World): () => number {
  let since: number | undefined;
  let longest = 0;
  world.watch((now) => {
    if (since !== undefined) longest = Math.max(longest, now - since);
    since = masters(world.nodes) > 1 ? (since ?? now) : undefined;
  });
  return () => longest;
}
