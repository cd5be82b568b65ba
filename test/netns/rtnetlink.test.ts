/** Links and addresses on the host's own kernel: what `ip` sees, what lbd changes, and what it is told. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Prefix, parsePrefix } from '../../src/base/ip.js';
import type { Address, Link, NetworkEvent } from '../../src/os/rtnetlink.js';
import { makeNetns, type Netns, type Program } from './netns.js';

const CHILD = new URL('./rtnetlink-child.js', import.meta.url);
const prefix = (text: string): Prefix => parsePrefix(text) as Prefix;
const text = ({ address, length }: Prefix): string => `${address}/${length}`;

let ns: Netns;
let program: Program<NetworkEvent>;
let eth: number;

const links = () => program.call<Link[]>('links');
const addresses = () => program.call<Address[]>('addresses');
const add = (index: number, one: string) => program.call<string>('add', index, prefix(one));
const remove = (index: number, one: string) => program.call<string>('remove', index, prefix(one));
const find = async (one: string) => (await addresses()).find((address) => text(address) === one);
const link = async (name: string) => (await links()).find((one) => one.name === name) as Link;

interface IpAddress {
  readonly local: string;
  readonly prefixlen: number;
  readonly broadcast?: string;
  readonly tentative?: boolean;
  readonly nodad?: boolean;
  readonly deprecated?: boolean;
}

/** What `ip` says about one address of eth. */
function shown(one: string): IpAddress | undefined {
  const [{ addr_info }] = JSON.parse(ns.exec('ip -j address show dev eth')) as [{ addr_info: IpAddress[] }];
  return addr_info.find(({ local, prefixlen }) => `${local}/${prefixlen}` === one);
}

before(async () => {
  ns = makeNetns('rtnl');
  for (const line of [
    'ip link add eth address 02:00:00:00:77:01 mtu 1400 type veth peer name other',
    'ip link set other up',
    'ip link set eth up',
    'ip tuntap add mode tun name tun7',
    'ip address add 10.77.0.1/24 dev eth',
  ])
    ns.exec(line);
  program = ns.start(CHILD);
  eth = (await link('eth')).index;
});
after(() => ns?.destroy());

describe('links', () => {
  test('index, name, address, MTU and state', async () => {
    const { index, mac, ...rest } = await link('eth');
    assert.deepEqual(rest, { name: 'eth', up: true, running: true, loopback: false, mtu: 1400 });
    assert.deepEqual([...(mac ?? [])], [2, 0, 0, 0, 0x77, 1]);
    assert.equal(index, Number(ns.exec('cat /sys/class/net/eth/ifindex')));
    const lo = await link('lo');
    assert.deepEqual([lo.index, lo.up, lo.running, lo.loopback], [1, true, true, true]);
  });

  test('a tunnel has no hardware address, and one that is down is neither up nor running', async () => {
    const tun = await link('tun7');
    assert.deepEqual([tun.mac, tun.up, tun.running], [undefined, false, false]);
  });

  test('a pulled cable: still up, not running', async () => {
    // The kernel works out who has a carrier in its own time (linkwatch: at most once a second).
    const becomes = async (running: boolean) => {
      const limit = Date.now() + 5000;
      while ((await link('eth')).running !== running && Date.now() < limit) await new Promise(setImmediate);
      const found = await link('eth');
      assert.deepEqual([found.up, found.running], [true, running]);
    };
    ns.exec('ip link set other down');
    await becomes(false);
    ns.exec('ip link set other up');
    await becomes(true);
  });
});

