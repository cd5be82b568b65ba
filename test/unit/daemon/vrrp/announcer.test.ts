import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex } from '../../../../src/base/bytes.js';
import { createAnnouncer } from '../../../../src/daemon/vrrp/announcer.js';
import type { HostInterface } from '../../../../src/daemon/vrrp/types.js';
import { parseArp } from '../../../../src/wire/arp.js';

const link = (index: number): HostInterface => ({
  index,
  name: `eth${index}`,
  mac: fromHex('020000000101'),
  up: true,
  running: true,
  loopback: false,
  mtu: 1500,
});
const many = (count: number) => Array.from({ length: count }, (_, i) => `10.0.${Math.floor(i / 250)}.${1 + (i % 250)}`);

function world(t: { mock: { timers: { enable(options: { apis: ['setTimeout'] }): void; tick(ms: number): void } } }) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 1000;
  const sent: { at: number; index: number; address: string }[] = [];
  const failures: string[] = [];
  let errno = 0;
  const open = () => ({
    send(index: number, frame: Uint8Array) {
      sent.push({ at: now, index, address: parseArp(frame)?.senderIp ?? '' });
      return -errno;
    },
    close() {},
  });
  const announcer = createAnnouncer((name, code) => failures.push(`${name} ${code}`), { now: () => now, open });
  return {
    announcer,
    sent,
    failures,
    refuse: (code: number) => {
      errno = code;
    },
    pass(ms: number) {
      for (let i = 0; i < ms; i++) {
        now++;
        t.mock.timers.tick(1);
      }
    },
  };
}

test('a thousand addresses go out in slices, each once', (t) => {
  const { announcer, sent, pass } = world(t);
  announcer.announce(link(1), many(1000), 0);
  assert.equal(sent.length, 100);
  announcer.announce(link(1), many(1000).slice(100), 0);
  pass(100);
  const counts = new Map<number, number>();
  for (const { at } of sent) counts.set(at, (counts.get(at) ?? 0) + 1);
  assert.ok([...counts].every(([, count]) => count <= 100));
  assert.equal(sent.length, 1000);
  assert.equal(new Set(sent.map((one) => one.address)).size, 1000);
});

test('frames keep their distance on an interface, whoever asks; another interface has its own', (t) => {
  const { announcer, sent, pass } = world(t);
  announcer.announce(link(1), many(3), 20);
  announcer.announce(link(1), ['192.0.2.1'], 0);
  announcer.announce(link(2), ['192.0.2.2'], 0);
  pass(100);
  const of = (index: number) => sent.filter((one) => one.index === index).map((one) => one.at);
  assert.deepEqual(of(1), [1000, 1020, 1040, 1060]);
  assert.equal(of(2).length, 1);
  assert.ok((of(2)[0] as number) <= 1005);
});

test('below a millisecond the rate holds on the average', (t) => {
  const { announcer, sent, pass } = world(t);
  announcer.announce(link(1), many(200), 0.1);
  pass(10);
  assert.ok(sent.length >= 80 && sent.length <= 125, String(sent.length));
  pass(30);
  assert.equal(sent.length, 200);
});

test('what still waits is taken back, with the questions in its name', (t) => {
  const { announcer, sent, pass, failures, refuse } = world(t);
  refuse(100);
  announcer.announce(link(1), ['192.0.2.1', '192.0.2.2', '192.0.2.3'], 10);
  announcer.ask(link(1), '192.0.2.2', '192.0.2.254', new Uint8Array(42), 10);
  announcer.cancel(link(1), ['192.0.2.2']);
  pass(100);
  assert.deepEqual(
    sent.map((one) => one.address),
    ['192.0.2.1', '192.0.2.3'],
  );
  assert.deepEqual(failures, ['eth1 100', 'eth1 100']);
});
