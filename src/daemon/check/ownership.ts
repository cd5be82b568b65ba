/**
 * Which services in the kernel are lbd's: the keys that lbd created or adopted, kept in `<state_dir>/owned.json` because IPVS has no
 * owner tag. The record holds for one boot only: the kernel's table does not outlive it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../../os/state-file.js';

export interface Ownership {
  readonly keys: ReadonlySet<string>;
  /** No life of this boot has applied its first table: what the kernel has and the configuration names is adopted. */
  readonly fresh: boolean;
  /** The first table is applied: from now on, and in later lives, what lbd has not made is somebody else's. */
  settle(): void;
  add(keys: readonly string[]): void;
  /** These will be added soon: the next flush writes them already, and adding them takes none then. Others that were announced are not any more. */
  announce(keys: readonly string[]): void;
  remove(keys: readonly string[]): void;
  /** Writes what has changed. Before the kernel is told of new services: a crash in between must not leave one that nobody owns. */
  flush(): void;
}

export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

interface Owned {
  readonly keys: Set<string>;
  readonly adopting: boolean;
}

function load(file: string, boot: string): Owned {
  try {
    const record: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const { boot_id, keys, adopting } = record as { boot_id?: unknown; keys?: unknown; adopting?: unknown };
    if (boot_id === boot && Array.isArray(keys))
      return { keys: new Set(keys.filter((key) => typeof key === 'string')), adopting: adopting === true };
  } catch {
    // No record, or a damaged one: what the configuration names is adopted, everything else counts as foreign and stays.
  }
  return { keys: new Set(), adopting: true };
}

export function openOwnership(stateDir: string, warn: (text: string) => void): Ownership {
  const file = join(stateDir, 'owned.json');
  const boot = bootId();
  const { keys, adopting: fresh } = load(file, boot);
  let adopting = fresh;
  let changed = false;
  let trouble = '';
  let announced = new Set<string>();
  /** False: it is tried again with the next flush, and told again when something else is wrong. */
  const save = (): boolean => {
    try {
      replaceFile(file, JSON.stringify({ boot_id: boot, adopting, keys: [...keys, ...announced] }));
      trouble = '';
      return true;
    } catch (error) {
      const { message } = error as Error;
      if (message !== trouble)
        warn(`cannot write ${file}: ${message}; after a restart, services removed from the configuration would count as foreign`);
      trouble = message;
      return false;
    }
  };
  return {
    keys,
    fresh,
    settle() {
      changed ||= adopting;
      adopting = false;
    },
    add(added) {
      for (const key of added) {
        if (keys.has(key)) continue;
        keys.add(key);
        // What was announced is in the record, or `changed` says that it is not.
        if (!announced.delete(key)) changed = true;
      }
    },
    announce(coming) {
      const next = new Set(coming.filter((key) => !keys.has(key)));
      changed ||= announced.size > 0 || next.size > 0;
      announced = next;
    },
    remove(gone) {
      for (const key of gone) if (keys.delete(key)) changed = true;
    },
    flush() {
      if (changed) changed = !save();
    },
  };
}
