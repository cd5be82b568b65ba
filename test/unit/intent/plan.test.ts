import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConfig } from '../../../src/config/parse.js';
import { decideBatch, describeBatch } from '../../../src/intent/batch.js';
import { guardFault } from '../../../src/intent/guard.js';
import { buildIntent } from '../../../src/intent/merge.js';
import { objectChanges } from '../../../src/intent/plan.js';
import { overrideChanges, overridesAt, type Revision, withRevision } from '../../../src/intent/revisions.js';
import type { Override } from '../../../src/intent/types.js';

const SERVICE = (name: string, host: number, more = '') =>
  `  - { name: ${name}, address: "192.0.2.${host}:80", ${more} real_servers: [ { address: 10.0.0.1, weight: 10 }, { address: 10.0.0.2 } ] }\n`;
const INSTANCE = (name: string, vrid: number, priority = 100) =>
  `  - { name: ${name}, interface: eth0, virtual_router_id: ${vrid}, priority: ${priority}, virtual_addresses: [ 192.0.2.${vrid}/24 ] }\n`;

function configOf(text: string) {
  const { config, problems } = parseConfig('f.yaml', text, { env: {} });
  assert.ok(config, JSON.stringify(problems));
  return config;
}
const intentOf = (text: string) => buildIntent(configOf(text), [], 1).intent;
const text = (services: string, instances = INSTANCE('VI_1', 51)) => `virtual_servers:\n${services}vrrp_instances:\n${instances}`;

describe('what another configuration would change', () => {
  const before = intentOf(text(SERVICE('web', 10) + SERVICE('dns', 11)));

  test('without passwords: who may look at a plan may not have them', () => {
    const withPassword = (password: string) =>
      intentOf(
        text(
          SERVICE('web', 10),
          INSTANCE('VI_1', 51).replace(' }\n', `, authentication: { type: pass, password: "${password}" }, version: 2 }\n`),
        ),
      );
    const told = JSON.stringify([
      ...objectChanges(withPassword('s3cret-1'), withPassword('s3cret-2')),
      ...objectChanges(before, withPassword('s3cret-1')),
    ]);
    assert.match(told, /password/);
    assert.doesNotMatch(told, /s3cret/);
  });

  test('is told object by object, with what is other', () => {
    const after = intentOf(
      text(
        '  - { name: web, address: ["192.0.2.10:80", "192.0.2.12:80"], scheduler: wrr, quorum: 2, real_servers: [ { address: 10.0.0.1, weight: 5 }, { address: 10.0.0.9 } ] }\n' +
          SERVICE('mail', 13),
        INSTANCE('VI_1', 51, 150) + INSTANCE('VI_2', 52),
      ),
    );
    assert.deepEqual(objectChanges(before, after), [
      {
        object: 'virtual server web',
        change: 'changed',
        details: [
          'address: tcp/192.0.2.10:80 -> tcp/192.0.2.10:80, tcp/192.0.2.12:80',
          'scheduler: wlc -> wrr',
          'quorum: 1 -> 2',
          'real server 10.0.0.1:80: weight: 10 -> 5',
          'real server 10.0.0.9:80 added, weight 1, nat',
          'real server 10.0.0.2:80 removed',
        ],
      },
      {
        object: 'virtual server mail',
        change: 'added',
        details: [
          'tcp/192.0.2.13:80, wlc, nat',
          'real server 10.0.0.1:80 added, weight 10, nat',
          'real server 10.0.0.2:80 added, weight 1, nat',
        ],
      },
      { object: 'virtual server dns', change: 'removed', details: [] },
      { object: 'VRRP instance VI_1', change: 'changed', details: ['priority: 100 -> 150'] },
      { object: 'VRRP instance VI_2', change: 'added', details: ['address 192.0.2.52/24'] },
    ]);
  });

  test('is nothing where nothing is other, whoever said it', () => {
    assert.deepEqual(objectChanges(before, intentOf(text(SERVICE('web', 10) + SERVICE('dns', 11)))), []);
  });

  test('sections have their own line', () => {
    const after = intentOf(`timeouts: { tcp: 10m }\n${text(SERVICE('web', 10) + SERVICE('dns', 11))}`);
    assert.deepEqual(
      objectChanges(before, after).map(({ object, change }) => `${object} ${change}`),
      ['timeouts changed'],
    );
  });
});

describe('the guard', () => {
  const four = intentOf(text([10, 11, 12, 13].map((host) => SERVICE(`s${host}`, host)).join('')));
  const left = (...hosts: number[]) =>
    intentOf(text(hosts.map((host) => SERVICE(`s${host}`, host)).join('') + SERVICE('own', 9)));
  test('lets a share go, and no more', () => {
    assert.equal(guardFault(four, left(10, 11), 50), undefined);
    assert.match(guardFault(four, left(10), 50) ?? '', /removes 3 of 4 virtual servers/);
    assert.equal(guardFault(four, left(), 100), undefined);
    assert.match(guardFault(four, left(10, 11, 12), 0) ?? '', /1 of 4/);
  });
  test('a name alone is no removal, an instance is one', () => {
    const renamed = intentOf(text([10, 11, 12, 13].map((host) => SERVICE(`t${host}`, host)).join(''), INSTANCE('OTHER', 51)));
    assert.equal(guardFault(four, renamed, 0), undefined);
    const without = intentOf(`virtual_servers:\n${[10, 11, 12, 13].map((host) => SERVICE(`s${host}`, host)).join('')}`);
    assert.match(guardFault(four, without, 50) ?? '', /the only VRRP instance/);
  });
});

