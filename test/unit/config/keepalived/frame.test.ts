/** The sheet, its text, and the walk over statements: comments stay with what they are about, and every statement has one class. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { emit } from '../../../../src/config/keepalived/emit.js';
import { createNotes } from '../../../../src/config/keepalived/notes.js';
import { createSheet, Mapping } from '../../../../src/config/keepalived/sheet.js';
import type { Statement, Word } from '../../../../src/config/keepalived/types.js';
import { refuseWhole, walk } from '../../../../src/config/keepalived/walk.js';
import { parseConfig } from '../../../../src/config/parse.js';
import { imported, notesOf } from '../../../fake/imported.js';

const word = (text: string, line: number): Word => ({ text, quoted: false, place: { file: 'k.conf', line, column: 1 } });

function statement(text: string, line: number, more: Partial<Omit<Statement, 'key' | 'args'>> = {}): Statement {
  const [key = '', ...args] = text.split(' ');
  const rest = { block: undefined, above: [], beside: undefined, below: [] };
  return { key: word(key, line), args: args.map((one) => word(one, line)), ...rest, ...more };
}

function sheetOf(fill: (sheet: ReturnType<typeof createSheet>) => void, order: readonly string[] = []) {
  const sheet = createSheet(order);
  fill(sheet);
  return emit(sheet.root);
}

describe('comments', () => {
  test('above, beside, of what takes lines, of the first key of an item, at the end', () => {
    const { text } = sheetOf(({ root, set, add, listOf, close }) => {
      const service = new Mapping(['name']);
      set(service, 'scheduler', 'wrr', statement('lb_algo wrr', 3, { beside: ' weighted', above: ['! not rr'] }));
      set(service, 'name', 'web', statement('virtual_server', 2, { above: [' its name'] }));
      set(service, 'text', 'one\ntwo', statement('text', 4, { beside: ' of two lines' }));
      add(listOf(root, 'services'), service, statement('virtual_server', 1, { above: ['', ' the shop', ''] }));
      close([' the end']);
    });
    assert.equal(
      text,
      `services:
  # the shop

  # its name
  - name: web
    #! not rr
    scheduler: wrr # weighted
    text: |- # of two lines
      one
      two

# the end
`,
    );
  });

  test('of what is left out stand before what is written next, those within its block too; nothing is said twice', () => {
    const { text } = sheetOf(({ root, set, leave, close }) => {
      const inner = [statement('a', 2, { above: [' of a'], below: [' under a'] }), statement('b', 3, { beside: ' of b' })];
      const lost = statement('lost', 1, { above: [' of it'], block: inner, below: [' last'] });
      leave(lost, { words: 'lost', why: 'none' });
      for (const [i, why] of ['none', 'none', 'other'].entries()) leave(statement(`more ${i}`, 9), { words: `more ${i}`, why });
      leave(lost);
      const kept = statement('kept', 4, { above: [' of kept'] });
      set(root, 'one', 1, kept);
      set(root, 'two', 2, kept);
      leave(statement('gone', 5, { above: [' of gone'] }));
      close([]);
    });
    const expected = [
      'of it',
      'of a',
      'under a',
      'of b',
      'last',
      'not carried over: "lost", "more 0", "more 1": none',
      'not carried over: "more 2": other',
      'of kept',
    ].map((line) => `# ${line}\n`);
    assert.equal(text, `${expected.join('')}one: 1\n\ntwo: 2\n\n# of gone\n`);
  });
});

test('what lbd takes in no file is named in comments, and stays what it is in values', () => {
  const { text } = sheetOf(({ root, set, leave, mappingOf, close }) => {
    const global = mappingOf(root, 'global');
    leave(statement('fo\x1bo', 1), { words: 'fo\x1bo', why: 'unknown' });
    set(global, 'router_id', 'd\x07', statement('router_id', 2, { above: [' a\fpage', ' \ufffd'], beside: ' \x93so\x94\x7f' }));
    set(root, 'virtual_servers', [], statement('virtual_server', 3, { above: [' one\rtwo'] }));
    close([' \0']);
  });
  for (const line of [
    'not carried over: "fo\\x1bo": unknown',
    'a\\x0cpage',
    '\\ufffd',
    '\\x93so\\x94\\x7f',
    'one\\x0dtwo',
    '\\x00',
  ])
    assert.ok(text.includes(`# ${line}\n`), `${line} in ${text}`);
  assert.ok(text.includes('router_id: "d\\a"'), text);
  assert.ok(
    parseConfig('lbd.yaml', text).problems.every(({ message }) => !/control characters|no UTF-8/.test(message)),
    text,
  );
});

describe('the text', () => {
  test('short things stand on a line, sections and what is long do not; keys in their order', () => {
    const long = 'x'.repeat(60);
    const { text } = sheetOf(
      ({ root, set }) => {
        set(root, 'later', [
          { name: 'a', list: [1, 2] },
          { name: long, more: long },
        ]);
        set(root, 'first', { control: { socket: '/run/x' }, yes: true });
      },
      ['first', 'later'],
    );
    assert.equal(
      text,
      `first:
  control: { socket: /run/x }
  yes: true

later:
  - { name: a, list: [ 1, 2 ] }

  - name: ${long}
    more: ${long}
`,
    );
  });

  test('a dollar sign is none of a variable, and what looks like something else is quoted', () => {
    const values = [
      'a$b',
      `\${HOME}`,
      '$$',
      'yes',
      'true',
      '12',
      '1.2.3.4:80',
      '[::1]:80',
      '#x',
      'a: b',
      '- a',
      '',
      "it's",
      '"q"',
      '\\d',
    ];
    const body = values.map((value) => ({ value }));
    const { text } = sheetOf(({ root, set }) => set(root, 'global', { router_id: values.join(' ') }));
    const { config } = parseConfig('f', text);
    assert.equal(config, undefined, 'there is nothing in it but a name');
    for (const { value } of body.filter((one) => one.value !== '')) {
      const service = { name: 'a', address: '10.0.0.1:80', checks: [{ type: 'http', path: '/', body: value }] };
      const { text: whole } = sheetOf(({ root, set }) =>
        set(root, 'virtual_servers', [{ ...service, real_servers: [{ address: '10.0.0.2:80' }] }]),
      );
      const parsed = parseConfig('f', whole);
      assert.deepEqual(
        parsed.problems.filter(({ severity }) => severity === 'error'),
        [],
        whole,
      );
      const check = parsed.config?.virtualServers[0]?.realServers[0]?.checks[0];
      assert.equal((check as unknown as { readonly body: string }).body, value);
    }
  });

  test('every offset has the nearest place before it', () => {
    const { text, placeAt } = sheetOf(({ root, set, add, listOf }) => {
      set(root, 'global', { a: 1 }, statement('global_defs', 7));
      const list = listOf(root, 'items');
      add(list, { a: 1, b: 2 }, statement('one', 9));
      add(list, { a: 3 }, statement('two', 10));
    });
    const lineAt = (part: string) => placeAt(text.indexOf(part))?.line;
    assert.deepEqual(['a: 1', 'b: 2', 'a: 3'].map(lineAt), [7, 9, 10]);
  });
});

describe('the walk', () => {
  const importing = () => ({ notes: createNotes(), sheet: createSheet([]) });

  test('an unknown word is refused with all that stands in its block, and with the word that was meant', () => {
    const given = importing();
    const block = [statement('weight 3', 2, { block: [statement('deep 1', 3)] })];
    walk('root', [statement('virtual_sever 10.0.0.1 80', 1, { block })], {}, given);
    const verdicts = given.notes.verdicts();
    assert.deepEqual(
      verdicts.map(({ statement: { key }, outcome }) => [key.text, outcome]),
      [
        ['virtual_sever', 'refused'],
        ['weight', 'refused'],
        ['deep', 'refused'],
      ],
    );
    assert.match(verdicts[0]?.texts.join() as string, /did you mean "virtual_server"/);
    given.sheet.close([]);
    assert.match(emit(given.sheet.root).text, /# not carried over: "virtual_sever 10\.0\.0\.1 80": /);
  });

  test('of several words about a statement the gravest is its class, and each text is there once', () => {
    const given = importing();
    const one = statement('virtual_server 10.0.0.1 80', 1, { block: [] });
    walk('root', [one], { virtual_server: (met) => given.notes.change(met, 'other') }, given);
    given.notes.change(one, 'other');
    refuseWhole(one, 'no real server', given);
    given.notes.change(one, 'more');
    assert.deepEqual(
      given.notes.verdicts().map(({ outcome, texts }) => [outcome, texts]),
      [['refused', ['other', 'no real server', 'more']]],
    );
  });
});

test('a block that keepalived does not know ends the one around it there, which is told where something follows', () => {
  const instance = (...lines: readonly string[]) =>
    `vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n}\n${lines.join('\n')}\n}\n`;
  const unknown = 'authenticetion {\nauth_type PASS\n}';
  const told = (text: string) => notesOf(imported(text)).find((one) => one.startsWith('refused authenticetion')) ?? '';
  assert.match(
    told(instance(unknown, 'priority 50')),
    /takes the \} of it for that of vrrp_instance: what follows.*authentication/,
  );
  assert.match(told(instance('priority 50', unknown)), /in vrrp_instance, and passes over it; did you mean "authentication"/);
});
