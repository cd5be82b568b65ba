import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { OsError } from '../../../../src/base/errors.js';
import { createSettingsKeeper, type SettingsKeeper } from '../../../../src/daemon/check/settings.js';
import { createTimeoutsKeeper } from '../../../../src/daemon/check/timeouts.js';
import { openTimeoutsRecord } from '../../../../src/daemon/check/timeouts-record.js';
import type { Setting } from '../../../../src/intent/settings.js';
import { openSysctls } from '../../../../src/os/sysctl.js';

const set = (name: string, value: string): Setting => ({ name, value, why: 'a reason', from: 'lbd' });

interface World {
  keeper: SettingsKeeper;
  /** Another life of lbd, of this boot or another. */
  again(boot?: string): SettingsKeeper;
  kernel: Map<string, string>;
  events: string[];
  log: string[];
  refuse: Set<string>;
}

function world(run: (world: World) => void): void {
  const stateDir = mkdtempSync(join(tmpdir(), 'lbd-settings-'));
  const kernel = new Map([
    ['expire_nodest_conn', '0'],
    ['sync_threshold', '3 50'],
  ]);
  const refuse = new Set<string>();
  const [events, log]: [string[], string[]] = [[], []];
  const again = (boot = 'boot 1') =>
    createSettingsKeeper({
      stateDir,
      boot,
      sysctls: {
        read: (name) => kernel.get(name),
        write(name, value) {
          if (refuse.has(name)) throw new OsError({ op: `writing ${name}`, errno: 30 });
          kernel.set(name, value);
        },
      },
      event: (kind, subject, text) => events.push(`${kind} ${subject}: ${text}`),
      log: (level, message, fields) => log.push(`${level}: ${message} ${fields?.reason ?? ''}`),
    });
  try {
    run({ keeper: again(), again, kernel, events, log, refuse });
  } finally {
    rmSync(stateDir, { recursive: true });
  }
}

describe('kernel settings', () => {
  test('only what differs is written, with its reason', () =>
    world(({ keeper, kernel, events }) => {
      keeper.want([set('expire_nodest_conn', '1'), set('sync_threshold', '3 50'), set('est_nice', '5')]);
      assert.deepEqual(events, ['setting net.ipv4.vs.expire_nodest_conn: 0 -> 1: a reason']);
      assert.equal(kernel.get('expire_nodest_conn'), '1');
      assert.deepEqual(
        keeper.status().map(({ name, found, original, state }) => [name, found, original, state]),
        [
          ['expire_nodest_conn', '1', '0', 'ok'],
          ['sync_threshold', '3 50', null, 'ok'],
          ['est_nice', null, null, 'absent'],
        ],
      );
    }));

  test('what somebody else changes is changed back, and counted', () =>
    world(({ keeper, kernel, events }) => {
      keeper.want([set('expire_nodest_conn', '1')]);
      kernel.set('expire_nodest_conn', '0');
      keeper.reconcile();
      keeper.reconcile();
      assert.equal(kernel.get('expire_nodest_conn'), '1');
      assert.equal(keeper.drift(), 1);
      assert.match(events.at(-1) ?? '', /somebody else had changed it/);
    }));

  test('what somebody else had changed meanwhile is not taken for what was there before lbd', () =>
    world(({ keeper, kernel }) => {
      kernel.set('expire_nodest_conn', '1');
      keeper.want([set('expire_nodest_conn', '1')]);
      kernel.set('expire_nodest_conn', '0');
      keeper.reconcile();
      keeper.restore();
      assert.equal(kernel.get('expire_nodest_conn'), '1');
    }));

  test('what cannot be put back now is put back later', () =>
    world(({ keeper, kernel, refuse, log }) => {
      keeper.want([set('expire_nodest_conn', '1')]);
      refuse.add('expire_nodest_conn');
      keeper.want([]);
      assert.match(log.at(-1) ?? '', /cannot be put back/);
      refuse.clear();
      keeper.restore();
      assert.equal(kernel.get('expire_nodest_conn'), '0');
    }));

  test('what is no longer wanted is put back, also by another life, but not after a new boot', () =>
    world(({ keeper, again, kernel }) => {
      keeper.want([set('expire_nodest_conn', '1'), set('sync_threshold', '3 10')]);
      keeper.want([set('expire_nodest_conn', '1')]);
      assert.equal(kernel.get('sync_threshold'), '3 50');
      const second = again();
      second.want([set('expire_nodest_conn', '1')]);
      assert.equal(second.status()[0]?.original, '0', 'what lbd made is not what was there before');
      again('boot 2').want([]);
      assert.equal(kernel.get('expire_nodest_conn'), '1', 'of another boot');
      kernel.set('expire_nodest_conn', '1');
      const third = again();
      third.restore();
      assert.equal(kernel.get('expire_nodest_conn'), '0');
    }));

  test('what the kernel refuses is told once, and tried with every reading', () =>
    world(({ keeper, refuse, log, kernel }) => {
      refuse.add('expire_nodest_conn');
      keeper.want([set('expire_nodest_conn', '1')]);
      for (let i = 0; i < 5; i++) keeper.reconcile();
      assert.equal(log.length, 1);
      assert.match(keeper.status()[0]?.state ?? '', /EROFS/);
      refuse.clear();
      keeper.reconcile();
      assert.equal(kernel.get('expire_nodest_conn'), '1');
      assert.equal(keeper.drift(), 0);
    }));

  test('files of /proc are read with single spaces, and one that is missing is none', () => {
    const folder = mkdtempSync(join(tmpdir(), 'lbd-sysctl-'));
    writeFileSync(join(folder, 'sync_threshold'), '3\t50\n');
    const sysctls = openSysctls(folder);
    assert.equal(sysctls.read('sync_threshold'), '3 50');
    assert.equal(sysctls.read('conntrack'), undefined);
    sysctls.write('sync_threshold', '3 10');
    assert.equal(readFileSync(join(folder, 'sync_threshold'), 'utf8'), '3 10');
    assert.throws(() => openSysctls(join(folder, 'nowhere')).write('conntrack', '1'), /writing 1 to .*conntrack.*ENOENT/);
    rmSync(folder, { recursive: true });
  });
});

