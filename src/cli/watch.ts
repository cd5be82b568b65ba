/** `--watch`: an answer shown anew, at a terminal over the one before, in a pipe one after the other. */
import { formatDuration } from '../base/duration.js';
import type { MethodName, Methods } from '../control/api.js';
import type { Format } from './grammar.js';
import { type Io, timeoutOf } from './lbctl.js';
import { age, harmless } from './render/text.js';
import { type Round, rounds } from './rounds.js';
import { createScreen } from './screen.js';
import { waitedFor } from './waiting.js';

export interface WatchOrder {
  readonly socket: string;
  readonly every: number;
  readonly format: Format;
  readonly method: MethodName;
  readonly params: Methods[MethodName]['params'];
}

/** A text of one answer. */
export type Print = (answer: Methods[MethodName]['result']) => Promise<string>;

const DIM = ['\u001b[2m', '\u001b[0m'] as const;

/** What is said of a daemon that went away, once. */
export function createAwayTeller(io: Pick<Io, 'err'>): (round: Round<unknown>) => void {
  let away = false;
  return ({ away: now }) => {
    if (now && !away) io.err(`lbctl: ${harmless(now.error.message)}: waiting for it\n`);
    if (!now && away) io.err('lbctl: lbd answers again\n');
    away = now !== undefined;
  };
}

/** One line above what is shown. */
export function headOf(what: string, every: number, { away }: Round<unknown>, columns: number): string {
  const when = `${new Date().toISOString().slice(0, 19)}Z`;
  const trouble = away ? `  no answer for ${age(away.for / 1000)}: ${harmless(away.error.message)}` : '';
  const text = [...`${when}  ${what}, every ${formatDuration(every)}${trouble}`];
  return text.length > columns ? `${text.slice(0, columns - 1).join('')}…` : text.join('');
}

/** Between two answers in a pipe. */
export const ruler = (): string => `--- ${new Date().toISOString()}\n`;

function showerFor(order: WatchOrder, print: Print, io: Io): (round: Round<Methods[MethodName]['result']>) => Promise<void> {
  const { format, every, method } = order;
  const tellAway = createAwayTeller(io);
  const colour = !io.env.NO_COLOR;
  const screen = io.terminal && format !== 'json' && format !== 'yaml' ? createScreen(colour) : undefined;
  let [text, last]: [string, unknown] = ['', undefined];
  return async (round) => {
    const { answer } = round;
    if (!screen || !io.terminal) {
      tellAway(round);
      if (round.away) return;
      if (format === 'json') await io.out(`${JSON.stringify(answer)}\n`);
      else await io.out(`${format === 'yaml' ? '---\n' : ruler()}${await print(answer)}`);
      return;
    }
    if (answer !== last) [text, last] = [await print(answer), answer];
    const { columns, rows = 24 } = io.terminal;
    const head = headOf(method.replace('_', '-'), every, round, columns);
    await io.out(screen.draw(`${colour ? DIM.join(head) : head}\n\n${text}`, { columns, rows }, 1));
  };
}

/** Until it is stopped, which is an orderly end. */
export async function watch(order: WatchOrder, print: Print, io: Io): Promise<void> {
  const stop = io.interrupted?.() ?? new AbortController().signal;
  const { method, params } = order;
  const show = showerFor(order, print, io);
  const patiently = waitedFor(io);
  await rounds({ ...order, stop }, (link) => patiently(link).call(method, params as never, timeoutOf(method)), show);
}
