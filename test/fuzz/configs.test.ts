/** The samples of conf/ after thousands of accidents: test/fake/config-mutations.ts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { tryMutations } from '../fake/config-mutations.js';
import { createFuzz } from './seed.js';

test('configurations after accidents are taken, and mean the same however they are read, or refused with a place', async (t) => {
  const { rounds, seed } = createFuzz(t, 1500);
  const folder = mkdtempSync(join(tmpdir(), 'lbd-mutants-'));
  try {
    const { taken, refused, byItems } = await tryMutations(folder, rounds, seed);
    t.diagnostic(`${taken} taken, ${byItems} of them by items after the sample; ${refused} refused`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
