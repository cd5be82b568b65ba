/** What an include of keepalived.conf names, in a folder of its own; what the real one reads is in test/netns/keepalived-language.test.ts. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import { expandBraces, oldSurroundings, readOldFile, readOldIncludes } from '../../../src/os/keepalived-files.js';

let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'lbd-old-'));
  mkdirSync(join(folder, 'conf.d/sub'), { recursive: true });
  mkdirSync(join(folder, 'empty'));
  for (const name of ['b.conf', 'a.conf', 'c.txt', '.h.conf', 'a-1.conf', '[x].conf', '{y}.conf', 'sub/d.conf'])
    writeFileSync(join(folder, 'conf.d', name), `# ${name}\n`);
  writeFileSync(join(folder, 'run.conf'), 'x');
  chmodSync(join(folder, 'run.conf'), 0o744);
  symlinkSync('conf.d/a.conf', join(folder, 'link.conf'));
  symlinkSync('nowhere', join(folder, 'dangling.conf'));
  symlinkSync('circle.conf', join(folder, 'circle.conf'));
});
after(() => rmSync(folder, { recursive: true }));

/** Names of files; what is lacking as its class and message. */
function named(pattern: string): string[] | string {
  const found = readOldIncludes(pattern, join(folder, 'keepalived.conf'));
  if (typeof found === 'string') return found;
  return found.map((one) =>
    'text' in one
      ? relative(folder, one.file)
      : `${one.lacks}: ${one.message.replaceAll(`${folder}/`, '').replaceAll(folder, '.')}`,
  );
}

test('names and patterns, in the order of glob', () => {
  assert.deepEqual(named('conf.d/a.conf'), ['conf.d/a.conf']);
  assert.deepEqual(named('conf.d/*.conf'), [
    'conf.d/[x].conf',
    'conf.d/a-1.conf',
    'conf.d/a.conf',
    'conf.d/b.conf',
    'conf.d/{y}.conf',
  ]);
  assert.deepEqual(named('conf.d/?.conf'), ['conf.d/a.conf', 'conf.d/b.conf']);
  assert.deepEqual(named('conf.d/[!a].conf'), ['conf.d/b.conf']);
  assert.deepEqual(named('conf.d/[a-c].*'), ['conf.d/a.conf', 'conf.d/b.conf', 'conf.d/c.txt']);
  assert.deepEqual(named('conf.d/.*.conf'), ['conf.d/.h.conf']);
  assert.deepEqual(named('*/*/*.conf'), ['conf.d/sub/d.conf']);
  assert.deepEqual(named('conf.d/\\[x\\].conf'), ['conf.d/[x].conf']);
  assert.deepEqual(named('./conf.d/../conf.d/b.conf'), ['conf.d/b.conf']);
  assert.deepEqual(named(join(folder, 'link.conf')), ['link.conf']);
});

test('braces, in their own order', () => {
  assert.deepEqual(named('conf.d/{b,a}.conf'), ['conf.d/b.conf', 'conf.d/a.conf']);
  assert.deepEqual(named('{conf.d/{sub/d,b},link}.conf'), ['conf.d/sub/d.conf', 'conf.d/b.conf', 'link.conf']);
  assert.deepEqual(named('conf.d/\\{y\\}.conf'), ['conf.d/{y}.conf']);
  assert.deepEqual(expandBraces('{foo/{,cat,dog},bar}'), ['foo/', 'foo/cat', 'foo/dog', 'bar']);
  assert.deepEqual(expandBraces('a{}b{c'), ['a{}b{c']);
  assert.equal(expandBraces('{a,b}'.repeat(40)).length, 10_000);
  assert.equal(named('{a,b}'.repeat(40)), `${'{a,b}'.repeat(40)} is more than 10000 names`);
});

