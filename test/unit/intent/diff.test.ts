/** What of the overrides is a matter of the file, and what stays. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { saveEdits } from '../../../src/config/save.js';
import type { ChangeRequest } from '../../../src/intent/change.js';
import { differences, remaining } from '../../../src/intent/diff.js';
import { buildIntent } from '../../../src/intent/merge.js';
import { firstDifference } from '../../../src/intent/same.js';
import { assertSame, configOf, optionsOf, overridesOf, WHEN } from '../../fake/saving.js';

const FILES = {
  main: `virtual_servers:
  - { name: web, address: 192.0.2.10:80, real_servers: [ { address: 10.0.0.1:80, weight: 10 }, { address: 10.0.0.2:80 } ] }
  - { name: hash, address: 192.0.2.11:80, scheduler: mh, real_servers: [ { address: 10.0.0.1:80, weight: 10 } ] }
`,
};
const HOUR = 3_600_000;
const NOW = Date.parse(WHEN);

/** Those with `forATime` end in an hour. */
function saved(requests: readonly (ChangeRequest & { forATime?: true })[]) {
  const config = configOf(FILES);
  const ends = new Set(requests.flatMap((one, i) => (one.forATime ? [i + 1] : [])));
  const plainly = requests.map(({ forATime: _, ...request }) => request as ChangeRequest);
  const overrides = overridesOf(config, plainly).map((one) => (ends.has(one.id) ? { ...one, ends: NOW + HOUR } : one));
  const found = differences(config, overrides, NOW);
  const left = remaining(overrides, found);
  const edits = found.flatMap(({ edit }) => edit ?? []);
  assertSame(config, overrides, saveEdits('main', FILES.main, optionsOf(FILES), edits), left);
  const told = found.map(({ change, target, text, edit }) => `${change} ${target} ${text} ${edit ? 'file' : 'stays'}`);
  return { told, left: left.map(({ change }) => change.kind) };
}

const add = (service: string, rs: string) => ({ kind: 'add-rs', service, rs, weight: 4 }) as const;
const set = (service: string, rs: string, weight: string) => ({ kind: 'set-rs', service, rs, weight }) as const;
const forATime = { forATime: true } as const;

describe('differences', () => {
  test('what is for a time stays, with all that is about it', () => {
    assert.deepEqual(
      saved([
        { ...set('web', '10.0.0.1', '50%'), ...forATime },
        { kind: 'del-rs', service: 'web', rs: '10.0.0.2', ...forATime },
        { ...add('web', '10.0.0.3:80'), ...forATime },
        set('web', '10.0.0.3', '2'),
        { kind: 'add-vs', name: 'db', address: '192.0.2.20:80', ...forATime },
        add('db', '10.0.1.1:80'),
        add('hash', '10.0.0.4:80'),
      ]),
      {
        told: [
          'changed web/10.0.0.1:80 weight 10 -> 5 (50%); it ends by itself in 1h stays',
          'added web/10.0.0.3:80 weight 4; it ends by itself in 1h stays',
          'changed web/10.0.0.3:80 weight 4 -> 2 stays',
          'removed web/10.0.0.2:80 weight 1; it ends by itself in 1h stays',
          'added hash/10.0.0.4:80 weight 4 file',
          'added db tcp/192.0.2.20:80, wlc, nat; it ends by itself in 1h stays',
          'added db/10.0.1.1:80 weight 4 stays',
        ],
        left: ['set-rs', 'del-rs', 'add-rs', 'set-rs', 'add-vs', 'add-rs'],
      },
    );
  });

  test('settings of set-vs are written key by key, also of what is added; while one is for a time all stay', () => {
    const vs = (service: string, more: object) => ({ kind: 'set-vs', service, ...more }) as ChangeRequest;
    const requests = [
      vs('web', { scheduler: 'mh', persistence: 300, persistence_prefix: 24 }),
      vs('web', { sorry_server: '10.0.0.99:80', quorum: 2 }),
    ];
    assert.deepEqual(saved(requests), {
      told: [
        'changed web scheduler wlc -> mh file',
        'changed web scheduler_flags none -> mh-fallback file',
        'changed web persistence none -> 5m file',
        'changed web persistence_prefix none -> 24 file',
        'changed web on_failure remove -> quiesce file',
        'changed web quorum 1 -> 2 file',
        'changed web sorry_server none -> 10.0.0.99:80 file',
      ],
      left: [],
    });
    assert.deepEqual(saved([requests[0] as ChangeRequest, { ...vs('web', { quorum: 2 }), ...forATime }]).left, [
      'set-vs',
      'set-vs',
    ]);
    assert.deepEqual(saved([vs('hash', { scheduler: 'wrr', slow_start: 10 })]).left, []);
    assert.deepEqual(
      saved([{ kind: 'add-vs', name: 'db', address: '192.0.2.20:80' }, vs('db', { scheduler: 'wrr', slow_start: 30 })]).left,
      [],
    );
  });

  test('a weight for a time is not the weight of what is added for good', () => {
    assert.deepEqual(saved([add('web', '10.0.0.3:80'), { ...set('web', '10.0.0.3', '25%'), ...forATime }]), {
      told: ['added web/10.0.0.3:80 weight 4 file', 'changed web/10.0.0.3:80 weight 4 -> 1 (25%); it ends by itself in 1h stays'],
      left: ['set-rs'],
    });
  });

  test('another one in the place of one that comes back stays', () => {
    const requests = [
      { kind: 'del-vs', service: 'web', ...forATime },
      { kind: 'add-vs', name: 'web', address: '192.0.2.30:80' },
      add('web', '10.0.0.1:80'),
    ] as const;
    assert.deepEqual(saved(requests).left, ['del-vs', 'add-vs', 'add-rs']);
  });

  test('a weight of 0 with mh stays, of one that is added, too', () => {
    assert.deepEqual(saved([set('hash', '10.0.0.1', '0'), add('hash', '10.0.0.2:80'), set('hash', '10.0.0.2', '0%')]), {
      told: [
        'changed hash/10.0.0.1:80 weight 10 -> 0; with mh it keeps its place as an override alone stays',
        'added hash/10.0.0.2:80 weight 4 file',
        'changed hash/10.0.0.2:80 weight 4 -> 0 (0%); with mh it keeps its place as an override alone stays',
      ],
      left: ['set-rs', 'set-rs'],
    });
  });
});

