/** Keywords of virtual_server and real_server. */
import { type Block, carried, changed, type Keyword, noEffect, refused } from './types.js';

const ALWAYS_ALPHA = 'to lbd every real server is down until its checks have passed, with this word and without it';
const NO_WARMUP = 'lbd checks everything at once when it starts, and spreads the probes itself (jitter)';
const NO_SNMP = 'lbd has no SNMP: lbctl and the metrics name a real server by its address';
const NO_MAIL = 'this version of lbd sends no mail: follow lbctl events -f, or the metrics';

const noPrograms = (what: string): string => `lbd runs no program when ${what}: follow lbctl events -f -o json`;
const QUORUM = `${noPrograms('a quorum is met or lost')}; what it told VRRP says track.virtual_servers of the instance`;
const SERVER = noPrograms('a real server comes or goes');

/** At every level: the nearest one holds. */
export const TIMING: readonly Keyword[] = [
  carried('retry', 'check.fall'),
  carried('delay_before_retry', 'check.interval_changing'),
  noEffect('warmup', NO_WARMUP),
  carried('connect_timeout', 'check.timeout'),
  carried('delay_loop', 'check.interval'),
];
export const ALPHA = noEffect('alpha', ALWAYS_ALPHA);

export const VIRTUAL_SERVER: Block = {
  name: 'virtual_server',
  words: [
    carried('ip_family', 'family'),
    ...TIMING,
    carried('inhibit_on_failure', 'on_failure'),
    carried('lb_algo', 'scheduler'),
    carried('lvs_sched', 'scheduler'),
    noEffect('hashed', 'it is no flag of any scheduler: the kernel sets it itself'),
    carried('ops', 'one_packet'),
    carried('flag-1', 'scheduler_flags'),
    carried('flag-2', 'scheduler_flags'),
    noEffect('flag-3', 'no scheduler of the kernel looks at it'),
    carried('sh-port', 'scheduler_flags'),
    carried('sh-fallback', 'scheduler_flags'),
    carried('mh-port', 'scheduler_flags'),
    carried('mh-fallback', 'scheduler_flags'),
    carried('lb_kind', 'forward'),
    carried('lvs_method', 'forward'),
    carried('persistence_engine', 'persistence.engine'),
    carried('persistence_timeout', 'persistence.timeout'),
    carried('persistence_granularity', 'persistence.prefix'),
    carried('protocol', 'protocol'),
    noEffect('ha_suspend', 'a backup checks, too: it knows the real servers when it takes over'),
    refused('smtp_alert', NO_MAIL),
    carried('virtualhost', 'host'),
    carried('snmp_name', 'name'),
    ALPHA,
    noEffect('omega', 'it is about programs and mail when keepalived stops, and lbd has none for real servers'),
    refused('quorum_up', QUORUM),
    refused('quorum_down', QUORUM),
    carried('quorum', 'quorum'),
    carried('hysteresis', 'hysteresis'),
    carried('weight', 'weight'),
    carried('sorry_server', 'sorry_server'),
    changed(
      'sorry_server_inhibit',
      'sorry_server',
      'the sorry server is in the kernel only while it serves; what it is serving then goes on all the same',
    ),
    carried('sorry_server_lvs_method', 'sorry_server.forward'),
    carried('real_server', 'real_servers'),
  ],
};

export const REAL_SERVER: Block = {
  name: 'real_server',
  words: [
    carried('weight', 'weight'),
    carried('lvs_method', 'forward'),
    carried('uthreshold', 'upper'),
    carried('lthreshold', 'lower'),
    carried('inhibit_on_failure', 'on_failure'),
    refused('notify_up', SERVER),
    refused('notify_down', SERVER),
    ALPHA,
    ...TIMING,
    refused('smtp_alert', NO_MAIL),
    carried('virtualhost', 'host'),
    noEffect('snmp_name', NO_SNMP),
    carried('HTTP_GET', 'checks'),
    carried('SSL_GET', 'checks'),
    carried('TCP_CHECK', 'checks'),
    carried('SMTP_CHECK', 'checks'),
    carried('DNS_CHECK', 'checks'),
    carried('UDP_CHECK', 'checks'),
    carried('PING_CHECK', 'checks'),
    carried('MISC_CHECK', 'checks'),
    refused(
      'FILE_CHECK',
      "lbd's check of type file reads words (up, down, drain, 50%), not numbers: have the file say these, and write { type: file, path: FILE }",
    ),
    refused('BFD_CHECK', 'this version of lbd has no BFD: a check of type icmp with a short interval is the nearest'),
  ],
};
