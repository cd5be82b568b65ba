/** What instances and groups track, and the blocks that define it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { imported, notesOf, yamlOf } from '../../../fake/imported.js';

const SCRIPT = 'vrrp_script chk {\n script "/etc/chk.sh"\n user nobody\n';
const instance = (lines: string, more = ''): string =>
  `${more}vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n  192.0.2.10\n }\n${lines}\n}\n`;
const second = 'vrrp_instance VI_2 {\n interface eth1\n virtual_router_id 52\n virtual_ipaddress {\n  198.51.100.10\n }\n}\n';

/** What stands under the key, on one line. */
function under(key: string, text: string): string {
  const found = new RegExp(`\\b${key}:(.*(?:\\n {6}.*)*)`).exec(yamlOf(text));
  return (found?.[1] ?? 'nothing').replace(/\s+/g, ' ').trim();
}
const notes = (text: string): string[] => notesOf(imported(text));

describe('scripts', () => {
  const script = (lines: string) => `vrrp_script chk {\n${lines}\n}\n${instance('track_script {\n chk\n}')}`;
  const written = (lines: string) => /scripts:\n {2}- (.*)\n/.exec(yamlOf(script(lines)))?.[1];

  test('a string is the program with its words; without a folder it is looked up in PATH', () => {
    assert.equal(
      written('script "/etc/chk.sh a \\"b c\\""\nuser nobody'),
      '{ name: chk, command: [ /etc/chk.sh, a, b c ], user: nobody }',
    );
    assert.equal(
      written('script "killall -0 nginx"\nuser nobody'),
      '{ name: chk, command: [ /usr/bin/env, killall, "-0", nginx ], user: nobody }',
    );
    assert.equal(
      written('script "</dev/tcp/127.0.0.1/80"\nuser nobody'),
      '{ name: chk, command: [ /bin/sh, -c, </dev/tcp/127.0.0.1/80 ], user: nobody }',
    );
  });

  test('there is no shell: what one would take for its own are words for the program, and told', () => {
    const told = (line: string) => notes(script(`script "${line}"\nuser nobody`));
    const words = '/etc/chk.sh a | cat && x; 2>&1 $HOME `id` e|f |';
    assert.equal(
      written(`script "${words}"\nuser nobody`)?.replace(/"/g, ''),
      '{ name: chk, command: [ /etc/chk.sh, a, |, cat, &&, x;, 2>&1, $$HOME, `id`, e|f, | ], user: nobody }',
    );
    assert.deepEqual(told(words), [
      `changed script ${words}: keepalived gives it to no shell: the program gets | && x; 2>&1 $HOME \`id\` e|f like any other word, here too; command: [ /bin/sh, -c, "…" ] would be a shell`,
    ]);
    for (const line of ["/bin/sh -c 'a | b; c > d'", '/usr/bin/grep -E \\"a|b\\" f', '/x a\\\\|b http://h/?a=1&b=2 a=b 5$ *'])
      assert.deepEqual(told(line), [], line);
    for (const line of ['/bin/a|/bin/b', 'A=1 /bin/x', '-i /bin/x', '| cat', '( a )'])
      assert.match(told(line)[0] ?? '', /^refused vrrp_script chk: keepalived gives it to no shell, finds no such program/, line);
  });

  test('a file to be read is what a shell looks for, with the words behind it in quotes', () => {
    const shell = (line: string) => written(`script "${line}"\nuser nobody`);
    assert.equal(shell('</etc/passwd'), '{ name: chk, command: [ /bin/sh, -c, </etc/passwd ], user: nobody }');
    assert.equal(
      shell("</dev/tcp/127.0.0.1/80 | 'x y'"),
      "{ name: chk, command: [ /bin/sh, -c, </dev/tcp/127.0.0.1/80 '|' 'x y' ], user: nobody }",
    );
    assert.match(notes(script('script "</etc/passwd grep root"\nuser nobody'))[0] ?? '', /^changed script .* no program grep: /);
    assert.match(notes(script('script "< /etc/passwd"\nuser nobody'))[0] ?? '', /^refused vrrp_script chk: /);
  });

  test('words behind the string are passed over, by keepalived too', () => {
    const text = script('script /usr/bin/killall -0 nginx\nuser nobody');
    assert.match(yamlOf(text), /command: \[ \/usr\/bin\/killall \]/);
    assert.match(notes(text)[0] ?? '', /^changed script .*in quotes: keepalived passes over -0 nginx/);
  });

  test('times, counts and what it is before its first result', () => {
    assert.equal(
      written('script /bin/true\ninterval 2\ntimeout 1.5\nfall 3\nuser nobody'),
      '{ name: chk, command: [ /bin/true ], interval: 2s, timeout: 1.5s, fall: 3, user: nobody }',
    );
    assert.equal(
      written('script /bin/true\nrise 2\ninit_fail\nuser nobody'),
      '{ name: chk, command: [ /bin/true ], rise: 2, user: nobody, init: down }',
    );
    const slow = script('script /bin/true\ninterval 2\ntimeout 5\nuser nobody');
    assert.match(yamlOf(slow), /interval: 2s, timeout: 5s/);
    assert.deepEqual(notes(slow), []);
    const long = script('script /bin/true\ntimeout 4000\nuser nobody');
    assert.match(notes(long)[0] ?? '', /^changed timeout 4000: it is 10m: timeout is 10ms to 10m/);
  });

  test('whose it is: its own user, script_user, or root, which is told', () => {
    const text = `global_defs {\n script_user lb\n}\n${script('script /bin/true')}`;
    assert.match(yamlOf(text), /user: lb \}/);
    assert.deepEqual(notes(text), []);
    assert.match(notes(script('script /bin/true'))[0] ?? '', /^changed vrrp_script chk: .*here it is root/);
    assert.match(
      notes(script('script /bin/true\nuser nobody nogroup'))[0] ?? '',
      /^changed user .*group of nobody, not with nogroup/,
    );
  });

  test('a script that keepalived could not run, and what would track it', () => {
    const told = notes(script('script "if true"\nuser nobody'));
    assert.match(told[0] ?? '', /^refused vrrp_script chk: keepalived gives it to no shell/);
    assert.ok(told.some((one) => one.startsWith('refused chk: vrrp_script chk: ')));
    assert.match(notes(instance('track_script {\n other\n}'))[0] ?? '', /^refused other: there is no vrrp_script other/);
  });
});

