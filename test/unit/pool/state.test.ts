/** The machine of a pool with its rules: flap damping, the floor, backups, slow start, and what they have to do with each other. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { CheckConfig } from '../../../src/config/types.js';
import type { Verdict } from '../../../src/health/types.js';
import type { RealServerIntent, ServiceIntent } from '../../../src/intent/types.js';
import { checksOf, type Membership, wanted } from '../../../src/pool/membership.js';
import { notes, sorryIn } from '../../../src/pool/notes.js';
import { begin, decide, isIdle, type Look, nextAt, type PoolState, type Remains, weightsNow } from '../../../src/pool/state.js';
import { makeServer, makeService } from '../../fake/intent.js';

const tcp: CheckConfig = { type: 'tcp', interval: 2000, timeout: 1000, rise: 1, fall: 1 };
const server = (host: number, own: Partial<RealServerIntent> = {}) => makeServer(host, { checks: [tcp], ...own });
const backup = (host: number, tier = 1, own: Partial<RealServerIntent> = {}) => server(host, { tier, ...own });
const drained = { state: 'drain', source: { kind: 'file' } } as const;

/** A pool on a clock of its own; servers are named by their host. `members`: who is in when it begins. */
function pool(first: ServiceIntent, members: Record<number, Membership> = {}, remains: Remains = {}) {
  const key = (host: number) => `10.0.0.${host}:80`;
  const host = (address: string) => Number(/\.(\d+):/.exec(address)?.[1]);
  const verdicts = new Map<string, { verdict: Verdict; since: number }>();
  const excused = new Set<string>();
  let service = first;
  let now = 0;
  let state: PoolState = begin(
    service,
    new Map(Object.entries(members).map(([one, is]) => [key(Number(one)), is])),
    remains,
    now,
  );
  const told: string[] = [];
  const turns: number[] = [];
  const run = () => {
    const look: Look = {
      now,
      verdictOf: (check) => (excused.has(check) ? 'up' : (verdicts.get(check)?.verdict ?? 'unknown')),
      shareOf: () => undefined,
      sinceOf: (check) => verdicts.get(check)?.since ?? 0,
      isHeld: (check) => excused.has(check),
    };
    const after = decide(service, state, look);
    for (const { server: one, text } of notes(service, state, after, look)) told.push(`${one ? `${host(one)} ` : ''}${text}`);
    state = after;
  };
  const one = {
    told,
    turns,
    state: () => state,
    now: () => now,
    says(which: number | readonly number[], verdict: Verdict) {
      for (const each of [which].flat()) {
        const found = service.realServers.find((candidate) => candidate.key === key(each)) as RealServerIntent;
        for (const spec of checksOf(found)) verdicts.set(spec.key, { verdict, since: now });
        run();
      }
      return one;
    },
    /** The director suspects itself of what the checks of these say; nobody: no more. */
    excuse(hosts: readonly number[]) {
      excused.clear();
      for (const candidate of service.realServers)
        if (hosts.includes(host(candidate.key))) for (const spec of checksOf(candidate)) excused.add(spec.key);
      run();
      return one;
    },
    change(next: ServiceIntent) {
      service = next;
      run();
      return one;
    },
    /** Time passes; what the machine wants to do meanwhile is done when it wants it. */
    wait(ms: number) {
      const until = now + ms;
      for (let next = nextAt(service, state, now); next <= until; next = nextAt(service, state, now)) {
        now = Math.max(next, now + 0.001);
        turns.push(now);
        run();
      }
      now = until;
      return one;
    },
    /** `1=10 2=0`: the table. */
    table: () =>
      [
        ...(wanted(service, state.members, {
          sorry: sorryIn(service, state) ? service.sorry : undefined,
          leaving: state.leaving === undefined ? undefined : service.sorry,
          weightNow: weightsNow(service, state, () => undefined, now),
          isIdle: (candidate) => isIdle(service, state, candidate),
        })[0]?.destinations ?? []),
      ]
        .map(([address, { weight }]) => `${host(address)}=${weight}`)
        .join(' '),
  };
  return one;
}

