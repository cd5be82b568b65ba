/** lbctl that goes on until it is stopped: what it has said so far, and a terminal that shows it. */
import { type Io, lbctl } from '../../src/cli/lbctl.js';
import { createTerminal, type Terminal } from './terminal.js';

export interface Watching {
  readonly said: { out: string; err: string };
  readonly terminal: Terminal;
  readonly status: Promise<number>;
  stop(): void;
  press(key: string): void;
  /** Until all that was said is so. */
  until(pattern: RegExp): Promise<void>;
  /** Until the terminal shows it. */
  seen(pattern: RegExp): Promise<void>;
}

/** `size` undefined: a pipe. */
export function watching(argv: readonly string[], size?: { readonly columns: number; readonly rows: number }): Watching {
  const stop = new AbortController();
  const terminal = createTerminal(size?.columns ?? 80, size?.rows ?? 24);
  const said = { out: '', err: '' };
  let wake = (): void => {};
  let press: ((key: string) => void) | undefined;
  const io: Io = {
    out(text) {
      said.out += text;
      if (size) terminal.write(text);
      wake();
    },
    err(text) {
      said.err += text;
      wake();
    },
    env: {},
    terminal: size,
    interrupted: () => stop.signal,
    keys(onKey) {
      press = onKey;
      return () => {
        press = undefined;
      };
    },
  };
  const when = async (isSo: () => boolean): Promise<void> => {
    while (!isSo())
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  return {
    said,
    terminal,
    status: Promise.resolve().then(() => lbctl(argv, io)),
    stop: () => stop.abort(),
    press: (key) => press?.(key),
    until: (pattern) => when(() => pattern.test(said.out + said.err)),
    seen: (pattern) => when(() => pattern.test(terminal.lines().join('\n'))),
  };
}
