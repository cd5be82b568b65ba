import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiInstance, ApiPeer, ApiStatus } from '../../../../src/control/api.js';
import { assembleStatus, type StatusParts } from '../../../../src/daemon/core/status.js';
import type { CheckSummary } from '../../../../src/daemon/messages.js';
import { CANNED } from '../../../fake/control.js';

const head: StatusParts['head'] = {
  router_id: 'd1',
  version: '1',
  pid: 1,
  uptime_seconds: 1,
  config_file: '/x',
  revision: 1,
  overrides: 0,
  loaded: { since_seconds: 1, by: 'start', stale: false },
  table: '',
  processes: [
    { name: 'core', pid: 1, state: 'running', restarts: 0 },
    { name: 'check', pid: null, state: 'restarting', restarts: 3 },
  ],
};

const instance: ApiInstance = {
  name: 'VI_1',
  interface: 'eth0',
  family: 'ipv4',
  version: 3,
  virtual_router_id: 51,
  free_virtual_router_id: 52,
  state: 'fault',
  since_seconds: 1,
  reason: 'eth0 has no carrier',
  held_back: false,
  priority: 100,
  effective_priority: 100,
  preempt: true,
  stands_down: false,
  takes_over_in_seconds: null,
  waits_for: null,
  signing: null,
  advert_interval_ms: 1000,
  master: null,
  addresses: [],
  group: null,
  tracked: [],
  adverts_sent: 0,
  adverts_received: 0,
  became_master: 0,
  rejected: [
    {
      reason: 'checksum',
      count: 3,
      from: '192.0.2.9',
      last_seconds: 1,
      senders: [{ address: '192.0.2.9', count: 3, last_seconds: 1 }],
    },
  ],
  rivals: [],
  paths: [],
  virtual_mac: null,
  accept: true,
  accept_problem: null,
  lowest_priority: 150,
  weights_problem: null,
  lateness: { adverts: 0, max_ms: 0, last_minute_ms: 0, p50_ms: 0, p99_ms: 0 },
  announcements: { verify: 'off', text: '' },
};

const check: CheckSummary = {
  ipvs: { usable: true, text: 'ok' },
  drift: { total: 0, last: null, by_kind: {}, fought_over: [] },
  refusals: [],
  blind: [],
  drains: [],
  slowStarts: [],
  sync: null,
  probes: {
    checks: 2500,
    running: 2000,
    limit: 2000,
    waiting: 37,
    oldest_wait_ms: 1234.5,
    longest_wait_ms: 2000,
    latest_start_ms: 2001,
  },
  suspicion: null,
  settings: [],
  services: [
    {
      name: 'web',
      key: 'tcp/192.0.2.10:80',
      scheduler: 'wlc',
      forward: 'nat',
      weight: null,
      wanted_weight: 2,
      active_connections: null,
      rates: null,
      up: 0,
      total: 2,
      in_sync: false,
      in_kernel: true,
      stands_back_for: null,
      quorum: { state: 'lost', text: 'weight 0 of 1 needed' },
      sorry_server: null,
      source: 'file',
    },
  ],
  foreign: [],
  down: [{ service: 'web', rs: '10.0.0.1:80', reason: 'down: refused' }],
};

test('problems come worst first, and each names its object', () => {
  const { problems } = assembleStatus({ head, check, vrrp: [instance], own: ['a file cannot be written'], out: [] });
  assert.deepEqual(
    problems.map(({ severity, text }) => `${severity}: ${text}`),
    [
      'critical: the check process is being restarted',
      'critical: web: no real server is up (0/2)',
      'critical: VI_1: FAULT: eth0 has no carrier',
      "warning: web: the kernel's table is not as wanted yet",
      'warning: checks are late: 2000 probes may run at once, others wait for a place: 37 wait now, the first for 1.235s; in the last minute up to 2s; longer intervals or shorter timeouts help',
      'warning: web/10.0.0.1:80: down: refused',
      'warning: VI_1: 3 adverts refused: checksum, last from 192.0.2.9',
      'warning: a file cannot be written',
    ],
  );
});

test('another director that does not answer is a problem, one that wants another table is a hint', () => {
  const told = { ...(CANNED.status({}) as ApiStatus).peers[0]?.told, same_table: false } as NonNullable<ApiPeer['told']>;
  const d2: ApiPeer = { name: 'd2', url: '', state: 'answers', since_seconds: 5, reason: '', told };
  const peers: ApiPeer[] = [
    d2,
    { ...d2, name: 'd3', state: 'silent', since_seconds: 62.4, reason: 'nobody listens' },
    { ...d2, told: { ...told, same_table_seconds: 3 } },
  ];
  const { problems } = assembleStatus({ head, check: undefined, vrrp: [], own: [], out: [], peers });
  assert.deepEqual(
    problems.slice(1).map(({ severity, text }) => `${severity}: ${text}`),
    [
      'warning: director d3: no answer for 62s: nobody listens',
      'hint: director d2 does not want the same virtual servers and real servers as this one: lbctl failover INSTANCE --check tells what is other',
    ],
  );
});

