/** Old configurations after thousands of accidents: test/fake/keepalived-mutations.ts. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: parameters of the old language
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importKeepalived } from '../../src/config/keepalived/import.js';
import type { Statement } from '../../src/config/keepalived/types.js';
import { CORPUS, checkMutant, FILE, mutate, readMutant } from '../fake/keepalived-mutations.js';
import { createFuzz } from './seed.js';

test('configurations of keepalived after accidents are read, or refused with a place, and no word is lost in silence', (t) => {
  const fuzz = createFuzz(t, 1500);
  const count = { read: 0, refused: 0 };
  for (let round = 0; round < fuzz.rounds; round += 1) {
    const text = mutate(fuzz.pick(CORPUS), fuzz);
    try {
      count[checkMutant(text).faults.length === 0 ? 'read' : 'refused'] += 1;
    } catch (error) {
      t.diagnostic(`round ${round}: ${JSON.stringify(text)}`);
      throw error;
    }
  }
  t.diagnostic(`${count.read} read, ${count.refused} refused`);
  assert.ok(count.read > 0 && count.refused > 0);
});

const countOf = (statements: readonly Statement[]): number =>
  statements.reduce((sum, { block = [] }) => sum + 1 + countOf(block), 0);

/** Where nothing is left for lbd, that is told. */
const NOTHING = 'there is no virtual_server and no vrrp_instance in it that lbd could take';

test('what the import makes of accidents is a file that lbd takes, and every statement has its class', (t) => {
  const fuzz = createFuzz(t, 1000);
  let count = 0;
  for (let round = 0; round < fuzz.rounds; round += 1) {
    const text = mutate(fuzz.pick(CORPUS), fuzz);
    const tree = readMutant(text);
    if (tree.faults.length > 0) continue;
    const { yaml, verdicts, problems } = importKeepalived(tree, { file: FILE, sourceAt: () => '' });
    const errors = problems.filter(({ severity, message }) => severity === 'error' && message !== NOTHING);
    assert.deepEqual(errors, [], `round ${round}: ${JSON.stringify(text)}`);
    assert.equal(verdicts.length, countOf(tree.statements), `round ${round}: ${JSON.stringify(text)}`);
    if (yaml !== undefined) count += 1;
  }
  t.diagnostic(`${count} new files`);
  assert.ok(count > 0);
});

test('each file of the corpus, cut off after any of its characters', (t) => {
  const { rounds, pick, below } = createFuzz(t, 500);
  for (let round = 0; round < rounds; round += 1) {
    const text = pick(CORPUS);
    checkMutant(text.slice(0, below(text.length)));
  }
});

/** A bound that a square would break by far: the same text 64 times takes as many times longer, not 4,096 times. */
test('what is long takes long, and no longer', () => {
  const makes: readonly ((n: number) => string)[] = [
    (n) => 'a { b c # d\n}\n'.repeat(n),
    (n) => 'a{}'.repeat(n),
    (n) => `a${' '.repeat(n * 8)}b`,
    (n) => '\\#'.repeat(n),
    (n) => `${'"a\\" '.repeat(n)}\n`,
    (n) => `$a=b\n${'$a ${a} '.repeat(n)}\n`,
    (n) => `~LST({${' '.repeat(n * 8)}\n`,
    (n) => Array.from({ length: n }, (_, i) => `$A${i}= \\\n a \\\n $A${i + 1}\n`).join(''),
  ];
  for (const make of makes) {
    const started = performance.now();
    for (const n of [16, 256, 1024, 16_384]) readMutant(make(n));
    assert.ok(performance.now() - started < 20_000, make(2));
  }
  assert.deepEqual(
    readMutant('~SEQ(A,1,1000000000) x $A').faults.map(({ message }) => message),
    ['sequences and parameters make more than 200000 lines'],
  );
});
