/** A configuration that is read again by its items is what it is when all of it is read: value, problems and their places. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the configuration
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type ParseOptions, parseConfig } from '../../../src/config/parse.js';
import { type Before, type Limits, reparseConfig } from '../../../src/config/reparse.js';
import type { ParsedConfig } from '../../../src/config/types.js';

const NO_LIMITS: Limits = { fresh: 1e9, whole: 1e9 };

/** As it comes from the parser's process. */
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** The files of a configuration by name; the first is read, the others as they are included. */
type Files = Readonly<Record<string, string>>;

const optionsOf = (files: Files, env: NodeJS.ProcessEnv, hostname = 'd1'): ParseOptions => ({
  env,
  hostname,
  readInclude: (pattern) => {
    const found = Object.keys(files).filter((file) =>
      pattern.endsWith('*') ? file.startsWith(pattern.slice(0, -1)) : file === pattern,
    );
    return found.length > 0 || pattern.endsWith('*')
      ? found.map((file) => ({ file, text: files[file] as string }))
      : `no ${pattern}`;
  },
});

const full = (files: Files, env: NodeJS.ProcessEnv = {}, hostname = 'd1'): ParsedConfig =>
  plain(parseConfig('main', files.main as string, optionsOf(files, env, hostname)));

const again = (files: Files, before: Before, env: NodeJS.ProcessEnv = {}, hostname = 'd1', limits = NO_LIMITS) =>
  reparseConfig({ file: 'main', text: files.main as string }, optionsOf(files, env, hostname), before, limits);

const beforeOf = ({ config, record }: ParsedConfig): Before => {
  assert.ok(config && record);
  return { config, record };
};

const result = ({ config, problems }: ParsedConfig): unknown => plain({ config, problems });

// ---- by hand -------------------------------------------------------------------------------------------------------------------

const service = (name: string, host: number, more = ''): string =>
  `  - name: ${name}\n    address: 192.0.2.${host}:80\n${more}    real_servers:\n      - { address: 10.0.0.${host}:80, weight: 5 }\n`;
const HEAD = '# a director\nglobal: { router_id: d1 }\nvirtual_servers:\n';
const TAIL =
  'vrrp_instances:\n  - { name: VI_1, interface: eth0, virtual_router_id: 51, virtual_addresses: [ 192.0.2.1/24, 192.0.2.2/24 ] }\n';

/** Reads the first, then the second by its items; gives what was made anew. */
function step(from: string, to: string, env: NodeJS.ProcessEnv = {}, later = env): ParsedConfig {
  const before = beforeOf(full({ main: from }, env));
  const found = again({ main: to }, before, later);
  assert.ok(found, 'read by its items');
  assert.deepStrictEqual(result(found), result(full({ main: to }, later)));
  return found;
}

const namesOfFresh = (from: ParsedConfig, before: Before): string[] =>
  (from.config?.virtualServers ?? []).filter((one) => !before.config.virtualServers.includes(one)).map((one) => one.name);

