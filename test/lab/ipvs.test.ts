/** The client of IPVS against the kernel's own: what is applied is what is there, for lbd and for ipvsadm. */
import assert from 'node:assert/strict';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import { plan, planService } from '../../src/ipvs/plan.js';
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
import { makeNetns, type Netns, type Program } from '../netns/netns.js';
import { ONE_PACKET, PERSISTENT, SCHED1, SCHED2, words } from './kit/ipvsadm.js';
import { run, tryRun, until } from './kit/shell.js';

const CHILD = new URL('./kit/ipvs.js', import.meta.url);
/** Modules may be unloaded, and hidden, in a guest of the lab only. */
const GUEST = readFileSync('/proc/cmdline', 'utf8').includes('lab.run=');

let ns: Netns;
let client: Program<never>;

const readTable = (counters = false) => client.call<Table<KernelDestination>>('table', counters);
const apply = (operations: readonly Operation[]) => client.call<{ refusals: Refusal[]; ms: number }>('apply', operations);
const applied = async (operations: readonly Operation[]) => assert.deepEqual((await apply(operations)).refusals, []);

const id = (text: string): ServiceId => {
  const mark = /^fwmark\/(\d+)(\/inet6)?$/.exec(text);
  if (mark) return { kind: 'fwmark', family: mark[2] ? 6 : 4, fwmark: Number(mark[1]) };
  const [, protocol, six, four, port] = /^(tcp|udp|sctp)\/(?:\[(.*)\]|([\d.]+)):(\d+)$/.exec(text) ?? [];
  const address = six ?? four ?? assert.fail(text);
  return { kind: 'address', family: six ? 6 : 4, protocol: protocol as 'tcp', address, port: Number(port) };
};

const dest = (address: string, port: number, more: Partial<Destination> = {}): Destination => ({
  address,
  port,
  forward: 'nat',
  weight: 1,
  upper: 0,
  lower: 0,
  tunType: 0,
  tunPort: 0,
  tunFlags: 0,
  ...more,
});

const service = (name: string, destinations: readonly Destination[], more: Partial<Service> = {}): Service => ({
  id: id(name),
  scheduler: 'wrr',
  flags: 0,
  timeout: 0,
  prefix: id(name).family === 4 ? 32 : 128,
  pe: '',
  destinations: new Map(destinations.map((one) => [destinationKey(one), one])),
  ...more,
});

const table = (...services: readonly Service[]): Map<string, Service> =>
  new Map(services.map((one) => [serviceKey(one.id), one]));

const variety = table(
  service('tcp/192.0.2.10:80', [
    dest('10.1.0.1', 8080, { weight: 5, upper: 10, lower: 5 }),
    dest('10.1.0.2', 80, { weight: 0 }),
    dest('10.1.0.3', 80, { forward: 'dr', weight: 65535, upper: 7 }),
    dest('10.1.0.4', 80, { forward: 'tun' }),
    dest('10.1.0.5', 80, { forward: 'tun', tunType: 1, tunPort: 6080, tunFlags: 1 }),
    dest('10.1.0.6', 80, { forward: 'tun', tunType: 2 }),
  ]),
  service('udp/192.0.2.10:53', [dest('10.1.0.1', 53), dest('10.1.0.2', 5353)], { scheduler: 'rr', flags: ONE_PACKET }),
  service('tcp/[2001:db8::10]:443', [dest('fd00::1', 443, { forward: 'dr' }), dest('fd00::2', 8443), dest('fd00::3', 443)], {
    scheduler: 'wlc',
    flags: PERSISTENT,
    timeout: 300,
    prefix: 64,
  }),
  service(
    'udp/[2001:db8::10]:53',
    [dest('fd00::1', 53, { forward: 'tun', tunType: 1, tunPort: 1 }), dest('10.1.0.9', 53, { forward: 'tun' })],
    {
      scheduler: 'mh',
      flags: SCHED1 | SCHED2,
    },
  ),
  service('tcp/192.0.2.11:0', [dest('10.1.0.1', 0, { forward: 'dr' })], {
    scheduler: 'sh',
    flags: PERSISTENT | SCHED2,
    timeout: 60,
    prefix: 24,
  }),
  service('tcp/192.0.2.12:80', [], { scheduler: 'lblcr' }),
  service('sctp/192.0.2.10:3868', [dest('10.1.0.1', 3868)], { scheduler: 'sed' }),
  service('fwmark/7', [dest('10.1.0.7', 0)], { scheduler: 'lc', flags: PERSISTENT, timeout: 86400, prefix: 16 }),
  service('fwmark/7/inet6', [dest('fd00::7', 0, { forward: 'dr' })], { scheduler: 'nq' }),
);

