/** Expressions of PCRE2 in lbd's dialect, JavaScript's that is matched in linear time. What means something else there, or nothing, is refused. */
import { regexFault } from '../../base/regex.js';

export type Translated = { readonly regex: string } | { readonly refused: string };

/** Options that change nothing of what lbd has anyhow, or only how PCRE2 works inside. */
const HARMLESS = [
  'utf',
  'ucp',
  'never_utf',
  'never_ucp',
  'no_auto_possess',
  'no_dotstar_anchor',
  'no_start_optimize',
  'no_auto_capture',
  'dupnames',
  'use_offset_limit',
  'never_backslash_c',
  'auto_callout',
  'alt_verbnames',
];
const UNDERSTOOD = ['caseless', 'dotall', 'dollar_endonly'];

/** Escapes that both dialects have; what is no letter or digit stands for itself. */
const ESCAPES = /^[dDwWbBfnrtv]$|^[^A-Za-z0-9]$/;
const HEX = /^\\x[0-9A-Fa-f]{2}/;
/** What is written in another way; PCRE2's white space is that of ASCII. */
const MEANINGS: Readonly<Record<string, string>> = { s: '[\\t-\\r ]', S: '[^\\t-\\r ]', A: '^', z: '$', Z: '\\n?$' };
/** A class: its first sign may be `]`. */
const CLASS = /^\[\^?\]?(?:\\.|[^\]\\])*\]/s;
const GROUP = /^\((?:\?:|\?<([A-Za-z]\w*)>|\?P<([A-Za-z]\w*)>|(?!\?|\*))/;
const QUANTIFIER = /^(?:[*+?]|\{\d+(?:,\d*)?\})(\+)?/;

const both = (letter: string): string => (/[A-Za-z]/.test(letter) ? `[${letter.toLowerCase()}${letter.toUpperCase()}]` : letter);

interface Options {
  readonly caseless: boolean;
  readonly dotall: boolean;
  readonly endonly: boolean;
}

interface Step {
  readonly taken: number;
  readonly made: string;
}

const refused = (text: string): { readonly refused: string } => ({ refused: text });

function stepOfEscape(rest: string): Step | { readonly refused: string } {
  const hex = HEX.exec(rest)?.[0];
  if (hex) return { taken: hex.length, made: hex };
  const sign = rest[1] ?? '';
  const made = MEANINGS[sign] ?? (ESCAPES.test(sign) ? `\\${sign}` : undefined);
  return made === undefined ? refused(`\\${sign} means something else in lbd's expressions, or nothing`) : { taken: 2, made };
}

const swapped = (part: string): string =>
  part.replace(/[A-Za-z]/g, (letter) => (letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()));

function stepOfClass(rest: string, { caseless }: Options): Step | { readonly refused: string } {
  const found = CLASS.exec(rest)?.[0];
  if (!found) return refused('a [ has no end');
  if (/\[[:.=]/.test(found.slice(1))) return refused('classes such as [:alpha:] are not known to lbd');
  if (/\\(?![dDwWfnrtv]|x[0-9A-Fa-f]{2}|[^A-Za-z0-9])/.test(found))
    return refused('it has an escape in a class that lbd does not know');
  // Where ] comes first it is one of the class; a bare [ is, too.
  const inner = found.replace(/^(\[\^?)\]/, '$1\\]').replace(/(?!^)(?<!\\)\[/g, '\\[');
  const made = caseless
    ? inner.replace(/\\x..|\\.|[A-Za-z]-[A-Za-z]|[A-Za-z]/gs, (part) =>
        part.startsWith('\\') ? part : `${part}${swapped(part)}`,
      )
    : inner;
  return { taken: found.length, made };
}

function step(rest: string, options: Options): Step | { readonly refused: string } {
  const sign = rest[0] as string;
  if (sign === '\\') return stepOfEscape(rest);
  if (sign === '[') return stepOfClass(rest, options);
  if (sign === '(') {
    const group = GROUP.exec(rest);
    if (!group) return refused('it has a group of a kind that is not matched in linear time, or that lbd does not know');
    // Nothing asks for what a group matched.
    return { taken: group[0].length, made: '(?:' };
  }
  const quantifier = QUANTIFIER.exec(rest);
  if (quantifier)
    return quantifier[1] === undefined
      ? { taken: quantifier[0].length, made: quantifier[0] }
      : refused('it has a possessive quantifier, such as *+: lbd has none');
  if (sign === '.') return { taken: 1, made: options.dotall ? '[^]' : '[^\\n]' };
  // It is before a newline at the end, too.
  if (sign === '$') return { taken: 1, made: options.endonly ? '$' : '\\n?$' };
  if (sign === '{' || sign === '}' || sign === ']') return { taken: 1, made: `\\${sign}` };
  return { taken: 1, made: options.caseless ? both(sign) : sign };
}

/** `options` are keepalived's words, which are PCRE2's in lower case. */
export function translateRegex(source: string, words: readonly string[]): Translated {
  const strange = words.find((word) => !HARMLESS.includes(word) && !UNDERSTOOD.includes(word));
  if (strange !== undefined) return refused(`expressions of lbd have no option ${strange}`);
  const options = {
    caseless: words.includes('caseless'),
    dotall: words.includes('dotall'),
    endonly: words.includes('dollar_endonly'),
  };
  let regex = '';
  for (let at = 0; at < source.length; ) {
    const one = step(source.slice(at), options);
    if ('refused' in one) return one;
    regex += one.made;
    at += one.taken;
  }
  const fault = regexFault(regex);
  return fault === undefined ? { regex } : refused(fault);
}
