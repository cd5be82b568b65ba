/** A daemon for lbctl's tests: a real control server with canned objects, or a socket that misbehaves. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  ApiDiff,
  ApiError,
  ApiEvent,
  ApiFinding,
  ApiHistory,
  ApiInstance,
  ApiPlan,
  ApiRealServer,
  ApiSaved,
  ApiService,
  ApiStatus,
  MethodName,
  Methods,
} from '../../src/control/api.js';
import { type ControlServer, createControlServer } from '../../src/control/server.js';
import { createCommandLines } from '../../src/daemon/core/command-line.js';
import { counted, STATS } from './statistics.js';

const override = { id: 3, who: 'anna', when: '2026-02-03T09:15:00.000Z', why: 'half of it, disk is slow' };

const server = (address: string, changes: Partial<ApiRealServer> = {}): ApiRealServer => ({
  address,
  wanted: { weight: 10, configured_weight: 10, forward: 'dr', upper: 0, lower: 0, source: 'file', override: null, admin: null },
  effective_weight: 10,
  verdict: { state: 'up', since_seconds: 200, reason: 'tcp: connected' },
  kernel: { weight: 10, forward: 'dr', active: 12, inactive: 4, persistent: 0 },
  why: 'in: its check passes',
  ...changes,
});

export const WEB: ApiService = {
  name: 'web',
  key: 'tcp/192.0.2.10:80',
  keys: ['tcp/192.0.2.10:80'],
  source: 'file',
  scheduler: 'wrr',
  options: ['persistent 300'],
  stands_back_for: null,
  quorum: { state: 'met', text: 'weight 20 of 1 needed' },
  sorry_server: null,
  forward: 'dr',
  on_failure: 'remove',
  in_kernel: true,
  in_sync: true,
  up: 2,
  total: 3,
  real_servers: [
    server('10.0.0.21:80'),
    server('10.0.0.22:80', {
      verdict: { state: 'down', since_seconds: 4.23, reason: 'tcp: connection refused' },
      effective_weight: null,
      kernel: null,
      why: 'out: tcp: connection refused\u001b[31m',
    }),
    server('10.0.0.23:80', {
      wanted: {
        weight: 5,
        configured_weight: 10,
        forward: 'dr',
        upper: 2000,
        lower: 1500,
        source: 'file',
        override,
        admin: null,
      },
      effective_weight: 5,
      kernel: { weight: 5, forward: 'dr', active: 1234, inactive: 98_765, persistent: 2 },
    }),
  ],
};

const DNS: ApiService = {
  ...WEB,
  name: 'dns',
  key: 'udp/[2001:db8::53]:53',
  keys: ['udp/[2001:db8::53]:53', 'udp/[2001:db8::54]:53'],
  options: ['ops'],
  source: 'runtime',
  scheduler: 'rr',
  forward: 'nat',
  in_kernel: false,
  in_sync: false,
  up: 0,
  total: 0,
  real_servers: [],
};

export const MASTER: ApiInstance = {
  name: 'VI_1',
  interface: 'eth0',
  family: 'ipv4',
  version: 3,
  virtual_router_id: 51,
  free_virtual_router_id: 52,
  state: 'master',
  since_seconds: 7300,
  reason: 'no advert for 3.414 s',
  held_back: false,
  priority: 150,
  effective_priority: 150,
  preempt: true,
  stands_down: false,
  takes_over_in_seconds: null,
  waits_for: null,
  signing: null,
  advert_interval_ms: 1000,
  master: null,
  addresses: [{ address: '192.0.2.10/24', held: true, advertised: true }],
  group: null,
  tracked: [],
  adverts_sent: 7300,
  adverts_received: 12,
  became_master: 1,
  rejected: [
    {
      reason: 'wrong checksum',
      count: 7,
      from: '192.0.2.66',
      last_seconds: 65,
      senders: [
        { address: '192.0.2.66', count: 6, last_seconds: 65 },
        { address: '192.0.2.67', count: 1, last_seconds: 70 },
      ],
    },
  ],
  rivals: [
    {
      address: '192.0.2.3',
      priority: 100,
      cause: 'deaf',
      text: '192.0.2.3 (priority 100) is master too and does not hear this director',
      since_seconds: 62,
      last_seconds: 0.4,
      adverts: 63,
    },
  ],
  lateness: { adverts: 7299, max_ms: 12.5, last_minute_ms: 2.1, p50_ms: 0.5, p99_ms: 2 },
  paths: [],
  virtual_mac: null,
  accept: true,
  accept_problem: null,
  lowest_priority: 150,
  weights_problem: null,
  announcements: { verify: 'verified', text: '192.0.2.1 answers to every address' },
};

const BACKUP: ApiInstance = {
  ...MASTER,
  name: 'VI_6',
  family: 'ipv6',
  state: 'backup',
  since_seconds: 62,
  reason: 'a master of higher priority is there',
  effective_priority: 100,
  preempt: false,
  master: { address: 'fe80::3', priority: 200, last_advert_seconds: 0.4 },
  addresses: [
    { address: 'fe80::51/64', held: false, advertised: true },
    { address: '2001:db8::10/64', held: false, advertised: true },
  ],
  rejected: [],
  rivals: [],
  lateness: { adverts: 0, max_ms: 0, last_minute_ms: 0, p50_ms: 0, p99_ms: 0 },
  announcements: { verify: 'off', text: '' },
};

const event = (id: number, kind: string, subject: string, text: string): ApiEvent => ({
  id,
  at: `2026-02-03T09:15:0${id}.000Z`,
  kind,
  subject,
  text,
});

export const EVENTS: readonly ApiEvent[] = [
  event(1, 'start', 'd1', 'lbd started'),
  {
    ...event(2, 'vrrp', 'VI_1', 'backup -> master: no advert for 3.414 s'),
    cause: 'no advert for 3.414 s',
    before: 'backup',
    after: 'master',
  },
  event(3, 'verdict', 'web/10.0.0.22:80', 'down: tcp: connection refused'),
];

const PROBLEM = {
  severity: 'error' as const,
  message: 'unknown key "schedular"; did you mean "scheduler"?',
  file: '/etc/lbd/lbd.yaml',
  line: 12,
  column: 5,
  source: '    schedular: wrr',
};
const WARNING = {
  ...PROBLEM,
  severity: 'warning' as const,
  message: 'no check: always up',
  line: 20,
  source: '    real_servers:',
};

const brief = ({ name, key, scheduler, forward, ...service }: ApiService): ApiStatus['services'][number] => {
  const { up, total, in_sync, in_kernel, stands_back_for, quorum, sorry_server, source } = service;
  const rates = { cps: 12, in_pps: 340, out_pps: 0, in_bps: 1_234_567, out_bps: 0 };
  const load = { weight: 15, wanted_weight: 25, active_connections: 1246, rates };
  const none = { weight: null, wanted_weight: 0, active_connections: null, rates: null };
  return {
    name,
    key,
    scheduler,
    forward,
    up,
    total,
    in_sync,
    in_kernel,
    stands_back_for,
    quorum,
    sorry_server,
    source,
    ...(in_kernel ? load : none),
  };
};

const CHECKS = [
  {
    type: 'tcp',
    description: 'tcp 10.0.0.22:80, every 2s',
    verdict: 'down' as const,
    since_seconds: 4.23,
    next_in_seconds: 1.2,
    results: [
      { ok: false, local: false, reason: 'connection refused', duration_ms: 0.31, ago_seconds: 0.8 },
      { ok: true, local: false, reason: 'connected', duration_ms: 12.5, ago_seconds: 122 },
    ],
  },
];

/** Refuses, as the daemon's handlers do. */
export class FakeRefusal extends Error {
  readonly error: ApiError;
  constructor(error: ApiError) {
    super(error.message);
    this.error = error;
  }
}

