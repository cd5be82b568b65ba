/** A few changes of the samples; `--only fuzz` makes many. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { tryMutations } from '../../fake/config-mutations.js';

test('a sample that something happened to is taken as it is, or refused with a place', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lbd-mutants-'));
  try {
    const { taken, refused, byItems } = await tryMutations(folder, 250, 6);
    assert.ok(taken > 40 && refused > 80 && byItems > 10, `${taken} taken (${byItems} by items), ${refused} refused`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
