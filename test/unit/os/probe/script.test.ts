import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { ScriptProbe } from '../../../../src/config/types.js';
import { startProbe } from '../../../../src/os/probe/index.js';
import { expectFailure, expectSuccess, leavesNothing, run } from '../../../fake/probing.js';

const target = { address: '192.0.2.1', port: 80 };
const shell = (text: string, user = String(process.getuid?.() ?? 0)): ScriptProbe => ({
  type: 'script',
  command: ['/bin/sh', '-c', text],
  user,
});
const folder = mkdtempSync(join(tmpdir(), 'lbd-script-'));

before(async () => {
  await run(shell('true'), target);
});
after(() => rmSync(folder, { recursive: true }));

const isAlive = (pid: number): boolean => {
  try {
    // A zombie that waits for its parent is not alive.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

describe('script', () => {
  test('its status decides, its first line is the reason', () =>
    leavesNothing(async () => {
      expectSuccess(await run(shell('echo fine; echo more'), target), 'exit status 0: "fine"');
      expectFailure(await run(shell('echo broken >&2; exit 3'), target), 'exit status 3: "broken"');
      expectFailure(await run(shell('kill -TERM $$'), target), 'ended by SIGTERM');
    }));

  test('where it is asked for, its status says the weight', () =>
    leavesNothing(async () => {
      const weighing = (text: string) => run({ ...shell(text), weight: true }, target);
      const half = await weighing('echo busy; exit 52');
      assert.deepEqual([half.ok, half.share, half.reason], [true, 50, 'says 50% (exit status 52): "busy"']);
      assert.equal((await weighing('exit 2')).share, 0);
      assert.equal((await weighing('exit 255')).share, 253);
      const whole = await weighing('exit 0');
      assert.deepEqual([whole.ok, whole.share], [true, undefined]);
      expectFailure(await weighing('exit 1'), 'exit status 1');
      expectFailure(await weighing('kill -KILL $$'), 'ended by SIGKILL');
    }));

  test('what others than root may write to is not run as root', { skip: process.getuid?.() !== 0 }, () =>
    leavesNothing(async () => {
      const file = join(folder, 'check');
      writeFileSync(file, '#!/bin/sh\nexit 0\n');
      chmodSync(file, 0o777);
      const probe = (user: string): ScriptProbe => ({ type: 'script', command: [file], user });
      const refused = await run(probe('root'), target);
      assert.deepEqual([refused.ok, refused.local], [false, true], 'no fault of the real server');
      assert.match(refused.reason, /not run as root: others than root may write to/);
      chmodSync(file, 0o755);
      expectSuccess(await run(probe('root'), target), 'exit status 0');
    }),
  );

  test('it is told the real server, and runs as the user', () =>
    leavesNothing(async () => {
      expectSuccess(await run(shell('echo $LBD_ADDRESS $LBD_PORT'), target), 'exit status 0: "192.0.2.1 80"');
      if (process.getuid?.() !== 0) return;
      expectSuccess(await run(shell('id -u', '65534'), target), 'exit status 0: "65534"');
    }));

  test('one that cannot be run, or a user that is not there, is a fault of this director', () =>
    leavesNothing(async () => {
      const missing = await run({ ...shell(''), command: ['/nonexistent/check'] }, target);
      assert.deepEqual([missing.ok, missing.local], [false, true]);
      assert.match(missing.reason, /\/nonexistent\/check cannot be run: ENOENT on this director/);
      const script = join(folder, 'of-nothing');
      writeFileSync(script, '#!/nonexistent/sh\n', { mode: 0o755 });
      const nothing = await run({ ...shell(''), command: [script] }, target);
      assert.match(
        nothing.reason,
        /ENOENT on this director \(as \d+\): it is there, but the interpreter of its first line is not$/,
      );
      chmodSync(script, 0o644);
      const closed = await run({ ...shell(''), command: [script] }, target);
      assert.match(closed.reason, /EACCES on this director \(as \d+\): it is not executable, or/);
      if (process.getuid?.() !== 0) return;
      const nobody = await run(shell('true', 'lbd-nobody-such'), target);
      assert.deepEqual([nobody.ok, nobody.local], [false, true]);
    }));

  test('at its deadline all that it has started ends, also what ignores TERM', () =>
    leavesNothing(async () => {
      const file = join(folder, 'pids');
      const text = `trap '' TERM; (trap '' TERM; echo $$ > ${file}.child; while :; do sleep 0.1; done) & echo $! $$ > ${file}.tmp; mv ${file}.tmp ${file}; wait`;
      const probe = startProbe(shell(text), target, () => assert.fail('told'));
      for (let i = 0; i < 500 && !existsSync(file); i++) await setTimeout(10);
      const pids = readFileSync(file, 'utf8').trim().split(' ').map(Number);
      assert.equal(pids.length, 2);
      assert.ok(pids.every(isAlive));
      probe.cancel();
      for (let i = 0; i < 500 && pids.some(isAlive); i++) await setTimeout(10);
      assert.deepEqual(pids.map(isAlive), [false, false]);
    }));

  test('what made a group or a session of its own ends as well, as long as its parents live', () =>
    leavesNothing(async () => {
      const file = join(folder, 'apart');
      const write = `sh -c 'echo $$ >> ${file}; exec sleep 60'`;
      const text = `timeout 60 setsid -w ${write} & setsid ${write}`;
      const probe = startProbe(shell(text), target, () => assert.fail('told'));
      const pids = () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map(Number) : []);
      for (let i = 0; i < 500 && pids().length < 2; i++) await setTimeout(10);
      probe.cancel();
      for (let i = 0; i < 200 && pids().some(isAlive); i++) await setTimeout(10);
      const left = pids().filter(isAlive);
      for (const pid of left) process.kill(pid, 'SIGKILL');
      assert.deepEqual([pids().length, left.length], [2, 0]);
    }));

  test('one that pours keeps this process no busier than it must', () =>
    leavesNothing(async () => {
      const began = process.cpuUsage();
      const probe = startProbe(shell('exec cat /dev/zero'), target, () => assert.fail('told'));
      await setTimeout(500);
      probe.cancel();
      const { user, system } = process.cpuUsage(began);
      assert.ok(user + system < 170_000, `${(user + system) / 1000} ms of CPU in half a second`);
    }));

  test('more output than anybody reads does not hold it up', () =>
    leavesNothing(async () => {
      const result = await run(shell('head -c 3000000 /dev/zero | tr "\\0" x; exit 1'), target);
      assert.equal(result.ok, false);
      assert.ok(result.reason.length < 200);
    }));
});

describe('file', () => {
  test('its first word decides', () =>
    leavesNothing(async () => {
      const file = join(folder, 'state');
      const read = () => run({ type: 'file', file }, target);
      expectFailure(await read(), `${file} does not exist`);
      writeFileSync(file, '25%\nrest\n');
      assert.deepEqual([(await read()).ok, (await read()).share], [true, 25]);
      writeFileSync(file, '\n\r\ndown # by hand\n');
      expectFailure(await read(), 'says down (by hand)');
      writeFileSync(file, '\0\0');
      assert.match((await read()).reason, /no word/);
    }));

  test('what is no file of words holds nothing up: a FIFO, a device without end, a folder', () =>
    leavesNothing(async () => {
      const fifo = join(folder, 'fifo');
      assert.equal(spawnSync('mkfifo', [fifo]).status, 0);
      const all = await Promise.all(Array.from({ length: 20 }, () => run({ type: 'file', file: fifo }, target)));
      assert.ok(
        all.every(({ local }) => !local),
        'those that read at once share what was read',
      );
      // More than the threads that Node.js has for files.
      for (let i = 0; i < 6; i++) assert.match((await run({ type: 'file', file: fifo }, target)).reason, /no word/);
      assert.match((await run({ type: 'file', file: '/dev/zero' }, target)).reason, /no word/);
      assert.match((await run({ type: 'file', file: folder }, target)).reason, /EISDIR/);
    }));
});