const refuse = (error: ApiError): never => {
  throw new FakeRefusal(error);
};

type Change = { readonly dry_run?: boolean };
const changed = (text: string, { dry_run }: Change) => ({ text, revision: dry_run ? 4 : 5, dry_run: dry_run === true });

function reloaded(params: Change & { readonly reason?: string }): Methods['reload']['result'] {
  if (params.reason === 'broken')
    refuse({ code: 'invalid_config', message: '/etc/lbd/lbd.yaml has 1 errors: nothing was changed', problems: [PROBLEM] });
  return { ...changed('virtual server web changed', params), problems: [WARNING] };
}

const PEERS: ApiStatus['peers'] = [
  {
    name: 'd2',
    url: 'https://192.0.2.3:8405',
    state: 'answers',
    since_seconds: 7300,
    reason: '',
    told: {
      seconds_ago: 3.2,
      router_id: 'd2',
      version: '0.1.0',
      revision: 12,
      same_table: true,
      same_table_seconds: 620,
      instances: [
        { name: 'VI_1', state: 'backup' },
        { name: 'VI_6', state: 'master' },
      ],
      active_connections: 1240,
      clock_ms: -3,
    },
  },
  { name: 'd3', url: 'http://192.0.2.4:8405', state: 'silent', since_seconds: 62, reason: 'nobody listens there', told: null },
];

