/** Something that is asked again and again, of a daemon that may be started again meanwhile: what `--watch` and `top` have in common. */
import { ApiRefusal, Unreachable } from '../control/client.js';
import { createLink, type Link } from './link.js';

/** A daemon that answers, but does not know the object (yet): it may just be starting. */
const STARTING_MS = 10_000;
/** One that is away is looked for at least so often. */
const AWAY_MS = 1000;

export interface Rounds {
  readonly socket: string;
  readonly every: number;
  /** So many answers; undefined: without an end. */
  readonly count?: number | undefined;
  readonly stop: AbortSignal;
}

export interface Round<T> {
  /** The last answer that there was. */
  readonly answer: T;
  /** Why there is no newer one, and for how long, in ms. */
  readonly away: { readonly error: Error; readonly for: number } | undefined;
}

export interface Pace {
  /** Waits for the next round; ended early by `hurry`. */
  hurry(): void;
}

const isPassing = (error: unknown, silent: number): boolean =>
  error instanceof Unreachable || (error instanceof ApiRefusal && (error.error.code === 'unavailable' || silent < STARTING_MS));

/** Shows each round until it is stopped. Rejects when the first answer is none, and for what does not pass. */
export async function rounds<T>(
  { socket, every, count = Number.POSITIVE_INFINITY, stop }: Rounds,
  ask: (link: Link) => Promise<T>,
  show: (round: Round<T>, pace: Pace) => void | Promise<void>,
): Promise<void> {
  const link = await createLink(socket);
  const close = () => link.close();
  stop.addEventListener('abort', close);
  let last: { readonly answer: T; readonly at: number } | undefined;
  let hurried = (): void => {};
  const pace: Pace = { hurry: () => hurried() };
  try {
    for (let shown = 0; shown < count && !stop.aborted; ) {
      const began = performance.now();
      const found: Round<T> | undefined = await ask(link).then(
        (answer) => ({ answer, away: undefined }),
        (error: Error) => {
          if (stop.aborted) return undefined;
          if (!last || !isPassing(error, performance.now() - last.at)) throw error;
          return { answer: last.answer, away: { error, for: performance.now() - last.at } };
        },
      );
      if (!found || stop.aborted) return;
      if (!found.away) [last, shown] = [{ answer: found.answer, at: performance.now() }, shown + 1];
      await show(found, pace);
      if (shown >= count) return;
      const hurry = new Promise<void>((resolve) => {
        hurried = resolve;
      });
      const pause = found.away ? Math.min(every, AWAY_MS) : every;
      await Promise.race([hurry, link.rest(Math.max(0, pause - (performance.now() - began)))]);
    }
  } finally {
    stop.removeEventListener('abort', close);
    link.close();
  }
}
