/** Expressions of PCRE2 as lbd's. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileRegex } from '../../../../src/base/regex.js';
import { translateRegex } from '../../../../src/config/keepalived/checkers-regex.js';

function matches(source: string, options: readonly string[], yes: readonly string[], no: readonly string[]): void {
  test(`/${source}/ ${options.join(' ')}`, () => {
    const made = translateRegex(source, options);
    assert.ok('regex' in made, JSON.stringify(made));
    const regex = compileRegex(made.regex);
    for (const text of yes) assert.ok(regex.test(text), `${made.regex} on ${JSON.stringify(text)}`);
    for (const text of no) assert.ok(!regex.test(text), `${made.regex} on ${JSON.stringify(text)}`);
  });
}

describe('expressions mean what they meant', () => {
  matches('^OK$', [], ['OK', 'OK\n'], ['OK\n\n', 'ok', 'a\nOK']);
  matches('^OK$', ['dollar_endonly'], ['OK'], ['OK\n']);
  matches('a.c', [], ['abc', 'a\rc'], ['a\nc']);
  matches('a.c', ['dotall'], ['a\nc'], ['ac']);
  matches('ab[c-e]x?\\d{2,3}', ['caseless'], ['ABD12', 'abEX123'], ['abf12', 'ab1']);
  matches('[^a-c]', ['caseless'], ['d'], ['A', 'b']);
  matches('[]a]', [], [']', 'a'], ['b']);
  matches('a[[]b', [], ['a[b'], ['ab']);
  matches('(?P<x>a)(?<y>b)(?:c)(d)', ['utf', 'no_auto_capture'], ['abcd'], ['abc']);
  matches('\\Aa\\sb\\z', [], ['a b', 'a\vb'], ['a\u00a0b', 'a b\n']);
  matches('\\x41\\.\\/\\-', [], ['A./-'], ['A,/-']);
  matches('a{2}b{,3}', [], ['aab{,3}'], ['aab']);
});

test('what has no counterpart is refused', () => {
  const refused: readonly (readonly [string, readonly string[]])[] = [
    ...[
      '(?=a)',
      '(?!a)',
      '(?<=a)b',
      '(a)\\1',
      'a++',
      'a*+',
      '(?>a)',
      '(?i)a',
      '\\Qa\\E',
      '\\K',
      '\\R',
      '[[:alpha:]]',
      '(',
      '[a',
      '(?R)',
    ].map((one) => [one, []] as const),
    ['a', ['multiline']],
    ['a', ['extended']],
    ['a', ['ungreedy']],
  ];
  for (const [source, options] of refused) assert.ok('refused' in translateRegex(source, options), source);
});
