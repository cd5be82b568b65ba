/** What the quick reader reads, it reads as the library does: values, and the place of everything. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the configuration
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { load, type Path } from '../../../src/config/document.js';
import { readPlainYaml } from '../../../src/config/plain-yaml.js';

const ENV = { WEIGHT: '7', NAME: 'eth0', EMPTY: '' };
const isPlain = (text: string): boolean => readPlainYaml(text, (value) => ({ value })) !== undefined;

/** Every path of a value, and some that lead nowhere. */
function paths(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path, [...path, 'nothing'], [...path, 0]];
  return [
    path,
    [...path, 'nothing'],
    [...path, 99],
    ...Object.entries(value).flatMap(([key, one]) => paths(one, [...path, Array.isArray(value) ? Number(key) : key])),
  ];
}

function same(text: string): void {
  const [ours, theirs] = (['both', 'library'] as const).map((readers) => load('f.yaml', text, ENV, readers));
  assert.ok(ours && theirs);
  assert.deepStrictEqual([ours.value, ours.problems], [theirs.value, theirs.problems], text);
  for (const path of paths(theirs.value))
    for (const atKey of [false, true])
      assert.deepStrictEqual(
        ours.source.problem('error', 'here', path, atKey),
        theirs.source.problem('error', 'here', path, atKey),
        `${JSON.stringify(path)} ${atKey} of ${text}`,
      );
}

const ACCEPTED = [
  'a: 1\n',
  'a:\nb: 2',
  'a:\n# more\n\nb: x # y\n   # odd place\nc: x#y\n',
  'a:\n  - 1\n  - x: 1\n    y: 2\n\n  - { p: [ 1, "two", \'three\' ], q: {} }\n',
  'a:\n- 1\n- b: 2\n  c:\n  - 3\nd: 4\n',
  'a: { b: 192.0.2.1:80, c: x y z, d: http://h:1/p?q=1#r, }\n',
  'a: [\n  1, # one\n\n  2\n ]\nb: 2\n',
  'a: "x: # y"\nb: \'{}\'\nc: 10.0.0.1-9:80\nd: -5\ne: 007x\nf: 1m\ng: ~\nh: True\ni: null\n',
  'a: $WEIGHT ${WEIGHT}\nb: ${WEIGHT}\nc: "${WEIGHT}"\nd: $$\ne: ${EMPTY}\nf: [ "${NAME}" ]\n',
  '\n# first\n\na:\n    b:\n        c: x é\n',
  'a: "PING\\r\\n"\nb: [ "\\0\\a\\b\\e\\f\\n\\r\\t\\v\\"\\/\\\\", "\\x00\\xfF\\u20ac\\ud83d" ]\n',
  'a: [ --quick, -x, --a-b ]\nb: --c\n',
  "a: 'it''s'\nb: { c: '''', d: '' }\n",
];

const LEFT_TO_THE_LIBRARY = [
  '',
  '# nothing\n',
  'text',
  '- 1\n',
  '{ a: 1 }\n',
  '--- \na: 1\n',
  'a: 1\n...\n',
  'a: &x 1\nb: *x\n',
  'a: !!str 1\n',
  'a: |\n  b\n',
  'a: >-\n  b\n',
  'a: "\\x24{NAME}"\n',
  'a: "\\N"\n',
  'a: "\\q"\n',
  'a: "\\x1"\n',
  "a: 'it's'\n",
  'a: x\n  y\n',
  'a: b: c\n',
  'a: b:\n',
  'a: 1\na: 2\n',
  'a: { b: 1, b: 2 }\n',
  'a:\t1\n',
  'a: 1\r\n',
  'a: [ 1\n2 ]\n',
  'a: [ 1,, 2 ]\n',
  'a: [ x: 1 ]\n',
  'a: { x }\n',
  'a: { x: }\n',
  'a: { x: 1 } y\n',
  'a: { x: 1\n',
  'a: ]\n',
  'a: "x" y\n',
  'a: @x\n',
  'a: %x\n',
  'a: - 1\n',
  'a: ? 1\n',
  'a:\n  - 1\n x: 1\n',
  'a:\n   b: 1\n  c: 1\n',
  '  a: 1\nb: 1\n',
  'a: 1\n  b: 1\n',
  '"a": 1\n',
  '7: 1\n',
  'null: 1\n',
  'true: 1\n',
  '__proto__: 1\n',
  'a: 0x10\n',
  'a: 1.5\n',
  'a: 1e3\n',
  'a: .inf\n',
  'a: 010\n',
  'a: +1\n',
  'a: 12345678901234567890\n',
  'a: ${MISSING}\n',
  'a: [ a:]\n',
  'a:\n  - - 1\n',
  'a:\n  -\n    b: 1\n',
  'a: {\nb: 1 }\n',
  '<<: 1\n',
  'a: -0\n',
  'a:#x\n',
];

describe('the plain part of YAML', () => {
  test('is read as the library reads it', () => {
    for (const text of ACCEPTED) {
      assert.ok(isPlain(text.replaceAll(/\$\{\w+\}/g, 'x')), text);
      same(text);
    }
  });

  test('and no more than that', () => {
    for (const text of LEFT_TO_THE_LIBRARY) same(text);
    for (const text of LEFT_TO_THE_LIBRARY.filter((one) => !one.includes('$'))) assert.ok(!isPlain(text), text);
  });

  test('the samples are of that kind', () => {
    const folder = new URL('../../../../conf/', import.meta.url);
    for (const name of readdirSync(folder).filter((one) => one.endsWith('.yaml'))) {
      const text = readFileSync(new URL(name, folder), 'utf8');
      assert.ok(isPlain(text), name);
      same(text);
    }
  });

  test('any text made of its signs', () => {
    const sign = fc.constantFrom(
      'a',
      'b',
      'key',
      ': ',
      ':',
      '\n',
      '\n  ',
      '\n    ',
      '- ',
      '-',
      '{ ',
      ' }',
      '[',
      ']',
      ', ',
      ',',
      '#',
      ' #',
      ' ',
      '"',
      "'",
      "''",
      '\\n',
      '\\',
      '\\x41',
      '1',
      '0',
      '.',
      '~',
      '$',
      '${NAME}',
      'true',
      '\n\n',
      'x y',
      '&',
      '*',
      '!',
      '|',
      '?',
    );
    fc.assert(
      fc.property(fc.array(sign, { maxLength: 25 }), (signs) => same(signs.join(''))),
      { numRuns: 4000 },
    );
  });

  test('a text that somebody mistypes', () => {
    const text =
      'virtual_servers:\n  - name: web\n    address: [ 192.0.2.10:80, "[2001:db8::1]:80" ]\n    checks: [ { type: http, path: /x } ] # why\n    real_servers:\n      - { address: 10.0.0.1:80, weight: 5 }\n      - address: 10.0.0.2\n        weight: ${WEIGHT}\n';
    assert.ok(isPlain(text.replace('${WEIGHT}', '1')));
    const edit = fc.tuple(
      fc.nat(text.length - 1),
      fc.nat(3),
      fc.constantFrom('', ' ', '\n', ':', ' #', '{', '}', ',', '"', '- ', 'x', '\t', '[', ']'),
    );
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) =>
        same(edits.reduce((now, [at, cut, put]) => now.slice(0, at) + put + now.slice(at + cut), text)),
      ),
      { numRuns: 1500 },
    );
  });
});
