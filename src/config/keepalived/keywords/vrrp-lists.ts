/** The words of entries in lists: addresses, routes, rules, peers, what is tracked (vrrp_ipaddress.c, vrrp_iproute.c, vrrp_iprule.c of keepalived). */
import { type Block, carried, changed, type Keyword, noEffect, refused } from './types.js';

const each = (words: readonly string[], make: (word: string) => Keyword): Keyword[] => words.map(make);

const KEPT = 'lbd puts back what somebody removes, and stays master';

const ADDRESS: readonly Keyword[] = [
  carried('dev', 'interface'),
  carried('scope', 'scope'),
  carried('label', 'label'),
  ...each(['brd', 'broadcast'], (word) =>
    refused(word, 'lbd gives an address no broadcast address: the one of its network is always one (255.255.255.255 is another)'),
  ),
  refused('peer', 'lbd gives an address no other end: have the point-to-point link in the network of the host'),
  ...each(['home', 'mngtmpaddr', 'autojoin'], (word) =>
    refused(word, 'lbd sets no such flag of an address; a program of notify can: ip address change'),
  ),
  refused(
    'noprefixroute',
    'an address of lbd brings the route of its network: write it without a prefix length, /32 or /128, to have none',
  ),
  noEffect('-nodad', 'a master of lbd has its addresses at once: nobody else may have them'),
  changed('no_track', 'virtual_addresses', KEPT),
  noEffect('preferred_lft', 'an IPv6 address without a prefix length, /128, is never a source of the host; any other one may be'),
  refused('use_vmac', 'lbd has the virtual MAC on one interface of the instance: use_vmac: true'),
];

const OTHER_ROUTE =
  'lbd has to, via, interface, source, table, metric and mtu of a route; a program of notify can add it: ip route replace';
const ROUTE_TYPES = [
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'nat',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'xresolve',
];

const ROUTE: readonly Keyword[] = [
  ...each(['to', 'unicast'], (word) => carried(word, 'to')),
  ...each(['inet', 'inet6'], (word) => carried(word, 'to')),
  ...each(['via', 'gw'], (word) => carried(word, 'via')),
  ...each(['dev', 'oif'], (word) => carried(word, 'interface')),
  carried('src', 'source'),
  carried('table', 'table'),
  ...each(['metric', 'priority', 'preference'], (word) => carried(word, 'metric')),
  carried('mtu', 'mtu'),
  noEffect('scope', 'the kernel knows it: link without a router, global with one'),
  noEffect('protocol', 'routes of lbd have a protocol number of their own'),
  changed('no_track', 'virtual_routes', KEPT),
  ...each(['or', 'nexthop', 'weight'], (word) =>
    refused(word, 'a route of lbd has one router: give each one a metric, or let a routing daemon have it'),
  ),
  ...each(
    [
      ...['from', 'as', 'tos', 'dsfield', 'onlink', 'encap', 'expires', 'hoplimit', 'advmss', 'rtt', 'rttvar', 'reordering'],
      ...['window', 'cwnd', 'ssthresh', 'realms', 'rto_min', 'initcwnd', 'initrwnd', 'features', 'quickack', 'congctl', 'pref'],
      ...['fastopen_no_cookie', 'ttl-propagate', 'append', 'vrf', 'lock'],
      ...ROUTE_TYPES,
    ],
    (word) => refused(word, OTHER_ROUTE),
  ),
  refused('track_group', 'it is about static routes'),
];

const OTHER_RULE =
  'lbd has priority, table, from, to, iif, oif and fwmark of a rule; a program of notify can add it: ip rule add';

const RULE: readonly Keyword[] = [
  carried('from', 'from'),
  carried('to', 'to'),
  ...each(['inet', 'inet6'], (word) => carried(word, 'family')),
  ...each(['table', 'lookup'], (word) => carried(word, 'table')),
  ...each(['preference', 'order', 'priority'], (word) => carried(word, 'priority')),
  ...each(['dev', 'iif'], (word) => carried(word, 'iif')),
  carried('oif', 'oif'),
  carried('fwmark', 'fwmark'),
  noEffect('protocol', 'rules of lbd have a protocol number of their own'),
  changed('no_track', 'virtual_rules', KEPT),
  ...each(
    [
      ...['not', 'tos', 'dsfield', 'realms', 'suppress_prefixlength', 'sup_pl', 'suppress_ifgroup', 'sup_group', 'tunnel-id'],
      ...[
        'uidrange',
        'l3mdev',
        'ipproto',
        'ip_proto',
        'sport',
        'dport',
        'type',
        'goto',
        'nop',
        'blackhole',
        'unreachable',
        'prohibit',
      ],
    ],
    (word) => refused(word, OTHER_RULE),
  ),
  refused('track_group', 'it is about static rules'),
];

const weights = (kind: string): readonly Keyword[] => [
  carried('weight', `track.${kind}.weight`),
  refused(
    'reverse',
    'nothing that lbd tracks counts the other way round: let a script ask the contrary; of a file it is a negative weight',
  ),
  ...each(['noreverse', 'no_reverse'], (word) => carried(word, `track.${kind}.weight`)),
];

export const VRRP_LISTS: readonly Block[] = [
  { name: 'virtual_ipaddress', words: ADDRESS },
  { name: 'virtual_ipaddress_excluded', words: ADDRESS },
  { name: 'virtual_routes', words: ROUTE },
  { name: 'virtual_rules', words: RULE },
  { name: 'unicast_peer', words: [carried('min_ttl', 'unicast.peers.min_ttl'), carried('max_ttl', 'unicast.peers.max_ttl')] },
  { name: 'track_interface', words: weights('interfaces') },
  { name: 'track_script', words: weights('scripts') },
  { name: 'track_process', words: weights('processes') },
  { name: 'track_file entries', words: weights('files') },
];