const STATUS: Methods['status']['result'] = {
  router_id: 'd1',
  version: '0.1.0',
  pid: 4711,
  uptime_seconds: 200_000,
  config_file: '/etc/lbd/lbd.yaml',
  revision: 4,
  overrides: 1,
  loaded: { since_seconds: 5400, by: 'SIGHUP', stale: true },
  table: '0123456789abcdef',
  processes: [
    { name: 'core', pid: 4711, state: 'running', restarts: 0 },
    { name: 'check', pid: 4712, state: 'running', restarts: 2 },
    { name: 'vrrp', pid: null, state: 'restarting', restarts: 1 },
  ],
  ipvs: { usable: true, text: 'IPVS 1.2.1' },
  drift: {
    total: 1,
    last: 'tcp/192.0.2.10:80: 10.0.0.22:80 was removed by somebody else',
    by_kind: { server_missing: 1 },
    fought_over: [],
  },
  connection_sync: {
    interface: 'eth1',
    id: 51,
    follows: 'VI_1',
    wanted: ['master'],
    running: ['master'],
    problem: null,
    drift: 2,
  },
  probes: {
    checks: 3,
    running: 1,
    limit: 2000,
    waiting: 0,
    oldest_wait_ms: 0,
    longest_wait_ms: 0,
    latest_start_ms: 2.3,
  },
  instances: [MASTER, BACKUP],
  services: [brief(WEB), brief(DNS)],
  foreign_services: ['tcp/192.0.2.99:99'],
  admin_states: [
    {
      target: 'host 10.0.0.31',
      state: 'drain',
      since_seconds: 7500,
      by: { id: 7, who: 'anna', when: '2026-02-03T09:15:00.000Z', why: 'new disks' },
      text: 'draining, what is left is cut in 5m (3 real servers)',
      left: { active: 12, inactive: 4, persistent: 2 },
      forgotten: false,
    },
    {
      target: 'mail/10.0.0.32:25',
      state: 'disabled',
      since_seconds: 200_000,
      by: { id: 8, who: 'bert', when: '2026-02-01T09:15:00.000Z', why: '' },
      text: 'disabled',
      left: null,
      forgotten: true,
    },
  ],
  slow_starts: [{ target: 'web/10.0.0.21:80', weight: 3, full_weight: 10, seconds: 21 }],
  peers: PEERS,
  recent: EVENTS.slice(1),
  problems: [
    { severity: 'critical', text: 'the vrrp process is being restarted' },
    { severity: 'warning', text: 'web/10.0.0.22:80: tcp: connection refused' },
    { severity: 'hint', text: 'mail/10.0.0.32:25: disabled by bert 2 days ago: forgotten? lbctl enable mail 10.0.0.32:25' },
  ],
};

function list(service: string | undefined): Pick<Methods['list']['result'], 'services'> {
  const services = [WEB, DNS].filter((one) => service === undefined || one.name === service || one.key === service);
  if (services.length === 0) refuse({ code: 'refused', message: `unknown service "${service}"; there is web, dns` });
  return { services };
}

const FINDINGS: readonly ApiFinding[] = [
  {
    severity: 'critical',
    topic: 'ip_forward',
    text: 'net.ipv4.ip_forward is 0: the answers of the real servers of web (nat) do not get back to the clients',
    cure: 'sysctl -w net.ipv4.ip_forward=1',
  },
  {
    severity: 'critical',
    topic: 'firewall',
    text: 'incoming VRRP adverts (protocol 112 to 224.0.0.18) for VI_1 are dropped by rule handle 12 of chain inet filter input',
    cure: 'nft insert rule inet filter input ip protocol 112 ip daddr 224.0.0.18 accept',
  },
  {
    severity: 'info',
    topic: 'timeouts',
    text: 'TCP connections that are idle for 900 s are forgotten',
    cure: 'timeouts: { tcp: 7200s } in the configuration',
  },
  { severity: 'info', topic: 'firewall', text: 'nobody knows', cure: '' },
  { severity: 'ok', topic: 'ipvs', text: 'IPVS 1.2.1', cure: '' },
];

