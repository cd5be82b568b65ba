/**
 * The corpus of wrong configurations, test/golden/bad-configs/*.txt. A case is
 *
 *     == what is wrong           `(escapes)` at its end: \n \r \t \\ and \xNN in the text are such bytes, and its lines are joined
 *     > lbd.yaml:4:5: error: …   everything that is told of it, in this order
 *     $ NAME=value               a variable of the environment
 *     text of lbd.yaml
 *     @@ more.yaml               text of a file beside it, or a folder: `@@ more/`
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The sources' folder; the compiled test lies in dist/. */
const FOLDER = fileURLToPath(new URL('../../../test/golden/bad-configs/', import.meta.url));

export interface BadCase {
  readonly title: string;
  readonly told: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** lbd.yaml first; undefined is a folder. */
  readonly files: ReadonlyMap<string, Buffer | undefined>;
  /** Without what is told. */
  readonly lines: readonly string[];
}

const ESCAPED: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, '\\': 92 };

function unescaped(text: string): Buffer {
  const bytes: number[] = [];
  for (const [, hex, sign, plain] of text.matchAll(/\\x([0-9a-f]{2})|\\(.)|([^\\])/gs)) {
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else if (sign !== undefined) bytes.push(ESCAPED[sign] as number);
    else bytes.push(...Buffer.from(plain as string));
  }
  return Buffer.from(bytes);
}

function readCase(text: string): BadCase {
  const [title = '', ...rest] = text.trimEnd().split('\n');
  const isEscaped = title.endsWith('(escapes)');
  const lines = rest.filter((line) => !line.startsWith('> '));
  const env: Record<string, string> = {};
  const files = new Map<string, string[] | undefined>([['lbd.yaml', []]]);
  let now: string[] | undefined = files.get('lbd.yaml');
  for (const line of lines) {
    const [, name, value = ''] = /^\$ (\w+)=(.*)$/.exec(line) ?? [];
    const [, file] = /^@@ (.+)$/.exec(line) ?? [];
    if (name !== undefined) env[name] = value.replaceAll('\\n', '\n');
    else if (file === undefined) now?.push(line);
    else {
      now = file.endsWith('/') ? undefined : [];
      files.set(file, now);
    }
  }
  const bytesOf = (all: readonly string[]): Buffer =>
    isEscaped ? unescaped(all.join('')) : Buffer.from(all.map((line) => `${line}\n`).join(''));
  return {
    title,
    told: rest.filter((line) => line.startsWith('> ')).map((line) => line.slice(2)),
    env,
    files: new Map([...files].map(([file, all]) => [file, all && bytesOf(all)])),
    lines,
  };
}

/** By the name of its file. */
export const badCorpus = (): ReadonlyMap<string, readonly BadCase[]> =>
  new Map(
    readdirSync(FOLDER)
      .sort()
      .map((name) => {
        const [, ...cases] = `\n${readFileSync(join(FOLDER, name), 'utf8')}`.split('\n== ');
        return [name.replace(/\.txt$/, ''), cases.map(readCase)];
      }),
  );

/** The case with what is told of it now. */
export function writeCorpus(name: string, cases: readonly (readonly [one: BadCase, told: readonly string[]])[]): void {
  const texts = cases.map(([{ title, lines }, told]) =>
    [`== ${title}`, ...told.map((line) => `> ${line}`), ...lines, ''].join('\n'),
  );
  writeFileSync(join(FOLDER, `${name}.txt`), texts.join('\n'));
}

/** Writes the files of a case into an empty folder; gives what takes everything back. */
export function layOut(folder: string, { files, env }: BadCase): () => void {
  for (const [name, bytes] of files) {
    mkdirSync(bytes ? dirname(join(folder, name)) : join(folder, name), { recursive: true });
    if (bytes) writeFileSync(join(folder, name), bytes);
  }
  const before = Object.keys(env).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, env);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
  };
}
