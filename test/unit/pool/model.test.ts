/**
 * All rules of a pool with each other, at random, with reloads, drains, suspicions and restarts in between. Where nothing hangs on what was
 * before, the table is what a model says that was written from lbd.yaml(5). Always: deciding twice changes and tells nothing, a restart goes
 * on as it was, somebody serves while somebody can, `why` says what the table has, and the time is not asked for what it has done.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CheckConfig, DampingConfig, FloorConfig } from '../../../src/config/types.js';
import { memberOf, type PoolSight } from '../../../src/daemon/check/report-pool.js';
import type { Verdict } from '../../../src/health/types.js';
import type { ServiceIntent } from '../../../src/intent/types.js';
import { explain } from '../../../src/pool/explain.js';
import { checksOf, wanted } from '../../../src/pool/membership.js';
import { notes, sorryIn } from '../../../src/pool/notes.js';
import { begin, decide, isIdle, type Look, nextAt, type PoolState, weightsNow } from '../../../src/pool/state.js';
import { makeServer, makeService } from '../../fake/intent.js';

const HOSTS = [1, 2, 3, 4, 5];
const PORTS = [80, 81];
const SORRY = 99;

interface Server {
  readonly weight: number;
  readonly tier: number;
  readonly checks: number;
  readonly any: boolean;
  readonly slow: boolean;
  readonly admin: 'drain' | 'disabled' | undefined;
}
interface Conf {
  readonly servers: readonly Server[];
  readonly rules: Pick<ServiceIntent, 'onFailure' | 'quorum' | 'hysteresis'> & { readonly sorry: boolean };
  readonly floor: FloorConfig | undefined;
  readonly damping: DampingConfig | undefined;
}
type Event =
  | { readonly kind: 'verdict'; readonly host: number; readonly port: number; readonly to: Verdict }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'reload'; readonly conf: Conf }
  | { readonly kind: 'admin'; readonly host: number; readonly admin: Server['admin'] }
  | { readonly kind: 'suspect'; readonly hosts: readonly number[] }
  | { readonly kind: 'restart' };

const admins = fc.constantFrom<Server['admin'][]>(undefined, undefined, undefined, 'drain', 'disabled');
const servers = fc.record<Server>({
  weight: fc.constantFrom(0, 1, 5, 10, 100),
  tier: fc.constantFrom(0, 0, 0, 1, 2),
  checks: fc.constantFrom(0, 1, 1, 2),
  any: fc.boolean(),
  slow: fc.constantFrom(false, false, false, false, true),
  admin: admins,
});
const shares = {
  of: fc.constant('min_healthy' as const),
  unit: fc.constant('percent' as const),
  amount: fc.constantFrom(25, 50, 100),
};
const floors = fc.oneof(
  fc.constant(undefined),
  fc.record<FloorConfig>({ ...shares, below: fc.constantFrom('keep_last', 'all', 'sorry', 'withdraw') }),
  fc.record<FloorConfig>({
    of: fc.constant('max_ejected' as const),
    unit: fc.constant('servers' as const),
    amount: fc.constantFrom(0, 1, 2),
    below: fc.constant('keep_last' as const),
  }),
);
const confs: fc.Arbitrary<Conf> = fc
  .record<Conf>({
    servers: fc.array(servers, { minLength: 1, maxLength: HOSTS.length }),
    rules: fc.record({
      onFailure: fc.constantFrom('remove' as const, 'quiesce' as const),
      quorum: fc.constantFrom(1, 1, 5, 20, 1000),
      hysteresis: fc.constantFrom(0, 0, 4),
      sorry: fc.boolean(),
    }),
    floor: floors,
    damping: fc.constantFrom(
      undefined,
      undefined,
      { halfLife: 60_000, suppress: 3, reuse: 1 },
      { halfLife: 10_000, suppress: 1, reuse: 0.5 },
    ),
  })
  // What the file may not say together.
  .map(({ rules, floor, ...rest }) => {
    const wrong = floor?.below === (rules.sorry ? 'withdraw' : 'sorry');
    return {
      ...rest,
      rules: { ...rules, hysteresis: Math.min(rules.hysteresis, rules.quorum - 1) },
      floor: floor && wrong ? { ...floor, below: 'all' as const } : floor,
    };
  });
const host = fc.constantFrom(...HOSTS);
const events: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 7,
    arbitrary: fc.record({
      kind: fc.constant('verdict' as const),
      host,
      port: fc.nat(1),
      to: fc.constantFrom<Verdict[]>('up', 'up', 'up', 'down', 'down', 'down', 'unknown'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 100, 5000, 30_000) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reload' as const), conf: confs }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('admin' as const), host, admin: admins }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('suspect' as const), hosts: fc.subarray(HOSTS) }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'restart' as const }) },
);

const tcp = (port: number): CheckConfig => ({ type: 'tcp', port, interval: 2000, timeout: 1000, rise: 1, fall: 1 });
const serviceOf = ({ servers: all, rules, floor, damping }: Conf): ServiceIntent =>
  makeService(
    all.map(({ weight, tier, checks, any, slow, admin }, i) =>
      makeServer(i + 1, {
        weight,
        checks: PORTS.slice(0, checks).map(tcp),
        needed: any && checks > 0 ? 1 : undefined,
        slowStart: slow ? 20_000 : undefined,
        ...(tier > 0 ? { tier } : {}),
        ...(admin ? { admin: { state: admin, source: { kind: 'file' } } } : {}),
      }),
    ),
    {
      ...rules,
      sorry: rules.sorry ? makeServer(SORRY, { weight: 1 }) : undefined,
      ...(floor && { floor }),
      ...(damping && { damping }),
    },
  );

// ---- the model -----------------------------------------------------------------------------------------------------------------

/** Nothing hangs on what was before. */
const isPlain = ({ servers: all, rules, floor, damping }: Conf): boolean =>
  rules.hysteresis === 0 && !damping && floor?.below !== 'keep_last' && !all.some(({ slow }) => slow);

