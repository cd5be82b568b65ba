/** Processes that VRRP instances track: how many run of each name. */
import { findProcesses, isNamed } from '../../os/processes.js';
import type { Reading } from '../../vrrp/track.js';

/** All of /proc is read this often, and those that were found are looked at more often: an end is seen sooner than a beginning. */
const SCAN_MS = 1000;
const LOOK_MS = 100;

export interface ProcessWatch {
  want(names: readonly string[]): void;
  reading(name: string): Reading | undefined;
  close(): void;
}

const countOf = (count: number): Reading => ({
  value: count,
  text: count === 0 ? 'none runs' : `${count} ${count === 1 ? 'runs' : 'run'}`,
});

export function watchProcesses(changed: () => void, warn: (text: string) => void): ProcessWatch {
  let names: readonly string[] = [];
  /** By name, who has it. BOUNDED by the configuration and the host's processes. */
  let found = new Map<string, readonly string[]>();
  let scanning = false;
  let scanAt = 0;
  let timer: NodeJS.Timeout | undefined;

  function take(next: Map<string, readonly string[]>): void {
    const other = names.some((name) => next.get(name)?.length !== found.get(name)?.length);
    found = next;
    if (other) changed();
  }

  async function scan(): Promise<void> {
    scanning = true;
    try {
      const wanted = names;
      const next = await findProcesses(wanted);
      // What was wanted meanwhile is looked for at once.
      if (wanted === names) take(next);
      else scanAt = 0;
    } catch (error) {
      warn(`/proc cannot be read: ${(error as Error).message}`);
    }
    scanning = false;
  }

  function look(): void {
    if (scanning || names.length === 0) return;
    const gone = [...found].some(([name, pids]) => pids.some((pid) => !isNamed(pid, name)));
    if (!gone && performance.now() < scanAt) return;
    scanAt = performance.now() + SCAN_MS;
    void scan();
  }

  return {
    want(next) {
      names = next;
      found = new Map([...found].filter(([name]) => next.includes(name)));
      scanAt = 0;
      clearInterval(timer);
      timer = names.length === 0 ? undefined : setInterval(look, LOOK_MS);
      look();
    },
    reading(name) {
      const pids = found.get(name);
      return pids && countOf(pids.length);
    },
    close: () => clearInterval(timer),
  };
}
