import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { findBegun, finishBegun } from '../../../../src/daemon/core/take-back.js';
import { writePending } from '../../../../src/daemon/pending.js';
import { hashOf } from '../../../../src/daemon/revision-store.js';

let folder: string;
const at = (name: string): string => join(folder, name);
const fail = (text: string): never => assert.fail(text);

describe('a start with files that are wrong together', () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lbd-take-back-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Two files, of which the first is in place, and the second is not. */
  async function die(stateDir: string): Promise<void> {
    mkdirSync(join(stateDir, 'revisions'), { recursive: true });
    const first = (n: number) => `# ${n}\nglobal: { log_level: info, state_dir: "${stateDir}" }\ninclude: [ b.yaml ]\n`;
    const states = ['old', 'new'].map((word, n) =>
      [at('lbd.yaml'), at('b.yaml')].map((file, i) => {
        const text = i === 0 ? first(n) : word;
        writeFileSync(join(stateDir, 'revisions', hashOf(text)), text);
        return { file, hash: hashOf(text) };
      }),
    );
    writeFileSync(at('lbd.yaml'), first(1));
    writeFileSync(at('b.yaml'), 'old');
    await writePending(stateDir, { until: 0, who: 'ann', back_to: 1, before: states[1] ?? [], applied: states[0] ?? [] });
  }

  test('finds in the state_dir that the first file names what belongs together, and puts it in place', async () => {
    await die(at('state'));
    const begun = await findBegun(at('lbd.yaml'), fail);
    assert.ok(begun);
    assert.equal(await finishBegun(begun, fail), true);
    assert.equal(readFileSync(at('b.yaml'), 'utf8'), 'new');
  });

  test('leaves the files of another configuration alone', async () => {
    await die(at('state'));
    writeFileSync(at('other.yaml'), readFileSync(at('lbd.yaml')));
    assert.equal(await findBegun(at('other.yaml'), fail), undefined);
    writeFileSync(at('lbd.yaml'), `# state_dir: ${at('state')}\n`);
    assert.notEqual((await findBegun(at('lbd.yaml'), () => {}))?.stateDir, at('state'));
  });

  test('a text that is not kept is told, and nothing is touched', async () => {
    await die(at('state'));
    rmSync(join(at('state'), 'revisions', hashOf('new')));
    const begun = await findBegun(at('lbd.yaml'), fail);
    assert.ok(begun);
    const told: string[] = [];
    assert.equal(await finishBegun(begun, (text) => told.push(text)), false);
    assert.match(told.join(), /what ann began to change cannot be finished: the text that .*b\.yaml had cannot be read/);
    assert.equal(readFileSync(at('b.yaml'), 'utf8'), 'old');
  });
});
