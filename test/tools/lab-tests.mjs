// The lab's scenarios, called inside the lab. First the one that unloads modules: sockets whose peer is gone hold the namespaces of other
// scenarios, and their services the modules, for minutes. Then by threes; at the end, each alone, those that judge how long something takes.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../dist/test/lab/', import.meta.url));
/** Milliseconds for one file: it is ended then, and its last lines say where it stood. The longest takes a fifth of it. */
const FILE_LIMIT = 480_000;
const FIRST = ['ipvs'];
const TIMED = ['pair', 'steady', 'traffic'];

const all = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.test.js'))
  .sort();
const isOf = (group) => (name) => group.includes(name.replace('.test.js', ''));

for (const [concurrency, files] of [
  [1, all.filter(isOf(FIRST))],
  [3, all.filter((name) => !isOf([...FIRST, ...TIMED])(name))],
  [1, all.filter(isOf(TIMED))],
]) {
  const options = ['--test', '--test-reporter=tap', `--test-timeout=${FILE_LIMIT}`, `--test-concurrency=${concurrency}`];
  const argv = [...options, ...files.map((name) => `${FOLDER}${name}`)];
  const { status } = spawnSync(process.execPath, argv, { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
