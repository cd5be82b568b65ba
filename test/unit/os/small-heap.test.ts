/** V8 takes the flags of a small heap while it runs, on every version that lbd runs on. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const MODULE = new URL('../../../src/os/small-heap.js', import.meta.url).href;
/** Much that lives for a while: the young generation would grow to tens of megabytes. */
const WORK = `
  const kept = [];
  for (let i = 0; i < 3e6; i++) kept[i % 50000] = { i, more: [i] };
  console.log(require('node:v8').getHeapSpaceStatistics().find((one) => one.space_name === 'new_space').space_size);`;

const youngGeneration = (before: string): number => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', `(async () => { ${before}; ${WORK} })()`], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return Number(stdout);
};

/** What it grew to before the flags were set it keeps: on Node.js 24 that is up to 8 of 128 MiB, on 20 it is 2 of 32. */
test('the young generation stays small', () => {
  const small = youngGeneration(`(await import('${MODULE}')).keepHeapSmall()`);
  const large = youngGeneration('');
  assert.ok(3 * small < large, `${small} bytes, without the flags ${large}`);
});
