/** lbd and keepalived as a pair, each in each role, under a thousand datagrams a second through the VIP. */
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { inLanes } from './lanes.js';
import {
  buildLan,
  type Folders,
  holds,
  type Lan,
  type Lbd,
  lacks,
  makeFolders,
  type Settings,
  startKeepalived,
  startLbd,
  startTraffic,
  type Traffic,
  until,
  VIP,
  VIP6,
  type Vip,
} from './vrrp-harness.js';

interface Pairing {
  readonly title: string;
  readonly settings: Omit<Settings, 'priority'>;
  readonly vip: Vip;
  /** Longest silence after a master's death, ms: master-down time and some room. */
  readonly takeOver: number;
}

const pairings: readonly Pairing[] = [
  {
    title: 'version 2 with a password',
    settings: { version: 2, interval: 1000, password: 's3cret' },
    vip: VIP,
    takeOver: 10_000,
  },
  { title: 'version 3, IPv4', settings: { version: 3, interval: 200 }, vip: VIP, takeOver: 5000 },
  { title: 'version 3, IPv6', settings: { version: 3, family: 6, interval: 200 }, vip: VIP6, takeOver: 5000 },
  {
    title: 'version 3, both families in one, a sync group of keepalived',
    settings: { version: 3, family: 'both', interval: 200 },
    vip: [VIP, VIP6],
    takeOver: 5000,
  },
];
/** Datagrams that a planned switch-over between lbd and keepalived may cost; it is none nearly always. */
const PLANNED_LOSS = 20;
/** Of both families at once keepalived announces the IPv6 address before the kernel has its route: packets come to nobody for that long. */
const UNROUTED = 60;

function pairOf({ title, settings, vip, takeOver }: Pairing): void {
  // Its adverts are a second apart at least.
  inLanes(title, settings.version === 2 ? 2 : 1, (test) => {
    let lan: Lan;
    let folders: Folders;
    let traffic: Traffic;

    before(async () => {
      lan = buildLan();
      folders = makeFolders();
      traffic = await startTraffic(lan, vip);
    });
    after(() => {
      lan?.destroy();
      folders?.remove();
    });

    const lbd = (host: string, priority: number): Promise<Lbd> =>
      startLbd(lan, host, folders.of(host), { ...settings, priority });
    const keepalived = (host: string, priority: number) =>
      startKeepalived(lan, host, folders.of(host), { ...settings, priority });
    const holder = (host: string, limit = 10_000) => until(`${host} holds ${vip}`, () => holds(lan, host, vip), limit);

    interface Teller {
      diagnostic(text: string): void;
    }

    /** What is wrong with what it lost; undefined: nothing. */
    async function excess(t: Teller, what: string, act: () => Promise<unknown>): Promise<string | undefined> {
      await traffic.take();
      await act();
      const report = await traffic.take();
      t.diagnostic(
        `${what}: ${report.lost} of ${report.sent} lost, silence ${Math.round(report.silence)} ms, answered ${JSON.stringify(report.by)}`,
      );
      const limit = settings.family === 'both' ? 2 * PLANNED_LOSS + UNROUTED : PLANNED_LOSS;
      return report.lost <= limit ? undefined : `${what}: ${report.lost} datagrams lost`;
    }

    async function planned(t: Teller, what: string, act: () => Promise<unknown>): Promise<void> {
      assert.equal(await excess(t, what, act), undefined);
    }

    /** keepalived advertises before it has the address: on a busy machine it may be kept from running just then, but not each time. */
    async function plannedOnce(
      t: Teller,
      what: string,
      act: () => Promise<unknown>,
      undo: () => Promise<unknown>,
    ): Promise<void> {
      for (let left = 2; left > 0; left--) {
        if ((await excess(t, what, act)) === undefined) return;
        await undo();
      }
      await planned(t, what, act);
    }

    test('lbd hands over to keepalived, preempts it, and takes over when it dies', async (t) => {
      const backup = await keepalived('d2', 100);
      let master = await lbd('d1', 150);
      await master.when('master');
      await until('keepalived has yielded', () => lacks(lan, 'd2', vip));
      await planned(t, 'ordered stop of lbd, keepalived takes over', async () => {
        await master.stop();
        await holder('d2');
      });
      assert.equal(await lacks(lan, 'd1', vip), true);
      await planned(t, 'lbd preempts keepalived', async () => {
        master = await lbd('d1', 150);
        await master.when('master');
        await until('keepalived has yielded', () => lacks(lan, 'd2', vip));
      });
      assert.equal((await master.report()).rejected.length, 0);
      await planned(t, 'ordered failover to keepalived', async () => {
        const outcome = await master.failover({});
        assert.ok('text' in outcome && /is master now/.test(outcome.text), JSON.stringify(outcome));
        await holder('d2');
      });
      assert.equal(await lacks(lan, 'd1', vip), true);
      assert.ok('text' in (await master.failover({ undo: true })));
      await master.when('master');
      await until('keepalived has yielded', () => lacks(lan, 'd2', vip));
      await planned(t, 'the priority is lowered, keepalived takes over', async () => {
        master.configure({ ...settings, priority: 50 });
        await master.when('backup');
        await until('lbd has dropped the address', () => lacks(lan, 'd1', vip));
      });
      assert.equal(await holds(lan, 'd2', vip), true);
      await backup.stop();
      await master.when('master');
      await master.stop();
    });

    test('lbd takes over from keepalived when it dies, yields to it, and takes over when it stops', async (t) => {
      let master = await keepalived('d1', 150);
      const backup = await lbd('d2', 100);
      await holder('d1');
      await until('a master is heard', async () => (await backup.report()).master?.priority === 150);
      assert.equal((await backup.report()).state, 'backup');
      await traffic.take();
      lan.cable('d1', 'down');
      await master.kill();
      await backup.when('master');
      const death = await traffic.take();
      t.diagnostic(`keepalived dies, lbd takes over: silence ${Math.round(death.silence)} ms`);
      assert.ok(death.silence < takeOver, `${death.silence} ms without an answer`);
      lan.cable('d1', 'up');
      const again = async () => {
        master = await keepalived('d1', 150);
        await backup.when('backup');
        await until('lbd has dropped the address', () => lacks(lan, 'd2', vip));
      };
      const undone = async () => {
        await master.stop();
        return backup.when('master');
      };
      await plannedOnce(t, 'lbd yields to keepalived', again, undone);
      assert.equal(await holds(lan, 'd1', vip), true);
      const report = await undone();
      assert.match(report.reason, /resigned/);
      assert.equal(report.rejected.length, 0);
      await backup.stop();
    });

    test('keepalived takes over when lbd dies', async (t) => {
      const master = await lbd('d1', 150);
      await master.when('master');
      const backup = await keepalived('d2', 100);
      await traffic.take();
      lan.cable('d1', 'down');
      await master.kill();
      await holder('d2');
      const death = await traffic.take();
      t.diagnostic(`lbd dies, keepalived takes over: silence ${Math.round(death.silence)} ms`);
      assert.ok(death.silence < takeOver, `${death.silence} ms without an answer`);
      await backup.stop();
    });
  });
}

describe('a pair with keepalived', { concurrency: pairings.length }, () => {
  for (const pairing of pairings) pairOf(pairing);
});
