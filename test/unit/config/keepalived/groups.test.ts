/** virtual_server_group: each of its entries, and which virtual servers one of a group becomes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { imported, notesOf, yamlOf } from '../../../fake/imported.js';

const group = (entries: string, name = 'shops'): string => `virtual_server_group ${name} {\n${entries}\n}\n`;
const service = (lines = '', servers = 'real_server 10.0.0.21 80 { }', name = 'shops'): string =>
  `virtual_server group ${name} {\nalpha\nprotocol TCP\n${lines}\n${servers}\n}\n`;
const noted = (text: string): string[] => notesOf(imported(text)).filter((line) => !line.startsWith('no_effect alpha'));

const addressesOf = (entries: string, servers?: string): string[] =>
  yamlOf(group(entries) + service('', servers))
    .split('\n')
    .filter((line) => line.startsWith('    address:'))
    .map((line) => line.trim());

describe('entries', () => {
  test('addresses, ranges and prefixes', () => {
    assert.deepEqual(addressesOf('192.0.2.10 80'), ['address: 192.0.2.10:80']);
    assert.deepEqual(addressesOf('192.0.2.10-13 80\n192.0.2.250-192.0.3.2 443'), [
      'address: [ 192.0.2.10-13:80, 192.0.2.250-192.0.3.2:443 ]',
    ]);
    assert.deepEqual(addressesOf('192.0.2.16/30 80'), ['address: 192.0.2.16-19:80']);
    assert.deepEqual(addressesOf('192.0.2.16/32 80'), ['address: 192.0.2.16:80']);
    const six = 'real_server 2001:db8::21 80 { }';
    assert.deepEqual(addressesOf('2001:db8::10-1f 80', six), ['address: "[2001:db8::10-2001:db8::1f]:80"']);
    assert.deepEqual(addressesOf('2001:db8::ff00/120 80', six), ['address: "[2001:db8::ff00-2001:db8::ffff]:80"']);
  });

  test('what keepalived skips, and what lbd does not take', () => {
    const bad = [
      '192.0.2.17/30 80',
      '192.0.2.9-3 80',
      '192.0.2.9-256 80',
      'x 80',
      '192.0.2.9 http',
      '192.0.2.9-2001:db8::1 80',
      'fwmark x',
    ];
    const lost = ['10.0.0.0/8 80', '0.0.0.0 80', 'fwmark 0'];
    const text = group(['192.0.2.1 80', ...bad, ...lost].join('\n')) + service();
    assert.deepEqual(
      noted(text).map((line) => line.split(':')[0]),
      [...bad.map((one) => `no_effect ${one.split(':')[0]}`), ...lost.map((one) => `refused ${one}`)],
    );
    assert.match(yamlOf(text), /# not carried over: "10\.0\.0\.0\/8 80": it is more than 1024 addresses/);
  });

  test('their comments stay', () => {
    const text = `# all shops\n${group('# old\n192.0.2.10 80 # web\n192.0.2.11 80\n# more to come')}${service()}`;
    assert.match(
      yamlOf(text),
      /# all shops\n {2}# more to come\n {2}- name: shops\n {4}address:\n {6}# old\n {6}- 192\.0\.2\.10:80 # web\n {6}- 192\.0\.2\.11:80\n/,
    );
  });
});

describe('a virtual server of a group', () => {
  test('marks are virtual servers of their own, with the same real servers', () => {
    const yaml = yamlOf(group('192.0.2.10 80\nfwmark 7\nfwmark 8 inet6') + service());
    assert.deepEqual(yaml.match(/(name|fwmark|real_servers): .*/g), [
      ...['name: shops', 'real_servers: [ { address: 10.0.0.21:80 } ]'],
      ...['name: shops-fwmark-7', 'fwmark: 7', 'real_servers: [ { address: 10.0.0.21:80 } ]'],
    ]);
    assert.deepEqual(noted(group('192.0.2.10 80\nfwmark 7') + service()), []);
    assert.match(noted(group('fwmark 7') + service()).join(), /^no_effect protocol TCP: a service of a mark/);
  });

  test('families and, where NAT needs one, ports are told apart', () => {
    const both = group('192.0.2.10 80\n2001:db8::10 80');
    const tunnels = service('lb_kind TUN', 'real_server 10.0.0.21 80 { }\nreal_server 2001:db8::21 80 { }');
    assert.deepEqual(yamlOf(both + tunnels).match(/name: .*/g), ['name: shops-ipv4', 'name: shops-ipv6']);
    const ports = group('192.0.2.10 80\n192.0.2.11 443\n192.0.2.12 443');
    const yaml = yamlOf(ports + service('lb_kind NAT', 'real_server 10.0.0.21 { }'));
    assert.match(yaml, /name: shops-80\n {4}address: 192\.0\.2\.10:80\n.*\n.*\n.*10\.0\.0\.21:80 /);
    assert.match(yaml, /name: shops-443\n {4}address: \[ 192\.0\.2\.11:443, 192\.0\.2\.12:443 \]\n.*\n.*\n.*10\.0\.0\.21:443 /);
  });

  test('behind DR and several ports there is no port to write', () => {
    const yaml = yamlOf(group('192.0.2.10 80\n192.0.2.10 443') + service('lb_kind DR', 'real_server 10.0.0.21 { }'));
    assert.match(
      yaml,
      /address: \[ 192\.0\.2\.10:80, 192\.0\.2\.10:443 \]\n.*\n.*\n {4}real_servers: \[ \{ address: 10\.0\.0\.21 \} \]/,
    );
  });

  test('a group of two virtual servers, of which the second has another protocol, or the same', () => {
    const udp = service().replace('protocol TCP', 'protocol UDP');
    assert.deepEqual(yamlOf(group('192.0.2.10 53') + service() + udp).match(/name: .*/g), ['name: shops', 'name: shops-2']);
    const twice = group('192.0.2.10 53') + service() + service('lb_algo rr');
    assert.equal(yamlOf(twice).match(/name:/g)?.length, 1);
    assert.match(noted(twice).join('\n'), /refused 192\.0\.2\.10 53: another virtual server has it/);
  });

  test('a group that is not there, that nobody is of, that is empty, or there twice', () => {
    const other = group('192.0.2.10 80') + service();
    assert.match(
      noted(other + service('', undefined, 'others')).join('\n'),
      /refused virtual_server group others: there is no virtual_server_group others/,
    );
    assert.match(
      noted(other + group('192.0.2.11 80', 'others')).join('\n'),
      /no_effect virtual_server_group others: no virtual_server is of this group/,
    );
    assert.match(
      noted(other + group('', 'others')).join('\n'),
      /no_effect virtual_server_group others: it has no address and no mark/,
    );
    assert.match(noted(other + group('192.0.2.11 80')).join('\n'), /no_effect virtual_server_group shops: there is another/);
  });
});
