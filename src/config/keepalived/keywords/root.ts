/** What stands outside of every block. */
import { type Block, carried, noEffect, refused } from './types.js';

const STATIC =
  'lbd holds what moves with a master, and nothing else: write it into the configuration of the network of the host (systemd-networkd, ifupdown, NetworkManager)';

export const ROOT: Block = {
  name: 'root',
  words: [
    carried('global_defs', 'global'),
    carried('virtual_server', 'virtual_servers'),
    carried('virtual_server_group', 'virtual_servers'),
    carried('SSL', 'tls'),
    carried('track_file', 'track.files, checks'),
    carried('vrrp_track_file', 'track.files'),
    carried('vrrp_instance', 'vrrp_instances'),
    carried('vrrp_sync_group', 'sync_groups'),
    carried('vrrp_script', 'scripts'),
    carried('vrrp_track_process', 'track.processes'),
    carried('garp_group', 'vrrp_instances.announcements.interval'),
    carried('interface_up_down_delays', 'track.interfaces'),
    refused('static_ipaddress', STATIC),
    refused('static_routes', STATIC),
    refused('static_rules', STATIC),
    refused('track_group', `it is about static addresses, routes and rules. ${STATIC}`),
    refused(
      'bfd_instance',
      'lbd speaks no BFD: adverts each 10ms to 100ms find a lost director as fast, a script can ask another BFD daemon',
    ),
    noEffect('linkbeat_use_polling', 'lbd is told by the kernel when a link loses its carrier'),
    noEffect('linkbeat_interfaces', 'lbd is told by the kernel when a link loses its carrier'),
    refused('net_namespace', 'the unit of systemd starts lbd in a namespace: NetworkNamespacePath=/run/netns/NAME'),
    refused(
      'net_namespace_ipvs',
      'lbd has addresses and services in one namespace: two units, one with vrrp_instances and one with virtual_servers, can be in two',
    ),
    noEffect('namespace_with_ipsets', 'lbd uses no ipsets'),
    noEffect('use_pid_dir', 'lbd writes no pid files: systemd knows its processes'),
    noEffect(
      'instance',
      'several lbds of a host are told apart by global.state_dir and global.control.socket, each in a file of its own',
    ),
    noEffect(
      'child_wait_time',
      'an ordered stop waits for its switch-over, and then for nobody; TimeoutStopSec= of the unit bounds it',
    ),
  ],
};
