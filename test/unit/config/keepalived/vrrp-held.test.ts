/** What a master holds: addresses, routes and rules of the old file, word by word. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { imported, notesOf, yamlOf } from '../../../fake/imported.js';

const instance = (lines: string): string => `vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n${lines}\n}\n`;
const block = (name: string, ...entries: readonly string[]): string => `${name} {\n${entries.join('\n')}\n}`;

/** What stands under the key, on one line. */
function valueUnder(key: string, lines: string): string {
  const text = yamlOf(instance(lines));
  const found = new RegExp(`\\b${key}:(.*(?:\\n {6}.*)*)`).exec(text);
  return (found?.[1] ?? 'nothing').replace(/\s+/g, ' ').trim();
}
const notes = (lines: string): string[] => notesOf(imported(instance(lines)));

describe('addresses', () => {
  test('without a length they are hosts; dev, label and scope are words of lbd', () => {
    const lines = block(
      'virtual_ipaddress',
      '192.0.2.10',
      '192.0.2.11/24 dev eth0',
      '192.0.2.12/24 dev eth1 label eth1:1 scope link',
      '192.0.2.13 scope 254',
    );
    assert.equal(
      valueUnder('virtual_addresses', lines),
      '- 192.0.2.10 - 192.0.2.11/24 - { address: 192.0.2.12/24, interface: eth1, label: eth1:1, scope: link } - { address: 192.0.2.13, scope: host }',
    );
    assert.deepEqual(notes(lines), []);
  });

  test('each word that lbd has not is told, and the address stays', () => {
    const lines = block(
      'virtual_ipaddress',
      '192.0.2.10/24 brd + no_track',
      '192.0.2.11/24 peer 192.0.2.99 home',
      '192.0.2.12 oops',
    );
    assert.equal(valueUnder('virtual_addresses', lines), '[ 192.0.2.10/24, 192.0.2.11/24, 192.0.2.12 ]');
    const [first, second, third] = notes(lines);
    assert.match(
      first ?? '',
      /^refused 192\.0\.2\.10\/24 brd \+ no_track: .*brd: lbd gives an address no broadcast.*no_track: lbd puts back/,
    );
    assert.match(second ?? '', /^refused .*peer: .*home: /);
    assert.match(third ?? '', /^refused .*keepalived knows no oops here/);
  });

  test('what no host can have is refused, one that is there twice is there once', () => {
    const lines = block('virtual_ipaddress', '192.0.2.10', '192.0.2.0/24', '127.0.0.1', '192.0.2.10/32', 'x', '192.0.2.11 dev');
    assert.equal(valueUnder('virtual_addresses', lines).includes('192.0.2.10'), true);
    assert.deepEqual(
      notes(lines).map((one) => one.split(' ').slice(0, 2).join(' ').replace(/:$/, '')),
      ['refused 192.0.2.0/24', 'refused 127.0.0.1', 'no_effect 192.0.2.10/32', 'refused x', 'refused 192.0.2.11'],
    );
  });

  test('the first address says the family; of the other one only excluded ones may be', () => {
    const lines = `${block('virtual_ipaddress', '2001:db8::10/64 label x', '192.0.2.10')}\n${block('virtual_ipaddress_excluded', '192.0.2.10')}`;
    assert.equal(valueUnder('virtual_addresses', lines).startsWith('- 2001:db8::10/64 # not carried over: "192.0.2.10"'), true);
    assert.equal(valueUnder('excluded_addresses', lines), '[ 192.0.2.10 ]');
    assert.match(notes(lines)[0] ?? '', /^changed virtual_ipaddress: lbd adds a link-local address/);
    const linked = block('virtual_ipaddress', 'fe80::10/64', '2001:db8::10/64');
    assert.deepEqual(notes(linked), []);
  });

  test('more than an advert can name are excluded ones, as in keepalived', () => {
    const all = Array.from({ length: 257 }, (_, i) => `10.0.${i >> 8}.${(i & 255) + (i >> 8 === 0 && i === 0 ? 1 : 0)}/32`);
    const text = yamlOf(instance(block('virtual_ipaddress', ...new Set(all.map((one, i) => (i === 0 ? '10.1.0.1' : one))))));
    assert.match(text, /excluded_addresses: \[ 10\.0\.0\.255\/32, 10\.0\.1\.0\/32 \]/);
  });

  test('one of two instances has an address of both', () => {
    const other = (name: string, id: number, dev: string) =>
      `vrrp_instance ${name} {\n interface ${dev}\n virtual_router_id ${id}\n virtual_ipaddress {\n  192.0.2.10\n }\n}\n`;
    const { told, yaml } = imported(other('A', 1, 'eth0') + other('B', 2, 'eth0') + other('C', 3, 'eth1'));
    assert.equal(yaml?.match(/virtual_addresses: \[ 192\.0\.2\.10 \]/g)?.length, 2);
    assert.deepEqual(
      told.filter(({ words }) => words === '192.0.2.10').map(({ outcome }) => outcome),
      ['carried', 'refused', 'carried'],
    );
  });

  test('comments stay with their entries, and what is left out stands where it was', () => {
    const lines = 'virtual_ipaddress {\n # the shop\n 192.0.2.10 # web\n # old\n 192.0.2.0/24\n 192.0.2.11\n # end\n}';
    assert.match(
      yamlOf(instance(lines)),
      / {4}virtual_addresses:\n {6}# the shop\n {6}- 192\.0\.2\.10 # web\n {6}# old\n {6}# not carried over: "192\.0\.2\.0\/24": .*\n {6}- 192\.0\.2\.11\n {6}# end\n/,
    );
  });
});