test('a part that does not answer is a problem, not a failure of status', () => {
  const status = assembleStatus({ head, check: 'the check process did not answer within 3s', vrrp: 'gone', own: [], out: [] });
  assert.equal(status.ipvs.usable, false);
  assert.match(status.problems.map((one) => one.text).join(), /did not answer within 3s.*VRRP: gone/);
});

test('without services IPVS is not needed', () => {
  const status = assembleStatus({ head, check: undefined, vrrp: [], own: [], out: [] });
  assert.deepEqual(status.ipvs, { usable: true, text: 'not needed: no virtual server' });
});

test('refused adverts are a problem while they come, not for ever', () => {
  const rejected = [{ reason: 'ttl', count: 9, from: '192.0.2.9', last_seconds: 301, senders: [] }] as const;
  const { problems } = assembleStatus({
    head,
    check: undefined,
    vrrp: [{ ...instance, state: 'backup', rejected }],
    own: [],
    out: [],
  });
  assert.ok(!problems.some(({ text }) => text.includes('refused')));
});

test('two masters, unverified announcements and late adverts are problems, the worst first', () => {
  const rival = {
    address: '192.0.2.9',
    priority: 100,
    cause: 'deaf' as const,
    text: '192.0.2.9 (priority 100) is master too',
    since_seconds: 9,
    last_seconds: 1,
    adverts: 9,
  };
  const late = { adverts: 9, max_ms: 500, last_minute_ms: 101, p50_ms: 1, p99_ms: 101 };
  const told = (own: Partial<ApiInstance>) =>
    assembleStatus({
      head: { ...head, processes: [] },
      check: undefined,
      vrrp: [{ ...instance, state: 'master', ...own }],
      own: [],
      out: [],
    }).problems.map(({ severity, text }) => `${severity}: ${text}`);
  assert.deepEqual(
    told({
      rivals: [rival],
      lateness: late,
      announcements: { verify: 'failed', text: '192.0.2.1 does not answer to 192.0.2.10' },
    }),
    [
      'critical: VI_1: two masters: 192.0.2.9 (priority 100) is master too',
      'critical: VI_1: 192.0.2.1 does not answer to 192.0.2.10',
      'warning: VI_1: adverts left up to 101 ms late in the last minute (every 1000 ms): this process does not get the processor when it needs it',
    ],
    'the refused adverts of the rival are told with it',
  );
  assert.deepEqual(told({ rejected: [], state: 'backup', held_back: true, reason: 'no witness answers' }), [
    'critical: VI_1: does not take over: no witness answers',
  ]);
  assert.deepEqual(told({ rejected: [], lateness: { ...late, last_minute_ms: 100 } }), []);
  assert.deepEqual(told({ rejected: [], lateness: { ...late, last_minute_ms: 3 }, advert_interval_ms: 10 }), []);
  assert.equal(told({ rejected: [], lateness: { ...late, last_minute_ms: 4 }, advert_interval_ms: 10 }).length, 1);
  assert.equal(told({ rejected: [], lateness: late, state: 'backup' }).length, 0);
});

test('probes that do not wait for a place are no problem, and the last minute of waiting is told when it is over', () => {
  const problemsOf = (own: Partial<NonNullable<CheckSummary['probes']>>) => {
    const probes = { ...(check.probes as NonNullable<CheckSummary['probes']>), waiting: 0, oldest_wait_ms: 0, ...own };
    const { problems } = assembleStatus({ head, check: { ...check, probes }, vrrp: [], own: [], out: [] });
    return problems.map(({ text }) => text).filter((text) => text.includes('late'));
  };
  assert.deepEqual(problemsOf({ longest_wait_ms: 20, latest_start_ms: 900 }), []);
  assert.match(problemsOf({ longest_wait_ms: 2000 }).join(), /: no probe waits now; in the last minute up to 2s;/);
});

