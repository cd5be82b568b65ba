import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parseConfig } from '../../../../src/config/parse.js';
import { saveEdits } from '../../../../src/config/save.js';
import type { ParsedConfig } from '../../../../src/config/types.js';
import { diffFile } from '../../../../src/daemon/core/diff-file.js';
import { Refused } from '../../../../src/daemon/core/refused.js';
import { type EditFiles, saveOverrides } from '../../../../src/daemon/core/save.js';
import { openWanted, type Wanted, type WantedOptions } from '../../../../src/daemon/core/wanted.js';
import { openOverrides } from '../../../../src/daemon/overrides.js';
import type { Intent } from '../../../../src/intent/types.js';
import { parseSurroundings } from '../../../../src/os/config-files.js';
import { replaceFiles } from '../../../../src/os/replace-files.js';
import { plain } from '../../../fake/saving.js';

let folder: string;
let file: string;
let told: string[];
let published: Intent[];

const textOf = (more = ''): string => `global: { state_dir: ${folder}/state${more} }   # of this director
virtual_servers:
  - name: web
    address: 192.0.2.10:80
    real_servers:
      - { address: 10.0.0.1:80, weight: 10 }  # strong
      - { address: 10.0.0.2:80, weight: 10 }
`;

const read = (): string => readFileSync(file, 'utf8');
const parse = (): ParsedConfig => plain(parseConfig(file, read(), parseSurroundings()));
const edit: EditFiles = (path, edits) =>
  Promise.resolve(plain(saveEdits(path, readFileSync(path, 'utf8'), parseSurroundings(), edits)));

async function open(more: Partial<WantedOptions> = {}): Promise<Wanted> {
  const { config, record } = parse();
  assert.ok(config);
  return openWanted({
    file,
    config,
    record,
    log: { write: () => {}, setLevel: () => {} },
    tell: (kind, subject, words) => told.push(`${kind} ${subject}: ${words}`),
    problems: new Set(),
    changed: (intent) => published.push(intent),
    loadConfig: () => Promise.resolve(parse()),
    editFiles: edit,
    ...more,
  });
}

const ANN = { who: 'ann', reason: 'hot' };
const weights = (wanted: Wanted) =>
  wanted.intent().services.flatMap((one) => one.realServers.map(({ key, weight }) => `${key}=${weight}`));
const kinds = (wanted: Wanted) => wanted.overrides().map(({ change }) => change.kind);
const setWeight = (wanted: Wanted, host: number, weight: string) =>
  wanted.change({ kind: 'set-rs', service: 'web', rs: `10.0.0.${host}:80`, weight }, ANN);
