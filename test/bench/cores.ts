/**
 * Whose work a processor does. On a director's wire the servers are other machines; here they are namespaces of one, whose kernel does the work of
 * both ends for whoever sends, and counts it as the sender's. Apart: the contender has the first processor to itself, with its own end of the
 * cable; the servers, their end, and whoever measures have the second one. What a check costs is then what the first one does meanwhile;
 * each packet that comes back interrupts it, as a network card would.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Netns } from '../netns/netns.js';
import { TICKS } from './proc.js';

const CONTENDER = 0;
const SERVERS = 1;

/** Throws where there is one processor alone. */
export function leaveContenderAlone(): void {
  if (availableParallelism() < 2) throw new Error('checks are measured with two processors: one for the servers');
  execFileSync('taskset', ['-apc', String(SERVERS), String(process.pid)], { stdio: 'ignore' });
}

export const asContender = (argv: readonly string[]): string[] => ['taskset', '-c', String(CONTENDER), ...argv];

/** What arrives at that end of a cable is dealt with there (receive packet steering: Documentation/networking/scaling.rst of the kernel). */
function steer(netns: Netns, device: string, processor: number): void {
  const folder = `/sys/class/net/${device}/queues`;
  for (const queue of netns
    .exec(`ls ${folder}`)
    .split(/\s+/)
    .filter((name) => name.startsWith('rx-')))
    netns.exec(`tee ${folder}/${queue}/rps_cpus`, (1 << processor).toString(16));
}

export function steerCable(contender: Netns, servers: Netns, device: string): void {
  steer(contender, device, CONTENDER);
  steer(servers, device, SERVERS);
}

/** Seconds that a processor was idle or not ours so far: what /proc/stat (proc(5)) calls idle, iowait and steal. */
export function restOf(text: string, processor: number): number {
  const line = text.split('\n').find((one) => one.startsWith(`cpu${processor} `)) ?? '';
  const [, , , , idle = Number.NaN, iowait = 0, , , steal = 0] = line.split(/\s+/).map(Number);
  return (idle + iowait + steal) / TICKS;
}

const rest = (): number => restOf(readFileSync('/proc/stat', 'utf8'), CONTENDER);

export interface Use {
  /** Seconds in which the contender's processor did something, and of time. */
  readonly cpu: number;
  readonly seconds: number;
}

/** From now on until told. */
export function measureContender(): () => Use {
  const before = { rest: rest(), at: performance.now() };
  return () => {
    const seconds = (performance.now() - before.at) / 1000;
    return { cpu: Math.max(0, seconds - (rest() - before.rest)), seconds };
  };
}
