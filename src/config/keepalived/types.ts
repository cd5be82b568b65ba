/** What keepalived.conf says, as values: words with their places, statements, and the comments that stand beside them. */

/** Where a word of the old configuration stands: in the file as it is on disk, before anything was expanded. */
export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

export interface Word {
  /** As keepalived takes it: without quotes, escapes resolved, parameters replaced. */
  readonly text: string;
  /** It stood in quotes: no keyword, whatever it says. */
  readonly quoted: boolean;
  readonly place: Place;
}

/** A line of the language: a keyword, what follows it, and its block. In lists (virtual_ipaddress) the keyword is the first word of an entry. */
export interface Statement {
  readonly key: Word;
  /** Words between `"` are one; `'` and `\` are characters like others: so keepalived reads most keywords. */
  readonly args: readonly Word[];
  /**
   * The same as keywords of commands and patterns read it, like a shell: `'` quotes, too, quoted and bare parts join, `\` escapes. Absent: it makes
   * no difference. A fault: it cannot be read so, which is the matter of those keywords alone.
   */
  readonly escaped?: readonly Word[] | Fault;
  /** What stands between its braces; undefined: it has none. */
  readonly block: readonly Statement[] | undefined;
  /** Comments on lines of their own above it, without their `#` or `!`, in order. An empty line between two of them is an empty text. */
  readonly above: readonly string[];
  /** The comment at the end of its line. */
  readonly beside: string | undefined;
  /** Comments between the last statement of its block and the brace. */
  readonly below: readonly string[];
}

/** Something wrong with the text itself, or a word that keepalived would pass over. */
export interface Fault {
  readonly place: Place;
  readonly message: string;
  /** The line as it stands in the file. */
  readonly source: string;
}

export interface Tree {
  readonly statements: readonly Statement[];
  /** Comments after the last statement. */
  readonly below: readonly string[];
  /** Anything here: the text cannot be read, and nothing is made of it. */
  readonly faults: readonly Fault[];
  /** What was passed over, or is not as it looks (an include that names no file, a parameter that is defined twice). */
  readonly warnings: readonly Fault[];
}

/** A file of the old configuration. */
export interface OldFile {
  readonly file: string;
  readonly text: string;
  /** The bytes were no UTF-8: each is a character of its own number. */
  readonly isBytes?: boolean;
}

/** What keepalived looks for in the files of an include: whether they are `readable`; a name (`match`), a pattern (`wildcard`), each of several braces (`brace`) that finds none. */
export type IncludeCheck = 'readable' | 'match' | 'wildcard' | 'brace';

/** A file of an include that is not there, or not fit to be read. */
export interface NotIncluded {
  readonly lacks: IncludeCheck;
  /** Which, and why. */
  readonly message: string;
}

/** What the language asks of the host; the reader itself touches nothing. */
export interface Surroundings {
  /** The files of a pattern (glob and braces), which is relative to the folder of the file that names it, in keepalived's order; a string says why there can be none. */
  readonly readInclude: (pattern: string, from: string) => readonly (OldFile | NotIncluded)[] | string;
  /** What `-i` gives keepalived: lines of `@id` count when it is this. */
  readonly configId: string | undefined;
  /** `${_ENV NAME}`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `${_PWD}` of the file: its folder, whole. */
  readonly folderOf: (file: string) => string;
}
