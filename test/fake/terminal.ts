/** A terminal as far as lbctl uses one (ECMA-48: CR, LF, CUU, CUP, EL, ED, SGR), to see what a person sees. */

export interface Terminal {
  write(text: string): void;
  /** Without blanks at the ends of lines, and without the empty lines below. */
  lines(): string[];
  /** The characters that are shown in reverse. */
  reversed(): string;
}

export function createTerminal(columns: number, rows: number): Terminal {
  const blank = () => Array.from({ length: columns }, () => ({ char: ' ', reverse: false }));
  const grid = Array.from({ length: rows }, blank);
  let [row, column, reverse] = [0, 0, false];

  function feed(): void {
    if (row < rows - 1) row++;
    else {
      grid.shift();
      grid.push(blank());
    }
  }

  function put(char: string): void {
    if (column === columns) {
      column = 0;
      feed();
    }
    (grid[row] as ReturnType<typeof blank>)[column++] = { char, reverse };
  }

  function control(parameters: string, final: string): void {
    const count = Number(parameters || '1');
    if (final === 'A') row = Math.max(0, row - count);
    else if (final === 'H') [row, column] = [0, 0];
    else if (final === 'm') reverse = parameters.split(';').includes('7');
    else if (final === 'K') (grid[row] as unknown[]).splice(column, columns, ...blank().slice(column));
    else if (final === 'J') {
      (grid[row] as unknown[]).splice(column, columns, ...blank().slice(column));
      for (let below = row + 1; below < rows; below++) grid[below] = blank();
    } else throw new Error(`the terminal does not know ESC [ ${parameters} ${final}`);
  }

  return {
    write(text) {
      for (const [piece, parameters, final] of text.matchAll(/\u001b\[([\d;]*)([A-Za-z])|[^\u001b]/gu)) {
        if (final !== undefined) control(parameters ?? '', final);
        else if (piece === '\r') column = 0;
        else if (piece === '\n') feed();
        else put(piece);
      }
    },
    lines: () =>
      grid
        .map((line) =>
          line
            .map(({ char }) => char)
            .join('')
            .trimEnd(),
        )
        .join('\n')
        .trimEnd()
        .split('\n'),
    reversed: () =>
      grid
        .flat()
        .filter((cell) => cell.reverse)
        .map(({ char }) => char)
        .join(''),
  };
}
