/**
 * A vrrp process that is stopped (SIGSTOP, as a frozen guest) for much longer than the others wait: it wakes up as master, with the
 * addresses still on its interface, and must listen before it says a word. LBD_LONG=1 stops it for 30 s.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  buildLan,
  endAll,
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

const LONG = process.env.LBD_LONG === '1' ? 30_000 : 6000;
/** Longer than a backup waits, too. */
const SHORT = 600;

const kinds: readonly { readonly family: 4 | 6 | 'both'; readonly vip: Vip }[] = [
  { family: 4, vip: VIP },
  { family: 6, vip: VIP6 },
  { family: 'both', vip: [VIP, VIP6] },
];

function frozen(family: 4 | 6 | 'both', vip: Vip): void {
  describe(family === 'both' ? 'both families' : `IPv${family}`, { concurrency: 1 }, () => {
    let lan: Lan;
    let folders: Folders;
    let traffic: Traffic;
    const running: Lbd[] = [];
    const settings = (priority: number, preempt: boolean): Settings => ({ priority, preempt, interval: 100, family });
    const counts = async (one: Lbd) => (await one.reports()).map(({ adverts_received: heard }) => heard);
    const terms = async (one: Lbd) => (await one.reports()).map(({ became_master: times }) => times);

    before(async () => {
      lan = buildLan();
      folders = makeFolders();
      traffic = await startTraffic(lan, vip, 200);
      running.push(await startLbd(lan, 'd1', folders.of('d1'), settings(150, false)));
      await running[0]?.when('master');
      running.push(await startLbd(lan, 'd2', folders.of('d2'), settings(100, false)));
      await running[1]?.when('backup');
      await until('d2 hears d1', async () => (await counts(running[1] as Lbd)).every((count) => count > 0));
    });
    after(async () => {
      await endAll(running);
      lan?.destroy();
      folders?.remove();
    });

    test(`for ${LONG / 1000} s as master: it is backup without a word, and who took over goes on undisturbed`, async (t) => {
      const [d1, d2] = running as [Lbd, Lbd];
      d1.child.kill('SIGSTOP');
      await d2.when('master');
      await sleep(LONG);
      assert.ok(await holds(lan, 'd1', vip), 'nobody could take its addresses away');
      const [heard, was] = [await counts(d2), await terms(d2)];
      await traffic.take();
      d1.child.kill('SIGCONT');
      assert.match((await d1.when('backup')).reason, /took over while this process was stopped/);
      await until('d1 has dropped them', () => lacks(lan, 'd1', vip));
      const { lost, sent } = await traffic.take();
      t.diagnostic(`${lost} of ${sent} lost when it woke up`);
      assert.deepEqual([await counts(d2), await terms(d2)], [heard, was], 'it has said something');
      assert.ok(lost <= NOISE, `${lost} datagrams lost`);
      assert.ok(await holds(lan, 'd2', vip));
    });

    test(`for ${SHORT} ms as backup: it has not missed the master`, async () => {
      const [d1, d2] = running as [Lbd, Lbd];
      const was = await terms(d1);
      const heard = await counts(d1);
      d1.child.kill('SIGSTOP');
      await sleep(SHORT);
      d1.child.kill('SIGCONT');
      await until('it hears the master', async () => (await counts(d1)).every((count, i) => count > (heard[i] as number) + 8));
      assert.deepEqual(await terms(d1), was);
      await d2.when('master');
    });

    test(`for ${SHORT} ms as a master that preempts: it takes its office back without loss`, async (t) => {
      const [d1, d2] = running as [Lbd, Lbd];
      d2.configure(settings(100, true));
      d1.configure(settings(150, true));
      await d1.when('master');
      await d2.when('backup');
      await until('d2 has dropped them', () => lacks(lan, 'd2', vip));
      d1.child.kill('SIGSTOP');
      await d2.when('master');
      await sleep(SHORT);
      await traffic.take();
      d1.child.kill('SIGCONT');
      await d2.when('backup');
      await until('d2 has dropped them', () => lacks(lan, 'd2', vip));
      await d1.when('master');
      const { lost, sent, by } = await traffic.take();
      t.diagnostic(`${lost} of ${sent} lost, answered ${JSON.stringify(by)}`);
      assert.ok(lost <= NOISE, `${lost} datagrams lost`);
      assert.ok(await holds(lan, 'd1', vip));
      await traffic.take();
      assert.deepEqual(Object.keys((await traffic.take()).by), ['d1'], 'neighbours know where it is');
    });
  });
}

describe('a process that was stopped', { concurrency: kinds.length }, () => {
  for (const { family, vip } of kinds) frozen(family, vip);
});
