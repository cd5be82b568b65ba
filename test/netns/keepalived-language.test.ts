/**
 * The language of keepalived.conf as the real one reads it: `keepalived -t` says which keywords it does not know, and `include_check` says each of its
 * words, with their lines. Of the same files src/config/keepalived makes the same.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readKeepalived } from '../../src/config/keepalived/read.js';
import type { OldFile, Statement, Word } from '../../src/config/keepalived/types.js';
import { oldSurroundings, readOldFile } from '../../src/os/keepalived-files.js';

const FILES = fileURLToPath(new URL('../../../test/golden/keepalived-language/', import.meta.url));

/** git keeps no mode but one, and keepalived reads no executable file. */
const folder = mkdtempSync(join(tmpdir(), 'lbd-language-'));
cpSync(FILES, folder, { recursive: true });
after(() => rmSync(folder, { recursive: true }));

/** What keepalived says of a keyword that it does not know, of its `{`, and of each word of include_check. */
const SAID =
  /^\((?:(.*): )?(?:Line )?(\d+)\) (?:Unknown keyword '(.*)'|(?:Unknown include_check type|Duplicate include_check) '(.*)' (?:specified )?- ignoring|(Unexpected '\{'))/;

const sayings = (text: string): string[] =>
  text.split('\n').flatMap((line) => {
    const found = SAID.exec(line);
    if (!found) return [];
    const [, file, number, keyword, word, brace] = found;
    if (brace) return ['{'];
    return keyword === '}' ? [] : [`${basename(file ?? '')}:${number} ${keyword ?? word}`];
  });

/** Its processes read the files one after the other; the first one says it all. */
function ofKeepalived(file: string): string[] {
  const { stderr } = spawnSync('keepalived', ['-t', '-i', 'main', '-f', file], {
    encoding: 'utf8',
    cwd: folder,
    timeout: 20_000,
  });
  const said = sayings(stderr);
  const again = said.findIndex((one, i) => i > 0 && one.endsWith(' unkbegin'));
  return said.slice(0, again < 0 ? undefined : again);
}

/** Nothing ends this line: it is the last one. */
const endsOpen = (file: string, line: number): boolean => readFileSync(file, 'utf8').split('\n').length === line;

function ofLbd(file: string): string[] {
  const first = readOldFile(file) as OldFile;
  const { statements } = readKeepalived(first, oldSurroundings('main'));
  // keepalived counts line ends.
  const lineOf = ({ place }: Word): number => place.line - (endsOpen(place.file, place.line) ? 1 : 0);
  const say = (word: Word): string => `${word.place.file === file ? '' : basename(word.place.file)}:${lineOf(word)} ${word.text}`;
  const known = ({ key, args }: Statement): string[] => (key.text === 'include_check' ? args.map(say) : [say(key)]);
  const unknown = ({ key, block }: Statement): string[] => [say(key), ...(block ? ['{', ...block.flatMap(unknown)] : [])];
  return statements.flatMap((one) => (one.key.text === 'global_defs' ? (one.block ?? []).flatMap(known) : unknown(one)));
}

for (const name of readdirSync(FILES).filter((one) => one.endsWith('.conf'))) {
  test(`${name}: lbd and keepalived read the same`, () => {
    const file = join(folder, name);
    const said = ofKeepalived(file);
    assert.ok(said.length > 5, `keepalived says ${said.length} things`);
    assert.deepEqual(ofLbd(file), said);
  });
}

test('a file that somebody may execute is none for keepalived, nor for lbd', () => {
  chmodSync(join(folder, 'conf.d/a.conf'), 0o755);
  const file = join(folder, 'includes.conf');
  const said = ofKeepalived(file);
  assert.ok(!said.some((one) => one.includes('unkina')));
  assert.deepEqual(ofLbd(file), said);
});
