/** What a check via: vip looks at before each probe, and what it says when something of the director's own is in the way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Passage, ProbeConfig } from '../../../../src/config/types.js';
import { createVia } from '../../../../src/daemon/check/via.js';
import type { ProbeResult } from '../../../../src/health/types.js';
import type { KernelService, Service } from '../../../../src/ipvs/types.js';
import { dr, named } from '../../../fake/pool-world.js';

const VIP = '192.0.2.10';
const PASSAGE: Passage = { address: '10.0.0.21', forward: 'dr' };
const PROBE: ProbeConfig = { type: 'tcp', via: 'vip', passage: PASSAGE, connect: VIP, port: 80 };
const SPEC = {
  key: 'k',
  check: { ...PROBE, interval: 1000, timeout: 500, rise: 1, fall: 1 },
  address: VIP,
  port: 80,
} as const;
const ETH0 = { address: '10.0.0.2', length: 24, interface: 'eth0' };

/** A host with one address, a kernel that takes everything, and a probe that always succeeds. */
function world() {
  const kernel = new Map<string, Service>();
  const pending = new Map<string, Service | undefined>();
  const started: ProbeConfig[] = [];
  const host = {
    problem: undefined as string | undefined,
    refusal: undefined as string | undefined,
    addresses: [ETH0],
    settings: {} as Record<string, string>,
    deaf: false,
    unrouted: '',
    clock: 0,
  };
  const via = createVia({
    startProbe(probe, _target, done) {
      started.push(probe);
      const soon = setImmediate(done, { ok: true, local: false, reason: 'connected', duration: 1 });
      return { cancel: () => clearImmediate(soon) };
    },
    keeper: {
      get problem() {
        return host.problem;
      },
      want: (key, service) => void pending.set(key, service),
      believed: (key) => kernel.get(key),
      flush() {
        for (const [key, service] of host.deaf ? [] : pending) if (service) kernel.set(key, service);
      },
      read: (ids) => ids.map((id) => kernel.get(`fwmark/${id.kind === 'fwmark' ? id.fwmark : ''}`) as KernelService | undefined),
      refusal: () => host.refusal,
    },
    owned: { keys: new Set() },
    paths: {
      addresses: () => host.addresses,
      sourceTowards: (address) => (address === host.unrouted ? undefined : '10.0.0.2'),
      conf: (link, name) => host.settings[`${link}.${name}`],
    },
    services: () => [named('web', 10, [dr(21)])],
    carriers: () => [{ name: 'VI_1', addresses: ['192.0.2.11'] }],
    now: () => host.clock,
  });
  via.use({ first: 100, last: 100 }, true);
  via.change([SPEC], []);
  const probe = (own: Partial<ProbeConfig> = {}): Promise<ProbeResult> =>
    new Promise((resolve) => {
      host.clock += 1000;
      via.startProbe({ ...PROBE, ...own } as ProbeConfig, { address: VIP, port: 80 }, resolve);
    });
  return { via, kernel, started, host, probe };
}

const unjudged = ({ ok, local, reason }: ProbeResult, expected: RegExp) => {
  assert.deepEqual([ok, local], [false, true], reason);
  assert.match(reason, expected);
};

test('with everything in its place the probe goes by its mark, from an address of the host, with ports of its own', async () => {
  const { probe, started, kernel } = world();
  const result = await probe();
  assert.deepEqual([result.ok, [...kernel.keys()]], [true, ['fwmark/100']]);
  assert.deepEqual(started, [{ ...PROBE, fwmark: 100, source: '10.0.0.2', lane: 0 }]);
});

test('a source that the check names is taken', async () => {
  const { probe, started } = world();
  await probe({ source: '10.0.0.9' });
  assert.equal((started[0] as { source?: string }).source, '10.0.0.9');
});

test('other checks are left alone', async () => {
  const { via, started } = world();
  const plain: ProbeConfig = { type: 'tcp', port: 80 };
  await new Promise((resolve) => via.startProbe(plain, { address: '10.0.0.21', port: 80 }, resolve));
  assert.deepEqual(started, [plain]);
});

test('what is wrong on this director says nothing of the server, and no packet leaves', async () => {
  const cases: readonly (readonly [(host: ReturnType<typeof world>) => void, RegExp])[] = [
    [({ host }) => Object.assign(host, { problem: 'no such module' }), /IPVS cannot be used: no such module/],
    [({ host }) => Object.assign(host, { deaf: true }), /its passage fwmark\/100 is not in the kernel as wanted/],
    [({ host }) => Object.assign(host, { deaf: true, refusal: 'ENOMEM' }), /not checked: ENOMEM/],
    [({ via }) => via.change([], ['k']), /none of probe_marks is free/],
    [({ host }) => Object.assign(host, { addresses: [{ ...ETH0, address: '192.0.2.11' }] }), /no address but virtual ones/],
    [({ host }) => Object.assign(host, { unrouted: VIP }), /this director has no route to 192\.0\.2\.10/],
    [
      ({ host }) => host.addresses.push({ ...ETH0, address: VIP }),
      /net\.ipv4\.conf\.eth0\.accept_local is 0: this director has 192\.0\.2\.10 itself/,
    ],
  ];
  for (const [spoil, reason] of cases) {
    const one = world();
    spoil(one);
    unjudged(await one.probe(), reason);
    assert.deepEqual(one.started, []);
  }
});

test('an address of its own is no obstacle where the settings let the answer in', async () => {
  const { host, probe } = world();
  host.addresses.push({ ...ETH0, address: VIP });
  host.settings = { 'eth0.accept_local': '1' };
  assert.equal((await probe()).ok, true);
});

test('a director that is the real server itself answers itself: nothing is dropped', async () => {
  const { host, probe } = world();
  host.addresses.push({ ...ETH0, address: VIP, interface: 'lo' }, { ...ETH0, address: '10.0.0.21' });
  assert.equal((await probe()).ok, true);
});

test('somebody else changed the passage: the probe would go to another server', async () => {
  const { kernel, probe, started } = world();
  await probe();
  const found = kernel.get('fwmark/100') as Service;
  const [dest] = found.destinations.values();
  const other = new Map([['10.0.0.22:0', { ...dest, address: '10.0.0.22' }]]);
  kernel.set('fwmark/100', { ...found, destinations: other } as Service);
  unjudged(await probe(), /fwmark\/100 is not in the kernel as wanted/);
  assert.equal(started.length, 1);
});

test('a probe that is taken back says nothing', async () => {
  const { via, host } = world();
  host.problem = 'x';
  const probe = via.startProbe(PROBE, { address: VIP, port: 80 }, () => assert.fail('told after cancel'));
  probe.cancel();
  await new Promise((resolve) => setImmediate(resolve));
});
