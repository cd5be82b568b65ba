/** Files and programs that a configuration names: those that are not on this host are told by check-config before lbd stumbles over them. */
import { statSync } from 'node:fs';
import type { CheckConfig, Config, Problem } from '../config/types.js';

interface Named {
  readonly what: string;
  readonly file: string;
  readonly isProgram?: true;
  /** lbd neither starts nor reloads without it. */
  readonly isNeeded?: true;
}

const programOf = (what: string, [file = '']: readonly string[]): Named[] =>
  file.startsWith('/') ? [{ what, file, isProgram: true }] : [];

const given = (what: string, files: readonly (string | undefined)[]): Named[] =>
  files.flatMap((file) => (file === undefined ? [] : [{ what, file }]));

function ofCheck(check: CheckConfig, what: string): Named[] {
  // A namespace may have files of its own.
  if ('netns' in check && check.netns !== undefined) return [];
  if (check.type === 'script') return programOf(what, check.command);
  return 'tls' in check && check.tls ? given(what, [check.tls.ca, check.tls.certificate, check.tls.key]) : [];
}

function* namedIn({ global, virtualServers, vrrpInstances, scripts }: Config): Generator<Named> {
  for (const { name, signing, notify = [] } of vrrpInstances) {
    for (const { id, file } of signing?.keys ?? []) yield { what: `key ${id} of ${name}`, file, isNeeded: true };
    for (const { command } of notify) yield* programOf(`a program to notify of ${name}`, command);
  }
  const { http, peers } = global;
  yield* given('tls of http', [http?.tls?.certificate, http?.tls?.key, http?.tls?.clientCa]);
  for (const { name, secret } of http?.tokens ?? [])
    if (secret.kind === 'file') yield { what: `token ${name}`, file: secret.file };
  for (const { name, tokenFile, ca } of peers) yield* given(`peer ${name}`, [tokenFile, ca]);
  for (const { name, check } of scripts) yield* ofCheck(check, `the script ${name}`);
  for (const { name, realServers } of virtualServers)
    for (const { checks } of realServers) for (const check of checks) yield* ofCheck(check, `a check of ${name}`);
}

/** Undefined: it is there. Who may not look does not know. */
function missing({ file, isProgram }: Named): string | undefined {
  try {
    const found = statSync(file);
    if (!found.isFile() && isProgram) return `${file} is no program`;
    return isProgram && (found.mode & 0o111) === 0 ? `${file} cannot be run: chmod +x` : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? `there is no ${file} on this host` : undefined;
  }
}

/** Where the text first has it, outside a comment; an included file is not looked into. */
function placeOf(text: string, word: string): Pick<Problem, 'line' | 'column' | 'source'> {
  const found = new RegExp(`(?<![\\w/.-])${word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w/.-])`);
  for (const [i, source] of text.split('\n').entries()) {
    const at = source.replace(/(^|\s)#.*/, '').search(found);
    if (at >= 0) return { line: i + 1, column: at + 1, source };
  }
  return { line: 0, column: 0, source: '' };
}

/** Each file once. `text`: of the file. */
export function missingFiles(config: Config, { file, text }: { readonly file: string; readonly text: string }): Problem[] {
  const told = new Set<string>();
  const problems: Problem[] = [];
  for (const named of namedIn(config)) {
    if (told.has(named.file)) continue;
    told.add(named.file);
    const fault = missing(named);
    if (fault === undefined) continue;
    const message = `${named.what}: ${fault}${named.isNeeded ? ': lbd does not start without it' : ''}`;
    problems.push({ severity: 'warning', message, file, ...placeOf(text, named.file) });
  }
  return problems;
}
