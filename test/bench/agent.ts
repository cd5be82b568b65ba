/**
 * The measuring end, inside the network namespace of one contender: starts it, tells it to change something, and says when the kernel
 * had it and what it cost. It is the parent of all that it measures, and ends it.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type IpvsClient, openIpvs } from '../../src/os/ipvs.js';
import { serve } from '../netns/netns.js';
import { type Reached, type StillAlive, untilFull, untilMade, untilWeight } from './kernel-watch.js';
import { reloadWatch } from './lbd-watch.js';
import { cpuOf, pssOf, reapedCpu, tree } from './proc.js';
import type { Weighted } from './texts.js';

/** What to wait for. */
export type Until =
  | { readonly kind: 'full'; readonly services: number }
  /** Its services alone. */
  | { readonly kind: 'made'; readonly services: number }
  | { readonly kind: 'weight'; readonly of: Weighted }
  /** lbd has read its file again, and its check process has taken the result. */
  | { readonly kind: 'reloaded'; readonly log: string; readonly socket: string }
  /** Its processes, `pid` and below, take no more CPU: for programs that do not say when they are ready. */
  | { readonly kind: 'quiet'; readonly pid: number };

export interface Run {
  readonly argv: readonly string[];
  /** File for both streams. */
  readonly log: string;
  readonly stdin?: string;
}

export interface Took {
  /** Milliseconds until what was waited for. */
  readonly ms: number;
  /** Of these, from its first sign on: the time of programming a table. */
  readonly sinceFirstMs: number;
  /** Seconds of CPU until then. */
  readonly cpu: number;
}

export interface Launched extends Took {
  readonly pid: number;
  /** Highest PSS seen, MB; 0 unless asked for. */
  readonly peak: number;
}

/** `cpu` is the command's own. */
export interface Commanded extends Took {
  /** Milliseconds until the command had ended. */
  readonly endedMs: number;
  /** Seconds of CPU of the daemon that it talked to. */
  readonly daemonCpu: number;
}

/** Longer than the slowest contender with 5,000 services in the guest. */
const LIMIT_MS = 600_000;
const QUIET_MS = 1000;
const QUIET_POLL_MS = 20;
/** Of one core: less for QUIET_MS is rest, what a daemon does all the time; more between two looks is work. */
const REST_SHARE = 0.15;
const BUSY_SHARE = 0.1;
const PEAK_POLL_MS = 50;

const children = new Set<ChildProcess>();
let client: IpvsClient | undefined;
const kernel = (): IpvsClient => client as IpvsClient;

function begin(run: Run): { child: ChildProcess; pid: number; ended: Promise<number> } {
  const out = openSync(run.log, 'a');
  const input = run.stdin === undefined ? ('ignore' as const) : openSync(run.stdin, 'r');
  const child = spawn(run.argv[0] as string, run.argv.slice(1), { stdio: [input, out, out] });
  closeSync(out);
  if (input !== 'ignore') closeSync(input);
  children.add(child);
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => {
      children.delete(child);
      resolve(performance.now());
    });
  });
  // Whoever waits for it hears of the error; whoever does not, through `aliveCheck`.
  ended.catch(() => {});
  return { child, pid: child.pid ?? 0, ended };
}

const lastWords = (log: string): string =>
  readFileSync(log, 'utf8').trim().split('\n').slice(-3).join(' / ') || 'it said nothing';

const aliveCheck = (child: ChildProcess, log: string): StillAlive => {
  return () => {
    if (child.pid === undefined) throw new Error(`${child.spawnfile} cannot be started`);
    if (child.exitCode === null && child.signalCode === null) return;
    throw new Error(`${child.spawnfile} ended with ${child.signalCode ?? `status ${child.exitCode}`}: ${lastWords(log)}`);
  };
};

/** The last moment at which the processes were busy, once they have taken next to nothing for a while. */
async function untilQuiet(pid: number): Promise<number> {
  const pids = tree(pid);
  const began = performance.now();
  const samples = [{ at: began, cpu: cpuOf(pids) }];
  let busyAt = began;
  for (;;) {
    await sleep(QUIET_POLL_MS);
    const [at, cpu] = [performance.now(), cpuOf(pids)];
    const last = samples.at(-1) as (typeof samples)[number];
    if (cpu - last.cpu > ((at - last.at) / 1000) * BUSY_SHARE) busyAt = at;
    samples.push({ at, cpu });
    while (samples.length > 2 && at - (samples[1] as (typeof samples)[number]).at >= QUIET_MS) samples.shift();
    const first = samples[0] as (typeof samples)[number];
    if (at - first.at >= QUIET_MS && cpu - first.cpu < ((at - first.at) / 1000) * REST_SHARE) return busyAt;
    if (at - began > LIMIT_MS) throw new Error(`it does not come to rest within ${LIMIT_MS / 1000} s`);
  }
}