describe('addresses', () => {
  for (const one of ['10.77.0.9/24', '192.0.2.10/32', '2001:db8::10/128', 'fe80::7:10/64', '192.0.2.11/31']) {
    test(`${one}: added, there, deleted, gone`, async () => {
      assert.equal(await add(eth, one), 'added');
      assert.equal(await add(eth, one), 'exists');
      const found = await find(one);
      assert.ok(found);
      assert.deepEqual(
        [found.index, found.family, found.own, found.tentative, found.duplicate],
        [eth, one.includes(':') ? 6 : 4, true, false, false],
      );
      const seen = shown(one);
      assert.ok(seen);
      assert.equal(seen.broadcast, undefined);
      assert.equal(seen.tentative, undefined);
      assert.equal(seen.deprecated === true, one.endsWith('/128'));
      assert.equal(await remove(eth, one), 'deleted');
      assert.equal(await remove(eth, one), 'missing');
      assert.equal(await find(one), undefined);
      assert.equal(shown(one), undefined);
    });
  }

  test('a service address of IPv6 is no source of the host’s own connections, however near it is to where they go', async () => {
    ns.exec('ip address add 2001:db8:7::1/64 dev eth nodad');
    const source = () => /src (\S+)/.exec(ns.exec('ip -6 route get 2001:db8:7::ff01'))?.[1];
    assert.equal(await add(eth, '2001:db8:7::ff00/128'), 'added');
    assert.equal(source(), '2001:db8:7::1');
    ns.exec('ip address change 2001:db8:7::ff00/128 dev eth preferred_lft forever');
    assert.equal(source(), '2001:db8:7::ff00', 'it would be taken otherwise');
    assert.equal(await remove(eth, '2001:db8:7::ff00/128'), 'deleted');
    ns.exec('ip address del 2001:db8:7::1/64 dev eth');
  });

  test('the length belongs to the address', async () => {
    assert.equal(await add(eth, '192.0.2.20/32'), 'added');
    assert.equal(await remove(eth, '192.0.2.20/24'), 'missing');
    assert.equal(await remove(eth, '192.0.2.20/32'), 'deleted');
  });

  test('what others added is not ours, and stays so when it is added again', async () => {
    ns.exec('ip address add 10.77.0.50/32 dev eth');
    ns.exec('ip address add 2001:db8::50/128 dev eth nodad');
    for (const one of ['10.77.0.50/32', '2001:db8::50/128']) {
      assert.equal((await find(one))?.own, false);
      assert.equal(await add(eth, one), 'exists');
      assert.equal((await find(one))?.own, false);
      assert.equal(await remove(eth, one), 'deleted');
    }
  });

  test('a further address of a subnet is secondary', async () => {
    await add(eth, '10.77.0.60/24');
    assert.deepEqual([(await find('10.77.0.1/24'))?.secondary, (await find('10.77.0.60/24'))?.secondary], [false, true]);
    await remove(eth, '10.77.0.60/24');
  });

  test('an address whose duplicates are still being looked for is tentative', async () => {
    ns.exec('ip address add 2001:db8::60/64 dev eth');
    assert.equal((await find('2001:db8::60/64'))?.tentative, true);
    ns.exec('ip address del 2001:db8::60/64 dev eth');
  });

  test('refusals name the address, the interface and the reason', async () => {
    await assert.rejects(add(9999, '192.0.2.10/32'), {
      name: 'OsError',
      code: 'ENODEV',
      message: /adding 192\.0\.2\.10\/32 on interface 9999: ENODEV/,
    });
    await assert.rejects(remove(9999, '192.0.2.10/32'), { name: 'OsError', code: 'ENODEV' });
    ns.exec('sysctl -qw net.ipv6.conf.other.disable_ipv6=1');
    const other = (await link('other')).index;
    await assert.rejects(add(other, '2001:db8::1/128'), { name: 'OsError', code: /^E(ACCES|PERM)$/ });
  });

  test('without CAP_NET_ADMIN: reading works, changing is refused', async () => {
    const poor = ns.start<NetworkEvent>(CHILD, ['setpriv', '--bounding-set=-net_admin']);
    assert.ok((await poor.call<Address[]>('addresses')).some((one) => one.address === '10.77.0.1'));
    await assert.rejects(poor.call('add', eth, prefix('192.0.2.10/32')), { name: 'OsError', code: 'EPERM' });
    await poor.call('watch');
    await add(eth, '192.0.2.10/32');
    await poor.event((event) => event.type === 'address' && event.address.address === '192.0.2.10');
    await remove(eth, '192.0.2.10/32');
    await poor.call('unwatch');
    assert.equal(await poor.end(), 0);
  });
});

/** A batch for `ip`: address lines of a range of hosts on eth. */
const batch = (verb: 'add' | 'del', net: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `address ${verb} ${net}.${i >> 8}.${i & 255}/32 dev eth\n`).join('');

