/** The idle times of connections: what the file says is asserted, and asserted again when somebody else says otherwise. */
import type { OsError } from '../../base/errors.js';
import type { TimeoutsConfig } from '../../config/types.js';
import type { IpvsTimeouts } from '../../wire/ipvs.js';
import type { LogLevel } from '../messages.js';

/** What the keeper needs of os/ipvs.ts; each may throw OsError. */
export interface TimeoutsKernel {
  timeouts(): IpvsTimeouts;
  /** 0 leaves one alone. */
  setTimeouts(timeouts: IpvsTimeouts): void;
}

export interface TimeoutsKeeper {
  want(config: TimeoutsConfig): void;
  reconcile(): void;
  /** Seconds; null while they cannot be read. */
  status(): { readonly wanted: TimeoutsConfig; readonly found: TimeoutsConfig | null; readonly problem: string | null };
}

export interface TimeoutsOptions {
  readonly kernel: () => TimeoutsKernel | undefined;
  readonly log: (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;
  readonly event: (kind: string, subject: string, text: string) => void;
}

const NAMES = ['tcp', 'tcpFin', 'udp'] as const;
/** The kernel's own (net/netfilter/ipvs/ip_vs_proto_tcp.c, _udp.c): what a timeout that the file no longer names goes back to. */
const KERNEL: TimeoutsConfig = { tcp: 900, tcpFin: 120, udp: 300 };
const NONE: TimeoutsConfig = { tcp: 0, tcpFin: 0, udp: 0 };

const differing = (found: TimeoutsConfig, wanted: TimeoutsConfig) =>
  NAMES.filter((name) => wanted[name] !== 0 && wanted[name] !== found[name]);

export function createTimeoutsKeeper({ kernel, log, event }: TimeoutsOptions): TimeoutsKeeper {
  let wanted = NONE;
  let found: TimeoutsConfig | null = null;
  let problem: string | null = null;
  /** The next assertion is lbd's own doing, not drift. */
  let fresh = false;

  function assertThem(to: TimeoutsConfig): void {
    const client = kernel();
    if (!client) return;
    try {
      const before = client.timeouts();
      const names = differing(before, to);
      found = before;
      if (names.length > 0) {
        client.setTimeouts(to);
        found = client.timeouts();
        const text = names.map((name) => `${name} ${before[name]}s -> ${to[name]}s`).join(', ');
        event('setting', 'timeouts', fresh ? text : `${text}: somebody else had changed them`);
      }
      fresh = false;
      problem = null;
    } catch (error) {
      const { message } = error as OsError;
      if (message !== problem) log('error', 'the timeouts cannot be set', { reason: message });
      problem = message;
    }
  }

  return {
    want(config) {
      if (NAMES.every((name) => config[name] === wanted[name])) return;
      const gone = Object.fromEntries(
        NAMES.map((name) => [name, wanted[name] !== 0 && config[name] === 0 ? KERNEL[name] : config[name]]),
      );
      wanted = config;
      fresh = true;
      assertThem(gone as unknown as TimeoutsConfig);
    },
    reconcile() {
      if (NAMES.some((name) => wanted[name] !== 0)) assertThem(wanted);
    },
    status: () => ({ wanted, found, problem }),
  };
}
