/** real_server blocks: what each says, before it is known which services of lbd have it. */
import type { Forward } from '../passage.js';
import { CHECKERS } from './checkers.js';
import type { CheckDraft, ClientTls } from './checkers-common.js';
import type { Given } from './parts.js';
import { type Forwarding, forwardHandler } from './services-forward.js';
import { type TimingWords, timingHandlers } from './services-timing.js';
import {
  createReading,
  flagOf,
  keeper,
  type Place,
  type Reading,
  type Said,
  value,
  type Words,
  wholeOf,
  wordOf,
} from './services-words.js';
import type { Statement } from './types.js';
import { walk } from './walk.js';

export interface ServerWords {
  readonly weight: number;
  readonly forward: Forwarding;
  readonly upper: number;
  readonly lower: number;
  readonly quiesce: boolean;
  readonly host: string;
}

export interface ServerDraft {
  readonly statement: Statement;
  readonly place: Place;
  readonly words: Words<ServerWords>;
  readonly reading: Reading;
  readonly forward: Forward;
  readonly weight: number;
  readonly checks: readonly CheckDraft[];
}

/** What it has of its virtual server. */
export interface Inherited {
  readonly timing: Words<TimingWords>;
  readonly forward: Forward;
  readonly weight: number;
  readonly host: Said<string> | undefined;
  readonly tls: ClientTls | undefined;
}

const MOST_THRESHOLD = 2 ** 32 - 1;
const MOST_WEIGHT = 2 ** 31 - 1;

const whole = (most: number) => (statement: Statement) =>
  value(wholeOf(wordOf(statement), 0, most), `"${wordOf(statement)}" is no whole number from 0 to ${most}`);

export function readServer(statement: Statement, place: Place, inherited: Inherited, given: Given): ServerDraft {
  const reading = createReading(given);
  const [words, timing]: [Words<ServerWords>, Words<TimingWords>] = [{}, {}];
  const checkers: Statement[] = [];
  const keep = keeper(words, reading);
  walk(
    'real_server',
    statement.block ?? [],
    {
      ...timingHandlers(timing, reading, 1),
      ...Object.fromEntries(Object.keys(CHECKERS).map((word) => [word, (one: Statement) => checkers.push(one)])),
      weight: keep('weight', whole(MOST_WEIGHT)),
      lvs_method: keep('forward', forwardHandler(reading)),
      uthreshold: keep('upper', whole(MOST_THRESHOLD)),
      lthreshold: keep('lower', whole(MOST_THRESHOLD)),
      inhibit_on_failure: keep('quiesce', (one) => value(flagOf(one), `"${wordOf(one)}" is neither on nor off`)),
      virtualhost: keep('host', (one) => value(wordOf(one) || undefined, 'it says nothing')),
    },
    reading,
  );
  const context = {
    reading,
    levels: [timing, inherited.timing],
    target: place.address,
    weight: words.weight?.value ?? inherited.weight,
    serverHost: words.host,
    serviceHost: inherited.host,
    tls: inherited.tls,
  };
  return {
    statement,
    place,
    words,
    reading,
    forward: words.forward?.value.method ?? inherited.forward,
    weight: context.weight,
    checks: checkers.flatMap((one) => CHECKERS[one.key.text]?.(one, context) ?? []),
  };
}
