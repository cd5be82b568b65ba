import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_CONFIG, type Invocation, parseArguments } from '../../../src/daemon/args.js';

const CASES: readonly (readonly [words: string, expected: Invocation])[] = [
  ['', { mode: 'run', file: DEFAULT_CONFIG }],
  ['-c /x.yaml', { mode: 'run', file: '/x.yaml' }],
  ['--config=/x.yaml', { mode: 'run', file: '/x.yaml' }],
  ['--check-config', { mode: 'check-config', file: DEFAULT_CONFIG }],
  ['--check-config -c /x.yaml', { mode: 'check-config', file: '/x.yaml' }],
  ['--doctor /x.yaml', { mode: 'doctor', file: '/x.yaml' }],
  ['--role check', { mode: 'role', role: 'check' }],
  ['--version', { mode: 'version' }],
  ['-h', { mode: 'help' }],
];

for (const [words, expected] of CASES) {
  test(`lbd ${words}`, () => assert.deepEqual(parseArguments(words === '' ? [] : words.split(' ')), expected));
}

for (const [words, message] of [
  ['--bogus', /unknown option "--bogus"/],
  ['start', /unknown argument "start"/],
  ['-c', /-c needs a file name/],
  ['--doctor', /--doctor needs a file name/],
  ['--role core', /--role is for lbd itself/],
] as const) {
  test(`lbd ${words} is refused`, () => {
    const invocation = parseArguments(words.split(' '));
    assert.equal(invocation.mode, 'bad');
    assert.match(invocation.mode === 'bad' ? invocation.message : '', message);
  });
}