const refusedWith = (message: RegExp) => (error: unknown) => error instanceof Refused && message.test(error.message);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lbd-save-'));
  mkdirSync(join(folder, 'state'));
  file = join(folder, 'lbd.yaml');
  writeFileSync(file, textOf());
  told = [];
  published = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('lbctl save', () => {
  test('the file has it, the overrides are gone, states stay, and what is in force is the same', async () => {
    const wanted = await open();
    await setWeight(wanted, 1, '50%');
    await wanted.change({ kind: 'add-rs', service: 'web', rs: '10.0.0.3:80', weight: 3 }, ANN);
    await wanted.change({ kind: 'set-state', service: 'web', rs: '10.0.0.3:80', state: 'drain' }, ANN);
    const before = weights(wanted);
    const [events, revision] = [told.length, wanted.intent().revision];
    const done = await wanted.save({ who: 'bob' });
    assert.deepEqual(done, {
      text: `wrote 2 changes into ${file}`,
      notes: ['stays an override, no matter of the file: web/10.0.0.3:80 (draining)'],
      revision: revision + 1,
      dry_run: false,
      files: [{ file, diff: done.files[0]?.diff }],
    });
    const expected = textOf()
      .replace('{ address: 10.0.0.1:80, weight: 10 }', '{ address: 10.0.0.1:80, weight: 5 }')
      .concat('      - { address: 10.0.0.3:80, weight: 3 }\n');
    assert.equal(read(), expected);
    assert.deepEqual(weights(wanted), before);
    assert.deepEqual([kinds(wanted), published.length], [['set-state'], 4]);
    assert.deepEqual(told.slice(events), [`save ${file}: wrote 2 changes into ${file} (by bob)`]);
    const again = await open();
    assert.deepEqual([weights(again), kinds(again), told.length], [before, ['set-state'], events + 1]);
    assert.equal((await again.reload({ who: 'ann' })).text, 'nothing changed');
    assert.equal(again.intent().services[0]?.realServers[2]?.admin?.state, 'drain');
    assert.deepEqual(readdirSync(folder).sort(), ['lbd.yaml', 'state']);
  });

  test('a dry run, and nothing to do', async () => {
    const wanted = await open();
    const none = await wanted.save(ANN);
    assert.deepEqual([none.text, none.files], ['nothing to save: the file says all that was set at run time', []]);
    await setWeight(wanted, 1, '3');
    const { text, files, dry_run: dryRun } = await wanted.save({ ...ANN, dryRun: true });
    assert.deepEqual([text, dryRun, files.length], [`would write 1 change into ${file}`, true, 1]);
    assert.match(files[0]?.diff ?? '', /^-.*weight: 10 } {2}# strong\n\+.*weight: 3 } {2}# strong\n/m);
    assert.deepEqual([read(), kinds(wanted), published.length], [textOf(), ['set-rs'], 1]);
  });

  test('a file that is not the one in force is refused; a new comment in it is none', async () => {
    const wanted = await open();
    await setWeight(wanted, 1, '3');
    writeFileSync(file, textOf().replace('.2:80, weight: 10', '.2:80, weight: 11'));
    await assert.rejects(wanted.save(ANN), refusedWith(/on disk is not the one in force: reload first/));
    writeFileSync(file, textOf().replace('weight: 10', 'weight: many'));
    await assert.rejects(
      wanted.save(ANN),
      refusedWith(/has been edited since it was read, and has 1 error: nothing was changed/),
    );
    const commented = `# new\n${textOf()}`;
    writeFileSync(file, commented);
    await wanted.save(ANN);
    assert.equal(read(), commented.replace('weight: 10', 'weight: 3'));
  });

  test('a change that comes meanwhile is written, too', async () => {
    let calls = 0;
    const wanted = await open({
      async editFiles(path, edits) {
        if (calls++ === 0) await setWeight(wanted, 2, '4');
        return edit(path, edits);
      },
    });
    await setWeight(wanted, 1, '3');
    await wanted.save(ANN);
    assert.deepEqual([calls, kinds(wanted)], [2, []]);
    assert.ok(read().includes('.1:80, weight: 3') && read().includes('.2:80, weight: 4'));
  });

  test('what somebody writes into the file meanwhile is not lost', async () => {
    const wanted = await open({
      async editFiles(path, edits) {
        const made = await edit(path, edits);
        writeFileSync(file, `# mine\n${read()}`);
        return made;
      },
    });
    await setWeight(wanted, 1, '50%');
    await assert.rejects(wanted.save(ANN), refusedWith(/is not what was read a moment ago.*: nothing was changed$/));
    assert.deepEqual([read(), kinds(wanted)], [`# mine\n${textOf()}`, ['set-rs']]);
    assert.deepEqual((await open()).overrides()[0]?.change, wanted.overrides()[0]?.change);
  });

  test('where the file cannot be written nothing is changed', async () => {
    const wanted = await open();
    await setWeight(wanted, 1, '3');
    mkdirSync(join(folder, '.lbd.yaml.lbd-new'));
    await assert.rejects(wanted.save(ANN), refusedWith(/lbd\.yaml cannot be written: .*: nothing was changed$/));
    assert.deepEqual([read(), kinds(wanted), published.length], [textOf(), ['set-rs'], 1]);
  });

  test('where the overrides cannot be written the file is what it was', async () => {
    const wanted = await open();
    await setWeight(wanted, 1, '3');
    rmSync(join(folder, 'state'), { recursive: true });
    await assert.rejects(wanted.save(ANN), refusedWith(/cannot be saved \(.*\): nothing was changed$/));
    assert.deepEqual([read(), kinds(wanted), published.length], [textOf(), ['set-rs'], 1]);
    assert.deepEqual(readdirSync(folder), ['lbd.yaml']);
  });

  test('what the files would not say as it is in force is not written', async () => {
    const wanted = await open({
      async editFiles(path, edits) {
        const made = await edit(path, edits);
        const wrong = made.files.map((one) => ({ ...one, text: one.text.replace('.2:80, weight: 10', '.2:80, weight: 11') }));
        return { ...made, files: wrong, next: plain(parseConfig(path, wrong[0]?.text ?? '', parseSurroundings())) };
      },
    });
    await setWeight(wanted, 1, '3');
    await assert.rejects(
      wanted.save(ANN),
      refusedWith(/would not say what is in force \(weight of web\/10\.0\.0\.2:80 would be 11, not 10\)/),
    );
    assert.deepEqual([read(), kinds(wanted)], [textOf(), ['set-rs']]);
  });

  test('peers that share changes are named: each has a file of its own', async () => {
    const peers = ', peers: [ { name: d2, url: "https://192.0.2.3:8405", token_file: /t, share: true } ]';
    writeFileSync(file, textOf(peers));
    const wanted = await open();
    await setWeight(wanted, 1, '3');
    assert.match((await wanted.save({ ...ANN, dryRun: true })).notes?.join() ?? '', /d2 still has it at run time alone/);
  });

  test('with mh a weight of 0 keeps its place among the others as an override', async () => {
    writeFileSync(file, textOf().replace('    real_servers', '    scheduler: mh\n    real_servers'));
    const wanted = await open();
    await setWeight(wanted, 1, '0');
    const { text, notes } = await wanted.save(ANN);
    assert.match(`${text} ${notes}`, /nothing to save.*weight 10 -> 0; with mh it keeps its place as an override alone/);
    assert.deepEqual(kinds(wanted), ['set-rs']);
  });
});

