/** The addon keeps src/os/native.ts: sockets, errno, readiness; and nothing that a program does wrong ends the process by a crash. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { HOST_LITTLE_ENDIAN } from '../../../src/base/bytes.js';
import { native, type RecvMeta } from '../../../src/os/native.js';
import {
  AF_INET,
  AF_UNIX,
  inetAddress,
  intValue,
  readInetAddress,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
} from '../../../src/os/sockaddr.js';

const EAGAIN = 11;
const ECONNREFUSED = 111;
const EINPROGRESS = 115;
const EBADF = 9;
const SOL_REUSEADDR = 2;
const SO_TYPE = 3;
const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;
const IN = 1;
const OUT = 4;

const open = new Set<number>();
const socket = (type: number): number => {
  const fd = native.socket(AF_INET, type, 0);
  open.add(fd);
  return fd;
};
const close = (fd: number): void => {
  open.delete(fd);
  native.close(fd);
};
after(() => {
  for (const fd of open) native.close(fd);
});

const meta = (): RecvMeta => ({
  address: new Uint8Array(128),
  addressLength: 0,
  control: new Uint8Array(128),
  controlLength: 0,
  flags: 0,
});

/** A bound datagram socket and its address. */
function bound(): [fd: number, address: Uint8Array] {
  const fd = socket(SOCK_DGRAM);
  native.bind(fd, inetAddress('127.0.0.1', 0));
  return [fd, native.getsockname(fd)];
}

/** Two datagram sockets of this host, the first connected to the second, whose queue holds few. */
function unixPair(): [from: number, to: number] {
  const name = Buffer.from(`\0lbd-native-${process.pid}`);
  const address = new Uint8Array(2 + name.length);
  new DataView(address.buffer).setUint16(0, AF_UNIX, HOST_LITTLE_ENDIAN);
  address.set(name, 2);
  const [from, to] = [native.socket(AF_UNIX, SOCK_DGRAM, 0), native.socket(AF_UNIX, SOCK_DGRAM, 0)];
  open.add(from).add(to);
  native.bind(to, address);
  native.connect(from, address);
  return [from, to];
}