describe('a configuration read again', () => {
  test('only what is written otherwise is built anew', () => {
    const text = HEAD + service('a', 1) + service('b', 2) + service('c', 3) + TAIL;
    const before = beforeOf(full({ main: text }));
    const fresh = (to: string): string[] => {
      const found = again({ main: to }, before);
      assert.ok(found);
      assert.deepStrictEqual(result(found), result(full({ main: to })));
      return namesOfFresh(found, before);
    };
    assert.deepEqual(fresh(text), []);
    assert.deepEqual(fresh(text.replace('192.0.2.2:80', '192.0.2.9:80')), ['b']);
    assert.deepEqual(fresh(HEAD + service('c', 3) + service('a', 1) + TAIL), []);
    assert.deepEqual(fresh(HEAD + service('a', 1) + service('n', 4) + service('b', 2) + TAIL), ['n']);
    assert.deepEqual(fresh(`${text}\n\n`), []);
    assert.deepEqual(fresh(text.replace('d1', 'd2')), []);
    assert.deepEqual(fresh(text.replace('  - name: b', '# why\n\n  - name: b')), []);
    assert.deepEqual(fresh(TAIL + HEAD + service('a', 1).trimEnd()), []);
  });

  test('warnings of what is the same are told where it stands now', () => {
    const text = HEAD + service('a', 1) + service('b', 2) + TAIL;
    const found = step(text, `# one line more\n${text}`);
    const bare = found.problems.filter(({ message }) => message.includes('has no check'));
    assert.deepEqual(
      bare.map(({ line, column, source }) => [line, column, source]),
      [
        [8, 9, '      - { address: 10.0.0.1:80, weight: 5 }'],
        [12, 9, '      - { address: 10.0.0.2:80, weight: 5 }'],
      ],
    );
  });

  test('a rule that looks at several items tells of the ones that are the same', () => {
    const text = HEAD + service('a', 1) + service('b', 2) + TAIL;
    const found = step(text, text.replace(', 192.0.2.2/24', ''));
    assert.ok(
      found.problems.some(({ message, line, column }) => /carries 192\.0\.2\.2/.test(message) && line === 9 && column === 14),
    );
  });

  test('what is wrong is left to the whole reading', () => {
    const before = beforeOf(full({ main: HEAD + service('a', 1) + service('b', 2) }));
    for (const text of [
      HEAD + service('a', 1) + service('a', 2),
      HEAD + service('a', 1) + service('b', 1),
      HEAD + service('a', 1) + service('b', 2).replace('weight', 'wieght'),
      `${HEAD}${service('a', 1)} x\n${service('b', 2)}`,
      `${HEAD}${service('a', 1)}${service('b', 2)}virtual_servers: []\n`,
      '',
    ]) {
      assert.equal(again({ main: text }, before), undefined, text);
      assert.equal(full({ main: text }).config, undefined, text);
    }
  });

  test('marks of checks that become those of what is the same are left to the whole reading', () => {
    const text = `virtual_servers:\n  - { name: m, fwmark: 7, real_servers: [ { address: 10.0.0.1 } ] }\n${service('a', 1, '    checks: [ { type: tcp, fwmark: 8 } ]\n')}`;
    const before = beforeOf(full({ main: text }));
    for (const marks of ['7-7', '8-8']) {
      const main = `global: { probe_marks: ${marks} }\n${text}`;
      assert.equal(again({ main }, before), undefined, marks);
      assert.ok(full({ main }).problems.some(({ message }) => message.includes('is one of probe_marks')));
    }
    step(text, `global: { probe_marks: 50-60 }\n${text}`);
  });

  test('what is inherited counts', () => {
    const text = `defaults: { scheduler: rr }\n${HEAD}${service('a', 1)}`;
    const other = text.replace('rr', 'wrr');
    assert.equal(again({ main: other }, beforeOf(full({ main: text }))), undefined);
    step(text, text.replace('{ scheduler: rr }', '{ scheduler: "rr" } # the same'));
  });

  test('a variable that has another value now makes another item', () => {
    const text = HEAD + service('a', 1, '    quorum: ${Q}\n') + service('b', 2) + TAIL;
    const before = beforeOf(full({ main: text }, { Q: '2' }));
    const found = again({ main: text }, before, { Q: '3' });
    assert.ok(found);
    assert.deepEqual(namesOfFresh(found, before), ['a']);
    assert.equal(found.config?.virtualServers[0]?.quorum, 3);
    assert.deepEqual(namesOfFresh(again({ main: text }, before, { Q: '2' }) as ParsedConfig, before), []);
    assert.equal(again({ main: text }, before, {}), undefined);
  });

  test('the name of the host counts where the file says none', () => {
    const text = `virtual_servers:\n${service('a', 1)}`;
    const found = again({ main: text }, beforeOf(full({ main: text })), {}, 'd2');
    assert.equal(found?.config?.global.routerId, 'd2');
  });

  test('items move between files with their warnings', () => {
    const text = `include: [ more, rest/* ]\n${HEAD}${service('a', 1)}`;
    const files = { main: text, more: `virtual_servers:\n${service('b', 2)}`, 'rest/1': '# nothing\n' };
    const moved = { main: text, more: '# gone\n', 'rest/1': `\n\nvirtual_servers:\n${service('c', 3)}${service('b', 2)}` };
    const before = beforeOf(full(files));
    const found = again(moved, before);
    assert.ok(found);
    assert.deepStrictEqual(result(found), result(full(moved)));
    assert.deepEqual(namesOfFresh(found, before), ['c']);
  });

  test('a text that only the library reads is known as a whole', () => {
    const files = {
      main: `${HEAD}${service('a', 1, '    checks: [ { type: tcp, send: "PING\\N" } ]\n')}include: more\n`,
      more: '',
    };
    const before = beforeOf(full(files));
    assert.ok(before.record.whole);
    const found = again(files, before);
    assert.equal(found?.config, before.config);
    assert.deepStrictEqual(result(found as ParsedConfig), result(full(files)));
    assert.equal(again({ ...files, main: `${files.main}# a comment\n` }, before), undefined);
    assert.equal(again({ ...files, more: `virtual_servers:\n${service('b', 2)}` }, before), undefined);
    assert.equal(again(files, before, {}, 'another'), undefined);
  });

  test('what is too much for one turn is left to the whole reading', () => {
    const text = HEAD + service('a', 1) + service('b', 2);
    const before = beforeOf(full({ main: text }));
    const limits = { fresh: 100, whole: 1000 };
    assert.ok(again({ main: text }, before, {}, 'd1', limits));
    assert.equal(again({ main: text + service('c', 3) }, before, {}, 'd1', limits), undefined);
    assert.equal(again({ main: text }, before, {}, 'd1', { fresh: 1e6, whole: 100 }), undefined);
  });
});