describe('lbd dies while it saves', () => {
  const steps = {
    'before the files are there': 'replace',
    'before the overrides are gone': 'adopt',
  } as const;
  for (const [when, step] of Object.entries(steps)) {
    test(`${when}: the next start is right`, async () => {
      const wanted = await open();
      await setWeight(wanted, 1, '50%');
      await setWeight(wanted, 2, '7');
      await wanted.change({ kind: 'add-vs', name: 'db', address: '192.0.2.20:5432' }, ANN);
      await wanted.change({ kind: 'add-rs', service: 'db', rs: '10.0.1.1:5432', weight: 8 }, ANN);
      await wanted.change({ kind: 'set-rs', service: 'db', rs: '10.0.1.1:5432', weight: '25%' }, ANN);
      await wanted.change({ kind: 'set-host', host: '10.0.0.2', state: 'disable' }, ANN);
      const before = weights(wanted);
      const store = await openOverrides(join(folder, 'state'), assert.fail);
      const inForce = () => ({ config: wanted.config(), overrides: wanted.overrides(), intent: wanted.intent() });
      const old = read();
      await new Promise<void>((killed) => {
        const adopt = () => {
          killed();
          return new Promise<void>(() => {});
        };
        void saveOverrides(
          {
            file,
            inForce,
            editFiles: edit,
            expect: () => {},
            inTurn: (work) => work(),
            keep: (list) => store.save(list, 1),
            adopt,
          },
          ANN,
        );
      });
      assert.notEqual(read(), old);
      if (step === 'replace') writeFileSync(file, old);
      const again = await open();
      assert.deepEqual(weights(again), before);
      assert.deepEqual(kinds(again), step === 'adopt' ? ['set-host'] : kinds(wanted));
      await again.save(ANN);
      assert.deepEqual([weights(again), kinds(again)], [before, ['set-host']]);
    });
  }
});

