/** Keywords of VRRP, tracking and BFD (keepalived's vrrp_parser.c, track_file.c, bfd_parser.c, 2.2.7 to 2.4.3). */

import { type Block, carried, changed, type Keyword, noEffect, OFF, refused } from './types.js';
import { VRRP_LISTS } from './vrrp-lists.js';

const each = (words: readonly string[], make: (word: string) => Keyword): Keyword[] => words.map(make);

const MAIL = 'this version of lbd sends no mail: have a program of notify send it, or read lbctl events -f';
const BFD = 'lbd speaks no BFD: adverts each 10ms to 100ms find a lost director as fast, a script can ask another BFD daemon';
const LINKBEAT = 'lbd is told by the kernel when a link loses its carrier';
const OWN_MAC = 'lbd has the virtual MAC on one interface of the instance (use_vmac), and no further ones';
const KILLED = 'lbd kills it after 60s, with all it started, and calls one program after the other (timeout: up to 1h)';
const NEVER_DELETED = 'an instance that a reload takes away is told as stopped, by the programs that are told of this state';

const TRACKERS: readonly Keyword[] = [
  carried('track_interface', 'track.interfaces'),
  carried('track_script', 'track.scripts'),
  carried('track_file', 'track.files'),
  carried('track_process', 'track.processes'),
  refused('track_bfd', BFD),
];

const TRANSPORT: readonly Keyword[] = [
  carried('interface', 'interface'),
  refused('vrf', 'an instance of lbd has an interface: name the one in that VRF'),
  carried('virtual_router_id', 'virtual_router_id'),
  carried('version', 'version'),
  noEffect('native_ipv6', 'the family is that of the addresses'),
  carried('mcast_src_ip', 'unicast.source'),
  carried('unicast_src_ip', 'unicast.source'),
  refused(
    'mcast_dst_ip',
    'lbd speaks to the groups of VRRP alone: unicast: { peers: [ … ] } keeps two sets of directors on one network apart, and so does another VRID',
  ),
  noEffect('track_src_ip', 'an instance of lbd is always in FAULT without the address that its adverts come from'),
  carried('unicast_peer', 'unicast.peers'),
  noEffect('check_unicast_src', 'lbd always takes the adverts of its peers alone'),
  noEffect(
    'unicast_fault_no_peer',
    'an instance with peers is never without: where the old file names none, unicast_peer says so',
  ),
  carried('unicast_ttl', 'unicast.ttl'),
  noEffect('old_unicast_checksum', 'only keepalived before 1.3.7 needs it; lbd takes both forms that came after'),
  carried('v3_checksum_as_v2', 'v3_checksum'),
  noEffect('skip_check_adv_addr', 'lbd takes adverts whatever addresses they name, and tells once of those that differ'),
  changed(
    'strict_mode',
    'accept, announcements',
    'what it means for the instance is written there (no password, no delay, accept: false); what else it forbids lbd does not check',
  ),
  noEffect('kernel_rx_buf_size', 'lbd chooses the size of its buffers itself'),
  noEffect('debug', 'it has no effect in keepalived either'),
  noEffect('linkbeat_use_polling', LINKBEAT),
  changed('use_vmac', 'use_vmac', 'the interface is one of lbd: it makes it, and removes it at its end'),
  refused('use_vmac_addr', OWN_MAC),
  noEffect('vmac_xmit_base', 'lbd sends adverts over the interface of the instance, under the virtual MAC'),
  refused('use_ipvlan', 'lbd has the addresses on the interface itself, or on one with the virtual MAC: use_vmac: true'),
  noEffect('promote_secondaries', 'lbd removes its addresses one by one, and puts back at once what the kernel took along'),
];

const HELD: readonly Keyword[] = [
  carried('virtual_ipaddress', 'virtual_addresses'),
  carried('virtual_ipaddress_excluded', 'excluded_addresses'),
  noEffect('no_virtual_ipaddress', 'an instance of lbd may have no address'),
  carried('virtual_routes', 'virtual_routes'),
  carried('virtual_rules', 'virtual_rules'),
  carried('accept', 'accept'),
  carried('no_accept', 'accept'),
];

const ELECTION: readonly Keyword[] = [
  carried('state', 'priority'),
  carried('priority', 'priority'),
  carried('advert_int', 'advert_interval'),
  carried('nopreempt', 'preempt'),
  carried('preempt', 'preempt'),
  carried('preempt_delay', 'preempt.delay'),
  refused(
    'down_timer_adverts',
    'lbd counts three adverts, as the RFC has it: a longer or shorter advert_interval does the same',
    ['3'],
  ),
  ...each(['timer_expired_backup', 'thread_timer_expired'], (word) =>
    noEffect(word, 'lbd always listens first after a pause, and takes over when nobody else has'),
  ),
  noEffect(
    'lower_prio_no_advert',
    'a master of lbd answers a lower one at once, as RFC 9568 has it; to directors that do not expect it that is one advert more',
  ),
  refused(
    'higher_prio_send_advert',
    'a master of lbd says nothing more when it yields: announcements: { refresh: 60s } of the other director mends what neighbours have learnt wrong',
    OFF,
  ),
  noEffect(
    'owner_ignore_adverts',
    'lbd decides by the RFC: an owner of version 2 hears nobody, one of version 3 hears other owners',
  ),
  ...each(
    [
      ...['garp_master_delay', 'garp_master_repeat', 'garp_master_refresh', 'garp_master_refresh_repeat'],
      ...['garp_lower_prio_delay', 'garp_lower_prio_repeat'],
    ],
    (word) => carried(word, 'announcements'),
  ),
  ...each(['garp_extra_if', 'vmac_garp_intvl'], (word) =>
    refused(
      word,
      'lbd announces an address on its own interface alone: announcements: { refresh: 60s } does that again and again',
      OFF,
    ),
  ),
];