describe('slow start', () => {
  const slow = (host: number, own: Partial<RealServerIntent> = {}) => server(host, { slowStart: 20_000, weight: 100, ...own });
  const web = makeService([slow(1), slow(2)]);
  const both = { 1: 'in', 2: 'in' } as const;

  test('a server that comes back grows in even steps to its whole weight, and no other one does', () => {
    const one = pool(web, both).says([1, 2], 'up').says(2, 'down').wait(5000).says(2, 'up');
    assert.equal(one.table(), '1=100 2=5');
    const seen = [1, 3, 10, 19, 20].map((at, i, all) => one.wait((at - (all[i - 1] ?? 0)) * 1000).table());
    assert.deepEqual(seen, ['1=100 2=5', '1=100 2=15', '1=100 2=50', '1=100 2=95', '1=100 2=100']);
    assert.ok(one.turns.length <= 20, `${one.turns.length} changes`);
    assert.equal(nextAt(web, one.state(), one.now()), Number.POSITIVE_INFINITY);
    assert.deepEqual(one.told, ['2 slow start: its weight grows to 100 in 20s']);
  });

  test('a hundred that come back one after the other are not decided twenty times each', () => {
    const hosts = Array.from({ length: 100 }, (_, i) => i + 1);
    const one = pool(makeService(hosts.map((host) => slow(host))))
      .says(hosts, 'up')
      .says(hosts, 'down');
    for (const host of hosts) one.wait(17).says(host, 'up');
    const before = one.turns.length;
    one.wait(22_000);
    assert.ok(one.turns.length - before <= 221, `${one.turns.length - before} decisions`);
    assert.equal(new Set(one.table().match(/=\d+/g)).size, 1, 'all have their whole weight');
  });

  test('a failure ends it; it begins again', () => {
    const one = pool(web, both).says([1, 2], 'up').says(2, 'down').says(2, 'up').wait(10_000);
    assert.equal(one.table(), '1=100 2=50');
    assert.equal(one.says(2, 'down').table(), '1=100');
    assert.equal(one.says(2, 'up').table(), '1=100 2=5');
  });

  test('who is new, or drains no more, grows; a start of the director is no beginning', () => {
    const one = pool(web).says([1, 2], 'up');
    assert.equal(one.table(), '1=100 2=100');
    one.change(makeService([slow(1), slow(2), slow(3)])).says(3, 'up');
    assert.equal(one.table(), '1=100 2=100 3=5');
    one.wait(30_000).change(makeService([slow(1), slow(2, { admin: drained }), slow(3)]));
    one.change(makeService([slow(1), slow(2), slow(3)]));
    assert.equal(one.table(), '1=100 2=5 3=100');
    const late = pool(web, { 1: 'in' }).says(1, 'up').wait(40_000).says(2, 'up');
    assert.equal(late.table(), '1=100 2=100', 'its first check was slow');
    const down = pool(web, { 1: 'in' }).says(1, 'up').says(2, 'down').says(2, 'up');
    assert.equal(down.table(), '1=100 2=5', 'it was seen away');
  });

  test('who is back because the failure does not count was never away', () => {
    const one = pool(web, both).says([1, 2], 'up').says(2, 'down').wait(1000).excuse([1, 2]);
    assert.equal(one.table(), '1=100 2=100');
    assert.equal(one.says(2, 'up').excuse([]).table(), '1=100 2=100');
    assert.equal(one.says(2, 'down').says(2, 'up').table(), '1=100 2=5');
  });

  test('alone it has its whole weight; of those that came together none has to carry the others', () => {
    const one = pool(web, both).says([1, 2], 'up').says([1, 2], 'down').wait(1000).says(1, 'up');
    assert.equal(one.table(), '1=100');
    assert.equal(one.wait(1000).says(2, 'up').table(), '1=100 2=100');
    one.wait(10_000);
    assert.equal(one.table(), '1=100 2=90');
    assert.equal(one.wait(10_000).table(), '1=100 2=100');
  });

  test('never above the whole, never down, and whole at the end, for every weight and time', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 65_535 }),
        fc.integer({ min: 1000, max: 3_600_000 }),
        fc.array(fc.integer({ min: 1, max: 400_000 }), { maxLength: 30 }),
        (weight, slowStart, waits) => {
          const own = makeService([slow(1), slow(2, { weight, slowStart })]);
          const one = pool(own, both).says([1, 2], 'up').says(2, 'down').says(2, 'up');
          let last = 0;
          let passed = 0;
          for (const wait of [...waits, slowStart]) {
            one.wait(wait);
            passed += wait;
            const is = Number(/2=(\d+)/.exec(one.table())?.[1]);
            assert.ok(is >= last && is >= 1 && is <= weight, `${is} after ${last} of ${weight}`);
            const fair = Math.max(1, weight * Math.max(0.05, Math.min(1, passed / slowStart)));
            assert.ok(is <= fair + 1e-6 && is >= Math.floor(fair - weight / 20 - 1), `${is} is not ${fair}`);
            last = is;
          }
          assert.equal(last, weight);
          assert.ok(one.turns.length <= 21);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('the quorum counts the whole weight', () => {
    const one = pool(makeService([slow(1), slow(2)], { quorum: 150 }), both)
      .says([1, 2], 'up')
      .says(2, 'down')
      .says(2, 'up');
    assert.equal(one.state().quorum, 'met');
  });
});

