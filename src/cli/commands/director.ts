/** Commands about the director as a whole: who is master, and which configuration is in force. */
import * as words from '../words.js';
import { call, changing, type Define, forcing, given, type Options, optional, type Settle } from './kit.js';

export function addDirector(define: Define, settle: Settle): void {
  define(
    'failover INSTANCE',
    'gives the addresses to another director without a gap; this one stays back until that one fails',
    true,
  )
    .option('--check', 'compares both directors (global.peers), says whether it would be done, and does nothing')
    .option('--force', 'though the other director is not fit for it, or does not tell')
    .option('--for <TIME>', 'this one may take over again after that time: 10m, 2h')
    .option('--undo', 'this one may take over again now')
    .action((instance, options) => {
      if (options.undo && (options.check || options.for !== undefined))
        throw new words.UsageError('--undo of failover stands alone');
      if (options.force && (options.check || options.undo)) throw new words.UsageError('--force of failover only gives away');
      const length = given({ for: optional(options.for, words.readSeconds) });
      const flags = given({ undo: options.undo, check: options.check, force: options.force } as Record<string, true | undefined>);
      settle(call('failover', { instance: words.readName(instance), ...length, ...flags, ...changing(options) }));
    });
}

const FORCE = '--force';
const FORCE_HELP = 'though it removes more than global.max_removed at once';

/** Which configuration is in force. */
export function addRevisions(define: Define, settle: Settle): void {
  define('reload', 'reads the configuration file again; any error in it changes nothing', true)
    .option(FORCE, FORCE_HELP)
    .action((options) => settle(call('reload', forcing(options))));
  define(
    'plan [FILE]',
    'what FILE as the configuration would change, object by object and in the kernel; default: a reload',
  ).action((file) =>
    settle(file === undefined ? call('plan', {}) : { kind: 'with-text', method: 'plan', file: words.readName(file), params: {} }),
  );
  define('apply FILE', 'makes FILE the configuration file, and puts it in force', true)
    .option('--confirm <TIME>', 'it is taken back after that time, or when lbd ends, unless confirmed: 60s, 5m')
    .option(FORCE, `${FORCE_HELP}, or overwrites edits of the file that were not loaded`)
    .action((file, options) => {
      const params = given({ ...forcing(options), confirm: optional(options.confirm, words.readSeconds) });
      settle({ kind: 'with-text', method: 'apply', file: words.readName(file), params });
    });
  define('confirm', 'what was applied stays', true).action((options) => settle(call('confirm', changing(options))));
  define(
    'rollback [REVISION]',
    'back to a revision; default: what is not confirmed yet, or else the last change, is undone',
    true,
  )
    .option(FORCE, FORCE_HELP)
    .action((revision, options) =>
      settle(call('rollback', given({ revision: optional(revision, words.readCount), ...forcing(options) }))),
    );
  define('history', 'revisions: what was wanted when, who changed it, and why')
    .option('--limit <N>', 'at most so many, the newest')
    .action((options: Options) => settle(call('history', given({ limit: optional(options.limit, words.readCount) }))));
  define('batch [FILE]', 'changes in one request, all of them or none: a command line each, from FILE or standard input', true)
    .option(FORCE, FORCE_HELP)
    .action((file, options) => {
      settle({ kind: 'batch', file: file === undefined ? '-' : words.readName(file), params: forcing(options) });
    });
  define(
    'diff [PEER]',
    'what is set at run time beside the file, by whom and why; or what the kernel or another director has otherwise',
  )
    .option('--file', 'beside the file; the same as without an option')
    .option('--kernel', 'what the kernel has at this moment, beside what is wanted')
    .option('--peer', 'each director of global.peers, or the one that is named, beside this one')
    .action((peer, options: Options) => {
      const chosen = ['file', 'kernel', 'peer'].filter((one) => options[one] === true);
      if (chosen.length > 1) throw new words.UsageError('diff takes one of --file, --kernel and --peer');
      if (peer !== undefined && chosen[0] !== 'peer') throw new words.UsageError('diff takes a name with --peer alone');
      settle(call('diff', given({ against: chosen[0] ?? 'file', peer: optional(peer, words.readName) })));
    });
  define('save', 'writes what was changed at run time into the configuration file, keeping all else in it', true).action(
    (options) => settle(call('save', changing(options))),
  );
}
