/** `accept: false` where the kernel refuses, and beside somebody who changes the firewall. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OsError } from '../../../../src/base/errors.js';
import type { VrrpInstanceConfig } from '../../../../src/config/types.js';
import { closedOf, createClosing, createGuard } from '../../../../src/daemon/vrrp/guard.js';
import type { ClosedAddresses } from '../../../../src/os/closed-addresses.js';
import type { Closed } from '../../../../src/wire/nftables.js';

/** A kernel with one table; `foreign` is what somebody else does to it. */
function kernel() {
  const applied: string[] = [];
  const events: string[] = [];
  const world = { now: 0, generation: 1, intact: true, refuse: false, opened: 0 };
  const door: ClosedAddresses = {
    generation() {
      if (world.refuse) throw new OsError({ op: 'closing', errno: 95 });
      return world.generation;
    },
    apply(closed: readonly Closed[]) {
      if (world.refuse) throw new OsError({ op: 'closing', errno: 95 });
      applied.push(closed.map((one) => `${one.address}${one.dev ? `%${one.dev}` : ''}`).join(' '));
      world.generation++;
      world.intact = true;
    },
    intact: () => world.intact,
  };
  const open = () => {
    world.opened++;
    return door;
  };
  const guard = createGuard({ open, now: () => world.now, event: (text) => events.push(text) });
  return { guard, applied, events, world };
}

const conf = {
  name: 'VI_1',
  interface: 'eth0',
  addresses: [{ address: '192.0.2.10', length: 24 }],
  accept: false,
} as unknown as VrrpInstanceConfig;

test('nothing is asked of a kernel of which nothing is wanted; a table that a predecessor left goes', () => {
  const { guard, applied, world } = kernel();
  guard.want('a', []);
  assert.equal(guard.ensure(), undefined);
  assert.deepEqual([world.opened, guard.deadline()], [0, Number.POSITIVE_INFINITY]);
  guard.suspect();
  guard.ensure();
  assert.deepEqual(applied, ['']);
});

test('all instances have one table, which is made anew when something changes and never else', () => {
  const { guard, applied } = kernel();
  guard.want('a', [{ address: '192.0.2.10' }]);
  guard.want(
    'b',
    closedOf({ interface: 'eth0' }, [
      { address: 'fe80::1', length: 128 },
      { address: '192.0.2.10', length: 24 },
    ]),
  );
  guard.ensure();
  guard.ensure();
  guard.want('b', []);
  guard.ensure();
  guard.want('a', []);
  guard.ensure();
  assert.deepEqual(applied, ['192.0.2.10 fe80::1%eth0', '192.0.2.10', '']);
});

test('a change by somebody else is told when it is one of the table', () => {
  const { guard, applied, events, world } = kernel();
  guard.want('a', [{ address: '192.0.2.10' }]);
  guard.ensure();
  world.generation++;
  world.now = guard.deadline();
  guard.tick(() => assert.fail('there is no trouble'));
  assert.deepEqual([applied.length, events.length], [1, 0]);
  world.generation++;
  world.intact = false;
  world.now = guard.deadline();
  guard.tick(() => assert.fail('there is no trouble'));
  assert.equal(applied.length, 2);
  assert.match(events.join(), /removed by somebody else/);
});

test('where it cannot be kept a backup is in FAULT and a master goes on; both are told, once', () => {
  const { guard, events, world } = kernel();
  world.refuse = true;
  const closing = createClosing({ host: { guard }, key: 'a', conf: () => conf, held: () => [] });
  closing.ensure();
  closing.ensure();
  assert.equal(events.length, 1);
  assert.match(events[0] as string, /accept: false cannot be kept: .*EOPNOTSUPP.*; it is tried again/);
  const state = { phase: 'backup', holding: [] } as never;
  assert.equal(closing.hindrance(state)?.phase, 'fault');
  assert.equal(closing.hindrance({ phase: 'master', holding: conf.addresses } as never), undefined);
  assert.match(closing.report().accept_problem ?? '', /EOPNOTSUPP/);
  let told = 0;
  world.now = guard.deadline();
  guard.tick(() => told++);
  world.refuse = false;
  world.now = guard.deadline();
  guard.tick(() => told++);
  world.now = guard.deadline();
  guard.tick(() => told++);
  assert.equal(told, 2);
  assert.equal(closing.hindrance(state), undefined);
  assert.deepEqual([closing.report(), events.at(-1)], [{ accept: false, accept_problem: null }, 'accept: false is kept again']);
});
