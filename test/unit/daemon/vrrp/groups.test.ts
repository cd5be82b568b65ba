/**
 * Sync groups: two directors with an instance on each of two links, in virtual time. Whatever is torn, they come to rest: no group is taken to
 * and fro, its members are all master or none is, and when everything is well again exactly one director has both.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SyncGroupConfig, VrrpInstanceConfig } from '../../../../src/config/types.js';
import { createGroups, type Mate } from '../../../../src/daemon/vrrp/groups.js';
import { deadline, initial, step } from '../../../../src/vrrp/machine.js';
import type { Gate, Link, Phase, VrrpEvent, VrrpState } from '../../../../src/vrrp/types.js';
import { AUTH_NONE, NO_AUTH, VRRP_GROUP } from '../../../../src/wire/vrrp.js';

const LINKS = ['a', 'b'] as const;
type On = (typeof LINKS)[number];
const GROUP: SyncGroupConfig = { name: 'SG', members: ['VI_a', 'VI_b'] };
const READY: Gate = { forwarding: 'ready', reason: '' };

type Happening = VrrpEvent extends infer E ? (E extends VrrpEvent ? Omit<E, 'now'> : never) : never;

interface Settings {
  readonly priority: number;
  readonly preempt?: boolean;
  readonly interval?: Partial<Record<On, number>>;
}

interface Instance {
  readonly on: On;
  readonly source: string;
  conf: VrrpInstanceConfig;
  state: VrrpState;
  holds: boolean;
}

function createWorld(directors: readonly Settings[]) {
  let now = 0;
  let moves: string[] = [];
  const queue: { at: number; act: () => void }[] = [];
  /** `0>1 a`: adverts of the first director do not reach the second one on that link. */
  const torn = new Set<string>();

  const all = directors.map((settings, d) => {
    const instances = LINKS.map((on, i): Instance => {
      const conf: VrrpInstanceConfig = {
        name: `VI_${on}`,
        interface: on,
        family: 4,
        vrid: i + 1,
        version: 3,
        priority: settings.priority,
        advertInterval: settings.interval?.[on] ?? 100,
        preempt: settings.preempt ?? true,
        preemptDelay: 0,
        v3Checksum: 'pseudo',
        addresses: [{ address: `192.0.${i}.10`, length: 24 }],
        password: undefined,
      };
      return { on, source: `192.0.${i}.${d + 2}`, conf, state: initial(0), holds: false };
    });
    const mates = (): Mate[] =>
      instances.map((one) => ({
        conf: one.conf,
        state: one.state,
        lead: (to, reason) => deliver(d, one, { type: 'lead', to, reason }),
        hinder: (hindrance) => deliver(d, one, { type: 'hindered', by: 'mates', hindrance }),
      }));
    const groups = createGroups(mates, () => now);
    groups.configure([GROUP]);
    return { instances, groups };
  });

  function deliver(d: number, one: Instance, event: Happening): void {
    const [state, effects] = step(one.conf, one.state, { ...event, now } as VrrpEvent);
    one.state = state;
    for (const effect of effects) {
      if (effect.type === 'addresses') one.holds = effect.want.length > 0;
      else if (effect.type === 'advert') advertise(d, one, effect.priority);
      else if (effect.type === 'announce') others(d, one, (e, other) => claim(e, other, effect.addresses[0] as string));
      else if (effect.type === 'transition') {
        moves.push(`${now.toFixed(0)} d${d} ${one.conf.name} ${effect.from} -> ${effect.to}: ${effect.reason}`);
        all[d]?.groups.moved({ name: one.conf.name, from: effect.from, to: effect.to });
      }
    }
  }

  function happen(d: number, one: Instance, event: Happening): void {
    deliver(d, one, event);
    all[d]?.groups.settle();
  }

  const claim = (d: number, one: Instance, address: string) => happen(d, one, { type: 'claimed', address });

  /** Of the same link, as far as packets come through; a millisecond later. */
  function others(from: number, one: Instance, act: (d: number, other: Instance) => void): void {
    if (!one.state.link.usable) return;
    all.forEach(({ instances }, d) => {
      const other = instances.find((each) => each.on === one.on) as Instance;
      if (d === from || torn.has(`${from}>${d} ${one.on}`) || !other.state.link.usable) return;
      queue.push({ at: now + 1, act: () => act(d, other) });
    });
  }

  function advertise(from: number, one: Instance, priority: number): void {
    const { version, vrid, advertInterval: interval, addresses } = one.conf;
    const advert = {
      version,
      vrid,
      priority,
      interval,
      addresses: addresses.map((each) => each.address),
      authType: AUTH_NONE,
      authData: NO_AUTH,
    };
    const received = {
      decoded: { ok: true as const, advert, form: 'pseudo' as const },
      source: one.source,
      destination: VRRP_GROUP[4],
      ttl: 255,
    };
    others(from, one, (d, other) => happen(d, other, { type: 'advert', received }));
  }

  function tick(d: number, one: Instance): void {
    happen(d, one, { type: 'tick', objection: all[d]?.groups.objection(one.conf.name) });
  }

  function run(span: number): void {
    const until = now + span;
    for (let turns = 0; ; turns++) {
      assert.ok(turns < 100_000, 'the machines never rest');
      let best = { at: Number.POSITIVE_INFINITY, act: () => {} };
      for (const one of queue) if (one.at < best.at) best = one;
      all.forEach(({ instances }, d) => {
        for (const one of instances) {
          const at = deadline(one.state);
          if (at < best.at) best = { at, act: () => tick(d, one) };
        }
      });
      if (best.at > until) break;
      now = Math.max(now, best.at);
      const i = queue.indexOf(best);
      if (i >= 0) queue.splice(i, 1);
      best.act();
    }
    now = until;
  }

  const of = (d: number, on: On) => all[d]?.instances.find((one) => one.on === on) as Instance;
  return {
    run,
    torn,
    of,
    begin(): void {
      all.forEach(({ instances }, d) => {
        for (const one of instances) happen(d, one, { type: 'start', link: { usable: true, source: one.source }, gate: READY });
      });
    },
    link(d: number, on: On, state: Link['usable']): void {
      const one = of(d, on);
      if (one.state.link.usable === state) return;
      happen(d, one, {
        type: 'link',
        link: state ? { usable: true, source: one.source } : { usable: false, wait: false, reason: `${on} has no carrier` },
      });
    },
    prioritize(d: number, priority: number): void {
      for (const one of all[d]?.instances ?? []) {
        const before = one.conf;
        one.conf = { ...before, priority };
        happen(d, one, { type: 'reconfigured', before });
      }
    },
    phases: (d: number): Phase[] => LINKS.map((on) => of(d, on).state.phase),
    holders: (on: On): number => all.filter((_one, d) => of(d, on).holds).length,
    moves(): string[] {
      const told = moves;
      moves = [];
      return told;
    },
  };
}

