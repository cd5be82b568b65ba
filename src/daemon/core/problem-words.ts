/** Problems of a configuration in the log, and standing ones in `status`. */
import { formatProblem } from '../../config/problems.js';
import type { Problem } from '../../config/types.js';
import type { Log } from '../log.js';
import { Refused } from './refused.js';

/** Warnings of a reload that are logged one by one; whoever asked for it gets all. */
const WARNINGS_LOGGED = 20;

export function logProblems(problems: readonly Problem[], log: Log): void {
  const warnings = problems.filter((problem) => problem.severity === 'warning');
  const more = warnings.length - WARNINGS_LOGGED;
  const left = new Set(more > 0 ? warnings.slice(WARNINGS_LOGGED) : []);
  for (const problem of problems)
    if (!left.has(problem)) log.write(problem.severity === 'error' ? 'error' : 'warn', formatProblem(problem));
  if (more > 0) log.write('warn', `and ${more} more warnings: lbctl check-config shows all`);
}

/** A problem that is one at a time. */
export function standing(problems: Set<string>, log: Log): (text: string | undefined) => void {
  let now: string | undefined;
  return (text) => {
    if (text === now) return;
    if (now !== undefined) problems.delete(now);
    if (text !== undefined) {
      problems.add(text);
      log.write('warn', text);
    }
    now = text;
  };
}

/** Why SIGHUP changed nothing, with what to do; the other ways of a reload have somebody who is told. */
export function refusedReload(error: Error): string {
  const cure = error instanceof Refused && error.error.code === 'invalid_config' ? '; lbctl check-config shows where' : '';
  const message = error.message.replace('say --force', 'lbctl reload --force');
  return `a reload by SIGHUP was refused, and what was in force stays until one succeeds: ${message}${cure}`;
}
