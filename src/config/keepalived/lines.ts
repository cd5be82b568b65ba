/** The lines that keepalived makes of its files: conditions decided, parameters replaced, sequences and several lines laid out, cut at braces. */
import type { Builder } from './blocks.js';
import { bare } from './comments.js';
import { counts, readCondition } from './conditions.js';
import type { Faults } from './faults.js';
import type { Files } from './files.js';
import { readIncludeLine } from './includes.js';
import { type Definitions, define, MAX_LINE, readDefinition, replaceParameters } from './parameters.js';
import { isSequence, readSequence, type Sequence } from './sequences.js';
import { placeOf, slice, spotOf, type Text, textAt, trim } from './text.js';
import type { Surroundings } from './types.js';

/** Lines that sequences and parameters make, and characters that are moved for it: more is a mistake, or an attack. */
export const MAX_MADE = 200_000;
const MAX_WORK = 256_000_000;

/** Lines that do not come of the file: a sequence with its next turn, or what follows the first line of a parameter. */
type Pending = { readonly sequence: Sequence; readonly rest: Text; at: number } | { readonly lines: readonly Text[]; at: number };

export interface Lines {
  /** Words, or one brace; undefined: the end. */
  next(): Text | undefined;
  /** Parameters that nothing used are told. */
  end(): void;
}

const BRACE = /[{}]|"[^"]*"|"/g;

/** Where the first brace outside of `"` stands. */
function braceAt(text: string): number | undefined {
  for (const { 0: found, index } of text.matchAll(BRACE)) {
    if (found === '{' || found === '}') return index;
    if (found === '"') return undefined;
  }
  return undefined;
}

/** A `\` that no other one protects. */
const endsInEscape = (text: string): boolean => ((/\\+$/.exec(text.slice(-64))?.[0].length ?? 0) & 1) === 1;