describe('backups', () => {
  const web = makeService([server(1), server(2), backup(3), backup(4, 2)]);
  const up = () => pool(web).says([1, 2, 3, 4], 'up');

  test('stand by with weight 0, and serve tier by tier while nobody before them is up', () => {
    const one = up();
    assert.equal(one.table(), '1=10 2=10 3=0 4=0');
    assert.equal(one.says(1, 'down').table(), '2=10 3=0 4=0');
    assert.equal(one.says(2, 'down').table(), '3=10 4=0');
    assert.equal(one.says(3, 'down').table(), '4=10');
    assert.equal(one.says(3, 'up').table(), '3=10 4=0');
    assert.equal(one.says(1, 'up').table(), '1=10 3=0 4=0');
    assert.deepEqual(one.told, [
      'the backups of tier 1 take traffic: too few others are up',
      'the backups of tiers 1, 2 take traffic: too few others are up',
      'the backups of tier 1 are enough again: the tiers after them stand by',
      'enough real servers are up again: the backups stand by',
    ]);
  });

  test('with a quorum they help those that are left, and the sorry server comes after the last tier', () => {
    const service = makeService([server(1), server(2), backup(3)], { quorum: 20, sorry: server(9, { weight: 1 }) });
    const one = pool(service).says([1, 2, 3], 'up');
    assert.equal(one.table(), '1=10 2=10 3=0');
    assert.equal(one.says(1, 'down').table(), '2=10 3=10');
    assert.equal(one.says(2, 'down').table(), '3=0 9=1');
    assert.equal(one.says(2, 'up').table(), '2=10 3=10 9=0');
    assert.equal(one.says(1, 'up').wait(10_000).table(), '1=10 2=10 3=0');
  });

  test('at a start they wait for those before them, though not for ever', () => {
    const one = pool(web).says(3, 'up');
    assert.equal(one.table(), '3=0');
    assert.equal(one.wait(10_000).table(), '3=10');
    assert.equal(one.says(1, 'up').table(), '1=10 3=0');
    const fast = pool(web).says(3, 'up').says(1, 'up');
    assert.equal(fast.table(), '1=10 3=0');
    assert.deepEqual(fast.told, []);
  });

  test('at a start those that serve already go on until one before them is up', () => {
    const one = pool(web, { 3: 'in' }, { reach: 1 }).says(3, 'unknown');
    assert.equal(one.table(), '3=10');
    assert.equal(one.says(3, 'up').table(), '3=10');
    assert.equal(one.says(1, 'up').table(), '1=10 3=0');
  });

  test('who drains does not count', () => {
    const one = up().change(makeService([server(1, { admin: drained }), server(2), backup(3), backup(4, 2)]));
    assert.equal(one.says(2, 'down').table(), '1=0 3=10 4=0');
  });

  test('one that is kept in does not spare them', () => {
    const floor = { of: 'min_healthy', amount: 2, unit: 'servers', below: 'keep_last' } as const;
    const one = pool(makeService([server(1), server(2), backup(3)], { floor })).says([1, 2, 3], 'up');
    assert.equal(one.says([1, 2], 'down').table(), '2=10 3=10');
  });

  test('somebody serves whenever somebody is up and ready', () => {
    const tiers = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 6 });
    const steps = fc.array(fc.tuple(fc.nat(5), fc.constantFrom<Verdict>('up', 'down')), { maxLength: 30 });
    fc.assert(
      fc.property(tiers, steps, fc.integer({ min: 1, max: 30 }), (own, changes, quorum) => {
        const service = makeService(
          own.map((tier, i) => server(i + 1, { tier })),
          { quorum },
        );
        const one = pool(service).wait(10_001);
        const isUp = new Set<number>();
        for (const [which, verdict] of changes) {
          const host = (which % own.length) + 1;
          if (verdict === 'up') isUp.add(host);
          else isUp.delete(host);
          one.says(host, verdict);
          const serving = [...one.table().matchAll(/\d+=10/g)].map(([each]) => each);
          assert.equal(serving.length > 0, isUp.size > 0, one.table());
          const least = Math.min(...[...isUp].map((each) => own[each - 1] as number));
          for (const each of isUp)
            if (own[each - 1] === least) assert.ok(serving.includes(`${each}=10`), 'the first tier serves');
        }
      }),
    );
  });
});

