/**
 * What `lbctl import` makes of each configuration of test/golden/keepalived: FILE.yaml, which lbd takes as it is, and FILE.notes, which is what
 * it says to standard error. LBD_REGENERATE=1 writes both anew: read them then, as somebody would who has to live with them.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { importFile, noteLines, summaryLine } from '../../../../src/cli/import.js';
import { parseConfig } from '../../../../src/config/parse.js';
import { formatProblem } from '../../../../src/config/problems.js';

const CORPUS = fileURLToPath(new URL('../../../../../test/golden/keepalived/', import.meta.url));
const NEWER = 'newer/';
const files = [CORPUS, join(CORPUS, NEWER)]
  .flatMap((folder, i) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.conf'))
      .map((name) => (i === 0 ? '' : NEWER) + name),
  )
  .sort();

function compare(file: string, text: string): void {
  const path = join(CORPUS, file);
  if (process.env.LBD_REGENERATE) writeFileSync(path, text);
  assert.equal(text, readFileSync(path, 'utf8'), file);
}

describe('the import of the corpus', () => {
  const folder = process.cwd();
  const name = process.env.HOSTNAME_SHORT;

  before(() => {
    // Names of files are as short in what is told as they are there.
    process.chdir(CORPUS);
    process.env.HOSTNAME_SHORT = 'edge1';
  });
  after(() => {
    process.chdir(folder);
    if (name === undefined) delete process.env.HOSTNAME_SHORT;
    else process.env.HOSTNAME_SHORT = name;
  });

  test('nothing is left of files that are gone', () => {
    for (const sub of ['', NEWER])
      for (const one of readdirSync(join(CORPUS, sub)).filter((each) => /\.(yaml|notes)$/.test(each))) {
        const isOf = files.includes(sub + one.replace(/\.(yaml|notes)$/, '.conf'));
        if (!isOf && process.env.LBD_REGENERATE) rmSync(join(CORPUS, sub, one));
        else assert.ok(isOf, one);
      }
  });

  for (const file of files)
    test(file, () => {
      const answer = importFile(file, false, 'left');
      const yaml = answer.config ?? '';
      const notes = [...answer.problems.map(formatProblem), ...noteLines(answer), summaryLine(file, answer)];
      const base = file.replace(/\.conf$/, '');
      compare(`${base}.yaml`, yaml);
      compare(`${base}.notes`, `${notes.join('\n')}\n`);
      const { config, problems } = parseConfig(`${base}.yaml`, yaml, { env: {} });
      assert.deepEqual(
        problems.filter(({ severity }) => severity === 'error'),
        [],
      );
      assert.ok(config);
    });
});
