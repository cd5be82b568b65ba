/** Three directors, of which the second may be keepalived: one after the other dies, and comes back, under a thousand datagrams a second. */
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
  type Settings,
  type Speaker,
  startKeepalived,
  startLbd,
  startTraffic,
  type Traffic,
  until,
  VIP,
  VIP6,
  type Vip,
} from './vrrp-harness.js';

const HOSTS = ['d1', 'd2', 'd3'] as const;
type Host = (typeof HOSTS)[number];
/** Far apart, and so are the times at which they would take over. */
const PRIORITY: Readonly<Record<Host, number>> = { d1: 250, d2: 200, d3: 20 };

/** Of each client. A machine that is busy with something else may keep a director from running for some milliseconds just then. */
const NOISE = 20;
/** Three missed adverts of 300 ms and the skew, with much room; a director that waited for the wrong one would need twice that. */
const TAKE_OVER = 5000;

interface Kind {
  readonly title: string;
  readonly settings: Omit<Settings, 'priority'>;
  readonly vip: Vip;
  readonly second: 'lbd' | 'keepalived';
}

const kinds: readonly Kind[] = [
  { title: 'three lbd, IPv4', settings: { interval: 300 }, vip: VIP, second: 'lbd' },
  { title: 'three lbd, IPv6', settings: { interval: 300, family: 6 }, vip: VIP6, second: 'lbd' },
  { title: 'three lbd, both families in one', settings: { interval: 300, family: 'both' }, vip: [VIP, VIP6], second: 'lbd' },
  { title: 'keepalived between two lbd', settings: { interval: 300 }, vip: VIP, second: 'keepalived' },
  {
    title: 'keepalived between two lbd, both families in one',
    settings: { interval: 300, family: 'both' },
    vip: [VIP, VIP6],
    second: 'keepalived',
  },
];

function threeOf({ title, settings, vip, second }: Kind): void {
  describe(title, { concurrency: 1 }, () => {
    const noise = NOISE * [vip].flat().length;
    let lan: Lan;
    let folders: Folders;
    let traffic: Traffic;
    let d1: Lbd;
    let d2: Speaker;
    let d3: Lbd;
    const of = (host: Host): Settings => ({ ...settings, priority: PRIORITY[host] });
    const lbd = (host: Host): Promise<Lbd> => startLbd(lan, host, folders.of(host), of(host));
    const middle = (): Promise<Speaker> =>
      second === 'lbd' ? lbd('d2') : startKeepalived(lan, 'd2', folders.of('d2'), of('d2'));
    /** It alone has the address, of those whose cable is in. */
    const alone = (host: Host, among: readonly Host[] = HOSTS) =>
      until(`${host} alone holds ${vip}`, async () => {
        const held = await Promise.all(among.map((one) => (one === host ? holds : lacks)(lan, one, vip)));
        return held.every((one) => one);
      });

    before(async () => {
      lan = buildLan(true);
      folders = makeFolders();
      traffic = await startTraffic(lan, vip, 1000, HOSTS);
      [d1, d3] = await Promise.all([lbd('d1'), lbd('d3')]);
      await d1.when('master');
      d2 = await middle();
      await alone('d1');
    });
    after(() => {
      lan?.destroy();
      folders?.remove();
    });

    /** The host is gone, with all that it holds. */
    async function die(host: Host, speaker: Speaker): Promise<void> {
      lan.cable(host, 'down');
      await speaker.kill();
    }

    async function measure(
      t: TestContext,
      what: string,
      act: () => Promise<unknown>,
    ): Promise<{ lost: number; silence: number }> {
      await traffic.take();
      await act();
      const { lost, sent, silence, by } = await traffic.take();
      t.diagnostic(`${what}: ${lost} of ${sent} lost, silence ${Math.round(silence)} ms, answered ${JSON.stringify(by)}`);
      return { lost, silence };
    }

    test('the first dies, and the second takes over; the second dies, and the third takes over', async (t) => {
      const before = (await d3.report()).became_master;
      const first = await measure(t, 'the first dies', async () => {
        await die('d1', d1);
        await alone('d2', ['d2', 'd3']);
      });
      assert.ok(first.silence < TAKE_OVER, `${first.silence} ms without an answer`);
      await until('the third hears the second', async () => (await d3.report()).master?.priority === PRIORITY.d2);
      assert.equal((await d3.report()).became_master, before, 'the third has not been master before its turn');
      const next = await measure(t, 'the second dies', async () => {
        await die('d2', d2);
        await d3.when('master');
      });
      assert.ok(next.silence < TAKE_OVER, `${next.silence} ms without an answer`);
    });

    test('they come back one after the other, each takes over without loss, and an ordered stop hands on without loss', async (t) => {
      for (const host of ['d2', 'd1'] as const) {
        // What a dead host held is gone with it.
        for (const one of [vip].flat()) lan.exec(host, `ip addr flush to ${one} dev eth0`);
        lan.cable(host, 'up');
        const { lost } = await measure(t, `${host} comes back`, async () => {
          if (host === 'd2') d2 = await middle();
          else d1 = await lbd('d1');
          await alone(host, host === 'd2' ? ['d2', 'd3'] : HOSTS);
        });
        assert.ok(lost <= noise, `${lost} datagrams lost`);
      }
      const { state, became_master: before } = await d3.report();
      assert.equal(state, 'backup');
      const stopped = await measure(t, 'the first is stopped', async () => {
        await d1.stop();
        await alone('d2');
      });
      assert.ok(stopped.lost <= noise, `${stopped.lost} datagrams lost`);
      assert.equal((await d3.report()).became_master, before, 'the third has not been master meanwhile');
      assert.deepEqual((await d3.report()).rejected, []);
    });
  });
}

describe('three directors', { concurrency: kinds.length }, () => {
  for (const kind of kinds) threeOf(kind);
});
