/** global_defs: what lbd has of it, and what stands in for the rest. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imported, notesOf, yamlOf } from '../../../fake/imported.js';

const INSTANCE = 'vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n}\n';
const globals = (lines: string): string => `global_defs {\n${lines}\n}\n${INSTANCE}`;
const notes = (lines: string): string[] => notesOf(imported(globals(lines)));
const head = (lines: string): string => yamlOf(globals(lines)).split('vrrp_instances:')[0]?.trim() ?? '';

test('the name of the director, and what a stop does', () => {
  assert.equal(head('router_id d1 # here'), 'global:\n  router_id: d1 # here');
  assert.equal(head('lvs_flush_on_stop VS'), 'global:\n  on_stop: remove');
  assert.match(notes('lvs_flush_on_stop')[0] ?? '', /^changed lvs_flush_on_stop: .*leaves those of others/);
  assert.deepEqual(notes('lvs_flush_onstop VS'), []);
});

test('timeouts, of which 0 is what the kernel has', () => {
  assert.equal(head('lvs_timeouts tcp 7200 tcpfin 0 udp 90'), 'timeouts:\n  tcp: 2h\n  udp: 90s');
  assert.equal(head('lvs_timeouts tcp 0'), '');
  assert.match(notes('lvs_timeouts sctp 5')[0] ?? '', /^refused lvs_timeouts sctp 5: sctp 5: keepalived passes over it/);
});

test('the sync daemon in all its forms', () => {
  const sync = (words: string) => head(`lvs_sync_daemon ${words}`).replace(/\n */g, ' ');
  assert.equal(sync('eth1'), 'connection_sync: interface: eth1');
  assert.equal(sync('eth1 VI_1'), 'connection_sync: interface: eth1 follow: VI_1');
  assert.equal(sync('eth1 VI_1 7'), 'connection_sync: interface: eth1 follow: VI_1 id: 7');
  assert.equal(
    sync('eth1 inst VI_1 id 0 maxlen 1400 port 8849 ttl 2 group 224.0.1.5'),
    'connection_sync: interface: eth1 follow: VI_1 id: 0 group: 224.0.1.5 port: 8849 ttl: 2 maxlen: 1400',
  );
  assert.match(notes('lvs_sync_daemon eth1 VI_9')[0] ?? '', /^refused lvs_sync_daemon eth1 VI_9: there is no vrrp_instance VI_9/);
  assert.match(notes('lvs_sync_daemon eth1 VI_1 ttl 300').join(), /refused lvs_sync_daemon .*ttl is a whole number/);
  const old = `vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n lvs_sync_daemon_interface eth1\n}\n`;
  assert.match(yamlOf(old), /connection_sync:\n {2}interface: eth1\n {2}follow: VI_1\n/);
  assert.match(
    notesOf(imported(`global_defs {\n lvs_sync_daemon eth2\n}\n${old}`))[0] ?? '',
    /^refused lvs_sync_daemon_interface eth1: .*said before/,
  );
});

test('what is the default of lbd anyway has no effect, another value is refused', () => {
  assert.match(notes('vrrp_mcast_group4 224.0.0.18')[0] ?? '', /^no_effect/);
  assert.match(notes('vrrp_mcast_group4 224.0.0.19')[0] ?? '', /^refused .*unicast: \{ peers/);
  assert.match(notes('vrrp_mcast_group6 ff02::13')[0] ?? '', /^refused/);
  assert.match(notes('vrrp_down_timer_adverts 3')[0] ?? '', /^no_effect/);
  assert.match(notes('vrrp_down_timer_adverts 5')[0] ?? '', /^refused .*advert_interval/);
  assert.match(notes('smtp_alert off')[0] ?? '', /^no_effect smtp_alert off: it asks for what lbd does anyway/);
  assert.match(notes('vrrp_higher_prio_send_advert')[0] ?? '', /^refused/);
});

test('mail, SNMP, D-Bus, FIFOs and priorities of processes: each names what does it here', () => {
  for (const [lines, cure] of [
    ['notification_email {\n a@example.com\n}', 'lbctl events'],
    ['smtp_alert', 'notify'],
    ['enable_snmp_vrrp', 'global.http'],
    ['enable_dbus', 'lbctl events'],
    ['notify_fifo /run/f', 'lbctl events'],
    ['vrrp_priority -5', 'Nice='],
    ['startup_script /x', 'ExecStartPre='],
    ['vrrp_startup_delay 5', 'failback'],
  ] as const) {
    const told = notes(lines);
    assert.ok(told.length > 0 && told.every((one) => one.startsWith('refused') && one.includes(cure)), told.join('\n'));
  }
});

test('blocks of the host are refused, and every line in them', () => {
  const { told } = imported(`static_ipaddress {\n 192.0.2.9/24 dev eth0\n}\nnet_namespace blue\n${INSTANCE}`);
  assert.deepEqual(
    told.slice(0, 3).map(({ words, outcome }) => `${outcome} ${words}`),
    ['refused static_ipaddress', 'refused 192.0.2.9/24 dev eth0', 'refused net_namespace blue'],
  );
});

test('several blocks are one, and comments stay', () => {
  const text = `# of all\nglobal_defs {\n # its name\n router_id d1\n # end\n}\nglobal_defs {\n # no more mail\n smtp_server x\n}\n${INSTANCE}`;
  assert.equal(
    yamlOf(text).split('vrrp_instances:')[0]?.trim(),
    '# of all\nglobal:\n  # its name\n  router_id: d1\n  # end\n  # no more mail\n  # not carried over: "smtp_server x": this version of lbd sends no mail: have a program of vrrp_instances.notify send it, or read lbctl events -f',
  );
});
