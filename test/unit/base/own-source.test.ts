import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answerFault, chooseSource, type SourceQuestion } from '../../../src/base/own-source.js';

const on = (link: string, address: string, length: number) => ({ address, length, interface: link });
const HOST = [
  on('eth0', '198.51.100.2', 24),
  on('eth1', '10.0.0.2', 24),
  on('eth0', '2001:db8::2', 64),
  on('eth1', 'fd00::2', 64),
];

const ask = (own: Partial<SourceQuestion> = {}) =>
  chooseSource({
    own: HOST,
    kernel: undefined,
    server: '10.0.0.21',
    vip: '198.51.100.10',
    isVirtual: (address) => address === '198.51.100.10' || address === '198.51.100.11',
    ...own,
  })?.address;

describe('where a check via: vip leaves from', () => {
  const CASES: readonly (readonly [string, Partial<SourceQuestion>, string | undefined])[] = [
    ['what the kernel takes towards the real server', { kernel: '198.51.100.2' }, '198.51.100.2'],
    [
      'not the VIP, whatever the kernel says',
      { kernel: '198.51.100.10', own: [...HOST, on('eth0', '198.51.100.10', 24)] },
      '10.0.0.2',
    ],
    ['not the VIP of another service', { kernel: '198.51.100.11', own: [on('eth0', '198.51.100.11', 24), ...HOST] }, '10.0.0.2'],
    ['an address beside the real server', {}, '10.0.0.2'],
    ["an address beside the VIP, where the real server's is far", { server: '203.0.113.1' }, '198.51.100.2'],
    ['any, where both are', { server: '203.0.113.1', vip: '192.0.2.10' }, '198.51.100.2'],
    ['of the family of the VIP: a tunnel may carry the other one', { server: 'fd00::21', kernel: 'fd00::2' }, '198.51.100.2'],
    ['IPv6', { server: 'fd00::21', vip: '2001:db8::10' }, 'fd00::2'],
    ['nothing, where all are virtual', { own: [on('lo', '198.51.100.10', 32)] }, undefined],
    ['a prefix that ends within a byte', { own: [on('a', '10.0.0.130', 25), on('b', '10.0.0.2', 25)] }, '10.0.0.2'],
  ];
  for (const [what, own, expected] of CASES) test(what, () => assert.equal(ask(own), expected));
});

test('which settings drop an answer from an address of the host', () => {
  const fault = (settings: Record<string, string>, holder = 'eth0') => {
    const found = answerFault((link, name) => settings[`${link}.${name}`], 'eth0', holder);
    return found ? `${found.link}.${found.name}=${found.needed}` : 'none';
  };
  assert.equal(fault({}), 'eth0.accept_local=1');
  assert.equal(fault({ 'eth0.accept_local': '0', 'all.accept_local': '0' }), 'eth0.accept_local=1');
  assert.equal(fault({ 'eth1.accept_local': '1' }), 'eth0.accept_local=1');
  assert.equal(fault({ 'eth0.accept_local': '1' }), 'none');
  assert.equal(fault({ 'all.accept_local': '1', 'eth0.accept_local': '0' }), 'none');
  const let1 = { 'eth0.accept_local': '1' };
  assert.equal(fault({ ...let1, 'eth0.rp_filter': '1' }), 'none', 'strict, and it comes in where the VIP is');
  assert.equal(fault({ ...let1, 'eth0.rp_filter': '1' }, 'dummy0'), 'eth0.rp_filter=2');
  assert.equal(fault({ ...let1, 'all.rp_filter': '1', 'eth0.rp_filter': '0' }, 'dummy0'), 'eth0.rp_filter=2');
  assert.equal(fault({ ...let1, 'all.rp_filter': '1', 'eth0.rp_filter': '2' }, 'dummy0'), 'none');
});
