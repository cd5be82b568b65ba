/** What one measurement stands on: a network namespace with nothing in it, an agent inside, and a folder; all of it goes afterwards. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeNetns, type Netns, type Program } from '../netns/netns.js';
import type { Commanded, Launched, Run, Took, Until } from './agent.js';

const AGENT = new URL('./agent.js', import.meta.url);

/** A program of this tree. */
export const bin = (name: string): string => fileURLToPath(new URL(`../../../bin/${name}`, import.meta.url));

/** The agent's methods; see agent.ts. */
export interface Stage {
  /** Where the contender runs. */
  readonly netns: Netns;
  path(name: string): string;
  write(name: string, text: string): string;
  /** `name` is the log's: a file of the folder. */
  launch(argv: readonly string[], name: string, until: Until, peak?: boolean): Promise<Launched>;
  signal(pid: number, name: NodeJS.Signals, until: Until): Promise<Took>;
  command(argv: readonly string[], options?: CommandOptions): Promise<Commanded>;
  idle(pid: number, ms: number): Promise<number>;
  quiet(pid: number): Promise<void>;
  memory(pid: number): Promise<number>;
}

interface CommandOptions {
  readonly until?: Until;
  readonly stdin?: string;
  /** Its CPU counts too. */
  readonly daemon?: number;
}

/** The agent of the stage that there is: told to end when the bench is. */
let present: Program<never> | undefined;

export const abandonStage = (): void => present?.signal('SIGTERM');

export async function onStage<T>(play: (stage: Stage) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'lbd-bench-'));
  const netns = makeNetns('bench');
  const agent = netns.start<never>(AGENT);
  present = agent;
  try {
    await agent.call('open');
    const result = await play(createStage(folder, netns, agent));
    await agent.call('finish');
    return result;
  } finally {
    present = undefined;
    await agent.end();
    netns.destroy();
    rmSync(folder, { recursive: true, force: true });
  }
}

function createStage(folder: string, netns: Netns, agent: Program<never>): Stage {
  const path = (name: string) => join(folder, name);
  return {
    netns,
    path,
    write(name, text) {
      writeFileSync(path(name), text);
      return path(name);
    },
    launch: (argv, name, until, peak = false) => agent.call('launch', { argv, log: path(name) } satisfies Run, until, peak),
    signal: (pid, name, until) => agent.call('signal', pid, name, until),
    command(argv, { until, stdin, daemon } = {}) {
      const run: Run = { argv, log: path('command.log'), ...(stdin === undefined ? {} : { stdin }) };
      return agent.call('command', run, until ?? null, daemon ?? null);
    },
    idle: (pid, ms) => agent.call('idle', pid, ms),
    quiet: (pid) => agent.call('quiet', pid),
    memory: (pid) => agent.call('memory', pid),
  };
}
