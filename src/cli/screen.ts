/**
 * A picture on the terminal that is drawn over and over at its place: no other screen, so that the last one stays. What became other since
 * the picture before is shown in reverse, as `watch -d` does.
 */

/** What the sequences below are: ECMA-48, 8.3. */
const ESC = '\u001b[';
const ERASE_LINE = `${ESC}K`;
const ERASE_BELOW = `${ESC}J`;
const CLEAR = `${ESC}H${ESC}J`;
const PLAIN = `${ESC}0m`;
const REVERSE = '7';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

interface Cell {
  readonly char: string;
  /** Parameters of SGR; '' is plain. */
  readonly style: string;
}
type Line = readonly Cell[];

function cellsOf(text: string): Cell[] {
  const cells: Cell[] = [];
  let style = '';
  for (const [char, sgr] of text.matchAll(/\u001b\[([\d;]*)m|[^\u001b]/gu)) {
    if (sgr === undefined) cells.push({ char, style });
    else style = sgr === '0' ? '' : sgr;
  }
  return cells;
}

/** The terminal breaks what is longer than its lines; so do we, to know how many there are. */
function linesOf(text: string, columns: number): Line[] {
  return text
    .replace(/\n$/, '')
    .split('\n')
    .flatMap((one) => {
      const cells = cellsOf(one);
      const count = Math.max(1, Math.ceil(cells.length / columns));
      return Array.from({ length: count }, (_, i) => cells.slice(i * columns, (i + 1) * columns));
    });
}

/** More than fits is left out, with a word about it. */
function fit(lines: readonly Line[], rows: number, columns: number): readonly Line[] {
  if (lines.length <= rows) return lines;
  const word = `… ${lines.length - rows + 1} more lines: a higher terminal shows them`;
  return [...lines.slice(0, rows - 1), [...word].slice(0, columns).map((char) => ({ char, style: '2' }))];
}

/** `before`: the same line of the last picture; undefined: nothing is shown in reverse. */
function drawLine(line: Line, before: Line | undefined): string {
  let [text, now] = ['', ''];
  for (const [i, { char, style }] of line.entries()) {
    const other = before !== undefined && char !== ' ' && before[i]?.char !== char;
    const wanted = [...(style === '' ? [] : [style]), ...(other ? [REVERSE] : [])].join(';');
    if (wanted !== now) text += (now === '' ? '' : PLAIN) + (wanted === '' ? '' : `${ESC}${wanted}m`);
    now = wanted;
    text += char;
  }
  return text + (now === '' ? '' : PLAIN);
}

export interface Screen {
  /** The bytes that draw `text` over what was drawn before. The first `heads` lines are never in reverse. */
  draw(text: string, size: Size, heads: number): string;
}

export function createScreen(colour: boolean): Screen {
  let last: { readonly lines: readonly Line[]; readonly size: Size } | undefined;
  return {
    draw(text, size, heads) {
      // The last line of the terminal is the cursor's.
      const lines = fit(linesOf(text, size.columns), Math.max(2, size.rows - 1), size.columns);
      const same = last?.size.columns === size.columns && last.size.rows === size.rows;
      const before = same && colour ? last?.lines : undefined;
      // Lines that the terminal has broken anew cannot be counted.
      const place = !last ? '' : same ? `\r${last.lines.length > 0 ? `${ESC}${last.lines.length}A` : ''}` : CLEAR;
      const drawn = lines.map((line, i) => {
        const old = before === undefined || i < heads ? undefined : (before[i] ?? []);
        // A full line is erased by itself, and where the cursor is then, terminals differ.
        return drawLine(line, old) + (line.length < size.columns ? ERASE_LINE : '');
      });
      last = { lines, size };
      return `${place}${drawn.map((line) => `${line}\r\n`).join('')}${ERASE_BELOW}`;
    },
  };
}
