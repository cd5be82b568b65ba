/**
 * The configuration is parsed in a short-lived child: hundreds of milliseconds of event loop and tens of megabytes for a large file
 * stay out of the daemon. The child prints the result as one JSON text.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fileProblem } from '../config/problems.js';
import type { ParsedConfig } from '../config/types.js';
import { parseSurroundings, readConfigFile } from '../os/config-files.js';

/** Tens of thousands of lines take a slow machine minutes. */
const LIMIT_MS = 300_000;
const MAX_OUTPUT = 512 * 1024 * 1024;
/** The parser alone, beside the other bundles. */
const PARSER = fileURLToPath(new URL('./lbd-config.cjs', import.meta.url));

const argumentsFor = (file: string): readonly string[] =>
  existsSync(PARSER) ? [PARSER, file] : [process.argv[1] as string, '--parse-config', file];

const failed = (file: string, message: string): ParsedConfig => ({ config: undefined, problems: [fileProblem(file, message)] });

/** Its certificates are of no use to the parser, and cost it a second. */
export function parserEnv(): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _unused, ...env } = process.env;
  return env;
}

/** Never rejects: a child that fails is a problem of the configuration, told like any other. */
export function loadConfig(file: string): Promise<ParsedConfig> {
  return new Promise((resolve) => {
    const options = { timeout: LIMIT_MS, maxBuffer: MAX_OUTPUT, env: parserEnv() };
    execFile(process.execPath, argumentsFor(file), options, (error, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout) as ParsedConfig);
        // A code cache that is damaged, for one.
        if (stderr) process.stderr.write(stderr);
      } catch {
        const words = stderr.trim().split('\n').slice(-3).join(' / ') || error?.message || 'it printed nothing';
        resolve(failed(file, `the parser did not finish: ${words}`));
      }
    });
  });
}

/** What the child runs. The parser is loaded here only. */
export async function parseConfigMain(file: string): Promise<void> {
  const { parseConfig } = await import('../config/parse.js');
  const found = readConfigFile(file);
  const parsed = typeof found === 'string' ? failed(file, found) : parseConfig(file, found.text, parseSurroundings());
  process.stdout.write(JSON.stringify(parsed));
}
