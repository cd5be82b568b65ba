/**
 * lbctl within the daemon, for the compiled lbctl (native/lbctl.c): the same grammar, the same words. Loaded by core when its start is
 * over.
 */
import { VERSION } from '../base/version.js';
import type { CommandLine } from '../control/api.js';
import { CALL_TIMEOUT_MS, ENDED, endedWhile, silent, Unreachable } from '../control/client.js';
import type { LastWords } from '../control/command-line.js';
import type { Invocation } from './grammar.js';
import { execute, type Io, readCommandLine, tellError, timeoutOf } from './lbctl.js';
import { UsageError } from './words.js';

/** lbctl waits a little longer than what waits here, which says the same. */
const SLACK_SECONDS = 2;

export interface Served {
  /** For lbctl, should the daemon die or stand still meanwhile. */
  readonly died: LastWords;
  readonly quiet: LastWords & { readonly seconds: number };
  /** The exit status; rejects for a bug alone. */
  run(io: Pick<Io, 'out' | 'err' | 'waits' | 'stop' | 'connect'>): Promise<number>;
}

/** Answers whose length is that of the table. */
const isWhole = ({ work }: Invocation): boolean =>
  work.kind === 'call' && (work.method === 'list' || work.method === 'stats') && work.params.service === undefined;

/** Why lbctl's own process must run it; undefined: it may run here. */
function whyElsewhere(asked: Invocation, socket: string, isLarge: () => boolean): string | undefined {
  const { work, format } = asked;
  if (work.kind === 'text') return undefined;
  if (asked.socket !== socket) return `${asked.socket} is asked, not ${socket}`;
  if (format === 'yaml') return 'the daemon does not load what writes YAML';
  if (asked.watch !== undefined || work.kind === 'top') return 'what is shown again and again outlives a restart of the daemon';
  if (work.kind === 'check-config' || work.kind === 'import' || work.kind === 'doctor')
    return `${work.kind} is about the files that lbctl sees`;
  if (work.kind === 'with-text' || work.kind === 'batch') return 'it reads a file that lbctl sees';
  if (work.kind === 'completion') return 'a script is read from a file of this lbctl';
  if (work.kind === 'drain' || work.kind === 'wait') return `a ${work.kind} outlives a restart of the daemon`;
  if (isWhole(asked) && isLarge()) return 'the answer is so long that making it would hold the daemon up';
  return undefined;
}

async function wordsOf(text: string, argv: readonly string[]): Promise<LastWords> {
  let said = '';
  const err = (part: string) => {
    said += part;
  };
  const status = await tellError(new Unreachable(text), argv, { err });
  return { text: said, status };
}

async function lastWordsOf(asked: Invocation | UsageError, argv: readonly string[]): Promise<Pick<Served, 'died' | 'quiet'>> {
  const work = asked instanceof UsageError ? undefined : asked.work;
  const died = await wordsOf(work?.kind === 'follow' ? ENDED : endedWhile('without an answer'), argv);
  if (work?.kind === 'follow') return { died, quiet: { ...died, seconds: 0 } };
  const [method, ms] = work?.kind === 'call' ? [work.method, timeoutOf(work.method)] : ['command_line', CALL_TIMEOUT_MS];
  return { died, quiet: { ...(await wordsOf(silent(method, ms), argv)), seconds: ms / 1000 + SLACK_SECONDS } };
}

/** A text says why lbctl must run it itself. `isLarge`: the table is. */
export async function serve(line: CommandLine, isLarge: () => boolean): Promise<Served | string> {
  const { argv, columns } = line;
  if (line.version !== VERSION) return `lbctl is of version ${line.version}, lbd of ${VERSION}`;
  const env = { LBD_SOCKET: line.lbd_socket, NO_COLOR: line.no_color };
  const asked = readCommandLine(argv, env);
  const elsewhere = asked instanceof UsageError ? undefined : whyElsewhere(asked, line.socket, isLarge);
  if (elsewhere !== undefined) return elsewhere;
  const terminal = columns === undefined ? undefined : { columns };
  return { ...(await lastWordsOf(asked, argv)), run: (io) => execute(asked, argv, { ...io, env, terminal }) };
}
