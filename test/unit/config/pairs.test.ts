/** One configured VRRP instance with addresses of both families: two to the protocol, each with what is of its family. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../src/config/parse.js';

function configOf(text: string, more = '') {
  const head = 'vrrp_instances:\n  - name: VI_1\n    interface: eth0\n    virtual_router_id: 51\n    priority: 150\n';
  const { config, problems } = parseConfig('f.yaml', `${head}${text}${more}`, { env: {} });
  assert.deepEqual(
    problems.map((one) => one.message),
    [],
  );
  assert.ok(config);
  return config;
}

const ADDRESSES = '    virtual_addresses: [ "2001:db8::10/64", 192.0.2.10/24 ]\n';

test('each half has what is of its family', () => {
  const { vrrpInstances, syncGroups } = configOf(`${ADDRESSES}    failback: never
    v3_checksum: rfc9568
    excluded_addresses: [ 10.0.0.1/24, "2001:db8:1::1/64" ]
    unicast: { source: "2001:db8::2", peers: [ 192.0.2.3, { address: "2001:db8::3", min_ttl: 250 } ] }
    notify: [ { command: [ /etc/lbd/notify.sh ] } ]
    virtual_routes: [ { to: default, via: "2001:db8::1" }, { to: default } ]
    virtual_rules: [ { priority: 9, from: "2001:db8::/32", table: 7 } ]
`);
  const [four, six] = vrrpInstances;
  assert.equal(vrrpInstances.length, 2);
  assert.deepEqual([four?.name, four?.family, six?.name, six?.family], ['VI_1', 4, 'VI_1/ipv6', 6]);
  for (const key of ['interface', 'vrid', 'priority', 'preempt', 'advertInterval'] as const)
    assert.equal(four?.[key], six?.[key]);
  assert.deepEqual(
    [four, six].map((one) => one?.addresses.map(({ address }) => address)),
    [
      ['192.0.2.10', '10.0.0.1'],
      ['fe80::200:5eff:fe00:233', '2001:db8::10', '2001:db8:1::1'],
    ],
  );
  assert.deepEqual(four?.unicast, { peers: [{ address: '192.0.2.3', minTtl: 1, maxTtl: 255 }] });
  assert.deepEqual(six?.unicast, { source: '2001:db8::2', peers: [{ address: '2001:db8::3', minTtl: 250, maxTtl: 255 }] });
  assert.deepEqual([four?.notify?.length, six?.notify], [1, undefined], 'who is told is told once');
  assert.deepEqual(
    [four, six].map((one) => one?.routes?.map(({ to, via }) => [to.address, via])),
    [[['0.0.0.0', undefined]], [['::', '2001:db8::1']]],
  );
  assert.deepEqual([four?.rules, six?.rules?.length], [[], 1]);
  assert.deepEqual([four?.v3Checksum, six?.v3Checksum], ['rfc9568', 'pseudo']);
  assert.deepEqual(syncGroups, [{ name: 'VI_1', members: ['VI_1', 'VI_1/ipv6'], pair: true }]);
});

test('a sync group takes both halves along, and both have what it tracks', () => {
  const { vrrpInstances, syncGroups } = configOf(
    ADDRESSES,
    `  - { name: VI_2, interface: eth1, virtual_router_id: 52, virtual_addresses: [ 198.51.100.1 ] }
sync_groups: [ { name: SG, members: [ VI_1, VI_2 ], track: { interfaces: [ { name: eth2 } ] } } ]
`,
  );
  assert.deepEqual(syncGroups, [{ name: 'SG', members: ['VI_1', 'VI_1/ipv6', 'VI_2'] }]);
  assert.deepEqual(
    vrrpInstances.map((one) => one.track?.map(({ name }) => name)),
    [['eth2'], ['eth2'], ['eth2']],
  );
});

test('a service of either family follows the whole', () => {
  const { virtualServers } = configOf(
    ADDRESSES,
    `virtual_servers:
  - { name: six, address: "[2001:db8::10]:80", follow: VI_1, forward: dr, real_servers: [ { address: "2001:db8::21", checks: [ { type: tcp } ] } ] }
`,
  );
  assert.equal(virtualServers[0]?.follow, 'VI_1');
});

test('a virtual MAC is one for each family', () => {
  const { vrrpInstances } = configOf(`${ADDRESSES}    use_vmac: true\n`);
  assert.deepEqual(
    vrrpInstances.map((one) => one.vmac?.name),
    ['vrrp.51', 'vrrp6.51'],
  );
});

test('what is wrong with both halves is told once', () => {
  const text = `vrrp_instances:\n  - { name: VI_1, interface: eth0, virtual_router_id: 51, advert_interval: 15ms, virtual_addresses: [ 192.0.2.10, "2001:db8::1" ] }\n`;
  const { problems } = parseConfig('f.yaml', text, { env: {} });
  assert.equal(problems.length, 1, JSON.stringify(problems));
});