const AUTHENTICATION: readonly Keyword[] = [carried('authentication', 'authentication'), carried('auth_hmac', 'authentication')];

const TELLING: readonly Keyword[] = [
  ...each(['notify_master', 'notify_backup', 'notify_fault', 'notify_stop', 'notify'], (word) => changed(word, 'notify', KILLED)),
  noEffect('notify_deleted', NEVER_DELETED),
  refused('notify_master_rx_lower_pri', 'lbd calls no program for it: lbctl events -f -o json tells of two masters'),
  noEffect(
    'notify_priority_changes',
    'it is about FIFOs, and lbd has none: every change of a priority is an event of lbctl events',
  ),
  refused('smtp_alert', MAIL, OFF),
  carried('lvs_sync_daemon_interface', 'connection_sync'),
];

const GROUP: readonly Keyword[] = [
  carried('group', 'members'),
  ...TRACKERS,
  ...each(['notify_master', 'notify_backup', 'notify_fault', 'notify_stop', 'notify'], (word) =>
    changed(word, 'notify', `it is called with the first member, which changes when the group does; ${KILLED}`),
  ),
  refused('smtp_alert', MAIL, OFF),
  noEffect(
    'notify_priority_changes',
    'it is about FIFOs, and lbd has none: every change of a priority is an event of lbctl events',
  ),
  noEffect('global_tracking', 'a weight that one member of a group tracks counts for all of them in lbd'),
  noEffect('sync_group_tracking_weight', 'a weight that one member of a group tracks counts for all of them in lbd'),
];

const SCRIPT: readonly Keyword[] = [
  carried('script', 'command'),
  carried('interval', 'interval'),
  carried('timeout', 'timeout'),
  carried('weight', 'track.scripts.weight'),
  carried('rise', 'rise'),
  carried('fall', 'fall'),
  carried('user', 'user'),
  carried('init_fail', 'init'),
];

const PROCESS: readonly Keyword[] = [
  carried('process', 'track.processes.name'),
  carried('param_match', 'track.processes.name'),
  carried('weight', 'track.processes.weight'),
  carried('quorum', 'track.processes.count'),
  refused('quorum_max', 'lbd counts processes from below alone: let a script count those that are too many'),
  carried('delay', 'track.processes.up_delay, down_delay'),
  carried('terminate_delay', 'track.processes.down_delay'),
  carried('fork_delay', 'track.processes.up_delay'),
  carried('full_command', 'track.processes.name'),
];

const FILE: readonly Keyword[] = [
  carried('file', 'track.files.path'),
  carried('weight', 'track.files.weight'),
  changed(
    'init_file',
    'track.files.path',
    'lbd writes no file that it watches, and takes one that is not there for 0: write its first value yourself (tmpfiles.d can)',
  ),
];

const OWN_INTERFACE = refused(
  'dont_track_primary',
  'an instance of lbd is in FAULT while its interface is down: it could neither advertise nor serve over it',
);

const bfdWords = [
  ...['source_ip', 'neighbor_ip', 'neighbour_ip', 'min_rx', 'min_tx', 'idle_tx', 'multiplier', 'passive', 'ttl', 'hoplimit'],
  ...['max_hops', 'multihop', 'weight', 'vrrp', 'checker'],
];

export const VRRP: readonly Block[] = [
  {
    name: 'vrrp_instance',
    words: [...TRANSPORT, ...HELD, ...ELECTION, ...AUTHENTICATION, OWN_INTERFACE, ...TRACKERS, ...TELLING],
  },
  {
    name: 'authentication',
    words: [carried('auth_type', 'authentication.type'), carried('auth_pass', 'authentication.password')],
  },
  {
    name: 'auth_hmac',
    words: [
      carried('key', 'authentication.keys'),
      carried('active_key', 'authentication.active_key'),
      carried('anti_replay', 'authentication.anti_replay'),
      carried('time_window', 'authentication.time_window'),
      carried('mode', 'authentication.mode'),
    ],
  },
  { name: 'vrrp_sync_group', words: GROUP },
  { name: 'vrrp_script', words: SCRIPT },
  { name: 'vrrp_track_process', words: PROCESS },
  { name: 'track_file', words: FILE },
  { name: 'vrrp_track_file', words: FILE },
  {
    name: 'garp_group',
    words: [
      carried('garp_interval', 'announcements.interval'),
      carried('gna_interval', 'announcements.interval'),
      carried('interface', 'announcements.interval'),
      changed('interfaces', 'announcements.interval', 'lbd counts the frames of each interface for itself'),
    ],
  },
  { name: 'track_group', words: [refused('group', 'it is about static addresses, which are for the network of the host')] },
  { name: 'bfd_instance', words: each(bfdWords, (word) => refused(word, BFD)) },
  ...VRRP_LISTS,
];
