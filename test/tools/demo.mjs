// Runs the demo in the lab. The guest cannot see whether our output is a terminal, so it is told.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const env = { ...process.env, ...(process.stdout.isTTY ? { LBD_DEMO_LIVE: '1' } : {}) };
const result = spawnSync(
  process.execPath,
  [at('../lab/vm/lab.mjs'), '--', process.execPath, at('../../dist/test/lab/demo/main.js')],
  { stdio: 'inherit', env },
);
process.exitCode = result.status ?? 1;
