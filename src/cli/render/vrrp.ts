/** `vrrp`: each instance with its master, addresses, counters and refused adverts. */
import type { ApiInstance } from '../../control/api.js';
import { signingText } from '../../control/signing-text.js';
import { age, type Column, line, type Row, type Style, styled, table, tableOf, times, type View } from './text.js';

const STATE_STYLE: Readonly<Record<string, Style>> = { master: 'green', fault: 'red', init: 'yellow', leaving: 'yellow' };

const priorityText = ({ priority, effective_priority }: ApiInstance): string =>
  priority === effective_priority ? String(priority) : `${effective_priority} of ${priority}`;

function masterText({ state, master }: ApiInstance): string {
  if (state === 'master') return 'this director';
  return master ? `${master.address} (${master.priority}), heard ${age(master.last_advert_seconds)} ago` : '-';
}

function addressText({ addresses }: ApiInstance): string {
  const held = addresses.filter((one) => one.held).length;
  const list = addresses.map((one) => one.address).join(' ');
  if (addresses.length === 0) return '-';
  return held === addresses.length ? `holds ${list}` : held === 0 ? `without ${list}` : `holds ${held} of ${list}`;
}

const COLUMNS: readonly Column<ApiInstance>[] = [
  { head: 'INSTANCE', cell: ({ name }) => name },
  { head: 'STATE', cell: ({ state }) => styled(state, STATE_STYLE[state]) },
  { head: 'FOR', cell: ({ since_seconds: since }) => age(since), right: true },
  { head: 'PRIORITY', cell: priorityText, right: true, spare: 1 },
  { head: 'ADDRESSES', cell: addressText },
  { head: 'MASTER', cell: masterText },
  { head: 'INTERFACE', cell: (one) => one.interface, spare: 2 },
  { head: 'VRID', cell: (one) => String(one.virtual_router_id), right: true, spare: 3 },
  { head: 'WHY', cell: ({ reason }) => reason, spare: 4 },
];

/** One line an instance; also part of `status`. */
export function instanceTable(view: View, instances: readonly ApiInstance[]): string {
  return tableOf(view, COLUMNS, instances, 2);
}

/** Of senders beside the last one. */
function sendersText({ senders }: ApiInstance['rejected'][number]): string {
  const others = senders.slice(1).map((one) => `${one.address} ${one.count} x`);
  return others.length > 0 ? `; also ${others.join(', ')}` : '';
}

const latenessText = ({ lateness: { p50_ms: p50, p99_ms: p99, last_minute_ms: recent, max_ms: most } }: ApiInstance): string =>
  `  own adverts late: half at most ${p50} ms, 99 % ${p99} ms; in the last minute ${recent} ms, ever ${most} ms`;

const VERIFY_STYLE: Readonly<Record<string, Style>> = { verified: 'green', failed: 'red', impossible: 'yellow' };

function acceptText({ accept, accept_problem: problem }: ApiInstance): readonly [string, Style | undefined] | undefined {
  if (problem !== null) return [`  accept: false is not kept: ${problem}`, 'red'];
  return accept ? undefined : ['  accept: false: packets to its addresses are dropped, but what IPVS takes', undefined];
}

/** What is good to know, or bad; what was never asked for is not told. */
function watched(view: View, one: ApiInstance): string {
  const { verify, text } = one.announcements;
  const accept = acceptText(one);
  return [
    ...one.rivals.map((rival) => line(view, styled(`  two masters for ${age(rival.since_seconds)}: `, 'red'), rival.text)),
    one.signing ? line(view, `  ${signingText(one.signing)}`) : '',
    one.lateness.adverts > 0 ? line(view, latenessText(one)) : '',
    accept ? line(view, styled(...accept)) : '',
    verify === 'off' ? '' : line(view, '  announcements ', styled(verify, VERIFY_STYLE[verify]), `: ${text}`),
  ].join('');
}

function preemptText({ stands_down: standsDown, preempt, takes_over_in_seconds: wait, waits_for: what }: ApiInstance): string {
  if (standsDown) return 'stands down by order';
  if (!preempt) return 'does not preempt';
  if (wait === null) return 'preempts';
  return what === null ? `preempts in ${age(wait)}` : `preempts when it has the connections, or in ${age(wait)} (${what})`;
}

/** What a master has: its addresses, and all that goes with them. */
function heldRows({ addresses, paths, virtual_mac: mac }: ApiInstance): Row[] {
  const row = (what: string, good: boolean, word: string, note: string): Row => [
    what,
    styled(word, good ? 'green' : undefined),
    ...(note === '' ? [] : [note]),
  ];
  return [
    ...addresses.map(({ address, held, advertised }) =>
      row(address, held, held ? 'held' : 'not held', advertised ? '' : 'not advertised'),
    ),
    ...(mac ? [row(`interface ${mac.interface}`, mac.up, mac.up ? 'up' : mac.there ? 'down' : 'not there', mac.mac)] : []),
    ...paths.map(({ what, there, text }) => row(what, there, there ? 'there' : 'not there', text)),
  ];
}

/** Nothing is cut: this is where everything of an instance is read. */
function instanceBlock(cutting: View, one: ApiInstance): string {
  const view = { ...cutting, width: undefined };
  const held = heldRows(one);
  const tracked = one.tracked.map(
    ({ what, state, since_seconds, effect, text }): Row => [
      what,
      styled(state, state === 'down' ? 'red' : state === 'up' ? 'green' : 'yellow'),
      age(since_seconds),
      styled(effect, effect === 'FAULT' ? 'red' : undefined),
      text,
    ],
  );
  const rejected = one.rejected.map(
    (item): Row => [`${item.count} x`, item.reason, `last from ${item.from} ${age(item.last_seconds)} ago${sendersText(item)}`],
  );
  return [
    line(
      view,
      styled(one.name, 'bold'),
      '  ',
      styled(one.state, STATE_STYLE[one.state]),
      ` for ${age(one.since_seconds)}: ${one.reason}`,
    ),
    line(
      view,
      `  VRRPv${one.version} ${one.family} on ${one.interface}, VRID ${one.virtual_router_id}, advert every ${one.advert_interval_ms} ms`,
    ),
    line(
      view,
      `  priority ${priorityText(one)}, ${preemptText(one)}; master: ${masterText(one)}${one.group === null ? '' : `; sync group ${one.group}`}`,
    ),
    line(view, `  adverts sent ${one.adverts_sent}, received ${one.adverts_received}; became master ${times(one.became_master)}`),
    watched(view, one),
    one.addresses.length === 0 ? line(view, '  without addresses: its adverts name none') : '',
    table(view, held, { indent: 4 }),
    tracked.length > 0 ? line(view, '  tracks:') + table(view, tracked, { indent: 4, right: [2, 3] }) : '',
    one.weights_problem === null ? '' : line(view, styled('  weights of no use: ', 'yellow'), one.weights_problem),
    rejected.length > 0
      ? line(view, styled('  adverts refused:', 'yellow')) + table(view, rejected, { indent: 4, right: [0] })
      : '',
  ].join('');
}

export function renderVrrp(view: View, instances: readonly ApiInstance[]): string {
  if (instances.length === 0) return line(view, 'no VRRP instance');
  return instances.map((one) => instanceBlock(view, one)).join('\n');
}