export const PLAN: ApiPlan = {
  text: 'virtual server web changed, virtual server old removed',
  changes: [
    {
      object: 'virtual server web',
      change: 'changed',
      details: ['scheduler: wlc -> wrr', 'real server 10.0.0.9:80 added, weight 1, nat'],
    },
    { object: 'virtual server old', change: 'removed', details: [] },
    { object: 'VRRP instance VI_2', change: 'added', details: ['address 192.0.2.20/24'] },
  ],
  operations: {
    now: [
      { service: 'web', key: 'tcp/192.0.2.10:80', operation: 'set service, scheduler wrr' },
      { service: 'old', key: 'tcp/192.0.2.11:80', operation: 'delete service' },
    ],
    later: [{ service: 'web', key: 'tcp/192.0.2.10:80', operation: 'add 10.0.0.9:80 weight 1 (nat)' }],
    total: 5,
  },
  refused: 'it removes 1 of 1 virtual servers, and global.max_removed is 50%',
  problems: [],
  revision: 7,
};

export const HISTORY: ApiHistory = {
  revisions: [
    {
      revision: 7,
      at: '2026-08-01T10:00:00.000Z',
      kind: 'apply',
      who: 'ann',
      why: 'more room',
      text: 'virtual server web changed',
      in_force: true,
    },
    {
      revision: 6,
      at: '2026-08-01T09:00:00.000Z',
      kind: 'change',
      who: 'bob',
      why: '',
      text: 'weight of 10.0.0.21:80 in web: 10 -> 5',
      in_force: false,
    },
  ],
  pending: { who: 'ann', back_to: 6, seconds_left: 42 },
};

const DIFF: ApiDiff = {
  against: 'file',
  name: '/etc/lbd/lbd.yaml',
  differences: [
    {
      change: 'added',
      target: 'web/10.0.0.24:80',
      text: 'weight 3, tun',
      by: { ...override, id: 4, why: '' },
      since_seconds: 7500,
      saved: true,
    },
    { change: 'changed', target: 'web/10.0.0.23:80', text: 'weight 10 -> 5 (50%)', by: override, since_seconds: 90, saved: true },
    { change: 'removed', target: 'dns', text: 'with 2 real servers', by: override, since_seconds: 4, saved: true },
    {
      change: 'changed',
      target: 'host 10.0.0.21',
      text: 'draining (1 real server)',
      by: override,
      since_seconds: 60,
      saved: false,
    },
  ],
  disk: { state: 'edited', text: '/etc/lbd/lbd.yaml was edited since it was read' },
};

const saved = (params: { dry_run?: boolean }): ApiSaved => ({
  ...changed(`${params.dry_run ? 'would write' : 'wrote'} 1 change into /etc/lbd/lbd.yaml`, params),
  notes: ['stays an override, no matter of the file: host 10.0.0.21 (draining (1 real server))'],
  files: [
    {
      file: '/etc/lbd/lbd.yaml',
      diff: [
        '--- /etc/lbd/lbd.yaml',
        '+++ /etc/lbd/lbd.yaml',
        '@@ -12,2 +12,2 @@',
        '       - address: 10.0.0.21:80',
        '-        weight: 10',
        '+        weight: 5',
        '',
      ].join('\n'),
    },
  ],
});

type Handlers = { readonly [M in MethodName]: (params: Methods[M]['params']) => Methods[M]['result'] };

