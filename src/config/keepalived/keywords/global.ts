/** Keywords of global_defs (keepalived's global_parser.c, 2.2.7 to 2.4.3). */
import { type Block, carried, changed, type Keyword, noEffect, OFF, refused } from './types.js';

const each = (words: readonly string[], make: (word: string) => Keyword): Keyword[] => words.map(make);

const MAIL = 'this version of lbd sends no mail: have a program of vrrp_instances.notify send it, or read lbctl events -f';
const FIFO = 'lbd writes no FIFO: lbctl events -f -o json says the same, and vrrp_instances.notify calls programs';
const SNMP =
  'lbd speaks no SNMP: global.http serves the same numbers as metrics for Prometheus, and lbctl stats -o json prints them';
const UNIT =
  'the unit of systemd says it for all of lbd: Nice=, CPUSchedulingPolicy=, CPUSchedulingPriority=, CPUAffinity= in lbd.service.d';
const TITLES = 'the processes of lbd have names of their own';
const BUFFERS = 'lbd chooses the size of its buffers itself, and reads the kernel anew when one overflowed';
const FIREWALL = 'lbd has a table of nf_tables of its own where it needs one, and removes it';
const ONCE = 'lbd runs no program around itself: ExecStartPre= and ExecStopPost= of the unit do, with TimeoutStartSec=';
const STARTING =
  'lbd has no such delay: it is ready when its table is in the kernel and every check has decided; failback: { after: 60s } of the instance delays the return to office';

const PROCESSES: readonly Keyword[] = [
  ...each(
    ['process_names', 'process_name', 'vrrp_process_name', 'checker_process_name', 'lvs_process_name', 'bfd_process_name'],
    (word) => noEffect(word, TITLES),
  ),
  ...each(
    [
      ...['vrrp_priority', 'vrrp_rt_priority', 'vrrp_cpu_affinity'],
      ...['checker_priority', 'checker_rt_priority', 'checker_cpu_affinity'],
      ...['bfd_priority', 'bfd_rt_priority', 'bfd_cpu_affinity', 'max_auto_priority'],
    ],
    (word) => refused(word, UNIT),
  ),
  noEffect('min_auto_priority_delay', 'lbd raises no priority by itself'),
  ...each(
    [
      ...['vrrp_rlimit_rttime', 'vrrp_rlimit_rtime', 'checker_rlimit_rttime', 'checker_rlimit_rtime'],
      ...['bfd_rlimit_rttime', 'bfd_rlimit_rtime'],
    ],
    (word) => noEffect(word, 'it bounds a real-time priority; with one in the unit of systemd LimitRTTIME= does'),
  ),
  ...each(['vrrp_no_swap', 'checker_no_swap', 'bfd_no_swap'], (word) =>
    noEffect(word, 'no process of lbd is locked in memory; MemorySwapMax=0 in its unit keeps it out of swap'),
  ),
  ...each(
    [
      ...['vrrp_netlink_cmd_rcv_bufs', 'vrrp_netlink_cmd_rcv_bufs_force'],
      ...['vrrp_netlink_monitor_rcv_bufs', 'vrrp_netlink_monitor_rcv_bufs_force'],
      ...['process_monitor_rcv_bufs', 'process_monitor_rcv_bufs_force'],
      ...['lvs_netlink_cmd_rcv_bufs', 'lvs_netlink_cmd_rcv_bufs_force'],
      ...['lvs_netlink_monitor_rcv_bufs', 'lvs_netlink_monitor_rcv_bufs_force'],
      ...['vrrp_rx_bufs_policy', 'vrrp_rx_bufs_multiplier'],
    ],
    (word) => noEffect(word, BUFFERS),
  ),
];

