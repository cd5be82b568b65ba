/** Messages that Linux 6.1 took and gave, both ways and byte for byte. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fromHex, toHex } from '../../src/base/bytes.js';
import type { Counters, Destination, Operation, ServiceId } from '../../src/ipvs/types.js';
import {
  putOperation,
  putQuery,
  putSetting,
  readDaemon,
  readDestination,
  readInfo,
  readService,
  readTimeouts,
} from '../../src/wire/ipvs.js';
import {
  createWriter,
  doneErrno,
  type Message,
  NLMSG_DONE,
  NLMSG_ERROR,
  readAcknowledgement,
  readMessages,
  type Writer,
  written,
} from '../../src/wire/netlink.js';

interface Vector {
  readonly dir: 'request' | 'kernel_reply';
  readonly name: string;
  readonly hex: string;
}

const file = new URL('../../../test/golden/wire-golden.json', import.meta.url);
const vectors = (JSON.parse(readFileSync(file, 'utf8')) as { ipvs_genl: Vector[] }).ipvs_genl;
const FAMILY = 32;
const SEQUENCE = 0x11223344;

const web: ServiceId = { kind: 'address', family: 4, protocol: 'tcp', address: '10.0.0.1', port: 80 };
const dns: ServiceId = { kind: 'address', family: 6, protocol: 'udp', address: '2001:db8::1', port: 53 };
const mark: ServiceId = { kind: 'fwmark', family: 4, fwmark: 7 };
const plain = { scheduler: 'wrr', flags: 0, timeout: 0, prefix: 32, pe: '' };
const hashed = { scheduler: 'mh', flags: 0x19, timeout: 300, prefix: 64, pe: '' };
const noTunnel = { tunType: 0, tunPort: 0, tunFlags: 0 };
const nat: Destination = { address: '10.1.0.1', port: 8080, forward: 'nat', weight: 5, upper: 10, lower: 5, ...noTunnel };
const gue: Destination = {
  address: '10.1.0.2',
  port: 80,
  forward: 'tun',
  weight: 1,
  upper: 0,
  lower: 0,
  tunType: 1,
  tunPort: 6080,
  tunFlags: 1,
};
const none = (): Counters => ({
  connections: 0n,
  inPackets: 0n,
  outPackets: 0n,
  inBytes: 0n,
  outBytes: 0n,
  cps: 0n,
  inPps: 0n,
  outPps: 0n,
  inBps: 0n,
  outBps: 0n,
});
const idle = () => ({ active: 0, inactive: 0, persistent: 0, stats: none() });

type Write = (writer: Writer) => void;
const operation =
  (one: Omit<Operation, 'key'>): Write =>
  (writer) =>
    putOperation(writer, FAMILY, SEQUENCE, { ...one, key: '' } as Operation, true);
const query =
  (one: Parameters<typeof putQuery>[3]): Write =>
  (writer) =>
    putQuery(writer, FAMILY, SEQUENCE, one);
const setting =
  (one: Parameters<typeof putSetting>[3]): Write =>
  (writer) =>
    putSetting(writer, FAMILY, SEQUENCE, one);

const newService = (service: object): Write => operation({ kind: 'new-service', service } as Omit<Operation, 'key'>);
const newDest = (dest: Destination): Write => operation({ kind: 'new-dest', id: web, dest } as Omit<Operation, 'key'>);

/** By the name of the vector: what we write, and the values of the replies but the acknowledgement. */
const expected: Record<string, { write: Write; errno?: number; replies?: readonly unknown[] }> = {
  flush: { write: setting({ kind: 'flush' }) },
  'new_service tcp 10.0.0.1:80 wrr flags 0/~0 timeout 0 mask /32': { write: newService({ id: web, ...plain }) },
  'same again': { write: newService({ id: web, ...plain }), errno: 17 },
  'new_service udp6 [2001:db8::1]:53 mh persistent|sched1|sched2 timeout 300 plen 64': {
    write: newService({ id: dns, ...hashed }),
  },
  'new_service fwmark 7 inet rr': { write: newService({ id: mark, ...plain, scheduler: 'rr' }) },
  'new_dest 10.1.0.1:8080 masq w5 u10 l5': { write: newDest(nat) },
  'new_dest 10.1.0.2:80 tunnel gue port 6080 csum': { write: newDest(gue) },
  get_service: { write: query({ kind: 'service', id: web }), replies: [{ id: web, ...plain, stats: none() }] },
  'get_dest dump': {
    write: query({ kind: 'destinations', id: web }),
    replies: [
      { ...gue, ...idle() },
      { ...nat, ...idle() },
    ],
  },
  del_dest: { write: operation({ kind: 'del-dest', id: web, dest: gue } as Omit<Operation, 'key'>) },
  'set_config tcp 900 fin 120 udp 300': { write: setting({ kind: 'timeouts', timeouts: { tcp: 900, tcpFin: 120, udp: 300 } }) },
  get_config: { write: query({ kind: 'timeouts' }), replies: [{ tcp: 900, tcpFin: 120, udp: 300 }] },
  get_info: { write: query({ kind: 'info' }), replies: [{ version: '1.2.1', tableSize: 4096 }] },
  'new_daemon master d0 id 7': {
    write: setting({ kind: 'new-daemon', daemon: { role: 'master', interface: 'd0', syncId: 7 } }),
  },
  'get_daemon dump': {
    write: query({ kind: 'daemons' }),
    replies: [{ role: 'master', interface: 'd0', syncId: 7, maxlen: 1472, group: '224.0.0.81', port: 8848, ttl: 1 }],
  },
  'del_daemon master': { write: setting({ kind: 'del-daemon', role: 'master' }) },
  del_service: { write: operation({ kind: 'del-service', id: web } as Omit<Operation, 'key'>) },
  'del_service again': { write: operation({ kind: 'del-service', id: web } as Omit<Operation, 'key'>), errno: 3 },
};