const PAIR = [{ priority: 150 }, { priority: 100 }];

describe('a sync group', () => {
  test('goes to master together, and the other director leaves both', () => {
    const world = createWorld(PAIR);
    world.begin();
    world.run(2000);
    assert.deepEqual(
      [world.phases(0), world.phases(1)],
      [
        ['master', 'master'],
        ['backup', 'backup'],
      ],
    );
  });

  test('where one link of the master goes, the other director takes both, and nobody is without a holder on the link that is well', () => {
    const world = createWorld(PAIR);
    world.begin();
    world.run(2000);
    world.link(0, 'b', false);
    for (let i = 0; i < 1000; i++) {
      world.run(1);
      assert.ok(world.holders('a') > 0, 'nobody holds what is on the link that is well');
    }
    assert.deepEqual(
      [world.phases(0), world.phases(1)],
      [
        ['fault', 'fault'],
        ['master', 'master'],
      ],
    );
    world.link(0, 'b', true);
    for (let i = 0; i < 2000; i++) {
      world.run(1);
      assert.ok(world.holders('a') > 0 && world.holders('b') > 0, 'nobody holds it while it goes back');
    }
    assert.deepEqual(
      [world.phases(0), world.phases(1)],
      [
        ['master', 'master'],
        ['backup', 'backup'],
      ],
    );
  });

  test('of which one link is torn between the directors stays where it is', () => {
    const world = createWorld(PAIR);
    world.begin();
    world.run(2000);
    world.torn.add('0>1 a');
    world.moves();
    world.run(5000);
    assert.deepEqual(world.moves(), []);
    assert.match(world.of(1, 'a').state.reason, /waits for the sync group SG: VI_b hears 192\.0\.1\.2 \(priority 150\)/);
    world.torn.clear();
    world.run(1000);
    assert.match(world.of(1, 'a').state.reason, /192\.0\.0\.2 \(priority 150\) is master/);
  });

  test('with other intervals on each link waits for the slower one', () => {
    const slow = PAIR.map((one) => ({ ...one, interval: { a: 100, b: 1000 } }));
    const world = createWorld(slow);
    world.begin();
    world.run(8000);
    world.link(0, 'a', false);
    world.link(0, 'b', false);
    world.moves();
    world.run(8000);
    assert.deepEqual(world.phases(1), ['master', 'master']);
    assert.equal(world.moves().length, 2);
  });

  test('whose priority falls below the other one moves as a whole, without a gap', () => {
    const world = createWorld(PAIR);
    world.begin();
    world.run(2000);
    world.prioritize(0, 90);
    for (let i = 0; i < 2000; i++) {
      world.run(1);
      for (const on of LINKS) assert.ok(world.holders(on) > 0, `nobody holds ${on}`);
    }
    assert.deepEqual(
      [world.phases(0), world.phases(1)],
      [
        ['backup', 'backup'],
        ['master', 'master'],
      ],
    );
  });

  // Each link in each direction, and each cable of each director: every combination there is.
  for (const preempt of [true, false]) {
    test(`comes to rest whatever is torn, ${preempt ? 'with' : 'without'} preemption`, () => {
      for (let bits = 0; bits < 256; bits++) {
        const world = createWorld(PAIR.map((one) => ({ ...one, preempt })));
        world.begin();
        world.run(2000);
        const has = (bit: number) => (bits & (1 << bit)) !== 0;
        LINKS.forEach((on, i) => {
          if (has(i)) world.torn.add(`0>1 ${on}`);
          if (has(2 + i)) world.torn.add(`1>0 ${on}`);
          if (has(4 + i)) world.link(0, on, false);
          if (has(6 + i)) world.link(1, on, false);
        });
        world.run(3000);
        world.moves();
        world.run(5000);
        assert.deepEqual(world.moves(), [], `never rests: ${bits.toString(2).padStart(8, '0')}`);
        for (const d of [0, 1]) {
          const [a, b] = world.phases(d);
          assert.equal(a === 'master', b === 'master', `half a master: ${bits.toString(2)}`);
        }
        world.torn.clear();
        for (const d of [0, 1]) for (const on of LINKS) world.link(d, on, true);
        world.run(3000);
        const masters = [0, 1].filter((d) => world.phases(d).every((phase) => phase === 'master'));
        assert.equal(masters.length, 1, `not one master when all is well: ${bits.toString(2)}`);
        if (preempt) assert.deepEqual(masters, [0]);
        for (const on of LINKS) assert.equal(world.holders(on), 1);
      }
    });
  }
});
