import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { OsError } from '../../../../src/base/errors.js';
import type { ConnectionSyncConfig } from '../../../../src/config/types.js';
import { createSyncKeeper, type SyncKernel, type SyncLink } from '../../../../src/daemon/check/sync.js';
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

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** `stateDir`: of an earlier life of lbd, whose daemons are `running` still. */
function world(earlier: { stateDir?: string; boot?: string; running?: Map<string, IpvsDaemon> } = {}) {
  const stateDir = earlier.stateDir ?? mkdtempSync(join(tmpdir(), 'lbd-sync-'));
  if (!earlier.stateDir) folders.push(stateDir);
  let time = 0;
  let link: SyncLink | undefined = { index: 7, up: true };
  let ports = '1';
  let refusal: number | undefined;
  let usable = true;
  const running = earlier.running ?? new Map<string, IpvsDaemon>();
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
    stateDir,
    boot: earlier.boot ?? 'this boot',
    ports: () => ports,
    now: () => time,
    log: (level, message, fields) => log.push(`${level}: ${message} ${fields?.reason ?? ''}`.trim()),
    event: (kind, subject, text) => events.push(`${kind} ${subject}: ${text}`),
    linkOf: () => link,
  });
  return {
    keeper,
    stateDir,
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
    becomes: (next: SyncLink | undefined) => {
      link = next;
    },
    havePorts: (next: string) => {
      ports = next;
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

  test("group, port and ttl that are no longer named are the kernel's again", () => {
    const { keeper, taken, running } = world();
    for (const named of [{ group: '224.0.0.99' }, { port: 9000 }, { ttl: 4 }]) {
      keeper.want({ ...config, ...named }, { VI_1: 'backup' });
      taken();
      keeper.want(config, { VI_1: 'backup' });
      assert.equal(taken(), 'stop backup, start backup', JSON.stringify(named));
    }
    const { group, port, ttl } = running.get('backup') as IpvsDaemon;
    assert.deepEqual([group, port, ttl], ['224.0.0.81', 8848, 1]);
  });

  test('a daemon that somebody stops, changes or starts is put right, and it is told and counted', () => {
    const { keeper, taken, running, events, pass } = world();
    keeper.want(config, { VI_1: 'master' });
    assert.equal(keeper.status()?.drift, 0);
    running.clear();
    pass(1500);
    assert.equal(taken(), 'start master, start master');
    assert.match(events.at(-1) ?? '', /started on eth1, id 51: somebody else had stopped/);
    running.set('master', { ...(running.get('master') as IpvsDaemon), syncId: 52 });
    running.set('backup', { role: 'backup', interface: 'eth1', syncId: 51 });
    pass(1500);
    assert.equal(taken(), 'stop master, stop backup, start master');
    assert.match(events.join('; '), /master daemon is stopped: somebody else had changed it/);
    assert.match(events.join('; '), /backup daemon is stopped: somebody else had started it/);
    assert.equal(keeper.status()?.drift, 3);
    pass(1500);
    keeper.want(config, { VI_1: 'backup' });
    pass(1500);
    assert.equal(keeper.status()?.drift, 3, 'what lbd does itself is none');
    assert.equal(taken(), 'stop master, start backup');
    assert.equal(events.at(-2), 'sync VI_1: the master daemon is stopped');
  });

  test('an interface that was made anew gets a new daemon', () => {
    const { keeper, taken, becomes, pass, events } = world();
    keeper.want(both, {});
    taken();
    becomes({ index: 8, up: true });
    pass(1500);
    assert.equal(taken(), 'stop master, stop backup, start master, start backup');
    assert.match(events.join('; '), /backup daemon is stopped: eth1 was made anew/);
    pass(1500);
    assert.equal(taken(), '');
    assert.equal(keeper.status()?.drift, 0);
  });

  test('an interface that is back is not kept waiting', () => {
    const { keeper, taken, becomes, refuse, pass } = world();
    keeper.want(config, { VI_1: 'backup' });
    becomes(undefined);
    refuse(19);
    for (let i = 0; i < 20; i++) pass(1500);
    assert.equal(keeper.status()?.problem, 'there is no interface eth1');
    taken();
    pass(1);
    assert.equal(taken(), '', 'it waits');
    becomes({ index: 9, up: true });
    refuse(undefined);
    pass(1);
    assert.equal(taken(), 'start backup');
    assert.equal(keeper.status()?.problem, null);
  });

  test('an interface that is down is a problem, and the daemons stay', () => {
    const { keeper, taken, becomes, pass, log } = world();
    keeper.want(config, { VI_1: 'backup' });
    taken();
    becomes({ index: 7, up: false });
    pass(1500);
    pass(1500);
    assert.equal(keeper.status()?.problem, 'the interface eth1 is down: bring it up');
    assert.equal(log.length, 1);
    becomes({ index: 7, up: true });
    pass(1500);
    assert.equal(keeper.status()?.problem, null);
    assert.equal(taken(), '');
  });

  test('another sync_ports counts from a new start, so both start anew', () => {
    const { keeper, taken, havePorts, pass, events } = world();
    keeper.want(both, {});
    taken();
    havePorts('4');
    pass(1500);
    assert.equal(taken(), 'stop master, stop backup, start master, start backup');
    assert.match(events.join('; '), /sync_ports/);
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
    running.set('master', { role: 'master', interface: 'eth9', syncId: 3 });
    keeper.reconcile();
    assert.equal(taken(), '', 'and what others begin then is theirs again');
  });

  test('what an earlier life started is ended when it is no longer wanted, in the same boot only', () => {
    const first = world();
    first.keeper.want(both, {});
    first.keeper.stop(false);
    const { stateDir, running } = first;
    const foreign = world({ stateDir, running: new Map(running), boot: 'another boot' });
    foreign.keeper.want(undefined, {});
    assert.equal(foreign.taken(), '');
    const next = world({ stateDir, running });
    next.keeper.want(undefined, {});
    assert.equal(next.taken(), 'stop master, stop backup');
    const last = world({ stateDir, running: new Map([['master', { role: 'master', interface: 'eth1', syncId: 51 }]]) });
    last.keeper.want(undefined, {});
    assert.equal(last.taken(), '', 'an ended one is forgotten');
  });

  test('what has changed while lbd was away is seen by its record', () => {
    const first = world();
    first.keeper.want({ ...config, maxlen: 1200 }, { VI_1: 'master' });
    first.keeper.stop(false);
    const { stateDir, running } = first;
    const same = world({ stateDir, running });
    same.keeper.want({ ...config, maxlen: 1200 }, { VI_1: 'master' });
    assert.equal(same.taken(), '');
    const other = world({ stateDir, running });
    other.becomes({ index: 8, up: true });
    other.keeper.want({ ...config, maxlen: 1200 }, { VI_1: 'master' });
    assert.equal(other.taken(), 'stop master, start master');
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