const override = (id: number, weight = 1): Override => ({
  id,
  who: 'ann',
  when: '2026-01-01T00:00:00.000Z',
  why: '',
  change: { kind: 'set-rs', service: 'web', address: '10.0.0.1', port: 80, weight: { kind: 'absolute', weight } },
});

describe('revisions', () => {
  test('lead back to every list of overrides that there was', () => {
    const lists = [[], [override(1)], [override(1), override(2)], [override(1, 7), override(2)], [override(2)], [override(5)]];
    let kept: readonly Revision[] = [];
    for (const [i, list] of lists.entries()) {
      const changes = overrideChanges(lists[i - 1] ?? [], list);
      kept = withRevision(kept, { revision: i + 1, when: '', kind: 'change', who: '', why: '', text: '', files: [], ...changes });
    }
    for (const [i, list] of lists.entries()) assert.deepEqual(overridesAt(kept, lists.at(-1) ?? [], i + 1), list, `${i + 1}`);
    assert.equal(overridesAt(kept, [], 9), undefined);
  });

  test('one that never counted is taken over by the next of its number; behind a gap nothing is known', () => {
    const at = (revision: number, who = ''): Revision => {
      return { revision, when: '', kind: 'change', who, why: '', text: '', files: [], removed: [], added: [] };
    };
    const kept = [1, 2, 3].reduce((list: Revision[], n) => withRevision(list, at(n)), []);
    assert.deepEqual(
      withRevision(kept, at(3, 'bob')).map(({ revision, who }) => `${revision}${who}`),
      ['1', '2', '3bob'],
    );
    assert.deepEqual(
      withRevision(kept, at(5)).map(({ revision }) => revision),
      [5],
    );
  });
});

describe('a batch', () => {
  const config = configOf(text(SERVICE('web', 10)));
  const provenance = { id: 7, who: 'ann', when: '2026-01-01T00:00:00.000Z', why: '' };
  test('later changes stand on earlier ones, and each has a number of its own', () => {
    const batch = decideBatch(
      config,
      [],
      [
        { kind: 'add-rs', service: 'web', rs: '10.0.0.9:80' },
        { kind: 'set-rs', service: 'web', rs: '10.0.0.9:80', weight: '4' },
      ],
      provenance,
    );
    assert.ok('overrides' in batch);
    assert.deepEqual(
      batch.overrides.map(({ id, change }) => `${id} ${change.kind}`),
      ['7 add-rs', '8 set-rs'],
    );
    assert.match(describeBatch(batch), /^2 changes: added 10\.0\.0\.9:80.*; weight of 10\.0\.0\.9:80/);
    const many = { ...batch, decided: Array.from({ length: 300 }, () => batch.decided[0] as (typeof batch.decided)[0]) };
    assert.match(describeBatch(many), /^300 changes: (added 10\.0\.0\.9:80[^;]*; ){10}and 290 more$/);
  });

  test('a thousand servers of one service are decided in a moment: nothing else is answered meanwhile', () => {
    const requests = Array.from({ length: 1000 }, (_, i) => {
      return { kind: 'add-rs', service: 'web', rs: `10.1.${i >> 8}.${i & 255}:80` } as const;
    });
    const began = performance.now();
    const batch = decideBatch(config, [], requests, provenance);
    assert.ok('overrides' in batch);
    const ms = performance.now() - began;
    // It was half a minute.
    assert.ok(ms < 10_000, `${ms} ms`);
    const anew = buildIntent(configOf(text(SERVICE('web', 10))), batch.overrides, 1);
    assert.deepEqual(buildIntent(config, batch.overrides, 1), anew);
  });

  test('what was tried and not made leaves no trace', () => {
    const add = (rs: string) => ({ kind: 'add-rs', service: 'web', rs, forward: 'dr' }) as const;
    const first = decideBatch(config, [], [add('10.0.0.7:80')], provenance);
    assert.ok('overrides' in first);
    for (const _ of [1, 2]) {
      const more = decideBatch(config, first.overrides, [add('10.0.0.8:80')], { ...provenance, id: 8 });
      assert.ok('overrides' in more, JSON.stringify(more));
    }
    const twin = decideBatch(config, first.overrides, [add('10.0.0.8:80'), add('10.0.0.8:81')], { ...provenance, id: 8 });
    assert.ok('refused' in twin);
    const other = decideBatch(config, first.overrides, [add('10.0.0.8:80')], { ...provenance, id: 8 });
    assert.ok('overrides' in other);
    const servers = buildIntent(config, first.overrides, 1).intent.services[0]?.realServers.map(({ key }) => key);
    assert.equal(servers?.includes('10.0.0.8:80'), false);
  });
});
