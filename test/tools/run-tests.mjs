// Every test, stage by stage, each with a line before and after; the lab's scenarios share one boot. Options:
//   --only unit,netns,lab   some stages      --node PATH   another Node.js for the unit stage
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DIST = join(ROOT, 'dist/test');

const below = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) return below(path);
        return path.endsWith('.test.js') ? [path] : [];
      })
    : [];

const tests = (...folders) =>
  folders.flatMap((folder) => (folder.endsWith('.js') ? [join(DIST, folder)] : below(join(DIST, folder)))).sort();
const testRunner = (concurrency, files) => ['--test', '--test-reporter=tap', `--test-concurrency=${concurrency}`, ...files];
const lab = (argv) => [join(ROOT, 'test/lab/vm/lab.mjs'), '--', ...argv];

const stages = {
  lint: () => [join(ROOT, 'node_modules/@biomejs/biome/bin/biome'), 'check', '.'],
  unit: () => testRunner(2, tests('arch.test.js', 'unit', 'golden', 'scenario')),
  netns: () => testRunner(1, tests('netns')),
  lab: () => lab([process.execPath, ...testRunner(1, tests('lab'))]),
};

const argument = (name) => {
  const at = process.argv.indexOf(name);
  return at > 0 ? process.argv[at + 1] : undefined;
};
const wanted = argument('--only')?.split(',') ?? Object.keys(stages);
const totals = { tests: 0, pass: 0, fail: 0, skipped: 0 };
const failed = [];

/** TAP is read for the totals, and shown as one line a file; a failure is shown whole. */
function runStage(name) {
  console.log(`== ${name}`);
  const began = Date.now();
  const result = spawnSync(process.execPath, stages[name](), {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output = result.stdout ?? '';
  for (const key of Object.keys(totals)) totals[key] += Number(new RegExp(`^# ${key} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
  const ok = result.status === 0;
  if (!ok) {
    failed.push(name);
    console.log(failures(output));
  }
  console.log(
    `== ${name}: ${ok ? 'passed' : `FAILED (status ${result.status ?? result.signal})`} in ${((Date.now() - began) / 1000).toFixed(1)} s`,
  );
}

/** The lines of TAP around each `not ok`, or all of it when there is none. */
function failures(output) {
  const lines = output.split('\n');
  const shown = lines.flatMap((line, i) => (/^\s*not ok/.test(line) ? lines.slice(Math.max(0, i - 12), i + 45) : []));
  return (shown.length > 0 ? shown : lines.slice(-200)).join('\n');
}

for (const name of wanted) {
  if (!stages[name]) {
    console.error(`unknown stage "${name}": there are ${Object.keys(stages).join(', ')}`);
    process.exit(2);
  }
  runStage(name);
}
for (const [key, value] of Object.entries(totals)) console.log(`# ${key} ${value}`);
console.log(failed.length === 0 ? 'all stages passed' : `failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
