/** One lbd in a namespace, with its own files, and lbctl to talk to it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ApiEvent, ApiStatus } from '../../../src/control/api.js';
import { askStatus } from '../../netns/ask-status.js';
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
  configure(yaml: string, global?: string): void;
  ctl(...words: string[]): CommandResult;
  status(): Promise<ApiStatus>;
  /** Waits until `test` holds of the status. */
  when(what: string, test: (status: ApiStatus) => boolean, timeoutMs?: number): Promise<ApiStatus>;
  /** Events from now on, as they come. */
  follow(): Program & { event(test: (event: ApiEvent) => boolean, timeoutMs?: number): Promise<ApiEvent> };
  /** Events after this number, or all that are kept. */
  eventsSince(id?: number): readonly ApiEvent[];
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
    const result = spawnSync(bin('lbctl'), ['--socket', socket, ...words], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    return { status: result.status ?? -1, stdout: result.stdout, stderr: result.stderr };
  };
  /** Notes the children's pids, so that `destroy` can end what outlived a killed core. */
  const seen = new Set<number>();
  const ask = async (): Promise<ApiStatus> => {
    const status = await askStatus(socket);
    for (const { name, pid } of status.processes) if (name !== 'core' && pid) seen.add(pid);
    return status;
  };
  const tryStatus = () => ask().catch(() => undefined);
  const director: Director = {
    folder,
    file,
    program,
    ctl,
    configure: (yaml, global = '') =>
      writeFileSync(
        file,
        // A scenario takes away what it likes; the guard against that has tests of its own.
        `global:\n  router_id: ${routerId}\n  state_dir: ${folder}/state\n  control: { socket: ${socket} }\n  max_removed: 100%\n  ${global}\n${yaml}`,
      ),
    async start() {
      current = start(netns, [bin('lbd'), '-c', file]);
      running.push(current);
      const ended = current.ended;
      let over = false;
      void ended.then(() => {
        over = true;
      });
      await until(`${routerId} answers`, async () => {
        if (over) throw new Error(`lbd of ${routerId} ended:\n${program().lines.slice(-15).join('\n')}`);
        return (await tryStatus()) !== undefined;
      });
    },
    status: ask,
    async when(what, test, timeoutMs) {
      let last: ApiStatus | undefined;
      try {
        return await until(
          `${routerId}: ${what}`,
          async () => {
            last = await tryStatus();
            return last && test(last) ? last : undefined;
          },
          timeoutMs,
        );
      } catch (error) {
        throw new Error(
          `${(error as Error).message}; status was ${JSON.stringify(last, null, 1)}\nlog:\n${program().lines.slice(-25).join('\n')}`,
        );
      }
    },
    follow() {
      const follower = start(undefined, [bin('lbctl'), '--socket', socket, 'events', '-f', '-o', 'json']);
      running.push(follower);
      const event = async (test: (event: ApiEvent) => boolean, timeoutMs = 60_000): Promise<ApiEvent> => {
        const seen = (line: string) => line.startsWith('{') && test(JSON.parse(line) as ApiEvent);
        const past = follower.lines.find(seen);
        if (past) return JSON.parse(past) as ApiEvent;
        return new Promise((resolve, reject) => {
          const timer = setTimeout(
            () => reject(new Error(`${routerId}: no such event; the last ones:\n${follower.lines.slice(-10).join('\n')}`)),
            timeoutMs,
          );
          follower.onLine((line) => {
            if (!seen(line)) return;
            clearTimeout(timer);
            resolve(JSON.parse(line) as ApiEvent);
          });
        });
      };
      return { ...follower, event };
    },
    eventsSince(id = 0) {
      const { stdout } = ctl('events', '--since', String(id), '--limit', '1000', '-o', 'json');
      return (JSON.parse(stdout) as { events: readonly ApiEvent[] }).events;
    },
    async stop() {
      program().signal('SIGTERM');
      return program().ended;
    },
    async destroy() {
      for (const one of running) await one.kill();
      for (const pid of seen) endChild(pid);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return director;
}

/** Ends a child that is still there and still lbd's (its number may belong to somebody else by now). */
function endChild(pid: number): void {
  try {
    if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--role')) process.kill(pid, 'SIGKILL');
  } catch {
    // Gone, as it should be.
  }
}
