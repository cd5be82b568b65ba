/**
 * Whatever the table was and whatever is wanted: what the kernel has afterwards is the wanted table, for lbd and for ipvsadm, and what is
 * somebody else's is as it was. First plan and apply alone, thousands of times; then the daemon, with somebody else at the same table.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { parseConfig } from '../../src/config/parse.js';
import { buildIntent } from '../../src/intent/merge.js';
import { plan } from '../../src/ipvs/plan.js';
import {
  type Destination,
  destinationKey,
  type KernelDestination,
  type Operation,
  type Refusal,
  type Service,
  type ServiceId,
  serviceKey,
  type Table,
} from '../../src/ipvs/types.js';
import { wanted } from '../../src/pool/membership.js';
import { makeNetns, type Netns, type Program } from '../netns/netns.js';
import { createDirector, type Director } from './kit/director.js';
import { ONE_PACKET, PERSISTENT, SCHED1, SCHED2, words } from './kit/ipvsadm.js';
import { until } from './kit/shell.js';

const CHILD = new URL('./kit/ipvs.js', import.meta.url);
/** LBD_TABLES=3000 for more; LBD_ROUNDS for the daemon's. */
const TABLES = Number(process.env.LBD_TABLES ?? 300);
/** Of one run, one after the other. */
const STEPS = 50;
const RUNS = Math.max(1, Math.ceil(TABLES / STEPS));
const ROUNDS = Number(process.env.LBD_ROUNDS ?? 8);

const address = (protocol: 'tcp' | 'udp' | 'sctp', ip: string, port: number): ServiceId => ({
  kind: 'address',
  family: ip.includes(':') ? 6 : 4,
  protocol,
  address: ip,
  port,
});
const IDS: readonly ServiceId[] = [
  address('tcp', '192.0.2.10', 80),
  address('udp', '192.0.2.10', 80),
  address('sctp', '192.0.2.11', 3868),
  address('tcp', '192.0.2.12', 0),
  address('tcp', '2001:db8::10', 443),
  address('udp', '2001:db8::10', 53),
  { kind: 'fwmark', family: 4, fwmark: 7 },
  { kind: 'fwmark', family: 6, fwmark: 7 },
];
const SCHEDULERS = ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh', 'sed', 'nq', 'fo', 'ovf', 'mh'];

/** Where packets may go from a service of this family: the other family only through a tunnel. */
const destination = (id: ServiceId): fc.Arbitrary<Destination> =>
  fc
    .record({
      host: fc.integer({ min: 1, max: 6 }),
      forward: fc.constantFrom('nat', 'dr', 'tun' as const),
      weight: fc.constantFrom(0, 1, 10, 65_535),
      limits: fc.constantFrom([0, 0], [100, 0], [100, 75]),
      tunnel: fc.constantFrom([0, 0, 0], [1, 6080, 0], [1, 7000, 1], [2, 0, 0], [2, 0, 1]),
      other: fc.boolean(),
    })
    .map(({ host, forward, weight, limits, tunnel, other }) => {
      const family = forward === 'tun' && other ? (id.family === 4 ? 6 : 4) : id.family;
      const [tunType, tunPort, tunFlags] = forward === 'tun' ? tunnel : [0, 0, 0];
      return {
        address: family === 4 ? `10.1.0.${host}` : `fd00::${host}`,
        port: id.kind === 'address' ? id.port : 0,
        forward,
        weight,
        upper: limits[0] as number,
        lower: limits[1] as number,
        tunType: tunType as number,
        tunPort: tunPort as number,
        tunFlags: tunFlags as number,
      };
    });

const service = (id: ServiceId): fc.Arbitrary<Service> =>
  fc
    .record({
      scheduler: fc.constantFrom(...SCHEDULERS),
      persistent: fc.boolean(),
      timeout: fc.constantFrom(1, 300, 86_400),
      prefix: id.family === 4 ? fc.constantFrom(8, 24, 32) : fc.constantFrom(1, 64, 128),
      sip: fc.boolean(),
      ops: fc.boolean(),
      marks: fc.constantFrom(0, SCHED1, SCHED2, SCHED1 | SCHED2),
      destinations: fc.uniqueArray(destination(id), { maxLength: 6, selector: destinationKey }),
    })
    .map(({ scheduler, persistent, timeout, prefix, sip, ops, marks, destinations }) => {
      const kept = persistent || (id.kind === 'address' && id.port === 0);
      const hashed = scheduler === 'sh' || scheduler === 'mh';
      const isUdp = id.kind === 'address' && id.protocol === 'udp';
      return {
        id,
        scheduler,
        flags: (kept ? PERSISTENT : 0) | (isUdp && ops ? ONE_PACKET : 0) | (hashed ? marks : 0),
        timeout: kept ? timeout : 0,
        prefix: kept ? prefix : id.family === 4 ? 32 : 128,
        pe: kept && sip && isUdp ? 'sip' : '',
        destinations: new Map(destinations.map((one) => [destinationKey(one), one])),
      };
    });

