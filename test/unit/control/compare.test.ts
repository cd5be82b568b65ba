import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiInstance, ApiRealServer, ApiService, ApiStatus } from '../../../src/control/api.js';
import { compareDirectors, type Director } from '../../../src/control/compare.js';
import { CANNED, MASTER, WEB } from '../../fake/control.js';

const STATUS = CANNED.status({});
const SYNC = STATUS.connection_sync as NonNullable<ApiStatus['connection_sync']>;
const here: Director = { name: 'd1', status: STATUS, services: [WEB] };

interface Other {
  readonly instance?: Partial<ApiInstance>;
  readonly service?: Partial<ApiService>;
  readonly server?: (one: ApiRealServer) => ApiRealServer;
  readonly status?: Partial<ApiStatus>;
}

function other({ instance = {}, service = {}, server = (one) => one, status = {} }: Other = {}): Director {
  const backup = { ...MASTER, state: 'backup' as const, ...instance };
  const web = { ...WEB, real_servers: WEB.real_servers.map(server), ...service };
  const sync = { ...SYNC, wanted: ['backup' as const], running: ['backup' as const] };
  const quiet = { ...STATUS, instances: [backup], connection_sync: sync, problems: [], ...status };
  return { name: 'd2', status: quiet, services: [web] };
}

const obstacles = (there: Other, ours = here) => compareDirectors(ours, other(there), [MASTER]).obstacles;

const first = (change: (one: ApiRealServer) => Partial<ApiRealServer>) => ({
  server: (one: ApiRealServer) => (one === WEB.real_servers[0] ? { ...one, ...change(one) } : one),
});
const wanted = (change: Partial<ApiRealServer['wanted']>) => first((one) => ({ wanted: { ...one.wanted, ...change } }));

test('two directors that want, see and have the same', () => {
  const { obstacles, notes } = compareDirectors(here, other(), [MASTER]);
  assert.deepEqual(obstacles, []);
  assert.deepEqual(notes, [
    'd2 runs lbd 0.1.0, revision 4 there, 4 here (each counts its own)',
    'active connections: 1246 here, 1246 at d2',
  ]);
});

test('weights that never make the other one master are told', () => {
  const script = { what: 'script s', weight: -20, state: 'up' as const, since_seconds: 1, effect: '', text: 'exit status 0' };
  const ours = { ...MASTER, priority: 150, lowest_priority: 130, tracked: [script] };
  const told = (instance: Partial<ApiInstance>, own: ApiInstance = ours) =>
    compareDirectors(here, other({ instance: { effective_priority: 130, ...instance } }), [own]).notes.filter((one) =>
      one.includes('weights'),
    );
  assert.deepEqual(told({}), [
    'the weights of VI_1 lower its priority from 150 to 130, and d2 has 130: they never make it master',
  ]);
  assert.deepEqual(told({ effective_priority: 131 }), []);
  assert.deepEqual(told({ effective_priority: 140, preempt: false }), [
    'd2 does not preempt: the weights of VI_1 here never make it master',
  ]);
  assert.deepEqual(told({}, { ...ours, tracked: [{ ...script, weight: 0 }] }), []);
});

