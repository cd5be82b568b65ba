/** What this director does with the others while it runs: it shares changes with them, and counts connections beside theirs. */
import { VERSION } from '../../base/version.js';
import { tableDigest } from '../../intent/digest.js';
import { now, utc } from '../../os/clock.js';
import type { Log } from '../log.js';
import { createPeerWatch, type PeerWatch } from './peer-watch.js';
import { briefOf, connectionsAt } from './peers.js';
import { createSharing, type Sharing } from './sharing.js';
import type { Supervisor } from './supervisor.js';
import { createSyncWatch, type SyncWatch } from './sync-watch.js';
import type { Wanted } from './wanted.js';

export interface PairParts {
  readonly wanted: Wanted;
  readonly vrrp: () => Supervisor;
  /** Active connections in this director's kernel. */
  readonly connections: () => Promise<number>;
  readonly log: Log;
  readonly tell: (kind: string, subject: string, text: string) => void;
}

export interface Pair {
  readonly sharing: Sharing;
  readonly synced: SyncWatch;
  readonly watch: PeerWatch;
  /** The peers may be others. */
  configured(): void;
}

export function createPair({ wanted, vrrp, connections, log, tell }: PairParts): Pair {
  const global = () => wanted.config().global;
  const sharing = createSharing({
    peers: () => global().peers,
    stateDir: global().stateDir,
    routerId: () => global().routerId,
    clock: utc,
    event: tell,
    warn: (text) => log.write('warn', text),
  });
  const watch = createPeerWatch({
    peers: () => global().peers,
    ask: briefOf,
    here: () => ({ version: VERSION, table: tableDigest(wanted.intent().services) }),
    now,
    clock: utc,
  });
  return {
    sharing,
    watch,
    configured() {
      sharing.configured();
      watch.configured();
    },
    synced: createSyncWatch({
      instances: () => wanted.intent().instances,
      peers: () => global().peers,
      here: connections,
      there: connectionsAt,
      tell: (instances) => vrrp().send({ type: 'synced', instances }),
    }),
  };
}
