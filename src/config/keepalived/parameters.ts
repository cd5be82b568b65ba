/** `$NAME=value`, and what becomes of `$NAME` and `${NAME}`. */
import { builtIn, type Here, type Told } from './built-in.js';
import { placeOf, replace, slice, spotOf, type Text, textAt } from './text.js';
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
const USE = /\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?: +([A-Za-z_][A-Za-z0-9_]*) *|((?: +[0-9]+)*))\}|([A-Za-z_][A-Za-z0-9_]*))/g;

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

/** `"` before it without a second one. */
const isQuoted = (text: string, at: number): boolean => text.slice(0, at).split('"').length % 2 === 0;

/** What is not replaced stays as it is; that is told where it looks like a name. */
function tellUnknown(use: RegExpExecArray, line: Text, definition: Definition | undefined, told: Told): void {
  const [all, braced, , , plain] = use;
  const spot = spotOf(line, use.index);
  const name = braced ?? plain;
  if (definition?.hasLines)
    told.warn(
      spot,
      `$${name} stands for several lines: keepalived puts them only where it is the last word of a line, and leaves it as it is here`,
    );
  else if (definition)
    told.warn(spot, `keepalived leaves $${name} as it is here, since a letter or sign follows it: write \${${name}}`);
  else if (braced !== undefined && !isQuoted(line.text, use.index))
    told.fault(
      spot,
      `${all} is not defined, and keepalived takes its braces for those of a block: define it above, or put the word in "`,
    );
  else told.warn(spot, `${all} is not defined: it stays as it is, as with keepalived`);
}

interface Found {
  readonly by: Text;
  readonly more: readonly Text[];
}

function standsFor(use: RegExpExecArray, line: Text, definitions: Definitions, here: Here, told: Told): Found | undefined {
  const [all, braced, variable, numbers = '', plain] = use;
  const name = braced ?? plain ?? '';
  const place = placeOf(line, use.index);
  const definition = definitions.get(name);
  const isLast = use.index + all.length === line.text.length;
  const fits =
    (braced !== undefined || /^[ \t,)]?$/.test(line.text.charAt(use.index + all.length))) && (!definition?.hasLines || isLast);
  const known = { name, variable, numbers, spot: spotOf(line, use.index), isQuoted: isQuoted(line.text, use.index) };
  const own = !definition && fits ? builtIn(known, here, told) : undefined;
  if (own !== undefined) return { by: textAt(own, place, { name, place }), more: [] };
  if (!definition || !fits || variable !== undefined || numbers !== '') {
    tellUnknown(use, line, definition, told);
    return undefined;
  }
  definition.isUsed = true;
  const lines = definition.lines.map((one) => textAt(one.text, place, { name, place: placeOf(one) }));
  const [by = textAt('', place, { name, place: definition.place }), ...more] = lines;
  return { by, more };
}

/** All names of a line, and those in their values. */
export function replaceParameters(given: Text, definitions: Definitions, here: Here, told: Told): Replaced {
  let line = given;
  let isOther = false;
  let more: readonly Text[] = [];
  let rounds = 0;
  let work = 0;
  USE.lastIndex = 0;
  for (let use = USE.exec(line.text); use; use = USE.exec(line.text)) {
    const from = use.index;
    const to = from + use[0].length;
    work += line.text.length;
    rounds += 1;
    if (rounds > MAX_REPLACED) return { line, isOther, more, work, isEndless: true };
    const found = standsFor(use, line, definitions, here, told);
    if (!found) continue;
    line = replace(line, from, to, found.by);
    isOther = true;
    if (found.more.length > 0) more = [...found.more, ...more];
    if (line.text.length > MAX_LINE) return { line, isOther, more, work, isEndless: true };
    // The value of a sequence is looked at when the sequence runs.
    if (/^[ \t]*~/.test(found.by.text)) break;
    USE.lastIndex = from;
  }
  return { line, isOther, more, work, isEndless: false };
}