test('what is defined below its use is found, which keepalived does not', () => {
  const files = 'track_file f {\n file /run/f\n}\n';
  const below = `${instance('track_script {\n chk\n}\ntrack_file {\n f\n}')}${SCRIPT}}\n${files}`;
  assert.equal(under('track', below), '{ scripts: [ { name: chk } ], files: [ { path: /run/f } ] }');
  assert.deepEqual(
    notes(below).map((one) => one.split(' is defined')[0]),
    ['changed chk: keepalived passes over it, for what it names', 'changed f: keepalived passes over it, for what it names'],
  );
  assert.deepEqual(notes(`${files}${SCRIPT}}\n${instance('track_script {\n chk\n}\ntrack_file {\n f\n}')}`), []);
});

describe('weights', () => {
  test('what is said of one stands where it counts; where it counts nowhere, at the foot of the script, with its words', () => {
    const script = (name: string) =>
      `vrrp_script ${name} {\n script /bin/true\n # of ${name}\n weight -20 # twenty\n # two\n fall 2\n user nobody\n}\n`;
    const scripts = ['a', 'b', 'c']
      .map(script)
      .join('')
      .replace('# of b\n', '\n')
      .replace('# of c\n weight -20 # twenty', '# of c\n weight -20');
    const yaml = yamlOf(instance('track_script {\n a\n b weight -30\n}', scripts)).replace(/^ +/gm, '');
    assert.match(yaml, /scripts:\n# of a\n# twenty\n- \{ name: a, weight: -20 \}\n- \{ name: b, weight: -30 \}\n/);
    const foot = 'command: [ /bin/true ]\n# two\nfall: 2\nuser: nobody\n';
    assert.ok(
      yaml.endsWith(`- name: a\n${foot}\n- name: b\n${foot}# weight -20: twenty\n\n- name: c\n${foot}# of c\n# weight -20\n`),
      yaml,
    );
  });

  const tracked = (entry: string, lines = '') => instance(`${lines}\ntrack_script {\n ${entry}\n}`, `${SCRIPT} weight -20\n}\n`);

  test('what is said of one of a file or process stands with its words where it does not count', () => {
    const file = 'track_file f {\n file /run/f\n weight 2 # two\n}\n';
    const process = 'vrrp_track_process p {\n process x\n # ten\n weight 10\n}\n';
    const yaml = (own: string) =>
      yamlOf(instance(`track_process {\n p${own}\n}\ntrack_file {\n f${own}\n}`, file + process)).replace(/^ +/gm, '');
    assert.match(yaml(''), /# ten\n- \{ name: x, weight: 10 \}\nfiles:\n# two\n- \{ path: \/run\/f, weight: 2 \}/);
    assert.match(yaml(' weight 3'), /# ten\n# weight 10\n- \{ name: x, weight: 3 \}\nfiles:\n# weight 2: two\n- \{ path/);
  });

  test('of the entry, or of the definition', () => {
    assert.equal(under('track', tracked('chk')), '{ scripts: [ { name: chk, weight: -20 } ] }');
    assert.equal(under('track', tracked('chk weight 10')), '{ scripts: [ { name: chk, weight: 10 } ] }');
    assert.equal(under('track', tracked('chk weight 0')), '{ scripts: [ { name: chk } ] }');
    assert.match(notes(tracked('chk weight 999'))[0] ?? '', /^refused chk weight 999: "weight 999" is no weight/);
  });

  test('reverse is refused, but of a file it is a negative weight', () => {
    assert.match(notes(tracked('chk weight 5 reverse'))[0] ?? '', /^refused chk weight 5 reverse: reverse: /);
    const file = (entry: string, weight = '') =>
      instance(`track_file {\n ${entry}\n}`, `track_file f {\n file "/run/f"\n ${weight}\n}\n`);
    assert.equal(under('track', file('f')), '{ files: [ { path: /run/f } ] }');
    assert.equal(under('track', file('f', 'weight 2 reverse')), '{ files: [ { path: /run/f, weight: -2 } ] }');
    assert.equal(under('track', file('f weight 3 noreverse', 'weight 2 reverse')), '{ files: [ { path: /run/f, weight: 3 } ] }');
    assert.equal(under('track', file('f weight 0')), '{ files: [ { path: /run/f, weight: 0 } ] }');
    assert.ok(notes(file('f weight 0 reverse')).some((one) => one.startsWith('refused f weight 0 reverse')));
  });

  test('an owner has none, nopreempt makes one useless, a group counts its own alone', () => {
    assert.match(notes(tracked('chk', 'priority 255'))[0] ?? '', /^no_effect chk: keepalived ignores it, too: the owner/);
    assert.match(notes(tracked('chk', 'nopreempt'))[0] ?? '', /^refused chk: lbd has no weight beside nopreempt/);
    assert.deepEqual(notes(tracked('chk weight 0', 'nopreempt')), []);
    const group = (more: string) => `${tracked('chk')}${second}vrrp_sync_group G {\n group {\n  VI_1\n  VI_2\n }\n${more}\n}\n`;
    assert.match(notes(group('')).find((one) => one.includes(' chk:')) ?? '', /^no_effect chk: .*those of the sync group/);
    assert.match(yamlOf(group('sync_group_tracking_weight')), /scripts: \[ \{ name: chk, weight: -20 \} \]/);
    const own = yamlOf(group('track_script {\n chk weight -30\n}'));
    assert.match(own, /sync_groups:\n.*members: \[ VI_1, VI_2 \], track: \{ scripts: \[ \{ name: chk, weight: -30 \} \] \}/);
    assert.equal(own.match(/name: chk, weight/g)?.length, 1);
  });
});

describe('interfaces', () => {
  test('with weights and the delays of the host; the instance has its own anyway', () => {
    const delays = 'interface_up_down_delays {\n eth1 0.5 2\n eth2 1\n eth9 3\n}\n';
    const text = instance('track_interface {\n eth0\n eth1\n eth2 weight -20\n}', delays);
    assert.equal(
      under('track', text).replace(/#.*?(?=- )/, ''),
      'interfaces: - { name: eth1, down_delay: 500ms, up_delay: 2s } - { name: eth2, down_delay: 1s, up_delay: 1s, weight: -20 }',
    );
    assert.deepEqual(
      notes(text).map((one) => one.split(':')[0]),
      ['refused eth9 3', 'no_effect eth0'],
    );
    assert.match(
      notes(instance('dont_track_primary'))[0] ?? '',
      /^refused dont_track_primary: .*FAULT while its interface is down/,
    );
  });
});

describe('processes', () => {
  const process = (lines: string) => instance('track_process {\n p\n}', `vrrp_track_process p {\n${lines}\n}\n`);

  test('by name or command line, so many, after a while', () => {
    assert.equal(
      under('track', process('process nginx\nquorum 2\nfork_delay 0.0000015\nterminate_delay 2.5\nweight 10')),
      '{ processes: [ { name: nginx, count: 2, up_delay: 1ms, down_delay: 2.5s, weight: 10 } ] }',
    );
    const text = process('process "/usr/sbin/nginx" -g x\nparam_match partial');
    assert.equal(under('track', text), '{ processes: [ { name: /usr/sbin/nginx -g x } ] }');
    assert.match(
      notes(process('process "/usr/sbin/nginx" -g\nparam_match initial')).join(),
      /changed param_match initial: the last word/,
    );
  });

  test('too many of them are nothing that lbd counts', () => {
    assert.match(notes(process('process nginx\nquorum_max 1'))[0] ?? '', /^refused quorum_max 1: .*from below alone/);
    assert.match(
      notes(process('process nginx\nquorum_max 0'))[0] ?? '',
      /refused p: quorum_max 0|no_effect vrrp_track_process p/,
    );
    assert.match(notes(process('weight 5')).join('\n'), /refused p: vrrp_track_process p says no process/);
  });

  test('comments of a definition stand where it is tracked first', () => {
    const text = `# the proxy\nvrrp_track_process p {\n # by name\n process haproxy\n}\n${instance('track_process {\n p # here\n}')}`;
    assert.match(yamlOf(text), /processes:\n {8}# the proxy\n {8}# by name\n {8}- \{ name: haproxy \} # here\n/);
  });
});

describe('sync groups', () => {
  const group = (name: string, members: string, more = '') => `vrrp_sync_group ${name} {\n group {\n${members}\n }\n${more}\n}\n`;
  const both = `${instance('')}${second}`;

  test('members that are there, each in one group', () => {
    const text = `${both}${group('G', ' VI_1 # first\n VI_2\n VI_9\n VI_1')}${group('H', ' VI_2')}`;
    const yaml = yamlOf(text);
    assert.match(yaml, /- name: G\n {4}members:\n {6}- VI_1 # first\n {6}- VI_2\n {6}# not carried over: "VI_9"/);
    assert.ok(!yaml.includes('name: H'));
    assert.ok(notes(text).some((one) => one.startsWith('refused vrrp_sync_group H: ')));
  });

  test('its programs are called with the first member, by its own name', () => {
    const yaml = yamlOf(`${both}${group('G', ' VI_2\n VI_1', 'notify "/etc/n.sh a" root\nnotify_master /etc/m.sh root')}`);
    const [, , entry = ''] = yaml.split(/(?=- name: VI_)/);
    assert.match(entry, /\/etc\/n\.sh, a, GROUP, G, "\{STATE\}", "0" \] \}/);
    assert.match(entry, /\/etc\/m\.sh \], states: \[ master \] \}/);
  });

  test('an owner among others is none', () => {
    const text = `${instance('priority 255')}${second}${group('G', ' VI_1\n VI_2')}`;
    assert.match(yamlOf(text), /priority: 254/);
    assert.ok(notes(text).some((one) => /^changed vrrp_sync_group G: .*priority 254/.test(one)));
  });
});

test('BFD is refused, block and tracker, by what does the same', () => {
  const told = notes(`bfd_instance b {\n neighbor_ip 192.0.2.3\n}\n${instance('track_bfd {\n b\n}')}`);
  assert.equal(told.length, 4);
  for (const one of told) assert.match(one, /^refused .*adverts each 10ms/);
});

test('definitions that nobody tracks have no effect', () => {
  const told = notes(`vrrp_track_process p {\n process x\n}\ntrack_file f {\n file /run/f\n}\n${instance('')}`);
  assert.deepEqual(
    told.map((one) => one.split(':')[0]),
    ['no_effect vrrp_track_process p', 'no_effect track_file f', 'no_effect process x', 'no_effect file /run/f'],
  );
});
