// The lab's scenarios, called inside the lab. First the one that unloads modules: sockets whose peer is gone hold the namespaces of other
// scenarios, and their services the modules, for minutes. Then by threes; at the end, each alone, those that judge how long something takes.
import { readdirSync } from 'node:fs';
import { run } from 'node:test';
import { tap } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../dist/test/lab/', import.meta.url));
/** Milliseconds for one file: it is ended then, and its last lines say where it stood. The longest takes a fifth of it. */
const FILE_LIMIT = 480_000;
const FIRST = ['ipvs'];
const TIMED = ['pair', 'steady', 'traffic', 'migrate'];
/** They begin, so that no lane is left alone with one of them at the end; those with much traffic beside those that wait. */
const LONG = ['import', 'drain', 'netfilter', 'checks', 'property', 'doctor', 'both', 'sync', 'policy', 'quorum', 'forwarding'];

const all = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.test.js'))
  .map((name) => name.replace('.test.js', ''))
  .sort();
const others = all.filter((name) => ![...FIRST, ...LONG, ...TIMED].includes(name));

for (const [concurrency, names] of [
  [1, FIRST],
  [3, [...LONG, ...others]],
  [1, TIMED],
]) {
  const files = names.filter((name) => all.includes(name)).map((name) => `${FOLDER}${name}.test.js`);
  const told = run({ files, concurrency, timeout: FILE_LIMIT }).on('test:fail', () => {
    process.exitCode = 1;
  });
  for await (const text of told.compose(tap)) process.stdout.write(text);
}
