import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parseConfig } from '../../../../src/config/parse.js';
import { saveEdits } from '../../../../src/config/save.js';
import type { SourceText } from '../../../../src/config/types.js';
import { Refused } from '../../../../src/daemon/core/refused.js';
import { takeBackAtStart } from '../../../../src/daemon/core/take-back.js';
import { openWanted, type Wanted, type WantedOptions } from '../../../../src/daemon/core/wanted.js';
import { replaceSafely } from '../../../../src/os/safe-file.js';

let folder: string;
let file: string;
let state: string;
let open: Wanted[];

const config = (...names: string[]): string => {
  const services = names.map(
    (name, i) => `  - { name: ${name}, address: "192.0.2.${i + 1}:80", real_servers: [ { address: 10.0.0.1, weight: 10 } ] }\n`,
  );
  return `global: { state_dir: ${state} }\nvirtual_servers:\n${services.join('')}`;
};

function read(texts: readonly SourceText[] = []) {
  const text = texts.find((one) => one.file === file)?.text ?? readFileSync(file, 'utf8');
  return parseConfig(file, text, { env: {} });
}

async function start(more: Partial<WantedOptions> = {}): Promise<Wanted> {
  const { config: first, sources } = read();
  assert.ok(first);
  const readTexts = (texts: readonly SourceText[]) => Promise.resolve(read(texts));
  const takenBack = await takeBackAtStart(first, { read: readTexts, warn: () => {} });
  const now = takenBack ? read() : { config: first, sources };
  assert.ok(now.config);
  const wanted = await openWanted({
    file,
    config: now.config,
    sources: now.sources,
    takenBack,
    log: { write: () => {}, setLevel: () => {} },
    tell: () => {},
    problems: new Set(),
    changed: () => {},
    loadConfig: () => Promise.resolve(read()),
    loadTexts: (_file, texts) => readTexts(texts),
    ...more,
  });
  open.push(wanted);
  return wanted;
}

const names = (wanted: Wanted) => wanted.intent().services.map(({ name }) => name);
const refused = (message: RegExp) => (error: unknown) => error instanceof Refused && message.test(error.error.message);
const setWeight = (weight: string, service = 'web') => ({ kind: 'set-rs', service, rs: '10.0.0.1:80', weight }) as const;
const ann = { who: 'ann' };

