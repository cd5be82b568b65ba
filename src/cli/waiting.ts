/** What is shown of a question that takes longer than a second: one line on a terminal, gone when the answer is there. Nothing to a pipe. */
import { formatDuration, type Milliseconds } from '../base/duration.js';
import type { ApiProgress } from '../control/api.js';
import type { Io } from './lbctl.js';
import type { Link } from './link.js';
import { createProgress } from './progress.js';

/** lbd tells each second what it is at: one that is silent for longer is what is waited for. It is looked at so often. */
const SILENT_MS = 1200;
const LOOK_MS = 500;

/** `lbctl: waits for the check process, 4s of at most 25s`. */
const lineOf = (text: string, passed: Milliseconds, limit: Milliseconds): string =>
  `lbctl: ${text}, ${Math.floor(passed / 1000)}s of at most ${formatDuration(limit)}`;

/** A link whose first answer is awaited so: what is asked again and again tells later by itself that nobody answers. */
export function waitedFor(io: Pick<Io, 'err' | 'progress'>): (link: Link) => Pick<Link, 'call'> {
  let first = true;
  return (link) => ({
    async call(method, params, limit) {
      if (!first) return link.call(method, params, limit);
      first = false;
      return whileWaiting(io, limit, (heard) => link.call(method, params, limit, heard));
    },
  });
}

/** Awaits an answer that may take `limit`; `heard` is for what lbd says meanwhile, `silence` what is shown while it says nothing. */
export async function whileWaiting<T>(
  io: Pick<Io, 'err' | 'progress' | 'waits'>,
  limit: Milliseconds,
  ask: (heard: ((progress: ApiProgress) => void) | undefined) => Promise<T>,
  silence = 'lbd does not answer',
): Promise<T> {
  if (!io.progress && !io.waits) return ask(undefined);
  const progress = createProgress(io);
  const show = io.waits ?? progress.tell;
  const began = performance.now();
  let heardAt = began;
  const tell = (text: string, most: Milliseconds): void => show(lineOf(text, performance.now() - began, most));
  const look = (): void => {
    if (performance.now() - heardAt > SILENT_MS) tell(silence, limit);
  };
  // Within lbd there is nobody else who could be silent; its loop tells what it is at.
  const timer = io.waits ? undefined : setInterval(look, LOOK_MS);
  const heard = (told: ApiProgress): void => {
    heardAt = performance.now();
    tell(told.text, Math.min(told.limit_ms ?? limit, limit));
  };
  try {
    return await ask(heard);
  } finally {
    clearInterval(timer);
    progress.clear();
  }
}
