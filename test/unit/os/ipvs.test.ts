/** The client of IPVS over the fake kernel: what is applied is what is read, and every refusal finds its operation. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OsError } from '../../../src/base/errors.js';
import { plan } from '../../../src/ipvs/plan.js';
import {
  type Destination,
  destinationKey,
  type Operation,
  type Service,
  type ServiceId,
  serviceKey,
} from '../../../src/ipvs/types.js';
import { openIpvs } from '../../../src/os/ipvs.js';
import { createFakeKernel, type FakeKernel } from '../../fake/ipvs-kernel.js';

const dest = (host: number, more: Partial<Destination> = {}): Destination => ({
  address: `10.0.${host >> 8}.${host & 255}`,
  port: 80,
  forward: 'nat',
  weight: 1,
  upper: 0,
  lower: 0,
  tunType: 0,
  tunPort: 0,
  tunFlags: 0,
  ...more,
});

const tcp = (port: number, address = '192.0.2.1'): ServiceId => ({
  kind: 'address',
  family: address.includes(':') ? 6 : 4,
  protocol: 'tcp',
  address,
  port,
});

const service = (id: ServiceId, destinations: readonly Destination[], more: Partial<Service> = {}): Service => ({
  id,
  scheduler: 'rr',
  flags: 0,
  timeout: 0,
  prefix: id.family === 4 ? 32 : 128,
  pe: '',
  destinations: new Map(destinations.map((one) => [destinationKey(one), one])),
  ...more,
});

const table = (...services: Service[]): Map<string, Service> => new Map(services.map((one) => [serviceKey(one.id), one]));
const never = () => Promise.reject(new Error('no module is to be loaded'));

async function setUp(): Promise<{ kernel: FakeKernel; client: Awaited<ReturnType<typeof openIpvs>> }> {
  const kernel = createFakeKernel();
  return { kernel, client: await openIpvs(kernel.open, never) };
}

const refusedWith = (code: string, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof OsError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, words);
  return true;
};

const variety = table(
  service(tcp(80), [dest(1), dest(2, { weight: 0 }), dest(3, { forward: 'dr', weight: 65535, upper: 100, lower: 50 })]),
  service(tcp(443, '2001:db8::1'), [dest(1, { address: 'fd00::1' }), dest(2, { address: '10.0.0.2', forward: 'tun' })], {
    scheduler: 'mh',
    flags: 0x19,
    timeout: 300,
    prefix: 64,
  }),
  service({ kind: 'fwmark', family: 4, fwmark: 7 }, [
    dest(9, { port: 0, forward: 'tun', tunType: 1, tunPort: 6080, tunFlags: 1 }),
  ]),
  service({ kind: 'fwmark', family: 6, fwmark: 7 }, []),
  service({ ...tcp(53), protocol: 'udp' } as ServiceId, [dest(4)], { flags: 4, prefix: 24 }),
);

describe('the table', () => {
  test('what is applied is what is read: nothing is left to do', async () => {
    const { client } = await setUp();
    assert.deepEqual(client.apply(plan(new Map(), variety, new Set())), []);
    const read = client.readTable();
    assert.deepEqual(plan(read, variety, new Set(read.keys())), []);
    assert.equal(read.size, variety.size);
    for (const [key, one] of variety) {
      const alone = client.readService(one.id);
      assert.deepEqual(alone, read.get(key));
      assert.deepEqual([...(alone?.destinations.keys() ?? [])].sort(), [...one.destinations.keys()].sort());
    }
  });

  test('one service that is not there is undefined', async () => {
    const { client } = await setUp();
    assert.equal(client.readService(tcp(81)), undefined);
  });

  test('an empty table is empty, and no operations send nothing', async () => {
    const { client, kernel } = await setUp();
    const before = kernel.commands.length;
    assert.deepEqual(client.apply([]), []);
    assert.equal(kernel.commands.length, before);
    assert.equal(client.readTable().size, 0);
  });

  test('an interrupted or repeating dump is neither doubled nor cut', async () => {
    const { client, kernel } = await setUp();
    client.apply(
      plan(
        new Map(),
        table(
          service(
            tcp(80),
            Array.from({ length: 50 }, (_, i) => dest(i + 1)),
          ),
        ),
        new Set(),
      ),
    );
    kernel.faults.push(
      { kind: 'repeated', command: 8 },
      { kind: 'interrupted', command: 4 },
      { kind: 'interrupted', command: 8 },
    );
    for (let i = 0; i < 3; i++) assert.equal(client.readTable().get('tcp/192.0.2.1:80')?.destinations.size, 50);
    assert.deepEqual(kernel.faults, []);
  });

  test('a service of a protocol that lbd does not know is not seen and hurts nobody', async () => {
    const { client, kernel } = await setUp();
    client.apply(plan(new Map(), table(service(tcp(80), []), service(tcp(81), [])), new Set()));
    const [, other] = [...kernel.table.services.values()];
    other?.values.set(2, Uint8Array.of(51, 0));
    assert.deepEqual([...client.readTable().keys()], ['tcp/192.0.2.1:80']);
  });
});

describe('refusals', () => {
  test('in a batch of 300 each finds its operation', async () => {
    const { client, kernel } = await setUp();
    assert.deepEqual(client.apply(plan(new Map(), table(service(tcp(80), [])), new Set())), []);
    const id = tcp(80);
    const key = serviceKey(id);
    const operations: Operation[] = Array.from({ length: 300 }, (_, i): Operation => {
      if (i % 7 === 3) return { kind: 'new-dest', key, id, dest: dest(i + 1, { weight: -1 }) };
      if (i % 11 === 5) return { kind: 'del-dest', key, id, dest: dest(5000 + i) };
      if (i % 13 === 8) return { kind: 'new-dest', key: 'x', id: tcp(9999), dest: dest(i + 1) };
      return { kind: 'new-dest', key, id, dest: dest(i + 1) };
    });
    const expected = operations.flatMap((operation, i) => {
      const code = i % 7 === 3 ? 'ERANGE' : i % 11 === 5 ? 'ENOENT' : i % 13 === 8 ? 'ESRCH' : undefined;
      return code ? [[operation, code]] : [];
    });
    const refusals = client.apply(operations);
    assert.deepEqual(
      refusals.map(({ operation, code }) => [operation, code]),
      expected,
    );
    assert.equal(client.readService(id)?.destinations.size, 300 - expected.length);
    assert.equal(kernel.sockets, 2);
  });

  test('all 300 refused, the first and the last too', async () => {
    const { client } = await setUp();
    const operations = Array.from({ length: 300 }, (_, i): Operation => ({ kind: 'del-service', key: `${i}`, id: tcp(i + 1) }));
    const refusals = client.apply(operations);
    assert.deepEqual(
      refusals.map(({ operation }) => operation),
      operations,
    );
    assert.ok(refusals.every(({ errno, code }) => errno === 3 && code === 'ESRCH'));
  });

  test('the kernel’s own words are kept', async () => {
    const { client, kernel } = await setUp();
    kernel.refuse.push({ command: 1, errno: 22, extack: 'not today' });
    const [refusal] = client.apply(plan(new Map(), table(service(tcp(80), [])), new Set()));
    assert.deepEqual([refusal?.code, refusal?.extack], ['EINVAL', 'not today']);
  });

  test('after doubt the client throws, and goes on with a new socket', async () => {
    const { client, kernel } = await setUp();
    const operations = plan(new Map(), variety, new Set());
    for (const kind of ['lost last', 'ENOBUFS', 'nonsense'] as const) {
      kernel.faults.push({ kind, command: 1 });
      assert.throws(
        () => client.apply(operations),
        refusedWith(kind === 'ENOBUFS' ? 'ENOBUFS' : kind === 'nonsense' ? 'EPROTO' : 'ETIMEDOUT', /changing the table/),
      );
      assert.deepEqual(plan(client.readTable(), variety, new Set()), [], 'it happened all the same');
    }
    client.close();
    assert.equal(kernel.sockets, 0);
  });

  test('a reload of the module: refused, not believed', async () => {
    const { client, kernel } = await setUp();
    kernel.family = 33;
    assert.throws(() => client.readTable(), refusedWith('ENOENT', /reading the services/));
    assert.throws(() => client.readService(tcp(80)), refusedWith('ENOENT', /tcp\/192/));
    assert.throws(() => client.info(), refusedWith('ENOENT', /./));
    const operations = plan(new Map(), variety, new Set());
    assert.throws(() => client.apply(operations), refusedWith('ENOENT', /loaded anew/));
    kernel.loaded = false;
    assert.throws(() => client.apply(operations), refusedWith('ENOENT', /looking for IPVS/));
  });

  test('ENOENT of a scheduler is no reload of the module', async () => {
    const { client } = await setUp();
    const operations = plan(new Map(), table(service(tcp(80), [], { scheduler: 'none-such' })), new Set());
    assert.deepEqual(
      client.apply(operations).map(({ code }) => code),
      ['ENOENT'],
    );
  });
});

describe('opening', () => {
  test('the module is loaded when the family is unknown', async () => {
    const kernel = createFakeKernel();
    kernel.loaded = false;
    const client = await openIpvs(kernel.open, async () => {
      kernel.loaded = true;
      return '';
    });
    assert.deepEqual(client.info(), { version: '1.2.1', tableSize: 4096 });
  });

  test('no module: what is missing, why, and the cure', async () => {
    const kernel = createFakeKernel();
    kernel.loaded = false;
    const load = () => Promise.resolve('modprobe: FATAL: Module ip_vs not found in directory /lib/modules/6.1.0');
    await assert.rejects(
      openIpvs(kernel.open, load),
      refusedWith(
        'ENOENT',
        /no IPVS and the module ip_vs cannot be loaded \(.*Module ip_vs not found.*\): install .* "modprobe ip_vs"/,
      ),
    );
    assert.equal(kernel.sockets, 0);
  });

  test('no permission: which one', async () => {
    const kernel = createFakeKernel();
    kernel.permitted = false;
    await assert.rejects(openIpvs(kernel.open, never), refusedWith('EPERM', /CAP_NET_ADMIN in the initial user namespace/));
    assert.equal(kernel.sockets, 0);
  });

  for (const kind of ['silence', 'nonsense', 'truncated', 'ENOBUFS', 'send refused'] as const) {
    test(`${kind} is an OsError and leaves no socket`, async () => {
      const kernel = createFakeKernel();
      kernel.faults.push({ kind });
      await assert.rejects(openIpvs(kernel.open, never), OsError);
      assert.equal(kernel.sockets, 0);
    });
  }
});
