/** `set-vs SERVICE`: settings of a virtual server at run time. */
import { Option } from 'commander';
import { parseChoice, parseServerWord, SCHEDULER_FLAGS, SCHEDULERS } from '../../base/words.js';
import type { Methods } from '../../control/api.js';
import * as words from '../words.js';
import { call, changing, type Define, given, type Options, type Settle } from './kit.js';

type Params = Methods['set_vs']['params'];

const none = (word: string): boolean => word === 'none' || word === 'off' || word === '0';
const timeOrNone = (word: string): number => (none(word) ? 0 : words.readSeconds(word));

function readFlags(word: string): string {
  if (none(word)) return 'none';
  for (const one of word.split(',')) words.taken(parseChoice('scheduler flag', one, SCHEDULER_FLAGS));
  return word;
}

const readFailure = (word: string): string => words.taken(parseChoice('reaction to failure', word, ['remove', 'quiesce']));

function readSorry(word: string): string {
  if (none(word)) return 'none';
  words.taken(parseServerWord(word));
  return word;
}

/** Of the command line by the API's names. */
const READERS = {
  scheduler: words.readScheduler,
  scheduler_flags: readFlags,
  persistence: timeOrNone,
  persistence_prefix: words.readCount,
  quorum: words.readCount,
  hysteresis: words.readCount,
  on_failure: readFailure,
  slow_start: timeOrNone,
  sorry_server: readSorry,
} as const satisfies { readonly [K in keyof Params]?: (word: string) => Params[K] };

/** `default` says what --unset says. */
const DEFAULT = 'default';

const optionOf = (name: string): string => name.replace(/_(.)/g, (_all, letter: string) => letter.toUpperCase());

function readSettings(options: Options): Omit<Params, 'service'> {
  const found: Record<string, string | number> = {};
  if (options.forward !== undefined)
    throw new words.UsageError('set-vs has no --forward: a method is of each real server (add-rs --forward), or of the file');
  const unset = typeof options.unset === 'string' ? [options.unset] : [];
  for (const [name, read] of Object.entries(READERS)) {
    const word = options[optionOf(name)];
    if (word === DEFAULT) unset.push(name);
    else if (typeof word === 'string') found[name] = read(word);
  }
  if (Object.keys(found).length === 0 && unset.length === 0)
    throw new words.UsageError('set-vs sets at least one of its options (see lbctl set-vs --help)');
  return { ...found, ...given({ unset: unset.length > 0 ? unset.join(',') : undefined }) };
}

const length = (options: Options) => given({ for: typeof options.for === 'string' ? words.readSeconds(options.for) : undefined });

export function addSetVs(define: Define, settle: Settle): void {
  define('set-vs SERVICE', 'sets settings of a virtual server; connections stay where they are', true)
    .option('--scheduler <S>', SCHEDULERS.join(', '))
    .option('--scheduler-flags <LIST>', `${SCHEDULER_FLAGS.join(', ')}, with commas; none`)
    .option('--persistence <TIME>', 'a client keeps its real server for so long: 300s, 5m; none')
    .option('--persistence-prefix <BITS>', 'clients of one network of that length are one')
    .option('--quorum <N>', 'the least weight that is up with which the service is served')
    .option('--hysteresis <N>', 'so much more meets it again, so much less loses it')
    .option('--on-failure <WORD>', 'remove or quiesce (weight 0)')
    .option('--slow-start <TIME>', 'the weight of who comes up grows for so long; none')
    .option('--sorry-server <ADDRESS:PORT>', 'serves while the quorum is lost; none')
    .option('--unset <LIST>', 'settings that are to be as the file has them, with commas, or all; so does the value "default"')
    .option('--for <TIME>', 'it ends by itself: 30m, 2h')
    .addOption(new Option('--forward <METHOD>').hideHelp())
    .action((service, options) =>
      settle(
        call('set_vs', {
          service: words.readService(service),
          ...readSettings(options),
          ...length(options),
          ...changing(options),
        }),
      ),
    );
}
