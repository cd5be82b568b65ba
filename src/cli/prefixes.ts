/** Commands and long options may be shortened as long as it is clear which is meant; a whole name is always itself. */
import { parseDuration } from '../base/duration.js';
import { UsageError } from './words.js';

/** What an option is for whoever looks for the words that are none; commander's Option has these. */
export interface KnownOption {
  /** `--weight` */
  readonly long?: string | undefined;
  readonly short?: string | undefined;
  /** It takes the next word. */
  readonly required: boolean;
  /** It takes the next word where that is a duration. */
  readonly optional: boolean;
}

/** The only name that begins like this; undefined: none does. Throws UsageError where several do. */
export function completed(what: string, word: string, names: Iterable<string>): string | undefined {
  const found = [...names].filter((name) => name.startsWith(word)).sort();
  if (found.includes(word)) return word;
  if (found.length > 1) throw new UsageError(`${what} "${word}" is ambiguous: ${found.join(', ')}`);
  return found[0];
}

/** `--weight` of `--weight=5` */
export const optionName = (word: string): string => word.replace(/=.*$/s, '');

const isLong = (word: string): boolean => word.startsWith('--') && word.length > 2;
export const isDuration = (word: string | undefined): boolean => word !== undefined && parseDuration(word) !== undefined;

/** How often something is shown anew, where it is not said. */
export const WATCH_DEFAULT = '2s';

/** The words of one command with its options written out. Throws UsageError. What no option begins with stays, and is refused as unknown. */
export function expandOptions(argv: readonly string[], options: readonly KnownOption[]): string[] {
  const names = [...options.flatMap(({ long }) => long ?? []), '--help'];
  const result: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word === '--') return [...result, ...argv.slice(i)];
    const name = isLong(word) ? (completed('option', optionName(word), names) ?? optionName(word)) : word;
    const option = options.find(({ long, short }) => long === name || short === name);
    const rest = isLong(word) ? word.slice(optionName(word).length) : '';
    const next = argv[i + 1];
    if (option?.optional && rest === '') {
      result.push(`${name}=${isDuration(next) ? next : WATCH_DEFAULT}`);
      if (isDuration(next)) i++;
    } else result.push(name + rest);
    if (!option?.required || rest !== '' || next === undefined) continue;
    result.push(next);
    i++;
  }
  return result;
}
