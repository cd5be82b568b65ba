/** Blocks that define what is tracked: each is told of once, where it is first tracked, or at the end. */
import type { OldProcess } from './track-definitions.js';
import type { Statement } from './types.js';
import { allOf, textsOf } from './vrrp-values.js';
import { type Handlers, type Importing, leaveNamed, leftOut, walk } from './walk.js';

export interface Spent {
  /** Its comments stand before what is written next. `counts`: so does its weight, there is no other one. */
  process(old: OldProcess, counts: boolean): void;
  file(statement: Statement, counts: boolean): void;
  /** Those that nobody tracks. */
  rest(statements: readonly Statement[], why: string): void;
}

const MATCHES: Readonly<Record<string, string>> = {
  '': 'command lines that go on behind these words count, too',
  initial: 'the last word must be there whole',
};

export function createSpent(importing: Importing): Spent {
  const { notes, sheet } = importing;
  const spent = new Set<Statement>();

  const quiet = (statement: Statement): void => sheet.leave(statement);
  const told = (statement: Statement, handlers: Handlers): void => {
    spent.add(statement);
    sheet.leave({ ...statement, block: [], below: [] });
    walk(statement.key.text, statement.block ?? [], handlers, importing);
  };
  const weight = (counts: boolean) => (counts ? quiet : (statement: Statement) => leaveNamed(statement, sheet));
  const processHandlers = ({ statement: block }: OldProcess, counts: boolean): Handlers => {
    const isCommand = allOf(block, 'param_match', 'full_command').length > 0;
    const names = Object.fromEntries(['quorum', 'delay', 'terminate_delay', 'fork_delay'].map((word) => [word, quiet]));
    return {
      ...names,
      weight: weight(counts),
      full_command: quiet,
      process(statement) {
        const words = textsOf(statement);
        if (words.length > 1 || isCommand) notes.change(statement, MATCHES[''] as string);
        quiet(statement);
      },
      param_match(statement) {
        const text = MATCHES[textsOf(statement)[0] ?? ''];
        if (text !== undefined) notes.change(statement, text);
        quiet(statement);
      },
    };
  };
  const fileHandlers = (counts: boolean): Handlers => ({ file: quiet, weight: weight(counts), init_file: quiet });
  return {
    process(old, counts) {
      if (!spent.has(old.statement)) told(old.statement, processHandlers(old, counts));
    },
    file(statement, counts) {
      if (!spent.has(statement)) told(statement, fileHandlers(counts));
    },
    rest(statements, why) {
      for (const one of statements) {
        if (spent.has(one)) continue;
        spent.add(one);
        notes.noEffect(one, why);
        for (const inner of one.block ?? []) notes.meet(inner, one.key.text, 'no_effect', why);
        sheet.leave(one, leftOut(one, why));
      }
    },
  };
}
