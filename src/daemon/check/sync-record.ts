/**
 * Which sync daemons lbd has started, and with what the kernel does not tell: kept in `<state_dir>/sync-daemons.json`, because the kernel
 * does not say whose a daemon is. The record holds for one boot.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SyncRole } from '../../intent/sync.js';
import { replaceFile } from '../../os/state-file.js';

export interface Started {
  /** The interface's index. The kernel goes on with one that is gone; one of the same name is another one. */
  readonly index?: number | undefined;
  /** As wanted; the kernel clamps it. */
  readonly maxlen?: number | undefined;
  /** net.ipv4.vs.sync_ports at that time: the kernel reads it when a daemon starts. */
  readonly ports?: string | undefined;
}

export interface SyncRecord {
  readonly empty: boolean;
  get(role: SyncRole): Started | undefined;
  /** Before the kernel is told: a crash in between must not leave a daemon that nobody owns. */
  set(role: SyncRole, started: Started): void;
  remove(role: SyncRole): void;
}

function numberOr(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function load(file: string, boot: string): Map<SyncRole, Started> {
  const found = new Map<SyncRole, Started>();
  try {
    const { boot_id, started } = JSON.parse(readFileSync(file, 'utf8')) as { boot_id?: unknown; started?: unknown };
    if (boot_id !== boot || typeof started !== 'object' || started === null) return found;
    for (const role of ['master', 'backup'] as const) {
      const one = (started as Record<string, Record<string, unknown> | null | undefined>)[role];
      if (!one) continue;
      const { index, maxlen, ports } = one;
      found.set(role, { index: numberOr(index), maxlen: numberOr(maxlen), ports: typeof ports === 'string' ? ports : undefined });
    }
  } catch {
    // No record, or a damaged one: what runs is somebody else's until the configuration wants it.
  }
  return found;
}

export function openSyncRecord(stateDir: string, boot: string, warn: (text: string) => void): SyncRecord {
  const file = join(stateDir, 'sync-daemons.json');
  const known = load(file, boot);
  const save = () => {
    try {
      replaceFile(file, JSON.stringify({ boot_id: boot, started: Object.fromEntries(known) }));
    } catch (error) {
      warn(
        `cannot write ${file}: ${(error as Error).message}; after a restart without connection_sync its daemons would count as foreign`,
      );
    }
  };
  return {
    get empty() {
      return known.size === 0;
    },
    get: (role) => known.get(role),
    set(role, started) {
      if (JSON.stringify(known.get(role)) === JSON.stringify(started)) return;
      known.set(role, started);
      save();
    },
    remove(role) {
      if (known.delete(role)) save();
    },
  };
}
