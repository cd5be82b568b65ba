/** A line without its comment: `#` and `!` begin one anywhere outside of `"`, unless a `\` stands before them. */
import { originOf, replace, slice, type Text, trim, without } from './text.js';

export interface Bare {
  /** Without blanks at its ends, and without the `\` of `\#` and `\!`. One that continues ends with its `\`, no blank before it. */
  readonly line: Text;
  /** Without its sign, but with the `\` that ends the line. */
  readonly comment: string | undefined;
  /** Where its sign stands in the text that was given. */
  readonly commentAt: number | undefined;
  /** It ends with a `\`. */
  readonly continues: boolean;
  /** Where a `"` without a second one stands in the text that was given. */
  readonly openQuote: number | undefined;
}

interface Marks {
  commentAt: number | undefined;
  continues: boolean;
  quoteAt: number | undefined;
  /** Of each `\` that only protects what follows. */
  readonly escapes: number[];
}

/** Characters that parameters of these names stand for begin no comment: that is what they are for. */
const LITERAL: ReadonlySet<string | undefined> = new Set(['_HASH', '_BANG']);

function look(given: Text): Marks {
  const { text } = given;
  const marks: Marks = { commentAt: undefined, continues: false, quoteAt: undefined, escapes: [] };
  const sign = /[!#"\\]/g;
  for (let found = sign.exec(text); found; found = sign.exec(text)) {
    const at = found.index;
    if (found[0] === '\\') {
      const next = text[at + 1];
      if (next === undefined) marks.continues = true;
      else if (marks.quoteAt === undefined && (next === '#' || next === '!')) marks.escapes.push(at);
      sign.lastIndex = at + 2;
    } else if (found[0] === '"') {
      if (marks.commentAt === undefined) marks.quoteAt = marks.quoteAt === undefined ? at : undefined;
    } else if (marks.quoteAt === undefined && !LITERAL.has(originOf(given, at)?.name)) marks.commentAt ??= at;
  }
  return marks;
}

export function bare(given: Text): Bare {
  const { commentAt, continues, quoteAt, escapes } = look(given);
  const end = commentAt ?? given.text.length - (continues ? 1 : 0);
  const kept = escapes.filter((at) => at < end);
  let line = trim(kept.length === 0 ? slice(given, 0, end) : without(slice(given, 0, end), kept));
  if (continues) line = replace(line, line.text.length, line.text.length, slice(given, given.text.length - 1));
  const comment = commentAt === undefined ? undefined : given.text.slice(commentAt + 1).trimEnd();
  return { line, comment, commentAt, continues, openQuote: quoteAt };
}
