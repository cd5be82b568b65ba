/** Checks with `netns`: probes of every kind leave from another namespace, and what becomes of it is noticed at the next probe. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { ProbeConfig } from '../../src/config/types.js';
import { closeIdleHalfOpen } from '../../src/os/probe/half-open-socket.js';
import { closeIdleIcmp } from '../../src/os/probe/icmp-socket.js';
import { makeNetns, type Netns } from './netns.js';
import { ask } from './peers.js';

/** Only the namespace has it. */
const ADDRESS = '198.51.100.77';
const own = readlinkSync('/proc/thread-self/ns/net');
let blue: Netns;

const addressed = (netns: Netns): Netns => {
  netns.exec(`ip address add ${ADDRESS}/32 dev lo`);
  return netns;
};
before(() => {
  blue = addressed(makeNetns('blue'));
});
after(() => {
  blue.destroy();
  closeIdleIcmp();
  closeIdleHalfOpen();
});

async function says(probe: ProbeConfig, expected: string | RegExp): Promise<void> {
  const { ok, local, reason } = await ask(probe, 9, ADDRESS);
  const words = `${ok ? 'ok' : local ? 'local' : 'failed'}: ${reason}`;
  if (typeof expected === 'string') assert.equal(words, expected);
  else assert.match(words, expected);
  assert.equal(readlinkSync('/proc/thread-self/ns/net'), own, 'this process stays where it is');
}

const script = (netns: string): ProbeConfig => ({
  type: 'script',
  command: ['/bin/sh', '-c', 'readlink /proc/self/ns/net; exit 1'],
  user: 'root',
  netns,
});
const inodeOf = (netns: Netns): string => netns.exec('readlink /proc/self/ns/net').trim();

test('connections, datagrams, echoes and scripts are inside', async () => {
  const { name } = blue;
  await says({ type: 'icmp', netns: name }, 'ok: echo reply');
  await says({ type: 'tcp', netns: name }, 'failed: connection refused');
  await says({ type: 'tcp_half_open', netns: name }, 'failed: connection refused');
  await says({ type: 'udp', send: { text: 'x' }, netns: name }, 'failed: connection refused');
  await says({ type: 'tcp', netns: `/run/netns/${name}` }, 'failed: connection refused');
  await says(script(name), `failed: exit status 1: "${inodeOf(blue)}"`);
  await says({ ...script(name), netns: undefined } as ProbeConfig, `failed: exit status 1: "${own}"`);
});

test('source and interface are those of the namespace', async () => {
  const { name } = blue;
  await says({ type: 'tcp', netns: name, source: ADDRESS, interface: 'lo' }, 'failed: connection refused');
  await says({ type: 'icmp', netns: name, source: ADDRESS, interface: 'lo' }, 'ok: echo reply');
  await says({ type: 'tcp_half_open', netns: name, source: ADDRESS, interface: 'lo' }, 'failed: connection refused');
  await says({ type: 'tcp', source: ADDRESS }, `local: source ${ADDRESS}: no interface of this director has that address`);
  await says({ type: 'tcp', netns: name, interface: 'lbd-none' }, 'local: no such interface on this director');
});

test('one that is missing, or a file that is none, is no fault of the server', async () => {
  const missing = 'local: netns lbd-none: there is no such network namespace on this director';
  for (const type of ['tcp', 'tcp_half_open', 'icmp'] as const) await says({ type, netns: 'lbd-none' }, missing);
  await says({ type: 'dns', name: 'a', query: 'A', netns: 'lbd-none' }, missing);
  await says(script('lbd-none'), missing);
  const file = '/run/netns/lbd-file';
  writeFileSync(file, '');
  try {
    for (const type of ['tcp', 'tcp_half_open', 'icmp'] as const)
      await says({ type, netns: 'lbd-file' }, 'local: netns lbd-file: it is no network namespace');
  } finally {
    unlinkSync(file);
  }
});

/** How many sockets this process has that it does not have in its own namespace. */
const rawSocketsInside = (): number => {
  const inodes = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? [];
    } catch {
      return [];
    }
  });
  const here = ['icmp', 'raw', 'icmp6', 'raw6'].map((one) => readFileSync(`/proc/net/${one}`, 'utf8')).join('');
  return inodes.filter((inode) => here.includes(` ${inode} `)).length;
};

test('one that goes and comes again under its name is the new one, for echoes too', async () => {
  const { name } = blue;
  await says({ type: 'icmp', netns: name }, 'ok: echo reply');
  assert.equal(rawSocketsInside(), 0, 'the shared socket is in the namespace');
  const before = inodeOf(blue);
  blue.destroy();
  await says({ type: 'icmp', netns: name }, `local: netns ${name}: there is no such network namespace on this director`);
  await says({ type: 'tcp', netns: name }, /^local: netns .*: there is no such network namespace on this director$/);
  blue = makeNetns('blue', name);
  assert.notEqual(inodeOf(blue), before);
  // The address is missing there: a socket of the old namespace would still have it.
  await says({ type: 'icmp', netns: name }, 'failed: this director has no route to it (network unreachable)');
  await says(script(name), `failed: exit status 1: "${inodeOf(blue)}"`);
  addressed(blue);
  await says({ type: 'icmp', netns: name }, 'ok: echo reply');
});