describe('sockets', () => {
  test('a filter decides what is received', () => {
    const [a, addressA] = bound();
    const [b] = bound();
    const buffer = new Uint8Array(16);
    const program = (length: number) => {
      const bytes = new Uint8Array(8);
      const view = new DataView(bytes.buffer);
      // BPF_RET | BPF_K
      view.setUint16(0, 0x06, HOST_LITTLE_ENDIAN);
      view.setUint32(4, length, HOST_LITTLE_ENDIAN);
      return bytes;
    };
    native.attachFilter(a, program(0));
    native.send(b, Uint8Array.of(1, 2), 0, addressA);
    assert.equal(native.wait(a, IN, 0), 0);
    native.attachFilter(a, program(0xffff));
    native.send(b, Uint8Array.of(3), 0, addressA);
    native.wait(a, IN, 1000);
    assert.equal(native.recv(a, buffer, 0), 1);
    assert.throws(() => native.attachFilter(a, new Uint8Array(7)), TypeError);
    assert.throws(() => native.attachFilter(a, new Uint8Array(8 * 5000)), TypeError);
    assert.throws(() => native.attachFilter(a, new Uint8Array(8).fill(0xff)), { errno: 22 });
  });

  test('a datagram there and back, with its sender', () => {
    const [a, addressA] = bound();
    const [b, addressB] = bound();
    const buffer = new Uint8Array(16);
    assert.equal(native.recv(a, buffer, 0), -EAGAIN);
    assert.equal(native.wait(a, IN, 0), 0);
    assert.equal(native.send(b, Uint8Array.of(1, 2, 3), 0, addressA), 3);
    assert.equal(native.wait(a, IN, 1000), IN);
    const from = meta();
    assert.equal(native.recv(a, buffer, MSG_DONTWAIT, from), 3);
    assert.deepEqual([...buffer.subarray(0, 3)], [1, 2, 3]);
    assert.deepEqual(readInetAddress(from.address.subarray(0, from.addressLength)), readInetAddress(addressB));
    assert.equal(from.controlLength, 0);
    assert.equal(from.flags & MSG_TRUNC, 0);
    native.send(b, new Uint8Array(100), 0, addressA);
    native.wait(a, IN, 1000);
    assert.equal(native.recv(a, buffer, 0, from), 16);
    assert.equal(from.flags & MSG_TRUNC, MSG_TRUNC);
    native.send(b, new Uint8Array(0), 0, addressA);
    native.wait(a, IN, 1000);
    assert.equal(native.recv(a, buffer, 0), 0);
    close(a);
    close(b);
  });

  test('many datagrams in one call, there and back with their senders', () => {
    const [a, addressA] = bound();
    const [b, addressB] = bound();
    const [c, addressC] = bound();
    const size = 16 + 4;
    const lengths = new Int32Array(8);
    const inbox = new Uint8Array(8 * size);
    const receive = (fd: number) => native.recvMany(fd, inbox, size, 16, lengths);
    const datagram = (i: number) => [...inbox.subarray(i * size + 16, i * size + 16 + (lengths[i] as number))];
    assert.equal(receive(b), -EAGAIN);
    const outbox = new Uint8Array([...addressB, 1, 2, 3, 4, ...addressC, 5, 6, 7, 8, ...addressB, 9, 10, 11, 12]);
    assert.equal(native.sendMany(a, outbox, size, 16), 3);
    native.wait(b, IN, 1000);
    native.wait(c, IN, 1000);
    assert.equal(receive(b), 2);
    assert.deepEqual(
      [datagram(0), datagram(1)],
      [
        [1, 2, 3, 4],
        [9, 10, 11, 12],
      ],
    );
    assert.deepEqual(readInetAddress(inbox.subarray(0, 16)), readInetAddress(addressA));
    assert.equal(receive(c), 1);
    assert.deepEqual(datagram(0), [5, 6, 7, 8]);
    assert.equal(receive(c), -EAGAIN);
    // A connected socket needs no addresses; a datagram that is longer than its record is cut, a shorter one says so.
    native.connect(a, addressB);
    native.send(a, new Uint8Array(100).fill(7), 0);
    native.send(a, new Uint8Array(0), 0);
    assert.equal(native.sendMany(a, Uint8Array.of(1, 2, 3, 4), 2, 0), 2);
    native.wait(b, IN, 1000);
    assert.equal(native.recvMany(b, inbox.subarray(0, 9), 3, 0, lengths), 3);
    assert.deepEqual([...lengths.subarray(0, 3)], [3, 0, 2]);
    assert.deepEqual([...inbox.subarray(6, 8)], [1, 2]);
    assert.equal(native.recvMany(b, inbox.subarray(0, 9), 3, 0, lengths), 1);
    // Of many, some.
    assert.equal(native.sendMany(a, Uint8Array.of(1, 1, 2, 2, 3, 3), 2, 0, Int32Array.of(2, 0)), 2);
    native.wait(b, IN, 1000);
    assert.equal(native.recvMany(b, inbox.subarray(0, 6), 2, 0, lengths), 2);
    assert.deepEqual([...inbox.subarray(0, 4)], [3, 3, 1, 1]);
    for (const fd of [a, b, c]) close(fd);
  });

  test('a call that sends many says how far it came, and then why', () => {
    const [a] = bound();
    const [b, addressB] = bound();
    const size = 16 + 1;
    // Nobody may send to a broadcast address unasked.
    const forbidden = inetAddress('255.255.255.255', 9);
    const outbox = new Uint8Array([...addressB, 1, ...addressB, 2, ...forbidden, 3, ...addressB, 4]);
    assert.equal(native.sendMany(a, outbox, size, 16), 2);
    assert.ok(native.sendMany(a, outbox.subarray(2 * size), size, 16) < 0);
    assert.equal(native.sendMany(a, outbox.subarray(3 * size), size, 16), 1);
    // The errors of earlier datagrams, and a queue that is full.
    const [gone, addressGone] = bound();
    close(gone);
    native.connect(a, addressGone);
    native.send(a, Uint8Array.of(0), 0);
    assert.notEqual(native.wait(a, IN, 1000), 0);
    assert.equal(native.sendMany(a, Uint8Array.of(1, 2), 1, 0), -ECONNREFUSED);
    native.connect(a, addressB);
    assert.equal(native.sendMany(a, Uint8Array.of(1, 2), 1, 0), 2);
    const [end, other] = unixPair();
    const many = new Uint8Array(300);
    let taken = 0;
    let last = 0;
    while (last >= 0) {
      last = native.sendMany(end, many, 1, 0);
      assert.ok(last <= 256, String(last));
      taken += Math.max(0, last);
    }
    assert.equal(last, -EAGAIN);
    let got = 0;
    for (let count = 0; count >= 0; count = native.recvMany(other, new Uint8Array(300), 1, 0, new Int32Array(300))) {
      assert.ok(count <= 256, String(count));
      got += count;
    }
    assert.equal(got, taken);
    for (const fd of [a, b, end, other]) close(fd);
  });

  test('records that are none are refused', () => {
    const [a] = bound();
    const lengths = new Int32Array(1);
    assert.equal(native.sendMany(a, new Uint8Array(0), 20, 16), 0);
    for (const [bytes, size, address] of [
      [21, 20, 16],
      [16, 16, 16],
      [20, 20, -1],
      [20, 0, 0],
      [20, -20, -30],
    ] as const) {
      assert.throws(() => native.sendMany(a, new Uint8Array(bytes), size, address), TypeError);
      assert.throws(() => native.recvMany(a, new Uint8Array(bytes), size, address, lengths), TypeError);
    }
    assert.throws(() => native.recvMany(a, new Uint8Array(20), 20, 16, new Uint8Array(4) as never), TypeError);
    assert.equal(native.sendMany(a, new Uint8Array(20), 20, 16, new Int32Array(0)), 0);
    for (const places of [Int32Array.of(1), Int32Array.of(-1), Uint8Array.of(0) as never])
      assert.throws(() => native.sendMany(a, new Uint8Array(20), 20, 16, places), TypeError);
    assert.throws(() => native.recvMany(a, new Uint8Array(20), 20, 16, undefined as never), TypeError);
    close(a);
    assert.equal(native.sendMany(a, new Uint8Array(20), 20, 16), -EBADF);
    assert.equal(native.recvMany(a, new Uint8Array(20), 20, 16, lengths), -EBADF);
  });

  test('nobody listens: refused by datagram and by stream', () => {
    const [gone, address] = bound();
    close(gone);
    const a = socket(SOCK_DGRAM);
    assert.equal(native.connect(a, address), 0);
    assert.equal(native.send(a, Uint8Array.of(1), 0), 1);
    assert.notEqual(native.wait(a, IN, 1000), 0);
    assert.equal(native.recv(a, new Uint8Array(1), 0), -ECONNREFUSED);
    const b = socket(SOCK_STREAM);
    const answer = native.connect(b, address);
    assert.ok(answer === -EINPROGRESS || answer === -ECONNREFUSED, String(answer));
    if (answer === -EINPROGRESS) {
      assert.notEqual(native.wait(b, OUT, 1000), 0);
      assert.deepEqual(native.getsockopt(b, SOL_SOCKET, 4, 4), intValue(ECONNREFUSED));
    }
    close(a);
    close(b);
  });

  test('options, and the clocks', () => {
    const fd = socket(SOCK_STREAM);
    native.setsockopt(fd, SOL_SOCKET, SOL_REUSEADDR, intValue(1));
    assert.deepEqual(native.getsockopt(fd, SOL_SOCKET, SOL_REUSEADDR, 4), intValue(1));
    assert.deepEqual(native.getsockopt(fd, SOL_SOCKET, SO_TYPE, 4), intValue(SOCK_STREAM));
    close(fd);
    const began = native.clock(1);
    assert.ok(native.clock(1) >= began);
    assert.ok(Math.abs(native.clock(1) - performance.now()) >= 0 && native.clock(7) >= began);
    assert.throws(() => native.clock(999), { code: 'EINVAL' });
  });

  test('errors: a negative errno where the contract says so, else an OsError of the system call', () => {
    const [fd] = bound();
    close(fd);
    const address = inetAddress('127.0.0.1', 1);
    assert.equal(native.send(fd, new Uint8Array(1), 0), -EBADF);
    assert.equal(native.recv(fd, new Uint8Array(1), 0), -EBADF);
    assert.equal(native.connect(fd, address), -EBADF);
    assert.equal(native.shutdown(fd, 2), -EBADF);
    const says = (op: string) => ({ name: 'OsError', code: 'EBADF', errno: EBADF, op, message: `${op}: EBADF` });
    assert.throws(() => native.close(fd), says('close'));
    assert.throws(() => native.bind(fd, address), says('bind'));
    assert.throws(() => native.getsockname(fd), says('getsockname'));
    assert.throws(() => native.getsockopt(fd, SOL_SOCKET, SO_TYPE, 4), says('getsockopt'));
    assert.throws(() => native.setsockopt(fd, SOL_SOCKET, SO_TYPE, intValue(1)), says('setsockopt'));
    assert.throws(() => native.socket(9999, 1, 0), { name: 'OsError', code: 'EAFNOSUPPORT' });
  });

  test('descriptors are not inherited', () => {
    const fd = socket(SOCK_DGRAM);
    const there = spawnSync('sh', ['-c', `test -e /proc/self/fd/${fd}; echo $?`], { encoding: 'utf8' }).stdout.trim();
    assert.equal(there, '1');
    close(fd);
  });
});

