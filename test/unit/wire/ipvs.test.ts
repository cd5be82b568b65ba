/** Byte for byte is in test/golden/ipvs.test.ts; here: everything that can be said comes back, and nothing that cannot throws. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { concatBytes, HOST_LITTLE_ENDIAN as HOST, viewOf } from '../../../src/base/bytes.js';
import { addressBits, type Family, type Ip, ipFromBytes } from '../../../src/base/ip.js';
import type { Destination, Operation, ServiceId } from '../../../src/ipvs/types.js';
import {
  isMalformed,
  putOperation,
  putSetting,
  readDaemon,
  readDestination,
  readInfo,
  readService,
  readTimeouts,
} from '../../../src/wire/ipvs.js';
import { createWriter, type Message, putAttribute, readMessages, type Writer, written } from '../../../src/wire/netlink.js';

/** Records with an ordinary prototype: deepEqual looks at it. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record<T>(model, { noNullPrototype: true });

const address = (family: Family): fc.Arbitrary<Ip> => {
  const size = family === 4 ? 4 : 16;
  return fc.uint8Array({ minLength: size, maxLength: size }).map(ipFromBytes);
};
const family = fc.constantFrom<Family>(4, 6);
const port = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });

const id: fc.Arbitrary<ServiceId> = family.chain((af) =>
  fc.oneof(
    record({
      kind: fc.constant('address' as const),
      family: fc.constant(af),
      protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'sctp' as const),
      address: address(af),
      port,
    }),
    record({ kind: fc.constant('fwmark' as const), family: fc.constant(af), fwmark: fc.integer({ min: 1, max: 0xffffffff }) }),
  ),
);

const service = id.chain((one) =>
  record({
    id: fc.constant(one),
    scheduler: fc.constantFrom('rr', 'wlc', 'none', 'abcdefghijklmno'),
    // Bit 2 is the kernel's own mark: it never shows.
    flags: u32.map((flags) => (flags & ~2) >>> 0),
    timeout: u32,
    prefix: fc.integer({ min: one.family === 4 ? 0 : 1, max: addressBits(one.family) }),
    pe: fc.constantFrom('', 'sip'),
  }),
);

const destination: fc.Arbitrary<Destination> = family.chain((af) =>
  record({
    address: address(af),
    port,
    forward: fc.constantFrom('nat' as const, 'dr' as const, 'tun' as const),
    weight: fc.integer({ min: 0, max: 0x7fffffff }),
    upper: u32,
    lower: u32,
    tunType: fc.constantFrom(0, 1, 2),
    tunPort: port,
    tunFlags: port,
  }).map((dest) => (dest.forward === 'tun' && dest.tunType !== 0 ? dest : { ...dest, tunType: 0, tunPort: 0, tunFlags: 0 })),
);

function payloadIn(writer: Writer): Uint8Array {
  const [message] = readMessages(written(writer).slice()) ?? [];
  return (message as Message).payload;
}

function payloadOf(operation: Operation): Uint8Array {
  const writer = createWriter(16);
  putOperation(writer, 32, 7, operation, false);
  return payloadIn(writer);
}

const serviceRequest = (one: Extract<Operation, { service: unknown }>['service']) =>
  payloadOf({ kind: 'new-service', key: '', service: one });

describe('round trips: a request reads as the reply of the same values', () => {
  test('services', () => {
    fc.assert(
      fc.property(service, (one) => assert.deepEqual(readService(serviceRequest(one)), { ...one, stats: undefined })),
      { numRuns: 300 },
    );
  });

  test('destinations', () => {
    const beside = { active: 0, inactive: 0, persistent: 0, stats: undefined };
    fc.assert(
      fc.property(id, destination, fc.constantFrom('new-dest' as const, 'set-dest' as const), (of, dest, kind) => {
        const other: Family = dest.address.includes(':') ? 4 : 6;
        assert.deepEqual(readDestination(payloadOf({ kind, key: '', id: of, dest }), other), { ...dest, ...beside });
      }),
      { numRuns: 300 },
    );
  });

  test('sync daemons, IPv4 and IPv6 groups', () => {
    const daemon = record({
      role: fc.constantFrom('master' as const, 'backup' as const),
      interface: fc.constantFrom('eth0', 'd0'),
      syncId: u32,
      maxlen: fc.option(port, { nil: undefined }),
      group: fc.option(fc.oneof(address(4), address(6)), { nil: undefined }),
      port: fc.option(port, { nil: undefined }),
      ttl: fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(daemon, (one) => {
        const writer = createWriter(16);
        putSetting(writer, 32, 7, { kind: 'new-daemon', daemon: one });
        assert.deepEqual(readDaemon(payloadIn(writer)), one);
      }),
    );
  });
});

const readers: Record<string, (bytes: Uint8Array) => object> = {
  service: readService,
  destination: (bytes) => readDestination(bytes, 4),
  daemon: readDaemon,
  timeouts: readTimeouts,
  info: readInfo,
};

describe('replies that do not fit', () => {
  const web: ServiceId = { kind: 'address', family: 6, protocol: 'tcp', address: '2001:db8::1', port: 80 };
  const attributes = { scheduler: 'wlc', flags: 1, timeout: 300, prefix: 64, pe: 'sip' };

  test('cut anywhere: malformed', () => {
    const whole = serviceRequest({ id: web, ...attributes });
    for (let length = 0; length < whole.length; length++)
      assert.ok(isMalformed(readService(whole.subarray(0, length))), `${length} of ${whole.length} bytes`);
    const dest: Destination = {
      address: '10.0.0.1',
      port: 80,
      forward: 'tun',
      weight: 1,
      upper: 2,
      lower: 1,
      tunType: 1,
      tunPort: 6080,
      tunFlags: 1,
    };
    const other = payloadOf({ kind: 'new-dest', key: '', id: web, dest });
    for (let length = 0; length < other.length; length++)
      assert.ok(isMalformed(readDestination(other.subarray(0, length), 4)), `${length} of ${other.length} bytes`);
  });

  test('the nest cut inside a whole message: malformed or fewer values, never an exception', () => {
    const whole = serviceRequest({ id: web, ...attributes });
    for (let length = 8; length < whole.length; length++) {
      const bytes = whole.slice(0, length);
      viewOf(bytes).setUint16(4, length - 4, HOST);
      const read = readService(bytes);
      if (isMalformed(read)) continue;
      assert.deepEqual([read.id, read.scheduler, read.flags], [web, 'wlc', 1]);
    }
  });

  test('any byte changed: malformed or some value, never an exception', () => {
    const whole = serviceRequest({ id: web, ...attributes });
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const bytes = whole.slice();
        bytes[at] = byte;
        readService(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  test('garbage, also below well-formed nests', () => {
    const nested = fc.tuple(fc.constantFrom(1, 2, 3), fc.uint8Array({ maxLength: 120 })).map(([type, value]) => {
      const writer = createWriter(16);
      const at = putAttribute(writer, type, value.length);
      writer.bytes.set(value, at);
      return concatBytes([new Uint8Array(4), written(writer)]);
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), nested), (bytes) => {
        for (const read of Object.values(readers)) assert.equal(typeof read(bytes), 'object');
      }),
      { numRuns: 1000 },
    );
  });

  test('empty and too short: a sentence each', () => {
    for (const [name, read] of Object.entries(readers))
      for (const length of [0, 3, 4]) {
        const value = read(new Uint8Array(length));
        assert.ok(isMalformed(value) && value.malformed.length > 5, `${name} of ${length} bytes`);
      }
  });

  test('what lbd does not know is told by its number', () => {
    const ah = serviceRequest({ id: web, ...attributes });
    const at = ah.findIndex((byte, i) => byte === 6 && ah[i + 2] === 2 && ah[i + 4] === 6);
    ah[at + 4] = 51;
    assert.deepEqual(readService(ah), { malformed: 'protocol 51' });
  });

  test('methods of the kernel itself show as one that never has to change', () => {
    const dest: Destination = {
      address: '10.0.0.1',
      port: 80,
      forward: 'dr',
      weight: 1,
      upper: 0,
      lower: 0,
      tunType: 0,
      tunPort: 0,
      tunFlags: 0,
    };
    const bytes = payloadOf({ kind: 'new-dest', key: '', id: web, dest });
    const at = bytes.findIndex((byte, i) => byte === 8 && bytes[i + 2] === 3 && bytes[i + 4] === 3 && i > 60);
    bytes[at + 4] = 1;
    const read = readDestination(bytes, 4);
    assert.ok(!isMalformed(read));
    assert.equal(read.forward, 'nat');
  });
});
