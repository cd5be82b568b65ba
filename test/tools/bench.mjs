// Runs the bench, most of it in the lab. Words that are wrong are refused before anything is booted. What needs the speed of the host itself comes first.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseOptions } from '../../dist/test/bench/options.js';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const words = process.argv.slice(2);
const options = parseOptions(words);
if (typeof options === 'string') {
  console.error(`bench: ${options}`);
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'lbd-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
if (options.subject === 'checks') {
  const file = join(folder, 'native.json');
  const kinds = options.kinds ? [options.kinds.join()] : [];
  const { status } = spawnSync(process.execPath, [at('../../dist/test/bench/native.js'), file, ...kinds], { stdio: 'inherit' });
  // 1: some figures are missing, and the file says which.
  if (status !== 0 && status !== 1) process.exit(status ?? 130);
  words.push('--native', file);
}
/** Seconds: 5,000 services take minutes in a guest. */
const limit = process.env.LBD_LAB_TIMEOUT ?? '7200';
const inside = [process.execPath, at('../../dist/test/bench/main.js'), ...words];
// VRRP needs no IPVS: its namespaces are this host's own.
const lab = spawn(process.execPath, options.subject === 'vrrp' ? inside.slice(1) : [at('../lab/vm/lab.mjs'), '--', ...inside], {
  stdio: 'inherit',
  env: { ...process.env, LBD_LAB_TIMEOUT: limit },
});
for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => lab.kill(name));
lab.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