const TELLING: readonly Keyword[] = [
  ...each(
    [
      ...['notification_email', 'notification_email_from', 'smtp_server', 'smtp_helo_name', 'smtp_connect_timeout'],
      ...['smtp_alert', 'smtp_alert_vrrp', 'smtp_alert_checker'],
    ],
    (word) => refused(word, MAIL, OFF),
  ),
  ...each(['no_email_faults', 'no_checker_emails'], (word) => noEffect(word, 'it lessens mail, and lbd sends none')),
  ...each(
    [
      'notify_fifo',
      'notify_fifo_script',
      'vrrp_notify_fifo',
      'vrrp_notify_fifo_script',
      'lvs_notify_fifo',
      'lvs_notify_fifo_script',
    ],
    (word) => refused(word, FIFO),
  ),
  ...each(['vrrp_notify_priority_changes', 'fifo_write_vrrp_states_on_reload'], (word) =>
    noEffect(word, 'it is about FIFOs, and lbd has none: every change of a priority is an event of lbctl events'),
  ),
  ...each(
    [
      ...['snmp_socket', 'enable_traps', 'enable_snmp_vrrp', 'enable_snmp_keepalived', 'enable_snmp_rfc'],
      ...['enable_snmp_rfcv2', 'enable_snmp_rfcv3', 'enable_snmp_checker'],
    ],
    (word) => refused(word, SNMP),
  ),
  ...each(['snmp_vs_stats_update_interval', 'snmp_rs_stats_update_interval'], (word) =>
    noEffect(word, 'it is about SNMP, which lbd does not speak; its metrics are read from the kernel when they are asked for'),
  ),
  ...each(['enable_dbus', 'dbus_service_name', 'dbus_no_interface_name'], (word) =>
    refused(word, 'lbd is on no D-Bus: lbctl vrrp -o json, lbctl events -f -o json and the API of global.http say the same'),
  ),
  noEffect('checker_log_all_failures', 'every result of a check is counted, and lbctl why says the last ones'),
  refused('rs_init_notifies', 'lbd calls no program for real servers: lbctl events -f -o json tells each change of one'),
  noEffect('log_unknown_vrids', 'what other routers of the link advertise is in lbctl doctor'),
];

const KERNEL: readonly Keyword[] = [
  carried('lvs_sync_daemon', 'connection_sync'),
  carried('lvs_timeouts', 'timeouts'),
  noEffect(
    'lvs_flush',
    'lbd compares the table of the kernel with its own at the start and changes what differs, without a moment in which it is empty; services of others stay, and lbctl status tells of them',
  ),
  carried('lvs_flush_on_stop', 'global.on_stop'),
  carried('lvs_flush_onstop', 'global.on_stop'),
  ...each(['nftables_ipvs', 'nftables_ipvs_priority', 'nftables_ipvs_start_fwmark'], (word) =>
    noEffect(word, 'lbd has every address of a virtual server in the table of the kernel, and marks no packets for it'),
  ),
  ...each(['nftables', 'nftables_priority', 'nftables_ifindex', 'nftables_counters', 'vrrp_iptables', 'vrrp_ipsets'], (word) =>
    noEffect(word, FIREWALL),
  ),
];

const OTHER_GROUP =
  'lbd speaks to the groups of VRRP alone: unicast: { peers: [ … ] } keeps two sets of directors on one network apart, and so does another VRID';
const ADVERTS = 'lbd counts three adverts, as the RFC has it: a longer or shorter advert_interval does the same';

