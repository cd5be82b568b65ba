/** What the kernel says of a process and all its descendants: CPU time and memory. */
import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ: what /proc counts in, on every architecture of today. */
export const TICKS = 100;

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It ended meanwhile.
    return '';
  }
};

export interface Stat {
  readonly parent: number;
  /** A zombie has ended: it is nobody's CPU or memory any more. */
  readonly ended: boolean;
  /** Seconds of its children that ended and were waited for. */
  readonly reaped: number;
}

/** /proc/PID/stat (proc(5)); the name in parentheses may hold anything. */
export function parseStat(text: string): Stat | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields.length < 15) return undefined;
  return {
    parent: Number(fields[1]),
    ended: fields[0] === 'Z' || fields[0] === 'X',
    reaped: (Number(fields[13]) + Number(fields[14])) / TICKS,
  };
}

/** The process and its descendants, those that have ended left out. */
export function tree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = parseStat(read(`/proc/${name}/stat`));
    if (stat && !stat.ended) children.set(stat.parent, [...(children.get(stat.parent) ?? []), Number(name)]);
  }
  const found = read(`/proc/${root}/stat`) === '' ? [] : [root];
  for (let i = 0; i < found.length; i++) found.push(...(children.get(found[i] as number) ?? []));
  return found;
}

/** Seconds on a CPU of the threads of one process (/proc/PID/task/TID/schedstat, nanoseconds). */
function ownCpu(pid: number): number {
  let sum = 0;
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`))
      sum += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0]);
  } catch {
    // It ended meanwhile: its parent counts it as reaped.
  }
  return sum / 1e9;
}

export const reapedCpu = (pid: number): number => parseStat(read(`/proc/${pid}/stat`))?.reaped ?? 0;

/** Seconds of CPU that these processes, and their children that have ended, took so far. */
export const cpuOf = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + ownCpu(pid) + reapedCpu(pid), 0);

/** Megabytes (1e6 bytes) of these processes, shared pages divided among their users. */
export function pssOf(pids: readonly number[]): number {
  const kilobytes = pids.map((pid) => Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0));
  return (kilobytes.reduce((sum, one) => sum + one, 0) * 1024) / 1e6;
}
