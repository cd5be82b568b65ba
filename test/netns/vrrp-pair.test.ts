/** Two lbd as a pair, under a thousand datagrams a second through the VIP. */
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import {
  buildLan,
  type Folders,
  holds,
  type Lan,
  type Lbd,
  lacks,
  makeFolders,
  NOISE,
  type Settings,
  startLbd,
  startTraffic,
  type Traffic,
  until,
  VIP,
  VIP6,
  type Vip,
} from './vrrp-harness.js';

interface Kind {
  readonly title: string;
  readonly settings: Omit<Settings, 'priority'>;
  readonly vip: Vip;
  /** Longest silence after the master's death, ms: master-down time and some room. */
  readonly takeOver: number;
}

const kinds: readonly Kind[] = [
  {
    title: 'version 2 with a password',
    settings: { version: 2, interval: 1000, password: 's3cret' },
    vip: VIP,
    takeOver: 10_000,
  },
  { title: 'version 3, IPv4', settings: { interval: 100 }, vip: VIP, takeOver: 4000 },
  { title: 'version 3, IPv4, every 10 ms', settings: { interval: 10 }, vip: VIP, takeOver: 3000 },
  { title: 'version 3, IPv6', settings: { family: 6, interval: 100 }, vip: VIP6, takeOver: 4000 },
  { title: 'version 3, both families in one', settings: { family: 'both', interval: 100 }, vip: [VIP, VIP6], takeOver: 4000 },
];

function pairOf({ title, settings, vip, takeOver }: Kind): void {
  describe(title, { concurrency: 1 }, () => {
    let lan: Lan;
    let folders: Folders;
    let traffic: Traffic;
    let d1: Lbd;
    let d2: Lbd;
    const lbd = (host: string, priority: number): Promise<Lbd> =>
      startLbd(lan, host, folders.of(host), { ...settings, priority });

    before(async () => {
      lan = buildLan();
      folders = makeFolders();
      [d1, d2] = await Promise.all([lbd('d1', 150), lbd('d2', 100)]);
      await d1.when('master');
      await d2.when('backup');
      traffic = await startTraffic(lan, vip);
    });
    after(() => {
      lan?.destroy();
      folders?.remove();
    });

    async function withoutLoss(t: TestContext, what: string, act: () => Promise<unknown>): Promise<void> {
      await traffic.take();
      await act();
      const report = await traffic.take();
      t.diagnostic(
        `${what}: ${report.lost} of ${report.sent} lost, silence ${Math.round(report.silence)} ms, answered ${JSON.stringify(report.by)}`,
      );
      assert.ok(report.lost <= NOISE, `${what}: ${report.lost} datagrams lost`);
      assert.equal(Object.keys(report.by).length, 2, 'both directors have answered');
    }

    test('an ordered stop of the master loses nothing', async (t) => {
      await withoutLoss(t, 'ordered stop', async () => {
        await d1.stop();
        await d2.when('master');
      });
      assert.equal(await lacks(lan, 'd1', vip), true);
    });

    test('preempting back loses nothing', async (t) => {
      await withoutLoss(t, 'preempting back', async () => {
        d1 = await lbd('d1', 150);
        await d1.when('master');
        await d2.when('backup');
        await until('d2 has dropped the address', () => lacks(lan, 'd2', vip));
      });
      assert.equal(await holds(lan, 'd1', vip), true);
      assert.deepEqual((await d2.report()).rejected, []);
    });

    test('an ordered failover loses nothing, lasts, and is undone without loss', async (t) => {
      const wrong = await d2.failover({});
      assert.ok('error' in wrong && /VI_1 is backup here, not master: ask for it on/.test(wrong.error), JSON.stringify(wrong));
      await withoutLoss(t, 'failover', async () => {
        const outcome = await d1.failover({});
        assert.ok('text' in outcome && /\(priority 100\) is master now/.test(outcome.text), JSON.stringify(outcome));
        assert.equal(await lacks(lan, 'd1', vip), true);
      });
      // At 10 ms the other one is silent for too long whenever the machine is busy: then this one is master again, as it should be.
      if ((settings.interval ?? 0) < 100) {
        await d1.failover({ undo: true });
        await d1.when('master');
        return;
      }
      const before = (await d1.report()).adverts_received;
      await until('the lower master is heard for a while', async () => (await d1.report()).adverts_received > before + 3, 20_000);
      assert.deepEqual([(await d1.report()).state, (await d1.report()).stands_down], ['backup', true]);
      await withoutLoss(t, 'undone', async () => {
        assert.ok('text' in (await d1.failover({ undo: true })));
        await d1.when('master');
        await until('d2 has dropped the address', () => lacks(lan, 'd2', vip));
      });
    });

    test('a lowered priority gives the office away without loss, a raised one takes it back without loss', async (t) => {
      await withoutLoss(t, 'priority lowered', async () => {
        d1.configure({ ...settings, priority: 50 });
        await d2.when('master');
        await d1.when('backup');
        await until('d1 has dropped the address', () => lacks(lan, 'd1', vip));
      });
      assert.match((await d1.report()).reason, /\(priority 100\) (has the higher priority|is master)/);
      await withoutLoss(t, 'priority raised', async () => {
        d1.configure({ ...settings, priority: 150 });
        await d1.when('master');
        await until('d2 has dropped the address', () => lacks(lan, 'd2', vip));
      });
    });

    test('the backup takes over when the cable of the master is pulled, and gives back', async (t) => {
      await traffic.take();
      lan.cable('d1', 'down');
      const fault = await d1.when('fault');
      assert.match(fault.reason, /no carrier/);
      await d2.when('master');
      const cut = await traffic.take();
      t.diagnostic(`cable pulled: silence ${Math.round(cut.silence)} ms`);
      assert.ok(cut.silence < takeOver, `${cut.silence} ms without an answer`);
      assert.equal(await lacks(lan, 'd1', vip), true);
      lan.cable('d1', 'up');
      await d1.when('master');
      await d2.when('backup');
      const back = await traffic.take();
      t.diagnostic(`cable back: silence ${Math.round(back.silence)} ms`);
    });
  });
}

describe('a pair of lbd', { concurrency: kinds.length }, () => {
  for (const kind of kinds) pairOf(kind);
});
