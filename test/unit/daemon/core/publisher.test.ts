/** What core tells the check process: of what is the same, nothing. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConfig } from '../../../../src/config/parse.js';
import type { Config } from '../../../../src/config/types.js';
import { createPublisher } from '../../../../src/daemon/core/publisher.js';
import type { Supervisor } from '../../../../src/daemon/core/supervisor.js';
import type { Wanted } from '../../../../src/daemon/core/wanted.js';
import { buildIntent } from '../../../../src/intent/merge.js';
import { reuse } from '../../../../src/intent/reuse.js';

interface Sent {
  readonly type: string;
  readonly watches?: readonly { readonly key: string }[];
  readonly roles?: Readonly<Record<string, string>>;
  readonly services?: readonly { readonly name: string }[];
  readonly names?: readonly string[];
  readonly rest?: { readonly onStop: string; readonly carriers: readonly { readonly name: string }[] };
}

const service = (name: string, host: number): string =>
  `  - { name: ${name}, address: "192.0.2.${host}:80", real_servers: [ { address: "10.0.0.${host}:80" } ] }\n`;
const instance =
  'vrrp_instances:\n  - { name: VI_1, interface: eth0, virtual_router_id: 51, virtual_addresses: [ 192.0.2.1/24 ] }\n';

/** A core whose configuration is these texts, one after the other. */
function core() {
  const sent: Sent[] = [];
  let config: Config | undefined;
  let intent: ReturnType<typeof buildIntent>['intent'] | undefined;
  const child = (list: object[]) =>
    ({
      send: (message: object) => void list.push(message),
      start: () => {
        started ||= list === sent;
      },
      state: () => ({ state: 'running' }),
    }) as unknown as Supervisor;
  const toVrrp: {
    type: string;
    instances?: readonly { readonly name: string; readonly priority: number; readonly track?: readonly { name: string }[] }[];
    readings?: object;
  }[] = [];
  let started = false;
  const [check, vrrp] = [child(sent), child(toVrrp)];
  const publisher = createPublisher({
    wanted: () => ({ config: () => config, intent: () => intent, keys: () => ({}) }) as unknown as Wanted,
    check: () => check,
    vrrp: () => vrrp,
  });
  return {
    publisher,
    toVrrp,
    /** The check process was. */
    started: () => started,
    /** `VI_1 100`, as the vrrp process was last told. */
    priorities: () => toVrrp.findLast((one) => one.instances)?.instances?.map(({ name, priority }) => `${name} ${priority}`),
    /** What the check process is told. */
    reload(services: string, more = ''): Sent[] {
      const parsed = parseConfig('f.yaml', `virtual_servers:\n${services}${more}`);
      assert.ok(parsed.config, JSON.stringify(parsed.problems));
      config = config ? reuse(config, parsed.config) : parsed.config;
      intent = buildIntent(config, [], 1).intent;
      publisher.all(intent);
      return sent.splice(0);
    },
    sent,
  };
}

const namesOf = (list: readonly { readonly name: string }[] | undefined) => list?.map(({ name }) => name);
const [A, B, C] = [service('a', 1), service('b', 2), service('c', 3)];

