/** Services and real servers as the kernel has them: what is understood, and what it would misread and is refused. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { serviceKey } from '../../../src/base/service-id.js';
import { parseConfig } from '../../../src/config/parse.js';
import type { Config, VirtualServerConfig } from '../../../src/config/types.js';
import { BAD_OPTIONS, refuses, server, service } from '../../fake/bad-config.js';

const mark = (lines: string): string => `virtual_servers:\n  - name: web\n    fwmark: 7\n${lines}`;
const at = (address: string, lines = ''): string => `virtual_servers:\n  - name: web\n    address: ${address}\n${lines}`;

refuses('what the kernel would misread', [
  [at('@192.0.2.10:0'), /port 0\) needs persistence/],
  [at('@192.0.2.20-10:80'), /the range ends before it begins/],
  [at('@192.0.0.0-192.0.200.0:80'), /more than 1024 addresses/],
  [at('@192.0.2.10-2001:80'), /"2001" in .* is no end of a range/],
  [at('[ "192.0.2.10:80", @"192.0.2.10" ]'), /has no port/],
  [at('@[]'), /address is an empty list/],
  [at('@[ "192.0.2.10:80", "[2001:db8::1]:80" ]'), /IPv4 and IPv6 are two virtual servers/],
  [at('@[ "192.0.2.10:80", "192.0.2.9-11:80" ]'), /tcp\/192\.0\.2\.10:80 is listed twice/],
  [at('224.0.0.1-5:80').replace('224', '@224'), /is no unicast address/],
  ['virtual_servers:\n  - name: web\n    fwmark: @0\n', /"0" is no firewall mark/],
  ['virtual_servers:\n  - name: web\n    fwmark: @4294967296\n', /is no firewall mark/],
  [`${mark('')}  - { name: other, fwmark: @7 }\n`, /fwmark\/7 is the mark of "web" already/],
  [mark('    address: 192.0.2.10:80\n').replace('fwmark: ', 'fwmark: @'), /has an address and a fwmark/],
  [mark('    protocol: @tcp\n'), /a fwmark service takes every protocol/],
  [service('    family: @ipv6\n'), /"family" is of use to a fwmark service only/],
  [service('    scheduler_flags: @[ sh-port ]\n'), /sh-port means nothing to the scheduler wlc/],
  [service('    scheduler: mh\n    scheduler_flags: @[ sh-port ]\n'), /sh-port means nothing to the scheduler mh/],
  [service('    scheduler_flags: [ @sh-prot ]\n'), /"sh-prot" is no scheduler flag; did you mean "sh-port"/],
  [service('    scheduler: sh\n    on_failure: @remove\n'), /on_failure: remove does not go with sh/],
  [service('    one_packet: @true\n'), /one_packet acts on UDP only/],
  [service('    persistence: @{ prefix: 33 }\n'), /an IPv4 address has 32 bits, not 33/],
  [service('    persistence: { prefix: @0 }\n'), /prefix is a whole number from 1 to 128/],
  [service('    persistence: @100d\n'), /persistence: .*(outside|no duration)/],
  [service('    persistence: @1500ms\n'), /persistence is in whole seconds/],
  [service('    persistence: @{ engine: sip }\n'), /sip reads UDP only/],
  [service('    tun: @{ type: gre }\n'), /"tun" means nothing: no real server of web is behind a tunnel/],
  [service('    forward: tun\n    tun: @{ type: gre, port: 6080 }\n'), /gre has no port/],
  [service('    forward: tun\n    tun: @{ checksum: csum }\n'), /ipip has no checksum/],
  [service('    forward: tun\n    tun: @{ type: gre, checksum: remcsum }\n'), /of gue only/],
  [service('    forward: tun\n    tun: { type: @gue6 }\n'), /"gue6" is no tunnel; did you mean "gue"/],
  [service('    forward: tun\n    tun: { mss: @100 }\n'), /is no MSS/],
  [service('    forward: dr\n    snat: @auto\n'), /"snat" means nothing/],
  [
    service('    scheduler: mh\n    scheduler_flags: [ mh-port ]\n    sorry_server: @{ address: "10.0.0.9:80" }\n'),
    /a sorry server with mh needs mh-fallback/,
  ],
  [service('    quorum: @0\n'), /quorum is a whole number from 1/],
  [service('    quorum: 2\n    hysteresis: @2\n'), /hysteresis \(2\) must be below the quorum \(2\)/],
  [service('    sorry_server: @10.0.0.9:80\n'), /sorry_server is a mapping/],
  [service('    sorry_server: { address: @"[2001:db8::9]:80" }\n'), /only a tunnel \(forward: tun\)/],
  [service('    sorry_server: { address: "10.0.0.9:80", @weight: 3 }\n'), /unknown key "weight" in sorry_server/],
  [
    `${server('address: "10.0.0.1:80"')}    sorry_server: { address: @"10.0.0.1:80" }\n`,
    /the sorry server must be another one: 10\.0\.0\.1:80 is a real server of web already/,
  ],
  [service('    follow: @VI_9\n'), /there is no VRRP instance "VI_9"/],
  [server('address: "10.0.0.1:80", tun: @{ type: gre }'), /"tun" means nothing to 10\.0\.0\.1: it is forwarded to by nat/],
  [server('address: @"10.0.0.1:0"'), /port 0 is no port: write 10\.0\.0\.1:80/],
  [server('address: @"[fe80::1]:80", forward: tun'), /link-local/],
  [server('address: @"[2001:db8::1]:80", forward: dr'), /only a tunnel \(forward: tun\) carries one family in the other/],
  [
    `${mark('    forward: dr\n    real_servers:\n')}      - { address: "10.0.0.1:80" }\n      - { address: @"10.0.0.1:81" }\n`,
    /10\.0\.0\.1:81 and 10\.0\.0\.1:80 are one real server to the kernel: dr does not change ports/,
  ],
  [
    `${mark('    real_servers:\n')}      - { address: @10.0.0.1, checks: [ { type: tcp } ] }\n`,
    /the tcp check of 10\.0\.0\.1 has no port/,
  ],
  [`connection_sync: { @follow: VI_1 }\n${service('')}`.replace('{ @', '@{ '), /connection_sync needs "interface"/],
  [`connection_sync: { interface: eth1, follow: @VI_1 }\n${service('')}`, /there is no such VRRP instance/],
  [`connection_sync: { interface: eth1, id: @256 }\n${service('')}`, /id is a whole number from 0 to 255/],
  [`connection_sync: { interface: eth1, group: @192.0.2.1 }\n${service('')}`, /is no multicast group/],
  [
    `connection_sync: @{ interface: eth1 }\n${server('address: "[2001:db8::1]:80", forward: tun')}`,
    /does not go with a real server of another address family/,
  ],
  [`timeouts: { tcp: @500ms }\n${service('')}`, /tcp: 500ms is outside|tcp is in whole seconds/],
  [`timeouts: { @tpc: 5s }\n${service('')}`, /unknown key "tpc" in timeouts; did you mean "tcp"/],
  [
    `kernel_settings: { @conn_reuse_mod: 1 }\n${service('')}`,
    /unknown key "conn_reuse_mod" in kernel_settings; did you mean "conn_reuse_mode"/,
  ],
  [`kernel_settings: { sync_ports: @65 }\n${service('')}`, /"65" is no value of sync_ports: write a whole number from 1 to 64/],
  [`kernel_settings: { sync_threshold: @50 3 }\n${service('')}`, /sync_threshold: write two numbers, the first below the second/],
  [`kernel_settings: { sync_retries: @[ 1 ] }\n${service('')}`, /sync_retries is a number, or keep, not \[1\]/],
  [`kernel_settings: { conntrack: @0 }\n${service('    snat: auto\n')}`, /conntrack: 0 does not go with snat \(web\)/],
  [`connection_sync: { interface: eth1, group: @224.0.0.18 }\n${service('')}`, /is the group of VRRP/],
  [`defaults: { tun: @{ type: ipip, port: 7 } }\n${service('')}`, /ipip has no port/],
  [`defaults: { tun: { port: 7000 } }\n${service('    forward: @tun\n')}`, /ipip has no port/],
  [
    `${at('192.0.2.10-20:80')}  - { name: other, address: @"192.0.2.15-25:80" }\n`,
    /tcp\/192\.0\.2\.15:80 \(and 5 more\) is the address of "web" already/,
  ],
  [at('@192.0.2.10-20'), /has no port: write 192\.0\.2\.10-20:80/],
  [at('@192.0.2.10:80-90'), /a range of ports is no address/],
  [at('@192.0.2.10:70000'), /70000 is no port \(0 to 65535\)/],
  [at('@192.0.2.10-20:70000'), /70000 is no port \(0 to 65535\)/],
  [at('@2001:db8::1:80'), /has no port: write \[2001:db8::1\]:80, or \[2001:db8::1:80\]:80/],
  [at('@0.1.2.3:80'), /no address of a host/],
  [
    `${mark('    persistence: 5m\n    real_servers:\n')}      - { address: @"10.0.0.1:80" }\n`,
    /never uses port 80; write 10\.0\.0\.1 \(a check has a "port" of its own\)/,
  ],
  [
    `${mark('    persistence: 5m\n    real_servers:\n')}      - { address: @10.0.0.1, checks: [ { type: tcp } ] }\n`,
    /has no port: give the check a port$/,
  ],
  [service('    checks:\n      - { type: http, status: @[] }\n'), /status is an empty list/],
  [service('    checks:\n      - { type: http, headers: @[ X ] }\n'), /headers are a mapping/],
  [service('    checks:\n      - @[ tcp ]\n'), /a check is a mapping of .*, not a list/],
  [`kernel_settings: { conntrack: @yes please }\n${service('')}`, /"yes please" is no value of conntrack: write 0 or 1, or keep/],
]);

function parse(text: string): Config {
  const { config, problems } = parseConfig('f.yaml', text, BAD_OPTIONS);
  assert.ok(config, JSON.stringify(problems));
  return config;
}
const only = (text: string): VirtualServerConfig => parse(text).virtualServers[0] as VirtualServerConfig;
const keys = (text: string): string[] => only(text).ids.map(serviceKey);

describe('services', () => {
  test('a list and a range are many services of one definition', () => {
    assert.deepEqual(keys(at('[ 192.0.2.10:80, 192.0.2.254-192.0.3.1:443 ]', '    protocol: udp\n')), [
      'udp/192.0.2.10:80',
      'udp/192.0.2.254:443',
      'udp/192.0.2.255:443',
      'udp/192.0.3.0:443',
      'udp/192.0.3.1:443',
    ]);
    assert.deepEqual(keys(at('192.0.2.9-11:80')), ['tcp/192.0.2.9:80', 'tcp/192.0.2.10:80', 'tcp/192.0.2.11:80']);
    assert.deepEqual(keys(at('"[2001:db8::fe-101]:80"')), [
      'tcp/[2001:db8::fe]:80',
      'tcp/[2001:db8::ff]:80',
      'tcp/[2001:db8::100]:80',
      'tcp/[2001:db8::101]:80',
    ]);
    assert.equal(keys(at('10.0.0.0-10.0.3.255:80')).length, 1024);
  });

  test('a mark has the family of its real servers, unless it is said', () => {
    const servers = '    real_servers: [ { address: "[2001:db8::1]:80" } ]\n';
    assert.deepEqual(keys(mark('')), ['fwmark/7']);
    assert.deepEqual(keys(mark(servers)), ['fwmark/7/inet6']);
    assert.deepEqual(keys(mark(`    family: ipv4\n    forward: tun\n${servers}`)), ['fwmark/7']);
    assert.deepEqual(keys(mark('').replace('7', '0xff')), ['fwmark/255']);
  });

  test('persistence is a time, or says more', () => {
    assert.deepEqual(only(service('    persistence: 5m\n')).persistence, { timeout: 300, prefix: 32, engine: '' });
    const sip = '    protocol: udp\n    persistence: { timeout: 1h, prefix: 24, engine: sip }\n';
    assert.deepEqual(only(service(sip)).persistence, { timeout: 3600, prefix: 24, engine: 'sip' });
    assert.equal(only(`defaults: { persistence: 60 }\n${service('')}`).persistence?.timeout, 60);
  });

  test('a hashing scheduler serves the clients of a failed server, and never takes it out', () => {
    const mh = only(service('    scheduler: mh\n'));
    assert.deepEqual([mh.schedulerFlags, mh.onFailure], [['mh-fallback'], 'quiesce']);
    assert.equal(only(`defaults: { on_failure: remove, scheduler: sh }\n${service('')}`).onFailure, 'quiesce');
    const { config, problems } = parseConfig(
      'f.yaml',
      service('    scheduler: sh\n    scheduler_flags: [ sh-port ]\n'),
      BAD_OPTIONS,
    );
    assert.deepEqual(config?.virtualServers[0]?.schedulerFlags, ['sh-port']);
    assert.ok(problems.some((one) => /without sh-fallback the clients of a failed real server are refused/.test(one.message)));
  });
});

test('what the kernel does as told, to the surprise of many, is warned of', () => {
  const warnings = (text: string) => {
    const { config, problems } = parseConfig('f.yaml', text, BAD_OPTIONS);
    assert.ok(config, JSON.stringify(problems));
    return problems.map((one) => one.message).join('\n');
  };
  const pool = (lines: string, own: string) => service(`${lines}    real_servers: [ { address: 10.0.0.1, ${own} } ]\n`);
  assert.match(warnings(pool('    scheduler: sh\n', 'weight: 2')), /clients of the others move too/);
  assert.doesNotMatch(warnings(pool('    scheduler: sh\n', 'weight: 1')), /move too/);
  assert.doesNotMatch(warnings(pool('    scheduler: mh\n', 'weight: 2')), /move too/);
  assert.match(
    warnings(pool('    scheduler: dh\n    on_failure: quiesce\n', 'weight: 1')),
    /dh refuses the clients of a real server with weight 0/,
  );
  assert.doesNotMatch(warnings(pool('    scheduler: dh\n', 'weight: 1')), /dh refuses/);
  const sorry = (quorum: number) => `    scheduler: dh\n    quorum: ${quorum}\n    sorry_server: { address: 10.0.0.9 }\n`;
  assert.match(warnings(pool(sorry(2), 'weight: 2')), /while the sorry server serves, dh refuses/);
  assert.doesNotMatch(warnings(pool(sorry(1), 'weight: 1')), /dh refuses/);
  const ops = '    protocol: udp\n    one_packet: true\n';
  assert.match(warnings(pool(ops, 'forward: nat')), /answers do not come from the address of web/);
  assert.doesNotMatch(warnings(pool(ops, 'forward: dr')), /do not come from/);
  assert.doesNotMatch(warnings(pool('    protocol: udp\n', 'forward: nat')), /do not come from|stays with/);
  assert.match(warnings(pool('    protocol: udp\n    scheduler: mh\n', 'weight: 1')), /stays with .* one_packet: true moves it/);
  assert.match(
    warnings(pool('    protocol: udp\n    on_failure: quiesce\n', 'weight: 1')),
    /stays with .* on_failure: remove moves/,
  );
  assert.doesNotMatch(warnings(pool(`    scheduler: mh\n${ops}`, 'forward: dr')), /stays with/);
  assert.doesNotMatch(warnings(pool('    scheduler: mh\n', 'weight: 1')), /stays with/);
});

describe('real servers', () => {
  const servers = (text: string) => only(text).realServers.map((one) => [one.address, one.port]);
  test("without a port have the service's, or none behind a mark", () => {
    assert.deepEqual(servers(server('address: 10.0.0.1')), [['10.0.0.1', 80]]);
    assert.deepEqual(servers(mark('    real_servers: [ { address: 10.0.0.1 }, { address: "10.0.0.2:81" } ]\n')), [
      ['10.0.0.1', 0],
      ['10.0.0.2', 81],
    ]);
  });

  test('have the tunnel of their service, unless they say otherwise', () => {
    const text = `defaults: { tun: { type: gue, checksum: csum } }\n${service(
      '    forward: tun\n    tun: { port: 7000 }\n    real_servers:\n      - { address: 10.0.0.1 }\n      - { address: 10.0.0.2, tun: { type: gre } }\n      - { address: "[2001:db8::3]", tun: { port: 5555, checksum: none } }\n',
    )}`;
    assert.deepEqual(
      only(text).realServers.map(({ tunnel }) => [tunnel.type, tunnel.port, tunnel.checksum]),
      [
        ['gue', 7000, 'csum'],
        ['gre', 0, 'none'],
        ['gue', 5555, 'none'],
      ],
    );
    assert.deepEqual(only(`defaults: { tun: { type: gue } }\n${service('    forward: tun\n')}`).tunnel.port, 6080);
  });
});

test('the director: sync, timeouts, kernel settings', () => {
  const vrrp = 'vrrp_instances: [ { name: VI_1, interface: eth0, virtual_router_id: 51, virtual_addresses: [ 192.0.2.10 ] } ]\n';
  const { connectionSync, timeouts, kernel } = parse(
    `connection_sync: { interface: eth1, follow: VI_1 }\ntimeouts: { tcp: 15m, udp: 30 }\nkernel_settings: { restore: true, sync_threshold: 3 10, conntrack: keep, sloppy_tcp: 1 }\n${service('')}${vrrp}`,
  );
  assert.deepEqual([connectionSync?.interface, connectionSync?.follow, connectionSync?.id], ['eth1', 'VI_1', 51]);
  assert.deepEqual(timeouts, { tcp: 900, tcpFin: 0, udp: 30 });
  assert.deepEqual(kernel, {
    manage: true,
    restore: true,
    values: { sync_threshold: '3 10', conntrack: 'keep', sloppy_tcp: '1' },
  });
});

test('what the defaults say of persistence can be switched off', () => {
  const text = `defaults: { persistence: 5m }\n${service('    persistence: off\n')}  - { name: other, address: "192.0.2.11:80" }\n`;
  assert.deepEqual(
    parse(text).virtualServers.map((one) => one.persistence?.timeout),
    [undefined, 300],
  );
});

test('a mark whose family a tunnel hides, and an instance that carries nothing of its follower, are warned of', () => {
  const warnings = (text: string) =>
    parseConfig('f.yaml', text, BAD_OPTIONS)
      .problems.map((one) => `${one.severity}: ${one.message}`)
      .join('\n');
  const hidden = `${mark('    forward: tun\n    real_servers: [ { address: "2001:db8::1" } ]\n')}`;
  assert.match(warnings(hidden), /warning: the mark of web is taken for one of IPv6/);
  assert.doesNotMatch(warnings(`${hidden}    family: ipv6\n`), /is taken for/);
  const pair =
    'vrrp_instances:\n  - { name: VI_1, interface: eth0, virtual_router_id: 5, virtual_addresses: [ 192.0.2.11/24 ] }\n  - { name: VI_2, interface: eth1, virtual_router_id: 5, virtual_addresses: [ 192.0.2.11/24 ] }\n';
  const followed = warnings(service('    follow: VI_1\n') + pair);
  assert.match(followed, /warning: web follows VI_1, which carries no address of it/);
  assert.match(followed, /warning: 192\.0\.2\.11 is a virtual address of VI_1 on eth0 already/);
});

test('the sorry server has weight 1, no check, and the port and method of its service', () => {
  const text = `defaults: { checks: [ { type: tcp } ], sorry_server: { address: 10.0.0.9 } }\n${service('    forward: dr\n')}`;
  const { sorry, quorum, hysteresis } = only(text);
  assert.deepEqual([sorry?.address, sorry?.port, sorry?.weight, sorry?.forward, sorry?.checks], ['10.0.0.9', 80, 1, 'dr', []]);
  assert.deepEqual([quorum, hysteresis], [1, 0]);
  const high = parseConfig(
    'f.yaml',
    server('address: "10.0.0.1:80"').replace('    real', '    quorum: 2\n    real'),
    BAD_OPTIONS,
  );
  assert.match(
    high.problems.map((one) => one.message).join('\n'),
    /quorum 2 is more than all weights together \(1\): it is met when all are up/,
  );
});
