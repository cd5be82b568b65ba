/** The table of keywords of virtual servers against the list of those that keepalived's parser registers (2.2.7 and 2.4). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { LVS } from '../../../../src/config/keepalived/keywords/lvs.js';

const GOLDEN = new URL('../../../../../test/golden/keepalived-keywords/lvs.txt', import.meta.url);

test('each keyword of the parser is there once, and no other one', () => {
  const registered = readFileSync(GOLDEN, 'utf8').trim().split('\n');
  const listed = LVS.flatMap(({ name, words }) => words.map(({ word }) => `${name} ${word}`));
  assert.deepEqual([...listed].sort(), [...registered].sort());
  assert.equal(new Set(listed).size, listed.length);
});

test('what is carried over has a key, and everything else a sentence', () => {
  for (const { name, words } of LVS)
    for (const { word, outcome, to, text } of words) {
      const where = `${name} ${word}`;
      assert.equal(to !== undefined, outcome === 'carried' || outcome === 'changed', where);
      assert.equal(text !== undefined, outcome !== 'carried', where);
    }
});
