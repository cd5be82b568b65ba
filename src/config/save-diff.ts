/** What patches make of a text, as a unified diff (diff -u). */
import { lineEnd, lineStart, type Patch, patched } from './save-text.js';

const CONTEXT = 3;

/** Lines `first` up to `end`, counted from 0, become `fresh`. */
interface Piece {
  readonly first: number;
  readonly end: number;
  readonly fresh: readonly string[];
}

const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

/** The offsets of all lines. */
function startsOf(lines: readonly string[]): number[] {
  let at = 0;
  return lines.map((line) => {
    const start = at;
    at += line.length;
    return start;
  });
}

/** What is the same at both ends is no part of it. */
function trimmed({ first, end, fresh }: Piece, lines: readonly string[]): Piece | undefined {
  let head = 0;
  while (first + head < end && head < fresh.length && lines[first + head] === fresh[head]) head++;
  let tail = 0;
  while (end - tail > first + head && fresh.length - tail > head && lines[end - 1 - tail] === fresh[fresh.length - 1 - tail])
    tail++;
  const piece = { first: first + head, end: end - tail, fresh: fresh.slice(head, fresh.length - tail) };
  return piece.first === piece.end && piece.fresh.length === 0 ? undefined : piece;
}

/** Patches that touch the same lines are one piece. */
function piecesOf(text: string, lines: readonly string[], patches: readonly Patch[]): Piece[] {
  const starts = startsOf(lines);
  const lineOf = (at: number): number => {
    let low = 0;
    for (let high = starts.length; low < high; ) {
      const middle = (low + high) >> 1;
      if ((starts[middle] as number) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const spans: { from: number; to: number; patches: Patch[] }[] = [];
  for (const patch of patches) {
    const from = lineStart(text, patch.start);
    const isWhole = patch.end === lineStart(text, patch.end) && (patch.end > patch.start || patch.text.endsWith('\n'));
    const to = isWhole ? patch.end : lineEnd(text, patch.end);
    const last = spans.at(-1);
    if (last && from < last.to) {
      last.to = Math.max(last.to, to);
      last.patches.push(patch);
    } else spans.push({ from, to, patches: [patch] });
  }
  const pieces = spans.flatMap(({ from, to, patches: own }) => {
    const moved = own.map((one) => ({ ...one, start: one.start - from, end: one.end - from }));
    const piece = { first: lineOf(from), end: lineOf(to), fresh: linesOf(patched(text.slice(from, to), moved)) };
    return trimmed(piece, lines) ?? [];
  });
  return joined(pieces);
}

/** Pieces with no line between them: what goes is told before what comes. */
function joined(pieces: readonly Piece[]): Piece[] {
  const result: Piece[] = [];
  for (const piece of pieces) {
    const last = result.at(-1);
    if (last?.end !== piece.first) result.push(piece);
    else result[result.length - 1] = { first: last.first, end: piece.end, fresh: [...last.fresh, ...piece.fresh] };
  }
  return result;
}

const marked = (mark: string, line: string): string =>
  line.endsWith('\n') ? `${mark}${line}` : `${mark}${line}\n\\ No newline at end of file\n`;

const range = (first: number, count: number): string => {
  const start = count === 0 ? first : first + 1;
  return count === 1 ? String(start) : `${start},${count}`;
};

/** `moved`: lines that the hunks before it have added. */
function hunk(lines: readonly string[], pieces: readonly Piece[], moved: number): { text: string; grown: number } {
  const from = Math.max(0, (pieces[0] as Piece).first - CONTEXT);
  const to = Math.min(lines.length, (pieces.at(-1) as Piece).end + CONTEXT);
  const out: string[] = [];
  let at = from;
  let grown = 0;
  const keep = (end: number) => {
    for (; at < end; at++) out.push(marked(' ', lines[at] as string));
  };
  for (const { first, end, fresh } of pieces) {
    keep(first);
    for (; at < end; at++) out.push(marked('-', lines[at] as string));
    for (const line of fresh) out.push(marked('+', line));
    grown += fresh.length - (end - first);
  }
  keep(to);
  const head = `@@ -${range(from, to - from)} +${range(from + moved, to - from + grown)} @@\n`;
  return { text: head + out.join(''), grown };
}

/** `patches`: of `united`. '' when they change nothing. */
export function unifiedDiff(file: string, text: string, patches: readonly Patch[]): string {
  const lines = linesOf(text);
  const hunks: Piece[][] = [];
  for (const piece of piecesOf(text, lines, patches)) {
    const last = hunks.at(-1)?.at(-1);
    if (last && piece.first - last.end <= 2 * CONTEXT) hunks.at(-1)?.push(piece);
    else hunks.push([piece]);
  }
  if (hunks.length === 0) return '';
  let moved = 0;
  const texts = hunks.map((pieces) => {
    const { text: one, grown } = hunk(lines, pieces, moved);
    moved += grown;
    return one;
  });
  return `--- ${file}\n+++ ${file}\n${texts.join('')}`;
}
