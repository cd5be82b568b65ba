/**
 * keepalived on a file of test/golden/keepalived, and lbd on what `lbctl import` makes of it: each in a namespace of its own, with the
 * files that the corpus names in /etc/keepalived, and state folders that are its own too. Addresses are those of the corpus:
 *
 *   eth0 10.9.0.1/24 fd09::1/64      eth1 10.8.0.1/24      VIPs 10.40.N.x fd40:N::x      real servers 10.44.N.x fd44:N::x
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ApiStatus } from '../../src/control/api.js';
import { askStatus } from './ask-status.js';

const execute = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export const CORPUS = join(ROOT, 'test/golden/keepalived');
const bin = (name: string): string => join(ROOT, 'bin', name);

/** What the corpus is read with (`-i`). */
export const CONFIG_ID = 'left';

/** Both ends of the cables are here: what the host says arrives at nobody. */
const CABLES = [
  'link set lo up',
  'link add eth0 type veth peer name p0',
  'link add eth1 type veth peer name p1',
  ...['eth0', 'eth1', 'p0', 'p1'].map((name) => `link set ${name} addrgenmode none up`),
  'address add 10.9.0.1/24 dev eth0',
  'address add fd09::1/64 dev eth0 nodad',
  'address add fe80::1/64 dev eth0 nodad',
  'address add 10.8.0.1/24 dev eth1',
];

export interface ImportResult {
  readonly status: number;
  readonly yaml: string;
  /** The summary, and every note. */
  readonly notes: string;
}

/** `lbctl import FILE`. */
export async function importFile(file: string, ...more: readonly string[]): Promise<ImportResult> {
  try {
    const { stdout, stderr } = await execute(bin('lbctl'), ['import', file, '-i', CONFIG_ID, ...more], { cwd: CORPUS });
    return { status: 0, yaml: stdout, notes: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { status: code, yaml: stdout, notes: stderr };
  }
}

export interface StageHost {
  readonly netns: string;
  /** Of this host alone; `run/lbd.sock` is where lbctl finds its lbd. */
  readonly folder: string;
  /** A command line of plain words. */
  exec(line: string): Promise<string>;
  keepalived(file: string): Running;
  lbd(file: string): Running;
  status(): Promise<ApiStatus>;
  destroy(): Promise<void>;
}

export interface Running {
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

/** What is mounted before the program: only its own mount namespace sees it. */
const mounts = (folder: string): string =>
  [
    'set -e',
    'mount -t tmpfs tmpfs /etc/keepalived',
    `cp -r ${CORPUS}/etc/. /etc/keepalived/`,
    `cp -r ${CORPUS}/../tls /etc/keepalived/tls`,
    'mkdir -p /run/lbd /var/lib/lbd',
    `mount --bind ${folder}/run /run/lbd`,
    `mount --bind ${folder}/state /var/lib/lbd`,
    'exec "$@"',
  ].join('\n');

function startIn(netns: string, folder: string, argv: readonly string[], stopped: Set<() => Promise<void>>): Running {
  const child = spawn('ip', ['netns', 'exec', netns, 'sh', '-c', mounts(folder), 'sh', ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const lines: string[] = [];
  let rest = '';
  const take = (chunk: Buffer) => {
    const all = (rest + chunk.toString()).split('\n');
    rest = all.pop() ?? '';
    lines.push(...all);
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const stop = async () => {
    stopped.delete(stop);
    if (child.exitCode === null) child.kill('SIGTERM');
    await ended;
  };
  stopped.add(stop);
  return { lines, stop };
}

let hosts = 0;

/** `cables`: commands of `ip` that make its network. */
export function makeHost(label: string, cables: readonly string[] = CABLES): StageHost {
  const netns = `imp-${label}-${process.pid}-${++hosts}`;
  const folder = mkdtempSync(join(tmpdir(), `lbd-import-${label}-`));
  for (const name of ['run', 'state']) mkdirSync(join(folder, name));
  // A folder to mount on; in the lab it is gone with the guest.
  if (!existsSync('/etc/keepalived')) mkdirSync('/etc/keepalived');
  execFileSync('ip', ['netns', 'add', netns]);
  execFileSync('ip', ['-n', netns, '-batch', '-'], { input: `${cables.join('\n')}\n`, stdio: ['pipe', 'ignore', 'inherit'] });
  const running = new Set<() => Promise<void>>();
  const pids = ['p', 'r', 'c', 'b'].flatMap((letter) => [`-${letter}`, join(folder, `${letter}.pid`)]);
  return {
    netns,
    folder,
    exec: async (line) => {
      const words = ['netns', 'exec', netns, ...line.split(' ')];
      return (await execute('ip', words, { maxBuffer: 1e8 })).stdout;
    },
    keepalived: (file) => startIn(netns, folder, ['keepalived', '-n', '-l', '-D', '-i', CONFIG_ID, '-f', file, ...pids], running),
    lbd: (file) => startIn(netns, folder, [bin('lbd'), '-c', file], running),
    status: () => askStatus(join(folder, 'run/lbd.sock')),
    async destroy() {
      await Promise.all([...running].map((stop) => stop()));
      execFileSync('ip', ['netns', 'del', netns]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
