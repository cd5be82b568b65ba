/** The language of keepalived.conf, construct by construct; what the real one makes of the same is in test/netns/keepalived-language.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readKeepalived } from '../../../../src/config/keepalived/read.js';
import type { Fault, Statement, Surroundings, Tree } from '../../../../src/config/keepalived/types.js';

const FILE = '/etc/keepalived/keepalived.conf';

const around: Surroundings = {
  readInclude: () => 'no include here',
  configId: 'main',
  env: { ROUTER: 'r7' },
  folderOf: (file) => file.slice(0, file.lastIndexOf('/')),
};

const read = (text: string, more: Partial<Surroundings> = {}): Tree =>
  readKeepalived({ file: FILE, text }, { ...around, ...more });

/** A file of each name, for includes that name one. */
const withFiles = (files: Readonly<Record<string, string>>): Partial<Surroundings> => ({
  readInclude: (pattern) => {
    const text = files[pattern];
    return text === undefined
      ? [{ lacks: 'match', message: `there is no ${pattern}` }]
      : [{ file: `/etc/keepalived/${pattern}`, text }];
  },
});

const words = ({ key, args }: Statement): string => [key, ...args].map((one) => one.text).join(' ');
/** Statements as text, a block in braces. */
const shown = (list: readonly Statement[]): string =>
  list.map((one) => (one.block ? `${words(one)} { ${shown(one.block)} }` : words(one))).join('; ');
const show = (tree: Tree): string => {
  assert.deepEqual(tree.faults, []);
  return shown(tree.statements);
};
const told = (list: readonly Fault[]): string[] =>
  list.map(({ place, message }) => `${place.file.split('/').at(-1)}:${place.line}:${place.column} ${message}`);
const faultsOf = (text: string, more: Partial<Surroundings> = {}): string[] => told(read(text, more).faults);
const warningsOf = (text: string, more: Partial<Surroundings> = {}): string[] => told(read(text, more).warnings);

test('keywords, their words and their blocks, wherever the braces stand', () => {
  assert.equal(
    show(read('a b c\nd { e f\n g }\nh\n{\n\n i\n}\nj { k{l m}n } o')),
    'a b c; d { e f; g }; h { i }; j { k { l m }; n }; o',
  );
  assert.equal(show(read('a{}b {}')), 'a {  }; b {  }');
  assert.equal(show(read('a "{ }" { b "}" }')), 'a { } { b } }');
});

test('braces that do not fit are faults, each where it stands', () => {
  assert.deepEqual(faultsOf('a {\n}\n }\nb\n'), ['keepalived.conf:3:2 a } that closes nothing']);
  assert.deepEqual(faultsOf('{\n}'), [
    'keepalived.conf:1:1 a { that no keyword stands before',
    'keepalived.conf:2:1 a } that closes nothing',
  ]);
  assert.deepEqual(faultsOf('a {} {}'), [
    'keepalived.conf:1:6 a { that no keyword stands before',
    'keepalived.conf:1:7 a } that closes nothing',
  ]);
  assert.deepEqual(faultsOf('vs {\n  rs 1 {\n    w 1\n  rs 2 {\n  }\n}\n'), [
    'keepalived.conf:1:1 nothing closes the block of vs: a } is missing, it seems before line 4',
  ]);
  assert.match(faultsOf('a {'.repeat(1000))[0] ?? '', /^keepalived.conf:1:153 blocks within blocks, more than 50 deep/);
});

test('each word knows its place, also after what was taken out of its line', () => {
  const [one] = read('\ta  b \\#c d { "e f" }').statements;
  assert.deepEqual(
    [one?.key, ...(one?.args ?? []), one?.block?.[0]?.key].map((word) => [word?.text, word?.place.column, word?.quoted]),
    [
      ['a', 2, false],
      ['b', 5, false],
      ['#c', 8, false],
      ['d', 11, false],
      ['e f', 15, true],
    ],
  );
});

test('includes: the lines stand where they are named; what is missing is told as strictly as the keyword says', () => {
  const files = withFiles({ 'a.conf': 'x\ny {', 'b.conf': 'include a.conf\nz }' });
  assert.equal(show(read('p\ninclude b.conf\nq', files)), 'p; x; y { z }; q');
  assert.deepEqual(warningsOf('include c.conf', files), [
    'keepalived.conf:1:1 include: there is no c.conf; keepalived goes on without it, and so does this',
  ]);
  assert.deepEqual(faultsOf('includer c.conf\nincludem c.conf', files), ['keepalived.conf:2:1 includem: there is no c.conf']);
});