/** `isUp`: of a server, by its place. */
function model({ servers: all, rules, floor }: Conf, isUp: (place: number) => boolean): string {
  const list = all.map((server, i) => ({ ...server, host: i + 1, up: isUp(i), ready: !server.admin }));
  const weigh = (some: typeof list) => some.reduce((sum, { weight }) => sum + weight, 0);
  const own = list.filter(({ tier }) => tier === 0);
  const healthy = list.filter(({ up, ready }) => up && ready).length;
  const isScarce = floor !== undefined && healthy < (own.length * floor.amount) / 100;
  const isIn = ({ up, ready }: (typeof list)[number]) => up || (isScarce && floor.below === 'all' && ready);
  const hasQuorum = (some: typeof list, counts: (one: (typeof list)[number]) => boolean) => {
    const live = weigh(some.filter((one) => one.ready && counts(one)));
    return live > 0 && live >= Math.min(rules.quorum, weigh(some));
  };
  const tiers = [...new Set(list.map(({ tier }) => tier))].sort();
  const last =
    tiers.find((tier) =>
      hasQuorum(
        list.filter((one) => one.tier <= tier),
        ({ up }) => up,
      ),
    ) ??
    tiers.at(-1) ??
    0;
  const isSorry = rules.sorry && (!hasQuorum(list, isIn) || (isScarce && floor.below === 'sorry'));
  const isNobodys = isSorry || (isScarce && floor.below === 'withdraw');
  const table = list.flatMap((one) => {
    if (one.admin === 'disabled' || (!isIn(one) && rules.onFailure === 'remove')) return [];
    return [
      `${one.host}=${!isIn(one) || !one.ready || isNobodys || (one.tier > last && all.some(({ tier }) => tier)) ? 0 : one.weight}`,
    ];
  });
  return [...table, ...(isSorry ? [`${SORRY}=1`] : [])].join(' ');
}

// ---- the pool ------------------------------------------------------------------------------------------------------------------

class World {
  private readonly verdicts = new Map<string, { verdict: Verdict; since: number }>();
  private held: ReadonlySet<string> = new Set();
  private now = 1000;
  private service: ServiceIntent;
  private state: PoolState;
  private conf: Conf;

  /** `known`: every check has decided before. */
  constructor(conf: Conf, known: boolean) {
    this.conf = conf;
    for (const { key } of known ? HOSTS.flatMap((one) => checksOf(makeServer(one, { checks: PORTS.map(tcp) }))) : [])
      this.verdicts.set(key, { verdict: 'up', since: 0 });
    this.service = serviceOf(conf);
    this.state = begin(this.service, new Map(), {}, this.now);
    this.decide();
  }

  private readonly verdictOf = (key: string): Verdict =>
    this.held.has(key) ? 'up' : (this.verdicts.get(key)?.verdict ?? 'unknown');
  private readonly isHeld = (key: string): boolean => this.held.has(key);
  private look(): Look {
    const { now, verdictOf, isHeld } = this;
    return { now, verdictOf, isHeld, shareOf: () => undefined, sinceOf: (key) => this.verdicts.get(key)?.since ?? 0 };
  }

  private keys(which: number): string[] {
    const server = this.service.realServers[which - 1];
    return server ? checksOf(server).map(({ key }) => key) : [];
  }

  /** By host. */
  private table(state: PoolState): Map<number, number> {
    const [service] = wanted(this.service, state.members, {
      sorry: sorryIn(this.service, state) ? this.service.sorry : undefined,
      weightNow: weightsNow(this.service, state, () => undefined, this.now),
      isIdle: (server) => isIdle(this.service, state, server),
    });
    return new Map([...(service?.destinations ?? [])].map(([key, { weight }]) => [Number(/\.(\d+):/.exec(key)?.[1]), weight]));
  }
  private text = (state: PoolState): string => [...this.table(state)].map(([which, weight]) => `${which}=${weight}`).join(' ');

