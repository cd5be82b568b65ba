/** The figures of a run, and how they are shown: one block for each size, every figure beside those of the others. */

export type Contender = 'lbd' | 'keepalived' | 'ipvsadm';
export type Unit = 'datagrams' | 's' | 'ms' | 'µs' | 'MB' | '% of a core' | 'a second';

/** One line of a block. */
export interface Work {
  /** Unique in a block; the name in JSON. */
  readonly id: string;
  readonly text: string;
  readonly unit: Unit;
}

export interface Figure {
  readonly services: number;
  readonly work: string;
  readonly text: string;
  readonly unit: Unit;
  /** Medians; null where the contender has no such work, or where it could not be measured. */
  readonly lbd: number | null;
  readonly keepalived: number | null;
  readonly ipvsadm: number | null;
  readonly lbd_to_keepalived: number | null;
  readonly lbd_to_ipvsadm: number | null;
}

export interface Sheet {
  /** A figure of one repetition. */
  add(services: number, work: Work, who: Contender, value: number): void;
  /** A measurement that could not be taken. */
  fail(line: string): void;
  readonly failures: readonly string[];
  figures(): readonly Figure[];
}

export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return null;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

const ratio = (a: number | null, b: number | null): number | null => (a === null || b === null || b === 0 ? null : a / b);

/** `works` are the lines of a block, in their order. */
export function createSheet(works: readonly Work[]): Sheet {
  const values = new Map<string, number[]>();
  const sizes = new Set<number>();
  const failures: string[] = [];
  const key = (services: number, work: Work, who: Contender) => `${services} ${who} ${work.id}`;
  function figure(services: number, work: Work): Figure {
    const of = (who: Contender) => median(values.get(key(services, work, who)) ?? []);
    const [lbd, keepalived, ipvsadm] = [of('lbd'), of('keepalived'), of('ipvsadm')];
    return {
      services,
      work: work.id,
      text: work.text,
      unit: work.unit,
      lbd,
      keepalived,
      ipvsadm,
      lbd_to_keepalived: ratio(lbd, keepalived),
      lbd_to_ipvsadm: ratio(lbd, ipvsadm),
    };
  }
  return {
    add(services, work, who, value) {
      sizes.add(services);
      const at = key(services, work, who);
      values.set(at, [...(values.get(at) ?? []), value]);
    },
    fail: (line) => void failures.push(line),
    failures,
    figures: () => [...sizes].flatMap((services) => works.map((work) => figure(services, work))),
  };
}

const DECIMALS: Readonly<Record<Unit, number>> = {
  datagrams: 0,
  s: 3,
  ms: 1,
  µs: 0,
  MB: 1,
  '% of a core': 1,
  'a second': 0,
};
const OTHERS = ['keepalived', 'ipvsadm'] as const;
type Other = (typeof OTHERS)[number];

const head = (others: readonly Other[]): string[] => ['', 'unit', 'lbd', ...others, ...others.map((who) => `lbd : ${who}`)];

const number = (value: number | null, decimals: number): string => (value === null ? '-' : value.toFixed(decimals));

const cells = (figure: Figure, others: readonly Other[]): string[] => {
  const decimals = DECIMALS[figure.unit];
  return [
    figure.text,
    figure.unit,
    ...[figure.lbd, ...others.map((who) => figure[who])].map((value) => number(value, decimals)),
    ...others.map((who) => number(figure[`lbd_to_${who}`], 2)),
  ];
};

/** The first two columns to the left, figures to the right. */
function align(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] as readonly string[]).map((_none, column) =>
    Math.max(...rows.map((row) => (row[column] as string).length)),
  );
  const cell = (text: string, column: number) =>
    column < 2 ? text.padEnd(widths[column] as number) : text.padStart(widths[column] as number);
  return rows.map((row) => row.map(cell).join('  ').trimEnd());
}

/** Plain text. `title` heads the block of a size. Who has no figure at all has no column. */
export function renderFigures(figures: readonly Figure[], title: (services: number) => string): string {
  const sizes = [...new Set(figures.map((figure) => figure.services))];
  const others = OTHERS.filter((who) => figures.some((figure) => figure[who] !== null));
  const lines = align([head(others), ...figures.map((figure) => cells(figure, others))]);
  const heading = lines[0] as string;
  return sizes
    .map((services) => {
      const own = figures.flatMap((figure, i) => (figure.services === services ? [lines[i + 1] as string] : []));
      return [title(services), heading, ...own, ''].join('\n');
    })
    .join('\n');
}
