import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { makeFolder, replaceFile } from '../../../src/os/state-file.js';

describe('folders and files of state', () => {
  const root = mkdtempSync(join(tmpdir(), 'lbd-state-'));
  after(() => rmSync(root, { recursive: true }));

  test('every level is made; what is there stays', () => {
    makeFolder(join(root, 'a/b/c'));
    makeFolder(join(root, 'a/b/c'));
    assert.deepEqual(readdirSync(join(root, 'a')), ['b']);
  });

  test('where no folder can be made it says so, and does not try for ever', () => {
    writeFileSync(join(root, 'file'), '');
    assert.throws(() => makeFolder(join(root, 'file/below')), { code: 'EEXIST' });
    assert.throws(() => makeFolder('/proc/lbd-none/state'), { code: 'ENOENT' });
  });

  test('a file is replaced whole, with its folder', () => {
    const file = join(root, 'x/y/state.json');
    replaceFile(file, '1');
    replaceFile(file, '2');
    assert.equal(readFileSync(file, 'utf8'), '2');
    assert.deepEqual(readdirSync(join(root, 'x/y')), ['state.json']);
  });
});
