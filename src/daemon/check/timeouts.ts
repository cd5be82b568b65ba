/** The idle times of connections: what the file says is asserted, and asserted again when somebody else says otherwise. */
import type { OsError } from '../../base/errors.js';
import type { TimeoutsConfig } from '../../config/types.js';
import type { IpvsTimeouts } from '../../wire/ipvs.js';
import type { LogLevel } from '../messages.js';
import { TIMEOUT_NAMES as NAMES, NO_TIMEOUTS, sameTimeouts, type TimeoutsRecord } from './timeouts-record.js';

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
  readonly record: TimeoutsRecord;
  readonly log: (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;
  readonly event: (kind: string, subject: string, text: string) => void;
}

/** The kernel's own (net/netfilter/ipvs/ip_vs_proto_tcp.c, _udp.c): what a timeout that the file no longer names goes back to. */
const KERNEL: TimeoutsConfig = { tcp: 900, tcpFin: 120, udp: 300 };

const differing = (found: TimeoutsConfig, wanted: TimeoutsConfig) =>
  NAMES.filter((name) => wanted[name] !== 0 && wanted[name] !== found[name]);

/** Each name's value, from each of its values here. */
const each = (value: (name: (typeof NAMES)[number]) => number): TimeoutsConfig => ({
  tcp: value('tcp'),
  tcpFin: value('tcpFin'),
  udp: value('udp'),
});

export function createTimeoutsKeeper({ kernel, record, log, event }: TimeoutsOptions): TimeoutsKeeper {
  /** Undefined: the file has not been heard of yet. */
  let wanted: TimeoutsConfig | undefined;
  let found: TimeoutsConfig | null = null;
  let problem: string | null = null;
  /** The next assertion is lbd's own doing, not drift. */
  let fresh = true;

  /** What lbd has set and nobody wants any more goes back to the kernel's own. */
  function assertThem(config: TimeoutsConfig): void {
    const { set } = record;
    const to = each((name) => config[name] || (set[name] === 0 ? 0 : KERNEL[name]));
    const client = sameTimeouts(to, NO_TIMEOUTS) ? undefined : kernel();
    if (!client) return;
    try {
      const before = client.timeouts();
      const names = differing(before, to);
      found = before;
      record.note(each((name) => config[name] || set[name]));
      if (names.length > 0) {
        client.setTimeouts(to);
        found = client.timeouts();
        const text = names.map((name) => `${name} ${before[name]}s -> ${to[name]}s`).join(', ');
        event('setting', 'timeouts', fresh ? text : `${text}: somebody else had changed them`);
      }
      record.note(config);
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
      fresh ||= !sameTimeouts(config, wanted ?? NO_TIMEOUTS);
      wanted = config;
      if (fresh) assertThem(config);
    },
    reconcile() {
      if (wanted) assertThem(wanted);
    },
    status: () => ({ wanted: wanted ?? NO_TIMEOUTS, found, problem }),
  };
}
