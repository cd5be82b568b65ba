/**
 * The language of keepalived.conf: files to statements. What its keywords mean is for others.
 *
 * It follows keepalived 2.2 and later, whose parser works line by line: a comment goes; `@ID` decides whether a line counts; `$NAME=` gives a parameter
 * its value; `~SEQ` and `~LST` repeat the rest of a line; parameters are replaced, as often as there are any; `include` brings lines of other files;
 * what is left ends at a brace or at the end of the line, and that is a statement. `${_ENV NAME}` is of 2.4.
 */
import { createBuilder, missingBefore } from './blocks.js';
import { createFaults, type Faults } from './faults.js';
import { createFiles, type Texts } from './files.js';
import { includeChecks } from './includes.js';
import { createLines, MAX_MADE } from './lines.js';
import { spotOf, type Text } from './text.js';
import type { OldFile, Statement, Surroundings, Tree, Word } from './types.js';
import { escapedWords, plainWords } from './words.js';

/** Blocks within blocks; keepalived knows five. */
const MAX_DEPTH = 50;
const MAX_STATEMENTS = 500_000;

/** What stands outside of its block because of one is told by its own words. */
const NO_KEYWORD =
  'a { that no keyword stands before: keepalived says so, too, and passes over it; its } closes the block around it';
const EXTRA = 'a } that closes nothing: keepalived says so, too, and passes over it';

interface Cut {
  readonly words: readonly Word[];
  readonly escaped: Statement['escaped'];
}

function cutWords(line: Text, told: Faults): Cut {
  const plain = plainWords(line);
  if (!/['"\\]/.test(line.text)) return { words: plain.words, escaped: undefined };
  const escaped = escapedWords(line);
  if (escaped.open !== undefined) {
    const sign = line.text[escaped.open];
    if (plain.open !== undefined)
      told.fault(spotOf(line, plain.open), 'nothing ends what this " begins: write \\" where it is no quote');
    const message = sign === '\\' ? 'a \\ at the end, which escapes nothing' : `nothing ends what this ${sign} begins`;
    return { words: plain.words, escaped: told.make(spotOf(line, escaped.open), message) };
  }
  if (plain.open === undefined) return { words: plain.words, escaped: escaped.words.slice(1) };
  told.warn(
    spotOf(line, plain.open),
    'keepalived says that nothing ends what this " begins, unless the keyword is one of a command or a pattern: others know no \\"',
  );
  return { words: escaped.words, escaped: escaped.words.slice(1) };
}

const sameWords = ([, ...plain]: readonly Word[], escaped: readonly Word[]): boolean =>
  plain.length === escaped.length && plain.every((one, i) => one.text === escaped[i]?.text && one.quoted === escaped[i]?.quoted);

/** `mostMade`: so many lines sequences and parameters may make. */
export function readKeepalived(first: OldFile, around: Surroundings, mostMade = MAX_MADE): Tree {
  const builder = createBuilder();
  const texts: Texts = new Map();
  const told = createFaults(({ file, line }) => texts.get(file)?.[line - 1] ?? '');
  const files = createFiles(first, around, texts, told);
  const lines = createLines(files, around, builder, told, mostMade);

  let count = 0;

  const statement = (line: Text): void => {
    const { words, escaped } = cutWords(line, told);
    const [key, ...args] = words;
    if (!key) return;
    count += 1;
    builder.statement(key, args, Array.isArray(escaped) && sameWords(words, escaped) ? undefined : escaped);
    if (key.text === 'include_check' && builder.path[0]?.key.text === 'global_defs' && files)
      files.checks = includeChecks(files.checks, args);
  };
  const isTooMuch = (line: Text): boolean => {
    if (builder.path.length > MAX_DEPTH) told.fault(spotOf(line), `blocks within blocks, more than ${MAX_DEPTH} deep`);
    else if (count > MAX_STATEMENTS) told.fault(spotOf(line), `more than ${MAX_STATEMENTS} lines`);
    else return false;
    return true;
  };
  for (let line = lines.next(); line && !isTooMuch(line); line = lines.next()) {
    if (line.text === '{') {
      if (!builder.open()) told.warn(spotOf(line), NO_KEYWORD);
    } else if (line.text === '}') {
      if (!builder.close()) told.warn(spotOf(line), EXTRA);
    } else statement(line);
  }
  lines.end();
  const [unclosed] = builder.path;
  if (unclosed && told.faults.length === 0) {
    const missing = missingBefore(unclosed);
    const where = missing ? `, it seems before line ${missing.line}` : '';
    told.fault({ place: unclosed.key.place }, `nothing closes the block of ${unclosed.key.text}: a } is missing${where}`);
  }
  builder.endLine();
  return { statements: builder.statements, below: builder.waiting, faults: told.faults, warnings: told.warnings };
}