describe('files put in place', () => {
  const replacement = (path: string, text: string) => {
    const before = hash('sha256', readFileSync(path));
    return { file: path, before, text };
  };
  test('mode and a link stay, and nothing is left behind', async () => {
    const target = join(folder, 'real.yaml');
    const link = join(folder, 'link.yaml');
    copyFileSync(file, target);
    chmodSync(target, 0o640);
    symlinkSync('real.yaml', link);
    await replaceFiles([replacement(link, 'new')]);
    assert.ok(lstatSync(link).isSymbolicLink());
    assert.deepEqual([readFileSync(target, 'utf8'), statSync(target).mode & 0o777], ['new', 0o640]);
    assert.deepEqual(readdirSync(folder).sort(), ['lbd.yaml', 'link.yaml', 'real.yaml', 'state']);
  });

  test('of several all or none', async () => {
    const other = join(folder, 'other.yaml');
    writeFileSync(other, 'other');
    const first = replacement(file, 'new');
    await assert.rejects(replaceFiles([first, { ...replacement(other, 'new'), before: '0' }]), /other\.yaml cannot be written/);
    assert.deepEqual([read(), readFileSync(other, 'utf8')], [textOf(), 'other']);
    assert.deepEqual(readdirSync(folder).sort(), ['lbd.yaml', 'other.yaml', 'state']);
    await replaceFiles([first, replacement(other, 'newer')]);
    assert.deepEqual([read(), readFileSync(other, 'utf8')], ['new', 'newer']);
  });
});

describe('lbctl diff', () => {
  const lines = async (wanted: Wanted) => {
    const { disk, ...inForce } = await wanted.onDisk();
    const { differences } = diffFile(file, inForce, disk, Date.now());
    return [disk.state, ...differences.map(({ change, target, text, saved }) => `${change} ${target} ${text} ${saved}`)];
  };

  test('object by object, and whether the file is the one in force', async () => {
    const wanted = await open();
    assert.deepEqual(await lines(wanted), ['in_force']);
    await setWeight(wanted, 1, '50%');
    await wanted.change({ kind: 'add-rs', service: 'web', rs: '10.0.0.3:80', weight: 3, forward: 'tun', upper: 9 }, ANN);
    await setWeight(wanted, 3, '0');
    await wanted.change({ kind: 'del-rs', service: 'web', rs: '10.0.0.2:80' }, ANN);
    await wanted.change({ kind: 'add-vs', name: 'db', address: '192.0.2.20:5432', persistence: 60 }, ANN);
    await wanted.change({ kind: 'add-rs', service: 'db', rs: '10.0.1.1:5432' }, ANN);
    await wanted.change({ kind: 'set-state', service: 'db', rs: '10.0.1.1:5432', state: 'drain' }, ANN);
    await wanted.change({ kind: 'set-host', host: '10.0.0.1', state: 'disable' }, ANN);
    assert.deepEqual(await lines(wanted), [
      'in_force',
      'changed web/10.0.0.1:80 weight 10 -> 5 (50%) true',
      'added web/10.0.0.3:80 weight 0, tun, upper 9, lower 0 true',
      'removed web/10.0.0.2:80 weight 10 true',
      'added db tcp/192.0.2.20:5432, wlc, nat, persistent for 60s true',
      'added db/10.0.1.1:5432 weight 1 true',
      'changed host 10.0.0.1 disabled (1 real server) false',
      'changed db/10.0.1.1:5432 draining false',
    ]);
    await wanted.change({ kind: 'del-vs', service: 'web' }, ANN);
    assert.equal((await lines(wanted))[1], 'removed web with 2 real servers true');
    writeFileSync(file, textOf().replace('weight: 10', 'weight: 11'));
    assert.equal((await lines(wanted))[0], 'edited');
    writeFileSync(file, textOf().replace('weight: 10', 'weight: x'));
    assert.equal((await lines(wanted))[0], 'invalid');
    assert.match((await wanted.onDisk()).disk.text, /lbd\.yaml:6:\d+: error: weight is a whole number/);
  });

  test('the weight of the file is set by saying nothing else', async () => {
    const wanted = await open();
    await setWeight(wanted, 1, '5');
    await setWeight(wanted, 1, '10');
    assert.deepEqual([await lines(wanted), kinds(wanted)], [['in_force'], []]);
    await setWeight(wanted, 1, '5');
    writeFileSync(file, textOf().replace('weight: 10', 'weight: 5'));
    await wanted.reload(ANN);
    assert.deepEqual(kinds(wanted), []);
    assert.match(told.join('\n'), /dropped the override of ann .*: the file has weight 5 for 10\.0\.0\.1:80 in web now/);
  });
});
