import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { expectText, run } from '../../fake/cli.js';
import { type FakeDaemon, startFakeDaemon } from '../../fake/control.js';

let daemon: FakeDaemon;
let folder: string;

const ctl = (...argv: string[]) => run(['--socket', daemon.socketPath, ...argv]);

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe('revisions on the command line', () => {
  before(async () => {
    daemon = await startFakeDaemon();
    folder = mkdtempSync(join(tmpdir(), 'lbd-cli-revisions-'));
  });
  after(async () => {
    await daemon.close();
    rmSync(folder, { recursive: true });
  });

  test('plan and history as people see them', async () => {
    const file = write('new.yaml', 'virtual_servers: []\n');
    const plan = await ctl('plan', file);
    assert.deepEqual(daemon.asked.at(-1), { method: 'plan', params: { text: 'virtual_servers: []\n', name: file } });
    expectText('plan', plan.out);
    expectText('history', (await ctl('history')).out);
    await ctl('plan');
    assert.deepEqual(daemon.asked.at(-1), { method: 'plan', params: {} });
  });

  test('apply, confirm, rollback and reload say what they are told', async () => {
    const file = write('other.yaml', 'x');
    await ctl('apply', file, '--confirm', '60s', '--force', '--reason', 'more room', '--expected-revision', '7');
    assert.deepEqual(daemon.asked.at(-1), {
      method: 'apply',
      params: { text: 'x', name: file, confirm: 60, force: true, reason: 'more room', expected_revision: 7 },
    });
    await ctl('--dry-run', 'confirm');
    assert.deepEqual(daemon.asked.at(-1), { method: 'confirm', params: { dry_run: true } });
    await ctl('rollback', '6', '--force');
    assert.deepEqual(daemon.asked.at(-1), { method: 'rollback', params: { revision: 6, force: true } });
    await ctl('reload', '--force');
    assert.deepEqual(daemon.asked.at(-1), { method: 'reload', params: { force: true } });
    await ctl('set-rs', 'web', '10.0.0.1:80', '--weight', '3', '--expected-revision', '9');
    assert.deepEqual(daemon.asked.at(-1)?.params, { service: 'web', rs: '10.0.0.1:80', weight: '3', expected_revision: 9 });
  });

  test('a batch is command lines, in one request', async () => {
    const file = write(
      'batch',
      `# tonight\n\nset-rs web 10.0.0.1:80 --weight 50%  # half of it, "so far\nlbctl drain "web" '10.0.0.2:80' --deadline 10m #\n  del-rs we\\b 10.0.0.3\r\n`,
    );
    const { status, out } = await ctl('batch', file, '--reason', 'night shift');
    assert.equal(status, 0);
    assert.match(out, /revision/);
    assert.deepEqual(daemon.asked.at(-1), {
      method: 'changes',
      params: {
        changes: [
          { method: 'set_rs', params: { service: 'web', rs: '10.0.0.1:80', weight: '50%' } },
          { method: 'set_state', params: { service: 'web', rs: '10.0.0.2:80', state: 'drain', deadline: 600 } },
          { method: 'del_rs', params: { service: 'web', rs: '10.0.0.3' } },
        ],
        reason: 'night shift',
      },
    });
  });

  const BAD: readonly (readonly [name: string, text: string, RegExp])[] = [
    ['nothing', '# only this\n', /has no change: a command line each/],
    [
      'looks',
      'set-rs web 10.0.0.1:80 --weight 3\nlist\n',
      /:2: "list" is no change of a batch: add-rs, set-rs, del-rs, drain, undrain/,
    ],
    ['waits', 'drain web 10.0.0.1:80 --wait\n', /:1: --wait is nothing for a batch: leave it out/],
    ['reason', 'set-rs web 10.0.0.1:80 --weight 3 --reason x\n', /:1: --reason is said of the whole batch/],
    ['words', 'set-rs web 10.0.0.1:80 --weight heavy\n', /:1: "heavy" is no weight/],
    ['quote', `set-rs "web 10.0.0.1:80 --weight 3\n`, /:1: a quote is not closed/],
  ];
  for (const [name, text, message] of BAD) {
    test(`a batch that is wrong (${name}) is refused before anybody is asked`, async () => {
      const asked = daemon.asked.length;
      const { status, err } = await ctl('batch', write(name, text));
      assert.equal(status, 2);
      assert.match(err, message);
      assert.equal(daemon.asked.length, asked);
    });
  }

  test('a file that is not there is named', async () => {
    const file = join(folder, 'nowhere.yaml');
    const check = await ctl('check-config', file);
    for (const argv of [
      ['plan', file],
      ['apply', file],
    ]) {
      const { status, err } = await ctl(...argv);
      assert.equal(status, 4);
      assert.equal(status, check.status);
      assert.match(err, /nowhere\.yaml: .*there is no such file/);
      assert.ok(err.startsWith(check.err), err);
    }
    const batch = await ctl('batch', file);
    assert.deepEqual([batch.status, batch.err.includes('there is no such file')], [2, true]);
  });
});
