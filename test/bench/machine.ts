/** Where figures come from. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { bin } from './stage.js';

export interface Machine {
  readonly kernel: string;
  readonly cores: number;
  readonly cpu: string;
  readonly memory_mb: number;
  readonly where: 'guest' | 'host';
  readonly node: string;
  readonly lbd: string;
  readonly keepalived: string;
  readonly ipvsadm: string;
}

/** The first version number that a program says of itself, on either stream. */
function versionOf(program: string, ...words: string[]): string {
  try {
    const text = execFileSync('sh', ['-c', '"$@" 2>&1', 'sh', program, ...words], { encoding: 'utf8' });
    return /\d+\.\d+(\.\d+)?/.exec(text)?.[0] ?? 'unknown';
  } catch {
    return 'missing';
  }
}

export function describeMachine(): Machine {
  return {
    kernel: release(),
    cores: cpus().length,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memory_mb: Math.round(totalmem() / 1e6),
    where: readFileSync('/proc/cmdline', 'utf8').includes('lab.run=') ? 'guest' : 'host',
    node: process.version,
    lbd: versionOf(bin('lbd'), '--version'),
    keepalived: versionOf('keepalived', '--version'),
    ipvsadm: versionOf('ipvsadm', '--version'),
  };
}

export function machineLine(machine: Machine): string {
  const where =
    machine.where === 'guest'
      ? 'a guest of the lab, in software emulation: 15 to 30 times slower than a host, so only ratios count'
      : 'the host itself';
  const programs = `lbd ${machine.lbd}, keepalived ${machine.keepalived}, ipvsadm ${machine.ipvsadm}, Node.js ${machine.node}`;
  return `${programs}\nkernel ${machine.kernel}, ${machine.cores} cores (${machine.cpu}), ${machine.memory_mb} MB; ${where}`;
}
