/** One configured instance with addresses of both families is one to its user: what hits one of its halves moves both. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildLan, endAll, holds, lacks, makeFolders, startLbd, until, VIP, VIP6 } from './vrrp-harness.js';

test('one family loses its network, and both move; it has it again, and both come back', { timeout: 60_000 }, async () => {
  const lan = buildLan();
  const folders = makeFolders();
  const lbd = (host: string, priority: number) =>
    startLbd(lan, host, folders.of(host), { priority, interval: 100, family: 'both' });
  const vip = [VIP, VIP6];
  const bothAt = (host: 'd1' | 'd2') =>
    until(
      `${host} alone holds both`,
      async () => (await holds(lan, host, vip)) && (await lacks(lan, host === 'd1' ? 'd2' : 'd1', vip)),
    );
  const [d1, d2] = await Promise.all([lbd('d1', 150), lbd('d2', 100)]);
  try {
    await bothAt('d1');
    lan.exec('d1', 'sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1');
    await bothAt('d2');
    const [four, six] = await d1.reports();
    assert.deepEqual([four?.state, six?.state], ['fault', 'fault']);
    assert.match(four?.reason ?? '', /^VI_1\/ipv6 of the VRRP instance VI_1 is in FAULT: eth0 has no link-local address/);
    lan.exec('d1', 'sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0');
    lan.exec('d1', 'ip addr add fd09::1/64 dev eth0 nodad');
    await bothAt('d1');
    for (const one of [d1, d2]) for (const { rejected } of await one.reports()) assert.deepEqual(rejected, []);
  } finally {
    await endAll([d1, d2]);
    lan.destroy();
    folders.remove();
  }
});
