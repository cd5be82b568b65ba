/** One event loop, many sockets: who gets which readiness when handlers close and open sockets in between. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { native } from '../../../src/os/native.js';
import { closeWatched, READABLE, WRITABLE, watch } from '../../../src/os/poller.js';
import { AF_INET, inetAddress, SOCK_DGRAM } from '../../../src/os/sockaddr.js';

const opened = new Set<number>();

function bound(): number {
  const fd = native.socket(AF_INET, SOCK_DGRAM, 0);
  native.bind(fd, inetAddress('127.0.0.1', 0));
  opened.add(fd);
  return fd;
}

/** Also what a failed test left behind: a watched descriptor keeps the process. */
afterEach(() => {
  for (const fd of opened) close(fd);
});

function close(fd: number): void {
  if (opened.delete(fd)) closeWatched(fd);
}

function poke(fd: number): void {
  const out = native.socket(AF_INET, SOCK_DGRAM, 0);
  native.send(out, Uint8Array.of(1), 0, native.getsockname(fd));
  native.close(out);
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Until it holds: readiness comes with some turn of the loop. */
async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !holds(); i++) await turn();
  assert.ok(holds());
}

test('a descriptor closed and taken anew in the same round does not get the old readiness', async () => {
  const fds = [bound(), bound()];
  const log: string[] = [];
  let fresh: number | undefined;
  for (const fd of fds) {
    watch(fd, READABLE, () => {
      const other = fds.find((one) => one !== fd) as number;
      log.push('first');
      close(other);
      fresh = bound();
      assert.equal(fresh, other, 'the kernel gives the lowest number that is free');
      watch(fresh, READABLE, (events) => log.push(`fresh ${events}`));
      native.recv(fd, new Uint8Array(1), 0);
    });
  }
  for (const fd of fds) poke(fd);
  await until(() => log.length > 0);
  for (let i = 0; i < 10; i++) await turn();
  assert.deepEqual(log, ['first'], 'nobody wrote to the new socket');
  poke(fresh as number);
  await until(() => log.length > 1);
  assert.equal(log[1], 'fresh 1');
  for (const fd of fds) close(fd);
});

test('a descriptor closed in the round is not called', async () => {
  const fds = [bound(), bound(), bound()];
  let calls = 0;
  for (const fd of fds)
    watch(fd, READABLE, () => {
      calls++;
      for (const one of fds) close(one);
    });
  for (const fd of fds) poke(fd);
  await until(() => calls > 0);
  for (let i = 0; i < 10; i++) await turn();
  assert.equal(calls, 1);
});

test('a watch that is replaced by its own handler gets the next readiness', async () => {
  const fd = bound();
  const log: string[] = [];
  watch(fd, WRITABLE, (events) => {
    log.push(`writable ${events}`);
    watch(fd, READABLE, (next) => {
      log.push(`readable ${next}`);
      close(fd);
    });
    poke(fd);
  });
  await until(() => log.length === 2);
  assert.deepEqual(log, ['writable 4', 'readable 1']);
});

test('a descriptor that cannot be watched is refused, and not remembered', () => {
  assert.throws(() => watch(9999, READABLE, () => {}), { code: 'EBADF' });
  assert.throws(() => closeWatched(9999), { code: 'EBADF' });
});
