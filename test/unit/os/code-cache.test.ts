/** The code cache of a bundle: used when it is whole, never when it is not, and a start goes on either way. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { openBundle, writeCode } from '../../../src/os/code-cache.js';

const folder = mkdtempSync(join(tmpdir(), 'lbd-code-'));
const bundle = join(folder, 'part.cjs');
const cache = join(folder, 'part.cache');
const SOURCE = `exports.add = (a, b) => a + b; exports.where = [__filename, __dirname, require('node:path').sep];\n`;

after(() => rmSync(folder, { recursive: true }));

/** What is said, whether the code was used, and that what is loaded works. */
function open() {
  const said: string[] = [];
  const { exports, code } = openBundle(bundle, (text) => said.push(text));
  const { add, where } = exports as { add(a: number, b: number): number; where: string[] };
  assert.deepEqual(where, [bundle, folder, '/']);
  return { said, code, sum: add(1, 2) };
}

describe('code cache', () => {
  beforeEach(async () => {
    writeFileSync(bundle, SOURCE);
    await writeCode(bundle, ({ add }: { add(a: number, b: number): number }) => add(1, 1));
  });

  test('what is whole is used', () => {
    assert.deepEqual(open(), { said: [], code: 'used', sum: 3 });
  });

  test('there is none: nothing is said', () => {
    rmSync(cache);
    assert.deepEqual(open(), { said: [], code: 'none', sum: 3 });
  });

  const damages: Readonly<Record<string, (whole: Buffer) => Buffer>> = {
    'one byte in the middle': (whole) => {
      whole[whole.length >> 1] = (whole[whole.length >> 1] as number) ^ 1;
      return whole;
    },
    'cut off': (whole) => whole.subarray(0, whole.length - 8),
    'shorter than its digest': (whole) => whole.subarray(0, 9),
    empty: () => Buffer.alloc(0),
  };
  for (const [what, damage] of Object.entries(damages))
    test(`damaged, ${what}: ignored and told`, () => {
      writeFileSync(cache, damage(readFileSync(cache)));
      const { said, code, sum } = open();
      assert.deepEqual([code, sum, said.length], ['none', 3, 1]);
      assert.match(said[0] as string, /^\S+\/part\.cache is ignored: it is damaged, or of another build/);
    });

  test('of another build of the same length: V8 would run the old code', () => {
    writeFileSync(bundle, SOURCE.replace('a + b', 'a * b'));
    const { said, code, sum } = open();
    assert.deepEqual([code, sum, said.length], ['none', 2, 1]);
  });

  test('cannot be read: told', () => {
    rmSync(cache);
    mkdirSync(cache);
    const { said, code, sum } = open();
    rmSync(cache, { recursive: true });
    assert.deepEqual([code, sum, said.length], ['none', 3, 1]);
    assert.match(said[0] as string, /part\.cache is ignored: EISDIR/);
  });
});
