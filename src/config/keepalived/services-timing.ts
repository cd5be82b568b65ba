/**
 * When checks are made. keepalived counts from the end of a probe, and waits for each stage of it; lbd counts from start to start, and has one
 * deadline; a probe that takes longer than the interval delays the next one in both. Both repeat a failed probe after a time of its own.
 */
import type { Milliseconds } from '../../base/duration.js';
import { keeper, type Notebook, type Reading, timerOf, value, type Words, wholeOf, wordOf } from './services-words.js';
import type { Statement } from './types.js';
import type { Handlers } from './walk.js';

/** What each level may say. */
export interface TimingWords {
  readonly delayLoop: Milliseconds;
  readonly connectTimeout: Milliseconds;
  /** Tries after the first one. */
  readonly retry: number;
  readonly delayBeforeRetry: Milliseconds;
}

/** As the checks of lbd have it. */
export interface Timing {
  readonly interval: Milliseconds;
  readonly interval_changing: Milliseconds | undefined;
  readonly timeout: Milliseconds;
  readonly fall: number;
}

/** What a kind of checker has where nobody says it. */
export interface TimingDefaults {
  readonly retry: number;
  /** Undefined: delay_loop. */
  readonly gap: Milliseconds | undefined;
}

const SECOND = 1000;
const HOUR = 3_600_000;
/** Longer than the 10 ms of the schema: a silence must be shorter than the deadline. */
const LEAST = 20;
const LONGEST_TIMEOUT = 600_000;
const MOST_FALL = 1000;

const DELAY_LOOP = 60 * SECOND;
const CONNECT_TIMEOUT = 5 * SECOND;

export const TCP_LIKE: TimingDefaults = { retry: 1, gap: SECOND };
export const WEB_LIKE: TimingDefaults = { retry: 1, gap: 3 * SECOND };
export const DNS_LIKE: TimingDefaults = { retry: 3, gap: undefined };
export const MISC_LIKE: TimingDefaults = { retry: 0, gap: SECOND };

const MOST_RETRY = 2 ** 32 - 1;

const timer = (least: number) => (statement: Statement) => {
  const ms = timerOf(wordOf(statement));
  return value(ms !== undefined && ms >= least ? ms : undefined, `"${wordOf(statement)}" is no number of seconds`);
};

/** Services and real servers need one retry at least, where they say it. */
export function timingHandlers(words: Words<TimingWords>, reading: Reading, leastRetry: number): Handlers {
  const keep = keeper(words, reading);
  return {
    delay_loop: keep('delayLoop', timer(0.001)),
    connect_timeout: keep('connectTimeout', timer(0.001)),
    delay_before_retry: keep('delayBeforeRetry', timer(0)),
    retry: keep('retry', (statement) =>
      value(wholeOf(wordOf(statement), leastRetry, MOST_RETRY), `"${wordOf(statement)}" is no number of tries`),
    ),
  };
}

const bounded = (least: number, wanted: number, most: number): number => Math.min(most, Math.max(least, wanted));

/** Nearest first. */
function said<K extends keyof TimingWords>(key: K, levels: readonly Words<TimingWords>[]) {
  return levels.find((level) => level[key] !== undefined)?.[key];
}

export interface TimingOf {
  /** Of the check, its real server, its virtual server. */
  readonly levels: readonly Words<TimingWords>[];
  readonly defaults: TimingDefaults;
  /** Where the deadline is another word than connect_timeout. */
  readonly deadline?: Milliseconds;
}

export function timingOf(of: TimingOf, notes: Notebook): Timing {
  const { levels, defaults, deadline } = of;
  const interval = bounded(LEAST, said('delayLoop', levels)?.value ?? DELAY_LOOP, HOUR);
  const timeout = bounded(LEAST, deadline ?? said('connectTimeout', levels)?.value ?? CONNECT_TIMEOUT, LONGEST_TIMEOUT);
  const fall = bounded(1, (said('retry', levels)?.value ?? defaults.retry) + 1, MOST_FALL);
  const repeat = said('delayBeforeRetry', levels);
  const changing = bounded(LEAST, repeat?.value ?? defaults.gap ?? interval, HOUR);
  if (fall === 1 && repeat !== undefined && repeat === levels[0]?.delayBeforeRetry)
    notes.noEffect(repeat.from, 'without a retry there is nothing that is repeated');
  return { interval, interval_changing: fall === 1 || changing === interval ? undefined : changing, timeout, fall };
}