const VRRP_DEFAULTS: readonly Keyword[] = [
  ...each(
    [
      ...['vrrp_garp_master_delay', 'vrrp_garp_master_repeat', 'vrrp_garp_master_refresh', 'vrrp_garp_master_refresh_repeat'],
      ...[
        'vrrp_garp_lower_prio_delay',
        'vrrp_garp_lower_prio_repeat',
        'vrrp_garp_interval',
        'vrrp_gna_interval',
        'vrrp_min_garp',
      ],
    ],
    (word) => carried(word, 'vrrp_instances.announcements'),
  ),
  ...each(['vrrp_garp_extra_if', 'vrrp_vmac_garp_intvl'], (word) =>
    refused(
      word,
      'lbd announces an address on its own interface alone: announcements: { refresh: 60s } does that again and again',
      OFF,
    ),
  ),
  refused('vrrp_mcast_group4', OTHER_GROUP, ['224.0.0.18']),
  refused('vrrp_mcast_group6', OTHER_GROUP, ['ff02::12']),
  refused('vrrp_down_timer_adverts', ADVERTS, ['3']),
  noEffect(
    'vrrp_lower_prio_no_advert',
    'a master of lbd answers a lower one at once, as RFC 9568 has it; to directors that do not expect it that is one advert more',
  ),
  refused(
    'vrrp_higher_prio_send_advert',
    'a master of lbd says nothing more when it yields: announcements: { refresh: 60s } of the other director mends what neighbours have learnt wrong',
    OFF,
  ),
  noEffect(
    'vrrp_owner_ignore_adverts',
    'lbd decides by the RFC: an owner of version 2 hears nobody, one of version 3 hears other owners',
  ),
  carried('vrrp_version', 'vrrp_instances.version'),
  carried('v3_checksum_as_v2', 'vrrp_instances.v3_checksum'),
  noEffect('vrrp_check_unicast_src', 'lbd always takes the adverts of its peers alone'),
  noEffect('vrrp_skip_check_adv_addr', 'lbd takes adverts whatever addresses they name, and tells once of those that differ'),
  changed(
    'vrrp_strict',
    'vrrp_instances',
    'what it means for each instance is written there (no password, no delay, accept: false); what else it forbids lbd does not check',
  ),
  ...each(['vrrp_startup_delay', 'vrrp_delay_after_boot'], (word) => refused(word, STARTING)),
  noEffect('dynamic_interfaces', 'an instance whose interface is not there is in FAULT, and begins when it appears'),
  noEffect('default_interface', 'it is about static addresses, which are for the configuration of the network of the host'),
  noEffect('disable_local_igmp', 'lbd joins no group but that of VRRP'),
  refused(
    'vmac_prefix',
    'lbd calls such an interface vrrp.VRID or vrrp6.VRID: use_vmac: { name: … } of the instance names it otherwise',
  ),
  noEffect('vmac_addr_prefix', 'it is about use_vmac_addr, which lbd does not have'),
];

const HOUSE: readonly Keyword[] = [
  carried('router_id', 'global.router_id'),
  carried('script_user', 'scripts.user, vrrp_instances.notify.user'),
  noEffect(
    'enable_script_security',
    'lbd always refuses to run as root what others than root can write; a program of which nobody says whose it is keepalived leaves out with this word, where the host has no user keepalived_script',
  ),
  noEffect('use_symlink_paths', 'lbd calls programs by the path that is written'),
  refused(
    'set_supplementary_groups',
    'a program of lbd has the first group of its user alone: sg, setpriv or sudo in its command give it others',
  ),
  ...each(['startup_script', 'shutdown_script', 'startup_script_timeout', 'shutdown_script_timeout'], (word) =>
    refused(word, ONCE),
  ),
  noEffect(
    'umask',
    'what lbd writes is readable by root alone, but its socket; UMask= of the unit is for programs that it calls',
  ),
  noEffect('random_seed', 'lbd has nothing that a seed would repeat'),
  noEffect('reload_check_config', 'lbd always checks the whole configuration first: a reload with an error changes nothing'),
  ...each(['reload_time_file', 'reload_repeat'], (word) =>
    refused(word, 'lbd reloads when it is told to: a timer of systemd can run lbctl reload'),
  ),
  noEffect('reload_file', 'lbctl reload returns when the new configuration is in force'),
  noEffect('include_check', 'lbd always refuses an include that names a file that is not there'),
  ...each(['tmp_config_directory', 'config_save_dir', 'data_use_instance', 'state_dump_file', 'stats_dump_file'], (word) =>
    noEffect(word, 'lbd writes no such files: lbctl show, stats and vrrp print what is in force'),
  ),
  ...each(['json_dump_file', 'json_version'], (word) =>
    noEffect(word, 'lbd writes no such file: lbctl vrrp -o json prints the same in a layout of its own'),
  ),
  ...each(['iproute_usr_dir', 'iproute_etc_dir'], (word) => noEffect(word, 'lbd knows routing tables by their numbers alone')),
];

export const GLOBAL: readonly Block[] = [
  { name: 'global_defs', words: [...HOUSE, ...VRRP_DEFAULTS, ...KERNEL, ...TELLING, ...PROCESSES] },
];
