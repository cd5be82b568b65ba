/** The manual pages: clean for groff and man, and of everything that there is. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { describeProgram } from '../../../src/cli/described.js';
import { wholeProgram } from '../../../src/cli/grammar.js';
import { HELP, parseArguments } from '../../../src/daemon/args.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const pageOf = (name: string): string => readFileSync(join(ROOT, 'dist/man', name), 'utf8');
const PAGES = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { man: readonly string[] }).man;

const absent = (name: string) => ['/usr/bin', '/bin'].every((folder) => !existsSync(join(folder, name))) && `there is no ${name}`;

function run(program: string, args: readonly string[]): { out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, MANWIDTH: '100', LC_ALL: 'C.UTF-8' },
  });
  assert.equal(status, 0, stderr);
  return { out: stdout, err: stderr };
}

describe('for man', () => {
  for (const file of PAGES) {
    test(`${file}: groff finds nothing to warn of`, { skip: absent('groff') }, () => {
      assert.equal(run('groff', ['-man', '-ww', '-Tascii', '-z', join(ROOT, file)]).err, '');
    });
    test(`${file}: mandoc finds nothing to warn of`, { skip: absent('mandoc') }, () => {
      assert.equal(run('mandoc', ['-Tlint', '-Wwarning', join(ROOT, file)]).out, '');
    });
    test(`${file}: apropos reads its name`, { skip: absent('lexgrog') }, () => {
      const [, name] = /([^/]+)\.\d$/.exec(file) ?? [];
      assert.match(run('lexgrog', [join(ROOT, file)]).out, new RegExp(`: "${name} - `));
    });
    test(`${file}: nothing but ASCII, and nothing undefined`, () => {
      const text = readFileSync(join(ROOT, file), 'latin1');
      assert.doesNotMatch(text, /[^\x00-\x7f]|undefined|NaN|\[object/);
    });
  }
});

/** Without what roff needs. */
const plain = (roff: string): string =>
  roff
    .replace(/\\f[BIR]/g, '')
    .replace(/\\-/g, '-')
    .replace(/\\&/g, '');

test('lbctl(1) has every command with its arguments, and every option', () => {
  const page = plain(pageOf('lbctl.1'));
  const { commands } = describeProgram(wholeProgram());
  assert.ok(commands.length > 20);
  for (const { name, summary, arguments: words, options } of commands) {
    const usage = [name, ...words.map((one) => (one.required ? one.name : `[${one.name}]`))].join(' ');
    const from = page.indexOf(`\n.TP\n${usage}`);
    assert.notEqual(from, -1, usage);
    assert.ok(page.slice(from).toLowerCase().includes(summary.replace(/\s+/g, ' ').toLowerCase()), summary);
    for (const { words: spelled } of options)
      assert.ok(page.includes(`\n${spelled.join(', ')}`), `${name} ${spelled.join(', ')}`);
  }
});

test('lbd(8) has every option of lbd, and no other', () => {
  const page = plain(pageOf('lbd.8'));
  const told = [...page.matchAll(/^\.TP\n(-.*)$/gm)].flatMap(([, tag]) => (tag as string).split(', '));
  for (const tag of told) {
    const [word, value] = tag.split(' ');
    const { mode } = parseArguments([word as string, ...(value === undefined ? [] : ['/etc/lbd/lbd.yaml'])]);
    assert.notEqual(mode, 'bad', tag);
  }
  const words = new Set(told.map((tag) => tag.split(' ')[0]));
  for (const [word] of HELP.matchAll(/(?<![\w-])--?[a-z-]+/g)) assert.ok(words.has(word), word);
});

test('lbd.yaml(5) has every key of the schema with its sentence', () => {
  const page = plain(pageOf('lbd.yaml.5'));
  interface Node {
    readonly description?: string;
    readonly properties?: Readonly<Record<string, Node>>;
    readonly anyOf?: readonly Node[];
    readonly items?: Node;
  }
  const { definitions, ...schema } = JSON.parse(readFileSync(join(ROOT, 'dist/lbd.schema.json'), 'utf8')) as Node & {
    readonly definitions: { readonly check: Node };
  };
  let count = 0;
  const walk = (node: Node, top: boolean): void => {
    for (const one of [...(node.anyOf ?? []), ...(node.items ? [node.items] : [])]) walk(one, top);
    for (const [key, value] of Object.entries(node.properties ?? {})) {
      count++;
      assert.ok(page.includes(top ? `\n.SS "${key}: ` : `\n${key}: `), key);
      const [sentence] = (value.description as string).split('\n');
      assert.ok(page.includes(`\n${sentence}`), sentence);
      walk(value, false);
    }
  };
  walk(schema, true);
  walk(definitions.check, false);
  assert.ok(count > 200, `${count}`);
});
