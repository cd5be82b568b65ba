import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parseConfig } from '../../../../src/config/parse.js';
import type { Before } from '../../../../src/config/reparse.js';
import type { ParsedConfig } from '../../../../src/config/types.js';
import { Refused } from '../../../../src/daemon/core/refused.js';
import { openWanted, type Wanted, type WantedOptions } from '../../../../src/daemon/core/wanted.js';
import type { Intent } from '../../../../src/intent/types.js';
import { until } from '../../../fake/table-world.js';

let folder: string;
let text: string;
let told: string[];
let logged: string[];
let published: Intent[];

const file = (servers: string, extra = ''): string =>
  `global: { state_dir: ${folder}${extra} }\nvirtual_servers:\n  - name: web\n    address: 192.0.2.10:80\n    real_servers: [ ${servers} ]\n`;
const parse = (): ParsedConfig => parseConfig('f.yaml', text, { env: {} });

async function open(
  loadConfig: WantedOptions['loadConfig'] = () => Promise.resolve(parse()),
  more: Partial<WantedOptions> = {},
): Promise<Wanted> {
  const { config, record } = parse();
  assert.ok(config);
  return openWanted({
    file: 'f.yaml',
    config,
    record,
    log: { write: (level, words) => void logged.push(`${level} ${words}`), setLevel: () => {} },
    tell: (kind, subject, words) => told.push(`${kind} ${subject}: ${words}`),
    problems: new Set(),
    changed: (intent) => published.push(intent),
    loadConfig,
    ...more,
  });
}

const weights = (wanted: Wanted) => wanted.intent().services[0]?.realServers.map((one) => `${one.key}=${one.weight}`);
const refusedWith = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof Refused && error.error.code === code && message.test(error.error.message);