const table: fc.Arbitrary<Table> = fc
  .tuple(...IDS.map((id) => fc.option(service(id), { nil: undefined })))
  .map((all) => new Map(all.flatMap((one) => (one ? [[serviceKey(one.id), one] as const] : []))));

const foreign: Table = new Map(
  [address('tcp', '203.0.113.1', 80), { kind: 'fwmark', family: 4, fwmark: 99 } as const].map((id) => [
    serviceKey(id),
    {
      id,
      scheduler: 'wrr',
      flags: 0,
      timeout: 0,
      prefix: 32,
      pe: '',
      destinations: new Map([
        [
          '10.9.9.9:80',
          { address: '10.9.9.9', port: 80, forward: 'nat', weight: 3, upper: 0, lower: 0, tunType: 0, tunPort: 0, tunFlags: 0 },
        ],
      ]),
    },
  ]),
);
const isForeign = (line: string) => line.includes('203.0.113.1') || line.includes('-f 99');

/** What counts of a table, in its order where that counts. */
const essence = (one: Table) =>
  [...one]
    .map(([key, { scheduler, flags, timeout, prefix, pe, destinations }]) => {
      const all = [...destinations].map(([name, { forward, weight, upper, lower, tunType, tunPort, tunFlags }]) =>
        [name, forward, weight, upper, lower, tunType, tunPort, tunFlags].join(),
      );
      return [key, scheduler, flags, timeout, prefix, pe, ...(scheduler === 'sh' || scheduler === 'mh' ? all : all.sort())].join(
        ' ',
      );
    })
    .sort();

describe('plan and apply', () => {
  let ns: Netns;
  let client: Program<never>;
  const apply = (operations: readonly Operation[]) => client.call<{ refusals: Refusal[] }>('apply', operations);

  before(async () => {
    ns = makeNetns('property');
    client = ns.start(CHILD);
    await client.call('open');
    assert.deepEqual((await apply(plan(new Map(), foreign, new Set()))).refusals, []);
  });
  after(() => ns?.destroy());

  test(`${RUNS * STEPS} tables one after the other, each as wanted`, async (t) => {
    const before = ns.exec('ipvsadm -Sn').split('\n').filter(isForeign);
    let operations = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(table, { minLength: STEPS, maxLength: STEPS }), async (tables) => {
        let have = await client.call<Table<KernelDestination>>('table', false);
        for (const [i, want] of tables.entries()) {
          const owned = new Set([...have.keys()].filter((key) => !foreign.has(key)));
          const steps = plan(have, want, owned);
          operations += steps.length;
          const became = await client.call<{ refusals: Refusal[]; table: Table<KernelDestination> }>('become', steps);
          assert.deepEqual(became.refusals, []);
          have = became.table;
          const result = new Map(have);
          for (const key of foreign.keys()) assert.ok(result.delete(key));
          assert.deepEqual(essence(result), essence(want));
          assert.deepEqual(plan(result, want, owned), [], 'nothing is left to do');
          if (i % 25 !== 0) continue;
          const saved = ns
            .exec('ipvsadm -Sn')
            .trim()
            .split('\n')
            .filter((line) => !isForeign(line))
            .sort();
          assert.deepEqual(
            saved.filter((line) => line !== ''),
            words(want),
          );
        }
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
    assert.deepEqual(ns.exec('ipvsadm -Sn').split('\n').filter(isForeign), before, "what is somebody else's");
    t.diagnostic(`${operations} operations`);
  });
});

// ---- the daemon --------------------------------------------------------------------------------------------------------------

const yamlService = (n: number): fc.Arbitrary<string> =>
  fc
    .record({
      scheduler: fc.constantFrom('rr', 'wrr', 'wlc', 'sh', 'mh'),
      forward: fc.constantFrom('nat', 'dr', 'tun'),
      persistence: fc.constantFrom('', 'persistence: 5m, ', 'persistence: { timeout: 1h, prefix: 24 }, '),
      where: fc.constantFrom(
        `address: "192.0.2.${n}:80"`,
        `address: "192.0.2.${n}-${n + 2}:80"`,
        `address: "192.0.2.${n}:80", protocol: udp`,
        `fwmark: ${n}`,
      ),
      hosts: fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.constantFrom(0, 1, 10)), {
        minLength: 1,
        maxLength: 4,
        selector: ([host]) => host,
      }),
    })
    .map(({ scheduler, forward, persistence, where, hosts }) => {
      const servers = hosts.map(([host, weight]) => `{ address: 10.1.0.${host}, weight: ${weight} }`).join(', ');
      return `  - { name: s${n}, ${where}, scheduler: ${scheduler}, forward: ${forward}, ${persistence}real_servers: [ ${servers} ] }\n`;
    });

