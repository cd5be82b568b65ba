/**
 * `failback: when_synced`: while an instance is backup here, this director's connections are counted beside the other directors', and the
 * vrrp process is told whether it has its share of them. Connections are those with traffic (`active`): the kernel sends no others.
 */
import type { PeerConfig } from '../../config/control-types.js';
import type { VrrpInstanceConfig } from '../../config/types.js';
import type { Synced } from '../vrrp/messages.js';

/** Each counting reads the whole table, on both sides. */
const EVERY_MS = 2000;

export interface SyncWatchParts {
  readonly instances: () => readonly VrrpInstanceConfig[];
  readonly peers: () => readonly PeerConfig[];
  /** Active connections in this director's kernel. */
  readonly here: () => Promise<number>;
  readonly there: (peer: PeerConfig) => Promise<number>;
  readonly tell: (instances: Readonly<Record<string, Synced>>) => void;
}

export interface SyncWatch {
  /** By the instance's name, as the vrrp process says. */
  roles(roles: Readonly<Record<string, string>>): void;
  close(): void;
}

interface Count {
  readonly here: number;
  /** Of the peer that has most: that is the master. */
  readonly there: number;
}

/** `share`: 0 to 1. `count` as a text: why nobody knows. */
export function judge(share: number, count: Count | string): Synced {
  if (typeof count === 'string') return { synced: false, text: `connections cannot be compared: ${count}` };
  const { here, there } = count;
  const needed = `${Math.round(100 * share)} % are needed`;
  return { synced: here >= share * there, text: `${here} of ${there} active connections are here, ${needed}` };
}

export function createSyncWatch({ instances, peers, here, there, tell }: SyncWatchParts): SyncWatch {
  let waiting: readonly string[] = [];
  let timer: NodeJS.Timeout | undefined;

  async function count(): Promise<Count | string> {
    try {
      const [own, ...others] = await Promise.all([here(), ...peers().map(there)]);
      return { here: own as number, there: Math.max(...others) };
    } catch (error) {
      return (error as Error).message;
    }
  }

  async function look(): Promise<void> {
    const found = await count();
    const told = instances().flatMap(({ name, syncedShare }) =>
      syncedShare !== undefined && waiting.includes(name) ? [[name, judge(syncedShare, found)] as const] : [],
    );
    if (told.length > 0) tell(Object.fromEntries(told));
    timer = told.length > 0 ? setTimeout(() => void look(), EVERY_MS).unref() : undefined;
  }

  return {
    roles(roles) {
      waiting = instances()
        .filter(({ name, syncedShare }) => syncedShare !== undefined && roles[name] === 'backup')
        .map(({ name }) => name);
      if (waiting.length === 0 || timer) return;
      timer = setTimeout(() => void look(), 0).unref();
    },
    close: () => clearTimeout(timer),
  };
}