export function createLines(files: Files, around: Surroundings, builder: Builder, told: Faults, mostMade: number): Lines {
  const definitions: Definitions = new Map();
  const pending: Pending[] = [];
  const passedOver = new Set<string>();
  let rest: Text | undefined;
  let made = 0;
  let work = 0;
  let isOver = false;
  /** The line of the file ends with a `\`, which nothing has made use of. */
  let continues = false;
  /** The line is of the file, and not made by a sequence or a parameter. */
  let isOfFile = true;

  const stop = (line: Text, message: string): undefined => {
    told.fault(spotOf(line), message);
    isOver = true;
  };

  /** A line of the file, with its comments told; undefined: the end. */
  const fromFile = (): Text | undefined => {
    for (let next = files.next(); next; next = files.next()) {
      const { line, comment } = next;
      builder.endLine();
      // To keepalived the \ that ends a comment is a keyword, which it does not know.
      const isComment = comment !== undefined && (line.text === '' || line.text === '\\');
      if (isComment) builder.comment(comment);
      else if (line.text === '') builder.gap();
      else {
        if (comment !== undefined) builder.beside(comment);
        continues = endsInEscape(line.text);
        return line;
      }
    }
    return undefined;
  };

  const fromPending = (top: Pending): Text | undefined => {
    made += 1;
    if ('lines' in top) {
      const line = top.lines[top.at] as Text;
      top.at += 1;
      if (top.at === top.lines.length) pending.pop();
      return made > mostMade ? stop(line, `parameters and sequences make more than ${mostMade} lines`) : line;
    }
    const values = top.sequence.valuesAt(top.at);
    const place = placeOf(top.rest);
    top.sequence.names.forEach((name, i) => {
      const value = values[i] ?? '';
      definitions.set(name, { name, place, lines: value === '' ? [] : [textAt(value, place)], hasLines: false, isUsed: true });
    });
    top.at += 1;
    if (top.at === top.sequence.turns) pending.pop();
    return made > mostMade ? stop(top.rest, `sequences and parameters make more than ${mostMade} lines`) : top.rest;
  };

  const fetch = (): Text | undefined => {
    if (isOver) return undefined;
    const left = rest;
    rest = undefined;
    if (left) return left;
    const top = pending.at(-1);
    isOfFile = top === undefined;
    return top ? fromPending(top) : fromFile();
  };

  /** The lines that follow the first one of a value, up to one without `\`. */
  const moreLines = (name: string, first: Text): Text[] => {
    const value = [trim(slice(first, 0, first.text.length - 1))];
    for (;;) {
      if (!files.hasMore()) {
        told.fault(spotOf(first), `its file ends within the value of $${name}`);
        return value;
      }
      const next = files.next();
      if (!next || next.isEmpty) return value;
      if (next.comment !== undefined) builder.comment(next.comment.replace(/[ \t]*\\$/, ''));
      if (next.line.text === '') continue;
      // Blanks may follow the `\`: they are gone.
      const isLast = !next.line.text.endsWith('\\');
      value.push(isLast ? next.line : trim(slice(next.line, 0, next.line.text.length - 1)));
      if (isLast) return value;
    }
  };

  const takeDefinition = (line: Text): boolean => {
    const found = readDefinition(line);
    if (!found) return false;
    const { name, value, place } = found;
    const isLong = value.text.endsWith('\\');
    if (isLong) continues = false;
    if (isLong && !isOfFile) {
      told.fault(spotOf(line), `the value of $${name} has several lines: it cannot begin within a sequence or another value`);
      return true;
    }
    const lines = isLong ? moreLines(name, value) : [value];
    define(definitions, { name, place, lines }, told, isLong);
    return true;
  };

  const takeSequence = (line: Text): void => {
    const here = { around, file: files.current };
    const expand = (numbers: string): string =>
      replaceParameters(textAt(numbers, placeOf(line)), definitions, here, told).line.text;
    const sequence = readSequence(line.text, expand);
    if (typeof sequence === 'string') told.fault(spotOf(line), sequence);
    else if (sequence.end === line.text.length)
      told.warn(spotOf(line), 'nothing follows this sequence on its line: it makes nothing');
    else pending.push({ sequence, rest: slice(line, sequence.end), at: 0 });
  };

  /** What is left of a line after its condition; undefined: it does not count. */
  const decide = (line: Text): Text | undefined => {
    const condition = readCondition(line.text);
    if (!condition) return line;
    const { id, restAt } = condition;
    if (restAt === undefined) {
      told.warn(
        spotOf(line),
        `nothing follows ${line.text} on its line: keepalived passes over it; a name after @ or @^ stands before the words that it is about`,
      );
      builder.comment(` ${line.text}`);
      return undefined;
    }
    if (counts(condition, around.configId)) return slice(line, restAt);
    if (spotOf(line).origin === undefined) builder.comment(` ${line.text}`);
    if (!passedOver.has(`${condition.isNot}${id}`)) {
      passedOver.add(`${condition.isNot}${id}`);
      const who =
        around.configId === undefined
          ? 'no name is given: -i says it'
          : `this is the configuration of "${around.configId}": -i says another`;
      told.warn(
        spotOf(line),
        `lines of @${condition.isNot ? '^' : ''}${id} are passed over, since ${who}; they stay as comments`,
      );
    }
    return undefined;
  };

  const withParameters = (line: Text): Text | undefined => {
    const {
      line: replaced,
      isOther,
      more,
      work: cost,
      isEndless,
    } = replaceParameters(line, definitions, { around, file: files.current }, told);
    work += cost;
    if (isEndless)
      return stop(
        line,
        `the parameters of this line go on and on, or make it longer than ${MAX_LINE} characters: does one name itself?`,
      );
    if (work > MAX_WORK) return stop(line, 'parameters and sequences make too much of this');
    if (more.length > 0) pending.push({ lines: more, at: 0 });
    if (!isOther) return replaced;
    const { line: again, comment, commentAt } = bare(replaced);
    if (comment !== undefined)
      told.warn(
        spotOf(replaced, commentAt),
        `what follows this ${replaced.text[commentAt as number]} is a comment once the parameters are replaced: keepalived does not see "${comment.trim()}"`,
      );
    return again;
  };

  /** Undefined: the line is no statement, or none of its own. */
  const settle = (given: Text): Text | undefined => {
    let line: Text | undefined = given;
    for (;;) {
      line = decide(line);
      if (!line || line.text === '' || takeDefinition(line)) return undefined;
      if (isSequence(line.text)) {
        takeSequence(line);
        return undefined;
      }
      if (!line.text.includes('$')) return line;
      const before: Text = line;
      line = withParameters(before);
      if (!line || line.text === '') return undefined;
      if (line === before || line.text === before.text) return line;
      if (!/^[@~]|\$/.test(line.text)) return line;
    }
  };

  const tellContinued = (line: Text): void =>
    told.fault(
      spotOf(line, line.text.length - 1),
      'a \\ at the end of a line joins it with the next one in the value of a parameter only, which an empty line ends; here it is part of the last word for keepalived: write all on one line',
    );

  const cut = (line: Text): Text => {
    const at = braceAt(line.text);
    if (at === undefined) return line;
    const to = at === 0 ? 1 : at;
    const left = trim(slice(line, to));
    if (left.text !== '') rest = left;
    return trim(slice(line, 0, to));
  };

  return {
    next() {
      for (let given = fetch(); given; given = fetch()) {
        const line = settle(given);
        if (!line) continue;
        const include = readIncludeLine(line);
        if (!include) {
          const piece = cut(line);
          if (continues && !rest) tellContinued(piece);
          return piece;
        }
        if (given.text.startsWith('@'))
          told.warn(spotOf(line), 'keepalived reads the file of an include with a condition twice; here it is read once');
        files.include(include, spotOf(line));
      }
      return undefined;
    },
    end() {
      for (const { name, place, isUsed } of definitions.values()) if (!isUsed) told.warn({ place }, `nothing uses $${name}`);
    },
  };
}