describe('many addresses', () => {
  const COUNT = 600;
  const own = async () => (await addresses()).filter(({ address }) => address.startsWith('10.78.'));

  before(() => ns.exec('ip -batch -', batch('add', '10.78', COUNT)));
  after(() => ns.exec('ip -batch -', batch('del', '10.78', COUNT)));

  test('a dump of many datagrams is whole', async () => {
    const found = await own();
    assert.equal(new Set(found.map(text)).size, COUNT);
    assert.equal(found.length, COUNT);
  });

  test('read while they change: what stays is there exactly once, or the reading fails', async () => {
    let busy = true;
    const others = ns.start<never>(CHILD);
    const changing = (async () => {
      while (busy) {
        await Promise.all(Array.from({ length: 50 }, (_, i) => others.call('add', eth, prefix(`10.79.0.${i}/32`))));
        await Promise.all(Array.from({ length: 50 }, (_, i) => others.call('remove', eth, prefix(`10.79.0.${i}/32`))));
      }
    })();
    let whole = 0;
    for (let i = 0; i < 60; i++) {
      try {
        const found = await own();
        assert.equal(new Set(found.map(text)).size, COUNT);
        assert.equal(found.length, COUNT);
        whole++;
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'EBUSY', String(error));
      }
    }
    busy = false;
    await changing;
    await others.end();
    assert.ok(whole > 0);
  });
});

describe('events', () => {
  let watching: Program<NetworkEvent>;

  before(async () => {
    watching = ns.start(CHILD);
    await watching.call('watch');
  });

  test('addresses come and go, ours and others', async () => {
    const from = watching.events.length;
    await add(eth, '192.0.2.30/32');
    await remove(eth, '192.0.2.30/32');
    ns.exec('ip address add 2001:db8::30/128 dev eth nodad');
    ns.exec('ip address del 2001:db8::30/128 dev eth');
    await watching.event((one) => one.type === 'address-gone' && one.address.address === '2001:db8::30', from);
    const seen = watching.events
      .slice(from)
      .flatMap((one) => ('address' in one ? [`${one.type} ${text(one.address)} ${one.address.own}`] : []));
    assert.deepEqual(
      seen.filter((one) => one.includes('192.0.2.30')),
      ['address 192.0.2.30/32 true', 'address-gone 192.0.2.30/32 true'],
    );
    assert.deepEqual(
      [...new Set(seen.filter((one) => one.includes('2001:db8::30')))],
      ['address 2001:db8::30/128 false', 'address-gone 2001:db8::30/128 false'],
    );
  });

  test('a cable is pulled and put back', async () => {
    const from = watching.events.length;
    ns.exec('ip link set other down');
    const isEth = (running: boolean) => (one: NetworkEvent) =>
      one.type === 'link' && one.link.name === 'eth' && one.link.running === running;
    await watching.event(isEth(false), from);
    ns.exec('ip link set other up');
    await watching.event(isEth(true), watching.events.findIndex(isEth(false)));
  });

  test('an interface appears, is renamed, and disappears', async () => {
    const from = watching.events.length;
    ns.exec('ip link add new0 type veth peer name new1');
    ns.exec('ip link set new0 name better');
    ns.exec('ip link del better');
    await watching.event((one) => one.type === 'link-gone' && one.link.name === 'better', from);
    const names = watching.events.slice(from).flatMap((one) => (one.type === 'link' ? [one.link.name] : []));
    assert.ok(names.includes('new0') && names.includes('better'), names.join());
  });

  test('too many at once: the loss is told, and what follows arrives', async () => {
    const COUNT = 6000;
    const from = watching.events.length;
    watching.signal('SIGSTOP');
    ns.exec('ip -batch -', batch('add', '10.80', COUNT));
    watching.signal('SIGCONT');
    await watching.event((one) => one.type === 'overrun', from);
    const held = (await watching.call<Address[]>('addresses')).filter(({ address }) => address.startsWith('10.80.'));
    assert.equal(held.length, COUNT, 'a reading mends what was lost');
    await add(eth, '192.0.2.40/32');
    await watching.event((one) => one.type === 'address' && one.address.address === '192.0.2.40', from);
    await remove(eth, '192.0.2.40/32');
    ns.exec('ip address flush dev eth to 10.80.0.0/16');
  });

  test('closed inside the listener: nothing more is told, and the program ends by itself', async () => {
    const once = ns.start<NetworkEvent>(CHILD);
    await once.call('watchOnce');
    const ended = once.event(() => true);
    ns.exec('ip -batch -', batch('add', '10.81', 100));
    await ended;
    ns.exec('ip -batch -', batch('del', '10.81', 100));
    await once.call('links');
    assert.equal(once.events.length, 1);
    assert.equal(await once.end(), 0);
  });

  test('no descriptor is left behind', async () => {
    const [had, has] = await watching.call<[number, number]>('leak');
    assert.ok(has <= had + 1, `${had} before, ${has} after`);
  });

  test('while nothing is watched the program ends by itself', async () => {
    await watching.call('unwatch');
    assert.equal(await watching.end(), 0);
    assert.equal(await program.end(), 0);
  });
});