test('what is not there, and what is not fit to be read', () => {
  assert.deepEqual(named('none.conf'), ['match: there is no none.conf (from .)']);
  assert.deepEqual(named('none/*.conf'), ['match: there is no none/*.conf (from .)']);
  assert.deepEqual(named('empty/*.conf'), ['wildcard: no file matches empty/*.conf (in .)']);
  assert.deepEqual(named('conf.d/{a,none}.conf'), ['conf.d/a.conf', 'brace: there is no conf.d/none.conf (from .)']);
  assert.deepEqual(named('conf.d'), ['readable: conf.d is a folder']);
  assert.deepEqual(named('conf.d/*'), [
    ...(named('conf.d/*.conf') as string[]).slice(0, 4),
    'conf.d/c.txt',
    'readable: conf.d/sub is a folder',
    'conf.d/{y}.conf',
  ]);
  assert.deepEqual(named('run.conf'), [
    'readable: run.conf is executable, and keepalived reads no such file: take that from it (chmod a-x)',
  ]);
  assert.deepEqual(named('dangling.conf'), ['readable: dangling.conf is no regular file']);
  assert.equal(named(''), 'it names no file');
});

test('ways that lead nowhere are like names that are not there', () => {
  assert.deepEqual(named('circle.conf'), ['readable: circle.conf is no regular file']);
  assert.deepEqual(named('circle.conf/a'), ['match: there is no circle.conf/a (from .)']);
  assert.deepEqual(named('circle.conf/*'), ['match: there is no circle.conf/* (from .)']);
  assert.deepEqual(named('a\0b'), ['match: there is no a\0b (from .)']);
  const long = 'x'.repeat(5000);
  assert.deepEqual(named(long), [`match: there is no ${long} (from .)`]);
  const deep = '{'.repeat(5000);
  assert.deepEqual(named(deep), [`match: there is no ${deep} (from .)`]);
  assert.deepEqual(named('{1,2,3,4,5,6}'), ['brace: there is no 1, 2, 3, 4 and 2 more (from .)']);
});

const ONLY_ROOT = process.getuid?.() === 0 ? false : 'only root becomes somebody else';

/** What root may read and we may not is not passed over: keepalived does not do that either. */
test('what may not be read refuses the whole include', { skip: ONLY_ROOT }, () => {
  for (const name of ['closed', 'closed/sub']) mkdirSync(join(folder, name));
  for (const name of ['closed/a.conf', 'closed.conf']) writeFileSync(join(folder, name), '# x\n', { mode: 0o600 });
  chmodSync(folder, 0o755);
  chmodSync(join(folder, 'closed'), 0o700);
  const refusal = (name: string) => `${name} cannot be read: permission denied (run this as root, as keepalived is)`;
  process.seteuid?.(65_534);
  try {
    assert.equal(named('closed.conf'), refusal(join(folder, 'closed.conf')));
    assert.equal(named('{conf.d/a,closed}.conf'), refusal(join(folder, 'closed.conf')));
    assert.equal(named('closed/a.conf'), refusal(join(folder, 'closed/a.conf')));
    assert.equal(named('closed/*.conf'), refusal(join(folder, 'closed')));
  } finally {
    process.seteuid?.(0);
  }
});

test('what comes by standard input includes files of the folder that it is read in', () => {
  assert.equal(oldSurroundings('d1').folderOf('/dev/stdin'), process.cwd());
  assert.deepEqual(readOldIncludes('none.conf', '/dev/stdin'), [{ lacks: 'match', message: 'there is no none.conf (from .)' }]);
});

test('the text of a file, whatever its bytes are', () => {
  const file = join(folder, 'latin.conf');
  writeFileSync(file, Buffer.from([0x23, 0xe9, 0x0a]));
  assert.deepEqual(readOldFile(file), { file, text: '#é\n', isBytes: true });
  writeFileSync(file, '\uFEFF#é\n');
  assert.deepEqual(readOldFile(file), { file, text: '\uFEFF#é\n' });
  assert.equal(readOldFile(join(folder, 'none')), `cannot read ${join(folder, 'none')}: there is no such file`);
  assert.equal(readOldFile(folder), `cannot read ${folder}: it is a folder`);
  assert.equal(readOldFile('/dev/null'), 'cannot read /dev/null: it is no regular file');
  const around = oldSurroundings('d1');
  assert.equal(around.configId, 'd1');
  assert.equal(basename(around.folderOf(file)), basename(folder));
});
