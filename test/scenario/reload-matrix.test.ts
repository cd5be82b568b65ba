/**
 * A reload must not move a server by itself: {up, down, unknown} x {edit a check, add one, remove one, edit the weight, reorder,
 * nothing}, each followed by the first decision of what is new. The runner and the pool are the real ones, the clock is not.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CheckConfig, OnFailure } from '../../src/config/types.js';
import type { Beginning, ProbeResult } from '../../src/health/types.js';
import type { RealServerIntent, ServiceIntent } from '../../src/intent/types.js';
import { allChecks, servingChecks, wanted } from '../../src/pool/membership.js';
import { begin, decide as decidePool, isIdle, type PoolState, weightsNow } from '../../src/pool/state.js';
import { checkWorld } from '../fake/check-world.js';
import { makeServer, makeService } from '../fake/intent.js';

const check = (port: number | undefined, interval = 1000): CheckConfig => ({
  type: 'tcp',
  port,
  interval,
  timeout: 500,
  rise: 1,
  fall: 3,
});
const [first, second] = [check(undefined), check(8080)];
/** The edit of `second`: another port, so another check. */
const edited = check(8081);

const server = (host: number, checks: readonly CheckConfig[], weight = 10) => makeServer(host, { weight, checks });
const service = (servers: readonly RealServerIntent[], onFailure: OnFailure) => makeService(servers, { onFailure });

/** What the ports of the server under test say; undefined: silence, but of the director's own making, so that nothing is decided. */
type Says = 'good' | 'bad' | 'nothing';

const results: Record<Says, ProbeResult> = {
  good: { ok: true, local: false, reason: 'connected', duration: 1 },
  bad: { ok: false, local: false, reason: 'connection refused', duration: 1 },
  nothing: { ok: false, local: true, reason: 'too many open files on this director', duration: 1 },
};

/** A director with one service: the composition of the check process, without a kernel. */
function director() {
  const ports = new Map<number, Says>();
  let current: ServiceIntent | undefined;
  let pool: PoolState | undefined;
  /** Every weight the server under test ever had in the table, -1 for out: a moment in between counts too. */
  const track: number[] = [];
  const table = (service: ServiceIntent, state: PoolState, now: number) =>
    wanted(service, state.members, {
      weightNow: weightsNow(service, state, () => undefined, now),
      isIdle: (server) => isIdle(service, state, server),
    })[0];
  const decide = () => {
    if (!current) return;
    const [service, now] = [current, world.time()];
    const verdictOf = (key: string) => world.runner.state(key)?.verdict ?? 'unknown';
    const shareOf = () => undefined;
    const look = { now, verdictOf, shareOf, sinceOf: (key: string) => world.runner.state(key)?.since ?? 0 };
    pool = decidePool(service, pool ?? begin(service, new Map(), {}, now), look);
    const weight = table(service, pool, now)?.destinations.get('10.0.0.1:80')?.weight ?? -1;
    if (track.at(-1) !== weight) track.push(weight);
  };
  const world = checkWorld(
    ({ address, port }) => ({ after: 1, result: results[address === '10.0.0.1' ? (ports.get(port) ?? 'good') : 'good'] }),
    {
      onVerdict: decide,
    },
  );
  return {
    ports,
    world,
    track,
    configure(next: ServiceIntent, beginning?: (key: string) => Beginning) {
      current = next;
      const serving = servingChecks([next], () => pool?.members ?? new Map());
      world.runner.reconcile(allChecks([next]), beginning ?? ((key) => ({ serving: serving.has(key) })));
      decide();
    },
    order: () => (current && pool ? [...(table(current, pool, world.time())?.destinations.keys() ?? [])] : []),
  };
}

const other = server(2, [first]);
type Edit = { name: string; servers: readonly RealServerIntent[]; weight?: number; fresh?: number };
/** `fresh`: the port of the check that is new after the edit. */
const edits: readonly Edit[] = [
  { name: 'nothing', servers: [server(1, [first, second]), other] },
  { name: 'edit a check', servers: [server(1, [first, edited]), other], fresh: 8081 },
  { name: 'add a check', servers: [server(1, [first, second, check(9000)]), other], fresh: 9000 },
  { name: 'remove the other check', servers: [server(1, [second]), other] },
  { name: 'edit the weight', servers: [server(1, [first, second], 7), other], weight: 7 },
  { name: 'reorder', servers: [other, server(1, [second, first])] },
];

/** The state before: what `second`'s port says, with `first` always good. */
const befores = { up: 'good', down: 'bad', unknown: 'nothing' } as const;

