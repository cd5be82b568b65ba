/** virtual_server -> virtual_servers: what each of its lines becomes, and what is said where nothing is written. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { imported, notesOf, yamlOf } from '../../../fake/imported.js';

const REAL = 'real_server 10.0.0.21 80 { }';
/** Says alpha, so that the note of the first check is not in the way. */
const service = (lines: string, where = '192.0.2.10 80', servers = REAL): string =>
  `virtual_server ${where} {\nalpha\n${lines}\n${servers}\n}\n`;
const web = (lines: string, servers = REAL): string => service(`protocol TCP\n${lines}`, '192.0.2.10 80', servers);

/** The lines of the one virtual server without its name and real servers. */
function wordsOf(text: string): string {
  const lines = yamlOf(text).split('\n').slice(1);
  const own = lines.filter((line) => line.startsWith('    ') && !line.startsWith('      ') && !/^ {4}real_servers:/.test(line));
  return own.map((line) => line.trim()).join('\n');
}

const noted = (text: string): string[] => notesOf(imported(text)).filter((line) => !line.startsWith('no_effect alpha'));

/** What the line of a virtual server becomes; nothing is said of it. */
function becomes(line: string, expected: string, more = ''): void {
  test(`${line} -> ${expected}`, () => {
    const text = web(`${more}${line}`);
    assert.ok(wordsOf(text).split('\n').includes(expected), wordsOf(text));
    assert.deepEqual(noted(text), []);
  });
}

/** What is said of a line that nothing is made of. */
function isSaid(line: string, outcome: string, why: RegExp, more = ''): void {
  test(`${line}: ${outcome}`, () => {
    const [first = '', ...others] = noted(web(`${more}${line}`));
    assert.deepEqual(others, []);
    assert.equal(first.split(':')[0], `${outcome} ${line}`);
    assert.match(first, why);
  });
}

