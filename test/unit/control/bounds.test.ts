/** Whoever uses the socket badly costs a bounded amount of memory, and only himself. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { test } from 'node:test';
import type { ApiEvent } from '../../../src/control/api.js';
import { connect, Unreachable } from '../../../src/control/client.js';
import { createLineReader } from '../../../src/control/lines.js';
import { OPEN_REQUESTS } from '../../../src/control/server.js';
import { CANNED, EVENTS, startFakeDaemon } from '../../fake/control.js';

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};
const event = (id: number, text = 'x'): ApiEvent => ({ ...(EVENTS[0] as ApiEvent), id, text });

/** What the server reads at a time. */
const CHUNK = 64 * 1024;

test('requests poured in are taken as they are answered, and none is lost', async () => {
  const COUNT = 20_000;
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const daemon = await startFakeDaemon({ vrrp: (() => gate.then(() => ({ instances: [] }))) as never });
  const socket = connectSocket({ path: daemon.socketPath });
  const line = '{"id":1,"method":"vrrp"}\n';
  socket.write(line.repeat(COUNT));
  let answers = 0;
  const all = new Promise<void>((resolve) =>
    socket.on('data', (chunk: Buffer) => {
      for (const byte of chunk) if (byte === 10) answers++;
      if (answers === COUNT) resolve();
    }),
  );
  while (daemon.asked.length < OPEN_REQUESTS) await turns(1);
  await turns(200);
  assert.ok(daemon.asked.length <= OPEN_REQUESTS + CHUNK / line.length, `${daemon.asked.length} requests are worked on`);
  const other = await connect(daemon.socketPath);
  assert.equal((await other.call('status', {})).router_id, 'd1', 'another caller has to wait');
  other.close();
  release();
  await all;
  socket.destroy();
  await daemon.close();
});

test('a follower whose answer never comes is dropped when too many events wait for it', async () => {
  const daemon = await startFakeDaemon({ events: (() => new Promise(() => {})) as never });
  const client = await connect(daemon.socketPath);
  const first = client.follow({})[Symbol.asyncIterator]().next();
  first.catch(() => {});
  while (daemon.asked.length === 0) await turns(1);
  for (let id = 1; daemon.warnings.length === 0; id++) {
    assert.ok(id < 20_000, 'nobody was dropped');
    daemon.server.publish(event(id));
  }
  assert.match(daemon.warnings[0] as string, /its answer takes too long/);
  await assert.rejects(first, Unreachable);
  await daemon.close();
});

test('a program that follows and stands still does not read on; what it has is not lost', async () => {
  const daemon = await startFakeDaemon();
  const client = await connect(daemon.socketPath);
  const reader = client.follow({ since: 3 })[Symbol.asyncIterator]();
  const first = reader.next();
  while (daemon.asked.length === 0) await turns(1);
  let id = 4;
  const big = 'y'.repeat(8192);
  for (; daemon.warnings.length === 0; id++) {
    assert.ok(id < 3000, 'it read 24 MiB that nobody wanted');
    daemon.server.publish(event(id, big));
    await turns(2);
  }
  assert.match(daemon.warnings[0] as string, /does not read/);
  let last = ((await first).value as ApiEvent).id;
  assert.equal(last, 4);
  await assert.rejects(async () => {
    for (;;) {
      const { value } = (await reader.next()) as { value: ApiEvent };
      assert.equal(value.id, last + 1, 'an event was lost in the middle');
      last = value.id;
    }
  }, /its events were not read in time/);
  assert.ok(last > 100 && last < id, `${last} of ${id}`);
  await daemon.close();
});

test('a follower gets what it asked for alone, also when there was more than may wait otherwise', async () => {
  const past = Array.from({ length: 40 }, (_, i) => event(i + 1, 'z'.repeat(100_000)));
  const daemon = await startFakeDaemon({ events: () => ({ events: past }) });
  const socket = connectSocket({ path: daemon.socketPath });
  socket.write('{"id":1,"method":"events","params":{"follow":true,"since":0,"kind":"vrrp","subject":"VI_1"}}\n');
  while (daemon.asked.length === 0) await turns(1);
  await turns(5);
  const wanted = { ...event(42), kind: 'vrrp', subject: 'VI_1' };
  for (const one of [event(41), wanted, { ...wanted, subject: 'VI_12' }, { ...wanted, id: 43 }]) daemon.server.publish(one);
  let text = '';
  for await (const chunk of socket) {
    text += chunk;
    if (text.includes('"id":43')) break;
  }
  const lines = text.trimEnd().split('\n').slice(1);
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).event.id),
    [42, 43],
  );
  assert.deepEqual(daemon.warnings, []);
  await daemon.close();
});

test('many callers at once', async () => {
  const daemon = await startFakeDaemon();
  const clients = await Promise.all(Array.from({ length: 100 }, () => connect(daemon.socketPath)));
  const followers = clients.slice(50).map((client) => client.follow({ since: 3 })[Symbol.asyncIterator]());
  const nexts = followers.map((one) => one.next());
  const answers = await Promise.all(clients.slice(0, 50).map((client) => client.call('status', {})));
  assert.ok(answers.every((one) => one.pid === (CANNED.status({}) as { pid: number }).pid));
  while (daemon.asked.filter((one) => one.method === 'events').length < 50) await turns(1);
  daemon.server.publish(event(4));
  for (const next of await Promise.all(nexts)) assert.equal((next.value as ApiEvent).id, 4);
  for (const client of clients) client.close();
  await daemon.close();
});

test('a caller that dies with requests open harms nobody', async () => {
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const daemon = await startFakeDaemon({ vrrp: (() => gate.then(() => ({ instances: [] }))) as never });
  const socket = connectSocket({ path: daemon.socketPath });
  socket.write('{"id":1,"method":"vrrp"}\n{"id":2,"method":"events","params":{"follow":true}}\n');
  while (daemon.asked.length < 2) await turns(1);
  socket.destroy();
  await once(socket, 'close');
  release();
  daemon.server.publish(event(9));
  await turns(5);
  const client = await connect(daemon.socketPath);
  assert.equal((await client.call('status', {})).router_id, 'd1');
  assert.deepEqual(daemon.warnings, []);
  client.close();
  await daemon.close();
});

test('lines: any cut of the bytes gives the same lines', () => {
  const bytes = Buffer.from('{"a":"ä€𝄞"}\n\n  \n{"b":1}\r\nlast');
  const read = (cuts: readonly number[]) => {
    const lines: string[] = [];
    const reader = createLineReader(1000, (line) => lines.push(line), assert.fail);
    let from = 0;
    for (const cut of [...cuts, bytes.length]) {
      reader.push(bytes.subarray(from, cut));
      from = cut;
    }
    return { lines, pending: reader.pending() };
  };
  const expected = { lines: ['{"a":"ä€𝄞"}', '{"b":1}'], pending: 4 };
  for (let a = 0; a <= bytes.length; a++) for (let b = a; b <= bytes.length; b++) assert.deepEqual(read([a, b]), expected);
});
