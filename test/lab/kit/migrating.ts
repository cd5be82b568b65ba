/**
 * A host that has keepalived today and lbd tomorrow: a network namespace with files of its own below /etc, /run and /var, in which lines are
 * typed. `systemctl` is played: it starts and ends the two daemons, and keeps what they print.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Program, start, until } from './shell.js';

const BIN = fileURLToPath(new URL('../../../../bin', import.meta.url));

export interface Typed {
  readonly status: number | null;
  /** Both streams. */
  readonly output: string;
}

export interface MigratingHost {
  readonly name: string;
  /** What it sees as /etc/keepalived is `keepalived` of this. */
  readonly folder: string;
  /** Runs a line of sh, or plays systemctl; waits for its end. */
  type(line: string): Promise<Typed>;
  /** How often an instance of it has become master so far, whichever daemon it was of. */
  becameMaster(): number;
  lastLines(): readonly string[];
  destroy(): Promise<void>;
}

/** Of its own: what both daemons and the lines write. */
const FOLDERS = {
  '/etc/keepalived': 'keepalived',
  '/etc/lbd': 'lbd',
  '/run/lbd': 'run',
  '/var/lib/lbd': 'state',
  '/var/tmp': 'tmp',
};

const DAEMONS: Readonly<Record<string, { readonly argv: (folder: string) => readonly string[]; readonly ready: RegExp }>> = {
  keepalived: {
    argv: (folder) => [
      ...['keepalived', '-n', '-l', '-D', '-f', '/etc/keepalived/keepalived.conf'],
      ...['p', 'r', 'c', 'b'].flatMap((letter) => [`-${letter}`, `${folder}/${letter}.pid`]),
    ],
    ready: /Entering BACKUP STATE/,
  },
  lbd: { argv: () => [`${BIN}/lbd`, '-c', '/etc/lbd/lbd.yaml'], ready: /"msg":"lbd started/ },
};
const BECAME_MASTER = /Entering MASTER STATE|"msg":"\S+ -> master:/;

/** The mount namespace lives as long as this process. */
async function hold(netns: string, folder: string): Promise<ChildProcess> {
  const mounts = Object.entries(FOLDERS).flatMap(([path, name]) => {
    mkdirSync(join(folder, name));
    return [`mkdir -p ${path}`, `mount --bind ${join(folder, name)} ${path}`];
  });
  const child = spawn('ip', ['netns', 'exec', netns, 'sh', '-c', ['set -e', ...mounts, 'echo held', 'exec cat'].join('\n')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await new Promise((resolve, reject) => {
    child.stdout?.once('data', resolve);
    child.once('exit', (code) => reject(new Error(`no namespace for ${netns}: status ${code}`)));
  });
  return child;
}

function run(argv: readonly string[]): Promise<Typed> {
  const [program = '', ...words] = argv;
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  return new Promise((resolve) => child.once('close', (status) => resolve({ status, output })));
}

export async function createHost(netns: string, name: string): Promise<MigratingHost> {
  const folder = mkdtempSync(join(tmpdir(), `lbd-migrate-${name}-`));
  const holder = await hold(netns, folder);
  const inside = ['nsenter', '-t', String(holder.pid), '-m', '-n', '--'];
  const running = new Map<string, Program>();
  const ended: Program[] = [];

  async function systemctl(word: string, unit: string): Promise<Typed> {
    const { argv, ready } = DAEMONS[unit] as (typeof DAEMONS)[string];
    if (word === 'start') {
      const program = start(undefined, [...inside, ...argv(folder)]);
      running.set(unit, program);
      await Promise.race([program.line(ready), program.ended.then(() => Promise.reject(new Error(program.lines.join('\n'))))]);
    } else if (word === 'stop') {
      const program = running.get(unit) as Program;
      program.signal('SIGTERM');
      await program.ended;
      running.delete(unit);
      ended.push(program);
    }
    // enable and disable are a matter of the next boot.
    return { status: 0, output: '' };
  }

  const all = (): Program[] => [...ended, ...running.values()];
  return {
    name,
    folder,
    type(line) {
      const [, word = '', unit = ''] = /^systemctl (\w+) (\w+)$/.exec(line) ?? [];
      return word ? systemctl(word, unit) : run([...inside, 'env', `PATH=${BIN}:${process.env.PATH}`, 'sh', '-c', line]);
    },
    becameMaster: () => all().reduce((sum, { lines }) => sum + lines.filter((line) => BECAME_MASTER.test(line)).length, 0),
    lastLines: () => all().flatMap(({ lines }) => lines.slice(-15)),
    async destroy() {
      for (const program of running.values()) {
        program.signal('SIGTERM');
        await program.ended;
      }
      holder.kill('SIGKILL');
      await until('the namespace is gone', () => holder.exitCode !== null || holder.signalCode !== null);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