describe('bad arguments are a TypeError', () => {
  const bytes = new Uint8Array(4);
  const wrong: Record<string, readonly (readonly unknown[])[]> = {
    socket: [[], [1], [1, 2], ['a', 1, 0], [undefined, undefined, undefined]],
    close: [[], ['x'], [null], [Number.NaN], [1e9 + 0.5], [2 ** 31], [Number.NEGATIVE_INFINITY]],
    bind: [[1], [1, 'x'], ['x', bytes], [1, [1, 2]]],
    connect: [[1], [1, {}], [1, new Uint16Array(2)]],
    setsockopt: [
      [1, 1, 1],
      [1, 1, 1, 1],
    ],
    getsockopt: [
      [1, 1, 1],
      [1, 1, 1, -1],
      [1, 1, 1, 1e6],
    ],
    getsockname: [[], [{}]],
    send: [[1], [1, 'text', 0], [1, bytes], [1, bytes, 0, 'x'], [1, new DataView(new ArrayBuffer(4)), 0]],
    recv: [[1], [1, 'x', 0], [1, bytes], [1, bytes, 0, {}], [1, bytes, 0, { address: bytes, control: 1 }], [1, bytes, 0, 7]],
    sendMany: [[1], [1, bytes, 4], [1, 'x', 4, 0], [1, bytes, 'x', 0], [1, bytes, 4, 'x'], [1, new Int32Array(4), 4, 0]],
    recvMany: [[1], [1, bytes, 4, 0], [1, bytes, 4, 0, bytes], [1, bytes, 4, 0, 'x'], [1, 'x', 4, 0, new Int32Array(1)]],
    wait: [[1], [1, 1], [1, 1, 'x']],
    shutdown: [[1], [1, 'x']],
    clock: [[], ['x']],
    pollerOpen: [[], [1], [{}]],
    pollerSet: [[], [{}, 1, 1], [undefined, 1, 1], [1, 1, 1]],
    pollerDelete: [
      [{}, 1],
      [null, 1],
    ],
    pollerClose: [[], [{}], ['x']],
    pollerConnect: [[], [{}, 2, new Uint8Array(16)]],
    pollerDrop: [[], [{}, 1]],
    attachFilter: [[], [1], [1, 'x']],
  };
  const functions = native as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const [name, calls] of Object.entries(wrong)) {
    test(name, () => {
      for (const args of calls) assert.throws(() => functions[name]?.(...args), TypeError, JSON.stringify(args));
    });
  }
});

