/** Commands about the director as a whole: who is master, and which configuration is in force. */
import * as words from '../words.js';
import { call, changing, type Define, given, optional, type Settle } from './kit.js';

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
  define('reload', 'reads the configuration file again; any error in it changes nothing', true).action((options) =>
    settle(call('reload', changing(options))),
  );
}