describe('what is wanted', () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lbd-wanted-'));
    text = file('{ address: "10.0.0.1:80", weight: 10 }');
    told = [];
    logged = [];
    published = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('a change is told, published, and there again after a restart', async () => {
    const wanted = await open();
    const done = await wanted.change(
      { kind: 'set-rs', service: 'web', rs: '10.0.0.1:80', weight: '3' },
      { who: 'ann', reason: 'hot' },
    );
    assert.deepEqual(done, { text: 'weight of 10.0.0.1:80 in web: 10 -> 3', revision: 2, dry_run: false });
    assert.match(told.join(), /by ann: hot/);
    assert.equal(published.length, 1);
    assert.deepEqual(weights(await open()), ['10.0.0.1:80=3']);
  });

  test('a dry run says what would be done and does nothing', async () => {
    const wanted = await open();
    const answer = await wanted.change({ kind: 'del-rs', service: 'web', rs: '10.0.0.1:80' }, { who: 'ann', dryRun: true });
    assert.match(answer.text, /^removed 10\.0\.0\.1:80/);
    assert.deepEqual([weights(wanted), published.length, told.length], [['10.0.0.1:80=10'], 0, 0]);
  });

  test('a reload with any error changes nothing and gives the problems', async () => {
    const wanted = await open();
    text = text.replace('weight: 10', 'weight: many');
    await assert.rejects(wanted.reload({ who: 'ann' }), refusedWith('invalid_config', /has 1 error: nothing was changed/));
    assert.deepEqual([weights(wanted), published.length], [['10.0.0.1:80=10'], 0]);
  });

  test('a key that cannot be read keeps everything as it was; another one in the same file is a change', async () => {
    let found: Record<string, string> | Error = { '/k': '01' };
    const readKeys = () => {
      if (found instanceof Error) throw found;
      return found;
    };
    const wanted = await open(undefined, { keys: { '/k': '01' }, readKeys });
    found = new Error('key 1 of VI_1: it is gone');
    text = text.replace('weight: 10', 'weight: 20');
    for (const dryRun of [true, false]) {
      const refused = refusedWith('refused', /^key 1 of VI_1: it is gone; nothing was changed$/);
      await assert.rejects(wanted.reload({ who: 'ann', dryRun }), refused);
    }
    assert.deepEqual([weights(wanted), published.length, wanted.keys()], [['10.0.0.1:80=10'], 0, { '/k': '01' }]);
    found = { '/k': '02' };
    await wanted.reload({ who: 'ann', dryRun: true });
    assert.deepEqual(wanted.keys(), { '/k': '01' });
    const { text: said } = await wanted.reload({ who: 'ann' });
    assert.equal(said, 'virtual server web changed, the key in /k is another');
    assert.deepEqual([published.length, wanted.keys()], [1, { '/k': '02' }]);
    assert.ok(![...told, ...logged].join().includes('02'));
  });

  test('who reads again is given what is in force and where it came from', async () => {
    const given: (Before | undefined)[] = [];
    const wanted = await open((_file, before) => {
      given.push(before);
      return Promise.resolve(parse());
    });
    const servers = (before: Before | undefined) => before?.config.virtualServers[0]?.realServers.map((one) => one.weight);
    const keys = () => given.map((one) => one?.record.items[0]?.key);
    text = text.replace('weight: 10', 'weight: 20');
    await wanted.reload({ who: 'ann', dryRun: true });
    await wanted.reload({ who: 'ann' });
    await wanted.reload({ who: 'ann' });
    assert.deepEqual(given.map(servers), [[10], [10], [20]]);
    assert.deepEqual([keys()[0] === keys()[1], keys()[1] === keys()[2]], [true, false]);
    assert.equal(given[2]?.config, wanted.config());
  });

  test('warnings of a reload are logged, thousands of them with a count', async () => {
    const wanted = await open();
    const servers = Array.from({ length: 30 }, (_none, i) => `{ address: "10.0.1.${i}:80" }`);
    text = file(['{ address: "10.0.0.1:80", checks: [ { type: tcp } ] }', ...servers].join());
    const { problems } = await wanted.reload({ who: 'ann' });
    assert.equal(problems.length, 30);
    assert.equal(logged.filter((one) => /^warn f\.yaml:\d+:\d+: warning: .* has no check/.test(one)).length, 20);
    assert.equal(logged.at(-1), 'warn and 10 more warnings: lbctl check-config shows all');
  });

  test('a file that takes long to read does not keep changes waiting, and reloads stay in their order', async () => {
    const reads: (() => void)[] = [];
    const wanted = await open(() => new Promise((resolve) => reads.push(() => resolve(parse()))));
    const first = wanted.reload({ who: 'ann' });
    const second = wanted.reload({ who: 'bob' });
    await wanted.change({ kind: 'set-rs', service: 'web', rs: '10.0.0.1:80', weight: '3' }, { who: 'eve' });
    assert.deepEqual([weights(wanted), reads.length], [['10.0.0.1:80=3'], 1]);
    text = file('{ address: "10.0.0.1:80", weight: 10 }, { address: "10.0.0.2:80" }');
    reads[0]?.();
    await first;
    await new Promise(setImmediate);
    assert.deepEqual([weights(wanted), reads.length], [['10.0.0.1:80=3', '10.0.0.2:80=1'], 2]);
    reads[1]?.();
    assert.equal((await second).text, 'nothing changed');
  });

  test('a reload that needs a restart is refused with that word', async () => {
    const wanted = await open();
    text = file('{ address: "10.0.0.1:80" }', ', control: { socket: /tmp/other.sock }');
    await assert.rejects(wanted.reload({ who: 'ann' }), refusedWith('refused', /global\.control\.socket .* needs a restart/));
  });

  test('a reload that changes only settings of the daemon, or the order, says so', async () => {
    const another = '  - { name: mail, address: "192.0.2.11:25", real_servers: [ { address: "10.0.0.2:25" } ] }\n';
    const web = '{ address: "10.0.0.1:80" }';
    text = file(web) + another;
    const wanted = await open();
    text = file(web, ', on_stop: remove') + another;
    assert.equal((await wanted.reload({ who: 'ann' })).text, 'global changed');
    text = `defaults: { check: { fall: 3 } }\n${text}`;
    assert.equal((await wanted.reload({ who: 'ann' })).text, 'defaults changed');
    text = text.replace(another, '').replace('virtual_servers:\n', `virtual_servers:\n${another}`);
    assert.equal((await wanted.reload({ who: 'ann' })).text, 'order of the virtual servers changed');
    assert.deepEqual(
      wanted.intent().services.map(({ name }) => name),
      ['mail', 'web'],
    );
    assert.equal((await wanted.reload({ who: 'ann' })).text, 'nothing changed');
  });

  test('a reload keeps overrides whose target is there, and tells of each one it drops', async () => {
    const wanted = await open();
    await wanted.change({ kind: 'set-rs', service: 'web', rs: '10.0.0.1:80', weight: '50%' }, { who: 'ann' });
    await wanted.change({ kind: 'add-rs', service: 'web', rs: '10.0.0.2:80' }, { who: 'ann' });
    text = file('{ address: "10.0.0.1:80", weight: 100 }, { address: "10.0.0.2:80", weight: 7 }');
    const { text: answer } = await wanted.reload({ who: 'ann' });
    assert.equal(answer, 'virtual server web changed');
    assert.deepEqual(weights(wanted), ['10.0.0.1:80=50', '10.0.0.2:80=7']);
    assert.match(told.join('\n'), /dropped the override of ann .*the file has 10\.0\.0\.2:80 in web now/);
    assert.equal(wanted.overrides().length, 1);
  });

  test('changes at the same time go one after the other', async () => {
    const wanted = await open();
    await Promise.all(
      [2, 3, 4, 5].map((n) => wanted.change({ kind: 'add-rs', service: 'web', rs: `10.0.0.${n}:80` }, { who: 'ann' })),
    );
    assert.equal(wanted.intent().services[0]?.realServers.length, 5);
    assert.deepEqual(
      wanted.overrides().map((one) => one.id),
      [1, 2, 3, 4],
    );
  });

  test('when the disk refuses, nothing is changed and the answer says so', async () => {
    const wanted = await open();
    rmSync(folder, { recursive: true });
    await assert.rejects(
      wanted.change({ kind: 'set-rs', service: 'web', rs: '10.0.0.1:80', weight: '3' }, { who: 'ann' }),
      refusedWith('unavailable', /cannot be saved.*nothing was changed/),
    );
    assert.deepEqual([weights(wanted), published.length], [['10.0.0.1:80=10'], 0]);
    const { mkdirSync } = await import('node:fs');
    mkdirSync(folder);
  });

  test('what ends by itself ends, is told, and is gone after a restart', async () => {
    const wanted = await open();
    await wanted.change({ kind: 'set-state', service: 'web', rs: '10.0.0.1', state: 'disable', for: 1 }, { who: 'ann' });
    assert.equal(wanted.intent().services[0]?.realServers[0]?.admin?.state, 'disabled');
    await until(() => published.length === 2, 'it is over');
    assert.match(told.at(-1) ?? '', /^override web\/10\.0\.0\.1:80: ready again: being disabled has ended \(by ann at /);
    assert.deepEqual([wanted.overrides(), published[1]?.services[0]?.realServers[0]?.admin], [[], undefined]);
    assert.deepEqual((await open()).overrides(), []);
  });

  test('what ended while lbd was away has ended when it starts', async () => {
    const first = await open();
    await first.change({ kind: 'set-host', host: '10.0.0.1', state: 'drain', for: 1 }, { who: 'ann' });
    first.close();
    const over = Date.now() + 1001;
    await until(() => Date.now() > over, 'a second');
    const wanted = await open();
    assert.equal(wanted.intent().services[0]?.realServers[0]?.admin, undefined);
    assert.match(told.at(-1) ?? '', /^override host 10\.0\.0\.1: ready again: its drain has ended/);
    assert.deepEqual((await open()).overrides(), []);
  });

  test('it ends also where the disk refuses to write that down', async () => {
    const wanted = await open();
    await wanted.change({ kind: 'set-state', service: 'web', rs: '10.0.0.1', state: 'disable', for: 1 }, { who: 'ann' });
    rmSync(folder, { recursive: true });
    await until(() => wanted.overrides().length === 0, 'it is over');
    const { mkdirSync } = await import('node:fs');
    mkdirSync(folder);
  });

  test('one that is drained to be removed is removed when it is empty, once', async () => {
    const wanted = await open();
    await wanted.change({ kind: 'del-rs', service: 'web', rs: '10.0.0.1', drain: true, no_deadline: true }, { who: 'ann' });
    const [{ id = 0 } = {}] = wanted.overrides();
    await Promise.all([wanted.drained(id), wanted.drained(id), wanted.drained(99)]);
    assert.deepEqual([wanted.intent().services[0]?.realServers, published.length], [[], 2]);
    assert.match(told.at(-1) ?? '', /it is empty: removed, as asked for by ann/);
    assert.deepEqual(
      (await open()).overrides().map(({ change }) => change.kind),
      ['del-rs'],
    );
  });

  test('the answer has its notes, and the event has not', async () => {
    const { notes, text: answer } = await (await open()).change(
      { kind: 'del-rs', service: 'web', rs: '10.0.0.1', drain: true, no_deadline: true },
      { who: 'ann' },
    );
    assert.deepEqual(notes, ['lbctl undrain keeps it, as long as it is there']);
    assert.equal(told.at(-1), `override web/10.0.0.1:80: ${answer} (by ann)`);
  });

  test('a service that is renamed by a reload keeps what was said of it', async () => {
    const wanted = await open();
    await wanted.change({ kind: 'set-state', service: 'web', rs: '10.0.0.1', state: 'drain' }, { who: 'ann' });
    text = text.replace('name: web', 'name: www');
    await wanted.reload({ who: 'ann' });
    assert.equal(wanted.intent().services[0]?.realServers[0]?.admin?.state, 'drain');
    assert.match(told.join('\n'), /override www: what was set at run time for web is kept: it is www now/);
    assert.equal((await open()).intent().services[0]?.realServers[0]?.admin?.state, 'drain');
  });
});
