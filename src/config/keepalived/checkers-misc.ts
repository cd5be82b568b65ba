/** MISC_CHECK: a program. */
import { formatDuration } from '../../base/duration.js';
import { splitCommand } from './checkers-command.js';
import { type CheckDraft, type CheckerContext, type CheckWord, timed, timingIn } from './checkers-common.js';
import { MISC_LIKE } from './services-timing.js';
import { cookedWords, keeper, type Reading, value, type Words, wholeOf, wordOf } from './services-words.js';
import type { Statement } from './types.js';
import { walk } from './walk.js';

interface MiscWords {
  readonly command: readonly string[];
  /** Seconds. */
  readonly timeout: number;
  readonly dynamic: true;
  readonly user: string;
}

const DYNAMIC =
  'exit status 2 to 255 is so many percent of the weight, less 2; keepalived makes it the weight itself: with a weight of 100 both are the same';
/** With it keepalived's arithmetic and lbd's are the same. */
const DYNAMIC_WEIGHT = 100;
const NO_GROUP = 'the program has the groups of its user: lbd takes no group';
const DEFAULT_USER =
  'keepalived runs it as keepalived_script where there is such a user, and as root otherwise: root is written; name a user with fewer rights';

function readCommand(statement: Statement): { readonly value: readonly string[] } | string {
  const line = cookedWords(statement);
  if (typeof line === 'string') return line;
  const words = splitCommand(line[0]?.text ?? '');
  if (words === undefined) return 'nothing ends what a quote in it begins';
  return value(words.length > 0 ? words : undefined, 'it names no program');
}

/** `:group` adds supplementary groups, which lbd always does. */
function userWord(
  user: Words<MiscWords>['user'],
  statement: Statement,
  reading: Reading,
  fallback: string | undefined,
): CheckWord {
  if (user) {
    if (user.from.args.length > 1) reading.notes.change(user.from, NO_GROUP);
    return ['user', user.value, user.from];
  }
  if (fallback === undefined) reading.notes.change(statement, DEFAULT_USER);
  return ['user', fallback ?? 'root'];
}

const MOST_TIMEOUT = 600;
const SECOND = 1000;

export function readMisc(statement: Statement, context: CheckerContext): CheckDraft[] {
  const { reading, levels } = context;
  const misc: Words<MiscWords> = {};
  const keep = keeper(misc, reading);
  const { words: times, handlers } = timed(reading);
  walk(
    'MISC_CHECK',
    statement.block ?? [],
    {
      ...handlers,
      misc_path: keep('command', readCommand),
      misc_timeout: keep('timeout', (one) => value(wholeOf(wordOf(one), 0, 2 ** 31), `"${wordOf(one)}" is no number of seconds`)),
      misc_dynamic: keep('dynamic', () => ({ value: true })),
      user: keep('user', (one) => value(wordOf(one) || undefined, 'it names no user')),
    },
    reading,
  );
  if (!misc.command) {
    reading.notes.noEffect(statement, 'keepalived passes over it: it has no misc_path');
    return [];
  }
  // 0 is the same as not said: delay_loop of the virtual server, whatever the checker's is.
  const own = misc.timeout?.value ? misc.timeout.value * SECOND : (levels.at(-1)?.delayLoop?.value ?? 60 * SECOND);
  const timing = timingIn(context, [times], MISC_LIKE, own);
  if (own > MOST_TIMEOUT * SECOND)
    reading.notes.change(
      misc.timeout?.from ?? statement,
      `the program has ${formatDuration(timing.timeout)}, the longest that lbd allows`,
    );
  if (misc.dynamic && context.weight !== DYNAMIC_WEIGHT) reading.notes.change(misc.dynamic.from, DYNAMIC);
  const words: CheckWord[] = [
    ['command', misc.command.value, misc.command.from],
    userWord(misc.user, statement, reading, reading.given.globals.scriptUser),
    ...(misc.dynamic ? [['weight', true, misc.dynamic.from] as const] : []),
  ];
  return [{ heads: [statement], type: 'script', words, timing, needsPort: false }];
}
