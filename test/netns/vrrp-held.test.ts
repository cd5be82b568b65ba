/** Addresses of a master beyond the plain ones: labels, scopes, other interfaces, and those that no advert names. */
import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';
import { parsePrefix } from '../../src/base/ip.js';
import type { HeldAddress, VirtualRoute, VirtualRule } from '../../src/config/types.js';
import { inLanes } from './lanes.js';
import {
  buildLan,
  endAll,
  type Folders,
  instance,
  type Lan,
  type Lbd,
  makeFolders,
  startLbd,
  until,
  VIP,
} from './vrrp-harness.js';

/** Master-down time less an interval must be longer than the start of a process takes on a busy machine. */
const SETTINGS = { priority: 150, interval: 500 };
const HELD: readonly HeldAddress[] = [
  { address: VIP, length: 24, label: 'eth0:vip' },
  { address: '10.9.0.101', length: 32, scope: 'link', advertised: false },
  { address: '10.10.0.1', length: 24, dev: 'inside', advertised: false },
  { address: 'fd10::1', length: 64, dev: 'inside', advertised: false },
];

interface Paths {
  readonly routes?: readonly VirtualRoute[];
  readonly rules?: readonly VirtualRule[];
}

const network = (text: string) => parsePrefix(text) as NonNullable<ReturnType<typeof parsePrefix>>;
const PATHS: Paths = {
  routes: [
    { to: network('198.51.100.0/24'), via: '10.9.0.9', source: VIP, table: 254, metric: 50 },
    { to: network('0.0.0.0/0'), via: '10.9.0.9', dev: 'eth0', table: 1000, mtu: 1400 },
    { to: network('203.0.113.0/24'), dev: 'eth0', table: 254 },
    { to: network('fd77::/64'), via: 'fd09::9', table: 254 },
  ],
  rules: [
    { family: 4, priority: 1000, table: 1000, from: network('10.9.0.0/24') },
    { family: 6, priority: 1001, table: 254, iif: 'eth0', fwmark: 7 },
  ],
};

