/** Commands of the old file: a string with a program and its words, and as whom it runs. */
import type { Statement, Word } from './types.js';

/** A shell is in it nowhere: the words are those that keepalived would call. */
export type Program = { readonly command: readonly string[] } | { readonly refused: string };

/** Words of a command line: quotes, double and single, and `\` keep a space. Undefined: a quote has no end. */
function splitCommand(line: string): readonly string[] | undefined {
  const words: string[] = [];
  const pattern = /\s+|((?:[^\s"'\\]|\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|'[^']*')+)/y;
  for (let at = 0; at < line.length; at = pattern.lastIndex) {
    pattern.lastIndex = at;
    const found = pattern.exec(line);
    if (!found) return undefined;
    if (found[1] !== undefined) words.push(unquoted(found[1]));
  }
  return words;
}

const unquoted = (word: string): string =>
  word.replace(/\\([\s\S])|"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'/g, (_, escaped?: string, double?: string, single?: string) =>
    double === undefined ? (escaped ?? single ?? '') : double.replace(/\\([\s\S])/g, '$1'),
  );

/** Looks a program up in PATH, as keepalived does. */
const ENV = '/usr/bin/env';
/** Files of bash, and of no other shell: the one thing that keepalived gives to a shell. */
const BASH_FILE = '</dev/tcp/';
const SHELL = /^[<>!|&(;]|^(if|for|while|until|case)$/;
const NO_SHELL =
  'keepalived gives it to no shell, finds no such program and does not run it: command: [ /bin/sh, -c, "…" ] would be a shell';

/** keepalived calls a program that has no folder by PATH, and none that is not there. */
export function programOf(line: string): Program {
  if (line.startsWith(BASH_FILE)) return { command: ['/bin/sh', '-c', line] };
  const words = splitCommand(line);
  const [first] = words ?? [];
  if (!words) return { refused: `nothing ends a quote in ${line}` };
  if (first === undefined || first === '') return { refused: 'there is no program' };
  if (first.startsWith('/')) return { command: words };
  if (SHELL.test(first)) return { refused: NO_SHELL };
  if (first.includes('/')) return { refused: `${first} is no absolute path: write the whole path` };
  return { command: [ENV, ...words] };
}

/** The words of a statement as keywords of commands have them: quoted and escaped like in a shell. */
export const commandWords = ({ args, escaped }: Statement): readonly Word[] =>
  escaped === undefined || 'message' in escaped ? args : escaped;

export interface RunAs {
  readonly user: string;
  /** What of the old words is lost, or was not said. */
  readonly note: string | undefined;
}

const UNSAID =
  'nobody says whose program it is: keepalived takes the user keepalived_script where there is one, and root where not; here it is root';

/** `user`: its words, a user and perhaps a group; else that of script_user. */
export function runAs([user, group]: readonly string[], scriptUser: string | undefined): RunAs {
  if (user === undefined)
    return scriptUser === undefined ? { user: 'root', note: UNSAID } : { user: scriptUser, note: undefined };
  const plain = user.replace(/:$/, '');
  const other = group === undefined || group === plain || group === ':' ? undefined : group;
  const note = other === undefined ? undefined : `it runs with the group of ${plain}, not with ${other}`;
  return { user: plain, note };
}