// ---- any change ----------------------------------------------------------------------------------------------------------------

/** Entries in many forms; the number makes them others. */
const FORMS: readonly ((n: number) => string)[] = [
  (n) => service(`s${n}`, n),
  (n) => `  - { name: f${n}, address: "192.0.2.${n}:53", protocol: udp, real_servers: [ { address: 10.0.1.${n} } ] }\n`,
  (n) =>
    `  - name: m${n}\n    fwmark: ${n}\n    # why\n    checks:\n    - type: tcp\n      port: 80\n\n    real_servers:\n    - address: 10.0.2.${n}\n      weight: \${W}\n    - address: 10.0.3.${n}\n`,
  (n) =>
    `  - name: "q${n}" # a name\n    address: [ 192.0.2.${n}:80,\n      192.0.2.${n}:81 ]\n    scheduler: sh\n    forward: dr\n    follow: VI_1\n    real_servers: [\n      { address: 10.0.4.${n}, weight: 3 }, # last\n      ]\n`,
  (n) => `  - name: e${n}\n    address: 192.0.2.${n}:\${P:-8080}\n    quorum: 7\n`,
  (n) => `  - name: v6x${n}\n    address: "[2001:db8::${n}]:80"\n    real_servers: [ { address: "[fe80::${n}]:80" } ]\n`,
  (n) =>
    `  - name: p${n}\n    address: 192.0.2.${n}:82\n    mode: { at_least: 1 }\n    slow_start: 30s\n    min_healthy: 50%\n    below: keep_last\n    damping: { half_life: ${n}s }\n    checks: [ { type: grpc, service: a }, { type: agent, port: 99, share: { max: 150% } } ]\n    real_servers:\n      - { address: 10.0.5.${n}:82, weight: ${n} }\n      - { address: 10.0.6.${n}:82, backup: 2 }\n`,
  (n) =>
    `  - name: w${n}\n    address: 192.0.2.${n}:83\n    forward: dr\n    checks: [ { type: tcp, via: vip }, { type: tcp_half_open, fwmark: 20 } ]\n    real_servers: [ { address: 10.0.7.${n} } ]\n`,
  (n) =>
    `  - name: n${n}\n    address: 192.0.2.${n}:84\n    max_ejected: 30%\n    damping: off\n    checks: [ { type: tcp, netns: t${n} } ]\n    real_servers: [ { address: 10.0.8.${n}:84, mode: any } ]\n    sorry_server: { address: 10.0.9.9:84 }\n`,
];
const SECTIONS = [
  '',
  TAIL,
  'defaults: { scheduler: rr, check: { interval: 3s } }\n',
  'timeouts:\n  tcp: 900s\n',
  'connection_sync: { interface: eth1, follow: VI_1 }\n',
  'include: [ "more/*" ]\n',
  'global:\n  probe_marks: 5-14\n  suspicion: { share: 60%, yield: true }\n',
  'global: { probe_marks: 0x64-0x65, suspicion: off, on_stop: remove }\n',
  'kernel_settings: { conntrack: 0 }\n',
];

const entry = fc.tuple(fc.nat(FORMS.length - 1), fc.integer({ min: 1, max: 12 })).map(([form, n]) => FORMS[form]?.(n) as string);
const entries = fc.uniqueArray(entry, { maxLength: 7 });
const list = (items: readonly string[]): string => (items.length === 0 ? '' : `virtual_servers: # all\n${items.join('')}`);

type Edit = (lines: string[]) => string[];

