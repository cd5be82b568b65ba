#!/usr/bin/env node
// npm run lab -- COMMAND ARG…: runs COMMAND on a kernel that has IPVS and exits with its status. Where the running kernel has IPVS, in a
// fresh network namespace of this machine; elsewhere in a small guest that sees this machine's files. LBD_LAB=vm|host forces one.
import { execFileSync, spawn } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { prepare } from './cache.mjs';
import { LabError } from './say.mjs';
import { runInGuest } from './vm.mjs';

const USAGE = 'usage: npm run lab -- COMMAND [ARGUMENT …]   (LBD_LAB=vm|host, LBD_LAB_TIMEOUT=SECONDS, LBD_LAB_OUT=FOLDER)';

function found(program) {
  return ['/usr/sbin', '/usr/bin', '/sbin', '/bin', ...(process.env.PATH ?? '').split(':')].some((folder) => {
    try {
      accessSync(`${folder}/${program}`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function kernelHasIpvs() {
  if (existsSync('/proc/net/ip_vs')) return true;
  try {
    execFileSync('modprobe', ['-q', 'ip_vs'], {
      stdio: 'ignore',
      env: { ...process.env, PATH: `/usr/sbin:/sbin:${process.env.PATH}` },
    });
  } catch {
    return false;
  }
  return existsSync('/proc/net/ip_vs');
}

function choose() {
  const forced = process.env.LBD_LAB;
  if (forced !== undefined && forced !== '' && forced !== 'vm' && forced !== 'host')
    throw new LabError(`LBD_LAB is "${forced}": give vm or host`);
  if (process.getuid?.() !== 0) throw new LabError('the lab makes network namespaces and needs root: run it with sudo');
  if (forced === 'vm') return 'vm';
  if (kernelHasIpvs()) return 'host';
  if (forced === 'host')
    throw new LabError('LBD_LAB=host, but this kernel has no IPVS (modprobe ip_vs failed): leave LBD_LAB out to use a guest');
  return 'vm';
}

function needPrograms() {
  const packages = { 'qemu-system-x86_64': 'qemu-system-x86', modprobe: 'kmod', depmod: 'kmod', ip: 'iproute2' };
  const missing = [...new Set(Object.entries(packages).flatMap(([program, name]) => (found(program) ? [] : [name])))];
  if (missing.length === 0) return;
  if (!found('apt-get'))
    throw new LabError(
      `${missing.join(' and ')} missing, and there is no apt-get to install it: the lab needs Debian or qemu, kmod and iproute2`,
    );
  throw new LabError(`missing: ${missing.join(', ')}; run: apt-get install --no-install-recommends ${missing.join(' ')}`);
}

/** In a network namespace of its own, so that nothing of this machine is touched. */
function runOnHost(argv) {
  return new Promise((resolve, reject) => {
    const child = spawn('unshare', ['--net', '--', 'sh', '-c', 'ip link set lo up; exec "$@"', 'sh', ...argv], {
      stdio: 'inherit',
    });
    child.once('error', (error) => reject(new LabError(`cannot run unshare: ${error.message}`)));
    child.once('exit', (code, signal) => resolve(code ?? 128 + (osConstants.signals[signal] ?? 0)));
  });
}

async function main(words) {
  const argv = words[0] === '--' ? words.slice(1) : words;
  if (argv.length === 0) throw Object.assign(new LabError(USAGE), { status: 2 });
  if (choose() === 'host') return runOnHost(argv);
  needPrograms();
  return runInGuest(argv, await prepare());
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  process.stderr.write(`lab: ${error.message}\n`);
  process.exitCode = error.status ?? 1;
}
