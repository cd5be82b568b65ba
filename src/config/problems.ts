/** Problems of a configuration as data, and as text for people. */
import type { Problem } from './types.js';

/** `lbd.yaml:12:5: error: …`, the offending line, and a caret under the place. */
export function formatProblem(problem: Pick<Problem, 'severity' | 'message' | 'file' | 'line' | 'column' | 'source'>): string {
  const { severity, message, file, line, column, source } = problem;
  if (line === 0) return `${file}: ${severity}: ${message}`;
  const head = `${file}:${line}:${column}: ${severity}: ${message}`;
  if (source.trim() === '') return head;
  const pad = source.slice(0, column - 1).replace(/[^\t]/g, ' ');
  return `${head}\n    ${source}\n    ${pad}^`;
}

/** A problem of the file as a whole. */
export const fileProblem = (file: string, message: string): Problem => ({
  severity: 'error',
  message,
  file,
  line: 0,
  column: 0,
  source: '',
});
