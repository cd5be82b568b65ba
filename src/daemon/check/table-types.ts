/** What the keeper of the kernel's table needs, and what it offers. */
import type { Instant } from '../../base/time.js';
import type { ApiEventChange } from '../../control/api.js';
import type { KernelService, Service, ServiceId } from '../../ipvs/types.js';
import type { Forwarding, LogLevel } from '../messages.js';
import type { Drift } from './drift.js';
import type { Ownership } from './ownership.js';
import type { KernelTable } from './reading.js';

export interface TableOptions {
  readonly open: () => Promise<KernelTable>;
  readonly owned: Ownership;
  readonly now: () => Instant;
  readonly log: (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;
  readonly event: (kind: 'table' | 'drift', subject: string, text: string, change?: ApiEventChange) => void;
  /** The user's name of a service key. */
  readonly nameOf: (key: string) => string;
  readonly onState: (state: Forwarding, reason: string) => void;
  /** After every whole reading: what else hangs on the kernel is looked at now. */
  readonly onReading?: () => void;
  readonly timing?: TableTiming;
}

/** Milliseconds; the tests have less patience. */
export interface TableTiming {
  readonly reconcile: number;
  /** The least time from one attempt to open IPVS to the next. */
  readonly reopen: number;
  /** Before each further attempt at a refused service; the last one stays. Not empty. */
  readonly retry: readonly number[];
}

export interface TableKeeper {
  /** Undefined: the service must go (only if lbd owns it). */
  want(key: string, service: Service | undefined): void;
  /** Opens IPVS and reads the table; resolves after the first attempt, and goes on trying while IPVS cannot be used. */
  open(): Promise<void>;
  /** All that is wanted has been said once: from now on the kernel is made to follow. */
  begin(): void;
  /** Sends what is wanted now; when it is very much, the first of it. */
  flush(): void;
  /** A fresh reading of the whole table, in slices; undefined while IPVS cannot be used. */
  readAll(counters: boolean): Promise<ReadonlyMap<string, KernelService> | undefined>;
  /** A fresh reading of these services. */
  read(ids: readonly ServiceId[], counters?: boolean): readonly (KernelService | undefined)[] | undefined;
  /** As of the last reading, and what lbd has done since. */
  believed(key: string): Service | undefined;
  /** What is wanted. */
  wanted(key: string): Service | undefined;
  readonly applied: boolean;
  readonly problem: string | undefined;
  /** Why the service is not in the kernel as wanted: refused, or somebody else's. */
  refusal(key: string): string | undefined;
  drift(): Drift;
  foreign(): readonly string[];
  /** For what else lbd keeps in IPVS; undefined while it cannot be used. */
  client(): KernelTable | undefined;
  /** Makes services of somebody else lbd's own; how many there were. */
  takeOver(keys: readonly string[]): number;
  /** Takes back every owned service, at once. */
  removeAll(): void;
  /** Sends all that is wanted, however much it is, before it returns. */
  drain(): void;
  close(): void;
}
