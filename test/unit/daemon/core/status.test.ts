import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiInstance } from '../../../../src/control/api.js';
import { assembleStatus, type StatusParts } from '../../../../src/daemon/core/status.js';
import type { CheckSummary } from '../../../../src/daemon/messages.js';

const head: StatusParts['head'] = {
  router_id: 'd1',
  version: '1',
  pid: 1,
  uptime_seconds: 1,
  config_file: '/x',
  revision: 1,
  overrides: 0,
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
  state: 'fault',
  since_seconds: 1,
  reason: 'eth0 has no carrier',
  priority: 100,
  effective_priority: 100,
  preempt: true,
  advert_interval_ms: 1000,
  master: null,
  addresses: [],
  adverts_sent: 0,
  adverts_received: 0,
  became_master: 0,
  rejected: [{ reason: 'checksum', count: 3, from: '192.0.2.9', last_seconds: 1 }],
};

const check: CheckSummary = {
  ipvs: { usable: true, text: 'ok' },
  drift: { total: 0, last: null, by_kind: {}, fought_over: [] },
  refusals: [],
  sync: null,
  suspicion: null,
  settings: [],
  services: [
    {
      name: 'web',
      key: 'tcp/192.0.2.10:80',
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
  const { problems } = assembleStatus({ head, check, vrrp: [instance], own: ['a file cannot be written'] });
  assert.deepEqual(
    problems.map(({ severity, text }) => `${severity}: ${text}`),
    [
      'critical: the check process is being restarted',
      'critical: web: no real server is up (0/2)',
      'critical: VI_1: FAULT: eth0 has no carrier',
      "warning: web: the kernel's table is not as wanted yet",
      'warning: web/10.0.0.1:80: down: refused',
      'warning: VI_1: 3 adverts refused: checksum, last from 192.0.2.9',
      'warning: a file cannot be written',
    ],
  );
});

test('a part that does not answer is a problem, not a failure of status', () => {
  const status = assembleStatus({ head, check: 'the check process did not answer within 3s', vrrp: 'gone', own: [] });
  assert.equal(status.ipvs.usable, false);
  assert.match(status.problems.map((one) => one.text).join(), /did not answer within 3s.*VRRP: gone/);
});

test('without services IPVS is not needed', () => {
  const status = assembleStatus({ head, check: undefined, vrrp: [], own: [] });
  assert.deepEqual(status.ipvs, { usable: true, text: 'not needed: no virtual server' });
});

test('refused adverts are a problem while they come, not for ever', () => {
  const rejected = [{ reason: 'ttl', count: 9, from: '192.0.2.9', last_seconds: 301 }] as const;
  const { problems } = assembleStatus({ head, check: undefined, vrrp: [{ ...instance, state: 'backup', rejected }], own: [] });
  assert.ok(!problems.some(({ text }) => text.includes('refused')));
});