describe('the floor', () => {
  const four = [server(1), server(2), server(3), server(4)];
  const half = { of: 'min_healthy', amount: 50, unit: 'percent' } as const;
  const all = [1, 2, 3, 4];

  test('keep_last: those that failed last stay in, and give way to who comes back', () => {
    const service = makeService(four, { floor: { ...half, below: 'keep_last' } });
    const one = pool(service).says(all, 'up');
    assert.equal(one.says(1, 'down').wait(10).says(2, 'down').table(), '3=10 4=10');
    assert.deepEqual(one.told, []);
    assert.equal(one.wait(10).says(4, 'down').wait(10).says(3, 'down').table(), '3=10 4=10');
    assert.equal(one.state().quorum, 'met');
    assert.equal(one.wait(10).says(1, 'up').table(), '1=10 3=10');
    assert.equal(one.wait(10).says(2, 'up').table(), '1=10 2=10');
    assert.deepEqual(one.told, [
      'too few: 1 healthy, 2 needed (min_healthy 50%): those that failed last stay in',
      'enough again: 2 healthy, 2 needed (min_healthy 50%)',
    ]);
  });

  test('keep_last keeps, and brings nobody in who was out', () => {
    const service = makeService(four, { floor: { ...half, below: 'keep_last' } });
    assert.equal(pool(service).says(all, 'down').table(), '');
    const one = pool(service).says(all, 'up').says([1, 2], 'down');
    one.change({ ...service, realServers: [server(1), server(2), server(3), server(4, { admin: drained })] });
    assert.equal(one.table(), '3=10 4=0');
  });

  test('all: everybody serves as if up, also who never was, but nobody before his first result', () => {
    const service = makeService(four, { floor: { ...half, below: 'all' } });
    const one = pool(service).says([1, 2], 'up').says(1, 'down').says(3, 'down');
    assert.equal(one.table(), '2=10', 'who has not decided may still be up');
    assert.equal(one.says(4, 'down').table(), '1=10 2=10 3=10 4=10');
    assert.equal(one.says(4, 'up').table(), '2=10 4=10');
  });

  test('all: those that come in help at once, with slow start too', () => {
    const floor = { of: 'min_healthy', amount: 50, unit: 'percent', below: 'all' } as const;
    const hosts = [1, 2, 3, 4];
    const own = makeService(
      hosts.map((host) => server(host, { slowStart: 20_000, weight: 100 })),
      { floor },
    );
    const one = pool(own).says(hosts, 'up').says([2, 3], 'down').wait(1000);
    assert.equal(one.table(), '1=100 4=100');
    assert.equal(one.says(4, 'down').table(), '1=100 2=100 3=100 4=100');
  });

  test('sorry and withdraw: nobody gets anything new, what is served goes on', () => {
    const sorry = server(9, { weight: 1 });
    const one = pool(makeService(four, { floor: { ...half, below: 'sorry' }, sorry }))
      .says(all, 'up')
      .says([1, 2, 3], 'down');
    assert.equal(one.table(), '4=0 9=1');
    assert.equal(one.says(1, 'up').table(), '1=10 4=10 9=0');
    assert.equal(one.wait(10_000).table(), '1=10 4=10');
    const two = pool(makeService(four, { floor: { ...half, below: 'withdraw' } }))
      .says(all, 'up')
      .says([1, 2, 3], 'down');
    assert.equal(two.table(), '4=0');
    assert.equal(two.says(1, 'up').table(), '1=10 4=10');
  });

  describe('a sorry server whose turn is over', () => {
    const sorry = server(9, { weight: 1 });
    const turn = (own: Partial<ServiceIntent> = {}) =>
      pool(makeService([server(1), server(2)], { quorum: 20, sorry, ...own }))
        .says([1, 2], 'up')
        .says(2, 'down')
        .says(2, 'up');

    test('goes on with what it is serving for a while, and is told as that', () => {
      const one = turn();
      assert.equal(one.table(), '1=10 2=10 9=0');
      assert.equal(one.wait(9999).table(), '1=10 2=10 9=0');
      assert.equal(one.wait(1).table(), '1=10 2=10');
      assert.equal(one.turns.length, 1, 'one decision, when its time has come');
    });

    test('serves at once when it has another turn, and then leaves anew', () => {
      const one = turn().wait(5000).says(1, 'down');
      assert.equal(one.table(), '2=0 9=1');
      assert.equal(one.wait(20_000).table(), '2=0 9=1');
      assert.equal(one.says(1, 'up').wait(9000).table(), '1=10 2=10 9=0');
    });

    test('leaves at once where it would get new ones all the same', () => {
      const udp = makeService([]).ids.map((id) => ({ ...id, protocol: 'udp' }) as ServiceIntent['id']);
      for (const own of [
        { persistence: { timeout: 300, prefix: 32, engine: '' } as unknown as NonNullable<ServiceIntent['persistence']> },
        { scheduler: 'dh' },
        { scheduler: 'sh', schedulerFlags: [] },
        { ids: udp },
      ] satisfies Partial<ServiceIntent>[])
        assert.equal(turn(own).table(), '1=10 2=10', JSON.stringify(own));
    });

    test('leaves at once where clients have their servers by a table of hashes: they would have others for so long', () => {
      assert.equal(turn({ scheduler: 'sh', schedulerFlags: ['sh-fallback'] }).table(), '1=10 2=10');
      assert.equal(turn({ scheduler: 'mh', schedulerFlags: ['mh-fallback'] }).table(), '1=10 2=10');
      assert.equal(
        turn()
          .change(makeService([server(1), server(2)], { quorum: 20, sorry, scheduler: 'mh' }))
          .table(),
        '1=10 2=10',
      );
    });

    test('another one that a reload puts in its place has served nobody, and does not leave', () => {
      const other = makeService([server(1), server(2)], { quorum: 20, sorry: server(8, { weight: 1 }) });
      assert.equal(turn().change(other).table(), '1=10 2=10', 'while it leaves');
      const lost = pool(makeService([server(1), server(2)], { quorum: 20 }))
        .says([1, 2], 'up')
        .says(2, 'down');
      const enough = makeService([server(1), server(2)], { quorum: 10, sorry });
      assert.equal(lost.change(enough).table(), '1=10', 'there was none, and the quorum is met as it comes');
    });

    test('leaves when a reload ends its turn, by the floor too', () => {
      const servers = [server(1), server(2)];
      const below = { of: 'min_healthy', amount: 2, unit: 'servers', below: 'sorry' } as const;
      const one = pool(makeService(servers, { sorry, floor: below }))
        .says([1, 2], 'up')
        .says(2, 'down');
      assert.equal(one.table(), '1=0 9=1');
      assert.equal(one.change(makeService(servers, { sorry })).table(), '1=10 9=0');
      assert.equal(one.wait(10_000).table(), '1=10');
    });
  });

  test('max_ejected: so many are out at most, of those that the administrator has left in', () => {
    const floor = { of: 'max_ejected', amount: 30, unit: 'percent', below: 'keep_last' } as const;
    const one = pool(makeService(four, { floor }))
      .says(all, 'up')
      .says(1, 'down')
      .wait(10)
      .says(2, 'down')
      .wait(10)
      .says(3, 'down');
    assert.equal(one.table(), '2=10 3=10 4=10');
    const drains = makeService([server(1), server(2), server(3), server(4, { admin: drained })], { floor });
    const two = pool(drains).says(all, 'up').says([1, 2, 3], 'down');
    assert.equal(two.table(), '1=10 2=10 3=10 4=0');
  });

  test('the pool is never smaller than the rule by what checks say', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.constantFrom<Verdict>('up', 'down')), { maxLength: 40 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 100 }), fc.constantFrom('keep_last', 'all'), (changes, amount, below) => {
        const one = pool(makeService(four, { floor: { of: 'min_healthy', amount, unit: 'percent', below } })).says(all, 'up');
        const isUp = new Set(all);
        for (const [host, verdict] of changes) {
          if (verdict === 'up') isUp.add(host);
          else isUp.delete(host);
          one.wait(10).says(host, verdict);
          const serving = [...one.table().matchAll(/(\d+)=10/g)].map(([, each]) => Number(each));
          const needed = Math.ceil((4 * amount) / 100);
          assert.ok(serving.length >= needed, `${serving} of ${needed}`);
          for (const each of isUp) assert.ok(serving.includes(each));
          if (below === 'keep_last') assert.equal(serving.length, Math.max(isUp.size, needed));
          else assert.equal(serving.length, isUp.size < needed ? 4 : isUp.size);
        }
      }),
    );
  });
});

