/** Commands that change services and who serves them. */
import { SCHEDULERS } from '../../base/words.js';
import * as words from '../words.js';
import { drainOptions, STICKY_HELP } from './drain-options.js';
import { call, changing, type Define, given, type Options, optional, type Settle } from './kit.js';
import { addSetVs } from './set-vs.js';

const FOR_HELP = 'it ends by itself: 30m, 2h';
const forATime = (options: Options) => given({ for: optional(options.for, words.readSeconds) });

const serverOptions = (options: Options) =>
  given({
    weight: optional(options.weight, words.readWeight),
    forward: optional(options.forward, words.readForward),
    upper: optional(options.upper, words.readThreshold),
    lower: optional(options.lower, words.readThreshold),
  });

const serviceOptions = (options: Options) =>
  given({
    protocol: optional(options.protocol, words.readProtocol),
    scheduler: optional(options.scheduler, words.readScheduler),
    forward: optional(options.forward, words.readForward),
    persistence: optional(options.persistence, words.readSeconds),
    one_packet: options.onePacket === true ? true : undefined,
  });

/** At once, or by a drain. */
function addRemoval(define: Define, settle: Settle): void {
  define('del-rs SERVICE RS', 'takes a real server out of its service', true)
    .option('--drain <DEADLINE>', 'when no connection is left, or after that time: 30s, 10m, never; undrain keeps it')
    .option('--sticky <CHOICE>', `with --drain; ${STICKY_HELP}`)
    .option('--wait', 'with --drain: ends when it is gone')
    .option('--for <TIME>', FOR_HELP)
    .action((service, rs, options) => {
      const target = { service: words.readService(service), rs: words.readRealServer(rs) };
      if (options.drain === undefined && (options.sticky !== undefined || options.wait))
        throw new words.UsageError('--sticky and --wait of del-rs belong to --drain');
      if (options.drain !== undefined && options.for !== undefined)
        throw new words.UsageError('del-rs with --drain is for good: leave --for out');
      if (options.drain === undefined) return settle(call('del_rs', { ...target, ...forATime(options), ...changing(options) }));
      const params = { ...target, drain: true, ...drainOptions(options.drain, options.sticky), ...changing(options) };
      if (options.dryRun) return settle(call('del_rs', params));
      settle({ kind: 'drain', order: { method: 'del_rs', params }, wait: options.wait === true });
    });
}

export function addChanging(define: Define, settle: Settle): void {
  define('add-rs SERVICE RS', 'adds a real server now; it takes traffic when its checks pass', true)
    .option('--weight <N>', 'default 1')
    .option('--forward <METHOD>', 'dr, nat or tun; default: as the service')
    .option('--upper <N>', 'no new connections above so many')
    .option('--lower <N>', 'new connections again below so many')
    .option('--for <TIME>', FOR_HELP)
    .action((service, rs, options) => {
      const target = { service: words.readService(service), rs: words.readRealServer(rs) };
      settle(call('add_rs', { ...target, ...serverOptions(options), ...forATime(options), ...changing(options) }));
    });
  define('set-rs SERVICE RS', 'sets the weight of a real server', true)
    .requiredOption('--weight <N|P%>', 'the weight, or a percentage of the configured one')
    .option('--for <TIME>', FOR_HELP)
    .action((service, rs, options) => {
      const target = { service: words.readService(service), rs: words.readRealServer(rs) };
      settle(
        call('set_rs', {
          ...target,
          weight: words.readWeightOrPercent(options.weight),
          ...forATime(options),
          ...changing(options),
        }),
      );
    });
  addRemoval(define, settle);
  define('add-vs NAME ADDRESS', 'adds a virtual server; what is not said is as the defaults of the file say', true)
    .option('--protocol <P>', 'tcp, udp or sctp; default tcp')
    .option('--scheduler <S>', SCHEDULERS.join(', '))
    .option('--forward <METHOD>', 'dr, nat or tun')
    .option('--persistence <TIME>', 'a client keeps its real server for so long: 300s, 5m')
    .option('--one-packet', 'every UDP datagram is scheduled by itself (with --forward dr or tun)')
    .option('--for <TIME>', FOR_HELP)
    .action((name, address, options) => {
      const target = { name: words.readNewName(name), address: words.readServiceTarget(address) };
      settle(call('add_vs', { ...target, ...serviceOptions(options), ...forATime(options), ...changing(options) }));
    });
  addSetVs(define, settle);
  define('del-vs SERVICE', 'removes a virtual server', true)
    .option('--for <TIME>', FOR_HELP)
    .action((service, options) =>
      settle(call('del_vs', { service: words.readService(service), ...forATime(options), ...changing(options) })),
    );
  define('take-over SERVICE', "makes a service that somebody else put into the kernel lbd's own", true).action(
    (service, options) => settle(call('take_over', { service: words.readService(service), ...changing(options) })),
  );
}
