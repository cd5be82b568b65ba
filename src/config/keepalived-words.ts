/** What keepalived's words are called here: its users write them first. */

type Meaning = readonly [key: string, how: string];

const same = (key: string): Meaning => [key, `"${key}"`];

/** By the word: the key that must be one of the mapping, and how it is written. */
const MEANINGS: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ['global_defs', same('global')],
  ['vrrp_sync_group', same('sync_groups')],
  ['vrrp_script', same('scripts')],
  ['virtual_ipaddress', same('virtual_addresses')],
  ['virtual_ipaddress_excluded', same('excluded_addresses')],
  ['lvs_id', same('router_id')],
  ['lvs_sync_daemon', same('connection_sync')],
  ['lvs_timeouts', same('timeouts')],
  ['lb_kind', same('forward')],
  ['lvs_method', same('forward')],
  ['lb_algo', same('scheduler')],
  ['lvs_sched', same('scheduler')],
  ['sh-port', ['scheduler_flags', '"scheduler_flags: [ sh-port ]"']],
  ['sh-fallback', ['scheduler_flags', '"scheduler_flags: [ sh-fallback ]"']],
  ['mh-port', ['scheduler_flags', '"scheduler_flags: [ mh-port ]"']],
  ['mh-fallback', ['scheduler_flags', '"scheduler_flags: [ mh-fallback ]"']],
  ['ops', same('one_packet')],
  ['persistence_timeout', ['persistence', '"persistence: 5m"']],
  ['persistence_granularity', ['persistence', '"persistence: { prefix: 24 }"']],
  ['persistence_engine', ['persistence', '"persistence: { engine: sip }"']],
  ['ip_family', same('family')],
  ['delay_loop', ['check', '"check: { interval: 6s }"']],
  ['delay_before_retry', ['check', '"check: { interval_changing: 1s }"']],
  ['retry', ['fall', '"fall", which counts the first failure too']],
  ['nb_get_retry', ['fall', '"fall", which counts the first failure too']],
  ['connect_timeout', same('timeout')],
  ['connect_port', same('port')],
  ['connect_ip', same('address')],
  ['bindto', same('source')],
  ['status_code', ['status', '"status: [ 200 ]"']],
  ['misc_path', same('command')],
  ['uthreshold', same('upper')],
  ['lthreshold', same('lower')],
  ['inhibit_on_failure', ['weight', '"on_failure: quiesce" of the virtual server']],
  ['lvs_weight', same('weight')],
  ['state', ['priority', 'decided by "priority" alone']],
  ['advert_int', same('advert_interval')],
  ['nopreempt', ['preempt', '"preempt: false"']],
  ['preempt_delay', ['preempt', '"preempt: { delay: 60s }"']],
  ['native_ipv6', ['virtual_addresses', 'decided by the addresses']],
  ['unicast_peer', ['unicast', '"unicast: { peers: [ … ] }"']],
  ['unicast_src_ip', ['unicast', '"unicast: { source: … }"']],
  ['mcast_src_ip', ['unicast', 'the address of the interface']],
  ['track_interface', ['track', '"track: { interfaces: [ … ] }"']],
  ['track_script', ['track', '"track: { scripts: [ … ] }"']],
  ['track_process', ['track', '"track: { processes: [ … ] }"']],
  ['track_file', ['track', '"track: { files: [ … ] }"']],
  ['auth_type', same('type')],
  ['auth_pass', same('password')],
  ...['notify_master', 'notify_backup', 'notify_fault', 'notify_stop'].map((word): [string, Meaning] => [
    word,
    ['notify', '"notify: [ { command: [ … ], states: [ … ] } ]"'],
  ]),
  ...['garp_master_delay', 'garp_master_repeat', 'garp_master_refresh', 'garp_lower_prio_repeat'].map(
    (word): [string, Meaning] => [word, same('announcements')],
  ),
]);

/** `: keepalived's lb_kind is "forward"`; undefined where the word means nothing among these keys. */
export function keepalivedWord(word: string, known: readonly string[]): string | undefined {
  const [key, how] = MEANINGS.get(word.toLowerCase()) ?? [];
  return key !== undefined && known.includes(key) ? `: keepalived's ${word} is ${how}` : undefined;
}