const yaml = fc
  .tuple(...[10, 20, 30, 40].map((n) => fc.option(yamlService(n), { nil: '' })))
  .map(
    (all) =>
      `virtual_servers:\n${all.join('')}  - { name: last, address: "192.0.2.99:80", real_servers: [ { address: 10.1.0.1 } ] }\n`,
  );

/** The table that a configuration without checks means. */
function meant(text: string): string[] {
  const { config, problems } = parseConfig('f.yaml', text, { env: {} });
  assert.ok(config, JSON.stringify(problems));
  const services = buildIntent(config, [], 1).intent.services.flatMap((one) =>
    wanted(one, new Map(one.realServers.map((server) => [server.key, 'in']))),
  );
  return words(new Map(services.map((one) => [serviceKey(one.id), one])));
}

/** What somebody else does to a table with these lines of `ipvsadm -Sn`. */
function hostile(lines: readonly string[], pick: number, what: number): string {
  const own = lines.filter((line) => !isForeign(line));
  const servers = own.filter((line) => line.startsWith('-a'));
  const service = own.filter((line) => line.startsWith('-A'))[
    pick % own.filter((line) => line.startsWith('-A')).length
  ] as string;
  const id = service.replace(/^-A (.*) -s .*$/, '$1');
  const server = servers[pick % servers.length] as string;
  const [, serverId, rest] = /^-a (.*) -r (\S+) .*$/.exec(server) ?? [];
  switch (what) {
    case 0:
      return '-C';
    case 1:
      return `-D ${id}`;
    case 2:
      return `-E ${id} -s lc`;
    case 3:
      return `-a ${id} -r 10.7.7.7:80 -m`;
    case 4:
      return `-d ${serverId} -r ${rest}`;
    default:
      return `${server
        .replace('-a', '-e')
        .replace(/ --tun-.*$/, '')
        .replace(/-w \d+/, '-w 77')}`;
  }
}

describe('the daemon, with somebody else at the same table', () => {
  let ns: Netns;
  let director: Director;
  const saved = () => ns.exec('ipvsadm -Sn').trim().split('\n');
  const own = () =>
    saved()
      .filter((line) => line !== '' && !isForeign(line))
      .sort();
  const others = ['-A -t 203.0.113.1:80 -s wrr', '-a -t 203.0.113.1:80 -r 10.9.9.9:80 -m -w 3'];
  const addOthers = () => others.forEach((line) => void ns.exec(`ipvsadm ${line}`));

  before(() => {
    ns = makeNetns('hostile');
    // The kernel takes no real server before the namespace has a local routing table.
    ns.exec('ip addr add 192.0.2.1/24 dev lo');
    addOthers();
    director = createDirector(ns.name, 'd1');
  });
  after(async () => {
    await director?.destroy();
    ns?.destroy();
  });

  test(`${ROUNDS} reloads and hostile edits: the table is as wanted after each, and drift is counted by kind`, async (t) => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    t.diagnostic(`seed ${seed}`);
    const texts = fc.sample(yaml, { seed, numRuns: ROUNDS });
    const picks = fc.sample(fc.tuple(fc.nat(1000), fc.nat(5)), { seed, numRuns: ROUNDS });
    director.configure(texts[0] as string);
    await director.start();
    let current = meant(texts[0] as string);
    const asWanted = (what: string) =>
      until(what, () => JSON.stringify(own()) === JSON.stringify(current)).catch(() => assert.deepEqual(own(), current, what));
    await asWanted('at the start');
    for (const [i, text] of texts.entries()) {
      director.configure(text);
      director.program().signal('SIGHUP');
      current = meant(text);
      await asWanted(`reload ${i}`);
      const [pick, what] = picks[i] as [number, number];
      const edit = hostile(saved(), pick, what);
      ns.exec(`ipvsadm ${edit}`);
      if (what === 0) addOthers();
      await asWanted(`after ipvsadm ${edit}`);
      assert.deepEqual(saved().filter(isForeign).sort(), [...others].sort(), "what is somebody else's");
    }
    const { drift, problems } = await director.status();
    assert.ok(drift.total >= ROUNDS, JSON.stringify(drift));
    assert.equal(
      Object.values(drift.by_kind).reduce((sum, one) => sum + one, 0),
      drift.total,
    );
    assert.ok(!problems.some((one) => one.text.includes('not as wanted')), JSON.stringify(problems));
  });
});
