import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyToService, applyToTable, foreignKeys, plan, planService } from '../../../src/ipvs/plan.js';
import { type Destination, destinationKey, type Service, serviceKey, type Table } from '../../../src/ipvs/types.js';

const dest = (host: number, weight: number): Destination => ({
  address: `10.0.0.${host}`,
  port: 80,
  forward: 'nat',
  weight,
  upper: 0,
  lower: 0,
  tunType: 0,
  tunPort: 0,
  tunFlags: 0,
});

function service(host: number, scheduler: string, destinations: readonly Destination[]): Service {
  return {
    id: { kind: 'address', family: 4, protocol: 'tcp', address: `192.0.2.${host}`, port: 80 },
    scheduler,
    flags: 0,
    timeout: 0,
    prefix: 32,
    pe: '',
    destinations: new Map(destinations.map((one) => [destinationKey(one), one])),
  };
}

const table = (...services: Service[]): Table => new Map(services.map((one) => [serviceKey(one.id), one]));
const kinds = (have: Table, want: Table, owned: string[] = []) =>
  plan(have, want, new Set(owned)).map((operation) => operation.kind);

const arbitraryTable = fc
  .uniqueArray(
    fc.record({
      host: fc.integer({ min: 1, max: 6 }),
      scheduler: fc.constantFrom('rr', 'wlc', 'sh', 'mh'),
      destinations: fc.uniqueArray(fc.record({ host: fc.integer({ min: 1, max: 5 }), weight: fc.integer({ min: 0, max: 3 }) }), {
        selector: (one) => one.host,
      }),
    }),
    { selector: (one) => one.host },
  )
  .map((list) =>
    table(
      ...list.map((one) =>
        service(
          one.host,
          one.scheduler,
          one.destinations.map((d) => dest(d.host, d.weight)),
        ),
      ),
    ),
  );

const sorted = (value: Table) =>
  [...value]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, one]) => [key, one.scheduler, [...one.destinations].sort(([a], [b]) => (a < b ? -1 : 1))]);

test('a missing service is added before its destinations', () => {
  assert.deepEqual(kinds(table(), table(service(1, 'rr', [dest(1, 1), dest(2, 1)]))), ['new-service', 'new-dest', 'new-dest']);
});

test('a service never loses its old destination before it has the new one', () => {
  const have = table(service(1, 'rr', [dest(1, 1)]));
  const want = table(service(1, 'rr', [dest(2, 1)]));
  assert.deepEqual(kinds(have, want), ['new-dest', 'del-dest']);
});

test('a changed weight is one set-dest and touches nothing else', () => {
  const have = table(service(1, 'rr', [dest(1, 1), dest(2, 1)]), service(2, 'rr', [dest(1, 1)]));
  const want = table(service(1, 'rr', [dest(1, 1), dest(2, 7)]), service(2, 'rr', [dest(1, 1)]));
  const operations = plan(have, want, new Set());
  assert.equal(operations.length, 1);
  assert.equal(operations[0]?.kind, 'set-dest');
});

test('a foreign service is never named by any operation', () => {
  const foreign = service(9, 'sh', [dest(3, 1)]);
  const have = table(foreign, service(1, 'rr', []));
  assert.deepEqual(kinds(have, table()), []);
  assert.deepEqual(kinds(have, table(), ['tcp/192.0.2.1:80']), ['del-service']);
  assert.deepEqual(foreignKeys(have, table(), new Set(['tcp/192.0.2.1:80'])), ['tcp/192.0.2.9:80']);
});

test('whatever the kernel has, the plan ends in the wanted table and leaves the foreign services', () => {
  fc.assert(
    fc.property(arbitraryTable, arbitraryTable, fc.boolean(), (have, want, ownAll) => {
      const owned = new Set(ownAll ? have.keys() : []);
      const after = new Map(have);
      applyToTable(after, plan(have, want, owned));
      const expected = new Map(want);
      for (const key of foreignKeys(have, want, owned)) expected.set(key, have.get(key) as Service);
      assert.deepEqual(sorted(after), sorted(expected));
      assert.deepEqual(plan(after, want, owned), []);
    }),
  );
});

test('a table of hashes ends in the wanted order, whatever was there; the others are left in theirs', () => {
  const hosts = fc.uniqueArray(fc.integer({ min: 1, max: 8 }), { maxLength: 6 });
  fc.assert(
    fc.property(hosts, hosts, fc.constantFrom('sh', 'mh'), (before, after, scheduler) => {
      const list = (all: readonly number[]) =>
        service(
          1,
          scheduler,
          all.map((host) => dest(host, 1)),
        );
      const have = list(before);
      const result = applyToService(have, planService(have, list(after)));
      assert.deepEqual([...(result?.destinations.keys() ?? [])], [...list(after).destinations.keys()]);
    }),
  );
  const [one, two] = [dest(1, 1), dest(2, 1)];
  assert.deepEqual(planService(service(1, 'rr', [one, two]), service(1, 'rr', [two, one])), []);
  const appended = planService(service(1, 'mh', [one]), service(1, 'mh', [one, two]));
  assert.deepEqual(
    appended.map((operation) => operation.kind),
    ['new-dest'],
  );
});

test('mh: one that is added with weight 0 has its place in the table of hashes first, wherever it is added', () => {
  const placed: Destination = { ...dest(2, 0), place: 7 };
  const steps = (have: Service | undefined, ...want: Destination[]) =>
    planService(have, service(1, 'mh', want)).map((one) => ('dest' in one ? `${one.kind} ${one.dest.weight}` : one.kind));
  assert.deepEqual(steps(undefined, placed), ['new-service', 'new-dest 7', 'set-dest 0']);
  assert.deepEqual(steps(undefined, dest(2, 0)), ['new-service', 'new-dest 0']);
  assert.deepEqual(steps(service(1, 'mh', [placed, dest(1, 1)]), dest(1, 1), placed), [
    'del-dest 1',
    'new-dest 1',
    'del-dest 0',
    'new-dest 7',
    'set-dest 0',
  ]);
  assert.deepEqual(steps(service(1, 'mh', [dest(2, 7)]), placed), ['set-dest 0']);
  assert.deepEqual(steps(service(1, 'mh', [dest(2, 0)]), placed), []);
});

test('what takes traffic comes before what loses it, and whole services go last', () => {
  const have = table(service(1, 'rr', [dest(1, 5), dest(2, 0), dest(3, 1)]), service(2, 'rr', [dest(1, 1)]));
  const want = table(service(1, 'rr', [dest(1, 0), dest(2, 5), dest(4, 1)]), service(3, 'rr', [dest(1, 1)]));
  const steps = plan(have, want, new Set(['tcp/192.0.2.2:80'])).map((one) =>
    'dest' in one ? `${one.kind} ${one.dest.address} ${one.dest.weight}` : `${one.kind} ${one.key}`,
  );
  assert.deepEqual(steps, [
    'new-dest 10.0.0.4 1',
    'set-dest 10.0.0.2 5',
    'set-dest 10.0.0.1 0',
    'del-dest 10.0.0.3 1',
    'new-service tcp/192.0.2.3:80',
    'new-dest 10.0.0.1 1',
    'del-service tcp/192.0.2.2:80',
  ]);
});
