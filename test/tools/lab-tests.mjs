// The lab's scenarios, called inside the lab: those that judge how long something takes, or load and unload modules, each alone; the others by twos.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../dist/test/lab/', import.meta.url));
const ALONE = ['both', 'ipvs', 'pair', 'steady', 'sync', 'traffic'];

const all = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.test.js'))
  .sort();
const isAlone = (name) => ALONE.includes(name.replace('.test.js', ''));

for (const [concurrency, files] of [
  [2, all.filter((name) => !isAlone(name))],
  [1, all.filter(isAlone)],
]) {
  const argv = ['--test', '--test-reporter=tap', `--test-concurrency=${concurrency}`, ...files.map((name) => `${FOLDER}${name}`)];
  const { status } = spawnSync(process.execPath, argv, { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
