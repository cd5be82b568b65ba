/** Addresses of a master beyond the plain ones: labels, scopes, other interfaces, and those that no advert names. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { HeldAddress } from '../../src/config/types.js';
import { buildLan, type Folders, instance, type Lan, type Lbd, makeFolders, startLbd, until, VIP } from './vrrp-harness.js';

const SETTINGS = { priority: 150, interval: 200 };
const HELD: readonly HeldAddress[] = [
  { address: VIP, length: 24, label: 'eth0:vip' },
  { address: '10.9.0.101', length: 32, scope: 'link', advertised: false },
  { address: '10.10.0.1', length: 24, dev: 'inside', advertised: false },
  { address: 'fd10::1', length: 64, dev: 'inside', advertised: false },
];

describe('what a master holds', () => {
  let lan: Lan;
  let folders: Folders;
  let running: Lbd[] = [];
  const shown = (host: string, device = 'inside') => lan.exec(host, `ip -o addr show dev ${device}`);
  const makeInside = (host: string) => {
    lan.exec(host, 'ip link add inside type veth peer name far');
    lan.exec(host, 'ip link set far up');
    lan.exec(host, 'ip link set inside up');
  };
  const configure = (one: Lbd, addresses: readonly HeldAddress[]) =>
    one.send({
      type: 'configure',
      instances: [{ ...instance(SETTINGS), addresses }],
      runDir: folders.of(one.host),
      routerId: one.host,
    });
  const lbd = async (host: string, addresses: readonly HeldAddress[]): Promise<Lbd> => {
    const one = await startLbd(lan, host, folders.of(host), { ...SETTINGS, priority: host === 'd1' ? 150 : 100 });
    running.push(one);
    configure(one, addresses);
    return one;
  };

  before(() => {
    lan = buildLan();
    folders = makeFolders();
    for (const host of ['d1', 'd2']) makeInside(host);
  });
  afterEach(async () => {
    for (const one of running) {
      one.child.kill('SIGKILL');
      await one.ended.catch(() => {});
    }
    running = [];
  });
  after(() => {
    lan.destroy();
    folders.remove();
  });

  test('is there as it was asked for, is put back, survives a crash, and goes with the office', { timeout: 60_000 }, async () => {
    const first = await lbd('d1', HELD);
    const state = await first.when('master');
    await until('everything is held', async () => (await first.report()).addresses.every((one) => one.held));
    assert.ok(state.addresses.some((one) => one.address === '10.10.0.1/24 dev inside'));
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
});
