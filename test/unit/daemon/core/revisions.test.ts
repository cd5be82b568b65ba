import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parseConfig } from '../../../../src/config/parse.js';
import type { ParsedConfig, SourceText } from '../../../../src/config/types.js';
import { Refused } from '../../../../src/daemon/core/refused.js';
import { withPeers } from '../../../../src/daemon/core/revisions.js';
import { takeBackAtStart } from '../../../../src/daemon/core/take-back.js';
import { openWanted, type Wanted, type WantedOptions } from '../../../../src/daemon/core/wanted.js';
import { parseSurroundings, readConfigFile } from '../../../../src/os/config-files.js';
import { until } from '../../../fake/table-world.js';

let folder: string;
let file: string;
let told: string[];
let logged: string[];
let problems: Set<string>;
let open: Wanted[];

const service = (name: string, host: number, servers: readonly string[] = ['10.0.0.1']): string =>
  [
    `  - name: ${name}`,
    `    address: 192.0.2.${host}:80`,
    '    real_servers:',
    ...servers.map((one) => `      - { address: "${one}:80", weight: 10 }`),
    '',
  ].join('\n');
const config = (...services: string[]): string => `global: { state_dir: ${folder} }\nvirtual_servers:\n${services.join('')}`;
/** Of what there was nothing is left. */
const emptied = () => config(service('other', 13));
const put = (text: string): void => writeFileSync(file, text);
const get = (): string => readFileSync(file, 'utf8');

function read(texts: readonly SourceText[] = [], alone = false): ParsedConfig {
  const found = texts.find((one) => one.file === file) ?? readConfigFile(file);
  assert.ok(typeof found !== 'string', String(found));
  return parseConfig(file, found.text, { ...parseSurroundings(readConfigFile, texts, alone), env: {} });
}

const ignoreLog = { write: (level: string, words: string) => void logged.push(`${level} ${words}`), setLevel: () => {} };

/** As core starts. */
async function start(more: Partial<WantedOptions> = {}): Promise<Wanted> {
  const found = read();
  assert.ok(found.config);
  const takenBack = await takeBackAtStart(found.config, {
    read: (texts) => Promise.resolve(read(texts, true)),
    warn: (text) => void logged.push(text),
  });
  const instead = takenBack?.instead && read(takenBack.instead.texts, true);
  const { config: first, record, sources } = instead ?? (takenBack ? read() : found);
  assert.ok(first);
  const wanted = await openWanted({
    file,
    config: first,
    record,
    sources,
    takenBack,
    log: ignoreLog,
    tell: (kind, subject, words) => told.push(`${kind} ${subject}: ${words}`),
    problems,
    changed: () => {},
    loadConfig: () => Promise.resolve(read()),
    loadTexts: (_file, texts, alone) => Promise.resolve(read(texts, alone)),
    ...more,
  });
  open.push(wanted);
  return wanted;
}

const names = (wanted: Wanted) => wanted.intent().services.map((one) => one.name);
const weights = (wanted: Wanted) => wanted.intent().services.flatMap((one) => one.realServers.map((each) => each.weight));
const refusedWith = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof Refused && error.error.code === code && message.test(error.error.message);
const setWeight = (weight: string, name = 'web') => ({ kind: 'set-rs', service: name, rs: '10.0.0.1:80', weight }) as const;
const ann = { who: 'ann' };

