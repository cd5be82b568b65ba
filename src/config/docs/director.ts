/** The director as a whole: processes, API, peers, and the kernel's own settings. */
import type { Docs } from './types.js';

const HTTP: Docs = {
  listen: 'Where it listens: ADDRESS:PORT, or a list of them. An address of this host, not a virtual one.',
  tls: {
    text: 'HTTPS in place of HTTP.',
    keys: {
      certificate: 'A file with the certificate and those of its authorities.',
      key: 'A file with its key.',
      client_ca: 'A file with authorities: clients must have a certificate of one of them.',
    },
  },
  anonymous: 'What may be done without a token: read at loopback addresses alone, and none elsewhere, when left out.',
  tokens: {
    text: 'Who may do what. A change always needs a token of the role change.',
    keys: {
      name: 'Whose it is: it stands beside the changes that are made with it.',
      role: 'read, or change, which may read too.',
      file: 'A file whose first line is the token.',
      sha256: 'In place of file: the SHA-256 of the token.',
    },
  },
};

const PEER: Docs = {
  name: 'How messages call it.',
  url: 'Where its API is: https://192.0.2.3:8405.',
  token_file: 'A file whose first line is the token for it.',
  ca: 'A file with the authority of its certificate; those of Node.js when left out.',
  server_name: 'The name in its certificate, where that is not the one of the url.',
  share: { text: 'Changes that lbctl makes here are made there too.', usual: false },
};

export const GLOBAL: Docs = {
  router_id: 'What lbctl status calls this director; the host name when left out.',
  state_dir: {
    text: 'The folder of what outlives a restart: changes made by lbctl, verdicts, ownership.',
    usual: '/var/lib/lbd',
  },
  control: {
    text: 'The socket that lbctl uses.',
    keys: {
      socket: { text: 'Its path, of at most 107 bytes.', usual: '/run/lbd/lbd.sock' },
      group: { text: 'The group whose members may use it.', usual: 'lbd' },
    },
  },
  max_removed: {
    text: 'The share of the virtual servers, or of the VRRP instances, that one reload, apply or rollback may take away without --force.',
    usual: '50%',
  },
  on_stop: {
    text: 'Whether an ordered stop leaves the services of lbd in the table of the kernel, or removes them.',
    usual: 'keep',
  },
  require_ipvs: {
    text: 'Whether VRRP instances are in FAULT while services are configured and IPVS cannot be used.',
    usual: true,
  },
  log_level: { text: 'The least level that is logged.', usual: 'info' },
  http: { text: 'The API over HTTP; it is off when left out.', keys: HTTP },
  peers: { text: 'The other directors that are asked, and told, over their API.', keys: PEER },
  probe_marks: {
    text: 'The firewall marks of checks via: vip, as a range; nothing else may use them.',
    usual: '0x4c420000-0x4c42ffff',
  },
  suspicion: {
    text: 'When most servers begin to fail at once it is taken for a fault of this director, and nobody is taken out for a while. off: every failure counts.',
    keys: {
      share: { text: 'More than such a share of the hosts that were up must begin to fail within one interval.', usual: '60%' },
      min_targets: { text: 'At least so many hosts must.', usual: 5 },
      hold: 'For how long nobody is taken out; two intervals, and 10s at most, when left out.',
      reference: 'Addresses that end it at once when one answers an echo: the servers have failed indeed.',
      yield: { text: 'VRRP instances have priority 1 meanwhile, so that a director that is well takes over.', usual: false },
    },
  },
};

export const CONNECTION_SYNC: Docs = {
  interface: 'The interface that connections are told over.',
  follow: 'The VRRP instance whose master tells the others; without it this director always tells and always listens.',
  id: 'The number of the group of directors; the VRID of the instance, or 0, when left out.',
  group: 'The multicast group; 224.0.0.81, the choice of the kernel, when left out.',
  port: 'The UDP port; 8848, the choice of the kernel, when left out.',
  ttl: 'The TTL of the packets; 1, the choice of the kernel, when left out.',
  maxlen: 'The largest packet, in bytes; what fits into the MTU when left out.',
};

export const TIMEOUTS: Docs = {
  tcp: 'Idle time of a TCP connection, in whole seconds; 15m in the kernel.',
  tcp_fin: 'Idle time of a TCP connection that is being closed, in whole seconds; 2m in the kernel.',
  udp: 'Idle time of a UDP flow, in whole seconds; 5m in the kernel.',
};

export const KERNEL_SETTINGS: Docs = {
  manage: { text: 'Whether lbd sets what the services need below net.ipv4.vs.', usual: true },
  restore: { text: 'Whether an ordered stop puts back what was there before.', usual: false },
  am_droprate: 'The rate of dropped packets in the mode that drop_packet 3 has.',
  amemthresh: 'From so few free pages on memory counts as short.',
  backup_only: '1: a backup of connection synchronisation forwards nothing.',
  cache_bypass: '1: connections that no cache server takes go to where they were meant for.',
  conn_reuse_mode: 'What a new connection from a port in use does: 0 keeps the old real server, 1 schedules again.',
  conntrack: '1: the connections of IPVS are known to netfilter.',
  drop_entry: 'When connections are dropped at random to save memory: 0 never, 1 and 2 by themselves, 3 always.',
  drop_packet: 'When packets are dropped for the same reason: 0 never, 1 and 2 by themselves, 3 always.',
  est_nice: 'The niceness of the threads that reckon the rates.',
  expire_nodest_conn: '1: a connection whose real server was removed is ended by its next packet.',
  expire_quiescent_template: '1: a persistent client of a real server with weight 0 goes to another one.',
  ignore_tunneled: '1: packets that came through a tunnel are not scheduled again.',
  nat_icmp_send: '1: an answer of nat that belongs to no connection is told to its sender by ICMP.',
  pmtu_disc: '1: packets that do not fit are refused by ICMP; 0: they are fragmented.',
  run_estimation: '0: rates are not reckoned, and statistics stand still.',
  schedule_icmp: '1: ICMP errors about no known connection are scheduled.',
  secure_tcp: 'When shorter timeouts of TCP hold: 0 never, 1 and 2 by themselves, 3 always.',
  sloppy_sctp: '1: an SCTP connection may begin in its middle.',
  sloppy_tcp: '1: a TCP connection may begin in its middle.',
  snat_reroute: '1: the answers of nat are routed again by their new source.',
  sync_persist_mode: '1: of persistent services only the templates are synchronised.',
  sync_ports: 'So many threads and ports synchronise connections.',
  sync_qlen_max: 'So many messages of synchronisation may wait.',
  sync_refresh_period: 'A connection is synchronised again after so many seconds; 0: by packets alone.',
  sync_retries: 'So often a connection is synchronised again.',
  sync_sock_size: 'The size of the send buffer of synchronisation, in bytes; 0: that of the system.',
  sync_threshold: 'Two numbers: the first packet of a connection that is synchronised, and of how many more each one is again.',
  sync_version: 'The version of the messages of synchronisation.',
};
