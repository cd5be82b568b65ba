/** MISC_CHECK: a program. */
import { formatDuration } from '../../base/duration.js';
import { type CheckDraft, type CheckerContext, type CheckWord, timed, timingIn } from './checkers-common.js';
import { commandWords, programOf, runAs } from './programs.js';
import { MISC_LIKE } from './services-timing.js';
import { keeper, loseWhole, type Reading, type Said, tellWhole, value, type Words, wholeOf, wordOf } from './services-words.js';
import type { Statement } from './types.js';
import { walk } from './walk.js';

interface MiscWords {
  readonly command: string;
  /** Seconds. */
  readonly timeout: number;
  readonly dynamic: true;
  /** And perhaps a group. */
  readonly user: readonly string[];
}

const DYNAMIC =
  'exit status 2 to 255 is so many percent of the weight, less 2; keepalived makes it the weight itself: with a weight of 100 both are the same';
/** With it keepalived's arithmetic and lbd's are the same. */
const DYNAMIC_WEIGHT = 100;

function userWord(said: Said<readonly string[]> | undefined, statement: Statement, reading: Reading): CheckWord {
  const { user, note } = runAs(said?.value ?? [], reading.given.globals.scriptUser);
  if (note !== undefined) reading.notes.change(said?.from ?? statement, note);
  return ['user', user, said?.from];
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
      misc_path: keep('command', (one) => value(commandWords(one)[0]?.text || undefined, 'it names no program')),
      misc_timeout: keep('timeout', (one) => value(wholeOf(wordOf(one), 0, 2 ** 31), `"${wordOf(one)}" is no number of seconds`)),
      misc_dynamic: keep('dynamic', () => ({ value: true })),
      user: keep('user', ({ args }) => value(args.length > 0 ? args.map((one) => one.text) : undefined, 'it names nobody')),
    },
    reading,
  );
  if (!misc.command) {
    tellWhole(statement, 'noEffect', 'keepalived passes over it: it has no misc_path', reading.notes);
    return [];
  }
  const program = programOf(misc.command.value);
  if ('refused' in program) {
    loseWhole(statement, program.refused, reading);
    return [];
  }
  if (program.note !== undefined) reading.notes.change(misc.command.from, program.note);
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
    ['command', program.command, misc.command.from],
    userWord(misc.user, statement, reading),
    ...(misc.dynamic ? [['weight', true, misc.dynamic.from] as const] : []),
  ];
  return [{ heads: [statement], type: 'script', words, timing, needsPort: false }];
}