describe('timeouts', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lbd-timeouts-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** A life of lbd in this boot; `has` is the kernel's. */
  function kernelOf(has = { tcp: 900, tcpFin: 120, udp: 300 }, boot = 'boot') {
    const events: string[] = [];
    let usable = true;
    const keeper = createTimeoutsKeeper({
      kernel: () =>
        usable
          ? {
              timeouts: () => ({ ...has }),
              setTimeouts(to) {
                for (const name of ['tcp', 'tcpFin', 'udp'] as const) if (to[name] !== 0) has[name] = to[name];
              },
            }
          : undefined,
      record: openTimeoutsRecord(folder, boot, (text) => assert.fail(text)),
      log: () => {},
      event: (_kind, _subject, text) => events.push(text),
    });
    return {
      has,
      keeper,
      events,
      usable: (is: boolean) => {
        usable = is;
      },
    };
  }

  test("are asserted, asserted again, and go back to the kernel's", () => {
    const { has, keeper, events } = kernelOf();
    keeper.want({ tcp: 7200, tcpFin: 0, udp: 30 });
    assert.deepEqual(has, { tcp: 7200, tcpFin: 120, udp: 30 });
    assert.deepEqual(events, ['tcp 900s -> 7200s, udp 300s -> 30s']);
    has.udp = 5;
    has.tcpFin = 60;
    keeper.reconcile();
    assert.deepEqual(has, { tcp: 7200, tcpFin: 60, udp: 30 });
    assert.equal(events.at(-1), 'udp 5s -> 30s: somebody else had changed them');
    keeper.want({ tcp: 0, tcpFin: 0, udp: 30 });
    assert.equal(has.tcp, 900);
    assert.deepEqual(keeper.status().found, { tcp: 900, tcpFin: 60, udp: 30 });
  });

  test("that left the file while lbd was stopped go back to the kernel's", () => {
    const { has, keeper } = kernelOf();
    keeper.want({ tcp: 7200, tcpFin: 0, udp: 30 });
    has.tcpFin = 60;
    const next = kernelOf(has);
    next.keeper.reconcile();
    assert.deepEqual(has, { tcp: 7200, tcpFin: 60, udp: 30 }, 'not before the file is known');
    next.keeper.want({ tcp: 0, tcpFin: 0, udp: 30 });
    assert.deepEqual([has, next.events], [{ tcp: 900, tcpFin: 60, udp: 30 }, ['tcp 7200s -> 900s']]);
    has.tcp = 77;
    const third = kernelOf(has);
    third.usable(false);
    third.keeper.want({ tcp: 0, tcpFin: 0, udp: 0 });
    assert.deepEqual(has, { tcp: 77, tcpFin: 60, udp: 30 });
    third.usable(true);
    third.keeper.reconcile();
    assert.deepEqual(has, { tcp: 77, tcpFin: 60, udp: 300 }, 'what lbd had set, when it can');
    third.keeper.reconcile();
    assert.deepEqual(third.events, ['udp 30s -> 300s']);
  });

  test('of another boot, or of a record that is none, are nobody’s', () => {
    kernelOf().keeper.want({ tcp: 60, tcpFin: 0, udp: 0 });
    const has = { tcp: 61, tcpFin: 120, udp: 300 };
    kernelOf(has, 'another').keeper.want({ tcp: 0, tcpFin: 0, udp: 0 });
    writeFileSync(join(folder, 'timeouts.json'), '{"boot_id":"boot","timeouts":{"tcp":"x","udp":null}}');
    kernelOf(has).keeper.want({ tcp: 0, tcpFin: 0, udp: 0 });
    assert.equal(has.tcp, 61);
  });

  test('wait until IPVS can be used; without any in the file the kernel is left alone', () => {
    const { has, keeper, usable, events } = kernelOf();
    has.tcp = 77;
    keeper.reconcile();
    assert.equal(has.tcp, 77);
    usable(false);
    keeper.want({ tcp: 60, tcpFin: 0, udp: 0 });
    usable(true);
    keeper.reconcile();
    assert.equal(has.tcp, 60);
    assert.deepEqual(events, ['tcp 77s -> 60s']);
  });
});