/** What the reply says, by its command. */
function decode({ payload }: Message): unknown {
  const readers: Record<number, (bytes: Uint8Array) => unknown> = {
    1: readService,
    5: (bytes) => readDestination(bytes, 4),
    9: readDaemon,
    12: readTimeouts,
    14: readInfo,
  };
  return (readers[payload[0] as number] as (bytes: Uint8Array) => unknown)(payload);
}

const messagesOf = (hex: string): Message[] => readMessages(fromHex(hex)) ?? assert.fail(`unreadable: ${hex}`);

describe('requests, byte for byte', () => {
  for (const { name, hex } of vectors.filter((one) => one.dir === 'request')) {
    test(name, () => {
      const writer = createWriter(16);
      (expected[name] ?? assert.fail('a vector that nobody expects')).write(writer);
      assert.equal(toHex(written(writer)), hex);
    });
  }
});

describe('replies of the kernel', () => {
  for (const name of new Set(vectors.filter((one) => one.dir === 'kernel_reply').map((one) => one.name))) {
    test(name, () => {
      const { errno = 0, replies = [] } = expected[name] ?? assert.fail('a vector that nobody expects');
      const messages = vectors
        .filter((one) => one.dir === 'kernel_reply' && one.name === name)
        .flatMap(({ hex }) => messagesOf(hex));
      const end = messages.pop() as Message;
      assert.ok(messages.every((one) => one.sequence === SEQUENCE && one.type === FAMILY));
      assert.deepEqual(messages.map(decode), replies);
      assert.equal(end.sequence, SEQUENCE);
      if (end.type === NLMSG_DONE) assert.equal(doneErrno(end), errno);
      else {
        assert.equal(end.type, NLMSG_ERROR);
        assert.deepEqual(readAcknowledgement(end), { errno, extack: undefined });
      }
    });
  }
});

test('every expectation has a vector', () => {
  const names = new Set(vectors.map((one) => one.name));
  assert.deepEqual(
    Object.keys(expected).filter((name) => !names.has(name)),
    [],
  );
});

test('a service of a kernel without wide counters', () => {
  const hex = vectors.find((one) => one.dir === 'kernel_reply' && one.name === 'get_service')?.hex as string;
  const payload = (messagesOf(hex)[0] as Message).payload.slice();
  const end = toHex(payload).indexOf('7c000c000c00010000') / 2;
  const old = payload.slice(0, end);
  old[4] = (old.length - 4) & 255;
  old[5] = (old.length - 4) >> 8;
  // connections, the first counter of the narrow nest
  old[toHex(old).indexOf('5c000a0008000100') / 2 + 8] = 9;
  const service = readService(old);
  assert.deepEqual('stats' in service && service.stats, { ...none(), connections: 9n });
});
