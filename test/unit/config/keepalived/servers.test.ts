/** real_server: each of its lines, ports by the way that packets go, and what the kernel would not take. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { imported, notesOf, yamlOf } from '../../../fake/imported.js';

const service = (lines: string, servers: string, where = '192.0.2.10 80'): string =>
  `virtual_server ${where} {\nalpha\nprotocol TCP\n${lines}\n${servers}\n}\n`;
const server = (lines: string, place = '10.0.0.21 80'): string => `real_server ${place} {\n${lines}\n}`;
const noted = (text: string): string[] =>
  notesOf(imported(text)).filter((line) => !/^no_effect (alpha|protocol TCP: a service of a mark)/.test(line));

/** The entries of real_servers, without their braces. */
const serversOf = (text: string): string[] =>
  (yamlOf(text).split('real_servers:')[1] ?? '')
    .split(/\{ | \}/)
    .map((one) => one.trim())
    .filter((one) => one.startsWith('address'));

function becomes(line: string, expected: string, more = ''): void {
  test(`${line} -> ${expected}`, () => {
    const text = service(more, server(line));
    assert.deepEqual(serversOf(text), [`address: 10.0.0.21:80${expected === '' ? '' : `, ${expected}`}`]);
    assert.deepEqual(noted(text), []);
  });
}

function isSaid(line: string, outcome: string, why: RegExp): void {
  test(`${line}: ${outcome}`, () => {
    const [first = '', ...others] = noted(service('', server(line)));
    assert.deepEqual(others, []);
    assert.ok(first.startsWith(`${outcome} ${line.split('\n').at(-1)?.replaceAll('"', '')}: `), first);
    assert.match(first, why);
  });
}

describe('a line of a real server', () => {
  becomes('weight 10', 'weight: 10');
  becomes('weight 0', 'weight: 0', 'weight 3\n');
  becomes('', 'weight: 3', 'weight 3\n');
  becomes('lvs_method DR', 'forward: dr');
  becomes('lvs_method DR', '', 'lb_kind DR\n');
  becomes('uthreshold 2000\nlthreshold 1500', 'upper: 2000, lower: 1500');
  becomes('uthreshold 0\nlthreshold 0', '');
  isSaid('weight 70000', 'changed', /65535 is the greatest weight/);
  isSaid('weight x', 'no_effect', /"x" is no whole number/);
  isSaid('uthreshold 4294967295', 'changed', /the most that the kernel counts/);
  isSaid('lthreshold 5', 'refused', /above the uthreshold/);
  isSaid('notify_up "/bin/up 1"', 'refused', /no program when a real server comes or goes/);
  isSaid('notify_down /bin/down', 'refused', /lbctl events -f/);
  isSaid('smtp_alert off', 'refused', /sends no mail/);
  isSaid('snmp_name web1', 'no_effect', /no SNMP/);
  isSaid('warmup 3', 'no_effect', /spreads/);
});

describe('ports', () => {
  const place = (method: string, where: string, at: string, more = ''): string[] =>
    serversOf(service(`lb_kind ${method}\n${more}`, server('', at), where));

  test('NAT has its own, or the service’s', () => {
    assert.deepEqual(place('NAT', '192.0.2.10 80', '10.0.0.21 8080'), ['address: 10.0.0.21:8080']);
    assert.deepEqual(place('NAT', '192.0.2.10 80', '10.0.0.21'), ['address: 10.0.0.21:80']);
    assert.deepEqual(place('NAT', 'fwmark 7', '10.0.0.21 8080'), ['address: 10.0.0.21:8080']);
    assert.deepEqual(place('NAT', 'fwmark 7', '10.0.0.21'), ['address: 10.0.0.21']);
    assert.deepEqual(place('NAT', 'fwmark 7', '10.0.0.21 8080', 'persistence_timeout'), ['address: 10.0.0.21']);
  });
  test('DR and TUN have the service’s, or none', () => {
    assert.deepEqual(place('DR', '192.0.2.10 80', '10.0.0.21 8080'), ['address: 10.0.0.21:80']);
    assert.deepEqual(place('TUN', '192.0.2.10 80', '10.0.0.21'), ['address: 10.0.0.21:80']);
    assert.deepEqual(place('DR', 'fwmark 7', '10.0.0.21 80'), ['address: 10.0.0.21']);
  });
  test('checks go where keepalived sends them: to the port that is written', () => {
    const check = 'TCP_CHECK {\n}';
    const text = service('lb_kind DR', server(check, '10.0.0.21 8080'));
    assert.match(yamlOf(text), /type: tcp, port: 8080/);
    assert.match(
      noted(text).join('\n'),
      /changed real_server 10\.0\.0\.21 8080: dr does not change ports.*8080 is where it is checked/,
    );
    assert.doesNotMatch(yamlOf(service('lb_kind DR', server(check))), /port:/);
    assert.match(yamlOf(service('lb_kind DR', server(check), 'fwmark 7')), /type: tcp, port: 80/);
    const blind = service('lb_kind DR', server(check, '10.0.0.21'), 'fwmark 7');
    assert.match(noted(blind).join('\n'), /refused TCP_CHECK: in fwmark-7 there is no port to look at/);
    assert.match(yamlOf(service('lb_kind DR', server('TCP_CHECK {\nconnect_port 80\n}', '10.0.0.21'), 'fwmark 7')), /port: 80/);
  });
});

describe('what the kernel would not take', () => {
  const dropped = (servers: string, why: RegExp): void => {
    const text = service('lb_kind DR', `${server('weight 1')}\n${servers}`);
    assert.deepEqual(serversOf(text), ['address: 10.0.0.21:80, weight: 1']);
    assert.match(noted(text).at(-1) ?? '', why);
  };
  test('twins', () => {
    dropped(server('weight 2'), /no_effect weight 2: it is there already/);
    dropped(server('weight 2', '10.0.0.21 8080'), /no_effect weight 2: it is there already/);
  });
  test('the other family, unless it is behind a tunnel', () => {
    dropped(server('', '2001:db8::21 80'), /no_effect real_server 2001:db8::21 80: keepalived skips it: it is IPv6/);
    const tunnel = service('', `${server('')}\n${server('lvs_method TUN', '2001:db8::21 80')}`);
    assert.match(yamlOf(tunnel), /"\[2001:db8::21\]:80", forward: tun/);
  });
  test('link-local ones, and no addresses', () => {
    dropped(server('lvs_method TUN', 'fe80::1 80'), /refused lvs_method TUN: .*it is link-local/);
    dropped(server('weight 3', '10.0.0.x 80'), /refused weight 3: it is no address and port/);
  });
});
