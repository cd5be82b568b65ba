import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseSettings, type SettingsInput } from '../../../src/intent/settings.js';
import { makeServer, makeService } from '../../fake/intent.js';

const web = makeService([makeServer(1)]);
const input = (own: Partial<SettingsInput> = {}): SettingsInput => ({
  services: [web],
  paired: true,
  sync: undefined,
  config: { manage: true, restore: false, values: {} },
  kernel: '6.1.0-28-amd64',
  localServer: false,
  ...own,
});
const chosen = (own: Partial<SettingsInput> = {}) =>
  Object.fromEntries(chooseSettings(input(own)).map((one) => [one.name, one.value]));
const BASE = { expire_nodest_conn: '1', conn_reuse_mode: '1', run_estimation: '1' };

test('what every director needs, and nothing without a service', () => {
  assert.deepEqual(chosen(), BASE);
  assert.deepEqual(chosen({ services: [] }), {});
  for (const one of chooseSettings(input())) assert.ok(one.why.length > 5 && one.from === 'lbd');
});

const persistent = { timeout: 300, prefix: 32, engine: '' } as const;
const dr = makeServer(1, { forward: 'dr' });

for (const [what, own, more] of [
  [
    'a persistent service that quiesces',
    { services: [makeService([], { persistence: persistent, onFailure: 'quiesce' })] },
    { expire_quiescent_template: '1' },
  ],
  [
    'a persistent service with a sorry server',
    { services: [makeService([], { persistence: persistent, sorry: makeServer(9) })] },
    { expire_quiescent_template: '1' },
  ],
  ['a persistent service that removes', { services: [makeService([], { persistence: persistent })] }, {}],
  ['mh by dr on a pair', { services: [makeService([dr], { scheduler: 'mh' })] }, { sloppy_tcp: '1', schedule_icmp: '1' }],
  ['mh by dr alone', { services: [makeService([dr], { scheduler: 'mh' })], paired: false }, {}],
  ['sh by nat', { services: [makeService([makeServer(1)], { scheduler: 'sh' })] }, {}],
  ['a tunnel', { services: [makeService([makeServer(1, { forward: 'tun' })])] }, { schedule_icmp: '1' }],
  [
    'a tunnel whose MSS is looked after',
    { services: [makeService([makeServer(1, { forward: 'tun' })], { mss: 'auto' })] },
    { schedule_icmp: '1', pmtu_disc: '0' },
  ],
  ['snat', { services: [makeService([makeServer(1)], { snat: true })] }, { conntrack: '1' }],
  ['a director that is a real server, without sync', { localServer: true }, {}],
  [
    'a director that is a real server, with sync',
    {
      localServer: true,
      sync: { interface: 'eth1', follow: 'VI_1', id: 1, group: undefined, port: undefined, ttl: undefined, maxlen: undefined },
    },
    { backup_only: '1' },
  ],
] as const) {
  test(what, () => assert.deepEqual(chosen(own as Partial<SettingsInput>), { ...BASE, ...more }));
}

test('rates are given up above ten thousand services', () => {
  const many = makeService([], { ids: Array.from({ length: 10_001 }, () => web.id) });
  assert.equal(chosen({ services: [many] }).run_estimation, '0');
});

test('the file wins, may leave one alone, or all', () => {
  const values = { conn_reuse_mode: '0', expire_nodest_conn: 'keep', sync_threshold: '3 10' };
  assert.deepEqual(chosen({ config: { manage: true, restore: false, values } }), {
    conn_reuse_mode: '0',
    run_estimation: '1',
    sync_threshold: '3 10',
  });
  assert.deepEqual(chosen({ config: { manage: false, restore: false, values } }), {
    conn_reuse_mode: '0',
    sync_threshold: '3 10',
  });
});

test('an old kernel with conntrack is told of', () => {
  const services = [makeService([makeServer(1)], { snat: true })];
  const why = (kernel: string) =>
    chooseSettings(input({ services, kernel })).find((one) => one.name === 'conn_reuse_mode')?.why ?? '';
  assert.match(why('5.4.0-1'), /before 5\.9/);
  for (const kernel of ['5.9.0', '6.1.0', '10.0.1', 'strange']) assert.doesNotMatch(why(kernel), /before 5\.9/);
});

test('dr and tun beside snat are told of, where a new kernel does not help', () => {
  const snat = makeService([makeServer(1)], { snat: true });
  const why = (...services: SettingsInput['services']) =>
    chooseSettings(input({ services })).find((one) => one.name === 'conn_reuse_mode')?.why ?? '';
  for (const forward of ['dr', 'tun'] as const)
    assert.match(why(snat, makeService([makeServer(1, { forward })])), /beside snat .* "notrack"/);
  assert.doesNotMatch(why(snat, web), /notrack/);
  assert.doesNotMatch(why(makeService([dr])), /notrack/);
});
