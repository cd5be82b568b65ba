/** Virtual servers, their real servers, and the rules of their pool. */
import { CHECK, TIMING } from './checks.js';
import type { Docs } from './types.js';

const TUNNEL: Docs = {
  type: { text: 'How packets are wrapped on their way to the real server.', usual: 'ipip' },
  port: 'The port of the real server that gue packets go to; 6080 when left out.',
  checksum: { text: 'The checksum of the outer header: csum of gue and gre, remcsum of gue alone.', usual: 'none' },
};

const MODE = {
  text: 'How many of several checks of a real server must pass: all, any, or a number.',
  usual: 'all',
  keys: { at_least: 'So many checks must pass.' },
};
const SLOW_START =
  'Over so long a real server that comes back, is new, or drains no more gets its weight step by step; 0 is none. Needs a scheduler that goes by weights.';
const FORWARD = 'dr (direct routing), nat, or tun (tunnel)';

const SORRY: Docs = {
  address: 'Its address; the port is that of the virtual server when left out.',
  forward: `How packets go to it: ${FORWARD}; as the virtual server says when left out.`,
  tun: { text: 'Its tunnel, where it differs from that of the virtual server.', keys: TUNNEL },
};

export const INHERITED: Docs = {
  scheduler: { text: 'How the kernel chooses a real server for a new connection.', usual: 'wlc' },
  scheduler_flags: 'Flags of the schedulers sh and mh; both have their fallback flag unless flags are given.',
  persistence: {
    text: 'A client keeps its real server for that long after its last connection: a time, a mapping, or off.',
    usual: 'off',
    keys: {
      timeout: { text: 'How long it is kept, in whole seconds.', usual: '5m' },
      prefix: 'Clients of one network of that prefix length count as one; 32 with IPv4, 128 with IPv6 when left out.',
      engine: 'What tells clients apart beside their address: sip reads the Call-ID of UDP packets.',
    },
  },
  forward: { text: `How packets go to the real servers: ${FORWARD}.`, usual: 'nat' },
  tun: {
    text: 'The tunnel of forward: tun.',
    keys: {
      ...TUNNEL,
      mss: { text: 'The segment size that clients are told, so that wrapped packets fit: auto reckons it.', usual: 'auto' },
    },
  },
  on_failure: {
    text: 'A real server whose checks fail is removed from the table, or stays in it with weight 0 (quiesce). With sh and mh it stays.',
    usual: 'remove',
  },
  quorum: {
    text: 'The least weight that must be up, all real servers added; more than all have together is all of them. One that is new counts from its first verdict on.',
    usual: 1,
  },
  hysteresis: {
    text: 'A quorum that is lost is met again at so much more, and one that is met is lost at so much less.',
    usual: 0,
  },
  sorry_server: {
    text: 'Serves while the quorum is lost; none where that of the defaults is not wanted. When its turn is over it stays 10 s more with weight 0, so that what it is serving goes on; not for UDP, nor with persistence, dh, sh or mh.',
    keys: SORRY,
  },
  slow_start: { text: SLOW_START, usual: 0 },
  min_healthy: 'Fewer healthy real servers than this share, or number, put the checks themselves in doubt: see below.',
  max_ejected: 'Failing checks take out no more real servers than this share, or number: in place of min_healthy.',
  below: {
    text: 'What happens below min_healthy: those that failed last stay in, all get traffic, the sorry server serves, or nobody gets new connections.',
    usual: 'keep_last',
  },
  damping: {
    text: 'Real servers that flap are held out for a while: a mapping, or off.',
    usual: 'off',
    keys: {
      half_life: { text: 'What has been counted decays by half in that time.', usual: '60s' },
      suppress: { text: 'From so much on a real server is held out; each change from up to down counts 1.', usual: 3 },
      reuse: { text: 'Down to so much it is held out.', usual: 1 },
    },
  },
  mode: MODE,
  check: { text: 'The times of all checks that say nothing else.', keys: TIMING },
  checks: { text: 'The checks of every real server. One without any check is always up.', keys: CHECK },
};

const REAL_SERVER: Docs = {
  address: 'Its address; the port is that of the virtual server when left out, and is it always with dr and tun.',
  weight: { text: 'Its share of the connections beside the others; 0 takes nothing new.', usual: 1 },
  forward: `How packets go to it: ${FORWARD}; as the virtual server says when left out.`,
  tun: { text: 'Its tunnel, where it differs from that of the virtual server.', keys: TUNNEL },
  upper: { text: 'No new connections above so many; 0 is no bound.', usual: 0 },
  lower: {
    text: 'After the upper bound new connections come again below so many; 0 leaves it to the kernel, at three quarters.',
    usual: 0,
  },
  mode: { text: `${MODE.text} As the virtual server says when left out.`, keys: MODE.keys },
  slow_start: `${SLOW_START} As the virtual server says when left out.`,
  backup: {
    text: 'It stands by with weight 0 and serves while those before it lack the quorum: true is the first tier, a number is the tier.',
    usual: false,
  },
  checks: { text: 'Its own checks, in place of those of the virtual server.', keys: CHECK },
};

export const VIRTUAL_SERVER: Docs = {
  name: 'How lbctl, events and messages call it.',
  address:
    'ADDRESS:PORT, a range (192.0.2.11-19:443), or a list of both: each is a service of its own in the kernel. Port 0 is every port. An IPv6 address stands in brackets.',
  fwmark: 'In place of address: every packet that the firewall has marked so.',
  family: 'The address family of a fwmark service; that of its real servers when left out.',
  protocol: { text: 'The transport protocol.', usual: 'tcp' },
  one_packet: { text: 'Every UDP datagram is scheduled by itself (with dr or tun).', usual: false },
  snat: {
    text: 'auto: real servers behind nat see an address of the director, and answer it whatever their route is. off: they see the client.',
    usual: 'off',
  },
  follow: {
    text: 'When the service is in the kernel of this director: always, while a VRRP instance of that name is master, or auto, which is always but where this director is one of the real servers.',
    usual: 'auto',
  },
  ...INHERITED,
  real_servers: { text: 'Who serves.', keys: REAL_SERVER },
};
