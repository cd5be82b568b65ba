/** Administrative states: drain, undrain, disable, enable. */
import type { ChangeOptions, StateOptions } from '../../control/api.js';
import * as words from '../words.js';
import { drainOptions, STICKY_HELP } from './drain-options.js';
import { changing, type Define, type DrainOrder, given, type Options, optional, type Settle } from './kit.js';

type StateTarget = { readonly host: string } | { readonly service: string; readonly rs: string };

/** SERVICE RS, or `--host`. */
function stateTarget(name: string, service: string | undefined, rs: string | undefined, options: Options): StateTarget {
  const host = optional(options.host, words.readHost);
  if (host !== undefined && service === undefined) return { host };
  if (host !== undefined) throw new words.UsageError(`${name} takes SERVICE RS or --host, not both`);
  if (service === undefined || rs === undefined) throw new words.UsageError(`${name} needs SERVICE RS, or --host ADDRESS`);
  return { service: words.readService(service), rs: words.readRealServer(rs) };
}

type StateWords = { readonly state: string } & StateOptions & ChangeOptions;

const stateOrder = (target: StateTarget, params: StateWords): Exclude<DrainOrder, { method: 'del_rs' }> =>
  'host' in target
    ? { method: 'set_host', params: { ...target, ...params } }
    : { method: 'set_state', params: { ...target, ...params } };

export function addStates(define: Define, settle: Settle): void {
  const host = '--host <ADDRESS>';
  define('drain [SERVICE] [RS]', 'no new connections to a real server; it comes back by undrain, or after --for', true)
    .option(host, 'every real server with that address, those that come later too')
    .option(
      '--deadline <TIME>',
      'what is left then is cut: 30s, 10m, never; default: never, UDP services after their idle timeout',
    )
    .option('--sticky <CHOICE>', STICKY_HELP)
    .option('--for <TIME>', 'it comes back by itself: 30m, 2h')
    .option('--wait', 'ends when no connection is left, or the deadline has cut the rest')
    .action((service, rs, options) => {
      const target = stateTarget('drain', service, rs, options);
      const length = given({ for: optional(options.for, words.readSeconds) });
      const own = { state: 'drain', ...drainOptions(options.deadline, options.sticky), ...length, ...changing(options) };
      const drain = stateOrder(target, own);
      settle(options.dryRun ? { kind: 'call', ...drain } : { kind: 'drain', order: drain, wait: options.wait === true });
    });
  const others = [
    ['undrain', 'ends a drain, also one that is over'],
    ['disable', 'takes a real server out of the table; its connections are cut'],
    ['enable', 'ends disable'],
  ] as const;
  for (const [state, summary] of others) {
    const command = define(`${state} [SERVICE] [RS]`, summary, true).option(host, 'every real server with that address');
    if (state === 'disable') command.option('--for <TIME>', 'it comes back by itself: 30m, 2h');
    command.action((service, rs, options) => {
      const length = given({ for: optional(options.for, words.readSeconds) });
      const target = stateTarget(state, service, rs, options);
      settle({ kind: 'call', ...stateOrder(target, { state, ...length, ...changing(options) }) });
    });
  }
}