describe('routes', () => {
  test('what lbd has of ip route', () => {
    const lines = block(
      'virtual_routes',
      'default via 192.0.2.254 table 100',
      'src 192.0.2.10 to 198.51.100.0/24 gw 192.0.2.254 dev eth1 priority 5 scope global',
      '203.0.113.0/24 dev eth0 mtu 1400 no_track',
      'unicast 2001:db8:1::/48 via inet6 2001:db8::1 oif eth1 table 0x10',
    );
    assert.equal(
      valueUnder('virtual_routes', lines),
      '- { to: default, via: 192.0.2.254, table: 100 } ' +
        '- { to: 198.51.100.0/24, via: 192.0.2.254, interface: eth1, source: 192.0.2.10, metric: 5 } ' +
        '- { to: 203.0.113.0/24, mtu: 1400 } ' +
        '- { to: 2001:db8:1::/48, via: 2001:db8::1, interface: eth1, table: 16 }',
    );
    assert.deepEqual(
      notes(lines).map((one) => one.split(':')[0]),
      ['changed 203.0.113.0/24 dev eth0 mtu 1400 no_track'],
    );
  });

  test('the default of IPv6 is another route than that of IPv4', () => {
    const lines = block(
      'virtual_routes',
      'default via 192.0.2.254 dev eth1',
      'default via inet6 2001:db8::1 dev eth1',
      '0.0.0.0/0 via 192.0.2.253',
    );
    assert.match(
      valueUnder('virtual_routes', lines),
      /- \{ to: default, via: 192\.0\.2\.254, .*\} - \{ to: default, via: 2001:db8::1, interface: eth1 \}/,
    );
    assert.deepEqual(
      notes(lines).map((one) => one.split(':')[0]),
      ['refused 0.0.0.0/0 via 192.0.2.253'],
    );
  });

  test('how fast it is used is left out and told; where it goes to otherwise is refused', () => {
    const lines = block(
      'virtual_routes',
      '198.51.100.0/24 via 192.0.2.254 initcwnd 20 ssthresh lock 5',
      'blackhole 203.0.113.0/24',
      '203.0.113.0/24 via 192.0.2.1 or 192.0.2.2',
      '203.0.113.0/24 nexthop via 192.0.2.1 weight 1',
      '203.0.113.5/24 via 192.0.2.1',
      '198.51.100.0/24 via 192.0.2.253',
      '203.0.113.0/24 table office',
      '203.0.113.0/24 via fe80::1',
    );
    assert.equal(valueUnder('virtual_routes', lines).split('#')[0]?.trim(), '- { to: 198.51.100.0/24, via: 192.0.2.254 }');
    const told = notes(lines);
    assert.match(told[0] ?? '', /^refused 198.*initcwnd: .*ssthresh: .*lbd has to, via/);
    assert.deepEqual(
      told.map((one) => one.split(' ')[0]),
      Array.from({ length: 8 }, () => 'refused'),
    );
  });
});