describe('a line of a virtual server', () => {
  becomes('lb_algo wrr', 'scheduler: wrr');
  becomes('lvs_sched twos', 'scheduler: twos');
  becomes('lb_kind DR', 'forward: dr');
  becomes('lvs_method NAT', 'forward: nat');
  becomes('persistence_timeout 300', 'persistence: 5m');
  becomes('persistence_timeout', 'persistence: 6m');
  becomes('persistence_granularity 255.255.255.0', 'persistence: { timeout: 6m, prefix: 24 }');
  becomes('persistence_granularity 255.255.255.255', 'persistence: 1m', 'persistence_timeout 60\n');
  becomes('quorum 1', 'quorum: 1');
  becomes('inhibit_on_failure', 'on_failure: quiesce');
  becomes('sorry_server 10.0.0.99 80', 'sorry_server: { address: 10.0.0.99:80 }');
  becomes('sorry_server 10.0.0.99', 'sorry_server: { address: 10.0.0.99:80 }');
  becomes(
    'sorry_server_lvs_method DR',
    'sorry_server: { address: 10.0.0.99:80, forward: dr }',
    'sorry_server 10.0.0.99 8080\n'.replace('8080', '80'),
  );
  becomes('ip_family inet', 'protocol: tcp');
  test('the flags of a scheduler of hashes', () => {
    const flags = (lines: string): readonly [string | undefined, string] => {
      const text = web(lines);
      return [/scheduler_flags: (.*)/.exec(yamlOf(text))?.[1], noted(text).join('\n')];
    };
    assert.deepEqual(flags('lvs_sched sh\nsh-port\nsh-fallback\ninhibit_on_failure'), ['[ sh-port, sh-fallback ]', '']);
    const [refusing, told] = flags('lvs_sched sh\ninhibit_on_failure');
    assert.equal(refusing, '[ sh-fallback ]');
    assert.match(told, /^changed lvs_sched sh: clients of a failed real server go to others.*keepalived refuses them$/);
    assert.match(flags('flag-1\nflag-2\nlvs_sched mh')[0] ?? '', /^\[ mh-port, mh-fallback \]$/);
    assert.match(flags('lvs_sched mh\nmh-fallback')[1], /^changed lvs_sched mh: .*keeps its place in the table/);
  });

  isSaid('hashed', 'no_effect', /no flag of any scheduler/);
  isSaid('flag-3', 'no_effect', /no scheduler/);
  isSaid('flag-1', 'no_effect', /the scheduler wlc does not look at it/);
  isSaid('sh-port', 'no_effect', /no lvs_sched sh stands above it/);
  isSaid('lb_algo best', 'no_effect', /"best" is no scheduler/);
  isSaid('lb_kind ROUTE', 'no_effect', /neither NAT, DR nor TUN/);
  isSaid('ops', 'no_effect', /of UDP, not of tcp/);
  isSaid('ha_suspend', 'no_effect', /a backup checks, too/);
  isSaid('omega', 'no_effect', /programs and mail/);
  isSaid('warmup 30', 'no_effect', /spreads the probes/);
  isSaid('persistence_engine sip', 'no_effect', /without persistence/);
  isSaid('persistence_engine sip', 'no_effect', /never find a Call-ID in tcp/, 'persistence_timeout 60\n');
  isSaid('persistence_engine other', 'refused', /sip alone/, 'persistence_timeout 60\n');
  isSaid('persistence_granularity 255.0.255.0', 'refused', /no netmask without gaps/);
  isSaid('quorum 3', 'changed', /weight of 1: keepalived lowers the quorum/);
  isSaid('hysteresis 2', 'changed', /keepalived lowers it to 0/);
  isSaid('sorry_server_inhibit', 'no_effect', /no sorry_server stands above it/);
  isSaid('sorry_server_inhibit', 'changed', /only while it serves/, 'sorry_server 10.0.0.99 80\n');
  isSaid('sorry_server 10.0.0.21 80', 'refused', /must be another one/);
  isSaid('lb_kind TUN', 'changed', /smaller segment/);
  isSaid('lvs_sched sh', 'changed', /keeps its place in the table/);
  isSaid('quorum_up /bin/up', 'refused', /no program when a quorum.*track\.virtual_servers/);
  isSaid('quorum_down /bin/down root', 'refused', /lbctl events -f/);
  isSaid('smtp_alert', 'refused', /sends no mail/);
  isSaid('delay_loop x', 'no_effect', /"x" is no number of seconds/);
  isSaid('retry 0', 'no_effect', /"0" is no number of tries/);

  test('a word that keepalived does not have', () => {
    const [first] = noted(web('lvs_shed rr'));
    assert.match(first ?? '', /^refused lvs_shed rr: keepalived has no such word in virtual_server, .*lvs_sched/);
    assert.match(yamlOf(web('lvs_shed rr')), /# not carried over: "lvs_shed rr"/);
  });

  test('what is said twice: the last counts', () => {
    const text = web('lb_algo rr\nlb_algo wrr');
    assert.match(wordsOf(text), /scheduler: wrr/);
    assert.deepEqual(noted(text), ['no_effect lb_algo rr: a later line of the block says lb_algo again']);
  });
});

describe('tunnels', () => {
  const tun = (options: string): string => wordsOf(web(`lb_kind TUN${options}`));
  test('type, port and checksum', () => {
    assert.match(tun(''), /forward: tun$/m);
    assert.match(tun(' type gue port 6080'), /tun: \{ type: gue, port: 6080 \}/);
    assert.match(tun(' type gue port 6080 remcsum'), /tun: \{ type: gue, port: 6080, checksum: remcsum \}/);
    assert.match(tun(' type gre csum'), /tun: \{ type: gre, checksum: csum \}/);
  });
  test('options that keepalived does not take', () => {
    for (const options of ['type gue', 'port 80', 'type gre remcsum', 'csum', 'type x']) {
      const [first] = noted(web(`lb_kind TUN ${options}`));
      assert.match(first ?? '', /takes none of its options/, options);
      assert.doesNotMatch(tun(` ${options}`), /^tun:/m, options);
    }
  });
  test('of a real server beside those of its virtual server', () => {
    const server = (method: string): string =>
      yamlOf(web('lb_kind TUN type gue port 6080 csum', `real_server 10.0.0.21 80 {\nlvs_method ${method}\n}`));
    assert.match(server('TUN'), /\{ address: 10\.0\.0\.21:80, tun: \{ type: ipip \} \}/);
    assert.match(server('TUN type gue port 6080'), /tun: \{ type: gue, port: 6080, checksum: none \}/);
    assert.doesNotMatch(server('TUN type gue port 6080 csum'), /21:80, tun/);
    assert.match(server('NAT'), /\{ address: 10\.0\.0\.21:80, forward: nat \}/);
  });
});

describe('what keepalived leaves unsaid', () => {
  test('the protocol is UDP', () => {
    const text = service('');
    assert.match(yamlOf(text), /name: udp-192\.0\.2\.10-80\n {4}address: 192\.0\.2\.10:80\n {4}protocol: udp/);
    assert.deepEqual(noted(text), ['changed virtual_server 192.0.2.10 80: keepalived takes UDP where no protocol is said']);
  });
  test('a virtual server of every port is persistent', () => {
    const text = service('protocol TCP', '192.0.2.10');
    assert.match(wordsOf(text), /address: 192\.0\.2\.10:0\n.*\n*persistence: 6m/);
    assert.match(noted(text).join('\n'), /of every port is persistent/);
  });
  test('real servers take traffic before they were checked, told once', () => {
    const one = (port: number): string =>
      `virtual_server 192.0.2.10 ${port} {\nprotocol TCP\nreal_server 10.0.0.1 80 {\nTCP_CHECK {\n}\n}\n}\n`;
    const told = notesOf(imported(one(80) + one(81))).filter((line) => line.includes('for the first time'));
    assert.equal(told.length, 1);
  });
});

test('what is other for all virtual servers is told once', () => {
  const checked = (last: number): string => `real_server 10.0.0.${last} 80 {\nTCP_CHECK {\n}\n}`;
  const toldOf = (text: string): string[] => imported(text).told.flatMap(({ texts }) => texts);
  const count = (text: string, what: RegExp): number => toldOf(text).filter((one) => what.test(one)).length;
  const few = web('', [1, 2, 3, 4].map(checked).join('\n'));
  const more = few + service('protocol TCP', '192.0.2.11 80', [4, 5].map(checked).join('\n'));
  assert.deepEqual([count(few, /suspicion: off/), count(more, /suspicion: off/)], [0, 1]);
  assert.deepEqual(
    [count(more, /on_stop: remove/), count(`global_defs {\nlvs_flush_on_stop VS\n}\n${more}`, /on_stop: remove/)],
    [1, 0],
  );
});

describe('what lbd would refuse', () => {
  test('no real server', () => {
    const text = `${web('lb_algo rr', '')}virtual_server 192.0.2.11 80 {\nprotocol TCP\n${REAL}\n}\n`;
    assert.doesNotMatch(yamlOf(text), /192\.0\.2\.10/);
    assert.deepEqual(noted(text).slice(0, 2), [
      'no_effect virtual_server 192.0.2.10 80: keepalived passes over a virtual server without real servers',
      'no_effect protocol TCP: keepalived passes over a virtual server without real servers',
    ]);
  });
  test('one that is there twice: the real servers of both, the settings of the first', () => {
    const text = web('lb_algo rr') + web('lb_algo wrr', 'real_server 10.0.0.22 80 {\nTCP_CHECK {\n}\n}');
    const yaml = yamlOf(text);
    assert.equal(yaml.match(/- name:/g)?.length, 1);
    assert.match(yaml, /scheduler: rr/);
    assert.match(yaml, /10\.0\.0\.21:80[\s\S]*10\.0\.0\.22:80/);
    assert.match(noted(text).join('\n'), /changed virtual_server 192\.0\.2\.10 80: .*it is there already/);
  });
  test('no address', () => {
    const text = `virtual_server www.example.com 80 {\nprotocol TCP\n${REAL}\n}\n${web('')}`;
    const notes = noted(text);
    assert.equal(notes.filter((line) => line.startsWith('refused')).length, 3);
    assert.match(yamlOf(text), /# not carried over: "virtual_server www\.example\.com 80"/);
  });
});

test('a mark takes every protocol, and its family is that of its real servers', () => {
  const four = service('protocol UDP\nops', 'fwmark 7');
  assert.match(yamlOf(four), /- name: fwmark-7\n {4}fwmark: 7\n {4}one_packet: true/);
  assert.match(noted(four).join('\n'), /no_effect protocol UDP: .*every protocol/);
  assert.match(yamlOf(service('', 'fwmark 7', 'real_server 2001:db8::21 { }')), /fwmark: 7\n {4}family: ipv6/);
  const tunnels = 'real_server 2001:db8::21 { }\nreal_server 10.0.0.1 { }';
  assert.match(yamlOf(service('lb_kind TUN', 'fwmark 7', tunnels)), /family: ipv4/);
  assert.match(yamlOf(service('lb_kind TUN\nip_family inet6', 'fwmark 7', tunnels)), /family: ipv6/);
});

test('names: snmp_name, or protocol, address and port; a number where one is taken', () => {
  assert.match(yamlOf(web('snmp_name "the shop"')), /- name: the-shop\n/);
  assert.match(
    yamlOf(service('protocol TCP', '2001:db8::10 80', 'real_server 2001:db8::21 80 { }')),
    /- name: tcp-2001-db8-10-80\n/,
  );
  const twice = `${web('snmp_name shop')}virtual_server 192.0.2.11 80 {\nsnmp_name shop\n${REAL}\n}\n`;
  assert.deepEqual(yamlOf(twice).match(/name: .*/g), ['name: shop', 'name: shop-2']);
});

test('on_failure is of the service: real servers that agree, and that do not', () => {
  const servers = (first: string, second: string): string =>
    `real_server 10.0.0.21 80 {\n${first}\n}\nreal_server 10.0.0.22 80 {\n${second}\n}`;
  assert.match(yamlOf(web('', servers('inhibit_on_failure', 'inhibit_on_failure on'))), /on_failure: quiesce/);
  const one = web('', servers('inhibit_on_failure', ''));
  assert.doesNotMatch(yamlOf(one), /on_failure:/);
  assert.match(noted(one).join('\n'), /^refused inhibit_on_failure: .*it is remove for all of them$/);
  const off = web('inhibit_on_failure', servers('', 'inhibit_on_failure off'));
  assert.match(yamlOf(off), /on_failure: quiesce/);
  assert.match(noted(off).join('\n'), /^refused inhibit_on_failure off: .*it is quiesce for all of them$/);
});

test('comments stay beside what they were about', () => {
  const text = `
# the shop
virtual_server 192.0.2.10 80 { # on the left
  alpha
  protocol TCP
  lb_algo wrr # weighted
  delay_loop 6 # often
  # pays for it
  quorum_up /bin/up
  # the old one
  real_server 10.0.0.21 80 { # in rack 1
    weight 10 # slow
    TCP_CHECK { # quick
      connect_timeout 3
      # end of check
    }
    # end of server
  }
  real_server 10.0.0.22 80 {
    weight 20
    TCP_CHECK { # quick, too
      connect_timeout 3
    }
  }
  # end of service
}
`;
  assert.equal(
    yamlOf(text),
    `virtual_servers:
  # the shop
  # on the left
  - name: tcp-192.0.2.10-80
    address: 192.0.2.10:80
    protocol: tcp
    scheduler: wrr # weighted
    check:
      interval: 6s # often
      interval_changing: 1s
      timeout: 3s
      fall: 2
    checks:
      # quick
      - type: tcp
        # end of check
    # pays for it
    # not carried over: "quorum_up /bin/up": lbd runs no program when a quorum is met or lost: follow lbctl events -f -o json; what it told VRRP says track.virtual_servers of the instance
    real_servers:
      # the old one
      # in rack 1
      - address: 10.0.0.21:80
        weight: 10 # slow
        # end of server
      # quick, too
      - { address: 10.0.0.22:80, weight: 20 }
    # end of service
`,
  );
});
