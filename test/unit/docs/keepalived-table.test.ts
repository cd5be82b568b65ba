/** docs/keepalived.md says of every keyword what becomes of it: it is made of the table that the import goes by. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BLOCKS } from '../../../src/config/keepalived/keywords/table.js';
import type { Block, Keyword, Outcome } from '../../../src/config/keepalived/keywords/types.js';

/** The sources' folder; the compiled test lies in dist/. LBD_REGENERATE=1 writes the file anew. */
const FILE = fileURLToPath(new URL('../../../../docs/keepalived.md', import.meta.url));

const CLASS: Readonly<Record<Outcome, string>> = {
  carried: 'carried over',
  changed: 'changed',
  no_effect: 'without effect',
  refused: 'refused',
};

const HEAD = `# What becomes of keepalived's keywords

\`lbctl import keepalived.conf > lbd.yaml\` reads the old file and says of every statement in it what becomes of it. This table is what it goes by;
a test holds both together (\`test/unit/docs/keepalived-table.test.ts\`). How to move a pair: [migrate.md](migrate.md).

- **carried over**: lbd.yaml says the same.
- **changed**: carried over, and something of it means something else; the last column says what.
- **without effect**: lbd needs it not, and says why.
- **refused**: lost; the last column says what to do instead. \`lbctl import --strict\` fails on these.

A value can make it graver: the message of the import says so. What keepalived has as a default and lbd otherwise is written into lbd.yaml.
`;

const cell = (text: string): string => text.replaceAll('|', '\\|');

const row = ({ word, outcome, to, text }: Keyword): string =>
  `| \`${cell(word)}\` | ${CLASS[outcome]} | ${to === undefined ? '' : cell(to)} | ${cell(text ?? '')} |`;

function section({ name, words }: Block): string {
  const title = name === 'root' ? 'Outside of every block' : name;
  return [`## ${title}`, '', '| keyword | class | in lbd.yaml | |', '|---|---|---|---|', ...words.map(row)].join('\n');
}

test('docs/keepalived.md has every keyword, once in its block, with its class', () => {
  const text = `${[HEAD, ...BLOCKS.map(section)].join('\n')}\n`.replace(/\n(?=## )/g, '\n\n').replace(/\n{3,}/g, '\n\n');
  if (process.env.LBD_REGENERATE) writeFileSync(FILE, text);
  assert.ok(existsSync(FILE), `${FILE} is missing: run with LBD_REGENERATE=1 and read what it wrote`);
  assert.equal(readFileSync(FILE, 'utf8'), text, 'the table is of before: run with LBD_REGENERATE=1');
});

test('no keyword stands twice in a block, and each says what it must', () => {
  for (const { name, words } of BLOCKS) {
    assert.deepEqual(
      [...new Set(words.map(({ word }) => word))],
      words.map(({ word }) => word),
      name,
    );
    for (const { word, outcome, to, text } of words) {
      const at = `${name} ${word}`;
      assert.equal(outcome === 'carried' || outcome === 'changed', to !== undefined, `${at}: the key of lbd.yaml`);
      assert.equal(outcome === 'carried', text === undefined, `${at}: its sentence`);
    }
  }
  assert.deepEqual([...new Set(BLOCKS.map(({ name }) => name))].length, BLOCKS.length);
});
