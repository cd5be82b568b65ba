/** Text that knows where each of its characters stands in the files, whatever was cut out of it or put into it. */
import type { Place } from './types.js';

/** The parameter that a character came of: its name, and where it is defined. */
export interface Origin {
  readonly name: string;
  readonly place: Place;
}

/** The characters from `at` on. Those of a parameter all stand where it is used. */
interface Part {
  readonly at: number;
  readonly place: Place;
  readonly origin: Origin | undefined;
}

export interface Text {
  readonly text: string;
  /** In order, the first at 0. */
  readonly parts: readonly Part[];
}

export const textAt = (text: string, place: Place, origin?: Origin): Text => ({ text, parts: [{ at: 0, place, origin }] });

function partAt({ parts }: Text, at: number): Part {
  let low = 0;
  let high = parts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((parts[middle] as Part).at <= at) low = middle;
    else high = middle - 1;
  }
  return parts[low] as Part;
}

const placeIn = ({ at, place, origin }: Part, index: number): Place =>
  origin || index === at ? place : { ...place, column: place.column + index - at };

export const placeOf = (one: Text, at = 0): Place => placeIn(partAt(one, at), at);

/** A place to tell of, with the parameter that is to blame. */
export interface Spot {
  readonly place: Place;
  readonly origin?: Origin | undefined;
}

export const spotOf = (one: Text, at = 0): Spot => ({ place: placeOf(one, at), origin: originOf(one, at) });

export const originOf = (one: Text, at: number): Origin | undefined => partAt(one, at).origin;

export function slice(one: Text, from: number, to = one.text.length): Text {
  const first = partAt(one, from);
  const parts: Part[] = [{ ...first, at: 0, place: placeIn(first, from) }];
  for (const part of one.parts) if (part.at > from && part.at < to) parts.push({ ...part, at: part.at - from });
  return { text: one.text.slice(from, to), parts };
}

/** What stands between `from` and `to` becomes `by`. */
export const replace = (one: Text, from: number, to: number, by: Text): Text => join([slice(one, 0, from), by, slice(one, to)]);

/** Without the characters at these places, which are in order. */
export function without(one: Text, places: readonly number[]): Text {
  const starts = [0, ...places.map((at) => at + 1)];
  return join(starts.map((from, i) => slice(one, from, places[i])));
}

/** One after the other; at least one. */
export function join(all: readonly Text[]): Text {
  const pieces = all.filter((piece) => piece.text !== '');
  if (pieces.length < 2) return pieces[0] ?? (all[0] as Text);
  const parts: Part[] = [];
  let at = 0;
  for (const piece of pieces) {
    for (const part of piece.parts) parts.push({ ...part, at: part.at + at });
    at += piece.text.length;
  }
  return { text: pieces.map((piece) => piece.text).join(''), parts };
}

const isBlank = (character: string | undefined): boolean => character === ' ' || character === '\t';

/** Without spaces and tabs at its ends. */
export function trim(one: Text): Text {
  const { text } = one;
  let from = 0;
  let to = text.length;
  while (from < to && isBlank(text[from])) from += 1;
  while (to > from && isBlank(text[to - 1])) to -= 1;
  return from === 0 && to === text.length ? one : slice(one, from, to);
}
