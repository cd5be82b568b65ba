/** Changes of run time written into files: what they do not speak of stays byte for byte. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the configuration
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { saveEdits } from '../../../src/config/save.js';
import { type FileEdit, settingEdit, type Value } from '../../../src/config/save-edits.js';
import { SETTINGS } from '../../../src/config/settable.js';
import type { ChangeRequest } from '../../../src/intent/change.js';
import { configOf, type Files, plain, save, savedFiles } from '../../fake/saving.js';

const add = (rs: string, more: object = {}, service = 'web'): ChangeRequest => ({ kind: 'add-rs', service, rs, ...more });
const del = (rs: string, service = 'web'): ChangeRequest => ({ kind: 'del-rs', service, rs });
const set = (rs: string, weight: string, service = 'web'): ChangeRequest => ({ kind: 'set-rs', service, rs, weight });

/** The lines that are other, as in a diff: `-…`, `+…`. */
const changed = (text: string, requests: readonly ChangeRequest[], env: NodeJS.ProcessEnv = {}): string[] => {
  const files = savedFiles({ main: text }, requests, env);
  const { saved } = save({ main: text }, requests, env);
  assert.equal(saved.files.length, 1);
  assert.equal(files.main, patchedBy(text, saved.files[0]?.diff ?? ''));
  return (saved.files[0]?.diff ?? '').split('\n').filter((line) => /^[-+](?![-+]{2} main$)/.test(line));
};

/** patch(1), as far as it takes. */
function patchedBy(text: string, diff: string): string {
  const old = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const out: string[] = [];
  let at = 0;
  let removes = false;
  for (const line of diff.match(/[^\n]*\n/g) ?? []) {
    if (/^[-+ ]/.test(line)) removes = line.startsWith('-');
    const head = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line);
    if (head) {
      const first = Number(head[1]) - (head[2] === '0' ? 0 : 1);
      while (at < first) out.push(old[at++] as string);
      assert.equal(out.length, Number(head[3]) - (head[4] === '0' ? 0 : 1), 'the place in the new text');
    } else if (line.startsWith('\\') && !removes) out.push((out.pop() ?? '').replace(/\n$/, ''));
    else if (line.startsWith('+') && !line.startsWith('+++ ')) out.push(line.slice(1));
    else if (line.startsWith('-') && !line.startsWith('--- ')) assert.equal(`${old[at++]}`.replace(/\n?$/, '\n'), line.slice(1));
    else if (line.startsWith(' ')) {
      assert.equal(`${old[at]}`.replace(/\n?$/, '\n'), line.slice(1));
      out.push(old[at++] as string);
    }
  }
  return out.join('') + old.slice(at).join('');
}

const BLOCK = `# a director
virtual_servers:
  # the shop
  - name: web   # of sales
    address: 192.0.2.10:80

    real_servers:
      # rack 1
      - address: 10.0.0.1:80   # old
        weight: 10             # strong

      # rack 2
      - address: 10.0.0.2:80 # new
      - { address: 10.0.0.3:80, weight: 7 }   # short
    quorum: 1  # least
`;

