/** The command line of `npm run bench`: read twice, before the lab is booted and inside it. */

export const USAGE = 'usage: npm run bench -- ipvs [--sizes 100,1000,5000] [-o table|json]';

export const SUBJECTS = ['ipvs'] as const;
export type Subject = (typeof SUBJECTS)[number];

export interface BenchOptions {
  readonly subject: Subject;
  /** Virtual servers of each round. */
  readonly sizes: readonly number[];
  readonly output: 'table' | 'json';
}

const DEFAULT_SIZES = [100, 1000, 5000];
/** The addresses of texts.ts end there. */
const MAX_SERVICES = 100_000;

function parseSizes(word: string | undefined): readonly number[] | string {
  const sizes = (word ?? '').split(',').map(Number);
  const good = sizes.every((size) => Number.isInteger(size) && size >= 1 && size <= MAX_SERVICES);
  return good ? sizes : `--sizes "${word ?? ''}": give numbers of virtual servers from 1 to ${MAX_SERVICES}, such as 100,1000`;
}

/** The options, or the line that refuses them. */
export function parseOptions(argv: readonly string[]): BenchOptions | string {
  let subject: Subject | undefined;
  let sizes: readonly number[] = DEFAULT_SIZES;
  let output: BenchOptions['output'] = 'table';
  const words = argv.flatMap((word) =>
    /^--\w+=/.test(word) ? [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)] : [word],
  );
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    if (word === '--sizes') {
      const parsed = parseSizes(words[++i]);
      if (typeof parsed === 'string') return parsed;
      sizes = parsed;
    } else if (word === '-o' || word === '--output') {
      const form = words[++i];
      if (form !== 'table' && form !== 'json') return `${word} "${form ?? ''}": give table or json`;
      output = form;
    } else if (!word.startsWith('-') && subject === undefined && SUBJECTS.some((one) => one === word)) subject = word as Subject;
    else return `unknown word "${word}"; ${USAGE}`;
  }
  return subject === undefined ? USAGE : { subject, sizes, output };
}