const saved = (): string[] => ns.exec('ipvsadm -Sn').trim().split('\n').sort();

/* ---- */

before(async () => {
  // One module, so that the first test finds it whatever ran before.
  tryRun('modprobe ip_vs');
  ns = makeNetns('ipvs');
  client = ns.start(CHILD);
});
after(() => ns?.destroy());

describe('opening', { skip: GUEST ? false : 'only a guest of the lab may unload and hide modules' }, () => {
  // The kernel's own way to load a module.
  const HELPER = '/proc/sys/kernel/modprobe';
  const version = run('uname -r').trim();
  const hide = (hidden: boolean) => {
    const [there, away] = [`/lib/modules/${version}`, `/lib/modules/hidden`];
    if (hidden) renameSync(there, away);
    else renameSync(away, there);
  };
  const loaded = () => run('lsmod').includes('ip_vs ');
  /** The kernel takes the namespaces of earlier scenarios, and their services, down in its own time. */
  const unload = () =>
    until('the modules can be unloaded', () => {
      for (const line of run('lsmod').split('\n')) if (line.startsWith('ip_vs_')) tryRun(`modprobe -r ${line.split(' ')[0]}`);
      tryRun('modprobe -r ip_vs');
      return !loaded();
    });
  let helper = '';

  before(() => {
    helper = readFileSync(HELPER, 'utf8').trim();
  });
  afterEach(() => {
    writeFileSync(HELPER, helper);
    tryRun('modprobe ip_vs');
  });

  test('the kernel loads the module by itself', async () => {
    await unload();
    const info = await client.call<{ version: string; tableSize: number }>('open');
    assert.match(info.version, /^1\.2\.\d+$/);
    assert.ok(info.tableSize >= 256);
    assert.equal(loaded(), true);
  });

  test('where the kernel does not, lbd does', async () => {
    await unload();
    writeFileSync(HELPER, '/bin/false');
    await client.call('open');
    assert.equal(loaded(), true);
  });

  test('no such module: what is missing and the cure', async () => {
    await unload();
    hide(true);
    try {
      await assert.rejects(client.call('open'), {
        name: 'OsError',
        code: 'ENOENT',
        message:
          /this kernel has no IPVS and the module ip_vs cannot be loaded \(modprobe: .*ip_vs.*\): install .*modprobe ip_vs/,
      });
    } finally {
      hide(false);
    }
    await client.call('open');
  });

  test('the module is unloaded and loaded again: told, and opened anew', async () => {
    await client.call('open');
    await unload();
    const gone = { name: 'OsError', code: 'ENOENT' };
    await assert.rejects(client.call('table'), gone);
    await assert.rejects(client.call('apply', plan(new Map(), variety, new Set())), gone);
    run('modprobe ip_vs');
    await client.call('open');
    assert.equal((await readTable()).size, 0);
  });
});

test('without CAP_NET_ADMIN: which right is missing', async () => {
  const poor = ns.start<never>(CHILD, ['setpriv', '--bounding-set=-net_admin']);
  await assert.rejects(poor.call('open'), {
    name: 'OsError',
    code: 'EPERM',
    message: /CAP_NET_ADMIN in the initial user namespace/,
  });
  assert.equal(await poor.end(), 0);
});