describe('entries line by line', () => {
  test('a weight is put in the place of the old one, or behind the address', () => {
    assert.deepEqual(changed(BLOCK, [set('10.0.0.1', '5'), set('10.0.0.2', '3'), set('10.0.0.3', '50%')]), [
      '-        weight: 10             # strong',
      '+        weight: 5             # strong',
      '-      - { address: 10.0.0.3:80, weight: 7 }   # short',
      '+        weight: 3',
      '+      - { address: 10.0.0.3:80, weight: 4 }   # short',
    ]);
  });

  test('a new one stands behind the last, as that is written', () => {
    assert.deepEqual(changed(BLOCK, [add('10.0.0.9:80', { weight: 3, forward: 'dr', upper: 20, lower: 10 })]), [
      '+      - { address: 10.0.0.9:80, weight: 3, forward: dr, upper: 20, lower: 10 }',
    ]);
    const lines = BLOCK.replace(/ {6}- \{.*\n/, '');
    assert.deepEqual(changed(lines, [add('10.0.0.8:80'), add('10.0.0.9:80', { weight: 2 })]), [
      '+      - address: 10.0.0.8:80',
      '+        weight: 1',
      '+      - address: 10.0.0.9:80',
      '+        weight: 2',
    ]);
  });

  test('one that goes takes its own lines along, and nothing else', () => {
    assert.deepEqual(changed(BLOCK, [del('10.0.0.1'), del('10.0.0.3')]), [
      '-      - address: 10.0.0.1:80   # old',
      '-        weight: 10             # strong',
      '-      - { address: 10.0.0.3:80, weight: 7 }   # short',
    ]);
    assert.deepEqual(changed(BLOCK, [set('10.0.0.2', '4'), del('10.0.0.3'), add('10.0.0.9:80')]), [
      '-      - { address: 10.0.0.3:80, weight: 7 }   # short',
      '+        weight: 4',
      '+      - { address: 10.0.0.9:80, weight: 1 }',
    ]);
  });

  test('the last one leaves an empty list, with new ones it is one of these', () => {
    const all = [del('10.0.0.1'), del('10.0.0.2'), del('10.0.0.3')];
    assert.deepEqual(
      changed(BLOCK, all).filter((line) => line.includes('real_servers')),
      ['-    real_servers:', '+    real_servers: []'],
    );
    assert.deepEqual(
      changed(BLOCK, [...all, add('10.0.0.9:80')]).filter((line) => line.startsWith('+')),
      ['+      - { address: 10.0.0.9:80, weight: 1 }'],
    );
    const commented = BLOCK.replace('real_servers:', 'real_servers: # all of them');
    assert.ok(changed(commented, all).includes('+    real_servers: [] # all of them'));
  });

  test('a list without weights gets none where it is 1', () => {
    const text = BLOCK.replace(/ {8}weight.*\n/, '').replace(', weight: 7', '');
    assert.deepEqual(changed(text, [add('10.0.0.8:80'), add('10.0.0.9:80', { weight: 2 })]), [
      '+      - { address: 10.0.0.8:80 }',
      '+      - { address: 10.0.0.9:80, weight: 2 }',
    ]);
  });

  test('a virtual server without a list of real servers gets one', () => {
    const text = 'virtual_servers:\n- name: web\n  address: "[2001:db8::10]:80"\n- { name: b, address: 192.0.2.1:80 } # b\n';
    assert.deepEqual(changed(text, [add('[2001:db8::1]:80'), add('10.0.0.1:80', {}, 'b')]), [
      '-- { name: b, address: 192.0.2.1:80 } # b',
      '+  real_servers:',
      '+    - { address: "[2001:db8::1]:80", weight: 1 }',
      '+- { name: b, address: 192.0.2.1:80, real_servers: [ { address: 10.0.0.1:80, weight: 1 } ] } # b',
    ]);
  });

  test('the end of a file without a line break stays one', () => {
    const text =
      'virtual_servers:\n  - name: web\n    address: 192.0.2.10:80\n    real_servers:\n      - address: 10.0.0.1:80\n      - address: 10.0.0.2:80';
    for (const requests of [
      [add('10.0.0.9:80')],
      [del('10.0.0.2')],
      [del('10.0.0.1'), del('10.0.0.2')],
      [del('10.0.0.2'), add('10.0.0.9:80')],
      [set('10.0.0.2', '4')],
      [set('10.0.0.2', '4'), add('10.0.0.9:80'), del('10.0.0.1')],
    ]) {
      const { main = '' } = savedFiles({ main: text }, requests);
      assert.ok(!main.endsWith('\n'), main);
      changed(text, requests);
    }
  });

  test('line breaks of another system stay', () => {
    const text = BLOCK.replaceAll('\n', '\r\n');
    const requests = [set('10.0.0.2', '3'), add('10.0.0.9:80', { weight: 4 }), del('10.0.0.1')];
    assert.equal(savedFiles({ main: text }, requests).main, savedFiles({ main: BLOCK }, requests).main?.replaceAll('\n', '\r\n'));
  });

  test('what is long, foreign or odd stays as it is', () => {
    const odd = `\uFEFF# ${'long '.repeat(100)}\n# Größe 漢字 🚀\t tab\n${BLOCK.slice(BLOCK.indexOf('\n') + 1)}\n\n# the end\t\n`;
    assert.deepEqual(changed(odd, [set('10.0.0.3', '9')]), [
      '-      - { address: 10.0.0.3:80, weight: 7 }   # short',
      '+      - { address: 10.0.0.3:80, weight: 9 }   # short',
    ]);
  });
});

const FLOW = (servers: string): string =>
  `virtual_servers: [ { name: web, address: "192.0.2.10:80", real_servers: ${servers}, quorum: 1 } ]\n`;
const servers = (text: string, requests: readonly ChangeRequest[]): string | undefined =>
  /real_servers: (.*), quorum/s.exec(savedFiles({ main: FLOW(text) }, requests).main ?? '')?.[1];

describe('entries between brackets', () => {
  const two = '[ { address: 10.0.0.1:80, weight: 1 }, { address: 10.0.0.2:80 } ]';

  test('weights, new ones, and ones that go', () => {
    assert.equal(
      servers(two, [set('10.0.0.1', '4'), set('10.0.0.2', '5')]),
      '[ { address: 10.0.0.1:80, weight: 4 }, { address: 10.0.0.2:80, weight: 5 } ]',
    );
    assert.equal(servers(two, [add('10.0.0.3:80', { weight: 2 })]), two.replace(' ]', ', { address: 10.0.0.3:80, weight: 2 } ]'));
    assert.equal(servers(two, [del('10.0.0.1')]), '[ { address: 10.0.0.2:80 } ]');
    assert.equal(servers(two, [del('10.0.0.2')]), '[ { address: 10.0.0.1:80, weight: 1 } ]');
    assert.equal(servers(two, [del('10.0.0.1'), del('10.0.0.2')]), '[]');
    assert.equal(
      servers(two, [del('10.0.0.2'), add('10.0.0.3:80')]),
      '[ { address: 10.0.0.1:80, weight: 1 }, { address: 10.0.0.3:80, weight: 1 } ]',
    );
    assert.equal(servers(two, [del('10.0.0.1'), del('10.0.0.2'), add('10.0.0.3:80')]), '[ { address: 10.0.0.3:80, weight: 1 } ]');
    assert.equal(servers('[]', [add('10.0.0.3:80')]), '[ { address: 10.0.0.3:80, weight: 1 } ]');
  });

  test('the style is that of the others', () => {
    assert.equal(
      servers('[{address: "10.0.0.1:80"}]', [add('10.0.0.2:80', { weight: 2 })]),
      '[{address: "10.0.0.1:80"}, {address: "10.0.0.2:80", weight: 2}]',
    );
    assert.equal(
      servers("[ { address: '10.0.0.1:80' } ]", [add('10.0.0.2:80', { forward: 'dr' })]),
      "[ { address: '10.0.0.1:80' }, { address: '10.0.0.2:80', forward: dr } ]",
    );
  });

  test('a trailing comma, an anchor that nobody takes', () => {
    assert.equal(
      servers('[ { address: 10.0.0.1:80 }, ]', [add('10.0.0.2:80')]),
      '[ { address: 10.0.0.1:80 }, { address: 10.0.0.2:80 }, ]',
    );
    assert.equal(
      servers('[ { address: 10.0.0.1:80 }, &x { address: 10.0.0.2:80 }, ]', [del('10.0.0.2')]),
      '[ { address: 10.0.0.1:80 }, ]',
    );
  });

  const lines = '[\n    { address: 10.0.0.1:80 },  # one\n    # between\n    { address: 10.0.0.2:80 }   # two\n  ]';
  test('each in a line of its own', () => {
    assert.equal(
      servers(lines, [add('10.0.0.3:80')]),
      '[\n    { address: 10.0.0.1:80 },  # one\n    # between\n    { address: 10.0.0.2:80 },   # two\n    { address: 10.0.0.3:80 }\n  ]',
    );
    assert.equal(servers(lines, [del('10.0.0.2')]), '[\n    { address: 10.0.0.1:80 }  # one\n    # between\n  ]');
    assert.equal(servers(lines, [del('10.0.0.1')]), '[\n    # between\n    { address: 10.0.0.2:80 }   # two\n  ]');
    assert.equal(servers(lines, [del('10.0.0.1'), del('10.0.0.2')]), '[\n    # between\n  ]');
    assert.equal(
      servers(lines, [del('10.0.0.1'), del('10.0.0.2'), add('10.0.0.3:80')]),
      '[\n    { address: 10.0.0.3:80, weight: 1 }\n    # between\n  ]'.replace(', weight: 1', ''),
    );
    assert.equal(
      servers(lines, [del('10.0.0.2'), add('10.0.0.3:80')]),
      '[\n    { address: 10.0.0.1:80 },  # one\n    { address: 10.0.0.3:80 }\n    # between\n  ]',
    );
  });

  test('commas before the entries', () => {
    const commas = '[ { address: 10.0.0.1:80 } # one\n  , { address: 10.0.0.2:80 } # two\n  , { address: 10.0.0.3:80 } ]';
    assert.equal(
      servers(commas, [del('10.0.0.2')]),
      '[ { address: 10.0.0.1:80 } # one\n  ,  # two\n  { address: 10.0.0.3:80 } ]',
    );
    servers(commas, [del('10.0.0.1'), add('10.0.0.4:80')]);
    servers(commas, [del('10.0.0.3'), add('10.0.0.4:80')]);
    servers(commas, [del('10.0.0.3'), del('10.0.0.2')]);
  });

  test('JSON stays JSON', () => {
    const value = { virtual_servers: [{ name: 'web', address: '192.0.2.10:80', real_servers: [{ address: '10.0.0.1:80' }] }] };
    for (const indent of [undefined, 2]) {
      const text = JSON.stringify(value, null, indent);
      const requests: ChangeRequest[] = [
        set('10.0.0.1', '3'),
        add('10.0.0.2:80', { weight: 5 }),
        { kind: 'add-vs', name: 'db', address: '192.0.2.11:80' },
        add('10.0.0.3:80', {}, 'db'),
      ];
      const { main = '' } = savedFiles({ main: text }, requests);
      assert.deepEqual(JSON.parse(main).virtual_servers[0].real_servers, [
        { address: '10.0.0.1:80', weight: 3 },
        { address: '10.0.0.2:80', weight: 5 },
      ]);
      assert.equal(JSON.parse(main).virtual_servers[1].name, 'db');
    }
  });
});

const addVs = (more: object = {}): ChangeRequest =>
  ({ kind: 'add-vs', name: 'db', address: '192.0.2.20:5432', ...more }) as ChangeRequest;

describe('virtual servers', () => {
  test('a new one stands behind the others, written as they are', () => {
    const requests = [
      addVs({ scheduler: 'rr', forward: 'dr', persistence: 300 }),
      add('10.0.1.1:5432', { weight: 2 }, 'db'),
      add('10.0.1.2:5432', {}, 'db'),
      set('10.0.1.2', '7', 'db'),
    ];
    assert.deepEqual(changed(BLOCK, requests), [
      '+  - name: db',
      '+    address: 192.0.2.20:5432',
      '+    scheduler: rr',
      '+    forward: dr',
      '+    persistence: 300s',
      '+    real_servers:',
      '+      - { address: 10.0.1.1:5432, weight: 2 }',
      '+      - { address: 10.0.1.2:5432, weight: 7 }',
    ]);
    assert.match(
      savedFiles({ main: FLOW('[]') }, requests).main ?? '',
      /quorum: 1 }, { name: db, address: "192.0.2.20:5432", .*real_servers: \[ { address: "10.0.1.1:5432", weight: 2 }, /,
    );
  });

  test('an empty line that stands between two stands before the next', () => {
    const text = `${BLOCK}\n  - name: b\n    address: 192.0.2.11:80\n\nvrrp_instances: []\n`;
    assert.deepEqual(changed(text, [addVs()]), ['+', '+  - name: db', '+    address: 192.0.2.20:5432']);
  });

  test('every kind of one, and one that goes', () => {
    const requests: ChangeRequest[] = [
      { kind: 'add-vs', name: 'm4', address: 'fwmark/7' },
      { kind: 'add-vs', name: 'm6', address: 'fwmark/8/inet6' },
      { kind: 'add-vs', name: 'dns', address: '[2001:db8::53]:53', protocol: 'udp', one_packet: true, forward: 'dr' },
      { kind: 'add-vs', name: '80', address: '192.0.2.80:0', persistence: 60 },
      add('[2001:db8::1]:53', {}, 'dns'),
      add('[2001:db8::2]', {}, 'm6'),
      add('10.0.0.5', {}, 'm4'),
      { kind: 'del-vs', service: 'web' },
    ];
    const text = changed(BLOCK, requests);
    assert.ok(text.includes('+  - name: "80"') && text.includes('+    one_packet: true') && text.includes('+    family: ipv6'));
    assert.ok(text.includes('+      - { address: 2001:db8::2, weight: 1 }'), text.join('\n'));
    assert.ok(text.includes('-  - name: web   # of sales') && !text.includes('-  # the shop'));
  });

  test('one that takes the name of another', () => {
    const requests: ChangeRequest[] = [
      { kind: 'del-vs', service: 'web' },
      { kind: 'add-vs', name: 'web', address: '192.0.2.99:80' },
      add('10.0.0.1:80'),
    ];
    const { main = '' } = savedFiles({ main: BLOCK }, requests);
    assert.ok(main.includes('192.0.2.99:80') && !main.includes('192.0.2.10:80') && main.includes('# the shop'));
  });

  test('the first of a file', () => {
    const vrrp =
      'vrrp_instances:\n  - { name: VI_1, interface: eth0, virtual_router_id: 51, virtual_addresses: [ 192.0.2.1/24 ] }\n# end\n';
    assert.equal(
      savedFiles({ main: vrrp }, [addVs(), add('10.0.1.1:5432', {}, 'db')]).main,
      vrrp.replace(
        '# end',
        '\nvirtual_servers:\n  - { name: db, address: 192.0.2.20:5432, real_servers: [ { address: 10.0.1.1:5432, weight: 1 } ] }\n# end',
      ),
    );
    assert.match(savedFiles({ main: `virtual_servers: []\n${vrrp}` }, [addVs()]).main ?? '', /^virtual_servers: \[ { name: db, /);
  });
});

describe('several files', () => {
  const service = (name: string, host: number): string =>
    `virtual_servers:\n  - name: ${name} # ${name}\n    address: 192.0.2.${host}:80\n    real_servers: [ { address: 10.0.0.${host}:80 } ]\n`;
  const included: Files = { main: 'include: [ "conf.d/*" ]\n', 'conf.d/a': service('a', 1), 'conf.d/b': service('b', 2) };

  test('each is edited where it has what changes; a new virtual server comes to the last', () => {
    const {
      a = '',
      b = '',
      main = '',
    } = Object.fromEntries(
      Object.entries(savedFiles(included, [set('10.0.0.1', '4', 'a'), addVs()])).map(([file, text]) => [
        file.replace(/.*\//, ''),
        text,
      ]),
    );
    assert.equal(main, included.main);
    assert.equal(a, included['conf.d/a']?.replace(':80 } ]', ':80, weight: 4 } ]'));
    assert.equal(b, `${included['conf.d/b']}  - name: db\n    address: 192.0.2.20:5432\n`);
  });

  test('or to the first, where that has some', () => {
    const files = { ...included, main: `include: [ "conf.d/*" ]\n${service('m', 3)}` };
    const { saved } = save(files, [addVs()]);
    assert.deepEqual(
      saved.files.map(({ file }) => file),
      ['main'],
    );
  });
});

describe('what stands in the way', () => {
  const refusal = (text: string, requests: readonly ChangeRequest[]): string[] => {
    const { saved } = save({ main: text }, requests);
    assert.equal(saved.next, undefined);
    return saved.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
  };
  const shared = `virtual_servers:
  - name: web
    address: 192.0.2.10:80
    real_servers: &all [ { address: 10.0.0.1:80 }, { address: 10.0.0.2:80, weight: &w 3 } ]
  - name: b
    address: 192.0.2.11:80
    real_servers: *all
  - name: c
    address: 192.0.2.12:80
    real_servers: [ { address: 10.0.0.3:80, weight: *w } ]
`;

  test('an anchor that somebody else takes, and what an alias makes', () => {
    assert.deepEqual(refusal(shared, [add('10.0.0.9:80')]), [
      '4:24 the list of real servers of web stands below the anchor &all, which *all in line 7 takes, too: change it by hand',
    ]);
    assert.deepEqual(refusal(shared, [set('10.0.0.1', '3', 'b')]), [
      '7:19 b/10.0.0.1:80 is made by the alias *all: change what its anchor names by hand',
    ]);
    const own = shared.replace('real_servers: *all', 'real_servers: []');
    assert.deepEqual(refusal(own, [set('10.0.0.2', '9')]), [
      '4:87 weight of web/10.0.0.2:80 stands below the anchor &w, which *w in line 10 takes, too: change it by hand',
    ]);
    assert.match(refusal(own, [del('10.0.0.2')]).join(), /web\/10\.0\.0\.2:80 stands below the anchor &w/);
    assert.match(refusal(own, [{ kind: 'del-vs', service: 'web' }]).join(), /^4:\d+ web stands below the anchor &w/);
  });

  test('an alias is no obstacle where it is a word of its own then; that is told', () => {
    const own = shared.replace('real_servers: *all', 'real_servers: []');
    const { saved } = save({ main: own }, [set('10.0.0.3', '5', 'c')]);
    assert.deepEqual(saved.notes, ['main: weight of c/10.0.0.3:80 was *w in line 10, and is a word of its own now']);
    assert.ok(saved.files[0]?.text.includes('{ address: 10.0.0.3:80, weight: 5 }'));
    savedFiles({ main: own }, [set('10.0.0.3', '5', 'c')]);
  });

  test('variables', () => {
    const text =
      'virtual_servers:\n  - name: ${N}\n    address: 192.0.2.10:80\n    real_servers:\n      - address: ${A}:80\n        weight: ${W}\n';
    const env = { N: 'web', A: '10.0.0.1', W: '3' };
    assert.deepEqual(changed(text, [set('10.0.0.1', '5')], env), ['-        weight: ${W}', '+        weight: 5']);
    assert.deepEqual(save({ main: text }, [set('10.0.0.1', '5')], env).saved.notes, [
      'main: weight of web/10.0.0.1:80 was ${W} in line 6, and is a word of its own now',
    ]);
    assert.ok(changed(text, [add('10.0.0.2:80')], env).includes('+      - address: 10.0.0.2:80'));
  });

  test('what an instance tracks cannot go', () => {
    const text = `${BLOCK}vrrp_instances:\n  - name: VI_1\n    interface: eth0\n    virtual_router_id: 51\n    virtual_addresses: [ 192.0.2.1/24 ]\n    track: { virtual_servers: [ { name: web } ] }\n`;
    const { saved } = save({ main: text }, [{ kind: 'del-vs', service: 'web' }]);
    assert.equal(saved.next?.config, undefined);
    assert.match(saved.next?.problems.map(({ message }) => message).join() ?? '', /web/);
  });

  test('a key that no override speaks of yet is set in its place, or behind the address', () => {
    const edits: FileEdit[] = [
      { kind: 'set-service', service: 'web', key: 'quorum', value: 2 },
      { kind: 'set-service', service: 'web', key: 'scheduler', value: 'rr' },
    ];
    const { files } = saveEdits('main', BLOCK, {}, edits);
    assert.deepEqual(
      files[0]?.text,
      BLOCK.replace('quorum: 1', 'quorum: 2').replace('192.0.2.10:80\n', '192.0.2.10:80\n    scheduler: rr\n'),
    );
    const list = saveEdits('main', BLOCK, {}, [{ kind: 'set-service', service: 'web', key: 'real_servers', value: 1 }]);
    assert.match(list.problems[0]?.message ?? '', /real_servers of web has comments or anchors of its own/);
  });

  test('none where the defaults have a sorry server, and where nothing else says it; elsewhere the key goes', () => {
    const sorry = 'sorry_server: { address: 10.0.0.99:80 }';
    const fileOf = (defaults: string, own: string) =>
      `defaults: { scheduler: rr${defaults} }\nvirtual_servers:\n  - name: web\n    address: 192.0.2.10:80\n${own}    quorum: 2\n`;
    const none = [{ kind: 'set-vs', service: 'web', sorry_server: 'none' }] as const;
    const saved = (defaults: string, own: string) => savedFiles({ main: fileOf(defaults, own) }, none).main;
    assert.equal(saved(`, ${sorry}`, ''), fileOf(`, ${sorry}`, '    sorry_server: none\n'));
    assert.equal(saved(`, ${sorry}`, `    ${sorry}\n`), fileOf(`, ${sorry}`, '    sorry_server: none\n'));
    assert.equal(saved('', `    ${sorry}\n`), fileOf('', ''));
    const again = [{ kind: 'set-vs', service: 'web', sorry_server: '10.0.0.98:80' }] as const;
    const back = savedFiles({ main: fileOf(`, ${sorry}`, '    sorry_server: none\n') }, again).main;
    assert.match(back ?? '', /sorry_server: \{? ?\n? *address: 10\.0\.0\.98:80/);
  });

  const web = (more: string): string => `virtual_servers:\n  - name: web # n\n    address: 192.0.2.10:80\n${more}# end\n`;
  const flow = (more: string): string => `virtual_servers: [ { name: web, address: "192.0.2.10:80"${more} } ]\n`;
  const LOOKS = [
    web(''),
    web(
      '    persistence: 5m # p\n    quorum: 3 # q\n    scheduler: mh\n    scheduler_flags: # f\n      - mh-port\n      - mh-fallback\n',
    ),
    web(
      '    persistence:\n      timeout: 5m\n      prefix: 24\n    sorry_server: # s\n      forward: dr\n      address: 10.0.0.99:80 # a\n',
    ),
    web(
      '    sorry_server: { forward: dr, address: 10.0.0.98:80 }\n    slow_start: 30s\n    hysteresis: 1\n    quorum: 2\n    scheduler: wrr\n',
    ),
    web('    sorry_server: {\n      forward: dr, # f\n      address: 10.0.0.98:80 # a\n    }\n    on_failure: quiesce\n'),
    flow(''),
    flow(
      ', persistence: { prefix: 16 }, sorry_server: { address: "10.0.0.99:80" }, scheduler: sh, scheduler_flags: [ sh-port, sh-fallback ]',
    ),
    JSON.stringify(
      { virtual_servers: [{ name: 'web', address: '192.0.2.10:80', persistence: { timeout: 60 }, scheduler: 'rr' }] },
      null,
      1,
    ),
  ];

  test('settings of one that is added', () => {
    const id = { kind: 'address', family: 4, protocol: 'tcp', address: '192.0.2.20', port: 80 } as const;
    const added = { name: 'db', id, scheduler: 'rr', forward: undefined, persistence: 60, onePacket: false };
    const values: Readonly<Record<string, Value | null>> = {
      scheduler: 'mh',
      persistence: null,
      scheduler_flags: { list: ['mh-port', 'mh-fallback'] },
      sorry_server: { map: [['address', '10.0.0.99:80']] },
    };
    const sets = Object.entries(values).map(([key, value]): FileEdit => ({ kind: 'set-service', service: 'db', key, value }));
    const { files, next } = saveEdits('main', BLOCK, {}, [{ kind: 'add-service', added }, ...sets]);
    assert.equal(
      files[0]?.text.slice(BLOCK.length),
      '  - name: db\n    address: 192.0.2.20:80\n    scheduler: mh\n    scheduler_flags: [ mh-port, mh-fallback ]\n    sorry_server: { address: 10.0.0.99:80 }\n',
    );
    assert.ok(next?.config);
  });

  test('settings of a virtual server of every look become those of any other', () => {
    for (const from of LOOKS) {
      for (const to of LOOKS) {
        const target = configOf({ main: to }).virtualServers[0] ?? assert.fail();
        const edits = SETTINGS.map((key) => settingEdit('web', target, key));
        const { problems, files, next } = saveEdits('main', from, {}, edits);
        const text = files[0]?.text ?? from;
        assert.deepEqual(problems, [], text);
        assert.ok(next?.config, `${JSON.stringify(next?.problems)}\n${from}\n${to}\n${text}`);
        assert.deepEqual(plain(next.config.virtualServers[0]), target, `${from}\n${to}\n${text}`);
        assert.ok(!from.includes('# end') || text.endsWith('# end\n'));
        assert.ok(!from.includes('# n') || text.includes('# n\n'));
        if (from.startsWith('{')) JSON.parse(text);
      }
    }
  });

  test('a mapping keeps the comments of its keys; where it would go with them it is refused', () => {
    const text = web('    persistence:\n      timeout: 5m # t\n      # why\n      prefix: 24 # p\n');
    const become = (more: string) => {
      const { virtualServers } = configOf({ main: web(more) });
      return saveEdits('main', text, {}, [settingEdit('web', virtualServers[0] ?? assert.fail(), 'persistence')]);
    };
    assert.equal(become('    persistence: { timeout: 90, prefix: 24 }\n').files[0]?.text, text.replace('5m', '90s'));
    assert.equal(become('    persistence: 90\n').files[0]?.text, text.replace('5m', '90s').replace('      prefix: 24 # p\n', ''));
    assert.match(become('').problems[0]?.message ?? '', /persistence of web has comments or anchors of its own/);
  });

  test('a key beside the dash of its entry stays there', () => {
    const text = 'virtual_servers:\n  - sorry_server: { address: 10.0.0.99:80 }\n    name: web\n    address: 192.0.2.10:80\n';
    const { problems } = saveEdits('main', text, {}, [{ kind: 'set-service', service: 'web', key: 'sorry_server', value: null }]);
    assert.match(problems[0]?.message ?? '', /sorry_server of web is the first key of its entry/);
  });

  test('what no file has, and a file that is wrong now', () => {
    const edit: FileEdit = { kind: 'set-weight', service: 'web', address: '10.0.0.77', port: 80, weight: 1 };
    const problem = (text: string) => saveEdits('main', text, {}, [edit]).problems.map(({ message }) => message);
    assert.deepEqual(problem(BLOCK), ['web/10.0.0.77:80 stands in no file of the configuration']);
    const { current, next, files } = saveEdits('main', BLOCK.replace('weight: 10', 'weight: x'), {}, [edit]);
    assert.deepEqual([current.config, next, files], [undefined, undefined, []]);
  });

  test('passwords nearby are not shown', () => {
    const text = `vrrp_instances:
  - name: VI_1
    interface: eth0
    virtual_router_id: 51
    version: 2
    virtual_addresses: [ 192.0.2.10/24 ]
    authentication: { type: pass, password: "geheim" }
virtual_servers:
  - { name: web, address: 192.0.2.10:80 }
`;
    const { saved } = save({ main: text }, [add('10.0.0.1:80')]);
    assert.match(saved.files[0]?.diff ?? '', /password: … }/);
    assert.ok(saved.files[0]?.text.includes('"geheim"'));
  });
});
