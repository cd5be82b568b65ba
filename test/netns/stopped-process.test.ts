/** A check process that was stopped (SIGSTOP, a frozen guest) comes back without failing a single server, on real sockets. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { CheckConfig } from '../../src/config/types.js';
import { createCheckRunner } from '../../src/daemon/check/scheduler.js';
import { checkSpec } from '../../src/health/key.js';
import { now } from '../../src/os/clock.js';
import { startProbe } from '../../src/os/probe/index.js';

interface Said {
  readonly ok: number;
  readonly failed: readonly string[];
  readonly verdicts: readonly string[];
}

const CHECKS = 200;
const timing = { interval: 500, timeout: 400, rise: 1, fall: 1 };

function child(port: number): void {
  const [failed, verdicts]: [string[], string[]] = [[], []];
  let ok = 0;
  const runner = createCheckRunner({
    now,
    startProbe,
    onVerdict: (_key, change) => verdicts.push(`${change.from} -> ${change.to}: ${change.reason}`),
    onResult: (_key, result) => {
      if (result.ok) ok++;
      else if (!result.local) failed.push(result.reason);
    },
  });
  const http: CheckConfig = {
    type: 'http',
    port,
    path: '/',
    host: undefined,
    headers: [],
    status: [[200, 200]],
    body: 'ok',
    ...timing,
  };
  const specs = Array.from({ length: CHECKS }, (_, i) => checkSpec(http, `127.0.1.${i + 1}`, port));
  runner.reconcile(specs, () => ({ remembered: { verdict: 'up', since: 0, reason: '' } }));
  process.on('message', () => process.send?.({ ok, failed, verdicts } satisfies Said));
  process.on('disconnect', () => process.exit());
}

const scenario = () =>
  test('stopped for 1.7 s in the middle of 400 probes a second: not one verdict', async () => {
    const server = createServer((socket) => {
      socket
        .on('error', () => {})
        .once('data', () => {
          // Late enough that dozens of probes are under way at any moment, the one of the stop too.
          setTimeout(() => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'), 100);
        });
    }).listen(0, '0.0.0.0', 1024);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
    const process_ = fork(fileURLToPath(import.meta.url), ['child', String(port)], { env, execArgv: [] });
    const ask = async (): Promise<Said> => {
      process_.send('report');
      return ((await once(process_, 'message')) as [Said])[0];
    };
    try {
      let before = await ask();
      while (before.ok < 2 * CHECKS) {
        await sleep(20);
        before = await ask();
      }
      process_.kill('SIGSTOP');
      await sleep(1700);
      process_.kill('SIGCONT');
      let after = await ask();
      while (after.ok < before.ok + 3 * CHECKS) {
        assert.deepEqual([after.verdicts, after.failed], [[], []]);
        await sleep(20);
        after = await ask();
      }
      assert.deepEqual([after.verdicts, after.failed], [[], []]);
    } finally {
      process_.kill('SIGKILL');
      server.close();
    }
  });

if (process.argv[2] === 'child') child(Number(process.argv[3]));
else void scenario();
