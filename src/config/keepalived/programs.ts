/** Commands of the old file: a string with a program and its words, and as whom it runs. */
import type { Statement, Word } from './types.js';

/** A shell is in it nowhere: the words are those that keepalived would call. `note`: what of them may not be as it looks. */
export type Program = { readonly command: readonly string[]; readonly note?: string | undefined } | { readonly refused: string };

interface CommandWord {
  readonly text: string;
  /** As it stands there, without what is quoted. */
  readonly bare: string;
}

/** Words of a command line: quotes, double and single, and `\` keep a space. Undefined: a quote has no end. */
function splitCommand(line: string): readonly CommandWord[] | undefined {
  const words: CommandWord[] = [];
  const pattern = /\s+|((?:[^\s"'\\]|\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|'[^']*')+)/y;
  for (let at = 0; at < line.length; at = pattern.lastIndex) {
    pattern.lastIndex = at;
    const found = pattern.exec(line);
    if (!found) return undefined;
    if (found[1] !== undefined) words.push({ text: unquoted(found[1]), bare: found[1].replace(QUOTED, '') });
  }
  return words;
}

const QUOTED = /\\([\s\S])|"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'/g;

const unquoted = (word: string): string =>
  word.replace(QUOTED, (_, escaped?: string, double?: string, single?: string) =>
    double === undefined ? (escaped ?? single ?? '') : double.replace(/\\([\s\S])/g, '$1'),
  );

/** Looks a program up in PATH, as keepalived does. */
const ENV = '/usr/bin/env';
/** Whether a file can be read: the one thing that keepalived gives to a shell, with the words behind it in quotes. */
const READABLE = '</';
/** What no program is called. `env`, which looks for it here, would take a variable or an option for itself. */
const NO_PROGRAM = /^[<>!|&(;-]|[|=]|^(if|for|while|until|case)$/;
/** Pipes, lists, redirections, and what a shell puts something in place of. */
const OF_A_SHELL = /\||^\d?[<>&;]|[&;]$|`|\$[\w{(]/;
const NO_SHELL =
  'keepalived gives it to no shell, finds no such program and does not run it: command: [ /bin/sh, -c, "…" ] would be a shell';

/** keepalived gives them to the program as they are, and so does lbd. */
function shellNote(words: readonly CommandWord[]): string | undefined {
  const alike = [...new Set(words.filter(({ bare }) => OF_A_SHELL.test(bare)).map(({ text }) => text))];
  if (alike.length === 0) return undefined;
  return `keepalived gives it to no shell: the program gets ${alike.join(' ')} like any other word, here too; command: [ /bin/sh, -c, "…" ] would be a shell`;
}

/** The words behind it are a program that reads the file. */
function readable(first: string, more: readonly string[]): Program {
  const command = ['/bin/sh', '-c', [first, ...more.map((word) => `'${word}'`)].join(' ')];
  if (more.length === 0) return { command };
  return { command, note: `here it is a failure when there is no program ${more[0]}: keepalived takes that for a success` };
}

/** keepalived calls a program that has no folder by PATH, and none that is not there. */
export function programOf(line: string): Program {
  const words = splitCommand(line);
  if (!words) return { refused: `nothing ends a quote in ${line}` };
  const [first = '', ...more] = words.map(({ text }) => text);
  if (first === '') return { refused: 'there is no program' };
  if (first.startsWith(READABLE)) return readable(first, more);
  const isPath = first.startsWith('/');
  if (isPath ? OF_A_SHELL.test(words[0]?.bare ?? '') : NO_PROGRAM.test(first)) return { refused: NO_SHELL };
  if (!isPath && first.includes('/')) return { refused: `${first} is no absolute path: write the whole path` };
  return { command: [...(isPath ? [] : [ENV]), first, ...more], note: shellNote(words.slice(1)) };
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
