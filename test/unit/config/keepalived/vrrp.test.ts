/** vrrp_instance blocks as entries of vrrp_instances: what each word becomes, and what is said of it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { imported, notesOf, yamlOf } from '../../../fake/imported.js';

/** One instance with these lines; `before` stands above it. */
const instance = (lines: string, before = ''): string =>
  `${before}vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n  192.0.2.10/24\n }\n${lines}\n}\n`;

const USUAL = ['version: 2', 'announcements: { refresh: off }'];

/** Lines of the entry, without those that every one has. */
function entryOf(lines: string, before = ''): string[] {
  const text = yamlOf(instance(lines, before));
  const from = text.indexOf('    interface: eth0\n');
  const rest = text.slice(from).split('\n\n')[0]?.split('\n') ?? [];
  const known = ['interface: eth0', 'virtual_router_id: 51', 'virtual_addresses: [ 192.0.2.10/24 ]'];
  return rest.map((line) => line.slice(4).trimEnd()).filter((line) => line !== '' && !known.includes(line));
}

const notes = (lines: string, before = ''): string[] => notesOf(imported(instance(lines, before)));

describe('who is master', () => {
  test('MASTER without a priority is the owner, and says so; with one it is nothing', () => {
    assert.deepEqual(entryOf('state MASTER'), ['version: 2', 'priority: 255', 'announcements: { refresh: off }']);
    assert.match(notes('state MASTER')[0] ?? '', /^changed state MASTER: MASTER without a priority is 255/);
    assert.deepEqual(entryOf('state MASTER\npriority 150'), ['version: 2', 'priority: 150', 'announcements: { refresh: off }']);
    assert.match(notes('state MASTER\npriority 150')[0] ?? '', /^no_effect state MASTER: .*priority alone/);
  });

  test('BACKUP with 255 waits in keepalived, and does not here', () => {
    assert.match(notes('state BACKUP\npriority 255')[0] ?? '', /^changed state BACKUP: .*254 waits/);
  });

  test('a priority out of range is 100, as in keepalived', () => {
    assert.ok(entryOf('priority 300').includes('priority: 100'));
    assert.match(notes('priority 300')[0] ?? '', /^changed priority 300: it is no priority: keepalived takes 100/);
  });

  test('nopreempt and preempt_delay, and what cancels them', () => {
    assert.ok(entryOf('state BACKUP\nnopreempt').includes('preempt: false'));
    assert.ok(entryOf('preempt_delay 12.5').includes('preempt: { delay: 12.5s }'));
    for (const [lines, word] of [
      ['state MASTER\npriority 100\nnopreempt', 'nopreempt'],
      ['state MASTER\npriority 100\npreempt_delay 5', 'preempt_delay 5'],
      ['priority 255\nnopreempt', 'nopreempt'],
      ['nopreempt\npreempt_delay 5', 'preempt_delay 5'],
      ['preempt_delay 5\nstrict_mode', 'preempt_delay 5'],
    ] as const) {
      const told = notes(lines).find((one) => one.includes(word));
      assert.match(told ?? '', new RegExp(`^no_effect ${word}: `), lines);
      if (word !== 'nopreempt') assert.ok(!entryOf(lines).some((line) => line.includes('delay')), lines);
    }
  });
});