describe('the same', () => {
  const text = (more: string) => ({ main: `${FILES.main}${more}` });
  const of = (files: { main: string }) => buildIntent(configOf(files), [], 1).intent;
  const base = of(FILES);
  const cases: Readonly<Record<string, readonly [{ main: string }, RegExp | undefined]>> = {
    'an intent and itself': [FILES, undefined],
    'another weight': [
      { main: FILES.main.replace('weight: 10', 'weight: 9') },
      /^weight of web\/10\.0\.0\.1:80 would be 9, not 10$/,
    ],
    'one server less': [{ main: FILES.main.replace(', { address: 10.0.0.2:80 }', '') }, /^web\/10\.0\.0\.2:80 would be gone$/],
    'one server more': [
      { main: FILES.main.replace(':80 } ]', ':80 }, { address: 10.0.0.7:80 } ]') },
      /^web\/10\.0\.0\.7:80 would be there$/,
    ],
    'one service more': [text('  - { name: n, address: 192.0.2.9:80 }\n'), /^the virtual server n would be there$/],
    'another scheduler': [{ main: FILES.main.replace('mh', 'wrr') }, /^(scheduler|schedulerFlags|onFailure) of hash would be /],
    'a sorry server': [
      { main: FILES.main.replace('scheduler: mh', 'scheduler: mh, sorry_server: { address: 10.0.0.99:80 }') },
      /^the sorry server of hash\/10\.0\.0\.99:80 would be there$/,
    ],
    'an instance': [
      text('vrrp_instances: [ { name: V, interface: eth0, virtual_router_id: 1, virtual_addresses: [ 192.0.2.1/24 ] } ]\n'),
      /^instances would be others$/,
    ],
  };
  for (const [name, [files, expected]] of Object.entries(cases)) {
    test(name, () => {
      const fault = firstDifference(base, of(files));
      if (expected) assert.match(fault ?? '', expected);
      else assert.equal(fault, undefined);
    });
  }

  test('the order of virtual servers means nothing, that of real servers does', () => {
    const [web = '', hash = ''] = FILES.main.split('\n').slice(1);
    assert.equal(firstDifference(base, of({ main: `virtual_servers:\n${hash}\n${web}\n` })), undefined);
    const turned = web.replace(
      /\{ address: 10\.0\.0\.1:80, weight: 10 \}, (\{ address: 10\.0\.0\.2:80 \})/,
      '$1, { address: 10.0.0.1:80, weight: 10 }',
    );
    const main = `virtual_servers:\n${turned}\n${hash}\n`;
    assert.equal(firstDifference(base, of({ main })), 'the real servers of web would be in another order');
  });
});
