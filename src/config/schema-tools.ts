/** The bricks of the schema: each refuses with the sentence that a user gets. */
import * as v from 'valibot';
import { parseDuration } from '../base/duration.js';
import { didYouMean } from '../base/suggest.js';
import { isRefused, MAX_SECONDS, type Parsed, parseChoice, parseName } from '../base/words.js';
import { type Form, formed } from './form.js';
import { keepalivedWord } from './keepalived-words.js';
import { LATER, laterText } from './later.js';

type Entries = Record<string, v.GenericSchema>;

export const shown = (value: unknown): string => {
  if (value === undefined || value === null) return 'nothing';
  const text = (typeof value === 'number' ? undefined : JSON.stringify(value)) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

/** A key that the mapping does not have. */
function unknownKey(what: string, key: string, known: readonly string[], later: readonly string[]): string {
  if (later.includes(key)) return laterText(key);
  if (key === '<<') return '"<<" merges nothing in YAML 1.2: write the keys here, or below defaults:';
  return `unknown key "${key}" in ${what}${keepalivedWord(key, known) ?? didYouMean(key, known)}`;
}

interface MappingIssue {
  readonly input: unknown;
  readonly received: string;
  readonly path?: readonly { readonly key?: unknown }[] | undefined;
}

/** A mapping of known keys. Unknown ones are all told, each at its place. */
export function mapping<const E extends Entries>(what: string, entries: E, later: readonly string[] = LATER[what] ?? []) {
  const known = Object.keys(entries);
  const message = ({ input, received, path }: MappingIssue) => {
    const key = path?.at(-1)?.key;
    if (received === 'undefined' && typeof key === 'string' && known.includes(key)) return `${what} needs "${key}"`;
    const keys = `a mapping of ${known.join(', ')}`;
    return input === null || input === undefined ? `${what} is empty: it is ${keys}` : `${what} is ${keys}, not ${shown(input)}`;
  };
  return v.pipe(
    v.unknown(),
    v.check((input) => !Array.isArray(input), `${what} is a mapping of ${known.join(', ')}, not a list`),
    v.looseObject(entries, message),
    v.rawCheck(({ dataset, addIssue }) => {
      const value = dataset.value as Record<string, unknown>;
      if (typeof value !== 'object' || value === null) return;
      for (const key of Object.keys(value)) {
        if (known.includes(key)) continue;
        addIssue({
          message: unknownKey(what, key, known, later),
          path: [{ type: 'object', origin: 'key', input: value, key, value: value[key] }],
        });
      }
    }),
  );
}

/** A scalar that a parser turns into a value, or refuses with its sentence. */
export const parsed = <T>(parse: (text: string) => Parsed<T>, expected: string, form: Form = { is: 'scalar' }) =>
  v.pipe(
    v.union([v.string(), v.number()], (issue) => `${expected} is expected, not ${shown(issue.input)}`),
    v.rawTransform<string | number, T>(({ dataset, addIssue, NEVER }) => {
      const result = parse(String(dataset.value));
      if (!isRefused(result)) return result.value;
      addIssue({ message: result.refused });
      return NEVER;
    }),
    formed<T>(form),
  );

const inQuotes = (input: unknown): string =>
  typeof input === 'number' || typeof input === 'boolean' ? `: write it in quotes, "${input}"` : '';

export const text = (what: string) =>
  v.pipe(
    v.string((issue) => `${what} is a text, not ${shown(issue.input)}${inQuotes(issue.input)}`),
    v.nonEmpty(`${what} is empty`),
  );

export const name = (what: string) =>
  v.pipe(
    text(what),
    v.check(
      (word) => !isRefused(parseName(what, word)),
      (issue) => (parseName(what, issue.input) as { refused: string }).refused,
    ),
    formed<string>({ is: 'name' }),
  );

export const whole = (what: string, min: number, max: number) => {
  const message = ({ input }: { input: unknown }) => {
    const cure = typeof input === 'string' && /^\d+$/.test(input) ? ': a number has no quotes' : '';
    return `${what} is a whole number from ${min} to ${max}, not ${shown(input)}${cure}`;
  };
  return v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(max, message));
};

export const yesNo = (what: string) => v.boolean((issue) => `${what} is true or false, not ${shown(issue.input)}`);

export const choice = <const T extends string>(what: string, choices: readonly T[]) =>
  parsed((word) => parseChoice(what, word, choices), `a ${what}`, { is: 'choice', of: choices });

export function duration(what: string, min: number, max: number) {
  const read = (word: string): Parsed<number> => {
    const ms = parseDuration(word);
    if (ms === undefined) return { refused: `${what}: "${word}" is no duration: write 500ms, 2s or 10m` };
    if (ms < min || ms > max) return { refused: `${what}: ${word} is outside ${min}ms to ${max / 1000}s` };
    return { value: ms };
  };
  return parsed(read, `a duration for ${what}`, { is: 'duration', min, max });
}

/** 0.01 to 0.99. */
export const share = (what: string) => {
  const read = (word: string): Parsed<number> => {
    const percent = Number(/^(\d{1,2})%$/.exec(word)?.[1] ?? 0);
    return percent > 0 ? { value: percent / 100 } : { refused: `${what}: "${word}" is no share: write 1% to 99%` };
  };
  return parsed(read, 'a share such as 60%', { is: 'percent', min: 1, max: 99 });
};

/** `0%` to `100%`, as a number. */
export const percent = (what: string) => {
  const read = (word: string): Parsed<number> => {
    const found = /^(\d{1,3})%$/.exec(word)?.[1];
    return found !== undefined && Number(found) <= 100
      ? { value: Number(found) }
      : { refused: `${what}: "${word}" is no share: write 0% to 100%` };
  };
  return parsed(read, `a share such as 50% for ${what}`, { is: 'percent', min: 0, max: 100 });
};

function noList(what: string, input: unknown): string {
  if (input === undefined || input === null) return `${what} is empty: write its entries below it, or leave it out`;
  return typeof input === 'object'
    ? `${what} is a list, not a mapping: each of its entries begins with "- "`
    : `${what} is a list, not ${shown(input)}: write [ ${shown(input)} ]`;
}

export const list = <T extends v.GenericSchema>(what: string, item: T) => v.array(item, (issue) => noList(what, issue.input));

/** Whole seconds, as the kernel counts them. */
export const seconds = (what: string) =>
  v.pipe(
    duration(what, 1000, MAX_SECONDS * 1000),
    v.check(
      (ms) => ms % 1000 === 0,
      (issue) => `${what} is in whole seconds, not ${issue.input} ms`,
    ),
    v.transform((ms) => ms / 1000),
  );

/** IFNAMSIZ without its NUL (linux/if.h). */
const MAX_INTERFACE = 15;
const bytesOf = (word: string): number => new TextEncoder().encode(word).length;

export const interfaceName = (what: string) =>
  v.pipe(
    text(what),
    v.check(
      (word) => /^[^\s/:]+$/.test(word) && !/^\.\.?$/.test(word) && bytesOf(word) <= MAX_INTERFACE,
      (issue) => `"${issue.input}" is no interface name (1 to ${MAX_INTERFACE} bytes, no space, no "/", no ":")`,
    ),
    formed<string>({ is: 'interface' }),
  );

export const path = (what: string) =>
  v.pipe(
    text(what),
    v.regex(/^\//, (issue) => `${what} is an absolute path, not "${issue.input}"`),
  );
