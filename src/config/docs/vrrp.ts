/** VRRP instances, what they track, and sync groups. */
import type { Docs } from './types.js';

const HELD: Docs = {
  address: 'The address, with the length of its prefix where there is one.',
  interface: 'The interface that has it; that of the instance when left out.',
  label: 'The label of an IPv4 address, such as eth0:vip.',
  scope: 'The scope of the address; global, and link of a link-local one, when left out.',
};

const WEIGHT = {
  text: '0: while it is down the instance is in FAULT. Below 0: lowers the priority while it is down; above 0: raises it while it is up.',
  usual: 0,
};
const DELAYS: Docs = {
  up_delay: { text: 'How long it must be up to count as up.', usual: '0s' },
  down_delay: { text: 'How long it must be down to count as down.', usual: '0s' },
};

export const TRACK: Docs = {
  interfaces: {
    text: 'Interfaces: down is without carrier, set down, or not there.',
    keys: { name: 'Its name.', weight: WEIGHT, ...DELAYS },
  },
  scripts: { text: 'Scripts of the list scripts.', keys: { name: 'Its name there.', weight: WEIGHT } },
  processes: {
    text: 'Processes of this host.',
    keys: {
      name: 'The name of the program, or the beginning of its command line.',
      count: { text: 'So many must run.', usual: 1 },
      weight: WEIGHT,
      ...DELAYS,
    },
  },
  files: {
    text: 'Files with a number in them.',
    keys: {
      path: 'The file.',
      weight: { text: 'The number in the file times this is added to the priority; 0: any number but 0 is FAULT.', usual: 1 },
    },
  },
  virtual_servers: { text: 'Virtual servers: down is a lost quorum.', keys: { name: 'Its name.', weight: WEIGHT } },
};

const ANNOUNCEMENTS: Docs = {
  repeat: { text: 'Rounds of a burst; a round announces every address once.', usual: 5 },
  delay: { text: 'From the first burst after a take-over to the second; off: there is no second.', usual: '5s' },
  refresh: { text: 'From one refresh to the next while master; off: none.', usual: '60s' },
  refresh_repeat: { text: 'Rounds of a refresh.', usual: 1 },
  interval: { text: 'The least time between two frames on the interface, over all instances.', usual: '0ms' },
  other_master: {
    text: 'The bursts after another master was heard.',
    keys: {
      repeat: 'Rounds of such a burst, 0 for none; repeat of all when left out.',
      delay: 'From the first to the second; delay of all when left out.',
    },
  },
  verify: {
    text: 'Who is asked whether it has learnt the new place: the default gateway, neighbours by their addresses, nobody.',
    usual: 'off',
  },
};

const UNICAST: Docs = {
  source: 'The address that adverts come from; that of the interface when left out.',
  ttl: { text: 'The TTL, or hop limit, of adverts.', usual: 255 },
  peers: {
    text: 'The other directors: addresses, or mappings with bounds of the TTL.',
    keys: {
      address: 'Its address.',
      min_ttl: { text: 'An advert with a smaller TTL is refused.', usual: 1 },
      max_ttl: { text: 'An advert with a larger TTL is refused.', usual: 255 },
    },
  },
};

const AUTHENTICATION: Docs = {
  type: 'pass: a password in the open (VRRPv2). hmac: adverts are signed.',
  password: 'Of pass: up to 8 printable characters, in quotes.',
  keys: {
    text: 'Of hmac: the keys that adverts may be signed with.',
    keys: { id: 'The number of the key, the same on all directors.', file: 'A file with the key, readable by root alone.' },
  },
  active_key: 'Of hmac: the key that this director signs with; needed where there are several.',
  mode: {
    text: 'Of hmac: enforce takes signed adverts alone; permissive signs, and takes others too; receive_only does not sign.',
    usual: 'enforce',
  },
  anti_replay: { text: 'Of hmac: what tells an old advert: the time it carries, or a number that only grows.', usual: 'time' },
  time_window:
    'Of hmac: how far apart the clocks of two directors may be, in whole seconds; three intervals, and 5s at least, when left out.',
};