describe('the protocol', () => {
  test('version 2 unless it is said, for all or here; IPv6 has 3', () => {
    assert.deepEqual(entryOf(''), USUAL);
    assert.ok(entryOf('version 3').includes('version: 3'));
    assert.ok(entryOf('', 'global_defs {\n vrrp_version 3\n}\n').includes('version: 3'));
    assert.ok(entryOf('version 2', 'global_defs {\n vrrp_version 3\n}\n').includes('version: 2'));
    const six = yamlOf(
      'vrrp_instance VI_6 {\n interface eth0\n virtual_router_id 6\n version 2\n virtual_ipaddress {\n  2001:db8::10/64\n }\n}\n',
    );
    assert.match(six, /version: 3\n/);
  });

  test('intervals that a version cannot send are rounded as keepalived rounds them', () => {
    for (const [lines, written] of [
      ['advert_int 1.5', '2s'],
      ['advert_int 0.3', '1s'],
      ['advert_int 0.254\nversion 3', '250ms'],
      ['advert_int 50\nversion 3', '40.95s'],
    ] as const) {
      assert.ok(entryOf(lines).includes(`advert_interval: ${written}`), lines);
      assert.match(notes(lines)[0] ?? '', /^changed advert_int/, lines);
    }
    assert.deepEqual(notes('advert_int 3'), []);
  });

  test('the checksum of version 3, here and for all', () => {
    assert.ok(entryOf('version 3\nv3_checksum_as_v2').includes('v3_checksum: rfc9568'));
    assert.ok(entryOf('version 3\nv3_checksum_as_v2 off').includes('v3_checksum: pseudo'));
    assert.ok(entryOf('version 3', 'global_defs {\n v3_checksum_as_v2\n}\n').includes('v3_checksum: rfc9568'));
    assert.match(notes('v3_checksum_as_v2')[0] ?? '', /^no_effect v3_checksum_as_v2: version 2/);
  });

  test('a password of version 2, cut as it is sent; none of version 3, of AH, of strict mode', () => {
    const password = (word: string, type = 'PASS') => `authentication {\n auth_type ${type}\n auth_pass ${word}\n}`;
    assert.ok(entryOf(password('1111')).includes('authentication: { type: pass, password: "1111" }'));
    assert.ok(entryOf(password('0123456789')).includes('authentication: { type: pass, password: "01234567" }'));
    assert.match(notes(password('0123456789'))[0] ?? '', /^changed auth_pass .*8 bytes/);
    assert.match(notes(`version 3\n${password('1')}`)[0] ?? '', /^no_effect authentication: VRRPv3 has no password/);
    assert.match(notes(`strict_mode\n${password('1')}`).find((one) => one.includes('authentication')) ?? '', /^no_effect/);
    assert.match(notes(password('1', 'AH'))[0] ?? '', /^refused authentication: lbd has no IPsec AH/);
    assert.match(notes(password('pässword'))[0] ?? '', /^refused authentication: .*printable ASCII/);
  });

  test('signed adverts: keys in files as they are, others into files of their own', () => {
    const lines = 'auth_hmac {\n key 1 file:/etc/k1\n key 2 hex:00112233\n active_key 2\n mode receive-only\n time_window 7\n}';
    const text = yamlOf(instance(lines));
    assert.match(text, /keys: \[ \{ id: 1, file: \/etc\/k1 \}, \{ id: 2, file: \/etc\/lbd\/vrrp-51-key-2 \} \]/);
    assert.match(text, /active_key: 2\n {6}mode: receive_only\n {6}time_window: 7s/);
    assert.ok(!text.includes('00112233'));
    assert.match(notes(lines)[0] ?? '', /^changed key 2 .*vrrp-51-key-2/);
  });

  test('unicast: peers with bounds, a source, a TTL; without peers it is the group', () => {
    const peers = 'unicast_peer {\n 192.0.2.3\n 192.0.2.4 min_ttl 0 max_ttl 250\n 192.0.2.3\n 2001:db8::3\n}';
    const lines = `${peers}\nunicast_src_ip 192.0.2.2\nunicast_ttl 64\ncheck_unicast_src\ntrack_src_ip`;
    assert.match(
      entryOf(lines)
        .map((line) => line.trim())
        .join(' '),
      /unicast: source: 192\.0\.2\.2 ttl: 64 peers: - 192\.0\.2\.3 - \{ address: 192\.0\.2\.4, min_ttl: 1, max_ttl: 250 \}/,
    );
    assert.deepEqual(
      notes(lines).map((one) => one.split(':')[0]),
      ['no_effect 192.0.2.3', 'refused 2001', 'no_effect check_unicast_src', 'no_effect track_src_ip'],
    );
    assert.match(
      notes('unicast_peer {\n 192.0.2.3\n}')[0] ?? '',
      /^changed unicast_peer: adverts of directors that it does not name/,
    );
    assert.match(
      notes('unicast_peer {\n 192.0.2.3\n}\nunicast_src_ip 192.0.2.2\ncheck_unicast_src')[0] ?? '',
      /^changed unicast_src_ip 192\.0\.2\.2: .*FAULT/,
    );
    assert.match(notes('mcast_src_ip 192.0.2.2')[0] ?? '', /^refused mcast_src_ip .*first address of eth0/);
    assert.ok(!entryOf('unicast_src_ip 192.0.2.2').some((line) => line.startsWith('unicast')));
    assert.deepEqual(notes('unicast_peer {\n}'), [
      'changed unicast_peer: it names no peer: adverts go to the group, as they do in keepalived',
    ]);
    assert.match(notes('unicast_fault_no_peer\nunicast_peer {\n}').join(), /refused unicast_peer: .*stays in FAULT/);
    assert.match(
      notes('unicast_peer {\n 192.0.2.3 192.0.2.4\n}')[1] ?? '',
      /^refused 192\.0\.2\.3 192\.0\.2\.4: .*a line of its own/,
    );
  });
});