describe('revisions', () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lbd-revisions-'));
    file = join(folder, 'lbd.yaml');
    told = [];
    logged = [];
    problems = new Set();
    open = [];
    put(config(service('web', 10), service('dns', 11)));
  });
  afterEach(() => {
    for (const wanted of open) wanted.close();
    rmSync(folder, { recursive: true });
  });

  test('they count on over a restart; one with the same file and overrides is the same revision', async () => {
    const one = await start();
    assert.equal(one.intent().revision, 1);
    await one.change(setWeight('3'), ann);
    const two = await start();
    assert.equal(two.intent().revision, 2);
    put(config(service('web', 10)));
    const three = await start();
    assert.equal(three.intent().revision, 3);
    assert.deepEqual(
      three.revisions().map(({ revision, kind }) => `${revision} ${kind}`),
      ['1 start', '2 change', '3 start'],
    );
  });

  test('a virtual server that gets another name while lbd is away keeps what was set at run time', async () => {
    const wanted = await start();
    await wanted.change(setWeight('3', 'dns'), ann);
    put(config(service('web', 10), service('names', 11)));
    const next = await start();
    assert.deepEqual(
      [names(next), weights(next)],
      [
        ['web', 'names'],
        [10, 3],
      ],
    );
    assert.match(told.join('\n'), /what was set at run time for dns is kept: it is names now/);
    put(config(service('web', 10)));
    assert.equal((await start()).overrides().length, 0);
    assert.match(told.join('\n'), /dropped the override of ann/);
  });

  test('a change that expects another revision is refused, and says what came between', async () => {
    const wanted = await start();
    await wanted.change(setWeight('3'), { who: 'bob', expected: 1 });
    const late = wanted.change(setWeight('4'), { who: 'ann', expected: 1 });
    await assert.rejects(late, refusedWith('stale', /revision 2 is in force, not 1: weight of .* \(by bob\)/));
    for (const work of [
      wanted.reload({ ...ann, expected: 1 }),
      wanted.rollback(1, { ...ann, expected: 1 }),
      wanted.apply({ ...ann, text: emptied(), expected: 1 }),
    ])
      await assert.rejects(work, refusedWith('stale', /revision 2/));
    assert.deepEqual(weights(wanted), [3, 10]);
  });

  test('several changes are one revision, or none of them', async () => {
    const wanted = await start();
    const done = await wanted.change([setWeight('3'), { kind: 'add-rs', service: 'dns', rs: '10.0.0.9:80' }], ann);
    assert.match(done.text, /^2 changes: weight of 10\.0\.0\.1:80 in web: 10 -> 3; added 10\.0\.0\.9:80 to dns/);
    assert.deepEqual([wanted.intent().revision, weights(wanted)], [2, [3, 10, 1]]);
    const half = wanted.change([setWeight('4'), { kind: 'del-rs', service: 'mail', rs: '10.0.0.1:80' }], ann);
    await assert.rejects(half, refusedWith('refused', /^change 2: .*mail.*: nothing was changed$/));
    assert.deepEqual([wanted.intent().revision, weights(wanted)], [2, [3, 10, 1]]);
    assert.deepEqual(weights(await start()), [3, 10, 1]);
    const ids = wanted.overrides().map(({ id }) => id);
    assert.deepEqual(ids, [...new Set(ids)]);
  });

  test('what is said for a time ends by itself, also over a restart, and what stood before it does not come back', async () => {
    const wanted = await start();
    await wanted.change(setWeight('3'), ann);
    const { text } = await wanted.change({ ...setWeight('4'), for: 1 }, ann);
    assert.match(text, /3 -> 4, for 1s/);
    await wanted.change({ kind: 'add-rs', service: 'dns', rs: '10.0.0.9:80', for: 3600 }, ann);
    await wanted.change({ kind: 'del-vs', service: 'web', for: 1 }, ann);
    assert.deepEqual(names(wanted), ['dns']);
    const next = await start();
    await until(() => names(next).includes('web'), 'there again');
    assert.deepEqual([weights(next), next.overrides().map(({ change }) => change.kind)], [[10, 10, 1], ['add-rs']]);
    assert.equal(next.revisions().at(-1)?.kind, 'expiry');
    assert.match(told.join('\n'), /web: there again: its time is over \(by ann/);
  });

  test('what has nothing that could end is not said for a time', async () => {
    const wanted = await start();
    await wanted.change({ kind: 'add-rs', service: 'web', rs: '10.0.0.9:80' }, ann);
    const runtime = wanted.change({ kind: 'del-rs', service: 'web', rs: '10.0.0.9:80', for: 60 }, ann);
    await assert.rejects(runtime, refusedWith('refused', /--for means nothing here/));
    const drain = wanted.change({ kind: 'del-rs', service: 'web', rs: '10.0.0.1:80', drain: true, for: 60 }, ann);
    await assert.rejects(drain, refusedWith('refused', /is for good: leave --for out/));
  });

  test('a reload that takes more than its share away is refused, and done when forced; one named change is not asked', async () => {
    const wanted = await start();
    put(emptied());
    await assert.rejects(
      wanted.reload(ann),
      refusedWith('refused', /removes 2 of 2 virtual servers, and global\.max_removed is 50%/),
    );
    assert.deepEqual(names(wanted), ['web', 'dns']);
    await wanted.reload({ ...ann, force: true });
    assert.deepEqual(names(wanted), ['other']);
    await wanted.change({ kind: 'del-vs', service: 'other' }, ann);
    assert.deepEqual(names(wanted), []);
  });

  test('a service that only has another name is not taken away', async () => {
    const wanted = await start();
    put(config(service('www', 10), service('names', 11)));
    await wanted.reload(ann);
    assert.deepEqual(names(wanted), ['www', 'names']);
  });

  test('back to an earlier revision: overrides, file and all; and from there to the newer one', async () => {
    const wanted = await start();
    await wanted.change(setWeight('3'), ann);
    const before = get();
    put(config(service('web', 10), service('mail', 12)));
    await wanted.reload(ann);
    await wanted.change(setWeight('5'), ann);
    const newer = get();
    const back = await wanted.rollback(2, { ...ann, reason: 'mail is not ready' });
    assert.match(back.text, /^back to revision 2: .*virtual server dns added/);
    assert.deepEqual([back.revision, names(wanted), weights(wanted), get()], [5, ['web', 'dns'], [3, 10], before]);
    await wanted.rollback(4, ann);
    assert.deepEqual([names(wanted), weights(wanted), get()], [['web', 'mail'], [5, 10], newer]);
    const again = await start();
    assert.deepEqual([again.intent().revision, names(again), weights(again)], [6, ['web', 'mail'], [5, 10]]);
  });

  test('without a number it undoes the last change, and a dry run does nothing', async () => {
    const wanted = await start();
    await wanted.change(setWeight('3'), ann);
    const dry = await wanted.rollback(undefined, { ...ann, dryRun: true });
    assert.deepEqual([dry.dry_run, weights(wanted)], [true, [3, 10]]);
    await wanted.rollback(undefined, ann);
    assert.deepEqual(weights(wanted), [10, 10]);
    await assert.rejects(wanted.rollback(99, ann), refusedWith('refused', /revision 99 is not kept: those from 1 are/));
    await assert.rejects(wanted.rollback(3, ann), refusedWith('refused', /revision 3 is in force/));
  });

  test('an include that was not there then is in the way', async () => {
    mkdirSync(join(folder, 'conf.d'));
    put(`include: [ conf.d/*.yaml ]\n${config(service('web', 10))}`);
    const wanted = await start();
    writeFileSync(join(folder, 'conf.d/mail.yaml'), `virtual_servers:\n${service('mail', 12)}`);
    await wanted.reload(ann);
    assert.deepEqual(names(wanted), ['web', 'mail']);
    await assert.rejects(
      wanted.rollback(1, ann),
      refusedWith('refused', /mail\.yaml was not there at revision 1: move it away first/),
    );
    rmSync(join(folder, 'conf.d/mail.yaml'));
    await wanted.rollback(1, ann);
    assert.deepEqual(names(wanted), ['web']);
    await wanted.rollback(2, ann);
    assert.deepEqual(names(wanted), ['web', 'mail']);
    assert.match(readFileSync(join(folder, 'conf.d/mail.yaml'), 'utf8'), /192\.0\.2\.12/);
  });

  test('plan says what would change, and why it would be refused', async () => {
    const wanted = await start();
    const planned = await wanted.plan({ text: config(service('web', 10, ['10.0.0.1', '10.0.0.2'])) });
    assert.deepEqual([planned.after.services.length, planned.refused], [1, undefined]);
    assert.match((await wanted.plan({ text: emptied() })).refused ?? '', /removes 2 of 2/);
    assert.deepEqual([names(wanted), wanted.intent().revision], [['web', 'dns'], 1]);
    await assert.rejects(wanted.plan({ text: 'virtual_servers: 7\n', name: 'new.yaml' }), (error: unknown) => {
      assert.ok(error instanceof Refused);
      assert.match(error.message, /^new\.yaml has 1 error/);
      return error.error.problems?.[0]?.file === 'new.yaml' && error.error.problems[0].line === 1;
    });
  });

  test('apply writes the file, also through a link, and is there after a restart', async () => {
    const target = join(folder, 'real.yaml');
    writeFileSync(target, get(), { mode: 0o640 });
    rmSync(file);
    symlinkSync(target, file);
    const wanted = await start();
    const text = config(service('web', 10), service('mail', 12));
    await wanted.apply({ ...ann, text });
    assert.deepEqual([names(wanted), readFileSync(target, 'utf8')], [['web', 'mail'], text]);
    assert.deepEqual(names(await start()), ['web', 'mail']);
  });

  test('apply does not overwrite edits that nobody loaded, unless it is these that it applies', async () => {
    const wanted = await start();
    const edited = config(service('web', 10), service('dns', 11), service('edited', 13));
    put(edited);
    const text = config(service('web', 10), service('mail', 12));
    await assert.rejects(wanted.apply({ ...ann, text }), refusedWith('refused', /lbd\.yaml was edited and not loaded/));
    assert.equal(get(), edited);
    await wanted.apply({ ...ann, text: edited });
    assert.deepEqual(names(wanted), ['web', 'dns', 'edited']);
  });

  test('what is wrong in a text that is applied changes nothing, on disk neither', async () => {
    const wanted = await start();
    const before = get();
    await assert.rejects(wanted.apply({ ...ann, text: 'virtual_servers: {' }), refusedWith('invalid_config', /error/));
    await assert.rejects(wanted.apply({ ...ann, text: emptied() }), refusedWith('refused', /removes 2 of 2/));
    assert.deepEqual([get(), wanted.intent().revision], [before, 1]);
  });

  describe('until it is confirmed', () => {
    const other = () => config(service('web', 10), service('mail', 12));

    test('it is taken back when the time is over; what was changed meanwhile stays', async () => {
      const wanted = await start();
      const before = get();
      await wanted.apply({ ...ann, text: other(), confirm: 300 });
      assert.deepEqual([names(wanted), get()], [['web', 'mail'], other()]);
      await wanted.change(setWeight('3'), ann);
      await until(() => names(wanted).includes('dns'), 'taken back');
      assert.deepEqual([names(wanted), weights(wanted), get(), wanted.pending()], [['web', 'dns'], [3, 10], before, undefined]);
      assert.match(told.join('\n'), /back to the configuration of revision 1: .*not confirmed by ann in time/);
    });

    test('confirmed it stays, also after a restart', async () => {
      const wanted = await start();
      await wanted.apply({ ...ann, text: other(), confirm: 60_000 });
      await assert.rejects(wanted.reload(ann), refusedWith('refused', /what ann applied is not confirmed yet/));
      assert.match((await wanted.confirm({ who: 'bob' })).text, /confirmed: it stays/);
      assert.deepEqual(names(await start()), ['web', 'mail']);
      await assert.rejects(wanted.confirm(ann), refusedWith('refused', /nothing waits/));
    });

    test('rollback takes it back at once', async () => {
      const wanted = await start();
      await wanted.apply({ ...ann, text: other(), confirm: 60_000 });
      await wanted.rollback(undefined, ann);
      assert.deepEqual([names(wanted), existsSync(join(folder, 'pending.json'))], [['web', 'dns'], false]);
    });

    test('a daemon that dies before takes it back at its start, with overrides of what had vanished', async () => {
      const wanted = await start();
      await wanted.change(setWeight('3', 'dns'), ann);
      const before = get();
      await wanted.apply({ ...ann, text: other(), confirm: 60_000 });
      assert.deepEqual(names(wanted), ['web', 'mail']);
      const next = await start();
      assert.deepEqual([names(next), weights(next), get()], [['web', 'dns'], [10, 3], before]);
      assert.equal(existsSync(join(folder, 'pending.json')), false);
      assert.match(next.revisions().at(-1)?.text ?? '', /back to the configuration of revision 2/);
    });

    test('overrides of what has vanished are dropped when it is confirmed, and not before', async () => {
      const wanted = await start();
      await wanted.change(setWeight('3', 'dns'), ann);
      await wanted.apply({ ...ann, text: other(), confirm: 60_000 });
      assert.equal(wanted.overrides().length, 1);
      await wanted.confirm(ann);
      assert.equal(wanted.overrides().length, 0);
      assert.match(told.join('\n'), /dropped the override of ann/);
    });

    test('a start that cannot write the file back has the configuration before in force, says so, and tries again', async () => {
      const wanted = await start();
      const before = get();
      await wanted.apply({ ...ann, text: other(), confirm: 60_000 });
      // Where the new text is written first.
      const beside = join(folder, '.lbd.yaml.lbd-new');
      mkdirSync(beside);
      for (let i = 0; i < 2; i++) {
        const next = await start();
        assert.deepEqual([names(next), get()], [['web', 'dns'], other()]);
        await next.change(setWeight(String(i + 3)), ann);
        assert.match(
          [...problems].join(),
          /ann applied was not confirmed .*the one before it is in force, and .*lbd\.yaml cannot be written/,
        );
      }
      rmSync(beside, { recursive: true });
      assert.deepEqual([names(await start()), get()], [['web', 'dns'], before]);
      assert.equal(existsSync(join(folder, 'pending.json')), false);
    });

    test('a reload takes the file that could not be written back, and that is the end of it', async () => {
      const wanted = await start();
      await wanted.apply({ ...ann, text: other(), confirm: 60_000 });
      const beside = join(folder, '.lbd.yaml.lbd-new');
      mkdirSync(beside);
      problems.clear();
      const next = await start();
      await next.reload(ann);
      rmSync(beside, { recursive: true });
      assert.deepEqual([names(next), problems.size], [['web', 'mail'], 0]);
      assert.deepEqual(names(await start()), ['web', 'mail']);
    });

    test('a file that somebody edited meanwhile is left alone', async () => {
      const wanted = await start();
      await wanted.apply({ ...ann, text: other(), confirm: 60_000 });
      const edited = config(service('web', 10), service('edited', 13));
      put(edited);
      const { text } = await wanted.rollback(undefined, ann);
      assert.match(text, /lbd\.yaml was edited meanwhile, and is not in force/);
      assert.deepEqual([names(wanted), get()], [['web', 'dns'], edited]);
    });

    test('files that came to an include meanwhile, right or wrong, do not keep it from being taken back', async () => {
      mkdirSync(join(folder, 'conf.d'));
      const including = (text: string) => `include: [ conf.d/*.yaml ]\n${text}`;
      put(including(get()));
      const wanted = await start();
      for (const text of [`virtual_servers:\n${service('fresh', 13)}`, 'virtual_servers: {']) {
        await wanted.apply({ ...ann, text: including(other()), confirm: 60_000 });
        writeFileSync(join(folder, 'conf.d/b.yaml'), text);
        const back = await wanted.rollback(undefined, ann);
        assert.match(back.text, /conf\.d\/b\.yaml was not there then, and is not in force/);
        assert.deepEqual(names(wanted), ['web', 'dns']);
        rmSync(join(folder, 'conf.d/b.yaml'));
      }
    });

    test('what cannot be taken back now stays pending, is a problem, and is taken back when it can be', async () => {
      const wanted = await start();
      const before = get();
      const [text] = readdirSync(join(folder, 'revisions')).filter((name) => name.length === 64);
      await wanted.apply({ ...ann, text: other(), confirm: 100 });
      writeFileSync(join(folder, 'revisions', String(text)), 'damaged');
      await until(() => problems.size > 0, 'told');
      assert.match([...problems].join(), /was not confirmed, and cannot be taken back: .* is damaged/);
      assert.deepEqual([names(wanted), wanted.pending()?.who], [['web', 'mail'], 'ann']);
      writeFileSync(join(folder, 'revisions', String(text)), before);
      await wanted.rollback(undefined, ann);
      assert.deepEqual([names(wanted), get(), problems.size], [['web', 'dns'], before, 0]);
    });

    test('a clock that is set back while it waits gives it no more time', async (context) => {
      const wanted = await start();
      await wanted.apply({ ...ann, text: other(), confirm: 300 });
      const { now } = Date;
      context.mock.method(Date, 'now', () => now() - 3_600_000);
      assert.ok((wanted.pending()?.until ?? 0) - Date.now() <= 300);
      await until(() => names(wanted).includes('dns'), 'taken back');
    });

    test('a reload that was read before it was taken back does not bring it back', async () => {
      let go = () => {};
      const wanted = await start({
        loadConfig() {
          const parsed = read();
          return new Promise((resolve) => {
            go = () => resolve(parsed);
          });
        },
      });
      await wanted.apply({ ...ann, text: other(), confirm: 200 });
      const late = wanted.reload(ann).catch((error: Refused) => error.error.message);
      await until(() => names(wanted).includes('dns'), 'taken back');
      go();
      assert.match(String(await late), /not confirmed yet/);
      assert.deepEqual(names(wanted), ['web', 'dns']);
    });

    test('what was dropped by its confirmation comes back with an earlier revision', async () => {
      const wanted = await start();
      await wanted.change(setWeight('3', 'dns'), ann);
      await wanted.apply({ ...ann, text: other(), confirm: 60_000 });
      await wanted.confirm(ann);
      await wanted.rollback(2, ann);
      assert.deepEqual(
        [names(wanted), weights(wanted)],
        [
          ['web', 'dns'],
          [10, 3],
        ],
      );
    });

    test('it can be applied where the text before is not kept, and still on disk', async () => {
      await start();
      for (const name of readdirSync(join(folder, 'revisions')).filter((one) => one.length === 64))
        rmSync(join(folder, 'revisions', name));
      const wanted = await start();
      await wanted.apply({ ...ann, text: other(), confirm: 60_000 });
      await wanted.rollback(undefined, ann);
      assert.deepEqual(names(wanted), ['web', 'dns']);
    });

    test('a daemon that dies between the two steps of the way back does not lose what came before', async () => {
      const first = await start();
      await first.change(setWeight('3'), ann);
      await first.apply({ ...ann, text: other(), confirm: 60_000 });
      const journal = readFileSync(join(folder, 'pending.json'));
      await first.rollback(undefined, ann);
      await first.change({ kind: 'del-rs', service: 'dns', rs: '10.0.0.1:80' }, ann);
      await first.rollback(3, { ...ann, force: true }).catch(() => {});
      await first.rollback(1, ann);
      assert.equal(first.overrides().length, 0);
      writeFileSync(join(folder, 'pending.json'), journal);
      const next = await start();
      await next.rollback(2, ann);
      assert.deepEqual(
        [names(next), weights(next)],
        [
          ['web', 'dns'],
          [3, 10],
        ],
      );
    });

    test('a daemon that dies on the way back keeps what was said of a service under its new name', async () => {
      const wanted = await start();
      await wanted.apply({ ...ann, text: config(service('mail', 10), service('dns', 11)), confirm: 60_000 });
      await wanted.change(setWeight('3', 'mail'), ann);
      // The files are back, and nothing else.
      put(config(service('web', 10), service('dns', 11)));
      const next = await start();
      assert.deepEqual(names(next), ['web', 'dns']);
      assert.deepEqual(weights(next), [3, 10]);
    });
  });

  test('a way back is not shared, and that is said where changes are', async () => {
    const wanted = await start();
    const peer = { name: 'd2', url: 'https://192.0.2.3', tokenFile: '/t', ca: undefined, serverName: undefined };
    const told = (share: boolean[]) => {
      const peers = share.map((one, i) => ({ ...peer, name: `d${i + 2}`, share: one }));
      const config = { ...wanted.config(), global: { ...wanted.config().global, peers } };
      return withPeers({ config: () => config }, { text: '', revision: 1, dry_run: false }).notes;
    };
    assert.equal(told([false]), undefined);
    assert.deepEqual(told([true]), ['d2 has revisions of its own: what was shared stays there (lbctl diff --peer)']);
    assert.match(told([true, true])?.join() ?? '', /^d2, d3 have revisions of their own/);
  });

  test('a damaged history is set aside, and nothing stops', async () => {
    const first = await start();
    await first.change(setWeight('3'), ann);
    const log = join(folder, 'revisions/log.jsonl');
    writeFileSync(log, `{"revision":1}\n${readFileSync(log, 'utf8').split('\n')[1]}\n`);
    const wanted = await start();
    assert.deepEqual(
      wanted.revisions().map(({ revision }) => revision),
      [2],
    );
    assert.match(logged.join('\n'), /log\.jsonl is damaged \(1 lines\)/);
    assert.ok(readdirSync(join(folder, 'revisions')).some((name) => name.includes('.damaged-')));
    await wanted.change(setWeight('4'), ann);
    assert.deepEqual(
      (await start()).revisions().map(({ revision }) => revision),
      [2, 3],
    );
  });

  test('a line that was cut off with the power counts as never written', async () => {
    const first = await start();
    await first.change(setWeight('3'), ann);
    const log = join(folder, 'revisions/log.jsonl');
    writeFileSync(log, `${readFileSync(log, 'utf8')}{"revision":3,"when":"2026`);
    const wanted = await start();
    assert.deepEqual([wanted.intent().revision, weights(wanted), problems.size], [2, [3, 10], 0]);
    await wanted.change(setWeight('4'), ann);
    assert.deepEqual(
      (await start()).revisions().map(({ revision }) => revision),
      [1, 2, 3],
    );
  });

  test('a history that lacks the newest revisions is none: nobody goes back through a gap', async () => {
    const first = await start();
    await first.change(setWeight('3'), ann);
    const log = join(folder, 'revisions/log.jsonl');
    const known = readFileSync(log);
    await first.change(setWeight('5', 'dns'), ann);
    writeFileSync(log, known);
    const wanted = await start();
    await assert.rejects(wanted.rollback(1, ann), refusedWith('refused', /revision 1 is not kept/));
    assert.deepEqual([wanted.intent().revision, weights(wanted)], [3, [3, 5]]);
    assert.equal(wanted.revisions().at(-1)?.revision, 3);
  });

  test('of very many revisions the newest are kept', async () => {
    const wanted = await start();
    for (let i = 0; i < 230; i++) await wanted.change(setWeight(String(1 + (i % 9))), ann);
    const kept = (await start()).revisions();
    assert.deepEqual([kept.length, kept[0]?.revision, kept.at(-1)?.revision], [100, 132, 231]);
    assert.ok(readFileSync(join(folder, 'revisions/log.jsonl'), 'utf8').split('\n').length < 205);
  });
});
