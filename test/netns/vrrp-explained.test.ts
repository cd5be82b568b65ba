/** Two masters, made in the ways that happen: each is an alarm that names its cause, and ends when the cause has; and one that is prevented. */
import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';
import { inLanes } from './lanes.js';
import {
  buildLan,
  endAll,
  type Folders,
  holds,
  instance,
  type Lan,
  type Lbd,
  makeFolders,
  type Settings,
  startKeepalived,
  startLbd,
  until,
  VIP,
  VIP6,
} from './vrrp-harness.js';

inLanes('two masters', 3, (test) => {
  let lan: Lan;
  let folders: Folders;
  const running: Lbd[] = [];
  const lbd = async (host: string, settings: Settings): Promise<Lbd> => {
    const one = await startLbd(lan, host, folders.of(host), settings);
    running.push(one);
    return one;
  };
  const told = (one: Lbd, text: RegExp) =>
    until(`${one.host} tells ${text}`, () => one.events.some((event) => text.test(event))).catch((error: Error) => {
      throw new Error(`${error.message}; it told:\n${one.events.join('\n')}`);
    });
  const rival = (one: Lbd) =>
    until(`${one.host} has a rival`, async () => (await one.report()).rivals[0]).catch(async (error: Error) => {
      throw new Error(`${error.message}; it is ${JSON.stringify(await one.report())}; it told:\n${one.events.join('\n')}`);
    });

  before(() => {
    lan = buildLan();
    folders = makeFolders();
  });
  afterEach(async () => {
    await endAll(running);
    for (const host of ['d1', 'd2']) {
      for (const vip of [`${VIP}/24`, `${VIP6}/128`, 'fe80::9:100/128', '10.9.0.200/24'])
        if (await holds(lan, host, vip.split('/')[0] as string)) lan.exec(host, `ip addr del ${vip} dev eth0`);
    }
    folders.remove();
    folders = makeFolders();
  });
  after(() => {
    lan?.destroy();
    folders?.remove();
  });

  for (const family of [4, 6] as const) {
    test(`a packet filter that drops one direction, IPv${family}`, async () => {
      const master = await lbd('d1', { priority: 150, interval: 100, family });
      await master.when('master');
      const deaf = await lbd('d2', { priority: 100, interval: 100, family });
      await until('the backup hears the master', async () => (await deaf.report()).adverts_received > 0);
      lan.exec('d2', 'nft add table inet deaf');
      lan.exec('d2', 'nft add chain inet deaf in { type filter hook input priority 0 ; }');
      lan.exec('d2', 'nft add rule inet deaf in meta l4proto 112 drop');
      await deaf.when('master');
      const { cause, text, priority } = await rival(master);
      assert.deepEqual([cause, priority], ['deaf', 100]);
      assert.match(text, /does not hear this director/);
      await told(master, /^two masters: .*does not hear this director/);
      lan.exec('d2', 'nft delete table inet deaf');
      await deaf.when('backup');
      await told(master, /^two masters: it is over: no other master is heard any more/);
      assert.deepEqual((await master.report()).rivals, []);
      assert.equal(master.events.filter((one) => one.startsWith('two masters: ')).length, 2);
    });
  }

  test('another group with the same VRID', async () => {
    const first = await lbd('d1', { priority: 150, interval: 100 });
    await first.when('master');
    const second = await lbd('d2', { priority: 100, interval: 100, addresses: ['10.9.0.200/24'] });
    const { cause, text } = await rival(second);
    assert.equal(cause, 'group');
    assert.match(text, /10\.9\.0\.1 \(priority 150\) uses VRID 51 on eth0 for other addresses \(10\.9\.0\.100\)/);
    await first.stop();
    await told(second, /it is over/);
    await second.when('master');
  });

  test('keepalived with another password, and each refuses the other', async () => {
    const own = await lbd('d1', { priority: 150, version: 2, interval: 1000, password: 'one' });
    const other = await startKeepalived(lan, 'd2', folders.of('d2'), {
      priority: 100,
      version: 2,
      interval: 1000,
      password: 'two',
    });
    await own.when('master');
    const { cause, text, address } = await rival(own);
    assert.deepEqual([cause, address], ['refused', '10.9.0.2']);
    assert.match(text, /its adverts are refused: it has another password/);
    const { rejected } = await own.report();
    assert.deepEqual(
      rejected.map(({ reason, senders }) => [reason, senders.map((one) => one.address)]),
      [['password', ['10.9.0.2']]],
    );
    await other.stop();
    await told(own, /it is over/);
  });

  test('a weight that cannot cross the gap to the other director is told as soon as that one was heard', async () => {
    const own: Settings = { priority: 150, interval: 100 };
    const tracking = (weight: number): Settings => {
      const lost = { kind: 'interface', name: 'lo9', weight, count: 1, upDelay: 0, downDelay: 0, init: 'wait' } as const;
      return { ...own, whole: { ...instance(own), track: [lost] } };
    };
    const lower = await lbd('d2', { ...own, priority: 100 });
    await lower.when('master');
    const one = await lbd('d1', tracking(-20));
    await one.when('master');
    await told(one, /^weights of no use: with all that is tracked lost the priority is 130, and no other .* 100 \(10\.9\.0\.2\)/);
    assert.deepEqual([(await one.report()).effective_priority, (await one.report()).lowest_priority], [130, 130]);
    one.configure(tracking(-60));
    await lower.when('master');
    assert.equal((await one.when('backup')).weights_problem, null);
  });

  for (const family of [4, 6] as const) {
    const neighbour = family === 4 ? '10.9.0.9' : 'fd09::9';

    test(`are none where a witness is asked for and only this director is cut off, IPv${family}`, async () => {
      const master = await lbd('d1', { priority: 150, interval: 100, family });
      await master.when('master');
      const backup = await lbd('d2', { priority: 100, interval: 100, family, witness: [neighbour] });
      await until('the backup hears the master', async () => (await backup.report()).adverts_received > 0);
      // It hears nothing at all; its carrier is there.
      lan.exec('d2', 'nft add table netdev half');
      lan.exec('d2', 'nft add chain netdev half in { type filter hook ingress device eth0 priority 0 ; }');
      lan.exec('d2', 'nft add rule netdev half in drop');
      const { state, reason } = await until('it is held back', async () => {
        const report = await backup.report();
        return report.held_back && report;
      });
      assert.equal(state, 'backup');
      assert.match(reason, new RegExp(`no witness answers on eth0 \\(${neighbour}\\)`));
      await told(backup, /^does not take over: no master is heard, and no witness answers/);
      lan.exec('d2', 'nft delete table netdev half');
      await until('it hears the master again', async () => {
        const report = await backup.report();
        return !report.held_back && (report.master?.last_advert_seconds ?? 9) < 0.2;
      });
      assert.equal((await backup.report()).became_master, 0);
      // And it takes over when the master is what is gone.
      await master.kill();
      assert.match((await backup.when('master')).reason, /^no advert of /);
    });
  }
});