describe('flap damping', () => {
  const damping = { halfLife: 60_000, suppress: 3, reuse: 1 };
  const flap = (one: ReturnType<typeof pool>, times: number) => {
    for (let i = 0; i < times; i++) one.wait(1000).says(1, 'down').wait(1000).says(1, 'up');
    return one;
  };

  test('at the limit a server is held out, and used again when its penalty has decayed', () => {
    const one = pool(makeService([server(1), server(2)], { damping })).says([1, 2], 'up');
    assert.equal(flap(one, 3).table(), '1=10 2=10');
    assert.equal(flap(one, 1).table(), '2=10');
    assert.match(one.told.join('\n'), /^1 flapping: penalty 3\.\d of 3: held out for 1\d\ds, whatever its checks say$/);
    const [limit] = [nextAt(makeService([server(1)], { damping }), one.state(), one.now())];
    assert.ok(limit - one.now() > 90_000 && limit - one.now() < 120_000);
    assert.equal(one.wait(limit - one.now() - 1).table(), '2=10');
    assert.equal(one.wait(2).table(), '1=10 2=10');
    assert.match(one.told.at(-1) as string, /^1 its penalty is down to 1: its checks decide again$/);
  });

  test('flapping on while it is held prolongs it, to an end that is known', () => {
    const one = flap(pool(makeService([server(1), server(2)], { damping })).says([1, 2], 'up'), 50);
    assert.equal(one.table(), '2=10');
    assert.equal(one.wait(60_000 * Math.log2(6) + 1).table(), '1=10 2=10');
  });

  test('a rule that is another one holds nobody for longer than it says', () => {
    const before = { halfLife: 60_000, suppress: 20, reuse: 1 };
    const one = flap(pool(makeService([server(1), server(2)], { damping: before })).says([1, 2], 'up'), 60);
    assert.equal(one.table(), '2=10');
    assert.equal(
      one
        .change(makeService([server(1), server(2)], { damping }))
        .wait(60_000 * Math.log2(6) + 1)
        .table(),
      '1=10 2=10',
    );
  });

  test('half a minute of one change a second moves the server three times at most', () => {
    const one = pool(makeService([server(1), server(2)], { damping })).says([1, 2], 'up');
    let moves = 0;
    for (let i = 0, last = one.table(); i < 60; i++) {
      one.wait(1000).says(1, i % 2 === 0 ? 'down' : 'up');
      if (one.table() !== last) moves++;
      last = one.table();
    }
    assert.ok(moves <= 7, `${moves} moves`);
  });

  test('the floor goes before it: who is held but up is the first to be kept', () => {
    const floor = { of: 'min_healthy', amount: 1, unit: 'servers', below: 'keep_last' } as const;
    const one = flap(pool(makeService([server(1), server(2)], { damping, floor })).says([1, 2], 'up'), 4);
    assert.equal(one.table(), '2=10');
    assert.equal(one.says(2, 'down').table(), '2=10');
    const all = flap(pool(makeService([server(1)], { damping, floor })).says(1, 'up'), 4);
    assert.equal(all.table(), '1=10', 'the only one stays, whatever it does');
  });

  test('a failure that does not count costs nothing, also where it counted for a moment, and once where it was true', () => {
    const one = pool(makeService([server(1), server(2)], { damping })).says([1, 2], 'up');
    for (let i = 0; i < 4; i++)
      one.says(1, 'down').wait(100).excuse([1, 2]).says(2, 'down').wait(900).says([1, 2], 'up').excuse([]);
    assert.deepEqual(
      [...one.state().penalties.values()].map(({ value, held }) => [value, held]),
      [
        [0, false],
        [0, false],
      ],
    );
    one.says(1, 'down').excuse([1, 2]).says(2, 'down').excuse([]);
    assert.deepEqual(
      [...one.state().penalties.values()].map(({ value }) => Math.round(value)),
      [1, 1],
    );
  });

  test('unknown is no change', () => {
    const one = pool(makeService([server(1), server(2)], { damping })).says([1, 2], 'up');
    for (let i = 0; i < 10; i++) one.says(1, 'unknown').says(1, 'up');
    assert.equal(one.state().penalties.get('10.0.0.1:80')?.value, 0);
  });
});

