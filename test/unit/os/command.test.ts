import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runCommand } from '../../../src/os/command.js';
import { whyUntrusted } from '../../../src/os/program.js';

const sh = (script: string, timeout = 10_000) =>
  runCommand({ argv: ['/bin/sh', '-c', script], env: { LBD_STATE: 'master' }, user: 'root', timeout });

describe('a program of the administrator', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'lbd-command-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  test('status 0 is done; all else is one sentence', async () => {
    assert.equal(await sh('test "$LBD_STATE" = master'), undefined);
    assert.equal(await sh('echo first; echo second; exit 3'), 'exit status 3: first');
    assert.equal(await sh('kill -TERM $$'), 'ended by SIGTERM');
    assert.match(String(await runCommand({ argv: ['/nowhere'], env: {}, user: 'root', timeout: 1000 })), /ENOENT/);
  });

  test('what does not end is killed with all that it started', async () => {
    const file = join(folder, 'pid');
    assert.match(
      String(await sh(`trap '' TERM; sleep 600 & echo $! > ${file}; wait`, 500)),
      /did not end within 0\.5s and was killed/,
    );
    const pid = Number((await import('node:fs')).readFileSync(file, 'utf8'));
    const gone = () => {
      try {
        process.kill(pid, 0);
        return false;
      } catch {
        return true;
      }
    };
    while (!gone()) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test('a child that holds the pipes holds nothing up, and endless output neither', async () => {
    assert.equal(await sh('sleep 5 & exit 0'), undefined);
    assert.match(String(await sh('head -c 10000000 /dev/zero | tr "\\\\0" x; exit 1')), /^exit status 1: x{200}$/);
  });

  test('what others may write to does not run as root', { skip: process.getuid?.() !== 0 }, async () => {
    const program = join(folder, 'hook');
    writeFileSync(program, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    const run = () => runCommand({ argv: [program], env: {}, user: 'root', timeout: 10_000 });
    assert.equal(await run(), undefined, 'below a sticky folder');
    chmodSync(program, 0o777);
    assert.match(String(await run()), /not run as root: others than root may write to/);
    assert.match(String(whyUntrusted(program)), /others than root/);
    chmodSync(program, 0o755);
    const other = mkdtempSync(join(tmpdir(), 'lbd-command-'));
    const link = join(folder, 'link');
    symlinkSync(join(other, 'hook'), link);
    writeFileSync(join(other, 'hook'), '#!/bin/sh\n', { mode: 0o755 });
    assert.equal(whyUntrusted(link), undefined);
    chmodSync(other, 0o777);
    assert.match(String(whyUntrusted(link)), /others than root may write to/, 'where the link leads to');
    rmSync(other, { recursive: true });
    chmodSync(folder, 0o777);
    assert.match(String(await run()), /others than root may write to/);
    chmodSync(folder, 0o700);
    assert.match(
      String(await runCommand({ argv: [program], env: {}, user: 'nobody-here', timeout: 1000 })),
      /no user nobody-here/,
    );
  });
});
