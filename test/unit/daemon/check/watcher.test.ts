/** What the check process watches for VRRP: real scripts, files and processes of this host. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ScriptConfig } from '../../../../src/config/types.js';
import { readNumber } from '../../../../src/daemon/check/watch-files.js';
import { createWatcher, type Watcher } from '../../../../src/daemon/check/watcher.js';
import type { Watch } from '../../../../src/intent/watches.js';
import type { Reading } from '../../../../src/vrrp/track.js';
import { until } from '../../../fake/table-world.js';

const ME = String(process.getuid?.());

const script = (words: readonly string[], own: Partial<ScriptConfig['check']> = {}): Watch => ({
  key: 'script s',
  kind: 'script',
  script: {
    name: 's',
    check: {
      type: 'script',
      command: words,
      user: ME === '0' ? 'nobody' : ME,
      interval: 50,
      timeout: 50,
      rise: 1,
      fall: 1,
      ...own,
    },
    init: 'wait',
  },
});

describe('the watcher', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'lbd-watch-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** `said`: every message, oldest first. */
  async function watching(
    watches: readonly Watch[],
    run: (said: Record<string, Reading>[], watcher: Watcher) => Promise<void>,
    quorumOf: (name: string) => Reading | undefined = () => undefined,
  ): Promise<void> {
    const said: Record<string, Reading>[] = [];
    const send = (message: object) => void said.push((message as { readings: Record<string, Reading> }).readings);
    const watcher = createWatcher({ send, log: () => {} }, quorumOf);
    try {
      watcher.want(watches);
      await run(said, watcher);
    } finally {
      watcher.close();
    }
  }

  test('tells of a script when its verdict changes, and nothing before its first result', async () => {
    await watching([script(['/bin/true'], { timeout: 5000 })], async (said, watcher) => {
      await until(() => said.length === 1, 'the first result');
      assert.deepEqual(said[0], { 'script s': { value: 1, text: 'exit status 0' } });
      // Defined otherwise it goes on from there: one failure of two decides nothing.
      watcher.want([script(['/bin/sh', '-c', 'exit 3'], { fall: 2, timeout: 5000 })]);
      await until(() => said.at(-1)?.['script s']?.value === 0, 'it is down');
      assert.deepEqual(
        said.map((one) => one['script s']?.text),
        ['exit status 0', 'exit status 0', 'exit status 3 (2 of 2 failures)'],
      );
    });
  });

  test('a script that cannot be run, or does not end, is down', async () => {
    await watching([script(['/nowhere/s'], { timeout: 5000 })], async (said) => {
      await until(() => said.length === 1, 'a result');
      assert.match(JSON.stringify(said[0]), /"value":0,"text":"\/nowhere\/s cannot be run: ENOENT/);
    });
    await watching([script(['/bin/sleep', '60'])], async (said) => {
      await until(() => said.length === 1, 'a result');
      assert.deepEqual(said[0], { 'script s': { value: 0, text: 'no answer within 50ms (first result)' } });
    });
  });

  test('what others may replace is not run as root', { skip: ME !== '0' && 'not root' }, async () => {
    const program = join(folder, 'open');
    writeFileSync(program, '#!/bin/sh\nexit 0\n');
    chmodSync(program, 0o777);
    await watching([script([program], { user: 'root', timeout: 5000 })], async (said) => {
      await until(() => said.some((one) => one['script s']?.value === 0), 'a result');
      assert.match(said.at(-1)?.['script s']?.text ?? '', /it is not run as root: others than root may write to/);
    });
  });

  test('a file is the number that it holds', async () => {
    const path = join(folder, 'number');
    const key = `file ${path}`;
    await watching([{ key, kind: 'file', name: path }], async (said) => {
      await until(() => said.length === 1, 'it is not there');
      assert.deepEqual(said[0]?.[key], { value: 0, text: 'it does not exist, which counts as 0' });
      writeFileSync(path, '-12\n');
      await until(() => said.at(-1)?.[key]?.value === -12, 'it says -12');
    });
    const says = (text: string) => readNumber(null, text).value;
    assert.deepEqual(['7', ' +8 \nmore', '', '9x', '1e3', '99999999999'].map(says), [7, 8, 0, 0, 0, 1_000_000]);
    assert.match(readNumber(null, 'on').text, /holds no number/);
  });

  test('processes are counted by name or by the beginning of the command line; a zombie is none', async () => {
    const [short, long] = [join(folder, 'lbd-t'), join(folder, 'lbd-tracked-with-a-long-name')];
    for (const one of [short, long]) copyFileSync('/bin/sleep', one);
    const children: ChildProcess[] = [short, long, long].map((one, i) => spawn(one, [`100${i}`], { stdio: 'ignore' }));
    const watches = ['lbd-t', 'lbd-tracked-with-a-long-name', 'lbd-tracked-wit', `${long} 1002`].map(
      (name): Watch => ({ key: name, kind: 'process', name }),
    );
    try {
      await watching(watches, async (said) => {
        const counts = () => Object.values(said.at(-1) ?? {}).map((one) => one.value);
        await until(() => counts().join() === '1,2,2,1', 'all are counted');
        children[2]?.kill('SIGKILL');
        await until(() => counts().join() === '1,1,1,0', 'one is gone');
        assert.equal(said.at(-1)?.[`${long} 1002`]?.text, 'none runs');
      });
    } finally {
      for (const child of children) child.kill('SIGKILL');
    }
  });

  test('a virtual server is what its pool says, as soon as it says anything', async () => {
    let quorum: Reading | undefined;
    const watch: Watch = { key: 'virtual server web', kind: 'virtual_server', name: 'web' };
    const run = async (said: Record<string, Reading>[], watcher: Watcher) => {
      watcher.changed();
      await new Promise(setImmediate);
      assert.deepEqual(said, []);
      quorum = { value: 0, text: 'quorum lost' };
      watcher.changed();
      watcher.changed();
      await until(() => said.length > 0, 'told');
      assert.deepEqual(said, [{ 'virtual server web': quorum }]);
      watcher.want([]);
      watcher.changed();
      await new Promise(setImmediate);
      assert.equal(said.length, 1);
    };
    await watching([watch], run, () => quorum);
  });
});
