/** The scripts of completion: a template of the shell's own, with the tables of the grammar in it. Run by the build alone. */

import type { DescribedGrammar } from '../described.js';
import type { Shell } from '../words.js';
import { type Places, placesIn } from './places.js';

/** In single quotes, as each of the three shells reads them. */
const quoted = (text: string, shell: Shell): string =>
  shell === 'fish' ? `'${text.replace(/[\\']/g, '\\$&')}'` : `'${text.replace(/'/g, "'\\''")}'`;

type Cases = readonly (readonly [patterns: readonly string[], line: string])[];

/** bash and zsh: `a | b) line ;;`, with patterns of the shell. */
const cases = (list: Cases): string => list.map(([patterns, line]) => `    ${patterns.join(' | ')}) ${line} ;;`).join('\n');
/** In fish a pattern in quotes is one all the same; it has no `[2-9]`. */
const fishCases = (list: Cases): string =>
  list
    .map(([patterns, line]) => {
      const each = patterns.flatMap((one) => spelledOut(one)).map((one) => quoted(one, 'fish'));
      return `        case ${each.join(' ')}\n            ${line}`;
    })
    .join('\n');
function spelledOut(pattern: string): readonly string[] {
  const [, head, from] = /^(.*)\[(\d)-9\]\*$/.exec(pattern) ?? [];
  return head === undefined ? [pattern] : Array.from({ length: 10 - Number(from) }, (_, i) => `${head}${Number(from) + i}*`);
}

const empty = (name: string): string => (name === '' ? "''" : name);

function tablesOf(shell: Shell, { commands, options, valued, optional, places }: Places): Readonly<Record<string, string>> {
  const one = (word: string, text: string) => {
    if (shell === 'bash') return word;
    return quoted(shell === 'zsh' ? `${word.replace(/:/g, '\\:')}:${text}` : `${word}\t${text}`, shell);
  };
  const list = (words: readonly { readonly word: string; readonly text: string }[]) =>
    words.map(({ word, text }) => one(word, text)).join(' ');
  const say = { bash: 'offered=', zsh: 'offered=', fish: 'printf %s\\\\n ' }[shell];
  const set = (text: string) => (shell === 'fish' ? `${say}${text}` : `${say}(${text})`);
  const placeLine = (place: string) => (shell === 'fish' ? `echo ${quoted(place, shell)}` : `kind=${quoted(place, shell)}`);
  const shape = shell === 'fish' ? fishCases : cases;
  return {
    COMMANDS: list(commands.map(({ name, summary }) => ({ word: name, text: summary }))),
    COMMAND_NAMES: commands.map(({ name }) => name).join(' '),
    VALUED: valued.join(' '),
    OPTIONAL: optional.join(' '),
    OPTIONS: shape([...options].map(([name, words]) => [[shell === 'fish' ? name : empty(name)], set(list(words))])),
    PLACES: shape([...places].map(([place, patterns]) => [patterns, placeLine(place)])),
  };
}

/** `template`: the shell's file beside this one's source. */
export function completionScript(shell: Shell, template: string, grammar: DescribedGrammar): string {
  const tables = tablesOf(shell, placesIn(grammar));
  return template.replace(/@([A-Z_]+)@/g, (whole, name: string) => tables[name] ?? whole);
}
