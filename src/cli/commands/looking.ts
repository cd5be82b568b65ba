/** Commands that look, and change nothing. */
import * as words from '../words.js';
import { call, type Define, given, type Options, optional, type Settle } from './kit.js';

export function addLooking(define: Define, settle: Settle): void {
  define('status', 'role, addresses, problems worst first, services at a glance').action(() => settle(call('status', {})));
  define('list [SERVICE]', 'services and real servers: wanted, checked, in the kernel')
    .option('--host <ADDRESS>', 'only real servers with that address')
    .option('--stats', 'with connections, packets and bytes so far')
    .option('--rate', 'with connections, packets and bytes a second')
    .option('--all', 'with what lbd has in the kernel for checks via: vip')
    .action((service, options: Options) => {
      const counters = options.stats || options.rate ? true : undefined;
      const host = optional(options.host, words.readHost);
      if (host !== undefined && service !== undefined) throw new words.UsageError('list takes a SERVICE or --host, not both');
      const all = options.all === true ? true : undefined;
      settle(call('list', given({ service: optional(service, words.readService), host, counters, all })));
    });
  define('show SERVICE [RS]', 'one service or real server, with its checks').action((service, rs) =>
    settle(call('show', given({ service: words.readService(service), rs: optional(rs, words.readRealServer) }))),
  );
  define('stats [SERVICE]', 'connections, packets and bytes of services and real servers; -o wide tells them to the last digit')
    .option('--rate', 'a second, as the kernel averages them; default: so far')
    .action((service) => settle(call('stats', given({ service: optional(service, words.readService) }))));
  define('vrrp [INSTANCE]', 'VRRP instances').action((instance) =>
    settle(call('vrrp', given({ instance: optional(instance, words.readName) }))),
  );
  define('why TARGET [RS]', 'why a service, a real server (SERVICE/RS) or an instance is as it is').action((target, rs) =>
    settle(call('why', given({ target: words.readTarget(target), rs: optional(rs, words.readRealServer) }))),
  );
  define('events', 'what happened')
    .option('-f, --follow', 'go on with what happens from now on')
    .option('--since <ID>', 'only events after this number')
    .option('--limit <N>', 'at most so many of the past')
    .action((options: Options) => {
      const params = given({ since: optional(options.since, words.readCount), limit: optional(options.limit, words.readCount) });
      settle(options.follow ? { kind: 'follow', params } : call('events', params));
    });
}