export const CANNED: Handlers = {
  status: () => STATUS,
  brief: () => ({
    router_id: 'd1',
    version: '0.1.0',
    at: '2026-02-03T09:15:00.000Z',
    revision: 4,
    table: STATUS.table,
    services: 2,
    instances: [{ name: 'VI_1', family: 'ipv4', virtual_router_id: 51, version: 3, state: 'master' }],
    active_connections: null,
  }),
  list: ({ service, counters }) => ({
    revision: 7,
    services: list(service).services.map((one) => (counters ? counted(one) : one)),
  }),
  stats: ({ service }) => ({ ...STATS, services: STATS.services.filter((one) => service === undefined || one.name === service) }),
  names: ({ service }) => ({
    services: [WEB, DNS].map(({ name, keys }) => ({ name, keys })),
    real_servers: service === 'web' || service === WEB.key ? WEB.real_servers.map(({ address }) => address) : [],
    hosts: ['10.0.0.21', '10.0.0.22', '10.0.0.23', '2001:db8::21'],
    instances: ['VI_1', 'VI_6'],
  }),
  show: ({ service, rs }) => ({
    service: list(service).services[0] as ApiService,
    real_server: WEB.real_servers.find((one) => one.address === rs) ?? null,
    checks: CHECKS,
  }),
  add_rs: (params) => changed(`add ${JSON.stringify(params)}`, params),
  set_rs: (params) => changed(`set ${JSON.stringify(params)}`, params),
  set_host: (params) => ({ ...changed(`host ${JSON.stringify(params)}`, params), notes: ['the other one too', 'and so on'] }),
  set_state: (params) => changed(`state ${JSON.stringify(params)}`, params),
  del_rs: (params) => changed(`delete ${JSON.stringify(params)}`, params),
  failover: (params) => changed(`failover ${JSON.stringify(params)}`, params),
  take_over: (params) => changed(`take over ${JSON.stringify(params)}`, params),
  add_vs: (params) => changed(`add service ${JSON.stringify(params)}`, params),
  set_vs: (params) => changed(`set service ${JSON.stringify(params)}`, params),
  del_vs: (params) => changed(`delete service ${JSON.stringify(params)}`, params),
  vrrp: ({ instance }) => ({ instances: [MASTER, BACKUP].filter((one) => instance === undefined || one.name === instance) }),
  why: ({ target, rs }) => {
    if (target === 'crash') throw new TypeError('a bug of the daemon');
    return {
      target: rs === undefined ? target : `${target}/${rs}`,
      summary: '10.0.0.22:80 is out of web: tcp: connection refused',
      steps: ['wanted: weight 10, from the configuration file', 'verdict: down since 4.2s', 'kernel: not in the table'],
      checks: CHECKS,
    };
  },
  doctor: () => ({ findings: FINDINGS }),
  reload: reloaded,
  changes: (params) => changed(`changes ${JSON.stringify(params)}`, params),
  plan: () => PLAN,
  apply: (params) => ({ ...changed(`apply ${params.text.length} characters`, params), problems: [] }),
  confirm: (params) => changed('confirmed: it stays', params),
  rollback: (params) => changed(`back to ${params.revision ?? 'the one before'}`, params),
  history: ({ limit }) => ({ ...HISTORY, revisions: HISTORY.revisions.slice(0, limit) }),
  overrides: () => ({ overrides: [] }),
  diff: () => DIFF,
  save: (params) => saved(params),
  events: ({ since, limit }) => ({ events: EVENTS.filter((one) => one.id > (since ?? 0)).slice(-(limit ?? 100)) }),
};

export interface FakeDaemon {
  readonly socketPath: string;
  readonly warnings: readonly string[];
  /** Every request that came through. */
  readonly asked: readonly { readonly method: string; readonly params: unknown }[];
  /** Every command line that the compiled lbctl handed over, and why those were declined that were. */
  readonly commandLines: readonly (readonly string[])[];
  readonly declined: readonly string[];
  readonly server: ControlServer;
  readonly folder: string;
  close(): Promise<void>;
}

/** `at`: where an earlier one was. */
/** `progressed` is called when somebody was told what he waits for. */
export async function startFakeDaemon(
  handlers: Partial<Handlers> = {},
  group?: string,
  at?: string,
  progressed: () => void = () => {},
): Promise<FakeDaemon> {
  const folder = mkdtempSync(join(tmpdir(), 'lbd-control-'));
  const socketPath = at ?? join(folder, 'lbd.sock');
  const warnings: string[] = [];
  const asked: { method: string; params: unknown }[] = [];
  const commandLines: (readonly string[])[] = [];
  const declined: string[] = [];
  const all = { ...CANNED, ...handlers };
  const warn = (text: string) => void warnings.push(text);
  const runCommandLine = createCommandLines(() => false, warn);
  const server = await createControlServer({
    socketPath,
    group,
    peer: () => ({ uid: 0, pid: 1, name: 'root' }),
    handle: async (method, params) => {
      asked.push({ method, params });
      return (all[method] as (p: unknown) => unknown)(params);
    },
    toError: (error) => (error instanceof FakeRefusal ? error.error : undefined),
    progress: (method) => {
      progressed();
      return { text: `${method} waits for the check process`, limit_ms: 3000 };
    },
    runCommandLine(line, session) {
      commandLines.push(line.argv);
      const decline = (why: string) => {
        declined.push(why);
        session.decline(why);
      };
      return runCommandLine(line, { ...session, decline });
    },
    warn,
  });
  const close = async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { socketPath, warnings, asked, commandLines, declined, server, folder, close };
}

export interface RawServer {
  readonly socketPath: string;
  close(): Promise<void>;
}

/** Something that listens and does with each connection what it likes. */
export function startRawServer(onConnection: (socket: Socket) => void): Promise<RawServer> {
  const folder = mkdtempSync(join(tmpdir(), 'lbd-raw-'));
  const socketPath = join(folder, 'raw.sock');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  const close = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => {
        rmSync(folder, { recursive: true, force: true });
        resolve();
      });
    });
  return new Promise((resolve) => server.listen({ path: socketPath }, () => resolve({ socketPath, close })));
}
