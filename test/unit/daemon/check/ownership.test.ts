import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bootId, openOwnership } from '../../../../src/daemon/check/ownership.js';

function inFolder(run: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'lbd-owned-'));
  try {
    run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const fail = (text: string) => assert.fail(text);

test('keys outlive the process, within one boot', () => {
  inFolder((folder) => {
    const state = join(folder, 'made', 'when needed');
    const first = openOwnership(state, fail);
    first.add(['a', 'b', 'c']);
    first.remove(['b']);
    assert.deepEqual([...openOwnership(state, fail).keys], []);
    first.flush();
    assert.deepEqual([...openOwnership(state, fail).keys], ['a', 'c']);
    const file = join(state, 'owned.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace(bootId(), '00000000-0000-0000-0000-000000000000'));
    assert.deepEqual([...openOwnership(state, fail).keys], []);
  });
});

test('a damaged record owns nothing, and is replaced', () => {
  const boot = bootId();
  for (const text of ['', '{', 'null', '[]', '"x"', '7', `{"boot_id":"${boot}"}`, `{"boot_id":"${boot}","keys":"a"}`, '\0\0\0']) {
    inFolder((folder) => {
      writeFileSync(join(folder, 'owned.json'), text);
      const owned = openOwnership(folder, fail);
      assert.deepEqual([...owned.keys], [], text);
      owned.add(['x']);
      owned.flush();
      assert.deepEqual([...openOwnership(folder, fail).keys], ['x'], text);
    });
  }
  inFolder((folder) => {
    writeFileSync(join(folder, 'owned.json'), JSON.stringify({ boot_id: boot, keys: ['a', 7, null, 'b'] }));
    assert.deepEqual([...openOwnership(folder, fail).keys], ['a', 'b']);
  });
});

test('a folder that cannot be written is a warning with the consequence, and the keys are known all the same', () => {
  inFolder((folder) => {
    writeFileSync(join(folder, 'file'), '');
    mkdirSync(join(folder, 'state', 'owned.json'), { recursive: true });
    for (const state of [join(folder, 'file'), join(folder, 'state')]) {
      const warnings: string[] = [];
      const owned = openOwnership(state, (text) => warnings.push(text));
      owned.add(['a']);
      owned.flush();
      owned.add(['a']);
      owned.remove(['b']);
      owned.flush();
      assert.deepEqual([...owned.keys], ['a']);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] as string, /cannot write .*owned\.json: .*would count as foreign/);
    }
  });
});

test('it is fresh until a life of this boot has applied its first table', () => {
  inFolder((folder) => {
    const first = openOwnership(folder, fail);
    assert.equal(first.fresh, true);
    first.add(['a']);
    first.flush();
    const second = openOwnership(folder, fail);
    assert.equal(second.fresh, true);
    second.settle();
    second.flush();
    assert.deepEqual([openOwnership(folder, fail).fresh, ...openOwnership(folder, fail).keys], [false, 'a']);
  });
});

test('what could not be written is told once, and written when there is room again', () => {
  inFolder((folder) => {
    const state = join(folder, 'state');
    mkdirSync(join(state, 'owned.json'), { recursive: true });
    const warnings: string[] = [];
    const owned = openOwnership(state, (text) => warnings.push(text));
    owned.add(['a']);
    owned.flush();
    owned.flush();
    assert.equal(warnings.length, 1);
    rmSync(join(state, 'owned.json'), { recursive: true });
    owned.flush();
    assert.deepEqual([...openOwnership(state, fail).keys], ['a']);
  });
});