for (const onFailure of ['remove', 'quiesce'] as const) {
  const out = onFailure === 'quiesce' ? 0 : -1;
  describe(`on_failure: ${onFailure}`, () => {
    for (const [before, says] of Object.entries(befores)) {
      for (const edit of edits) {
        test(`${before}, ${edit.name}`, () => {
          const one = director();
          one.ports.set(8080, says);
          one.configure(service([server(1, [first, second]), other], onFailure));
          one.world.advance(5500);
          const held = before === 'up' ? 10 : before === 'down' ? out : -1;
          assert.equal(one.track.at(-1), held);
          one.track.length = 0;

          // What is new has not decided: the director has no descriptor for it.
          if (edit.fresh) one.ports.set(edit.fresh, 'nothing');
          one.configure(service(edit.servers, onFailure));
          one.world.advance(5000);
          const weight = held === 10 ? (edit.weight ?? 10) : held;
          assert.deepEqual(one.track, [weight]);

          if (edit.fresh) {
            one.ports.set(edit.fresh, 'bad');
            one.world.advance(1900);
            // A server that serves is given all its `fall` failures, one that does not has nothing to lose.
            assert.equal(one.track.at(-1), before === 'up' ? 10 : out);
            one.world.advance(3000);
            assert.equal(one.track.at(-1), out);
            one.ports.set(edit.fresh, 'good');
            one.world.advance(1100);
            const back = before === 'up' || edit.name === 'edit a check';
            assert.equal(one.track.at(-1), back ? 10 : out);
          }
          assert.ok(one.track.length <= 3, `it moved: ${one.track}`);
          one.world.runner.close();
        });
      }
    }

    test('removing the failing check brings the server back', () => {
      const one = director();
      one.ports.set(8080, 'bad');
      one.configure(service([server(1, [first, second])], onFailure));
      one.world.advance(5500);
      assert.equal(one.track.at(-1), out);
      one.configure(service([server(1, [first])], onFailure));
      assert.equal(one.track.at(-1), 10);
      one.world.runner.close();
    });

    test('removing and adding all checks of a server in service', () => {
      const one = director();
      one.configure(service([server(1, [first])], onFailure));
      one.world.advance(100);
      one.configure(service([server(1, [])], onFailure));
      one.configure(service([server(1, [edited])], onFailure));
      one.world.advance(100);
      assert.deepEqual(one.track, [-1, 10]);
      one.world.runner.close();
    });

    test('a new weight of a server that is down takes effect when it comes up', () => {
      const one = director();
      one.ports.set(8080, 'bad');
      one.configure(service([server(1, [second])], onFailure));
      one.world.advance(100);
      one.configure(service([server(1, [second], 3)], onFailure));
      assert.equal(one.track.at(-1), out);
      one.ports.set(8080, 'good');
      one.world.advance(1100);
      assert.equal(one.track.at(-1), 3);
      one.world.runner.close();
    });
  });
}

test('reorder changes the order in the table and no probe', () => {
  const one = director();
  one.configure(service([server(1, [first]), other], 'remove'));
  one.world.advance(1500);
  const probes = one.world.starts.length;
  one.configure(service([other, server(1, [first])], 'remove'));
  assert.deepEqual(one.order(), ['10.0.0.2:80', '10.0.0.1:80']);
  one.world.advance(400);
  assert.equal(one.world.starts.length, probes);
  one.world.advance(1000);
  assert.equal(one.world.starts.length, probes + 2);
  one.world.runner.close();
});

describe('the rules of the pool', () => {
  const spare = { ...server(3, [first]), tier: 1 };

  test('a rule that comes or goes moves nobody who is up', () => {
    const one = director();
    one.configure(service([server(1, [first]), other], 'remove'));
    one.world.advance(1500);
    one.track.length = 0;
    for (const own of [
      { floor: { of: 'min_healthy', amount: 50, unit: 'percent', below: 'keep_last' } },
      { damping: { halfLife: 60_000, suppress: 3, reuse: 1 } },
      {},
    ] as const)
      one.configure({ ...service([{ ...server(1, [first]), slowStart: 30_000 }, other, spare], 'remove'), ...own });
    one.world.advance(1500);
    assert.deepEqual(one.track, [10]);
    one.world.runner.close();
  });

  test('a check of many fails: at least two of three is still met, and all of them is not', () => {
    const one = director();
    one.ports.set(8080, 'bad');
    const three = [first, second, check(9000)];
    one.configure(service([{ ...server(1, three), needed: 2 }, other], 'remove'));
    one.world.advance(5500);
    assert.equal(one.track.at(-1), 10);
    one.configure(service([server(1, three), other], 'remove'));
    assert.equal(one.track.at(-1), -1);
    one.configure(service([{ ...server(1, three), needed: 1 }, other], 'remove'));
    assert.equal(one.track.at(-1), 10);
    one.world.runner.close();
  });

  test('a server that becomes a backup stands by, and serves again when it is none', () => {
    const one = director();
    one.configure(service([server(1, [first]), other], 'remove'));
    one.world.advance(1500);
    one.configure(service([{ ...server(1, [first]), tier: 1 }, other], 'remove'));
    assert.equal(one.track.at(-1), 0);
    one.configure(service([server(1, [first]), other], 'remove'));
    assert.deepEqual(one.track, [-1, 10, 0, 10]);
    one.world.runner.close();
  });
});