describe('rules', () => {
  test('what lbd has of ip rule; without a preference that which keepalived gives', () => {
    const lines = block(
      'virtual_rules',
      'from 192.0.2.10 to all lookup 100 preference 1000',
      'to 198.51.100.0/24 table 7',
      'iif eth1 oif eth2 fwmark 0x10 table main order 9 inet6',
      'to 2001:db8::/32 table 7',
    );
    assert.equal(
      valueUnder('virtual_rules', lines),
      '- { priority: 1000, from: 192.0.2.10, table: 100 } - { priority: 16384, to: 198.51.100.0/24, table: 7 } ' +
        '- { priority: 9, iif: eth1, oif: eth2, fwmark: 16, family: ipv6, table: 254 } - { priority: 16384, to: 2001:db8::/32, table: 7 }',
    );
    assert.match(notes(lines)[0] ?? '', /^changed to 198\.51\.100\.0\/24 table 7: .*gives it 16384/);
  });

  test('a preference is counted over all rules of the file, as they come, of instances and static ones', () => {
    const told = notes(
      block(
        'virtual_rules',
        ...['from 10.1.0.0/24 table 10', 'not from 10.2.0.0/24 table 10', 'from 2001:db8::/32 table 10', 'table 10 inet6'],
        // keepalived passes over each of these.
        ...['from 10.1.0.0/24', 'from 10.1.0.0/24 table 0', 'table 1 blackhole', 'to 10.1.0.0/24 goto 9', 'unreachable realms 5'],
        ...['from 10.1.0.0/24 to 2001:db8::/32 table 1', 'inet from 10.1.0.0/24 table 1', 'from x table 1', 'fwmark -1 table 1'],
        'iif eth1 table 11',
      ),
    );
    const whyOf = (entry: string) => told.find((one) => one.split(': ')[0]?.endsWith(` ${entry}`))?.replace(/^.*?: /, '');
    const given = (number: number) => `it has no preference: keepalived gives it ${number}, which is written now`;
    assert.equal(whyOf('from 10.1.0.0/24 table 10'), given(16_384));
    assert.match(whyOf('not from 10.2.0.0/24 table 10') ?? '', /^not: /);
    assert.equal(whyOf('from 2001:db8::/32 table 10'), given(16_384));
    assert.equal(whyOf('table 10 inet6'), given(16_383));
    assert.equal(whyOf('iif eth1 table 11'), given(16_382));
    assert.equal(told.filter((one) => one.includes('passes over')).length, 9);
    assert.match(
      whyOf('inet from 10.1.0.0/24 table 1') ?? '',
      /^there is no 10\.1\.0\.0\/24 in a rule: keepalived passes over the rule \(2.2 does not read what stands behind inet or inet6: from\)$/,
    );
    const before = 'static_rules {\n from 10.9.0.0/24 table 9\n blackhole\n from fd00::/64 prohibit priority 9\n}\n';
    const later = notesOf(
      imported(`${before}${instance(block('virtual_rules', 'iif eth1 table 11', 'iif eth2 table 11 inet6'))}`),
    );
    assert.deepEqual(
      later.filter((one) => one.startsWith('changed iif')).map((one) => /gives it (\d+)/.exec(one)?.[1]),
      ['16382', '16384'],
    );
  });

  test('what stands behind inet or inet6 is not read, of routes neither', () => {
    const rule = block('virtual_rules', 'inet6 not table 12 priority 5');
    const route = block('virtual_routes', '203.0.113.0/24 dev eth1 inet mtu', '203.0.113.0/24 inet dev eth1 metric 5');
    assert.equal(valueUnder('virtual_rules', rule), '[ { priority: 5, family: ipv6, table: 12 } ]');
    assert.match(notes(rule)[0] ?? '', /^changed inet6 .*2\.2 does not read what stands behind inet or inet6, .*: not$/);
    assert.equal(valueUnder('virtual_routes', route).split(' #')[0], '- { to: 203.0.113.0/24, interface: eth1 }');
    assert.match(notes(route)[0] ?? '', /^changed .*: mtu$/);
    for (const entry of ['inet 203.0.113.0/24 dev eth1', 'via 192.0.2.1', '203.0.113.0/24 dev eth1 inet6'])
      assert.match(notes(block('virtual_routes', entry))[0] ?? '', /^refused .*keepalived passes over it/, entry);
  });

  test('others are refused by their word', () => {
    const lines = block(
      'virtual_rules',
      'not from 192.0.2.10 table 7',
      'from 192.0.2.10 goto 5 priority 3',
      'fwmark 1/3 table 7',
      'from 192.0.2.10',
      'from 192.0.2.10 table 7 uidrange 1-2',
      'from 192.0.2.10 table 7 priority 0',
    );
    const told = notes(lines);
    const words = ['not: ', 'goto: ', 'fwmark: ', 'passes over', 'uidrange: ', 'priority'];
    for (const [i, word] of words.entries()) assert.ok(told[i]?.startsWith('refused') && told[i].includes(word), told[i]);
  });
});
