/**
 * Which services in the kernel are lbd's: the keys that lbd created or adopted, kept in `<state_dir>/owned.json` because IPVS has no
 * owner tag. The record holds for one boot only: the kernel's table does not outlive it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../../os/state-file.js';

export interface Ownership {
  readonly keys: ReadonlySet<string>;
  /** There was no record of this boot: what the kernel has and the configuration names is adopted. */
  readonly fresh: boolean;
  add(keys: readonly string[]): void;
  remove(keys: readonly string[]): void;
  /** Writes what has changed. Before the kernel is told of new services: a crash in between must not leave one that nobody owns. */
  flush(): void;
}

export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

function load(file: string, boot: string): Set<string> | undefined {
  try {
    const record: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const { boot_id, keys } = record as { boot_id?: unknown; keys?: unknown };
    if (boot_id === boot && Array.isArray(keys)) return new Set(keys.filter((key) => typeof key === 'string'));
  } catch {
    // No record, or a damaged one: what the configuration names is adopted, everything else counts as foreign and stays.
  }
  return undefined;
}

export function openOwnership(stateDir: string, warn: (text: string) => void): Ownership {
  const file = join(stateDir, 'owned.json');
  const boot = bootId();
  const found = load(file, boot);
  const keys = found ?? new Set<string>();
  let changed = false;
  const save = () => {
    try {
      replaceFile(file, JSON.stringify({ boot_id: boot, keys: [...keys] }));
    } catch (error) {
      warn(
        `cannot write ${file}: ${(error as Error).message}; after a restart, services removed from the configuration would count as foreign`,
      );
    }
  };
  return {
    keys,
    fresh: found === undefined,
    add(added) {
      const before = keys.size;
      for (const key of added) keys.add(key);
      changed ||= keys.size !== before;
    },
    remove(gone) {
      for (const key of gone) if (keys.delete(key)) changed = true;
    },
    flush() {
      if (changed) save();
      changed = false;
    },
  };
}
