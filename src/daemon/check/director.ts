/** What lbd keeps in the kernel beside the table of services: sync daemons, timeouts, settings, rules of nftables. */
import { release } from 'node:os';
import { chooseSettings } from '../../intent/settings.js';
import type { DirectorIntent, ServiceIntent } from '../../intent/types.js';
import { createNft, type Nft } from '../../os/nft.js';
import { openSysctls, type Sysctls } from '../../os/sysctl.js';
import type { ChildLink } from '../child.js';
import { createNetfilterKeeper, type NetfilterStatus } from './netfilter.js';
import { openNetfilterRecord } from './netfilter-record.js';
import { bootId } from './ownership.js';
import type { KernelTable } from './reading.js';
import { createSettingsKeeper, type SettingStatus } from './settings.js';
import { createSyncKeeper, type SyncStatus } from './sync.js';
import { createTimeoutsKeeper, type TimeoutsKeeper } from './timeouts.js';
import { openTimeoutsRecord } from './timeouts-record.js';

export interface DirectorWants {
  readonly director: DirectorIntent;
  readonly roles: Readonly<Record<string, string>>;
  readonly services: readonly ServiceIntent[];
  /** There are VRRP instances. */
  readonly paired: boolean;
  /** A service has this very host as a real server. */
  readonly localServer: boolean;
}

export interface DirectorReport {
  readonly sync: SyncStatus | null;
  readonly settings: readonly SettingStatus[];
  /** Times that somebody else had changed a setting. */
  readonly setting_drift: number;
  readonly timeouts: ReturnType<TimeoutsKeeper['status']>;
  readonly netfilter: NetfilterStatus;
  /** The kernel adds up packets and bytes. */
  readonly counting: boolean;
}

export interface Director {
  want(wants: DirectorWants): void;
  /** With every reading of the table. */
  reconcile(): void;
  report(): DirectorReport;
  stop(ordered: boolean): Promise<void>;
}

export interface DirectorParts {
  readonly stateDir: string;
  readonly now: () => number;
  readonly client: () => KernelTable | undefined;
  readonly onStop: () => 'keep' | 'remove';
  readonly sysctls?: Sysctls;
  readonly nft?: Nft;
}

/** Undefined: this kernel has none of that name, or it cannot be read. */
function readSetting(sysctls: Sysctls, name: string): string | undefined {
  try {
    return sysctls.read(name);
  } catch {
    return undefined;
  }
}

export function createDirector(
  { stateDir, now, client, onStop, sysctls = openSysctls('/proc/sys/net/ipv4/vs'), nft = createNft() }: DirectorParts,
  { log, event }: Pick<ChildLink<never>, 'log' | 'event'>,
): Director {
  const boot = bootId();
  const ports = () => readSetting(sysctls, 'sync_ports');
  const sync = createSyncKeeper({ kernel: client, stateDir, boot, now, log, event, ports });
  const idle = openTimeoutsRecord(stateDir, boot, (text) => log('warn', text));
  const timeouts = createTimeoutsKeeper({ kernel: client, record: idle, log, event });
  const settings = createSettingsKeeper({ sysctls, stateDir, boot, log, event });
  const record = openNetfilterRecord(stateDir, (text) => log('warn', text));
  const netfilter = createNetfilterKeeper({ nft, record, onStop, now, log, event });
  let restore = false;
  return {
    want({ director, roles, services, paired, localServer }) {
      const { kernel: config, connectionSync, timeouts: idle } = director;
      restore = config.restore;
      // Before the daemons start: sync_ports and the like count from then on.
      settings.want(
        chooseSettings({ services, paired, sync: connectionSync, config, kernel: release(), localServer, now: Date.now() }),
      );
      timeouts.want(idle);
      netfilter.want(services);
      sync.want(connectionSync, roles);
    },
    reconcile() {
      settings.reconcile();
      timeouts.reconcile();
      netfilter.reconcile();
      sync.reconcile();
    },
    report: () => ({
      sync: sync.status(),
      settings: settings.status(),
      setting_drift: settings.drift(),
      timeouts: timeouts.status(),
      netfilter: netfilter.status(),
      // Kernels before 5.17 always do, and have no such setting.
      counting: readSetting(sysctls, 'run_estimation') !== '0',
    }),
    async stop(ordered) {
      sync.stop(ordered);
      if (ordered && restore) settings.restore();
      await netfilter.stop(ordered);
    },
  };
}