describe('announcements', () => {
  test('keepalived refreshes nothing by itself; what is said is written', () => {
    assert.deepEqual(entryOf('garp_master_delay 0\ngarp_master_repeat 2\ngarp_master_refresh 30\ngarp_lower_prio_repeat 0'), [
      'version: 2',
      'announcements: { repeat: 2, delay: off, refresh: 30s, other_master: { repeat: 0 } }',
    ]);
    assert.match(notes('garp_master_repeat 0')[0] ?? '', /^changed garp_master_repeat 0: lbd has 1 to 100/);
  });

  test('those of global_defs and of garp_group, unless the instance says its own', () => {
    const before = 'global_defs {\n vrrp_garp_master_repeat 1\n vrrp_garp_interval 0.0005\n vrrp_garp_lower_prio_delay 2\n}\n';
    assert.ok(
      entryOf('garp_master_repeat 3', before).includes(
        'announcements: { repeat: 3, refresh: off, interval: 0.5ms, other_master: { delay: 2s } }',
      ),
    );
    const group = 'garp_group {\n garp_interval 0.1\n interface eth0\n}\n';
    assert.ok(entryOf('', group).includes('announcements: { refresh: off, interval: 100ms }'));
    assert.ok(
      entryOf('', 'global_defs {\n vrrp_min_garp\n}\n').includes('announcements: { repeat: 1, delay: off, refresh: off }'),
    );
  });
});

describe('strict mode', () => {
  test('is what it does to the instance', () => {
    assert.deepEqual(entryOf('strict_mode'), [
      'version: 2',
      'accept: false',
      'announcements: { refresh: off, other_master: { repeat: 0 } }',
    ]);
    assert.deepEqual(entryOf('', 'global_defs {\n vrrp_strict\n}\n'), entryOf('strict_mode'));
    assert.deepEqual(entryOf('strict_mode off', 'global_defs {\n vrrp_strict\n}\n'), USUAL);
    assert.ok(entryOf('strict_mode\nversion 3\naccept').includes('accept: true'));
    assert.ok(!entryOf('strict_mode\npriority 255').some((line) => line.startsWith('accept')));
  });

  test('no_accept closes the addresses of whoever is not their owner', () => {
    assert.ok(entryOf('no_accept').includes('accept: false'));
    assert.match(notes('no_accept\npriority 255')[0] ?? '', /^no_effect no_accept: the owner/);
  });
});

describe('the virtual MAC', () => {
  test('with a name, and without what lbd has not', () => {
    assert.ok(entryOf('use_vmac').includes('use_vmac: true'));
    assert.ok(entryOf('use_vmac vip0').includes('use_vmac: { name: vip0 }'));
    assert.match(notes('use_vmac 02:00:00:00:00:01')[0] ?? '', /^refused use_vmac .*that of the RFC/);
    assert.match(notes('use_vmac\nunicast_peer {\n 192.0.2.3\n}')[0] ?? '', /^refused use_vmac: .*to the group alone/);
  });

  test('the default name of two instances with one VRID is the name of one', () => {
    const one = (name: string, dev: string) =>
      `vrrp_instance ${name} {\n interface ${dev}\n virtual_router_id 5\n use_vmac\n virtual_ipaddress {\n  192.0.2.${dev.length}${dev.at(-1)}\n }\n}\n`;
    const text = yamlOf(one('A', 'eth0') + one('B', 'eth1'));
    assert.match(text, /use_vmac: true\n/);
    assert.match(text, /use_vmac: \{ name: vrrp\.5\.1 \}\n/);
  });
});