describe('the table', () => {
  before(() => client.call('open'));
  afterEach(() => void ns.exec('ipvsadm -C'));

  test('what is applied is what lbd reads, and what ipvsadm shows', async () => {
    await applied(plan(new Map(), variety, new Set()));
    const read = await readTable();
    assert.deepEqual(plan(read, variety, new Set(read.keys())), []);
    assert.deepEqual(words(read), words(variety));
    assert.deepEqual(saved(), words(variety));
    for (const [key, one] of variety) assert.deepEqual(await client.call('service', one.id), read.get(key), key);
    assert.equal(await client.call('service', id('tcp/192.0.2.99:80')), undefined);
    const shown = ns.exec('ipvsadm -Ln --thresholds');
    assert.match(shown, /10\.1\.0\.1:8080 +10 +5 /);
    assert.match(shown, /10\.1\.0\.3:80 +7 +0 /);
  });

  test('what ipvsadm adds is what lbd reads', async () => {
    ns.exec('ipvsadm -R', `${words(variety).join('\n')}\n`);
    assert.deepEqual(words(await readTable()), words(variety));
  });

  test('counters and flags of a fresh service', async () => {
    await applied(plan(new Map(), variety, new Set()));
    const one = (await readTable(true)).get('tcp/192.0.2.10:80');
    const [first] = one?.destinations.values() ?? [];
    assert.deepEqual([first?.active, first?.inactive, first?.persistent, first?.stats?.connections], [0, 0, 0, 0n]);
    assert.deepEqual((one as { stats?: { inBytes: bigint } }).stats?.inBytes, 0n);
  });

  test('everything that can change is changed, and back', async () => {
    await applied(plan(new Map(), variety, new Set()));
    const turned = new Map(
      [...variety].map(([key, one]) => {
        const destinations = new Map(
          [...one.destinations].map(([name, to], i) => {
            const tunnel = to.tunType === 0 ? { tunType: 0 } : { tunType: 0, tunPort: 0, tunFlags: 0 };
            return [name, { ...to, ...tunnel, weight: to.weight + 1 > 65535 ? 3 : to.weight + 1, upper: i, lower: 0 }];
          }),
        );
        return [
          key,
          { ...one, scheduler: 'rr', flags: PERSISTENT, timeout: 77, prefix: one.id.family === 4 ? 8 : 32, destinations },
        ];
      }),
    );
    const kinds = new Set(plan(variety, turned, new Set()).map((one) => one.kind));
    assert.deepEqual([...kinds].sort(), ['set-dest', 'set-service']);
    for (const want of [turned, variety]) {
      await applied(plan(await readTable(), want, new Set()));
      assert.deepEqual(saved(), words(want));
      assert.deepEqual(plan(await readTable(), want, new Set()), []);
    }
  });

  test('a forwarding method is changed in place', async () => {
    for (const forward of ['nat', 'dr', 'tun', 'nat'] as const) {
      const want = table(service('tcp/192.0.2.10:80', [dest('10.1.0.1', 80, { forward })]));
      await applied(plan(await readTable(), want, new Set()));
      assert.deepEqual(saved(), words(want));
    }
  });

  test('somebody else’s service is never touched', async () => {
    ns.exec('ipvsadm -A -t 192.0.2.77:80 -s wlc -p 99');
    ns.exec('ipvsadm -a -t 192.0.2.77:80 -r 10.1.0.77:80 -g -w 3');
    const theirs = saved();
    const owned = new Set(variety.keys());
    await applied(plan(await readTable(), variety, owned));
    assert.deepEqual(saved(), [...theirs, ...words(variety)].sort());
    await applied(plan(await readTable(), new Map(), owned));
    assert.deepEqual(saved(), theirs);
  });

  test('somebody changes what is ours: the next reading shows it, and the plan mends it', async () => {
    await applied(plan(new Map(), variety, new Set()));
    ns.exec('ipvsadm -d -t 192.0.2.10:80 -r 10.1.0.2:80');
    ns.exec('ipvsadm -e -t 192.0.2.10:80 -r 10.1.0.3:80 -g -w 9');
    ns.exec('ipvsadm -D -f 7');
    const operations = plan(await readTable(), variety, new Set());
    assert.deepEqual(operations.map((one) => one.kind).sort(), ['new-dest', 'new-dest', 'new-service', 'set-dest']);
    await applied(operations);
    assert.deepEqual(saved(), words(variety));
  });
});

