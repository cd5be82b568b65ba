/** Lines and aligned columns for people. */

/** SGR parameters (ECMA-48). util.styleText would decide by its own look at the streams from Node 22 on. */
const SGR = { red: 31, green: 32, yellow: 33, bold: 1, dim: 2 } as const;

export type Style = keyof typeof SGR;

/** Of what the kernel counted. */
export interface Columns {
  /** Sums so far. */
  readonly counters: boolean;
  /** A second. */
  readonly rates: boolean;
}

export interface View {
  /** Lines are cut to so many columns; undefined: never. */
  readonly width: number | undefined;
  readonly colour: boolean;
  /** All columns. */
  readonly wide: boolean;
  readonly columns: Columns;
}

export type Cell = string | { readonly text: string; readonly style: Style | undefined };
export type Row = readonly Cell[];

const GAP = '  ';

/** What comes from outside (a reason, a name) must not steer the terminal. */
const clean = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
/** The same for text of several lines, whose columns stay where they are. */
export const harmless = (text: string): string => text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, ' ');
const textOf = (cell: Cell): string => clean(typeof cell === 'string' ? cell : cell.text);

export const styled = (text: string, style: Style | undefined): Cell => ({ text, style });

function paint(view: View, text: string, style: Style | undefined): string {
  return view.colour && style !== undefined && text.trim() !== '' ? `\u001b[${SGR[style]}m${text}\u001b[0m` : text;
}

/** One line of pieces set one after the other, cut to the view's width; the cut is shown. */
export function line(view: View, ...cells: Cell[]): string {
  const texts = cells.map((cell, i) => [...(i === cells.length - 1 ? textOf(cell).trimEnd() : textOf(cell))]);
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  const cut = view.width !== undefined && length > view.width;
  let left = cut ? Math.max(0, (view.width as number) - 1) : length;
  let result = '';
  for (const [i, cell] of cells.entries()) {
    const text = (texts[i] as string[]).slice(0, left);
    left -= text.length;
    result += paint(view, text.join(''), typeof cell === 'string' ? undefined : cell.style);
  }
  return `${result}${cut ? '…' : ''}\n`;
}

/** A sentence is never cut: the terminal breaks it. */
export const sentence = (view: View, ...cells: Cell[]): string => line({ ...view, width: undefined }, ...cells);

export interface TableOptions {
  readonly indent?: number;
  /** Columns that are numbers: set to the right. */
  readonly right?: readonly number[];
}

/** Rows in aligned columns; the last column is not filled up. */
export function table(view: View, rows: readonly Row[], options: TableOptions = {}): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, [...textOf(cell)].length);
  }
  const indent = ' '.repeat(options.indent ?? 0);
  const pad = (cell: Cell, i: number, last: boolean): Cell => {
    const text = textOf(cell);
    const fill = ' '.repeat(Math.max(0, (widths[i] ?? 0) - [...text].length));
    const filled = options.right?.includes(i) ? fill + text : last ? text : text + fill;
    return styled(filled, typeof cell === 'string' ? undefined : cell.style);
  };
  return rows
    .map((row) => {
      const cells = row.flatMap((cell, i): Cell[] => [i === 0 ? indent : GAP, pad(cell, i, i === row.length - 1)]);
      return line(view, ...cells);
    })
    .join('');
}

const PLAIN: View = { width: undefined, colour: false, wide: false, columns: { counters: false, rates: false } };

/** Columns that the table needs. */
export const longestLine = (rows: readonly Row[], options: TableOptions = {}): number =>
  Math.max(
    ...table(PLAIN, rows, options)
      .split('\n')
      .map((text) => [...text].length),
  );

/** A column of a table whose rows are made of things. */
export interface Column<T> {
  readonly head: string;
  readonly cell: (one: T) => Cell;
  /** A number: set to the right. */
  readonly right?: true;
  /** Where the table is too wide, columns with the highest number go first; absent: it stays. */
  readonly spare?: number;
}

/** As many columns as the view has room for; what is still too wide is cut. */
export function tableOf<T>(view: View, columns: readonly Column<T>[], things: readonly T[], indent = 0): string {
  const options = { indent, right: columns.flatMap(({ right }, i) => (right ? [i] : [])) };
  const rows = [heading(...columns.map(({ head }) => head)), ...things.map((one): Row => columns.map(({ cell }) => cell(one)))];
  const spare = Math.max(...columns.map((one) => one.spare ?? 0));
  if (view.width === undefined || spare === 0 || longestLine(rows, options) <= view.width) return table(view, rows, options);
  return tableOf(
    view,
    columns.filter((one) => one.spare !== spare),
    things,
    indent,
  );
}

export const heading = (...names: string[]): Row => names.map((name) => styled(name, 'bold'));

const two = (n: number): string => String(n).padStart(2, '0');

/** `4s`, `3m20s`, `2h05m`, `3d04h`; below ten seconds with a tenth. */
export function age(seconds: number): string {
  if (seconds < 10) return `${Math.round(seconds * 10) / 10}s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m${two(s % 60)}s`;
  if (s < 86_400) return `${Math.floor(s / 3600)}h${two(Math.floor(s / 60) % 60)}m`;
  return `${Math.floor(s / 86_400)}d${two(Math.floor(s / 3600) % 24)}h`;
}

/** `once`, `3 times`. */
export const times = (n: number): string => (n === 1 ? 'once' : `${n} times`);
