/** lbctl as a function: a command line in, texts and an exit status out. */
import { VERSION } from '../base/version.js';
import type { ApiProblem, ErrorCode, MethodName, Methods } from '../control/api.js';
import { ApiRefusal, CALL_TIMEOUT_MS, type Client, connect as connectSocket, Unreachable } from '../control/client.js';
import { type EventWords, type Format, formatOf, type Invocation, parseCommandLine, type Work } from './grammar.js';
import { createProgress, takesLong } from './progress.js';
import { harmless, type View } from './render/text.js';
import type { Ranking } from './render/top.js';
import type { TopOrder } from './top.js';
import type { WaitOrder } from './wait.js';
import { whileWaiting } from './waiting.js';
import { type Shell, UsageError } from './words.js';

export const EXIT = { done: 0, refused: 1, usage: 2, unreachable: 3, invalidConfig: 4 } as const;

/** Reading a large configuration again takes its time, on a slow machine too. */
const RELOAD_TIMEOUT_MS = 120_000;
/** Two intervals of the longest, and some: until it is known who is master. */
const FAILOVER_TIMEOUT_MS = 600_000;
/** So does the whole table: core waits a little less. */
const WHOLE_TIMEOUT_MS = 30_000;
const TIMEOUTS: Readonly<Partial<Record<MethodName, number>>> = {
  reload: RELOAD_TIMEOUT_MS,
  plan: RELOAD_TIMEOUT_MS,
  apply: RELOAD_TIMEOUT_MS,
  rollback: RELOAD_TIMEOUT_MS,
  diff: RELOAD_TIMEOUT_MS,
  save: RELOAD_TIMEOUT_MS,
  // A thousand at a time, which may be in a large table.
  changes: RELOAD_TIMEOUT_MS,
  failover: FAILOVER_TIMEOUT_MS,
  list: WHOLE_TIMEOUT_MS,
  stats: WHOLE_TIMEOUT_MS,
  status: WHOLE_TIMEOUT_MS,
};
/** How long an answer is waited for, in ms. */
export const timeoutOf = (method: MethodName): number => TIMEOUTS[method] ?? CALL_TIMEOUT_MS;

export interface Io {
  /** A promise is waited for where output has no end (`events -f`): the reader may be slow. */
  readonly out: (text: string) => void | Promise<void>;
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard output is a terminal of so many columns, as it is now; undefined: it is none. */
  readonly terminal: { readonly columns: number; readonly rows?: number } | undefined;
  /** Standard error is a terminal of so many columns: progress is one line there, written over and over. */
  readonly progress?: { readonly columns: number } | undefined;
  /** Takes the line that a terminal is to show while something is waited for; default: `progress` has it. */
  readonly waits?: ((line: string) => void) | undefined;
  /** Ends `events -f` in order. */
  readonly stop?: AbortSignal;
  /** From now on Ctrl-C is an orderly end, which this tells. */
  readonly interrupted?: () => AbortSignal;
  /** Calls back for each key; absent: nobody types. The result gives the keyboard back. */
  readonly keys?: (onKey: (key: string) => void) => () => void;
  /** To the daemon; default: by its socket. */
  readonly connect?: (socket: string) => Promise<Client>;
}

const STATUS_OF: Readonly<Record<ErrorCode, number>> = {
  bad_request: EXIT.usage,
  stale: EXIT.refused,
  refused: EXIT.refused,
  invalid_config: EXIT.invalidConfig,
  unavailable: EXIT.refused,
};

const viewOf = (io: Io, { format, columns }: Invocation): View => ({
  columns,
  width: format === 'wide' ? undefined : io.terminal?.columns,
  colour: io.terminal !== undefined && !io.env.NO_COLOR,
  wide: format === 'wide',
});

const asJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

async function asYaml(value: unknown): Promise<string> {
  const { stringify } = await import('yaml');
  // An answer may hold the same object twice; an anchor would only puzzle.
  return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });
}

async function formatProblems(problems: readonly ApiProblem[]): Promise<string> {
  const { formatProblem } = await import('../config/problems.js');
  return problems.map((problem) => `${harmless(formatProblem(problem))}\n`).join('');
}

async function tellProblems(io: Pick<Io, 'err'>, problems: readonly ApiProblem[]): Promise<void> {
  if (problems.length > 0) io.err(await formatProblems(problems));
}

async function resultText<M extends MethodName>(
  io: Io,
  invocation: Invocation,
  method: M,
  result: Methods[M]['result'],
): Promise<string> {
  const { format } = invocation;
  if (format === 'json') return asJson(result);
  if (format === 'yaml') return asYaml(result);
  const { render } = await import('./render/render.js');
  return understood(method, () => render(viewOf(io, invocation), method, result));
}