const DIFFERENCES: readonly (readonly [what: string, there: Other, told: readonly string[]])[] = [
  [
    'no instance of the same VRID',
    { instance: { virtual_router_id: 52 } },
    ['d2 has no VRRP instance like VI_1 (VRID 51, ipv4, version 3)'],
  ],
  [
    'in fault',
    { instance: { state: 'fault', reason: 'eth0 is down' } },
    ['d2 cannot take VI_1 over: it is fault there: eth0 is down'],
  ],
  ['held back', { instance: { held_back: true, reason: 'no witness' } }, ['d2 would not take VI_1 over: no witness']],
  [
    'other addresses',
    { instance: { addresses: [{ address: '192.0.2.11/24', held: false, advertised: true }] } },
    ['VI_1 has other addresses at d2: it lacks 192.0.2.10/24, it also has 192.0.2.11/24'],
  ],
  ['no such service', { service: { keys: ['tcp/192.0.2.99:80'] } }, ['d2 has no virtual server tcp/192.0.2.10:80 (web here)']],
  ['another name for it', { service: { name: 'www' } }, []],
  ['another scheduler', { service: { scheduler: 'rr' } }, ['web has the scheduler rr at d2, wrr here']],
  ['other options', { service: { options: [] } }, ['web has other options at d2: it lacks persistent 300']],
  [
    'a server less',
    { service: { real_servers: WEB.real_servers.slice(1) } },
    ['web has other real servers at d2: it lacks 10.0.0.21:80'],
  ],
  ['another weight', wanted({ weight: 9 }), ['web/10.0.0.21:80 has weight 9 at d2, 10 here']],
  ['another way', wanted({ forward: 'nat' }), ['web/10.0.0.21:80 is forwarded by nat at d2, by dr here']],
  ['thresholds', wanted({ upper: 5 }), ['web/10.0.0.21:80 has the thresholds 5 and 0 at d2, 0 and 0 here']],
  [
    'down there alone',
    first((one) => ({ verdict: { ...one.verdict, state: 'down', reason: 'tcp: no answer' } })),
    ['d2 has web/10.0.0.21:80 down: tcp: no answer'],
  ],
  [
    'not known there',
    first((one) => ({ verdict: { ...one.verdict, state: 'unknown', reason: 'not decided yet' } })),
    ['d2 has web/10.0.0.21:80 unknown: not decided yet'],
  ],
  ['a kernel that differs', { service: { in_sync: false } }, ['the kernel of d2 does not have web as d2 wants it']],
  [
    'IPVS that cannot be used',
    { status: { ipvs: { usable: false, text: 'no module ip_vs' } } },
    ['d2 cannot use IPVS: no module ip_vs'],
  ],
  ['no sync', { status: { connection_sync: null } }, ['d2 has no connection_sync: it knows no connection']],
  [
    'a sync that takes nothing in',
    { status: { connection_sync: { ...SYNC, running: [] } } },
    ['d2 does not take in connections: its backup daemon does not run'],
  ],
  [
    'a sync of another id',
    { status: { connection_sync: { ...SYNC, running: ['backup'], id: 7 } } },
    ['connection sync has the id 7 at d2, 51 here: neither hears the other'],
  ],
  [
    'a sync with a problem',
    { status: { connection_sync: { ...SYNC, running: ['backup'], problem: 'eth1 is gone' } } },
    ['connection sync does not work at d2: eth1 is gone'],
  ],
];

for (const [what, there, told] of DIFFERENCES) test(what, () => assert.deepEqual(obstacles(there), told));

test('a drain that the other one does not know', () => {
  const admin = { state: 'drain' as const, scope: 'server' as const, deadline_seconds: null, expires_seconds: null };
  const drained = { ...admin, sticky: null, removes: false, by: null };
  const [one, ...rest] = WEB.real_servers as [ApiRealServer, ...ApiRealServer[]];
  const web = { ...WEB, real_servers: [{ ...one, wanted: { ...one.wanted, admin: drained } }, ...rest] };
  assert.deepEqual(obstacles({}, { ...here, services: [web] }), ['web/10.0.0.21:80 is ready at d2, drain here']);
});

test('a server that is down here and up there is no obstacle: the other one is the better director', () => {
  const better = (one: ApiRealServer): ApiRealServer => ({ ...one, verdict: { ...one.verdict, state: 'up' } });
  assert.deepEqual(obstacles({ server: better }), []);
});

test('a long list is cut, and the cut is told', () => {
  const many = Array.from({ length: 40 }, (_none, i) => ({ ...WEB, name: `s${i}`, key: `tcp/192.0.2.10:${i}` }));
  const told = obstacles({}, { ...here, services: many });
  assert.deepEqual([told.length, told.at(-1)], [11, 'and 30 more differences']);
});