describe('refusals', () => {
  before(() => client.call('open'));
  afterEach(() => void ns.exec('ipvsadm -C'));

  test('in a batch of 300 each finds its operation', async () => {
    const web = service('tcp/192.0.2.10:80', []);
    const key = serviceKey(web.id);
    const host = (i: number) => `10.2.${i >> 7}.${(i & 127) + 1}`;
    const expected: [number, string][] = [];
    const refuse = (i: number, code: string, operation: Operation): Operation => {
      expected.push([i, code]);
      return operation;
    };
    const to = { key, id: web.id };
    const operations = Array.from({ length: 300 }, (_, i): Operation => {
      if (i === 0) return planService(undefined, web)[0] as Operation;
      if (i % 7 === 3) return refuse(i, 'ERANGE', { kind: 'new-dest', ...to, dest: dest(host(i), 80, { weight: -1 }) });
      if (i % 11 === 5) return refuse(i, 'ENOENT', { kind: 'del-dest', ...to, dest: dest(host(5000 + i), 80) });
      if (i % 13 === 8)
        return refuse(i, 'ESRCH', { kind: 'new-dest', key: '', id: id('tcp/192.0.2.9:9'), dest: dest(host(i), 80) });
      if (i % 17 === 9) return refuse(i, 'EINVAL', { kind: 'new-dest', ...to, dest: dest('224.0.0.1', 80) });
      if (i === 200) return refuse(i, 'EEXIST', planService(undefined, web)[0] as Operation);
      if (i === 299)
        return refuse(
          i,
          'ENOENT',
          planService(undefined, service('tcp/192.0.2.8:80', [], { scheduler: 'nosuch' }))[0] as Operation,
        );
      return { kind: 'new-dest', ...to, dest: dest(host(i), 80) };
    });
    const { refusals } = await apply(operations);
    assert.deepEqual(
      refusals.map(({ operation, code }) => ({ operation, code })),
      expected.map(([i, code]) => ({ operation: operations[i], code })),
    );
    assert.deepEqual(new Set(expected.map(([, code]) => code)).size, 5);
    assert.equal((await readTable()).get(key)?.destinations.size, 299 - expected.length);
  });

  test('what is there already is refused, and a reading ends the dispute', async () => {
    await applied(plan(new Map(), variety, new Set()));
    const operations = plan(new Map(), variety, new Set());
    const { refusals } = await apply(operations);
    assert.deepEqual(
      refusals.map(({ operation, code }) => ({ operation, code })),
      operations.map((operation) => ({ operation, code: 'EEXIST' })),
    );
    assert.deepEqual(plan(await readTable(), variety, new Set()), []);
  });
});

describe('1,000 services of 10 real servers', () => {
  const COUNT = 1000;
  const host = (i: number, j: number) => dest(`10.${j + 1}.${i >> 8}.${i & 255 || 255}`, 80);
  const many = table(
    ...Array.from({ length: COUNT }, (_, i) =>
      service(
        `tcp/192.0.${i >> 8}.${i & 255}:80`,
        Array.from({ length: 10 }, (_, j) => host(i, j)),
      ),
    ),
  );
  before(() => client.call('open'));
  after(() => void ns.exec('ipvsadm -C'));

  test('applied, read, changed in one weight, removed', async (t) => {
    const operations = plan(new Map(), many, new Set());
    assert.equal(operations.length, 11 * COUNT);
    const full = await apply(operations);
    assert.deepEqual(full.refusals, []);
    const read = await client.call<{ services: number; ms: number }>('read');
    assert.equal(read.services, COUNT);
    assert.deepEqual(saved(), words(many));
    const one = many.get('tcp/192.0.1.1:80') as Service;
    const heavier = { ...one, destinations: new Map([...one.destinations].map(([name, to]) => [name, { ...to, weight: 9 }])) };
    const change = planService(one, heavier).slice(0, 1);
    const weight = await apply(change);
    assert.deepEqual(weight.refusals, []);
    const gone = await apply(plan(many, new Map(), new Set(many.keys())));
    assert.deepEqual(gone.refusals, []);
    assert.equal((await readTable()).size, 0);
    const ms = (one: number) => `${one.toFixed(1)} ms`;
    t.diagnostic(`${operations.length} operations into an empty table: ${ms(full.ms)}; whole table read: ${ms(read.ms)}`);
    t.diagnostic(`one weight: ${ms(weight.ms)}; ${COUNT} services deleted: ${ms(gone.ms)}`);
    assert.ok(full.ms < 60_000 && read.ms < 60_000 && gone.ms < 60_000);
  });
});