async function printResult<M extends MethodName>(
  io: Io,
  invocation: Invocation,
  method: M,
  result: Methods[M]['result'],
): Promise<void> {
  const text = await resultText(io, invocation, method, result);
  const { format } = invocation;
  if (format === 'json' || format === 'yaml') return io.out(text);
  if (method === 'reload' || method === 'apply' || method === 'plan')
    await tellProblems(io, (result as Methods['reload' | 'plan']['result']).problems);
  io.out(text);
}

/** The answer is another program's, perhaps of another version: one that lacks what is shown is not our bug. */
function understood<T>(method: string, show: () => T): T {
  try {
    return show();
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new Unreachable(
      `lbd's answer to "${method}" is not as this lbctl (${VERSION}) knows it: are both of one version? (${cause})`,
    );
  }
}

async function follow(client: Client, io: Io, invocation: Invocation, params: EventWords): Promise<void> {
  const { format } = invocation;
  const { renderEvent } = await import('./render/render.js');
  const view = viewOf(io, invocation);
  const close = () => client.close();
  io.stop?.addEventListener('abort', close);
  try {
    if (io.stop?.aborted) return;
    for await (const event of client.follow(params)) {
      if (format === 'json') await io.out(`${JSON.stringify(event)}\n`);
      else if (format === 'yaml') await io.out(`---\n${await asYaml(event)}`);
      else await io.out(understood('events', () => renderEvent(view, event)));
    }
  } catch (error) {
    if (!io.stop?.aborted) throw error;
  } finally {
    io.stop?.removeEventListener('abort', close);
  }
}

/** What of a command line is about files that only this process sees, read. */
async function withFiles(work: Work): Promise<Work> {
  if (work.kind !== 'with-text' && work.kind !== 'batch') return work;
  const { readBatch, readConfigText } = await import('./from-file.js');
  if (work.kind === 'batch')
    return { kind: 'call', method: 'changes', params: { changes: readBatch(work.file), ...work.params } };
  const { method, params, file } = work;
  const name = file === '-' ? 'standard input' : file;
  return { kind: 'call', method, params: { ...params, text: readConfigText(file), name } };
}

const isTroubled = ({ problems }: Methods['status']['result']): boolean => problems.some(({ severity }) => severity !== 'hint');

async function ask(invocation: Invocation, io: Io): Promise<number> {
  const { socket, format, watch: every } = invocation;
  const work = await withFiles(invocation.work);
  if (work.kind !== 'call' && work.kind !== 'follow') return EXIT.done;
  if (work.kind === 'call' && every !== undefined) {
    const { watch } = await import('./watch.js');
    await watch({ socket, format, every, ...work }, (answer) => resultText(io, invocation, work.method, answer as never), io);
    return EXIT.done;
  }
  const client = await (io.connect ?? connectSocket)(socket);
  try {
    if (work.kind === 'follow') await follow(client, io, invocation, work.params);
    else {
      const ms = timeoutOf(work.method);
      const result = await whileWaiting(io, ms, (heard) => client.call(work.method, work.params, ms, heard));
      await printResult(io, invocation, work.method, result);
      if (invocation.judged && understood('status', () => isTroubled(result as Methods['status']['result']))) return EXIT.refused;
    }
    return EXIT.done;
  } finally {
    client.close();
  }
}

async function checkConfig(file: string, format: Format, io: Io): Promise<number> {
  const { checkConfigFile } = await import('./check-config.js');
  const progress = createProgress(io);
  if (io.progress && takesLong(file)) progress.tell(`lbctl: ${file} is read and checked`);
  const { valid, problems: faults, missing } = checkConfigFile(file);
  progress.clear();
  const problems = [...faults, ...missing];
  if (format === 'json') io.out(asJson({ valid, problems }));
  else if (format === 'yaml') io.out(await asYaml({ valid, problems }));
  else {
    await tellProblems(io, problems);
    if (valid) io.out(`${file}: valid\n`);
  }
  return valid ? EXIT.done : EXIT.invalidConfig;
}

async function importOld(work: Work & { readonly kind: 'import' }, format: Format, io: Io): Promise<number> {
  const { importFile, noteLines, summaryLine } = await import('./import.js');
  const progress = createProgress(io);
  if (io.progress && takesLong(work.file)) progress.tell(`lbctl: ${work.file} is read and written anew`);
  const answer = importFile(work.file, work.strict, work.configId);
  progress.clear();
  if (format === 'json') io.out(asJson(answer));
  else if (format === 'yaml') io.out(await asYaml(answer));
  else {
    await tellProblems(io, answer.problems);
    for (const line of noteLines(answer)) io.err(`${harmless(line)}\n`);
    io.err(`${harmless(summaryLine(work.file, answer))}\n`);
    if (answer.valid && answer.config !== null) await io.out(answer.config);
    else if (answer.config !== null) io.err('lbctl: --strict: nothing is written, as something of it would be lost\n');
  }
  if (answer.config === null) return EXIT.invalidConfig;
  return answer.valid ? EXIT.done : EXIT.refused;
}

