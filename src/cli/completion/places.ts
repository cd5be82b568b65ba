/** What goes where in a command line, for completion: made of the grammar alone, so that a new command completes without a word here. */
import { FORWARDS, PROTOCOLS, SCHEDULERS } from '../../base/words.js';
import type { DescribedCommand, DescribedGrammar, DescribedValue } from '../described.js';
import { FORMATS } from '../grammar.js';
import { SHELLS } from '../words.js';

/** `words rr wrr`: one of these; `live services`: what the daemon knows; `files`. */
export type Place = string;

const words = (list: readonly string[]): Place => `words ${list.join(' ')}`;

/** By what the help calls a value. What is not here has nothing to offer: a weight, a time. */
const VALUES: Readonly<Record<string, Place>> = {
  FORMAT: words(FORMATS),
  METHOD: words(FORWARDS),
  P: words(PROTOCOLS),
  S: words(SCHEDULERS),
  CHOICE: words(['honour', 'break']),
  SHELL: words(SHELLS),
  SERVICE: 'live services',
  RS: 'live servers',
  INSTANCE: 'live instances',
  REVISION: 'live revisions',
  TARGET: 'live targets',
  FILE: 'files',
  PATH: 'files',
};
/** `--host <ADDRESS>` is one of those that there are; the ADDRESS of a new service is not. */
const OF_OPTIONS: Readonly<Record<string, Place>> = { ...VALUES, ADDRESS: 'live hosts' };

const placeOf = ({ name, choices }: DescribedValue, by: typeof VALUES): Place | undefined =>
  choices.length > 0 ? words(choices) : by[name];

/** A real server that is not there yet is none of those that are. */
const NEW = new Set(['add-rs:2']);

/** Patterns of a shell's `case`: `show:1`, or `wait:[2-9]*` where all words from there on are alike. */
function* argumentPlaces(command: DescribedCommand): Generator<readonly [pattern: string, place: Place]> {
  for (const [i, argument] of command.arguments.entries()) {
    const place = placeOf(argument, VALUES);
    const pattern = `${command.name}:${argument.variadic ? `[${i + 1}-9]*` : i + 1}`;
    if (place !== undefined && !NEW.has(pattern)) yield [pattern, place];
  }
}

/** `*:--host` where that option takes the same everywhere; else `list:--host`, and what the first one takes before a command is said. */
function* optionPlaces(commands: readonly DescribedCommand[]): Generator<readonly [pattern: string, place: Place]> {
  const found = new Map<string, Map<string, Place>>();
  for (const { name, options } of commands)
    for (const { value, words: spellings } of options) {
      const place = (value && placeOf(value, OF_OPTIONS)) ?? '';
      for (const word of spellings) found.set(word, (found.get(word) ?? new Map<string, Place>()).set(name, place));
    }
  for (const [word, byCommand] of found) {
    const different = new Set(byCommand.values());
    const patterns: readonly (readonly [string, Place])[] =
      different.size > 1 ? [...byCommand, ['', [...different][0] as Place]] : [['*', [...different][0] as Place]];
    for (const [name, place] of patterns) if (place !== '') yield [`${name}:${word}`, place];
  }
}

export interface Places {
  /** With `help`, which commander does not count. */
  readonly commands: readonly { readonly name: string; readonly summary: string }[];
  /** Of each command, and of '', before one is said: all there are. */
  readonly options: ReadonlyMap<string, readonly { readonly word: string; readonly text: string }[]>;
  /** Options that take the next word, and those that may. */
  readonly valued: readonly string[];
  readonly optional: readonly string[];
  readonly places: ReadonlyMap<Place, readonly string[]>;
}

const longWord = (spellings: readonly string[]): string => spellings.at(-1) as string;

function allOptions({ commands, options }: DescribedGrammar): Places['options'] {
  const known = new Map<string, readonly { word: string; text: string }[]>();
  const help = options.filter(({ words: spellings }) => spellings.includes('--help'));
  const of = (list: DescribedCommand['options']) =>
    list.map(({ words: spellings, text }) => ({ word: longWord(spellings), text }));
  for (const command of commands) known.set(command.name, of([...command.options, ...help]));
  const every = [...of(options), ...[...known.values()].flat()];
  known.set('', [...new Map(every.map((one) => [one.word, one])).values()]);
  return known;
}

export function placesIn(grammar: DescribedGrammar): Places {
  const help = { name: 'help', summary: 'help for a command' };
  const commands = [...grammar.commands.map(({ name, summary }) => ({ name, summary })), help];
  const places = new Map<Place, string[]>();
  const add = (pattern: string, place: Place) => places.set(place, [...(places.get(place) ?? []), pattern]);
  add('help:1', words(grammar.commands.map(({ name }) => name)));
  for (const command of grammar.commands) for (const [pattern, place] of argumentPlaces(command)) add(pattern, place);
  for (const [pattern, place] of optionPlaces(grammar.commands)) add(pattern, place);
  const taking = grammar.commands.flatMap(({ options }) => options).filter(({ value }) => value !== undefined);
  const spelled = (optional: boolean) => [
    ...new Set(taking.filter(({ value }) => value?.optional === optional).flatMap(({ words: spellings }) => spellings)),
  ];
  return { commands, options: allOptions(grammar), valued: spelled(false), optional: spelled(true), places };
}
