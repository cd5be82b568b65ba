/** Commands that look, and change nothing. */
import type { Command } from 'commander';
import { EVENT_KINDS } from '../../control/event-filter.js';
import { readKinds, readSince } from '../event-words.js';
import { WATCH_DEFAULT } from '../prefixes.js';
import { ORDERS } from '../render/top.js';
import * as words from '../words.js';
import { call, type Define, given, type Options, optional, type Settle } from './kit.js';

const watched = (command: Command): Command =>
  command.option(
    '--watch [INTERVAL]',
    'shows it anew, every 2s or as often as said, until Ctrl-C; finds a daemon that is started again',
  );

export function addLooking(define: Define, settle: Settle): void {
  watched(define('status', 'role, addresses, problems worst first, services at a glance'))
    .option('--check', 'exit status 1 when there is a problem; a hint is none')
    .action(() => settle(call('status', {})));
  watched(define('list [SERVICE]', 'services and real servers: wanted, checked, in the kernel'))
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
  watched(define('show SERVICE [RS]', 'one service or real server, with its checks')).action((service, rs) =>
    settle(call('show', given({ service: words.readService(service), rs: optional(rs, words.readRealServer) }))),
  );
  watched(
    define(
      'stats [SERVICE]',
      'connections, packets and bytes of services and real servers; -o wide tells them to the last digit',
    ),
  )
    .option('--rate', 'a second, as the kernel averages them; default: so far')
    .action((service) => settle(call('stats', given({ service: optional(service, words.readService) }))));
  define('top [SERVICE]', 'the busiest services and real servers, live; at a terminal q ends it, s sorts by something else')
    .option('--sort <ORDER>', `${ORDERS.join(', ')}: what is most of, a second (active: now)`)
    .option('--interval <TIME>', 'how often; default: 2s, as often as the kernel counts')
    .option('--count <N>', 'ends after so many times')
    .action((service, options: Options) =>
      settle({
        kind: 'top',
        service: optional(service, words.readService),
        order: optional(options.sort, words.readOrder(ORDERS)) ?? ORDERS[0],
        every: optional(options.interval, words.readInterval) ?? words.readInterval(WATCH_DEFAULT),
        count: optional(options.count, words.readCount),
      }),
    );
  watched(define('vrrp [INSTANCE]', 'VRRP instances')).action((instance) =>
    settle(call('vrrp', given({ instance: optional(instance, words.readName) }))),
  );
  watched(define('why TARGET [RS]', 'why a service, a real server (SERVICE/RS) or an instance is as it is')).action(
    (target, rs) => settle(call('why', given({ target: words.readTarget(target), rs: optional(rs, words.readRealServer) }))),
  );
  define('events', 'what happened')
    .option('-f, --follow', 'go on with what happens from now on')
    .option('--since <WHEN>', 'all after this number, of the last 10m, or from 10:30 or 2026-11-28T10:00 on (UTC)')
    .option('--kind <KIND,...>', `only of these kinds: ${EVENT_KINDS.join(', ')}`)
    .option('--subject <NAME>', 'only about this service (and its real servers), real server (SERVICE/RS) or instance')
    .option('--limit <N>', 'at most so many of the past; default: 100, with --since all')
    .action((options: Options) => {
      const params = given({
        ...optional(options.since, readSince),
        limit: optional(options.limit, words.readCount),
        kind: optional(options.kind, readKinds),
        subject: optional(options.subject, words.readName),
      });
      settle(options.follow ? { kind: 'follow', params } : call('events', params));
    });
}
