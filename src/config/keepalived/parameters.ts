/** `$NAME=value`, and what becomes of `$NAME` and `${NAME}`. */
import { builtIn, type Here, type Told } from './built-in.js';
import { join, placeOf, type Spot, slice, spotOf, type Text, textAt } from './text.js';
import type { Place } from './types.js';

export interface Definition {
  readonly name: string;
  /** Where its value begins; of the variable of a sequence, where the sequence stands. */
  readonly place: Place;
  /** More than one: it stands for that many lines, and only where nothing follows it. */
  readonly lines: readonly Text[];
  readonly hasLines: boolean;
  /** It has stood for something since it got this value. */
  isUsed: boolean;
}

export type Definitions = Map<string, Definition>;

export interface Replaced {
  readonly line: Text;
  /** Something was replaced. */
  readonly isOther: boolean;
  /** The lines that follow, when the last name stood for several. */
  readonly more: readonly Text[];
  /** Characters that were moved for it: what it cost. */
  readonly work: number;
  /** It goes on and on. */
  readonly isEndless: boolean;
}

/** keepalived replaces for ever in `$A=$A`; a line of an old file has some ten names at most. */
const MAX_REPLACED = 1000;
/** Characters of one line, after all was replaced; keepalived's own limit is 1,024. */
export const MAX_LINE = 16_384;

const DEFINITION = /^\$([A-Za-z_][A-Za-z0-9_]*)=[ \t]*/;
const USE = /\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?: +([A-Za-z_][A-Za-z0-9_]*) *|((?: +[0-9]+)*))\}|([A-Za-z_][A-Za-z0-9_]*))/;

/** A line that gives a parameter its value (the first line of it). */
export function readDefinition(line: Text): { readonly name: string; readonly value: Text; readonly place: Place } | undefined {
  const found = DEFINITION.exec(line.text);
  if (!found) return undefined;
  const value = slice(line, found[0].length);
  return { name: found[1] as string, value, place: placeOf(line, 1) };
}

/** Gives a parameter its value. A value that nobody used goes, and that is told. */
export function define(
  definitions: Definitions,
  made: Omit<Definition, 'isUsed' | 'hasLines'>,
  told: Told,
  isLines = false,
): void {
  const before = definitions.get(made.name);
  if (before && !before.isUsed)
    told.warn(
      { place: before.place },
      `nothing uses this value of $${made.name}: line ${made.place.line} of ${made.place.file} gives it another`,
    );
  const lines = made.lines.filter((one) => one.text !== '');
  definitions.set(made.name, { ...made, lines, hasLines: isLines && lines.length > 0, isUsed: false });
}

/** A name in a line. */
interface Use {
  readonly found: RegExpExecArray;
  readonly spot: Spot;
  /** It stands between `"`. */
  readonly isQuoted: boolean;
  /** The character that follows it; none: it is the last word of its line. */
  readonly after: string;
}

/** What is not replaced stays as it is; that is told where it looks like a name. */
function tellUnknown({ found, spot, isQuoted }: Use, definition: Definition | undefined, told: Told): void {
  const [all, braced, , , plain] = found;
  const name = braced ?? plain;
  if (definition?.hasLines)
    told.warn(
      spot,
      `$${name} stands for several lines: keepalived puts them only where it is the last word of a line, and leaves it as it is here`,
    );
  else if (definition)
    told.warn(spot, `keepalived leaves $${name} as it is here, since a letter or sign follows it: write \${${name}}`);
  else if (braced !== undefined && !isQuoted)
    told.fault(
      spot,
      `${all} is not defined, and keepalived takes its braces for those of a block: define it above, or put the word in "`,
    );
  else told.warn(spot, `${all} is not defined: it stays as it is, as with keepalived`);
}

interface Meaning {
  readonly by: Text;
  /** The lines after the first one. */
  readonly more: readonly Text[];
}

function meaningOf(use: Use, definitions: Definitions, here: Here, told: Told): Meaning | undefined {
  const [, braced, variable, numbers = '', plain] = use.found;
  const { place } = use.spot;
  const name = braced ?? plain ?? '';
  const definition = definitions.get(name);
  const fits = (braced !== undefined || /^(?:[ \t,)]|$)/.test(use.after)) && (!definition?.hasLines || use.after === '');
  const own = !definition && fits ? builtIn({ ...use, name, variable, numbers }, here, told) : undefined;
  if (own !== undefined) return { by: textAt(own, place, { name, place }), more: [] };
  if (!definition || !fits || variable !== undefined || numbers !== '') {
    tellUnknown(use, definition, told);
    return undefined;
  }
  definition.isUsed = true;
  const lines = definition.lines.map((one) => textAt(one.text, place, { name, place: placeOf(one) }));
  const [by = textAt('', place, { name, place: definition.place }), ...more] = lines;
  return { by, more };
}

/** All names of a line, and those in their values. What is done is put aside, so that each name costs what follows it and no more. */
export function replaceParameters(given: Text, definitions: Definitions, here: Here, told: Told): Replaced {
  const done: Text[] = [];
  let left = given;
  let length = given.text.length;
  let quotes = 0;
  let isOther = false;
  let more: readonly Text[] = [];
  let work = 0;
  const putAside = (to: number): void => {
    const part = slice(left, 0, to);
    quotes += part.text.split('"').length - 1;
    done.push(part);
    left = slice(left, to);
  };
  const end = (isEndless: boolean): Replaced => ({ line: join([...done, left]), isOther, more, work, isEndless });
  for (let rounds = 0; ; rounds += 1) {
    const found = USE.exec(left.text);
    if (!found) return end(false);
    if (rounds > MAX_REPLACED || length > MAX_LINE) return end(true);
    work += left.text.length;
    putAside(found.index);
    const size = found[0].length;
    const use: Use = { found, spot: spotOf(left), isQuoted: quotes % 2 === 1, after: left.text.charAt(size) };
    const meaning = meaningOf(use, definitions, here, told);
    if (!meaning) {
      putAside(size);
      continue;
    }
    left = join([meaning.by, slice(left, size)]);
    length += meaning.by.text.length - size;
    isOther = true;
    if (meaning.more.length > 0) more = [...meaning.more, ...more];
    // The value of a sequence is looked at when the sequence runs.
    if (/^[ \t]*~/.test(meaning.by.text)) return end(false);
  }
}
