/** One request, its answers, and everything that can come between them, over a fake kernel. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OsError } from '../../../src/base/errors.js';
import { createNetlinkSocket, NETLINK_GENERIC, NETLINK_ROUTE, openTransport, type Transport } from '../../../src/os/netlink.js';
import { putOperation, putQuery, readService } from '../../../src/wire/ipvs.js';
import {
  beginMessage,
  createWriter,
  endMessage,
  type Message,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  putBytes,
} from '../../../src/wire/netlink.js';
import { createFakeKernel, type Fault } from '../../fake/ipvs-kernel.js';

const DEADLINE = 300;

const newService = (port: number, scheduler = 'rr') =>
  ({
    kind: 'new-service',
    key: '',
    service: {
      id: { kind: 'address', family: 4, protocol: 'tcp', address: '192.0.2.1', port },
      scheduler,
      flags: 0,
      timeout: 0,
      prefix: 32,
      pe: '',
    },
  }) as const;

function setUp(fault?: Fault) {
  const kernel = createFakeKernel();
  const socket = createNetlinkSocket(kernel.open, DEADLINE);
  if (fault) kernel.faults.push(fault);
  const add = (port: number, count = 1) => {
    const first = socket.reserve(count);
    const writer = createWriter(256);
    for (let i = 0; i < count; i++) putOperation(writer, 32, first + i, newService(port + i), true);
    return socket.exchange('adding', writer, first, count);
  };
  const ports = () => {
    let found: number[] = [];
    const take = (message: Message) => {
      const one = readService(message.payload);
      if ('id' in one && one.id.kind === 'address') found.push(one.id.port);
    };
    const write = (sequence: number) => {
      const writer = createWriter(64);
      putQuery(writer, 32, sequence, { kind: 'services' });
      return writer;
    };
    socket.dump('reading', write, take, () => {
      found = [];
    });
    return found;
  };
  return { kernel, socket, add, ports };
}

const fails = (run: () => unknown, code: string, words: RegExp): void => {
  assert.throws(run, (error) => {
    assert.ok(error instanceof OsError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, words);
    return true;
  });
};

describe('an exchange', () => {
  test('every message of a batch is answered, in order', () => {
    const { add, kernel } = setUp();
    const outcomes = add(1, 100);
    assert.equal(outcomes.length, 100);
    assert.ok(outcomes.every(({ errno }, i) => errno === 0 && outcomes[0] && outcomes[i]?.sequence === outcomes[0].sequence + i));
    assert.equal(kernel.table.services.size, 100);
  });

  test('strays of another exchange and of another process are ignored', () => {
    const { add, kernel } = setUp({ kind: 'strays before' });
    assert.deepEqual(
      add(1, 3).map(({ errno }) => errno),
      [0, 0, 0],
    );
    assert.equal(kernel.opened, 1);
  });

  const doubts: [Fault['kind'], string, RegExp][] = [
    ['silence', 'ETIMEDOUT', /did not answer within 300 ms/],
    ['lost last', 'ETIMEDOUT', /did not answer within 300 ms/],
    ['wrong sequence', 'ETIMEDOUT', /did not answer/],
    ['foreign sender', 'ETIMEDOUT', /did not answer/],
    ['flood', 'ETIMEDOUT', /did not answer/],
    ['ENOBUFS', 'ENOBUFS', /answers were lost/],
    ['truncated', 'EPROTO', /malformed reply/],
    ['cut', 'EPROTO', /malformed reply/],
    ['nonsense', 'EPROTO', /malformed reply/],
    ['short error', 'EPROTO', /malformed acknowledgement/],
    ['send refused', 'ENOBUFS', /send: ENOBUFS/],
  ];
  for (const [kind, code, words] of doubts) {
    test(`${kind}: an OsError, and a new socket for the next`, () => {
      const { add, kernel } = setUp({ kind });
      const began = performance.now();
      fails(() => add(1, 3), code, words);
      assert.ok(performance.now() - began < 50 * DEADLINE);
      assert.equal(kernel.sockets, 0);
      assert.equal(add(10).length, 1);
      assert.deepEqual([kernel.opened, kernel.sockets], [2, 1]);
    });
  }

  test('more answers than the queue holds: the outcome is unknown, not believed', () => {
    const { add, kernel } = setUp();
    kernel.queue = 50;
    fails(() => add(1, 60), 'ENOBUFS', /answers were lost/);
    assert.equal(kernel.table.services.size, 60);
  });

  test('a transport that cannot be opened is the caller’s error, and is tried again', () => {
    const kernel = createFakeKernel();
    let tries = 0;
    const socket = createNetlinkSocket(() => {
      if (++tries === 1) throw new OsError({ op: 'socket', errno: 24 });
      return kernel.open();
    }, DEADLINE);
    const add = () => {
      const first = socket.reserve(1);
      const writer = createWriter(256);
      putOperation(writer, 32, first, newService(1), true);
      return socket.exchange('adding', writer, first, 1);
    };
    fails(add, 'EMFILE', /socket/);
    assert.equal(add().length, 1);
  });

  test('sequence numbers: a batch never wraps around', () => {
    const { socket } = setUp();
    const first = socket.reserve(0xfffffffe);
    assert.equal(first, 1);
    const next = socket.reserve(10);
    assert.equal(next, 1, 'does not fit before the end');
    assert.equal(socket.reserve(5), 11);
  });
});

describe('a dump', () => {
  test('many datagrams', () => {
    const { add, ports } = setUp();
    for (let at = 1; at <= 300; at += 100) add(at, 100);
    assert.deepEqual(
      ports().sort((a, b) => a - b),
      Array.from({ length: 300 }, (_, i) => i + 1),
    );
  });

  for (const kind of ['interrupted', 'busy'] as const) {
    test(`${kind}: read again from the start, on a new socket`, () => {
      const { add, ports, kernel } = setUp();
      add(1, 3);
      kernel.faults.push({ kind, command: 4, times: 3 });
      assert.equal(ports().length, 3);
      assert.deepEqual([kernel.opened, kernel.sockets], [4, 1]);
    });

    test(`${kind} each time: given up`, () => {
      const { add, ports, kernel } = setUp();
      add(1, 3);
      kernel.faults.push({ kind, command: 4, times: 1000 });
      fails(ports, 'EBUSY', /changed during each of 5 readings/);
      assert.equal(kernel.commands.filter((one) => one === 4).length, 5);
      assert.equal(kernel.sockets, 0);
    });
  }

  const doubts: [Fault['kind'], string][] = [
    ['silence', 'ETIMEDOUT'],
    ['lost last', 'ETIMEDOUT'],
    ['flood', 'ETIMEDOUT'],
    ['ENOBUFS', 'ENOBUFS'],
    ['truncated', 'EPROTO'],
    ['cut', 'EPROTO'],
    ['nonsense', 'EPROTO'],
    ['short error', 'EPROTO'],
  ];
  for (const [kind, code] of doubts) {
    test(`${kind}: an OsError, never a part of the table`, () => {
      const { add, ports, kernel } = setUp();
      add(1, 60);
      kernel.faults.push({ kind, command: 4 });
      fails(ports, code, /./);
      assert.equal(ports().length, 60);
      assert.equal(kernel.sockets, 1);
    });
  }

  test('a refused dump is the refusal', () => {
    const { ports, kernel } = setUp();
    kernel.permitted = false;
    fails(ports, 'EPERM', /reading/);
  });
});

/** Not a fake: what this machine's kernel answers to anybody. */
describe('a real socket', () => {
  function links(open: () => Transport): number {
    const socket = createNetlinkSocket(open);
    let count = 0;
    const write = (sequence: number) => {
      const writer = createWriter(64);
      const start = beginMessage(writer, 18, NLM_F_REQUEST | NLM_F_DUMP, sequence);
      putBytes(writer, new Uint8Array(16));
      endMessage(writer, start);
      return writer;
    };
    socket.dump(
      'reading the interfaces',
      write,
      () => count++,
      () => {
        count = 0;
      },
    );
    socket.close();
    return count;
  }

  test('a dump of the interfaces', () => {
    assert.ok(links(() => openTransport(NETLINK_ROUTE)) >= 1);
  });

  test('ports differ, waiting ends at its limit, closing twice is no matter for the exchange', () => {
    const [a, b] = [openTransport(NETLINK_GENERIC), openTransport(NETLINK_GENERIC)];
    assert.notEqual(a.port, b.port);
    assert.equal(a.wait(1), false);
    assert.equal(a.receive(new Uint8Array(64)).length, -11);
    a.close();
    b.close();
    const socket = createNetlinkSocket(() => createFakeKernel().open());
    socket.close();
    socket.close();
  });

  test('an unknown group is refused and leaves no descriptor', () => {
    assert.throws(() => openTransport(NETLINK_ROUTE, [100_000]));
  });
});