export const INSTANCE: Docs = {
  name: 'How lbctl, events and other keys call it.',
  interface: 'The interface that adverts go over.',
  virtual_router_id: 'The VRID: the same on all directors of the instance, and unique on the link.',
  version: { text: 'The version of the protocol; IPv6 needs 3.', usual: 3 },
  priority: { text: 'The highest is master; 255 is the owner of the addresses, which always takes over.', usual: 100 },
  advert_interval: {
    text: 'From one advert to the next. Version 3: steps of 10ms up to 40.95s; version 2: whole seconds up to 255s.',
    usual: '1s',
  },
  preempt: {
    text: 'Whether a director takes over from a living master of lower priority: at once, never, or after a delay.',
    usual: true,
    keys: { delay: 'From the first advert of a lower master until it takes over.' },
  },
  failback: {
    text: 'In place of preempt: when a director that comes back takes over from a lower one: immediate, never, after a time, or when it has the connections.',
    keys: {
      after: 'For so long it could serve.',
      when_synced: {
        text: 'When it has its share of the connections of the other director, asked over global.peers.',
        keys: {
          share: { text: 'Such a share of the active connections.', usual: '90%' },
          limit: { text: 'After that time in any case.', usual: '10m' },
        },
      },
    },
  },
  accept: {
    text: 'false: what comes to the addresses of the instance, and is of no virtual server, is dropped.',
    usual: true,
  },
  v3_checksum: {
    text: 'The form of the checksum that is sent by version 3 over IPv4: that of keepalived, or that of RFC 9568. Both are accepted.',
    usual: 'pseudo',
  },
  virtual_addresses: { text: 'The addresses that the master has and adverts name: words or mappings.', keys: HELD },
  excluded_addresses: { text: 'Addresses that the master has and adverts do not name, of any family.', keys: HELD },
  announcements: {
    text: 'How neighbours learn the new place of the addresses: gratuitous ARP, unsolicited NA.',
    keys: ANNOUNCEMENTS,
  },
  unicast: { text: 'Adverts to the other directors by their addresses, in place of multicast.', keys: UNICAST },
  use_vmac: {
    text: 'The addresses are on an interface with the virtual MAC of the VRID.',
    usual: false,
    keys: { name: 'The name of that interface; vrrp.VRID, or vrrp6.VRID, when left out.' },
  },
  notify: {
    text: 'Programs that are told of the state of the instance, one after the other.',
    keys: {
      command: 'The program and its words: {name}, {state}, {STATE} and {priority} are filled in.',
      states: 'The states that it is told of; all when left out.',
      timeout: { text: 'It is killed after so long, with all that it started.', usual: '60s' },
      user: { text: 'The user that it runs as.', usual: 'root' },
    },
  },
  virtual_routes: {
    text: 'Routes that the master has.',
    keys: {
      to: 'The network, or default.',
      via: 'The router.',
      interface: 'The interface; that of the instance when there is no router.',
      source: 'The address that the packets of this host leave with.',
      table: 'The routing table; main when left out.',
      metric: 'The metric of the route; that of the kernel when left out.',
      mtu: 'The MTU of the route; that of the interface when left out.',
    },
  },
  virtual_rules: {
    text: 'Routing rules that the master has.',
    keys: {
      priority: 'Where it stands among the rules: a smaller one goes first.',
      table: 'The routing table that it sends to.',
      from: 'Packets of that source network.',
      to: 'Packets to that network.',
      iif: 'Packets that came in over that interface.',
      oif: 'Packets that this host sends over that interface.',
      fwmark: 'Packets with that mark.',
      family: 'The family of a rule that names no network; that of the instance when left out.',
    },
  },
  track: { text: 'What puts the instance into FAULT, or lowers or raises its priority.', keys: TRACK },
  witness:
    'The default gateway, or neighbours, of whom one must answer before the silence of the others makes this director master.',
  authentication: { text: 'How adverts prove whose they are.', keys: AUTHENTICATION },
};

export const SYNC_GROUP: Docs = {
  name: 'How it is called in messages.',
  members: 'The VRRP instances that are master together, or not.',
  track: { text: 'What every member tracks.', keys: TRACK },
};

export const SCRIPT: Docs = {
  name: 'How track calls it.',
  command: 'The program, with an absolute path, and its words. Exit status 0 is up.',
  interval: { text: 'From one start to the next; a run that takes longer delays the next one.', usual: '1s' },
  timeout: 'It is killed after so long, with all that it started, and counts as failed; the interval when left out.',
  rise: { text: 'So many successes in a row bring it up.', usual: 1 },
  fall: { text: 'So many failures in a row take it down.', usual: 1 },
  user: { text: 'The user that it runs as.', usual: 'nobody' },
  init: {
    text: 'What it counts as before its first result: it is waited for (10s at most), or it is up, or down.',
    usual: 'wait',
  },
};