describe('one that is new and has not decided changes nothing for those that serve', () => {
  const sorry = server(9, { weight: 1 });
  const come = (own: Partial<ServiceIntent>, first = [server(1), server(2)], next = [server(3), server(4)]) => {
    const one = pool(makeService(first, own)).says([1, 2], 'up');
    one.told.length = 0;
    return one.change(makeService([...first, ...next], own));
  };

  test('the quorum that all must be up for is theirs until it has', () => {
    const one = come({ quorum: 100, sorry });
    assert.equal(one.table(), '1=10 2=10');
    assert.equal(one.says(3, 'up').table(), '1=10 2=10 3=10');
    assert.equal(one.says(4, 'down').table(), '1=0 2=0 3=0 9=1', 'it counts from now on');
    assert.equal(one.says(4, 'unknown').table(), '1=0 2=0 3=0 9=1', 'a check that was changed says nothing new');
    assert.deepEqual(one.told, ['lost: weight 30 of 40 needed; the sorry server 10.0.0.9:80 serves']);
  });

  test('backups do not help out for it', () => {
    assert.equal(
      come({ quorum: 100 }, [server(1), server(2), backup(5)])
        .says(5, 'up')
        .table(),
      '1=10 2=10 5=0',
    );
  });

  test('it makes nobody scarce', () => {
    const floor = { of: 'min_healthy', amount: 100, unit: 'percent', below: 'withdraw' } as const;
    const one = come({ floor });
    assert.equal(one.table(), '1=10 2=10');
    assert.equal(one.says(3, 'down').table(), '1=0 2=0');
  });

  test('over a restart too: it is not remembered as one that has failed', () => {
    const service = makeService([server(1), server(2), server(3)], { quorum: 100, sorry });
    const one = pool(service, { 1: 'in', 2: 'in' }, { quorum: 'met' }).says([1, 2], 'up');
    assert.equal(one.table(), '1=10 2=10');
    assert.equal(one.says(3, 'down').table(), '1=0 2=0 9=1');
  });
});
