/**
 * Old configurations, each changed by what happens to files: an end in the middle, lines that go, come twice or change places, signs of the language
 * where none belongs. Whatever comes of it is a tree or faults with places inside the text; nothing is thrown, nothing takes long, and no word is
 * lost in silence: it is in the tree, in a comment, in the value of a parameter, or a fault or warning stands on its line.
 */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: parameters of the old language
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readKeepalived } from '../../src/config/keepalived/read.js';
import type { Fault, Statement, Surroundings, Tree, Word } from '../../src/config/keepalived/types.js';
import { shownLine } from '../../src/config/places.js';
import { readOldFile } from '../../src/os/keepalived-files.js';

const GOLDEN = fileURLToPath(new URL('../../../test/golden/', import.meta.url));

/** Of the language, construct by construct, and whole configurations. */
export const CORPUS: readonly string[] = ['keepalived-language', 'keepalived']
  .map((name) => join(GOLDEN, name))
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  .filter((path) => path.endsWith('.conf'))
  .flatMap((path) => {
    const read = readOldFile(path);
    return typeof read === 'string' ? [] : [read.text];
  });

/** What may come anywhere. */
const SIGNS = [
  ...['{', '}', '"', "'", '\\', '#', '!', '$', '@', '~', '(', ')', ',', ' ', '\t', '\n', '\r', '\0', '\uFEFF', 'é', '\f'],
  ...[
    '\\\n',
    '\n\n',
    '{}',
    '}}',
    '" "',
    "' '",
    '\\"',
    '\\#',
    '\\x4',
    '# c',
    '\n! c\n',
    '$A',
    '${A}',
    '${A',
    '$A=b',
    '\n$A=${B}\n',
    '\n$B=$A c\n',
  ],
  ...[
    '\n$A= \\\n',
    '\n@main ',
    '\n@^main ',
    '\n@',
    '~SEQ(A,1,3) ',
    '\n~SEQ(A,1,2) ',
    '\n~SEQx(A,9,12) a$A',
    '\n~LST(A,1,2) ',
    '\n~LST({A,B},{1,2},{3}) ',
  ],
  ...[
    '\ninclude a.conf\n',
    '\nincluder none\n',
    '\ninclude self\n',
    '${_HASH}',
    '${_RANDOM 1 2}',
    '${_ENV X}',
    '${_INSTANCE}',
    '${_PWD}',
  ],
];

export interface Chance {
  below(limit: number): number;
  pick<T>(among: readonly T[]): T;
}

/** One accident, or some. */
export function mutate(text: string, { below, pick }: Chance): string {
  let changed = text;
  for (let times = 1 + below(4); times > 0; times -= 1) {
    const at = below(changed.length + 1);
    const lines = changed.split('\n');
    const line = below(lines.length);
    const kind = below(7);
    if (kind === 0) changed = changed.slice(0, at);
    else if (kind === 1) changed = lines.filter((_, i) => i !== line).join('\n');
    else if (kind === 2) changed = lines.toSpliced(line, 0, pick(lines)).join('\n');
    else if (kind === 3) changed = changed.slice(0, at) + changed.slice(at + 1 + below(8));
    else changed = changed.slice(0, at) + pick(SIGNS) + changed.slice(at);
  }
  return changed;
}

export const FILE = '/old/keepalived.conf';

/** `include a.conf` has two lines, `include self` the same text again, anything else is not there. */
const surroundings = (text: string): Surroundings => ({
  readInclude: (pattern) => {
    if (pattern === 'a.conf') return [{ file: '/old/a.conf', text: 'included one {\n  two # three\n' }];
    return pattern === 'self' ? [{ file: FILE, text }] : [{ lacks: 'match', message: `there is no ${pattern}` }];
  },
  configId: 'main',
  env: {},
  folderOf: () => '/old',
});

export const readMutant = (text: string): Tree => readKeepalived({ file: FILE, text }, surroundings(text));

function checkPlaces({ faults, warnings }: Tree, lines: readonly string[]): void {
  for (const { place, message, source } of [...faults, ...warnings]) {
    assert.ok(message !== '');
    if (place.file !== FILE) continue;
    assert.ok(place.line >= 1 && place.line <= Math.max(lines.length, 1), `${message}: line ${place.line} of ${lines.length}`);
    const line = lines[place.line - 1] ?? '';
    assert.equal(source, shownLine(line), message);
    assert.ok(place.column >= 1 && place.column <= line.length + 1, `${message}: column ${place.column} of "${line}"`);
  }
}

/** Everything that the tree says: its words, and its comments. */
function saidBy({ statements, below }: Tree): { readonly words: readonly Word[]; readonly comments: readonly string[] } {
  const words: Word[] = [];
  const comments: string[] = [...below];
  const walk = ({ key, args, block, above, beside, below: after }: Statement): void => {
    words.push(key, ...args);
    comments.push(...above, ...(beside === undefined ? [] : [beside]), ...after);
    block?.forEach(walk);
  };
  statements.forEach(walk);
  return { words, comments };
}

/** The line belongs to the value of a parameter, which is used, or told to be of no use. */
function valueLines(lines: readonly string[]): Set<number> {
  const inside = new Set<number>();
  let open = false;
  for (const [i, line] of lines.entries()) {
    const begins = /\$.*=/.test(line);
    if (open || begins) inside.add(i + 1);
    open = line !== '' && (open || begins) && /(?:^|\\)[ \t]*(?:[#!].*)?$/s.test(line);
  }
  return inside;
}

const isTold = (told: readonly Fault[], line: number): boolean =>
  told.some(({ place }) => place.file === FILE && place.line === line);

/** Every run of letters of the text that parameters do not change is somewhere. */
function checkWords(tree: Tree, lines: readonly string[]): void {
  const { words, comments } = saidBy(tree);
  const byLine = new Map<number, string>();
  for (const { text, place } of words) if (place.file === FILE) byLine.set(place.line, `${byLine.get(place.line) ?? ''} ${text}`);
  const remarks = comments.join('\n');
  const told = [...tree.faults, ...tree.warnings];
  const values = valueLines(lines);
  for (const [i, line] of lines.entries()) {
    const number = i + 1;
    if (values.has(number) || isTold(told, number) || /[$~@]/.test(line) || /^[ \t]*include[rmwba]?\s/.test(line)) continue;
    const here = `${byLine.get(number) ?? ''}\n`;
    for (const [word] of line.matchAll(/[A-Za-z0-9_.:/-]{2,}/g))
      assert.ok(here.includes(word) || remarks.includes(word), `line ${number}: "${word}" is lost of "${line}"`);
  }
}

/** Where it stops: the rest is not looked at, and the fault says why. */
const STOPS = /go on and on|more than \d+|too much/;

/** Throws where something is not as it must be. */
export function checkMutant(text: string): Tree {
  const tree = readMutant(text);
  const lines = (text.startsWith('\uFEFF') ? text.slice(1) : text).split('\n').map((line) => line.replace(/\r+$/, ''));
  checkPlaces(tree, lines);
  if (!tree.faults.some(({ message }) => STOPS.test(message))) checkWords(tree, lines);
  return tree;
}
