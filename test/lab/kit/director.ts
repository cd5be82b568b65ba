/** One lbd in a namespace, with its own files, and lbctl to talk to it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ApiEvent, ApiInstance, ApiService, ApiStatus } from '../../../src/control/api.js';
import { type Program, start, until } from './shell.js';

const bin = (name: string) => fileURLToPath(new URL(`../../../../bin/${name}`, import.meta.url));

export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Director {
  readonly folder: string;
  readonly file: string;
  /** The running daemon. */
  program(): Program;
  /** Starts lbd (again). Resolves when its control socket answers. */
  start(): Promise<void>;
  /** Writes the configuration file; `global:` is added. */
  configure(yaml: string): void;
  ctl(...words: string[]): CommandResult;
  status(): ApiStatus;
  services(): ApiService[];
  instances(): ApiInstance[];
  /** Waits until `test` holds of the status. */
  when(what: string, test: (status: ApiStatus) => boolean, timeoutMs?: number): Promise<ApiStatus>;
  /** Events from now on, as they come. */
  follow(): Program & { event(test: (event: ApiEvent) => boolean, timeoutMs?: number): Promise<ApiEvent> };
  /** SIGTERM and wait for the ordered stop. */
  stop(): Promise<number | null>;
  destroy(): Promise<void>;
}

export function createDirector(netns: string, routerId: string): Director {
  const folder = mkdtempSync(join(tmpdir(), `lbd-${routerId}-`));
  const file = join(folder, 'lbd.yaml');
  const socket = join(folder, 'run', 'lbd.sock');
  const running: Program[] = [];
  let current: Program | undefined;
  const program = () => {
    if (!current) throw new Error(`${routerId} is not started`);
    return current;
  };
  const ctl = (...words: string[]): CommandResult => {
    const result = spawnSync(process.execPath, [bin('lbctl'), '--socket', socket, ...words], { encoding: 'utf8', timeout: 60_000 });
    return { status: result.status ?? -1, stdout: result.stdout, stderr: result.stderr };
  };
  const json = <T>(...words: string[]): T => {
    const result = ctl(...words, '-o', 'json');
    if (result.status !== 0) throw new Error(`lbctl ${words.join(' ')}: status ${result.status}: ${result.stderr}`);
    return JSON.parse(result.stdout) as T;
  };
  const tryStatus = () => {
    const result = ctl('status', '-o', 'json');
    return result.status === 0 ? (JSON.parse(result.stdout) as ApiStatus) : undefined;
  };
  const director: Director = {
    folder,
    file,
    program,
    ctl,
    configure: (yaml) =>
      writeFileSync(file, `global:\n  router_id: ${routerId}\n  state_dir: ${folder}/state\n  control: { socket: ${socket} }\n${yaml}`),
    async start() {
      current = start(netns, [bin('lbd'), '-c', file]);
      running.push(current);
      const ended = current.ended;
      let over = false;
      void ended.then(() => {
        over = true;
      });
      await until(`${routerId} answers`, () => {
        if (over) throw new Error(`lbd of ${routerId} ended:\n${program().lines.slice(-15).join('\n')}`);
        return tryStatus() !== undefined;
      });
    },
    status: () => json<ApiStatus>('status'),
    services: () => json<{ services: ApiService[] }>('list').services,
    instances: () => json<{ instances: ApiInstance[] }>('vrrp').instances,
    async when(what, test, timeoutMs) {
      let last: ApiStatus | undefined;
      try {
        return await until(`${routerId}: ${what}`, () => {
          last = tryStatus();
          return last && test(last) ? last : undefined;
        }, timeoutMs);
      } catch (error) {
        throw new Error(`${(error as Error).message}; status was ${JSON.stringify(last, null, 1)}\nlog:\n${program().lines.slice(-25).join('\n')}`);
      }
    },
    follow() {
      const follower = start(undefined, [process.execPath, bin('lbctl'), '--socket', socket, 'events', '-f', '-o', 'json']);
      running.push(follower);
      const event = async (test: (event: ApiEvent) => boolean, timeoutMs = 60_000): Promise<ApiEvent> => {
        const seen = (line: string) => line.startsWith('{') && test(JSON.parse(line) as ApiEvent);
        const past = follower.lines.find(seen);
        if (past) return JSON.parse(past) as ApiEvent;
        return new Promise((resolve, reject) => {
          const timer = setTimeout(() => reject(new Error(`${routerId}: no such event; the last ones:\n${follower.lines.slice(-10).join('\n')}`)), timeoutMs);
          follower.onLine((line) => {
            if (!seen(line)) return;
            clearTimeout(timer);
            resolve(JSON.parse(line) as ApiEvent);
          });
        });
      };
      return { ...follower, event };
    },
    async stop() {
      program().signal('SIGTERM');
      return program().ended;
    },
    async destroy() {
      for (const one of running) await one.kill();
      await until('children are gone', () => !pidsIn(folder).length, 30_000).catch(() => undefined);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return director;
}

/** Processes that still run for this folder's configuration: children that outlived a killed core. */
function pidsIn(folder: string): string[] {
  const found = spawnSync('pgrep', ['-f', folder], { encoding: 'utf8' }).stdout.trim();
  return found ? found.split('\n') : [];
}
