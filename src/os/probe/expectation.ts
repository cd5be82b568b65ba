/** What an answer must contain, looked for as it comes. */
import { compileRegex } from '../../base/regex.js';
import type { Expectation } from '../../config/types.js';

/** Bytes of a body or of an exchange that are searched. */
export const MAX_SEARCHED = 1024 * 1024;
/** Of what was received, in a sentence. */
const SHOWN = 60;

/** BOUNDED by the configuration: expressions are compiled once. */
const compiled = new Map<string, RegExp>();

export function regexOf(source: string): RegExp {
  let regex = compiled.get(source);
  if (!regex) {
    regex = compileRegex(source);
    compiled.set(source, regex);
  }
  return regex;
}

/** What is missing in the text, in words; undefined: nothing. */
export function missingIn(text: string, { expect, regex }: Expectation): string | undefined {
  if (expect !== undefined && !text.includes(expect)) return `does not contain ${JSON.stringify(expect)}`;
  return regex !== undefined && !regexOf(regex).test(text) ? `does not match /${regex}/` : undefined;
}

/** The beginning of what was received, for a sentence. */
export const excerpt = (text: string): string => JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