describe('the history at its edges', () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lbd-history-'));
    file = join(folder, 'lbd.yaml');
    state = join(folder, 'state');
    mkdirSync(state);
    open = [];
    writeFileSync(file, config('web', 'dns'));
  });
  afterEach(() => {
    for (const wanted of open) wanted.close();
    rmSync(folder, { recursive: true });
  });

  test('a dry run says what would be refused', async () => {
    writeFileSync(file, config('web', 'dns', 'mail'));
    const wanted = await start();
    await wanted.apply({ ...ann, text: config('web'), force: true });
    await wanted.apply({ ...ann, text: config('web', 'dns', 'mail') });
    const dry = { ...ann, dryRun: true };
    await assert.rejects(wanted.rollback(2, dry), refused(/removes 2 of 3/));
    const edited = config('web', 'dns', 'mail', 'edited');
    writeFileSync(file, edited);
    const text = config('web', 'dns', 'mail', 'other');
    await assert.rejects(wanted.rollback(2, { ...dry, force: false }), refused(/removes|edited/));
    await assert.rejects(wanted.apply({ ...dry, text }), refused(/was edited and not loaded/));
    assert.match((await wanted.plan({ text })).refused ?? '', /was edited and not loaded/);
    assert.equal((await wanted.plan(undefined)).refused, undefined);
    await wanted.apply({ ...dry, text, force: true });
  });

  test('a removal that is over is undone, too, where the server is drained again then', async () => {
    const wanted = await start();
    await wanted.change({ kind: 'del-rs', service: 'web', rs: '10.0.0.1:80', drain: true, no_deadline: true }, ann);
    await wanted.drained(wanted.overrides()[0]?.id ?? 0);
    assert.equal(wanted.intent().services[0]?.realServers.length, 0);
    await wanted.rollback(2, ann);
    assert.equal(wanted.intent().services[0]?.realServers[0]?.admin?.state, 'drain');
  });

  test('numbers count on where the overrides are damaged', async () => {
    const wanted = await start();
    await wanted.change(setWeight('3'), ann);
    writeFileSync(join(state, 'overrides.json'), 'damaged');
    assert.equal((await start()).intent().revision, 3);
  });

  test('a save that expects a revision does not follow one that came meanwhile', async () => {
    let between: Promise<unknown> | undefined;
    const wanted: Wanted = await start({
      async editFiles(path, edits) {
        between ??= wanted.change(setWeight('4', 'dns'), { who: 'bob' });
        await between;
        return saveEdits(path, readFileSync(path, 'utf8'), { env: {} }, edits);
      },
    });
    await wanted.change(setWeight('3'), ann);
    const before = readFileSync(file, 'utf8');
    await assert.rejects(wanted.save({ ...ann, expected: 2 }), refused(/revision 3 is in force, not 2/));
    assert.equal(readFileSync(file, 'utf8'), before);
    await wanted.save({ ...ann, expected: 3 });
  });

  test('what a full disk took half of is not left there', async () => {
    mkdirSync(join(folder, 'taken', 'x'), { recursive: true });
    await assert.rejects(replaceSafely(join(folder, 'taken'), 'text', { mode: 0o600 }));
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.endsWith('.tmp')),
      [],
    );
    await start();
    writeFileSync(join(state, 'revisions', `${'0'.repeat(64)}.tmp`), 'half of a text');
    const wanted = await start();
    await wanted.apply({ ...ann, text: config('web', 'mail') });
    assert.ok(readdirSync(join(state, 'revisions')).every((name) => !name.endsWith('.tmp')));
  });

  test('what could not be taken off the disk at a start is taken back once', async () => {
    const first = await start();
    const applied = config('web', 'mail');
    await first.apply({ ...ann, text: applied, confirm: 60_000 });
    // Nothing can be saved: a folder is in the way.
    mkdirSync(join(state, 'overrides.json.tmp'));
    const wanted = await start();
    assert.deepEqual([names(wanted), existsSync(join(state, 'pending.json'))], [['web', 'dns'], true]);
    rmSync(join(state, 'overrides.json.tmp'), { recursive: true });
    await wanted.apply({ ...ann, text: applied });
    assert.deepEqual(names(await start()), ['web', 'mail']);
  });

  test('a state_dir that takes nothing does not keep it from being taken back, and what was said at run time is not lost', async () => {
    const wanted = await start();
    await wanted.change(setWeight('3'), ann);
    await wanted.apply({ ...ann, text: config('mail', 'dns'), confirm: 60_000 });
    await wanted.change(setWeight('4', 'dns'), ann);
    mkdirSync(join(state, 'overrides.json.tmp'));
    await wanted.rollback(undefined, ann);
    const weights = (one: Wanted) => one.intent().services.map(({ realServers }) => realServers[0]?.weight);
    assert.deepEqual(
      [names(wanted), weights(wanted)],
      [
        ['web', 'dns'],
        [3, 4],
      ],
    );
    assert.equal(wanted.pending(), undefined);
    rmSync(join(state, 'overrides.json.tmp'), { recursive: true });
    const next = await start();
    assert.deepEqual(
      [names(next), weights(next)],
      [
        ['web', 'dns'],
        [3, 4],
      ],
    );
    await next.change(setWeight('5'), ann);
    assert.equal(existsSync(join(state, 'pending.json')), false);
  });

  test('one that waits after that is on disk until it is confirmed', async () => {
    const wanted = await start();
    await wanted.change(setWeight('3'), ann);
    await wanted.apply({ ...ann, text: config('mail', 'dns'), confirm: 60_000 });
    mkdirSync(join(state, 'overrides.json.tmp'));
    await wanted.rollback(undefined, ann);
    rmSync(join(state, 'overrides.json.tmp'), { recursive: true });
    await wanted.apply({ ...ann, text: config('mail', 'dns'), confirm: 60_000 });
    assert.deepEqual(names(await start()), ['web', 'dns']);
  });

  test('what is damaged is copied once, however often lbd starts', async () => {
    const first = await start();
    await first.change(setWeight('3'), ann);
    const [log, overrides] = [join(state, 'revisions/log.jsonl'), join(state, 'overrides.json')];
    writeFileSync(log, `{"revision":1}\n${readFileSync(log, 'utf8').split('\n')[1]}\n`);
    const content = JSON.parse(readFileSync(overrides, 'utf8'));
    writeFileSync(overrides, JSON.stringify({ ...content, overrides: [...content.overrides, { id: 9 }] }));
    for (let i = 0; i < 3; i++) assert.equal((await start()).overrides().length, 1);
    const copies = [...readdirSync(state), ...readdirSync(join(state, 'revisions'))].filter((name) => name.includes('.damaged-'));
    assert.equal(copies.length, 2);
  });

  test('a way back that names what this lbd does not know is gone all the same', async () => {
    const wanted = await start();
    await wanted.apply({ ...ann, text: config('web', 'mail'), confirm: 60_000 });
    const path = join(state, 'pending.json');
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), overrides: [{ id: 1 }] }));
    assert.deepEqual(names(await start()), ['web', 'dns']);
  });

  test('a file that was taken away comes back for its owner alone: it may have passwords', async () => {
    const wanted = await start();
    rmSync(file);
    await wanted.apply({ ...ann, text: config('web', 'mail') });
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });
});
