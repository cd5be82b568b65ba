/** Routes and rules of a VRRP instance: what the file says, and what it leaves out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../src/config/parse.js';

function instanceOf(text: string) {
  const head = 'vrrp_instances:\n  - name: VI_1\n    interface: eth0\n    virtual_router_id: 51\n';
  const { config, problems } = parseConfig('f.yaml', `${head}${text}`, { env: {} });
  assert.deepEqual(problems, []);
  return config?.vrrpInstances[0];
}

test('a route takes family, table and interface from what stands beside it', () => {
  const found = instanceOf(`    virtual_addresses: [ 192.0.2.10/24 ]
    virtual_routes:
      - { to: default, via: "2001:db8::1" }
      - { to: default }
      - { to: 198.51.100.0/24, via: 192.0.2.1, interface: eth1, source: 192.0.2.10, table: 100, metric: 5, mtu: 1400 }
`);
  assert.deepEqual(found?.routes, [
    { to: { address: '::', length: 0 }, via: '2001:db8::1', table: 254 },
    { to: { address: '0.0.0.0', length: 0 }, dev: 'eth0', table: 254 },
    {
      to: { address: '198.51.100.0', length: 24 },
      via: '192.0.2.1',
      dev: 'eth1',
      source: '192.0.2.10',
      table: 100,
      metric: 5,
      mtu: 1400,
    },
  ]);
  assert.deepEqual(found?.rules, []);
});

test('a rule is of the family of its networks, of the one that it names, or of the instance', () => {
  const found = instanceOf(`    virtual_addresses: [ "2001:db8::10/64" ]
    virtual_rules:
      - { priority: 1, table: 7, from: 10.0.0.0/8 }
      - { priority: 2, table: 7, iif: eth0, family: ipv4 }
      - { priority: 3, table: 7, fwmark: 9 }
`);
  assert.deepEqual(
    found?.rules?.map((one) => one.family),
    [4, 4, 6],
  );
});

test('an instance without them is as it was', () => {
  const found = instanceOf('    virtual_addresses: [ 192.0.2.10/24 ]\n');
  assert.ok(found && !('routes' in found) && !('rules' in found));
});

test('with a virtual MAC the addresses are on its interface, each as a host', () => {
  const found = instanceOf(`    virtual_addresses: [ 192.0.2.10/24, { address: 10.0.0.1/24, interface: eth1 } ]
    use_vmac: true
`);
  assert.deepEqual(found?.vmac, { name: 'vrrp.51' });
  assert.deepEqual(found?.addresses, [
    { address: '192.0.2.10', length: 32, dev: 'vrrp.51' },
    { address: '10.0.0.1', length: 24, dev: 'eth1' },
  ]);
  const six = instanceOf('    virtual_addresses: [ "2001:db8::10/64" ]\n    use_vmac: { name: v6 }\n');
  assert.deepEqual(
    six?.addresses.map((one) => [one.length, one.dev]),
    [
      [128, 'v6'],
      [128, 'v6'],
    ],
  );
});
