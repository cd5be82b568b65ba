/**
 * The configuration is parsed in a short-lived child: hundreds of milliseconds of event loop and tens of megabytes for a large file
 * stay out of the daemon. The child prints the result as one JSON text.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fileProblem } from '../config/problems.js';
import type { ParsedConfig, SourceText } from '../config/types.js';
import { parseSurroundings, readConfigFile } from '../os/config-files.js';

/** Tens of thousands of lines take a slow machine minutes. */
const LIMIT_MS = 300_000;
const MAX_OUTPUT = 512 * 1024 * 1024;
export const LIMITS = { timeout: LIMIT_MS, maxBuffer: MAX_OUTPUT } as const;
/** The parser alone, beside the other bundles. */
const PARSER = fileURLToPath(new URL('./lbd-config.cjs', import.meta.url));

/** Texts that stand for files are on standard input, as JSON. */
const INSTEAD = '--texts';
/** An include finds these, and no others. */
const ALONE = '--texts-alone';

/** Of a child that parses, or edits (edit-child.ts). */
export const argumentsFor = (file: string, mode: 'parse' | 'edit' = 'parse'): readonly string[] =>
  existsSync(PARSER)
    ? [PARSER, file, ...(mode === 'edit' ? ['--edit'] : [])]
    : [process.argv[1] as string, `--${mode}-config`, file];

export const failed = (file: string, message: string): ParsedConfig => ({
  config: undefined,
  problems: [fileProblem(file, message)],
});

/** Node.js would read the certificates at its start, a second for nothing: so the child gets the variable under this name. */
const CERTIFICATES = 'LBD_PARSER_EXTRA_CA_CERTS';

export function parserEnv(): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: file, ...env } = process.env;
  return file === undefined ? env : { ...env, [CERTIFICATES]: file };
}

/** In the child, before a configuration may name the variable. */
export function ownEnv(): void {
  const { [CERTIFICATES]: file } = process.env;
  if (file !== undefined) process.env.NODE_EXTRA_CA_CERTS = file;
  delete process.env[CERTIFICATES];
}

/**
 * Never rejects: a child that fails is a problem of the configuration, told like any other. `texts`: what is read instead of the files of
 * their names; `alone`: an include finds these, and no others.
 */
export function loadConfig(file: string, texts: readonly SourceText[] = [], alone = false): Promise<ParsedConfig> {
  return new Promise((resolve) => {
    const options = { ...LIMITS, env: parserEnv() };
    const argv = [...argumentsFor(file), ...(texts.length > 0 ? [alone ? ALONE : INSTEAD] : [])];
    const child = execFile(process.execPath, argv, options, (error, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout) as ParsedConfig);
        // A code cache that is damaged, for one.
        if (stderr) process.stderr.write(stderr);
      } catch {
        const words = stderr.trim().split('\n').slice(-3).join(' / ') || error?.message || 'it printed nothing';
        resolve(failed(file, `the parser did not finish: ${words}`));
      }
    });
    // A child that did not start is told above.
    child.stdin?.on('error', () => {});
    child.stdin?.end(texts.length > 0 ? JSON.stringify(texts) : undefined);
  });
}

/** All of it, in this process. The parser is loaded here only. `texts`: as of loadConfig. */
export async function readWhole(file: string, texts: readonly SourceText[] = [], alone = false): Promise<ParsedConfig> {
  const { parseConfig } = await import('../config/parse.js');
  const found = texts.find((one) => one.file === file) ?? readConfigFile(file);
  if (typeof found === 'string') return failed(file, found);
  return parseConfig(file, found.text, parseSurroundings(readConfigFile, texts, alone));
}

/** What the child runs. `option`: INSTEAD, ALONE, or nothing. */
export async function parseConfigMain(file: string, option?: string): Promise<void> {
  ownEnv();
  const given = option === INSTEAD || option === ALONE;
  const texts = given ? (JSON.parse(readFileSync(0, 'utf8')) as readonly SourceText[]) : [];
  process.stdout.write(JSON.stringify(await readWhole(file, texts, option === ALONE)));
}
