/** keepalived's TCP connect checks on the host itself, which has no IPVS: what it says to IPVS is answered in its own process (no-ipvs.c). */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Netns } from '../netns/netns.js';
import { asContender, measureContender, type Use } from './cores.js';
import type { Farm } from './farm.js';
import { cpuOf, tree } from './proc.js';
import { keepalivedConfig, REAL_SERVERS } from './texts.js';

export interface KeepalivedCost extends Use {
  /** Checks that arrived meanwhile. */
  readonly results: number;
}

/** The sources' folder; the compiled program lies in dist/. */
const SHIM = fileURLToPath(new URL('../../../test/bench/no-ipvs.c', import.meta.url));

function start(netns: Netns, folder: string, targets: number, apart: boolean): ChildProcess {
  const library = join(folder, 'no-ipvs.so');
  execFileSync('cc', ['-O2', '-shared', '-fPIC', '-o', library, SHIM, '-ldl']);
  const file = join(folder, 'keepalived.conf');
  writeFileSync(file, keepalivedConfig(targets / REAL_SERVERS, undefined, 'tcp'));
  const pids = ['-p', join(folder, 'keepalived.pid'), '-c', join(folder, 'checkers.pid')];
  const argv = ['keepalived', '--dont-fork', '--check', '--log-console', '--no-syslog', '-f', file, ...pids];
  const env = { ...process.env, LD_PRELOAD: library };
  // exec: what is started is keepalived itself.
  return spawn('ip', ['netns', 'exec', netns.name, ...(apart ? asContender(argv) : argv)], { stdio: 'ignore', env });
}

export interface Measuring {
  /** Milliseconds. */
  readonly warm: number;
  readonly measured: number;
  /** As in cores.ts. */
  readonly apart: boolean;
}

function measureProcesses(pids: readonly number[]): () => Use {
  const before = { cpu: cpuOf(pids), at: performance.now() };
  return () => ({ cpu: cpuOf(pids) - before.cpu, seconds: (performance.now() - before.at) / 1000 });
}

/** Like that of lbd: so long to warm up, so long measured. Rejects when it does not check. */
export async function keepalivedCost(
  netns: Netns,
  farm: Farm,
  targets: number,
  { warm, measured, apart }: Measuring,
): Promise<KeepalivedCost> {
  const folder = mkdtempSync(join(tmpdir(), 'lbd-bench-'));
  const child = start(netns, folder, targets, apart);
  const ended = once(child, 'exit');
  try {
    await sleep(warm);
    if (child.exitCode !== null) throw new Error(`keepalived ended with status ${child.exitCode}`);
    const arrived = farm.arrived('tcp');
    const use = apart ? measureContender() : measureProcesses(tree(child.pid as number));
    await sleep(measured);
    const used = use();
    const results = farm.arrived('tcp') - arrived;
    if (results === 0) throw new Error('no check of keepalived arrived');
    return { ...used, results };
  } finally {
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}
