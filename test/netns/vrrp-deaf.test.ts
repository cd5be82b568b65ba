/** A director that starts on a link whose switch passes nothing on yet: it hears no master, and must not take that for silence. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  buildLan,
  endAll,
  type Folders,
  holds,
  type Lan,
  type Lbd,
  makeFolders,
  startLbd,
  until,
  VIP,
  VIP6,
} from './vrrp-harness.js';

describe('a link that passes nothing yet', () => {
  let lan: Lan;
  let folders: Folders;
  before(() => {
    lan = buildLan();
    folders = makeFolders();
  });
  after(() => {
    lan?.destroy();
    folders?.remove();
  });

  for (const [family, vip, gateway] of [
    [4, VIP, '10.9.0.9'],
    [6, VIP6, 'fd09::9'],
  ] as const) {
    test(`with a gateway a director without preemption leaves the office where it is, IPv${family}`, async () => {
      const running: Lbd[] = [];
      const start = async (host: string, priority: number) => {
        const one = await startLbd(lan, host, folders.of(`${host}-${family}`), {
          priority,
          interval: 100,
          family,
          preempt: false,
        });
        running.push(one);
        return one;
      };
      lan.exec('d1', `ip -${family} route add default via ${gateway}`);
      try {
        const master = await start('d2', 100);
        await master.when('master');
        lan.forwards('d1', false);
        const deaf = await start('d1', 150);
        const held = await until('it is held back', async () => {
          const found = await deaf.report();
          return found.held_back ? found : undefined;
        });
        assert.match(held.reason, /nothing was heard on eth0 since it is up, and the default gateway does not answer/);
        // Three times as long as it takes to be master where the silence is believed.
        const sent = (await master.report()).adverts_sent;
        await until('some adverts later', async () => (await master.report()).adverts_sent > sent + 10);
        assert.equal((await deaf.report()).state, 'backup');
        lan.forwards('d1', true);
        await until('it hears the master', async () => (await deaf.report()).master !== null);
        assert.deepEqual([(await deaf.report()).held_back, await holds(lan, 'd1', vip)], [false, false]);
        assert.ok(await holds(lan, 'd2', vip));
        assert.deepEqual(
          deaf.events.filter((one) => one.includes('-> master')),
          [],
        );
        // What was proven once is proven: the master's death is believed at once.
        await master.kill();
        await deaf.when('master', 1000);
      } finally {
        lan.exec('d1', `ip -${family} route del default`);
        lan.forwards('d1', true);
        await endAll(running);
        if (await holds(lan, 'd2', vip)) lan.exec('d2', `ip addr del ${vip}/${family === 4 ? 24 : 128} dev eth0`);
      }
    });
  }
});
