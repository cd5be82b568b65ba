/** The command line of `npm run bench`: read twice, before the lab is booted and inside it. */
import { CHECK_KINDS, type CheckKind, REAL_SERVERS } from './texts.js';

export const USAGE = 'usage: npm run bench -- ipvs|checks|vrrp [--sizes 100,1000,5000] [--kinds tcp,http] [-o table|json]';

interface SubjectWords {
  readonly sizes: readonly number[];
  /** What a size counts. */
  readonly of: string;
  readonly most: number;
  /** Sizes are multiples of it. */
  readonly step: number;
}

/** The addresses of texts.ts end at the most of `ipvs`; more checks a second than 1,000 fill the guest's two cores, whoever makes them. */
const SUBJECT_WORDS = {
  ipvs: { sizes: [100, 1000, 5000], of: 'virtual servers', most: 100_000, step: 1 },
  checks: { sizes: [200, 1000], of: 'real servers', most: 10_000, step: REAL_SERVERS },
  vrrp: { sizes: [1000, 100, 10], of: 'milliseconds between adverts', most: 10_000, step: 10 },
} as const satisfies Readonly<Record<string, SubjectWords>>;

export type Subject = keyof typeof SUBJECT_WORDS;
const SUBJECTS = Object.keys(SUBJECT_WORDS) as Subject[];

export interface BenchOptions {
  readonly subject: Subject;
  /** Virtual servers, or real servers, of each round. */
  readonly sizes: readonly number[];
  /** Of `checks`: these alone. */
  readonly kinds?: readonly CheckKind[];
  readonly output: 'table' | 'json';
  /** Figures of the host itself (native.ts), for the part inside the lab to show. */
  readonly native?: string;
}

function parseSizes(word: string | undefined, { sizes: defaults, of, most, step }: SubjectWords): readonly number[] | string {
  const sizes = (word ?? '').split(',').map(Number);
  const good = sizes.every((size) => Number.isInteger(size) && size >= 1 && size <= most && size % step === 0);
  if (good) return sizes;
  const kind = step === 1 ? `numbers of ${of} from 1` : `multiples of ${step} ${of}`;
  return `--sizes "${word ?? ''}": give ${kind} to ${most}, such as ${defaults.join()}`;
}

const isKind = (word: string): word is CheckKind => CHECK_KINDS.some((one) => one === word);

function parseKinds(word: string | undefined, subject: Subject): readonly CheckKind[] | string {
  const kinds = (word ?? '').split(',');
  if (subject !== 'checks') return '--kinds is for checks: there are none in the tables of ipvs';
  return kinds.every(isKind) ? kinds : `--kinds "${word ?? ''}": give some of ${CHECK_KINDS.join()}`;
}

/** The options, or the line that refuses them. */
export function parseOptions(argv: readonly string[]): BenchOptions | string {
  let subject: Subject | undefined;
  let sizes: { readonly word: string | undefined } | undefined;
  let kinds: { readonly word: string | undefined } | undefined;
  let output: BenchOptions['output'] = 'table';
  let native: string | undefined;
  const words = argv.flatMap((word) =>
    /^--\w+=/.test(word) ? [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)] : [word],
  );
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    if (word === '--sizes') sizes = { word: words[++i] };
    else if (word === '--kinds') kinds = { word: words[++i] };
    else if (word === '--native') native = words[++i];
    else if (word === '-o' || word === '--output') {
      const form = words[++i];
      if (form !== 'table' && form !== 'json') return `${word} "${form ?? ''}": give table or json`;
      output = form;
    } else if (!word.startsWith('-') && subject === undefined && SUBJECTS.some((one) => one === word)) subject = word as Subject;
    else return `unknown word "${word}"; ${USAGE}`;
  }
  if (subject === undefined) return USAGE;
  const parsed = sizes ? parseSizes(sizes.word, SUBJECT_WORDS[subject]) : SUBJECT_WORDS[subject].sizes;
  if (typeof parsed === 'string') return parsed;
  const only = kinds && parseKinds(kinds.word, subject);
  if (typeof only === 'string') return only;
  return { subject, sizes: parsed, output, ...(only && { kinds: only }), ...(native === undefined ? {} : { native }) };
}