async function showTop(order: TopOrder, invocation: Invocation, io: Io): Promise<number> {
  const { top } = await import('./top.js');
  const { renderTop } = await import('./render/top.js');
  const print = async (ranking: Ranking) =>
    order.format === 'yaml' ? asYaml(ranking) : understood('stats', () => renderTop(viewOf(io, invocation), ranking));
  await top(order, print, io);
  return EXIT.done;
}

async function awaitCondition(order: WaitOrder, format: Format, io: Io): Promise<number> {
  const { wait } = await import('./wait.js');
  const { met, text } = await wait(order, io);
  if (format === 'json') io.out(asJson({ met, text }));
  else if (format === 'yaml') io.out(await asYaml({ met, text }));
  else io.out(`${harmless(text)}\n`);
  return EXIT.done;
}

/** Status 1 when there is something to do. */
async function doctor(invocation: Invocation, file: string | undefined, io: Io): Promise<number> {
  const { examineHost } = await import('./doctor.js');
  const found = await examineHost(invocation.socket, file, io);
  if ('status' in found) {
    io.err(harmless(found.words));
    return found.status;
  }
  await printResult(io, invocation, 'doctor', found);
  const isIll = () => found.findings.some(({ severity }) => severity === 'warning' || severity === 'critical');
  return understood('doctor', isIll) ? EXIT.refused : EXIT.done;
}

async function printScript(shell: Shell, io: Io): Promise<number> {
  const { readScript } = await import('./completion/read-script.js');
  const script = readScript(shell);
  if ('missing' in script) io.err(`lbctl: ${harmless(script.missing)}\n`);
  else await io.out(script.text);
  return 'missing' in script ? EXIT.refused : EXIT.done;
}

async function run(invocation: Invocation, io: Io): Promise<number> {
  const { work, format } = invocation;
  if (work.kind === 'drain') {
    const { drain } = await import('./drain.js');
    const tell = (result: Methods['set_state']['result']) => printResult(io, invocation, 'set_state', result);
    return drain({ socket: invocation.socket, order: work.order, wait: work.wait }, io, tell);
  }
  if (work.kind === 'top') return showTop({ ...work, socket: invocation.socket, format }, invocation, io);
  if (work.kind === 'wait') return awaitCondition({ ...work, socket: invocation.socket }, format, io);
  if (work.kind === 'check-config') return checkConfig(work.file, format, io);
  if (work.kind === 'import') return importOld(work, format, io);
  if (work.kind === 'doctor') return doctor(invocation, work.file, io);
  if (work.kind === 'completion') return printScript(work.shell, io);
  if (work.kind === 'complete') {
    const { complete } = await import('./complete.js');
    io.out(await complete(work, (io.connect ?? connectSocket)(invocation.socket)));
    return EXIT.done;
  }
  if (work.kind !== 'text') return ask(invocation, io);
  io.out(work.text);
  return EXIT.done;
}

interface Failure {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly problems?: readonly ApiProblem[];
}

/** Undefined: not one of ours, a bug. */
function failureOf(error: unknown): Failure | undefined {
  if (error instanceof UsageError) return { status: EXIT.usage, code: 'bad_request', message: error.message };
  if (error instanceof Unreachable) return { status: EXIT.unreachable, code: 'unreachable', message: error.message };
  if (error instanceof ApiRefusal) return { ...error.error, status: STATUS_OF[error.error.code] ?? EXIT.refused };
  return undefined;
}

async function tellFailure(io: Pick<Io, 'err'>, failure: Failure, format: string): Promise<void> {
  const { status: _, ...error } = failure;
  if (format === 'json') return io.err(`${JSON.stringify({ error })}\n`);
  await tellProblems(io, failure.problems ?? []);
  io.err(`lbctl: ${harmless(failure.message)}\n`);
}

/** Says what went wrong; the exit status. Throws what is a bug. */
export async function tellError(error: unknown, argv: readonly string[], io: Pick<Io, 'err'>): Promise<number> {
  const failure = failureOf(error);
  if (!failure) throw error;
  await tellFailure(io, failure, formatOf(argv));
  return failure.status;
}

/** What a command line asks for, or what is wrong with it. */
export function readCommandLine(argv: readonly string[], env: Io['env']): Invocation | UsageError {
  try {
    return parseCommandLine(argv, env);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
}

/** The exit status; never rejects but for a bug. */
export async function execute(asked: Invocation | UsageError, argv: readonly string[], io: Io): Promise<number> {
  try {
    if (asked instanceof UsageError) throw asked;
    return await run(asked, io);
  } catch (error) {
    return tellError(error, argv, io);
  }
}

/** The same of a command line that is not read yet. */
export const lbctl = async (argv: readonly string[], io: Io): Promise<number> => execute(readCommandLine(argv, io.env), argv, io);
