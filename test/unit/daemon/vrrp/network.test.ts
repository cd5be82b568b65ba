import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { VrrpInstanceConfig } from '../../../../src/config/types.js';
import { judgeLink, openNetwork } from '../../../../src/daemon/vrrp/network.js';
import type { Address, Link, Rtnetlink } from '../../../../src/os/rtnetlink.js';

const link: Link = { index: 2, name: 'eth0', mac: new Uint8Array(6), up: true, running: true, loopback: false, mtu: 1500 };
const at = (address: string, more: Partial<Address> = {}): Address => ({
  index: 2,
  family: address.includes(':') ? 6 : 4,
  address,
  length: 24,
  own: false,
  secondary: false,
  tentative: false,
  duplicate: false,
  label: undefined,
  scope: undefined,
  ...more,
});
const conf = (family: 4 | 6): VrrpInstanceConfig => ({
  name: 'VI_1',
  interface: 'eth0',
  family,
  vrid: 51,
  version: 3,
  priority: 100,
  advertInterval: 1000,
  preempt: true,
  preemptDelay: 0,
  v3Checksum: 'pseudo',
  addresses: [{ address: '192.0.2.10', length: 24 }],
  password: undefined,
});

function fake(links: Link[], addresses: Address[]): Rtnetlink {
  return {
    links: () => links,
    addresses: () => addresses,
    addAddress: () => 'added',
    deleteAddress: () => 'deleted',
    close: () => {},
  };
}

const judge = (links: Link[], addresses: Address[], family: 4 | 6 = 4) =>
  judgeLink(openNetwork(fake(links, addresses)), conf(family), (one) => one.own);
const reason = (links: Link[], addresses: Address[], family: 4 | 6 = 4) => {
  const judged = judge(links, addresses, family);
  assert.ok(!judged.usable);
  return `${judged.wait ? 'wait: ' : ''}${judged.reason}`;
};

describe('an interface is of use', () => {
  test('over IPv4 with its first address that is not ours', () => {
    const addresses = [at('192.0.2.10', { own: true }), at('192.0.2.3', { secondary: true }), at('192.0.2.2'), at('fe80::1')];
    assert.deepEqual(judge([link], addresses), { usable: true, source: '192.0.2.2' });
    assert.deepEqual(judge([link], addresses.slice(0, 2)), { usable: true, source: '192.0.2.3' });
  });

  test('over IPv6 with a link-local address that is neither ours nor in doubt', () => {
    const addresses = [at('fe80::5e', { own: true }), at('2001:db8::2'), at('fe80::1', { tentative: true }), at('fe80::2')];
    assert.deepEqual(judge([link], addresses, 6), { usable: true, source: 'fe80::2' });
    assert.equal(reason([link], addresses.slice(0, 3), 6), 'wait: the link-local address of eth0 is tentative');
    assert.equal(reason([link], addresses.slice(0, 2), 6), 'eth0 has no link-local address to send from');
    assert.equal(
      reason([link], [at('fe80::1', { duplicate: true, tentative: true })], 6),
      'the link-local address of eth0 is a duplicate',
    );
  });

  test('not when it is missing, down, or without carrier or address', () => {
    const addresses = [at('192.0.2.2')];
    assert.equal(reason([], addresses), 'there is no interface eth0');
    assert.equal(reason([{ ...link, up: false, running: false }], addresses), 'eth0 is down');
    assert.equal(reason([{ ...link, running: false }], addresses), 'eth0 has no carrier');
    assert.equal(reason([link], [at('192.0.2.10', { own: true })]), 'eth0 has no IPv4 address to send from');
  });
});

test('events keep the view true, and an overrun has it read anew', () => {
  const links = [link];
  const addresses = [at('192.0.2.2')];
  const network = openNetwork(fake(links, addresses));
  assert.deepEqual(network.take({ type: 'address', address: at('192.0.2.9') }), ['eth0']);
  assert.deepEqual(network.take({ type: 'address-gone', address: at('192.0.2.2') }), ['eth0']);
  assert.deepEqual(
    network.addresses(2).map((one) => one.address),
    ['192.0.2.9'],
  );
  assert.deepEqual(network.take({ type: 'link', link: { ...link, name: 'lan0' } }), ['eth0', 'lan0']);
  assert.equal(network.link('eth0'), undefined);
  assert.equal(network.link('lan0')?.index, 2);
  assert.deepEqual(network.take({ type: 'link-gone', link: { ...link, name: 'lan0' } }), ['lan0']);
  assert.deepEqual(network.addresses(2), []);
  assert.equal(network.take({ type: 'overrun' }), undefined);
  assert.equal(network.link('eth0')?.index, 2);
  assert.deepEqual(network.addresses(2), addresses);
});
