/**
 * The idle times that lbd has set, in this life or an earlier one of this boot: `<state_dir>/timeouts.json`, because the kernel does not
 * say whose they are, and what the file no longer names has to go back.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TimeoutsConfig } from '../../config/types.js';
import { replaceFile } from '../../os/state-file.js';

export const NO_TIMEOUTS: TimeoutsConfig = { tcp: 0, tcpFin: 0, udp: 0 };
export const TIMEOUT_NAMES = ['tcp', 'tcpFin', 'udp'] as const;

export const sameTimeouts = (a: TimeoutsConfig, b: TimeoutsConfig): boolean => TIMEOUT_NAMES.every((name) => a[name] === b[name]);

export interface TimeoutsRecord {
  /** Seconds; 0: not lbd's. */
  readonly set: TimeoutsConfig;
  /** Before the kernel is told: a crash in between must not leave one that nobody puts back. */
  note(set: TimeoutsConfig): void;
}

function load(file: string, boot: string): TimeoutsConfig {
  try {
    const { boot_id, timeouts } = JSON.parse(readFileSync(file, 'utf8')) as { boot_id?: unknown; timeouts?: unknown };
    if (boot_id !== boot || typeof timeouts !== 'object' || timeouts === null) return NO_TIMEOUTS;
    const found = timeouts as Record<string, unknown>;
    const seconds = (name: string) => (Number.isInteger(found[name]) ? (found[name] as number) : 0);
    return { tcp: seconds('tcp'), tcpFin: seconds('tcpFin'), udp: seconds('udp') };
  } catch {
    // No record, or a damaged one: what is there counts as the host's own.
    return NO_TIMEOUTS;
  }
}

export function openTimeoutsRecord(stateDir: string, boot: string, warn: (text: string) => void): TimeoutsRecord {
  const file = join(stateDir, 'timeouts.json');
  let set = load(file, boot);
  const save = () => {
    if (sameTimeouts(set, NO_TIMEOUTS)) return rmSync(file, { force: true });
    replaceFile(file, JSON.stringify({ boot_id: boot, timeouts: set }));
  };
  return {
    get set() {
      return set;
    },
    note(next) {
      if (sameTimeouts(next, set)) return;
      set = next;
      try {
        save();
      } catch (error) {
        warn(`cannot write ${file}: ${(error as Error).message}; timeouts that leave the file while lbd is stopped would stay`);
      }
    },
  };
}