test('checks that this director cannot make are a problem, by their reason', () => {
  const blind = [
    { reason: 'too many open files on this director', checks: 3, first: 'web/10.0.0.1:80: tcp connect to 10.0.0.1:80' },
    { reason: 'no such interface on this director', checks: 1, first: 'mail/10.0.0.2:25: smtp greeting of 10.0.0.2:25' },
  ];
  const { problems } = assembleStatus({ head, check: { ...check, blind }, vrrp: [], own: [], out: [] });
  assert.deepEqual(
    problems.filter(({ text }) => text.startsWith('nothing is found out')),
    [
      {
        severity: 'warning',
        text: 'nothing is found out by web/10.0.0.1:80: tcp connect to 10.0.0.1:80 and 2 more checks: too many open files on this director',
      },
      {
        severity: 'warning',
        text: 'nothing is found out by mail/10.0.0.2:25: smtp greeting of 10.0.0.2:25: no such interface on this director',
      },
    ],
  );
});

test('too few healthy servers, and backups that serve, are problems', () => {
  const [web] = check.services;
  const pool = {
    too_few: '1 healthy, 2 needed (min_healthy 50%): all are in, as if they were up',
    backups: 'the backups take traffic',
  };
  const services = [
    { ...(web as (typeof check.services)[number]), up: 1, in_sync: true, quorum: { state: 'met', text: '' } as const, pool },
  ];
  const { problems } = assembleStatus({
    head: { ...head, processes: [] },
    check: { ...check, services, down: [] },
    vrrp: undefined,
    own: [],
    out: [],
  });
  assert.deepEqual(
    problems.filter(({ text }) => text.startsWith('web')),
    [
      { severity: 'critical', text: `web: too few real servers: ${pool.too_few}` },
      { severity: 'warning', text: 'web: the backups take traffic' },
    ],
  );
});

test('who is out of service is listed; a hint, last of all, where that was forgotten', () => {
  const by = { id: 1, who: 'ann', when: '2026-01-01T00:00:00Z', why: 'disks' };
  const out = [
    { target: 'host 10.0.0.1', state: 'drain' as const, by, since: 200_000_000, text: 'draining', forgotten: true },
    { target: 'web/10.0.0.2:80', state: 'disabled' as const, by, since: 1000, text: 'disabled', forgotten: false },
  ];
  const status = assembleStatus({ head, check: undefined, vrrp: [], own: ['a file cannot be written'], out });
  assert.deepEqual(status.problems.slice(-2), [
    { severity: 'warning', text: 'a file cannot be written' },
    {
      severity: 'hint',
      text: 'host 10.0.0.1: drained by ann 2 days ago: forgotten? lbctl undrain --host 10.0.0.1',
    },
  ]);
  assert.deepEqual(
    status.admin_states.map(({ target, since_seconds }) => [target, since_seconds]),
    [
      ['host 10.0.0.1', 200_000],
      ['web/10.0.0.2:80', 1],
    ],
  );
});

test('a drain tells what is left of it, of a host in all its services', () => {
  const by = { id: 1, who: 'ann', when: '', why: '' };
  const one = { state: 'drain', by, since: 0, text: '', forgotten: false } as const;
  const left = { active: 2, inactive: 3, persistent: 1 };
  const drains = ['web', 'mail'].map((name) => ({ target: `${name}/10.0.0.1:80`, host: '10.0.0.1', left }));
  const out = [
    { ...one, target: 'host 10.0.0.1' },
    { ...one, target: 'web/10.0.0.1:80' },
    { ...one, target: 'web/10.0.0.9:80' },
    { ...one, target: 'mail/10.0.0.1:80', state: 'disabled' as const },
  ];
  const status = assembleStatus({ head, check: { ...check, drains }, vrrp: [], own: [], out });
  assert.deepEqual(
    status.admin_states.map((state) => state.left),
    [{ active: 4, inactive: 6, persistent: 2 }, left, null, null],
  );
});

test('what an instance tracks and is down is a problem, with what it does; of one in fault that is told already', () => {
  const down = { state: 'down', since_seconds: 1, text: 'exit status 1' } as const;
  const tracked = [
    { ...down, what: 'script s', weight: -20, effect: '-20' },
    { ...down, what: 'script t', weight: 20, effect: '' },
  ];
  const problems = (state: ApiInstance['state']) =>
    assembleStatus({ head, check: undefined, vrrp: [{ ...instance, state, rejected: [], tracked }], own: [], out: [] })
      .problems.map((one) => one.text)
      .filter((text) => text.startsWith('VI_1'));
  assert.deepEqual(problems('backup'), ['VI_1: script s is down: exit status 1 (-20)', 'VI_1: script t is down: exit status 1']);
  assert.deepEqual(problems('fault'), ['VI_1: FAULT: eth0 has no carrier']);
});
