/** A line cut into words, in the two ways that keepalived has. */
import { placeOf, type Text } from './text.js';
import type { Word } from './types.js';

/** `open`: where a quote begins that nothing ends. What stands from there on is in no word. */
export interface Words {
  readonly words: readonly Word[];
  readonly open: number | undefined;
}

const PLAIN = /"([^"]*)"|([^ \t\f\n\r\v"]+)|"/g;

/** The usual way: a `"` begins a word or ends one, nothing is escaped, `'` is a character. */
export function plainWords(line: Text): Words {
  const words: Word[] = [];
  for (const { 0: all, 1: quoted, 2: bare, index } of line.text.matchAll(PLAIN)) {
    if (all === '"') return { words, open: index };
    words.push({ text: quoted ?? bare ?? '', quoted: quoted !== undefined, place: placeOf(line, index) });
  }
  return { words, open: undefined };
}

const NAMED: Readonly<Record<string, string>> = { a: '\x07', b: '\b', E: '\x1b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
/** After the `\`: any number of hexadecimal digits, of which the last two count; a control character; up to three octal digits; any other character. */
const ESCAPE = /x([0-9a-fA-F]+)|c([\s\S])|([0-7]{1,3})|([\s\S])/y;
const BARE = /[^ \t\f\n\r\v'"\\]+/y;
const IN_DOUBLE = /[^"\\]+/y;
const IN_SINGLE = /[^'\\]+/y;

function standsFor([, hex, control, octal, other = '']: RegExpExecArray): string {
  if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex.slice(-2), 16));
  if (control !== undefined) return String.fromCharCode(control.charCodeAt(0) & 0x1f);
  if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
  return NAMED[other] ?? other;
}

function take(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** One word from `at` on; a string is the sign that is missing at its end. */
function escapedWord(
  text: string,
  start: number,
): { readonly word: string; readonly end: number; readonly open: number | undefined } {
  let word = '';
  let quote = '';
  let quoteAt: number | undefined;
  let at = start;
  while (at < text.length) {
    const run = take(quote === '"' ? IN_DOUBLE : quote === "'" ? IN_SINGLE : BARE, text, at);
    const sign = run ? '' : (text[at] as string);
    if (run) word += run[0];
    at += run ? run[0].length : 1;
    if (sign === '\\') {
      const found = take(ESCAPE, text, at);
      if (!found) return { word, end: at, open: at - 1 };
      word += standsFor(found);
      at += found[0].length;
    } else if (sign !== '' && sign === quote) {
      quote = '';
    } else if (quote === '' && (sign === '"' || sign === "'")) {
      quote = sign;
      quoteAt = at - 1;
    } else if (sign !== '') return { word, end: at - 1, open: undefined };
  }
  return { word, end: at, open: quote === '' ? undefined : quoteAt };
}

const BLANKS = /[ \t\f\n\r\v]*/y;

/** Like a shell: for commands, patterns and what else says so. */
export function escapedWords(line: Text): Words {
  const { text } = line;
  const words: Word[] = [];
  for (let at = take(BLANKS, text, 0)?.[0].length ?? 0; at < text.length; ) {
    const { word, end, open } = escapedWord(text, at);
    if (open !== undefined) return { words, open };
    words.push({ text: word, quoted: text[at] === '"' || text[at] === "'", place: placeOf(line, at) });
    at = end + (take(BLANKS, text, end)?.[0].length ?? 0);
  }
  return { words, open: undefined };
}
