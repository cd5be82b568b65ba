/** What lbctl reads for a request: the text of a configuration, or the command lines of a batch. Loaded only for these commands. */
import { fileProblem } from '../config/problems.js';
import type { ApiChange } from '../control/api.js';
import { ApiRefusal } from '../control/client.js';
import { CHANGES } from '../control/params.js';
import { readConfigFile } from '../os/config-files.js';
import { parseCommandLine, type Work } from './grammar.js';
import { UsageError } from './words.js';

const read = (file: string) => readConfigFile(file === '-' ? '/dev/stdin' : file);

/** A configuration, which is not valid where it cannot be read, as check-config says. `-` is standard input. Throws ApiRefusal. */
export function readConfigText(file: string): string {
  const found = read(file);
  if (typeof found !== 'string') return found.text;
  const problems = [fileProblem(file, found)];
  throw new ApiRefusal({
    code: 'invalid_config',
    message: 'there is no configuration to be read: nothing was asked of lbd',
    problems,
  });
}

/** `-` is standard input. Throws UsageError. */
function readText(file: string): string {
  const found = read(file);
  if (typeof found === 'string') throw new UsageError(found);
  return found.text;
}

/** As a shell would: blanks separate, quotes keep together, a backslash takes the next character as it is, a word with # begins a comment. */
function split(line: string): string[] | undefined {
  const words: string[] = [];
  const pattern = /\s*((?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+)/gy;
  let at = 0;
  for (let found = pattern.exec(line); found; found = pattern.exec(line)) {
    if (found[1]?.startsWith('#')) return words;
    at = pattern.lastIndex;
    const word = found[1] as string;
    words.push(
      word.replace(
        /\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/g,
        (_, one, double, single) => one ?? single ?? double.replace(/\\(.)/g, '$1'),
      ),
    );
  }
  return /^\s*(#|$)/.test(line.slice(at)) ? words : undefined;
}

/** The commands of CHANGES. */
const COMMANDS = ['add-rs', 'set-rs', 'del-rs', 'drain', 'undrain', 'disable', 'enable', 'add-vs', 'set-vs', 'del-vs'];

/** Those that are said of the whole batch. */
const OPTIONS = ['dry_run', 'reason', 'expected_revision'] as const;

function changeOf(work: Work): ApiChange | undefined {
  const order = work.kind === 'drain' ? work.order : work;
  if (!('method' in order)) return undefined;
  const method = CHANGES.find((one) => one === order.method);
  return method && { method, params: order.params as ApiChange['params'] };
}

function readLine(argv: readonly string[]): ApiChange {
  const { work } = parseCommandLine(argv[0] === 'lbctl' ? argv.slice(1) : argv, {});
  if (work.kind === 'drain' && work.wait) throw new UsageError('--wait is nothing for a batch: leave it out');
  const change = changeOf(work);
  if (!change) throw new UsageError(`"${argv[0]}" is no change of a batch: ${COMMANDS.join(', ')}`);
  const option = OPTIONS.find((name) => Object.hasOwn(change.params, name));
  if (option) throw new UsageError(`--${option.replace('_', '-')} is said of the whole batch`);
  return change;
}

/** A command line each; empty lines and comments (#) are skipped. Throws UsageError, which names the line. */
export function readBatch(file: string): readonly ApiChange[] {
  const changes: ApiChange[] = [];
  for (const [i, text] of readText(file).split('\n').entries()) {
    const line = text.trim();
    if (line === '' || line.startsWith('#')) continue;
    const at = `${file === '-' ? 'line' : `${file}:`}${file === '-' ? ` ${i + 1}` : i + 1}`;
    const words = split(line);
    if (!words) throw new UsageError(`${at}: a quote is not closed`);
    try {
      changes.push(readLine(words));
    } catch (error) {
      throw error instanceof UsageError ? new UsageError(`${at}: ${error.message}`) : error;
    }
  }
  if (changes.length === 0) throw new UsageError(`${file === '-' ? 'standard input' : file} has no change: a command line each`);
  return changes;
}