/** Runs source in a process of its own; `native` and helpers are there. */
function child(source: string): { status: number | null; signal: string | null; out: string; err: string } {
  const prelude = `
    import { native } from ${JSON.stringify(fileURLToPath(new URL('../../../src/os/native.js', import.meta.url)))};
    import * as poller from ${JSON.stringify(fileURLToPath(new URL('../../../src/os/poller.js', import.meta.url)))};
    import { inetAddress } from ${JSON.stringify(fileURLToPath(new URL('../../../src/os/sockaddr.js', import.meta.url)))};
    const bound = () => { const fd = native.socket(2, 2, 0); native.bind(fd, inetAddress('127.0.0.1', 0)); return fd; };
    const out = native.socket(2, 2, 0);
    const poke = (fd) => native.send(out, Uint8Array.of(1), 0, native.getsockname(fd));
  `;
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', prelude + source], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status: result.status, signal: result.signal, out: result.stdout.trim(), err: result.stderr };
}

const says = (source: string, out: string): void => {
  const result = child(source);
  assert.deepEqual([result.out, result.status, result.signal], [out, 0, null], result.err);
};

describe('the poller', () => {
  test('readiness arrives, level-triggered, until it is taken', () => {
    says(
      `const fd = bound(); let calls = 0;
       const handle = native.pollerOpen((pairs) => {
         if (pairs[0] !== fd || pairs[1] !== 1) console.log('wrong', pairs);
         if (++calls < 3) return;
         native.recv(fd, new Uint8Array(1), 0);
         native.pollerDelete(handle, fd);
         console.log(calls);
       });
       native.pollerSet(handle, fd, 1);
       poke(fd);`,
      '3',
    );
  });

  test('the process ends by itself when nothing is watched', () => {
    says(`native.pollerOpen(() => {}); console.log('end');`, 'end');
    says(
      `const fd = bound(); const handle = native.pollerOpen(() => {}); native.pollerSet(handle, fd, 1); native.pollerSet(handle, fd, 4);
       native.pollerDelete(handle, fd); native.pollerDelete(handle, fd); console.log('end');`,
      'end',
    );
    says(`const fd = bound(); const h = native.pollerOpen(() => {}); native.pollerSet(h, fd, 1); native.pollerClose(h);`, '');
  });

  test('a connection begun in one call is told when it stands, and dropped in one; the loop ends with it', () => {
    says(
      `const server = (await import('node:net')).createServer().listen(0, '127.0.0.1');
       await new Promise((done) => server.once('listening', done));
       const address = (port) => { const a = new Uint8Array(16); a.set([2, 0, port >> 8, port & 255, 127, 0, 0, 1]); return a; };
       let left = 2;
       const handle = native.pollerOpen((pairs) => {
         for (let i = 0; i < pairs.length; i += 2) {
           console.log(pairs[i] === fd ? 'stands ' + pairs[i + 1] : 'refused ' + (pairs[i + 1] & 8));
           native.pollerDrop(handle, pairs[i]);
           try { native.getsockname(pairs[i]); } catch (error) { console.log(error.code); }
           if (--left === 0) server.close();
         }
       });
       const fd = native.pollerConnect(handle, 2, address(server.address().port));
       console.log(native.pollerConnect(handle, 2, new Uint8Array(16).fill(255, 4, 8).fill(2, 0, 1)));
       server.on('connection', (socket) => { socket.on('error', () => {}).resume(); native.pollerConnect(handle, 2, address(1)); });`,
      '-101\nstands 4\nEBADF\nrefused 8\nEBADF',
    );
  });

  test('an exception in the callback is an uncaughtException, and the next event arrives', () => {
    says(
      `const fd = bound(); let calls = 0;
       process.on('uncaughtException', (error) => console.log('caught', error.message));
       const handle = native.pollerOpen(() => {
         if (++calls === 1) throw new Error('mine');
         native.pollerDelete(handle, fd);
         console.log('again');
       });
       native.pollerSet(handle, fd, 1);
       poke(fd);`,
      'caught mine\nagain',
    );
    const unhandled = child(
      `const fd = bound(); const h = native.pollerOpen(() => { throw new Error('mine'); }); native.pollerSet(h, fd, 1); poke(fd);`,
    );
    assert.deepEqual([unhandled.signal, unhandled.status], [null, 1], unhandled.err);
    assert.match(unhandled.err, /Error: mine/);
  });

  test('the callback may close descriptors and the poller itself', () => {
    says(
      `const fds = Array.from({ length: 10 }, bound);
       const handle = native.pollerOpen((pairs) => {
         for (const fd of fds) { native.pollerDelete(handle, fd); native.close(fd); }
         native.pollerClose(handle);
         native.pollerClose(handle);
         try { native.pollerSet(handle, out, 1); } catch (error) { console.log(error.code); }
         native.pollerDelete(handle, out);
       });
       for (const fd of fds) native.pollerSet(handle, fd, 1);
       for (const fd of fds) poke(fd);`,
      'EBADF',
    );
  });

  test('many descriptors, more than one call takes', () => {
    says(
      `const fds = Array.from({ length: 500 }, bound); const left = new Set(fds); let most = 0;
       const handle = native.pollerOpen((pairs) => {
         most = Math.max(most, pairs.length / 2);
         for (let i = 0; i < pairs.length; i += 2) {
           native.recv(pairs[i], new Uint8Array(1), 0);
           left.delete(pairs[i]);
           native.pollerDelete(handle, pairs[i]);
         }
         if (left.size === 0) console.log(most);
       });
       for (const fd of fds) native.pollerSet(handle, fd, 1);
       for (const fd of fds) poke(fd);`,
      '64',
    );
  });

  test('promises of the callback run before the next event', () => {
    says(
      `const fds = [bound(), bound()]; const seen = [];
       for (const fd of fds) poller.watch(fd, 1, async () => { poller.closeWatched(fd); await null; seen.push('p'); if (seen.length === 2) console.log(seen.join('')); });
       for (const fd of fds) poke(fd);`,
      'pp',
    );
  });

  test('a poller without references is collected quietly', () => {
    const result = spawnSync(
      process.execPath,
      [
        '--expose-gc',
        '--input-type=module',
        '-e',
        `import { native } from ${JSON.stringify(
          fileURLToPath(new URL('../../../src/os/native.js', import.meta.url)),
        )}; for (let i = 0; i < 50; i++) native.pollerClose(native.pollerOpen(() => {})); gc(); await new Promise(setImmediate); gc(); console.log('ok');`,
      ],
      { encoding: 'utf8' },
    );
    assert.deepEqual([result.stdout.trim(), result.status, result.signal], ['ok', 0, null], result.stderr);
  });

  test('workers come and go, with a poller open and watching', async () => {
    const before = readdirSync('/proc/self/fd').length;
    const source = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData).then(({ native }) => {
        const fd = native.socket(2, 2, 0);
        const handle = native.pollerOpen(() => {});
        native.pollerSet(handle, fd, 1);
        native.pollerOpen(() => {});
        parentPort.postMessage(fd);
      });`;
    const url = new URL('../../../src/os/native.js', import.meta.url).href;
    for (let i = 0; i < 20; i++) {
      const worker = new Worker(source, { eval: true, workerData: url });
      const fd = await new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject));
      await worker.terminate();
      native.close(fd);
    }
    assert.ok(readdirSync('/proc/self/fd').length <= before + 4);
  });
});
