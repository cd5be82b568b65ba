// Runs the bench in the lab. Words that are wrong are refused before anything is booted.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseOptions } from '../../dist/test/bench/options.js';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const words = process.argv.slice(2);
const options = parseOptions(words);
if (typeof options === 'string') {
  console.error(`bench: ${options}`);
  process.exit(2);
}
/** Seconds: 5,000 services take minutes in a guest. */
const limit = process.env.LBD_LAB_TIMEOUT ?? '7200';
const lab = spawn(
  process.execPath,
  [at('../lab/vm/lab.mjs'), '--', process.execPath, at('../../dist/test/bench/main.js'), ...words],
  { stdio: 'inherit', env: { ...process.env, LBD_LAB_TIMEOUT: limit } },
);
for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => lab.kill(name));
lab.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
