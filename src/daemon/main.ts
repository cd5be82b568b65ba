/** The program lbd: core, or with --role one of its children. Each part is loaded only where it runs, and built as a bundle of its own. */
import { readFile } from 'node:fs/promises';
import { VERSION } from '../base/version.js';
import { keepHeapSmall } from '../os/small-heap.js';
import { HELP, type Invocation, parseArguments } from './args.js';

async function checkConfig(file: string): Promise<number> {
  const { loadConfig } = await import('./config-child.js');
  const { formatProblem } = await import('../config/problems.js');
  const { config, problems } = await loadConfig(file);
  const { missingFiles } = await import('../os/named-files.js');
  const text = config ? await readFile(file, 'utf8').catch(() => '') : '';
  const missing = config ? missingFiles(config, { file, text }) : [];
  for (const problem of [...problems, ...missing]) process.stderr.write(`${formatProblem(problem)}\n`);
  if (config) process.stdout.write(`${file}: valid\n`);
  return config ? 0 : 4;
}

async function runRole(role: 'check' | 'vrrp'): Promise<void> {
  if (!process.send) {
    process.stderr.write('lbd: --role is for lbd itself: start lbd without it\n');
    process.exitCode = 1;
    return;
  }
  const run =
    role === 'vrrp' ? (await import('./vrrp/process.js')).runVrrpProcess : (await import('./check/process.js')).runCheckProcess;
  keepHeapSmall();
  run();
}

async function invoke(invocation: Invocation): Promise<void> {
  switch (invocation.mode) {
    case 'help':
      process.stdout.write(HELP);
      return;
    case 'version':
      process.stdout.write(`lbd ${VERSION}\n`);
      return;
    case 'bad':
      process.stderr.write(`lbd: ${invocation.message}\n`);
      process.exitCode = 1;
      return;
    case 'check-config':
      process.exitCode = await checkConfig(invocation.file);
      return;
    case 'parse-config':
      return (await import('./config-child.js')).parseConfigMain(invocation.file, process.argv.at(-1));
    case 'edit-config':
      return (await import('./edit-child.js')).editConfigMain(invocation.file);
    case 'doctor':
      process.exitCode = await (await import('./doctor.js')).doctorMain(invocation.file);
      return;
    case 'role':
      return runRole(invocation.role);
    case 'run': {
      const { runCore } = await import('./core/core.js');
      keepHeapSmall();
      return runCore(invocation.file);
    }
  }
}

export function main(argv: readonly string[]): void {
  invoke(parseArguments(argv)).catch((error: unknown) => {
    process.stderr.write(`lbd: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  });
}
