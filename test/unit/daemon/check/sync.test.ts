import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OsError } from '../../../../src/base/errors.js';
import type { ConnectionSyncConfig } from '../../../../src/config/types.js';
import { createSyncKeeper, type SyncKernel } from '../../../../src/daemon/check/sync.js';
import type { IpvsDaemon } from '../../../../src/wire/ipvs.js';

const config: ConnectionSyncConfig = {
  interface: 'eth1',
  follow: 'VI_1',
  id: 51,
  group: undefined,
  port: undefined,
  ttl: undefined,
  maxlen: undefined,
};
const both = { ...config, follow: undefined };

function world() {
  let time = 0;
  let index: number | undefined = 7;
  let refusal: number | undefined;
  let usable = true;
  const running = new Map<string, IpvsDaemon>();
  const done: string[] = [];
  const events: string[] = [];
  const log: string[] = [];
  const kernel: SyncKernel = {
    daemons: () => [...running.values()],
    startDaemon(daemon) {
      if (refusal !== undefined) throw new OsError({ op: 'starting', errno: refusal });
      assert.ok(!running.has(daemon.role));
      // The kernel fills in what was left out.
      running.set(daemon.role, {
        ...daemon,
        group: daemon.group ?? '224.0.0.81',
        port: daemon.port ?? 8848,
        ttl: daemon.ttl ?? 1,
        maxlen: 1472,
      });
      done.push(`start ${daemon.role}`);
    },
    stopDaemon(role) {
      running.delete(role);
      done.push(`stop ${role}`);
    },
  };
  const keeper = createSyncKeeper({
    kernel: () => (usable ? kernel : undefined),
    now: () => time,
    log: (level, message, fields) => log.push(`${level}: ${message} ${fields?.reason ?? ''}`.trim()),
    event: (kind, subject, text) => events.push(`${kind} ${subject}: ${text}`),
    indexOf: () => index,
  });
  return {
    keeper,
    running,
    events,
    log,
    taken: () => done.splice(0).join(', '),
    pass(ms: number) {
      time += ms;
      keeper.reconcile();
    },
    refuse: (errno: number | undefined) => {
      refusal = errno;
    },
    renumber: (next: number | undefined) => {
      index = next;
    },
    usable: (is: boolean) => {
      usable = is;
    },
  };
}

describe('connection sync', () => {
  test('follows the role of its instance, the old daemon first; nothing until somebody has said it', () => {
    const { keeper, taken } = world();
    keeper.want(config, {});
    assert.equal(taken(), '');
    keeper.want(config, { VI_1: 'backup' });
    assert.equal(taken(), 'start backup');
    keeper.want(config, { VI_1: 'master' });
    assert.equal(taken(), 'stop backup, start master');
    keeper.want(config, { VI_1: 'master', VI_2: 'backup' });
    keeper.reconcile();
    assert.equal(taken(), '');
    keeper.want(config, { VI_1: 'fault' });
    assert.equal(taken(), 'stop master, start backup');
    assert.deepEqual(keeper.status()?.running, ['backup']);
  });

  test('without an instance both run; a changed group starts both anew', () => {
    const { keeper, taken, running } = world();
    keeper.want(both, {});
    assert.equal(taken(), 'start master, start backup');
    keeper.want({ ...both, group: '224.0.0.99', maxlen: 1000 }, {});
    assert.equal(taken(), 'stop master, stop backup, start master, start backup');
    assert.equal(running.get('backup')?.group, '224.0.0.99');
    keeper.want({ ...both, group: '224.0.0.99' }, {});
    assert.equal(taken(), 'stop master, stop backup, start master, start backup', "a length left out is the kernel's again");
  });

  test('a daemon that somebody stops comes back, and it is told', () => {
    const { keeper, taken, running, events, pass } = world();
    keeper.want(config, { VI_1: 'master' });
    running.clear();
    pass(1500);
    assert.equal(taken(), 'start master, start master');
    assert.match(events.at(-1) ?? '', /somebody had stopped it/);
    assert.ok(!events[0]?.includes('somebody'));
    assert.equal(events.length, 2);
  });

  test('an interface that was made anew gets a new daemon', () => {
    const { keeper, taken, renumber, pass } = world();
    keeper.want(both, {});
    taken();
    renumber(8);
    pass(1500);
    assert.equal(taken(), 'stop master, stop backup, start master, start backup');
    pass(1500);
    assert.equal(taken(), '');
  });

  test('what cannot be started is a problem with a cure, and tried again in measure', () => {
    const { keeper, taken, refuse, log, pass } = world();
    refuse(19);
    keeper.want(config, { VI_1: 'master' });
    assert.equal(keeper.status()?.problem, 'there is no interface eth1');
    for (let i = 0; i < 20; i++) pass(100);
    assert.equal(log.length, 1);
    refuse(101);
    pass(5000);
    assert.match(keeper.status()?.problem ?? '', /eth1 is down or has no route: bring it up/);
    refuse(undefined);
    pass(5000);
    assert.equal(taken(), 'start master');
    assert.equal(keeper.status()?.problem, null);
    assert.match(log.at(-1) ?? '', /works again/);
  });

  test('daemons of somebody else are left alone where none is configured, and replaced where one is', () => {
    const { keeper, running, taken } = world();
    running.set('master', { role: 'master', interface: 'eth9', syncId: 3 });
    keeper.want(undefined, {});
    keeper.reconcile();
    assert.equal(taken(), '');
    assert.equal(keeper.status(), null);
    keeper.want(config, { VI_1: 'master' });
    assert.equal(taken(), 'stop master, start master');
    keeper.want(undefined, {});
    assert.equal(taken(), 'stop master', 'what lbd began it ends');
  });

  test('after a restart in place it goes on with what runs; an ordered stop ends it', () => {
    const { keeper, running, taken } = world();
    running.set('master', { role: 'master', interface: 'eth1', syncId: 51, group: '224.0.0.81', port: 8848, ttl: 1 });
    keeper.want(config, { VI_1: 'master' });
    assert.equal(taken(), '');
    keeper.stop(false);
    assert.equal(taken(), '');
    keeper.stop(true);
    assert.equal(taken(), 'stop master');
  });

  test('while IPVS cannot be used it waits', () => {
    const { keeper, taken, usable } = world();
    usable(false);
    keeper.want(config, { VI_1: 'master' });
    usable(true);
    keeper.reconcile();
    assert.equal(taken(), 'start master');
  });
});
