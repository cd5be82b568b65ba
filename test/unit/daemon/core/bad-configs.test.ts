/**
 * Every wrong configuration of the corpus, asked of check-config, of what reads it at start, and of a reload: all say the same, at the same
 * places, and the reload changes nothing. LBD_REGENERATE=1 writes what they say anew; then read it.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { EXIT, lbctl } from '../../../../src/cli/lbctl.js';
import { parseConfig } from '../../../../src/config/parse.js';
import { formatProblem } from '../../../../src/config/problems.js';
import type { Problem } from '../../../../src/config/types.js';
import { readHere } from '../../../../src/daemon/config-again.js';
import { readWhole } from '../../../../src/daemon/config-child.js';
import { Refused } from '../../../../src/daemon/core/refused.js';
import { openWanted, type Wanted } from '../../../../src/daemon/core/wanted.js';
import { type BadCase, badCorpus, layOut, writeCorpus } from '../../../fake/bad-corpus.js';

const CORPUS = badCorpus();
const IN_FORCE = `virtual_servers:\n  - { name: web, address: "192.0.2.10:80", real_servers: [ { address: 10.0.0.1 } ] }\n`;

let folder: string;
let state: string;
/** What is on disk when nothing was asked for. */
let atStart: readonly string[];
let file: string;
let wanted: Wanted;
let published = 0;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lbd-bad-'));
  state = `${folder}-state`;
  mkdirSync(state);
  file = join(folder, 'lbd.yaml');
  const { config, record } = parseConfig(file, `global: { state_dir: ${state} }\n${IN_FORCE}`, { env: {} });
  assert.ok(config);
  wanted = await openWanted({
    file,
    config,
    record,
    log: { write: () => {}, setLevel: () => {} },
    tell: () => {},
    problems: new Set(),
    changed: () => void published++,
    loadConfig: async (_file, known) => (known && (await readHere(file, known))) ?? readWhole(file),
  });
  atStart = written();
});
after(() => {
  wanted.close();
  for (const one of [folder, state]) rmSync(one, { recursive: true });
});

/** Every file of the state, with its text. */
const written = (): string[] =>
  ['overrides.json', 'revisions/log.jsonl']
    .map((name) => `${name}: ${readFileSync(join(state, name), 'utf8')}`)
    .concat(readdirSync(state));

/** Without the caret: the line itself is compared by `stands`. */
const inOneLine = (problem: Problem): string => formatProblem({ ...problem, source: '' }).replaceAll(`${folder}/`, '');

async function checked(): Promise<{ status: number; problems: readonly Problem[] }> {
  const said: string[] = [];
  const io = { out: (text: string) => void said.push(text), err: () => {}, env: {}, terminal: undefined };
  const status = await lbctl(['check-config', file, '-o', 'json'], io);
  return { status, ...(JSON.parse(said.join('')) as { problems: Problem[] }) };
}

async function reloaded(): Promise<readonly unknown[]> {
  const before = [wanted.intent(), wanted.config(), wanted.overrides(), published] as const;
  const refused = await wanted.reload({ who: 'ann' }).then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(refused instanceof Refused, `taken by a reload: ${refused}`);
  assert.equal(refused.error.code, 'invalid_config');
  [wanted.intent(), wanted.config(), wanted.overrides(), published].forEach((one, i) => {
    assert.equal(one, before[i], 'a refused reload changed something');
  });
  return refused.error.problems ?? [];
}

/** A place that is told is one of the file, and its line is the one that is shown. */
function stands({ files }: BadCase, { file: where, line, column, source, message }: Problem): void {
  if (line === 0) return;
  const bytes = files.get(where.replace(`${folder}/`, ''));
  const text = bytes?.toString('utf8').split('\n')[line - 1];
  assert.equal(text?.replace(/^\ufeff|\r$/g, ''), source, message);
  assert.ok(column >= 1 && column <= source.length + 1, `column ${column}: ${message}`);
}

async function told(one: BadCase): Promise<string[]> {
  const restore = layOut(folder, one);
  try {
    const { status, problems } = await checked();
    assert.equal(status, EXIT.invalidConfig);
    assert.deepEqual((await readWhole(file)).problems, problems, 'check-config and the start of the daemon');
    assert.deepEqual(await reloaded(), problems, 'check-config and a reload');
    for (const problem of problems) stands(one, problem);
    return problems.map(inOneLine);
  } finally {
    restore();
  }
}

for (const [name, cases] of CORPUS) {
  describe(`wrong configurations: ${name}`, () => {
    const found: (readonly [BadCase, readonly string[]])[] = [];
    for (const one of cases) {
      test(one.title, async () => {
        const lines = await told(one);
        found.push([one, lines]);
        if (!process.env.LBD_REGENERATE) assert.deepEqual(lines, one.told);
      });
    }
    after(() => {
      if (process.env.LBD_REGENERATE) writeCorpus(name, found);
    });
  });
}

test('the corpus is large, and each of its cases is one', () => {
  const all = [...CORPUS].flatMap(([name, cases]) => cases.map(({ title }) => `${name}: ${title}`));
  assert.ok(all.length >= 400, `${all.length}`);
  assert.deepEqual(
    all.filter((title, i) => all.indexOf(title) < i),
    [],
  );
});

test('a refused reload writes nothing', () => {
  assert.deepEqual(written(), atStart);
});