inLanes('what a master holds', 3, (test) => {
  let lan: Lan;
  let folders: Folders;
  const running: Lbd[] = [];
  const shown = (host: string, device = 'inside') => lan.exec(host, `ip -o addr show dev ${device}`);
  const makeInside = (host: string) => {
    lan.exec(host, 'ip link add inside type veth peer name far');
    lan.exec(host, 'ip link set far up');
    lan.exec(host, 'ip link set inside up');
  };
  const configure = (one: Lbd, addresses: readonly HeldAddress[], paths: Paths = {}) =>
    one.send({
      type: 'configure',
      instances: [{ ...instance(SETTINGS), addresses, ...paths }],
      runDir: folders.of(one.host),
      routerId: one.host,
    });
  const lbd = async (host: string, addresses: readonly HeldAddress[], paths?: Paths): Promise<Lbd> => {
    const one = await startLbd(lan, host, folders.of(host), { ...SETTINGS, priority: host === 'd1' ? 150 : 100 });
    running.push(one);
    configure(one, addresses, paths);
    return one;
  };

  before(() => {
    lan = buildLan();
    folders = makeFolders();
    for (const host of ['d1', 'd2']) makeInside(host);
  });
  afterEach(async () => {
    await endAll(running);
  });
  after(() => {
    lan.destroy();
    folders.remove();
  });

  test('is there as it was asked for, is put back, survives a crash, and goes with the office', { timeout: 60_000 }, async () => {
    const first = await lbd('d1', HELD);
    const state = await first.when('master');
    await until('everything is held', async () => (await first.report()).addresses.every((one) => one.held));
    assert.ok(state.addresses.some((one) => one.address === '10.10.0.1/24 dev inside' && !one.advertised));
    assert.match(shown('d1', 'eth0'), /10\.9\.0\.100\/24 .* eth0:vip/);
    assert.match(shown('d1', 'eth0'), /10\.9\.0\.101\/32 scope link/);
    assert.match(shown('d1'), /10\.10\.0\.1\/24/);
    assert.match(shown('d1'), /fd10::1\/64/);

    lan.exec('d1', 'ip addr del 10.10.0.1/24 dev inside');
    await until('it is put back', () => shown('d1').includes('10.10.0.1/24'));

    lan.exec('d1', 'ip link del inside');
    await until('it is missed', async () => !(await first.report()).addresses.every((one) => one.held));
    makeInside('d1');
    await until(
      'it is there on an interface made anew',
      () => /10\.10\.0\.1\/24/.test(shown('d1')) && /fd10::1/.test(shown('d1')),
    );
    assert.equal((await first.report()).state, 'master');

    await first.kill();
    const successor = await lbd('d1', HELD);
    await successor.when('master');
    assert.match(successor.events.join('\n'), /goes on as master/);
    assert.match(shown('d1'), /10\.10\.0\.1\/24/);

    // A peer that has the same file hears nothing that differs: what is excluded is not advertised.
    const other = await lbd('d2', HELD);
    await other.when('backup');
    await until('it hears the master', async () => (await other.report()).adverts_received > 3);
    assert.doesNotMatch(other.events.join('\n'), /advertises other addresses/);
    assert.doesNotMatch(shown('d2'), /10\.10\.0\.1|fd10/);

    await successor.stop();
    await other.when('master');
    assert.doesNotMatch(shown('d1') + shown('d1', 'eth0'), /10\.10\.0\.1|fd10::1|10\.9\.0\.10[01]/);
    assert.match(shown('d2'), /10\.10\.0\.1\/24/);
  });

  test('another label or interface is taken by reload, the rest is left alone', { timeout: 30_000 }, async () => {
    const one = await lbd('d1', HELD);
    await one.when('master');
    await until('everything is held', async () => (await one.report()).addresses.every((each) => each.held));
    configure(one, [{ address: VIP, length: 24, label: 'eth0:new' }, ...HELD.slice(1, 2), { address: '10.10.0.1', length: 24 }]);
    await until('the new form', () => /10\.9\.0\.100\/24 .* eth0:new/.test(shown('d1', 'eth0')));
    await until('the other interface', () => shown('d1', 'eth0').includes('10.10.0.1/24'));
    assert.doesNotMatch(shown('d1'), /10\.10\.0\.1|fd10/);
    assert.match(shown('d1', 'eth0'), /10\.9\.0\.101\/32 scope link/);
    await one.stop();
  });

  const routes = (host: string, words = 'table main') => lan.exec(host, `ip route show ${words}`);
  const rules = (host: string) => lan.exec(host, 'ip rule show') + lan.exec(host, 'ip -6 rule show');

  test('routes and rules come with the office, are put back, survive a crash, and go with it', { timeout: 60_000 }, async () => {
    const one = await lbd('d1', [{ address: VIP, length: 24 }], PATHS);
    await one.when('master');
    const first = (host: string) =>
      until('the first', () =>
        /198\.51\.100\.0\/24 via 10\.9\.0\.9 dev eth0 proto \S+ src 10\.9\.0\.100 metric 50/.test(routes(host)),
      );
    const others = async (host: string) => {
      await until('the second', () => /default via 10\.9\.0\.9 dev eth0 proto \S+ mtu 1400/.test(routes(host, 'table 1000')));
      await until('the third', () => /203\.0\.113\.0\/24 dev eth0 proto \S+ scope link/.test(routes(host)));
      await until('that of IPv6', () => lan.exec(host, 'ip -6 route show').includes('fd77::/64 via fd09::9'));
      await until('the rules', () =>
        /1000:\s+from 10\.9\.0\.0\/24 lookup 1000[\s\S]*1001:\s+from all fwmark 0x7 iif eth0 lookup main/.test(rules(host)),
      );
    };
    const all = (host: string) => Promise.all([first(host), others(host)]);
    await all('d1');
    lan.exec('d1', 'ip route del 198.51.100.0/24');
    lan.exec('d1', 'ip rule del priority 1000');
    await all('d1');
    await one.kill();
    const successor = await lbd('d1', [{ address: VIP, length: 24 }], PATHS);
    await successor.when('master');
    await all('d1');
    const { paths } = await successor.report();
    assert.ok(paths.every((each) => each.there && each.text === ''));
    assert.deepEqual(
      paths.filter((_, i) => i === 1 || i === 4).map((each) => each.what),
      ['route default via 10.9.0.9 dev eth0 table 1000 mtu 1400', 'rule 1000: from 10.9.0.0/24 lookup 1000'],
    );

    configure(successor, [{ address: VIP, length: 24 }], { ...PATHS, routes: PATHS.routes?.slice(1) ?? [] });
    await until('one is no longer wanted', () => !routes('d1').includes('198.51.100.0'));
    await others('d1');
    assert.match(routes('d1'), /203\.0\.113\.0/);

    // It dies, and whoever comes next has another file.
    await successor.kill();
    const next = await startLbd(lan, 'd1', folders.of('d1'), {
      priority: 100,
      whole: { ...instance(SETTINGS), vrid: 99, addresses: [{ address: '10.9.0.55', length: 24 }] },
    });
    running.push(next);
    await until('what was left is cleaned up', () => next.events.some((text) => text.includes('no longer configured: removed')));
    await next.stop();
    assert.doesNotMatch(routes('d1') + lan.exec('d1', 'ip -6 route show'), /198\.51\.100|203\.0\.113|fd77/);
    assert.doesNotMatch(rules('d1'), /1000:|1001:/);
  });

  test('a route of somebody else is told and left alone; one that cannot be is told', { timeout: 30_000 }, async () => {
    lan.exec('d1', 'ip route add 203.0.113.0/24 dev eth0');
    const impossible: VirtualRoute = { to: network('198.51.100.0/24'), via: '10.99.0.1', table: 254 };
    const one = await lbd('d1', [{ address: VIP, length: 24 }], { routes: [...(PATHS.routes ?? []).slice(2, 3), impossible] });
    await one.when('master');
    await until('both are told', () => one.events.filter((text) => /is there already|cannot be added/.test(text)).length === 2);
    assert.match(one.events.join('\n'), /the route to 198\.51\.100\.0\/24 in table 254 cannot be added: .*ENETUNREACH/);
    const [foreign, missing] = (await one.report()).paths;
    assert.deepEqual(foreign, { what: 'route 203.0.113.0/24 dev eth0', there: true, text: 'lbd did not put it there' });
    assert.deepEqual([missing?.what, missing?.there], ['route 198.51.100.0/24 via 10.99.0.1', false]);
    assert.match(missing?.text ?? '', /ENETUNREACH/);
    await one.stop();
    assert.match(routes('d1'), /203\.0\.113\.0/);
    lan.exec('d1', 'ip route del 203.0.113.0/24');
  });

  test('an interface that is renamed takes nothing along; one that is made anew is joined', { timeout: 60_000 }, async () => {
    const one = await lbd('d1', [{ address: VIP, length: 24 }]);
    await one.when('master');
    for (const step of ['eth0 down', 'eth0 name old0', 'old0 up']) lan.exec('d1', `ip link set ${step}`);
    const state = await one.when('fault');
    assert.match(state.reason, /there is no interface eth0/);
    await until('the address is gone', () => !shown('d1', 'old0').includes(VIP));
    for (const step of ['old0 down', 'old0 name eth0', 'eth0 up']) lan.exec('d1', `ip link set ${step}`);
    await one.when('master');

    lan.exec('d1', 'ip link del eth0');
    await one.when('fault');
    lan.plug('d1');
    await one.when('master');
    await until('the address is back', () => shown('d1', 'eth0').includes(VIP));
    await one.stop();
  });
});
