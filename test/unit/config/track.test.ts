/** What instances track, scripts and sync groups: what they become, and what can never work with the sentence that explains it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { trackedKey } from '../../../src/base/tracked.js';
import { parseConfig } from '../../../src/config/parse.js';
import { BAD_OPTIONS, refuses } from '../../fake/bad-config.js';

const instance = (name: string, vrid: number, more = ''): string =>
  `  - name: ${name}\n    interface: eth${vrid}\n    virtual_router_id: ${vrid}\n    virtual_addresses: [ 192.0.2.${vrid} ]\n${more}`;
const SCRIPT = 'scripts: [ { name: s, command: [ /bin/true ] } ]\n';
const one = (lines: string, more = SCRIPT): string => `${more}vrrp_instances:\n${instance('VI_1', 1, lines)}`;
const pair = (groups: string, own = '', mate = ''): string =>
  `${SCRIPT}vrrp_instances:\n${instance('VI_1', 1, own)}${instance('VI_2', 2, mate)}sync_groups:\n${groups}`;
const GROUP = '  - { name: SG, members: [ VI_1, VI_2 ] }\n';

refuses('tracking that can never work', [
  [one('    track: { scripts: [ { name: @t } ] }\n'), /no script "t" below scripts:; did you mean "s"/],
  [one('    track: { virtual_servers: [ { name: @web } ] }\n'), /no virtual server "web"/],
  [one('    track: { scripts: [ { name: s, weight: @-254 } ] }\n'), /weight is a whole number from -253 to 253, not -254/],
  [
    one('    priority: 255\n    track: { scripts: [ { name: s, weight: @5 } ] }\n'),
    /a weight does not go with priority 255: the owner/,
  ],
  [
    one('    priority: 255\n    track:\n      files: [ @{ path: /run/f } ]\n'),
    /file \/run\/f: a weight does not go with priority 255/,
  ],
  [
    one('    preempt: false\n    track: { scripts: [ { name: s, weight: @5 } ] }\n'),
    /does not go with preempt: false: the other director/,
  ],
  [
    one('    track: { interfaces: [ { name: eth1, weight: @-5 } ] }\n'),
    /interface eth1 is the instance's own: down, it is FAULT/,
  ],
  [one('    priority: 1\n    track: { scripts: [ { name: s, weight: @-5 } ] }\n'), /the priority is 1 and cannot be lowered/],
  [one('    priority: 254\n    track: { scripts: [ { name: s, weight: @5 } ] }\n'), /the priority is 254 and cannot be raised/],
  [one('    track: { scripts: [ { name: s }, @{ name: s, weight: 5 } ] }\n'), /script s is tracked by VI_1 already/],
  [one('    track: { processes: [ { name: @" nginx" } ] }\n'), /one line without space around it/],
  [one('    track: { processes: [ { name: nginx, count: @0 } ] }\n'), /count is a whole number from 1/],
  [one('    track: { files: [ { path: @run } ] }\n'), /path is an absolute path/],
  [one('    track: { interfaces: [ { name: eth5, up_delay: @2h } ] }\n'), /up_delay: 2h is outside/],
  [one('    track: { @script: [] }\n'), /unknown key "script" in track; did you mean "scripts"/],
  [one('', 'scripts: [ { name: s, command: @[ check ] } ]\n'), /absolute path, not "check"/],
  [
    one('', 'scripts: [ { name: s, command: [ /bin/true ] }, { name: @s, command: [ /bin/true ] } ]\n'),
    /another script named "s"/,
  ],
  [pair('  - { name: SG, members: [ VI_1, @VI_3 ] }\n'), /no VRRP instance "VI_3"; did you mean "VI_1"/],
  [pair('  - { name: SG, members: [ VI_1, @VI_1 ] }\n'), /VI_1 is listed twice/],
  [pair('  - { name: SG, members: @[] }\n'), /members is empty/],
  [pair(`${GROUP}  - { name: S2, members: [ @VI_1 ] }\n`), /VI_1 is in the sync group SG already/],
  [pair(`${GROUP}  - { name: @SG, members: [ VI_1 ] }\n`), /another sync group named "SG"/],
  [
    pair(GROUP, '    track: { scripts: [ { name: s, weight: 5 } ] }\n', '    preempt: false\n').replace(
      '- name: VI_2',
      '- @name: VI_2',
    ),
    /script s: a weight does not go with preempt: false: .*; the sync group SG tracks it/,
  ],
  [pair('  - { name: SG, members: @[ VI_1, VI_2 ] }\n', '    priority: 255\n'), /cannot move together: VI_1 is the owner/],
]);

const parse = (text: string) => {
  const { config, problems } = parseConfig('f.yaml', text, BAD_OPTIONS);
  return { config, warnings: problems.filter((each) => each.severity === 'warning').map((each) => each.message), problems };
};

describe('tracking', () => {
  test('is written with its defaults filled in', () => {
    const { config, problems } = parse(
      one(
        [
          '    track:',
          '      interfaces: [ { name: eth9, down_delay: 2s } ]',
          '      scripts: [ { name: s, weight: -20 } ]',
          '      processes: [ { name: /usr/sbin/named -u bind, count: 2 } ]',
          '      files: [ { path: /run/f } ]\n',
        ].join('\n'),
        'scripts: [ { name: s, command: [ /bin/test, -e, /run/x ], interval: 3s, fall: 2, init: down } ]\n',
      ),
    );
    assert.ok(config, JSON.stringify(problems));
    const bare = { count: 1, upDelay: 0, downDelay: 0, init: 'wait' };
    assert.deepEqual(config.vrrpInstances[0]?.track, [
      { ...bare, kind: 'interface', name: 'eth9', weight: 0, downDelay: 2000 },
      { ...bare, kind: 'script', name: 's', weight: -20, init: 'down' },
      { ...bare, kind: 'process', name: '/usr/sbin/named -u bind', weight: 0, count: 2 },
      { ...bare, kind: 'file', name: '/run/f', weight: 1 },
    ]);
    const { check } = config.scripts[0] ?? {};
    assert.deepEqual([check?.interval, check?.timeout, check?.rise, check?.fall, check?.user], [3000, 3000, 1, 2, 'nobody']);
  });

  test('a weight of one member counts for its whole group, and what is FAULT stays where it is', () => {
    const own = '    track: { scripts: [ { name: s, weight: -20 } ], interfaces: [ { name: eth7 } ] }\n';
    const { config } = parse(pair('  - { name: SG, members: [ VI_1, VI_2 ], track: { files: [ { path: /run/f } ] } }\n', own));
    assert.deepEqual(
      config?.vrrpInstances.map((each) => each.track?.map(trackedKey)),
      [
        ['interface eth7', 'script s', 'file /run/f'],
        ['file /run/f', 'script s'],
      ],
    );
  });

  test('what does nothing is warned of', () => {
    assert.match(String(parse(pair('  - { name: SG, members: [ VI_1 ] }\n')).warnings), /SG has one member: it does nothing/);
    assert.match(String(parse(one('')).warnings), /no VRRP instance tracks the script s/);
    assert.match(String(parse(one('    track: { interfaces: [ { name: eth1 } ] }\n')).warnings), /eth1 is the instance's own/);
  });

  test('an instance without it is what it was before there was any', () => {
    assert.equal('track' in (parse(one('    track: {}\n')).config?.vrrpInstances[0] ?? {}), false);
  });
});