describe('the publisher', () => {
  test('tells everything first, then what is other than before', () => {
    const { reload } = core();
    const [first] = reload(A + B);
    assert.deepEqual([first?.type, namesOf(first?.services)], ['configure', ['a', 'b']]);
    assert.deepEqual(reload(A + B), []);
    const told = (sent: readonly Sent[]) => sent.map(({ type, services, names, rest }) => [type, namesOf(services), names, rest]);
    assert.deepEqual(told(reload(A + service('b', 9))), [['update', ['b'], undefined, undefined]]);
    assert.deepEqual(told(reload(A + service('b', 9) + C)), [['update', ['c'], ['a', 'b', 'c'], undefined]]);
    assert.deepEqual(told(reload(C + A)), [['update', [], ['c', 'a'], undefined]]);
  });

  test('a VRRP instance, or what concerns all services, is told without the services', () => {
    const { reload } = core();
    reload(A + B);
    const [told] = reload(A + B, instance);
    assert.deepEqual(
      [told?.type, told?.services, told?.names, namesOf(told?.rest?.carriers)],
      ['update', [], undefined, ['VI_1']],
    );
    assert.equal(reload(A + B, `${instance}global: { on_stop: remove }\n`)[0]?.rest?.onStop, 'remove');
    assert.equal(reload(A + B, `${instance}global: { on_stop: remove }\ntimeouts: { udp: 5s }\n`).length, 1);
    assert.deepEqual(reload(A + B, `${instance}global: { on_stop: remove }\ntimeouts: { udp: 5s }\n`), []);
  });

  test('a director that suspects itself has the least priority, an owner its own; until it is well or its checks begin anew', () => {
    const one = core();
    const owner =
      '  - { name: OWN, interface: eth1, virtual_router_id: 52, priority: 255, virtual_addresses: [ 192.0.2.2/24 ] }\n';
    one.reload(service('a', 10), instance + owner);
    const [own, least] = [
      ['VI_1 100', 'OWN 255'],
      ['VI_1 1', 'OWN 255'],
    ];
    assert.deepEqual(one.priorities(), own);
    one.publisher.yield(true);
    assert.deepEqual(one.priorities(), least);
    one.reload(service('a', 11), instance + owner);
    assert.deepEqual(one.priorities(), least);
    one.publisher.yield(false);
    assert.deepEqual(one.priorities(), own);
    one.publisher.yield(true);
    one.publisher.toCheck();
    assert.deepEqual(one.priorities(), own);
  });

  const tracking = (list: string) => `${instance.slice(0, -3)}, track: { ${list} } }\n`;
  const script = 'scripts: [ { name: s, command: [ /bin/true ] } ]\n';
  const watched = (sent: readonly Sent[]) => sent.map(({ type, watches }) => [type, watches?.map(({ key }) => key)]);

  test('without a virtual server the check process runs for what instances track, and hears of nothing else', () => {
    const one = core();
    assert.deepEqual(one.reload(' []\n', instance), []);
    assert.deepEqual([one.started(), one.publisher.pooled()], [false, false]);
    assert.deepEqual(watched(one.reload(' []\n', tracking('scripts: [ { name: s } ]') + script)), [['watch', ['script s']]]);
    assert.deepEqual([one.started(), one.publisher.pooled()], [true, false]);
    assert.deepEqual(one.reload(' []\n', tracking('scripts: [ { name: s, weight: 5 } ]') + script), []);
    one.publisher.toCheck();
    assert.deepEqual(watched(one.sent.splice(0)), [['watch', ['script s']]]);
    const both = one.reload(
      service('a', 1),
      tracking('virtual_servers: [ { name: a } ], interfaces: [ { name: eth9 } ]') + script,
    );
    // What begins with a first virtual server is told what to watch too.
    assert.deepEqual(watched(both), [
      ['watch', ['virtual server a']],
      ['configure', undefined],
    ]);
    assert.equal(one.publisher.pooled(), true);
    assert.deepEqual(
      watched(one.reload(service('a', 1), instance)).filter(([type]) => type === 'watch'),
      [['watch', []]],
    );
  });

  test('a vrrp process that begins hears what was found last, as far as it is still tracked', () => {
    const one = core();
    one.reload(service('a', 1), tracking('scripts: [ { name: s } ], files: [ { path: /run/f } ]') + script);
    one.publisher.watched({ 'script s': { value: 1, text: 'x' }, 'file /run/f': { value: 3, text: 'it says 3' } });
    one.publisher.watched({ 'script s': { value: 0, text: 'y' } });
    one.reload(service('a', 1), tracking('scripts: [ { name: s } ]') + script);
    one.toVrrp.length = 0;
    one.publisher.toVrrp();
    assert.deepEqual(
      one.toVrrp.map(({ type, readings }) => [type, readings]),
      [
        ['gate', undefined],
        ['watched', { 'script s': { value: 0, text: 'y' } }],
        ['configure', undefined],
      ],
    );
  });

  test('an instance that stands back is not raised again by what it tracks', () => {
    const one = core();
    one.reload(service('a', 1), tracking('scripts: [ { name: s, weight: 50 } ], interfaces: [ { name: eth9 } ]') + script);
    one.publisher.yield(true);
    const [told] = one.toVrrp.findLast((each) => each.instances)?.instances ?? [];
    assert.deepEqual([told?.priority, told?.track?.map(({ name }) => name)], [1, ['eth9']]);
  });

  test('an instance in fault whose network is there keeps no check from counting', () => {
    const one = core();
    one.reload(A, instance);
    one.publisher.roles({ VI_1: 'fault', VI_2: 'fault' }, ['VI_2']);
    assert.deepEqual(one.sent.at(-1)?.roles, { VI_1: 'fault', VI_2: 'backup' });
  });

  test('a check process that begins is told everything', () => {
    const { reload, publisher, sent } = core();
    reload(A + B);
    publisher.toCheck();
    assert.deepEqual([sent[0]?.type, namesOf(sent[0]?.services)], ['configure', ['a', 'b']]);
  });
});
