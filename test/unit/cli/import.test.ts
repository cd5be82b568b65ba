/** `lbctl import`: the new file alone on standard output, what became of the old one on standard error, and how it ends. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import type { ImportAnswer } from '../../../src/cli/import.js';
import { parseConfig } from '../../../src/config/parse.js';
import { run } from '../../fake/cli.js';

const OLD = `! the shop
virtual_server 192.0.2.10 80 {
    delay_loop 6
    lb_algo wrr
    lb_kind DR
    protocol TCP
    alpha
@left  persistence_timeout 60
    real_server 192.0.2.21 80 {
        weight 10     # the big one
        notify_up "/etc/up.sh"
        TCP_CHECK {
            connect_timeout 3
        }
    }
    real_server 192.0.2.22 80 {
        notify_up "/etc/up.sh"
        TCP_CHECK {
            connect_timeout 3
        }
    }
}
`;

describe('lbctl import', () => {
  let folder: string;
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'lbd-import-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  test('the new file on standard output, with its comments, as the parser takes it', async () => {
    const path = file('keepalived.conf', OLD);
    const { status, out, err } = await run(['import', path]);
    assert.equal(status, 0, err);
    assert.match(out, new RegExp(`^# Made of ${path} by lbctl import\\.\n`));
    assert.match(out, /# the shop\n {2}- name: /);
    assert.match(out, /# the big one/);
    const { config, problems } = parseConfig('lbd.yaml', out);
    assert.deepEqual(
      problems.filter(({ severity }) => severity === 'error'),
      [],
    );
    assert.equal(config?.virtualServers[0]?.realServers.length, 2);
  });

  test('what is lost is told first, what is told of several places once, and the last line counts', async () => {
    const path = file('keepalived.conf', OLD);
    const lines = (await run(['import', path])).err.trimEnd().split('\n');
    const notes = lines.filter((line) => !line.startsWith(' ') && !line.includes(': warning: '));
    assert.match(lines[0] as string, new RegExp(`^${path}:8:1: warning: lines of @left are passed over`));
    assert.match(
      notes[0] as string,
      new RegExp(`^${path}:11:9: not carried over: "notify_up /etc/up\\.sh": .+ \\(also line 17\\)$`),
    );
    assert.equal(lines.filter((line) => line.includes('notify_up')).length, 1);
    assert.match(
      lines.at(-1) as string,
      /: \d+ statements: \d+ carried over, \d+ changed, 1 without effect in lbd, 2 not carried over$/,
    );
  });

  test('the name of a file stays within its comment', async () => {
    const { status, out } = await run(['import', file('a\nglobal: { router_id: x }\n#\x1b.conf', OLD)]);
    assert.equal(status, 0);
    assert.match(out, /^# Made of .*a global: \{ router_id: x \} # \.conf by lbctl import\.\n\n/);
  });

  test('at a terminal a large file is told while it is read, and the line is gone before the notes', async () => {
    const io = { progress: { columns: 200 } };
    const large = file('large.conf', `${`# ${'c'.repeat(1000)}\n`.repeat(1100)}${OLD}`);
    assert.match((await run(['import', large], io)).err, /^\r\x1b\[Klbctl: .*large\.conf is read and written anew\r\x1b\[K\//);
    assert.doesNotMatch((await run(['import', large])).err, /written anew/);
    assert.doesNotMatch((await run(['import', file('small.conf', OLD)], io)).err, /written anew/);
  });

  test('a line that is too long to be shown is told without it', async () => {
    const { status, err } = await run(['import', file('long.conf', `${'x '.repeat(10_000)}\n${OLD}`)]);
    assert.equal(status, 4);
    assert.match(err, /long\.conf:1:1: error: a line of more than 16384 characters\n/);
    assert.ok(err.length < 1000, `${err.length} characters`);
  });

  test('--strict writes nothing where something is lost, and says so; where nothing is, it does', async () => {
    const strict = await run(['import', '--strict', file('keepalived.conf', OLD)]);
    assert.deepEqual([strict.status, strict.out], [1, '']);
    assert.match(strict.err, /lbctl: --strict: nothing is written, as something of it would be lost\n$/);
    const whole = file('whole.conf', OLD.replaceAll(/ *notify_up.*\n/g, ''));
    const { status, out } = await run(['import', whole, '--strict']);
    assert.equal(status, 0);
    assert.match(out, /virtual_servers:/);
  });

  test('-i says which lines count', async () => {
    const path = file('keepalived.conf', OLD);
    assert.doesNotMatch((await run(['import', path, '-i', 'right'])).out, /^ *persistence:/m);
    assert.match((await run(['import', path, '-i', 'left'])).out, /persistence: 1m/);
    assert.match((await run(['import', '--config-id=left', path])).out, /persistence: 1m/);
  });

  test('for machines: each statement with its class, also those carried over', async () => {
    const path = file('keepalived.conf', OLD);
    const { status, out } = await run(['-o', 'json', 'import', path, '--strict']);
    const answer = JSON.parse(out) as ImportAnswer;
    assert.equal(status, 1);
    assert.equal(answer.valid, false, 'strict, and something is lost');
    assert.ok(answer.config?.includes('virtual_servers:'));
    const of = (words: string) => answer.statements.find(({ statement }) => statement === words);
    assert.deepEqual(of('delay_loop 6'), {
      file: path,
      line: 3,
      column: 5,
      block: 'virtual_server',
      statement: 'delay_loop 6',
      outcome: 'carried',
      notes: [],
    });
    assert.equal(of('notify_up /etc/up.sh')?.outcome, 'refused');
    const { carried, changed, no_effect: noEffect, refused } = answer.summary;
    assert.equal(carried + changed + noEffect + refused, answer.statements.length);
    assert.deepEqual(parse((await run(['-o', 'yaml', 'import', path])).out).summary, answer.summary);
  });

  test('a text that cannot be read has a place and a caret; nothing comes out', async () => {
    const path = file('broken.conf', OLD.replace(/\}\n$/, ''));
    const { status, out, err } = await run(['import', path]);
    assert.deepEqual([status, out], [4, '']);
    assert.match(err, new RegExp(`^${path}:2:1: error: nothing closes the block of virtual_server.*\n {4}virtual_server 192`));
    assert.match(err, /: nothing is imported: see the errors above\n$/);
  });

  test('a file of an include that is not there is told, with its place', async () => {
    const { err } = await run(['import', file('includes.conf', `include nothing.conf\n${OLD}`)]);
    assert.match(err, /includes\.conf:1:\d+: warning: .*nothing\.conf/);
  });

  test('virtual servers of which none is left are none', async () => {
    const path = file('group.conf', 'virtual_server group nobody {\n    real_server 192.0.2.21 80 {\n    }\n}\n');
    const { status, out, err } = await run(['import', path]);
    assert.deepEqual([status, out], [4, '']);
    assert.match(err, /group\.conf: error: there is no virtual_server and no vrrp_instance in it that lbd could take\n/);
    assert.equal(err.split(': error: ').length, 2, err);
  });

  test('no file, a folder, nothing for lbd in it: one sentence', async () => {
    mkdirSync(join(folder, 'sub'));
    for (const [name, message] of [
      [join(folder, 'none.conf'), /none\.conf: error: cannot read .*: there is no such file\n/],
      [join(folder, 'sub'), /: error: cannot read .*: it is a folder\n/],
      [
        file('empty.conf', '# nothing\n'),
        /empty\.conf: error: there is no virtual_server and no vrrp_instance in it that lbd could take\n/,
      ],
    ] as const) {
      const { status, out, err } = await run(['import', name]);
      assert.deepEqual([status, out], [4, ''], err);
      assert.match(err, message);
      assert.equal(err.split('\n').length, 3, err);
    }
  });
});