describe('programs', () => {
  test('of each state, with the words that keepalived puts behind those of notify', () => {
    const text = yamlOf(instance('notify_master "/etc/m.sh a \'b c\'"\nnotify_stop stop.sh nobody nogroup\nnotify /etc/n.sh'));
    assert.match(text, /- \{ command: \[ \/etc\/m\.sh, a, b c \], states: \[ master \] \}\n/);
    assert.match(text, /- \{ command: \[ \/usr\/bin\/env, stop\.sh \], states: \[ stopped \], user: nobody \}\n/);
    assert.match(text, /- \{ command: \[ \/etc\/n\.sh, INSTANCE, "\{name\}", "\{STATE\}", "\{priority\}" \] \}\n/);
    assert.match(notes('notify_master "/etc/m.sh > /tmp/m" nobody')[0] ?? '', /^changed .*no shell: the program gets > like/);
    const told = notes('notify_stop stop.sh nobody nogroup\nnotify_stop again');
    assert.match(told[0] ?? '', /^changed notify_stop .*kills it after 60s.*group of nobody, not with nogroup/);
    assert.match(told[1] ?? '', /^refused notify_stop again: .*notify_stop was said before/);
  });

  test('script_user is whose they are; without it root, which is told', () => {
    assert.match(yamlOf(instance('notify /etc/n.sh', 'global_defs {\n script_user nobody\n}\n')), /user: nobody \}/);
    assert.match(notes('notify_fault /etc/n.sh')[0] ?? '', /keepalived_script.*here it is root/);
  });
});

describe('instances that cannot be', () => {
  test('one that is its own and only peer', () => {
    const lines = 'unicast_src_ip 192.0.2.2\nunicast_peer {\n 192.0.2.2\n}';
    const { told } = imported(`${instance(lines)}vrrp_instance VI_2 {\n interface eth1\n virtual_router_id 1\n}\n`);
    assert.match((told[0]?.texts ?? []).join('; '), /its only peer is this director itself/);
  });

  test('answers that no_accept would drop: the route has another source', () => {
    const route = 'virtual_routes {\n src 192.0.2.10 to 198.51.100.0/24 via 192.0.2.254\n}';
    assert.ok(entryOf(`no_accept\n${route}`).includes('virtual_routes: [ { to: 198.51.100.0/24, via: 192.0.2.254 } ]'));
    assert.match(notes(`no_accept\n${route}`)[0] ?? '', /^refused src .*answers would come to an address that no_accept closes/);
    assert.ok(entryOf(route).some((line) => line.includes('source: 192.0.2.10')));
  });

  test('are refused whole, and the others stay', () => {
    const two = instance(
      '',
      'vrrp_instance VI_0 {\n interface eth0\n virtual_router_id 51\n}\nvrrp_instance VI_9 {\n interface eth0\n}\n',
    );
    const { yaml, told } = imported(`${two}vrrp_instance VI_1 {\n interface eth1\n virtual_router_id 1\n}\n`);
    assert.deepEqual(
      [...(yaml ?? '').matchAll(/ name: (\w+)/g)].map((one) => one[1]),
      ['VI_0'],
    );
    const blocks = told
      .filter(({ words }) => words.startsWith('vrrp_instance'))
      .map(({ outcome, texts }) => `${outcome}: ${texts}`);
    assert.match(blocks[1] ?? '', /^refused: a vrrp_instance needs a virtual_router_id/);
    assert.match(blocks[2] ?? '', /^refused: VI_0 has virtual_router_id 51 on eth0 already/);
  });

  test('names that lbd does not take are like them', () => {
    const text = yamlOf(
      'vrrp_instance web/a {\n interface eth0\n virtual_router_id 1\n}\nvrrp_instance auto {\n interface eth1\n virtual_router_id 1\n}\n',
    );
    assert.match(text, /name: web_a,/);
    assert.match(text, /name: auto-2,/);
  });
});