  private decide(): void {
    this.state = decide(this.service, this.state, this.look());
    const again = decide(this.service, this.state, this.look());
    assert.equal(this.text(again), this.text(this.state), 'once more is the same');
    assert.deepEqual([...notes(this.service, this.state, again, this.look())], [], 'and nothing is told twice');
    assert.ok(nextAt(this.service, this.state, this.now) > this.now, 'what the time does is done');
    this.isServed();
    this.isExplained();
    this.isAsModelled();
  }

  /** Somebody who could; undefined at a start, while others are waited for. */
  private isServed(): void {
    const { service, state, now } = this;
    if ((state.fresh.size > 0 && now < state.hopeUntil) || (state.floor?.scarce && service.floor?.below === 'withdraw')) return;
    const able = service.realServers.some(({ key, admin, weight }, i) => {
      const isUp = this.keys(i + 1).every((one) => this.verdictOf(one) === 'up');
      return isUp && !admin && weight > 0 && state.penalties.get(key)?.held !== true;
    });
    assert.ok(!able || [...this.table(state).values()].some((weight) => weight > 0), 'somebody serves');
  }

  private isExplained(): void {
    const stateOf = (key: string) => {
      const verdict = this.verdicts.get(key)?.verdict ?? 'unknown';
      return { verdict, reason: 'so', streak: { ok: true, count: 1 }, firstFall: 1 } as ReturnType<PoolSight['stateOf']>;
    };
    const latestOf = () => undefined;
    const sight: PoolSight = { now: this.now, stateOf, latestOf, poolOf: () => this.state, isHeld: this.isHeld };
    const table = this.table(this.state);
    for (const [i, server] of this.service.realServers.entries()) {
      if (server.admin) continue;
      const why = explain(memberOf(sight, this.service, server));
      const said = /in the table with weight (\d+)/.exec(why)?.[1];
      assert.equal(said === undefined ? undefined : Number(said), table.get(i + 1), why);
      if (said === undefined) assert.match(why, /removed from the table|^new: waiting/);
    }
  }

  private isAsModelled(): void {
    const { service, state, conf } = this;
    const isDecided = service.realServers.every((_, i) => this.keys(i + 1).every((one) => this.verdictOf(one) !== 'unknown'));
    if (!isPlain(conf) || !isDecided || state.penalties.size > 0) return;
    const isUp = (place: number) => {
      const all = this.keys(place + 1).map(this.verdictOf);
      const passed = all.filter((one) => one === 'up').length;
      return all.length === 0 || passed >= (service.realServers[place]?.needed ?? all.length);
    };
    assert.equal(this.text(state), model(conf, isUp));
  }

  private wait(ms: number): void {
    const until = this.now + ms;
    for (
      let next = nextAt(this.service, this.state, this.now);
      next <= until;
      next = nextAt(this.service, this.state, this.now)
    ) {
      this.now = next;
      this.decide();
    }
    this.now = until;
  }

  /** As check/verdicts.ts keeps it. */
  private restart(): void {
    const before = this.text(this.state);
    const { members, coming, quorum, reach, floor, ramps, penalties } = this.state;
    const known = new Map([...members].filter(([key]) => !coming.has(key)));
    const counted = new Map([...penalties].filter(([, { value }]) => value > 0));
    const remains = { quorum, reach, ramps, penalties: counted, ...(floor?.scarce ? { floor } : {}) };
    this.state = begin(this.service, known, remains, this.now);
    this.decide();
    assert.equal(this.text(this.state), before, 'a restart goes on as it was');
  }

  private reload(conf: Conf): void {
    this.conf = conf;
    this.service = serviceOf(conf);
  }

  step(event: Event): void {
    switch (event.kind) {
      case 'verdict': {
        const key = this.keys(event.host)[event.port];
        if (key === undefined || this.verdicts.get(key)?.verdict === event.to) return;
        this.verdicts.set(key, { verdict: event.to, since: this.now });
        break;
      }
      case 'wait':
        this.wait(event.ms);
        break;
      case 'reload':
        this.reload(event.conf);
        break;
      case 'admin':
        this.reload({
          ...this.conf,
          servers: this.conf.servers.map((one, i) => (i + 1 === event.host ? { ...one, admin: event.admin } : one)),
        });
        break;
      case 'suspect':
        this.held = new Set(
          event.hosts.flatMap((one) => this.keys(one)).filter((key) => this.verdicts.get(key)?.verdict === 'down'),
        );
        break;
      case 'restart':
        // As it is at this moment: a ramp may be at another step than when it was decided.
        this.decide();
        return this.restart();
    }
    this.decide();
  }
}

test('the rules with each other', () => {
  fc.assert(
    fc.property(confs, fc.boolean(), fc.array(events, { maxLength: 40 }), (conf, known, list) => {
      const world = new World(conf, known);
      for (const event of list) world.step(event);
    }),
    { numRuns: 600 },
  );
});
