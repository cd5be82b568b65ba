/** `include` and its kinds, and what `include_check` asks of all of them. */
import { slice, type Text } from './text.js';
import type { IncludeCheck, Word } from './types.js';

export type Checks = ReadonlySet<IncludeCheck>;

const ALL: readonly IncludeCheck[] = ['readable', 'match', 'wildcard', 'brace'];

/** What each letter after `include` looks for; a wildcard that must match is a name that must match, too. */
const KINDS: Readonly<Record<string, Checks>> = {
  '': new Set<IncludeCheck>(),
  r: new Set<IncludeCheck>(['readable']),
  m: new Set<IncludeCheck>(['readable', 'match']),
  w: new Set<IncludeCheck>(['readable', 'match', 'wildcard']),
  b: new Set<IncludeCheck>(['readable', 'brace']),
  a: new Set(ALL),
};

export interface Include {
  readonly keyword: string;
  readonly pattern: Text;
  readonly checks: Checks;
}

const INCLUDE = /^include([rmwba]?)[ \t\f\v\r][ \t]*/;

/** All of the line after the keyword is the pattern, quotes and braces with it. */
export function readIncludeLine(line: Text): Include | undefined {
  const found = INCLUDE.exec(line.text);
  if (!found) return undefined;
  const [all, kind = ''] = found;
  return { keyword: `include${kind}`, pattern: slice(line, all.length), checks: KINDS[kind] as Checks };
}

const WORDS: Readonly<Record<string, IncludeCheck>> = {
  readable: 'readable',
  read: 'readable',
  match: 'match',
  wildcard_match: 'wildcard',
  brace_match: 'brace',
};

/** The checks after a line of `include_check`: nothing means all, `+` adds, `-` takes away, a bare word stands alone. */
export function includeChecks(before: Checks, args: readonly Word[]): Checks {
  if (args.length === 0) return new Set(ALL);
  let checks = new Set(before);
  for (const { text } of args) {
    const check = WORDS[text.replace(/^[+-]/, '')];
    if (!check) continue;
    if (text.startsWith('-')) checks.delete(check);
    else if (text.startsWith('+')) checks.add(check);
    else checks = new Set<IncludeCheck>(['readable', check]);
  }
  return checks;
}
