/** Statements, braces and comments, as they come, made into a tree. */
import type { Place, Statement, Word } from './types.js';

type Growing = Omit<Statement, 'block' | 'above' | 'beside' | 'below'> & {
  block: Growing[] | undefined;
  readonly above: readonly string[];
  beside: string | undefined;
  readonly below: string[];
};

export interface Builder {
  /** A line of its own that is a comment. */
  comment(text: string): void;
  /** An empty line. */
  gap(): void;
  /** The comment at the end of the line of which the next statements come. */
  beside(text: string): void;
  /** That line is over: a comment that belongs to no statement of it stands before what comes next. */
  endLine(): void;
  statement(key: Word, args: readonly Word[], escaped: Statement['escaped']): void;
  /** A `{`; false: there is no keyword that it could belong to. */
  open(): boolean;
  /** A `}`; false: nothing is open. */
  close(): boolean;
  /** The keywords of the blocks that are open, the outermost first. */
  readonly path: readonly Statement[];
  readonly statements: readonly Statement[];
  /** Comments that still wait for a statement. */
  readonly waiting: readonly string[];
}

export function createBuilder(): Builder {
  const statements: Growing[] = [];
  const path: Growing[] = [];
  /** What a `{` would belong to. */
  let last: Growing | undefined;
  let waiting: string[] = [];
  let hasGap = false;
  let beside: string | undefined;

  const block = (): Growing[] => path.at(-1)?.block ?? statements;
  const put = (text: string): void => {
    if (hasGap && waiting.length > 0) waiting.push('');
    hasGap = false;
    waiting.push(text);
  };
  const take = (): string[] => {
    const taken = waiting;
    waiting = [];
    hasGap = false;
    return taken;
  };
  const takeBeside = (): string | undefined => {
    const taken = beside;
    beside = undefined;
    return taken;
  };
  return {
    comment: put,
    gap() {
      hasGap = true;
    },
    beside(text) {
      beside = text;
    },
    endLine() {
      const left = takeBeside();
      if (left !== undefined) put(left);
    },
    statement(key, args, escaped) {
      const made: Growing = { key, args, block: undefined, above: take(), beside: takeBeside(), below: [] };
      last = escaped ? { ...made, escaped } : made;
      block().push(last);
    },
    open() {
      if (!last) return false;
      last.block = [];
      last.beside ??= takeBeside();
      path.push(last);
      last = undefined;
      return true;
    },
    close() {
      last = undefined;
      const closed = path.pop();
      if (!closed) return false;
      const left = takeBeside();
      if (left !== undefined) put(left);
      closed.below.push(...take());
      return true;
    },
    path,
    statements,
    get waiting() {
      return waiting;
    },
  };
}

/** Where the `}` of an open block is likely to be missing: before the first statement in it that stands no deeper than the keyword of its block. */
export function missingBefore({ key, block = [] }: Statement): Place | undefined {
  for (const inner of block) {
    const { file, line, column } = inner.key.place;
    if (file === key.place.file && line > key.place.line && column <= key.place.column) return inner.key.place;
    const found = missingBefore(inner);
    if (found) return found;
  }
  return undefined;
}