/** What is there to be watched is opened now, before it is told to happen; the result waits. */
function watch(until: Until, alive: StillAlive): () => Promise<Reached> {
  const atOnce = async (moment: Promise<number>): Promise<Reached> => {
    const at = await moment;
    return { at, first: at };
  };
  switch (until.kind) {
    case 'full':
      return () => untilFull(kernel(), until.services, LIMIT_MS, alive);
    case 'made':
      return () => atOnce(untilMade(kernel(), until.services, LIMIT_MS, alive));
    case 'weight':
      return () => atOnce(untilWeight(kernel(), until.of, LIMIT_MS, alive));
    case 'reloaded': {
      const reloaded = reloadWatch(until.log, until.socket);
      return () => atOnce(reloaded(LIMIT_MS));
    }
    case 'quiet':
      return () => atOnce(untilQuiet(until.pid));
  }
}

const times = ({ at, first }: Reached, began: number) => ({ ms: at - began, sinceFirstMs: at - first });

/** Starts a daemon that stays. With `peak`, its memory is looked at all the time, which costs time. */
async function launch(run: Run, until: Until, peak = false): Promise<Launched> {
  const began = performance.now();
  const { child, pid } = begin(run);
  let highest = 0;
  const look = () => {
    highest = Math.max(highest, pssOf(tree(pid)));
  };
  const timer = peak ? setInterval(look, PEAK_POLL_MS) : undefined;
  try {
    const reached = await watch(until, aliveCheck(child, run.log))();
    const cpu = cpuOf(tree(pid));
    if (peak) await untilQuiet(pid);
    return { pid, ...times(reached, began), cpu, peak: highest };
  } finally {
    clearInterval(timer);
  }
}

/** Sends a signal to a daemon. */
async function signal(pid: number, name: NodeJS.Signals, until: Until): Promise<Took> {
  const before = cpuOf(tree(pid));
  const reached = watch(until, () => process.kill(pid, 0));
  const began = performance.now();
  process.kill(pid, name);
  return { ...times(await reached(), began), cpu: cpuOf(tree(pid)) - before };
}

/** Runs a command to its end, and until the kernel has what it is for, if that is given. */
async function command(run: Run, until: Until | null, daemon: number | null): Promise<Commanded> {
  const daemonCpu = () => (daemon === null ? 0 : cpuOf(tree(daemon)));
  const before = { own: reapedCpu(process.pid), daemon: daemonCpu() };
  const began = performance.now();
  const { child, ended } = begin(run);
  const check = aliveCheck(child, run.log);
  const reached = until && (await watch(until, () => child.exitCode === 0 || check())());
  const endedAt = await ended;
  if (child.exitCode !== 0) check();
  return {
    ...times(reached ?? { at: endedAt, first: endedAt }, began),
    endedMs: endedAt - began,
    cpu: reapedCpu(process.pid) - before.own,
    daemonCpu: daemonCpu() - before.daemon,
  };
}

/** Share of one core that a daemon takes with nothing to do. */
async function idle(pid: number, ms: number): Promise<number> {
  const began = performance.now();
  const before = cpuOf(tree(pid));
  await sleep(ms);
  return (cpuOf(tree(pid)) - before) / ((performance.now() - began) / 1000);
}

function killAll(): void {
  for (const child of children) {
    for (const pid of child.pid === undefined ? [] : tree(child.pid)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
  }
}

/** Ends everything and empties the table, so that the kernel's own cleaning does not fall into the next measurement. */
function finish(): void {
  killAll();
  client?.close();
  client = undefined;
  execFileSync('ipvsadm', ['-C'], { stdio: 'ignore' });
}

for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => process.exit(1));
process.once('disconnect', () => process.exit(0));
process.once('exit', killAll);

serve({
  open: async () => {
    client = await openIpvs();
  },
  launch,
  signal,
  command,
  idle,
  quiet: async (pid: number) => void (await untilQuiet(pid)),
  memory: (pid: number) => pssOf(tree(pid)),
  finish,
});