const line = fc.constantFrom(
  '',
  '# a word',
  '      # a word',
  '    quorum: 1',
  '    scheduler: wrr',
  '  - name: new',
  '- ~',
  '  - ~',
  '    real_servers:',
  '      - { address: 10.9.9.9:80 }',
  'virtual_servers:',
  '---',
  '\tx',
  '    follow: VI_1',
  '    address: 192.0.2.200:80',
  '  x',
  'x: "',
  '"',
);
const at = (lines: readonly string[], where: number): number => where % (lines.length + 1);
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(fc.nat(), line).map(
    ([where, text]) =>
      (lines: string[]) =>
        lines.toSpliced(at(lines, where), 0, text),
  ),
  fc.tuple(fc.nat(), fc.nat(3)).map(
    ([where, count]) =>
      (lines: string[]) =>
        lines.toSpliced(at(lines, where), count),
  ),
  fc.tuple(fc.nat(), fc.nat(), fc.nat(8)).map(([from, to, count]) => (lines: string[]) => {
    const taken = lines.slice(at(lines, from), at(lines, from) + count);
    const rest = lines.toSpliced(at(lines, from), count);
    return rest.toSpliced(at(rest, to), 0, ...taken);
  }),
  fc.tuple(fc.nat(), fc.constantFrom(...'0123456789 :-#{}[]",$xs')).map(([where, sign]) => (lines: string[]) => {
    const text = lines.join('\n');
    const place = where % (text.length + 1);
    return `${text.slice(0, place)}${sign}${text.slice(place)}`.split('\n');
  }),
  fc.tuple(fc.nat(), fc.nat(9)).map(([where, digit]) => (lines: string[]) => {
    const text = lines.join('\n');
    const digits = [...text.matchAll(/\d/g)];
    const place = digits[where % (digits.length || 1)]?.index ?? 0;
    return `${text.slice(0, place)}${digit}${text.slice(place + 1)}`.split('\n');
  }),
  fc.tuple(fc.nat(), fc.nat(12), fc.constantFrom('  ', ' ')).map(([where, count, by]) => (lines: string[]) => {
    const from = at(lines, where);
    return lines.map((text, i) => (i >= from && i < from + count && text !== '' ? by + text : text));
  }),
);

const world = fc.record({
  main: entries,
  more: entries,
  sections: fc.uniqueArray(fc.constantFrom(...SECTIONS)),
  first: fc.boolean(),
});
const change = fc.record({ file: fc.constantFrom('main', 'more/1'), edits: fc.array(edit, { minLength: 1, maxLength: 2 }) });
const ENVS = [{ W: '1' }, { W: '1', P: '90' }, {}] as const;

describe('any change of any configuration', () => {
  test('read by its items or as a whole, it is the same', () => {
    let sames = 0;
    let byItems = 0;
    let valid = 0;
    fc.assert(
      fc.property(
        world,
        fc.array(
          fc.oneof(
            { weight: 5, arbitrary: change },
            { weight: 1, arbitrary: fc.nat(ENVS.length - 1) },
            { weight: 2, arbitrary: world },
          ),
          {
            minLength: 1,
            maxLength: 6,
          },
        ),
        (start, changes) => {
          const make = ({ main, more, sections, first }: typeof start): Record<string, string> => ({
            main: (first ? [list(main), ...sections] : [...sections, list(main)]).join(''),
            'more/1': list(more),
          });
          let files = make(start);
          let env: NodeJS.ProcessEnv = ENVS[0];
          let base = full(files, env);
          for (const one of changes) {
            // What is refused is given up, as an administrator does.
            if (typeof one === 'number') env = ENVS[one] as NodeJS.ProcessEnv;
            else if ('main' in one) files = make(one);
            else {
              const text = one.edits.reduce((lines, each) => each(lines), (files[one.file] as string).split('\n')).join('\n');
              files = { ...files, [one.file]: text };
            }
            const wanted = full(files, env);
            const found = base.config && again(files, beforeOf(base), env);
            if (wanted.config) valid++;
            if (found) {
              byItems++;
              if (found.config?.virtualServers.some((vs) => base.config?.virtualServers.includes(vs))) sames++;
              assert.deepStrictEqual(result(found), result(wanted), JSON.stringify(files));
            }
            if (wanted.config) base = found ?? wanted;
          }
        },
      ),
      { numRuns: 1500 },
    );
    // The ways that are compared are gone.
    assert.ok(
      valid > 250 && byItems > 150 && sames > 100,
      `${valid} valid, ${byItems} by items, ${sames} with some that were the same`,
    );
  });
});
