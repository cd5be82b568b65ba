/** One configured instance with addresses of both families: its two halves move together, under a thousand datagrams a second through each. */
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { parseConfig } from '../../src/config/parse.js';
import {
  buildLan,
  type Folders,
  holds,
  type Lan,
  type Lbd,
  makeFolders,
  type Settings,
  startKeepalived,
  startLbd,
  startTraffic,
  type Traffic,
  until,
  VIP,
  VIP6,
  VRID,
} from './vrrp-harness.js';

/** A machine that is busy with something else may keep a director from running for some milliseconds just then. */
const NOISE = 20;
/** keepalived announces an IPv6 address before a worker of the kernel has made its route: packets come to nobody for that long. */
const UNROUTED = 60;

function settingsOf(priority: number): Settings {
  const text = `vrrp_instances:
  - name: VI_1
    interface: eth0
    virtual_router_id: ${VRID}
    priority: ${priority}
    advert_interval: 300ms
    virtual_addresses: [ ${VIP}/24, "${VIP6}/64" ]
`;
  const { config } = parseConfig('f.yaml', text, { env: {} });
  assert.ok(config);
  return { priority, file: config };
}

describe('an instance of both families', { concurrency: 1 }, () => {
  let lan: Lan;
  let folders: Folders;
  let traffics: Traffic[];
  let d1: Lbd;
  const lbd = (host: string, priority: number) => startLbd(lan, host, folders.of(host), settingsOf(priority));

  /** Both addresses are there, and nowhere else. */
  const bothAt = (host: string) =>
    until(`${host} alone holds both`, async () => {
      const held = await Promise.all(['d1', 'd2'].flatMap((one) => [VIP, VIP6].map((vip) => holds(lan, one, vip))));
      return held.every((one, i) => one === ((i < 2 ? 'd1' : 'd2') === host));
    });

  async function withoutLoss(t: TestContext, what: string, act: () => Promise<unknown>): Promise<void> {
    await Promise.all(traffics.map((one) => one.take()));
    await act();
    for (const [i, { lost, sent, silence, by }] of (await Promise.all(traffics.map((one) => one.take()))).entries()) {
      const family = i === 0 ? 'IPv4' : 'IPv6';
      t.diagnostic(
        `${what}, ${family}: ${lost} of ${sent} lost, silence ${Math.round(silence)} ms, answered ${JSON.stringify(by)}`,
      );
      assert.ok(lost <= (i === 0 ? NOISE : UNROUTED), `${what}, ${family}: ${lost} datagrams lost`);
      assert.equal(Object.keys(by).length, 2, 'both directors have answered');
    }
  }

  before(async () => {
    lan = buildLan();
    folders = makeFolders();
    d1 = await lbd('d1', 150);
    await bothAt('d1');
    traffics = [await startTraffic(lan, VIP), await startTraffic(lan, VIP6, 1000, [])];
  });
  after(() => {
    lan?.destroy();
    folders?.remove();
  });

  test('to another lbd and back by order; and what hits one family moves both', async (t) => {
    const d2 = await lbd('d2', 100);
    await d2.when('backup');
    await withoutLoss(t, 'failover', async () => {
      const outcome = await d1.failover({});
      assert.ok('text' in outcome && /is master now/.test(outcome.text), JSON.stringify(outcome));
      await bothAt('d2');
    });
    await withoutLoss(t, 'undone', async () => {
      await d1.failover({ undo: true });
      await bothAt('d1');
    });
    lan.exec('d1', 'sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1');
    await bothAt('d2');
    const [four, six] = await d1.reports();
    assert.deepEqual([four?.state, six?.state], ['fault', 'fault']);
    assert.match(four?.reason ?? '', /^VI_1\/ipv6 of the VRRP instance VI_1 is in FAULT: eth0 has no link-local address/);
    lan.exec('d1', 'sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0');
    lan.exec('d1', 'ip addr add fd09::1/64 dev eth0 nodad');
    await bothAt('d1');
    for (const one of [d1, d2]) for (const { rejected } of await one.reports()) assert.deepEqual(rejected, []);
    await d2.stop();
  });

  test('to a sync group of keepalived by an ordered stop, and back', async (t) => {
    const other = await startKeepalived(lan, 'd2', folders.of('d2'), settingsOf(100));
    await bothAt('d1');
    await withoutLoss(t, 'ordered stop', async () => {
      await d1.stop();
      await bothAt('d2');
    });
    await withoutLoss(t, 'preempting back', async () => {
      d1 = await lbd('d1', 150);
      await bothAt('d1');
    });
    await other.stop();
  });
});
