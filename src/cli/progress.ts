/** How far something is, on standard error: one line that is written over and over on a terminal, plain lines to a pipe. */
import { statSync } from 'node:fs';
import type { Io } from './lbctl.js';
import { harmless } from './render/text.js';

export interface Progress {
  /** Now and then, not each time. */
  tell(text: string): void;
  /** The last word, whole. */
  end(text: string): void;
  /** Nothing more comes of it: what stands on the terminal's line is taken away. */
  clear(): void;
}

/** From one line to the next: to a person, and to a pipe. */
const TELL_MS = { terminal: 900, pipe: 5000 };
/** Carriage return, erase to the end of the line (ECMA-48). */
const AGAIN = '\r\u001b[K';

export function createProgress({ err, progress: terminal }: Pick<Io, 'err' | 'progress'>): Progress {
  let told = performance.now();
  let stands = false;
  const clear = (): void => {
    if (stands) err(AGAIN);
    stands = false;
  };
  return {
    tell(text) {
      const now = performance.now();
      const first = terminal !== undefined && !stands;
      if (!first && now - told < (terminal ? TELL_MS.terminal : TELL_MS.pipe)) return;
      told = now;
      const line = harmless(text).replace(/\n/g, ' ');
      if (terminal) err(`${AGAIN}${[...line].slice(0, terminal.columns - 1).join('')}`);
      else err(`${line}\n`);
      stands = terminal !== undefined;
    },
    end(text) {
      clear();
      err(`${harmless(text)}\n`);
    },
    clear,
  };
}

/** Bytes that take a second to read, about. */
const LARGE = 1 << 20;

/** A configuration, ours or keepalived's, whose reader is to say what it is at. */
export function takesLong(file: string): boolean {
  try {
    return statSync(file).size > LARGE;
  } catch {
    // What is wrong with it is told by who reads it.
    return false;
  }
}
