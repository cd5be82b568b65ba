/**
 * Keeps the kernel's table equal to the wanted one. Whoever wants something says so by `want`; all that is wanted at the end of a
 * turn of the event loop goes out as one batch. The kernel is read back after every refusal and every 1.5 s, because
 * IPVS tells nobody when something changes; what differs then without lbd having done it is drift, and is healed.
 */
import { errnoName, type OsError } from '../../base/errors.js';
import type { Instant } from '../../base/time.js';
import { applyToTable, describeOperation, foreignKeys, planService } from '../../ipvs/plan.js';
import type { KernelDestination, Operation, Refusal, Service, ServiceId, Table } from '../../ipvs/types.js';
import type { Forwarding, LogLevel } from '../messages.js';
import type { Ownership } from './ownership.js';

/** What the keeper needs of os/ipvs.ts. */
export interface KernelTable {
  readTable(): Table<KernelDestination>;
  readService(id: ServiceId): Service<KernelDestination> | undefined;
  /** Refusals; throws OsError when the outcome is unknown. */
  apply(operations: readonly Operation[]): readonly Refusal[];
  close(): void;
}

export interface TableOptions {
  readonly open: () => Promise<KernelTable>;
  readonly owned: Ownership;
  readonly now: () => Instant;
  readonly log: (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;
  readonly event: (kind: 'table' | 'drift', subject: string, text: string) => void;
  /** The user's name of a service key. */
  readonly nameOf: (key: string) => string;
  readonly onState: (state: Forwarding, reason: string) => void;
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
  /** Sends what is wanted now. */
  flush(): void;
  /** A fresh reading; undefined while IPVS cannot be used. */
  read(): Table<KernelDestination> | undefined;
  believed(key: string): Service | undefined;
  readonly applied: boolean;
  readonly problem: string | undefined;
  refusal(key: string): string | undefined;
  drift(): { total: number; last: string | null };
  foreign(): readonly string[];
  /** Takes back every owned service. */
  removeAll(): void;
  close(): void;
}

const TIMING: TableTiming = { reconcile: 1500, reopen: 5000, retry: [0, 100, 500, 2000, 10_000] };
/** A reading must never take more than this share of the loop. */
const RECONCILE_SHARE = 20;

/** Operations of one batch that are told one by one. */
const TOLD_SINGLY = 50;

interface Retry {
  readonly attempt: number;
  readonly text: string;
  readonly timer: NodeJS.Timeout;
}

export function createTableKeeper(options: TableOptions): TableKeeper {
  const { owned, now, log, timing = TIMING } = options;
  const wanted = new Map<string, Service>();
  /** BOUNDED by the keys ever wanted in this life and still owned. */
  const dirty = new Set<string>();
  const retries = new Map<string, Retry>();
  let believed: Map<string, Service> = new Map();
  let kernel: KernelTable | undefined;
  let problem: string | undefined = 'IPVS is not opened yet';
  let begun = false;
  let applied = false;
  let closed = false;
  let attemptAt = 0;
  let flushSoon: NodeJS.Immediate | undefined;
  let timer: NodeJS.Timeout | undefined;
  let driftTotal = 0;
  let driftLast: string | null = null;
  let foreign: string[] = [];

  function later(ms: number, what: () => void): void {
    clearTimeout(timer);
    if (!closed) timer = setTimeout(what, ms);
  }

  async function open(): Promise<void> {
    attemptAt = now();
    try {
      const opened = await options.open();
      if (closed) return opened.close();
      kernel = opened;
      believed = new Map(opened.readTable());
    } catch (error) {
      return lost(error as OsError);
    }
    if (problem !== undefined && begun) log('info', 'IPVS can be used again');
    problem = undefined;
    if (begun) begin();
  }

  function begin(): void {
    begun = true;
    for (const key of [...wanted.keys(), ...owned.keys]) dirty.add(key);
    flush();
    if (kernel) reconcileLater(0);
  }

  /**
   * The outcome of a command, or the whole door to IPVS, is in doubt: start again from a reading. At once after some good time, and
   * nobody is told unless that fails too.
   */
  function lost(error: OsError): void {
    const worked = kernel !== undefined;
    kernel?.close();
    kernel = undefined;
    const delay = Math.max(0, timing.reopen - (now() - attemptAt));
    later(delay, () => void open());
    if (worked && delay === 0) return log('warn', 'IPVS is opened anew', { reason: error.message });
    const reason = error.message.replace(/^IPVS: /, '');
    if (problem !== reason) log('error', 'IPVS cannot be used', { reason });
    problem = reason;
    if (begun) options.onState('unusable', problem);
  }

  function reconcileLater(tookMs: number): void {
    later(Math.max(timing.reconcile, tookMs * RECONCILE_SHARE), reconcile);
  }

  function planDirty(): Operation[] {
    const operations: Operation[] = [];
    for (const key of dirty) {
      const want = wanted.get(key);
      const needed = want || owned.keys.has(key) ? planService(believed.get(key), want) : [];
      operations.push(...needed);
      // What was refused may have become true, or unwanted, meanwhile.
      if (needed.length === 0) settle(key);
      if (!want && !believed.has(key)) owned.remove([key]);
    }
    dirty.clear();
    return operations;
  }

  function flush(): void {
    clearImmediate(flushSoon);
    flushSoon = undefined;
    if (!kernel || !begun) return;
    adopt([...dirty].filter((key) => wanted.has(key) && !owned.keys.has(key)));
    const operations = planDirty();
    if (operations.length > 0 && !send(operations)) return;
    if (!applied) {
      applied = true;
      log('info', 'first table applied', { services: wanted.size });
    }
    options.onState('ready', '');
  }

  /** Recorded before the kernel is told. What it has already becomes lbd's with this, connections and all. */
  function adopt(keys: readonly string[]): void {
    for (const key of keys) {
      if (believed.has(key)) options.event('table', options.nameOf(key), 'adopted: the kernel has this service already');
    }
    owned.add(keys);
  }

  /** False when the outcome is unknown. */
  function send(operations: readonly Operation[]): boolean {
    const began = now();
    let refusals: readonly Refusal[];
    try {
      refusals = (kernel as KernelTable).apply(operations);
    } catch (error) {
      lost(error as OsError);
      return false;
    }
    log('info', 'table applied', {
      operations: operations.length,
      refused: refusals.length,
      ms: Math.round((now() - began) * 100) / 100,
    });
    const refused = new Set(refusals.map((refusal) => refusal.operation));
    const done = operations.filter((operation) => !refused.has(operation));
    believed = applyToTable(believed, done);
    tell(done);
    const failed = new Set(refusals.map((refusal) => refusal.operation.key));
    for (const key of new Set(operations.map((operation) => operation.key))) if (!failed.has(key)) settle(key);
    for (const key of failed)
      retry(
        key,
        refusals.filter((refusal) => refusal.operation.key === key),
      );
    return true;
  }

  /** Each operation is an event, but not the thousands of a first table: they would bury what matters. */
  function tell(done: readonly Operation[]): void {
    if (done.length > TOLD_SINGLY) options.event('table', 'all', summarize(done));
    else for (const operation of done) options.event('table', options.nameOf(operation.key), describeOperation(operation));
    owned.remove(done.filter((operation) => operation.kind === 'del-service').map((operation) => operation.key));
  }

  function settle(key: string): void {
    const waiting = retries.get(key);
    if (waiting) clearTimeout(waiting.timer);
    retries.delete(key);
  }

  /** A refusal is an input: read the service back and diff again, with back-off. */
  function retry(key: string, refusals: readonly Refusal[]): void {
    const attempt = (retries.get(key)?.attempt ?? -1) + 1;
    const text = refusalsText(refusals);
    if (retries.get(key)?.text !== text) log('error', 'the kernel refused', { service: options.nameOf(key), reason: text });
    settle(key);
    const delay = timing.retry[Math.min(attempt, timing.retry.length - 1)] as number;
    retries.set(key, { attempt, text, timer: setTimeout(() => reread(key, (refusals[0] as Refusal).operation), delay) });
  }

  function reread(key: string, operation: Operation): void {
    if (!kernel) return;
    try {
      const id = 'service' in operation ? operation.service.id : operation.id;
      const present = kernel.readService(id);
      if (present) believed.set(key, present);
      else believed.delete(key);
    } catch (error) {
      return lost(error as OsError);
    }
    dirty.add(key);
    flush();
  }

  function reconcile(): void {
    if (!kernel) return;
    const began = now();
    try {
      if (dirty.size === 0) heal(kernel.readTable());
    } catch (error) {
      return lost(error as OsError);
    }
    if (kernel) reconcileLater(now() - began);
  }

  function heal(table: Table<KernelDestination>): void {
    believed = new Map(table);
    foreign = foreignKeys(table, wanted, owned.keys);
    for (const key of new Set([...wanted.keys(), ...owned.keys])) {
      if (retries.has(key)) continue;
      const operations = planService(table.get(key), wanted.get(key));
      if (operations.length === 0) continue;
      driftTotal += operations.length;
      driftLast = `${options.nameOf(key)}: ${operations.map(describeOperation).join(', ')}`;
      options.event(
        'drift',
        options.nameOf(key),
        `the kernel's table was changed by somebody else; healing: ${operations.map(describeOperation).join(', ')}`,
      );
      dirty.add(key);
    }
    if (dirty.size > 0) flush();
  }

  function removeAll(): void {
    wanted.clear();
    for (const key of owned.keys) dirty.add(key);
    flush();
  }

  return {
    want(key, service) {
      if (service) wanted.set(key, service);
      else wanted.delete(key);
      dirty.add(key);
      flushSoon ??= setImmediate(flush);
    },
    open,
    begin,
    flush,
    read() {
      try {
        return kernel?.readTable();
      } catch (error) {
        lost(error as OsError);
        return undefined;
      }
    },
    believed: (key) => believed.get(key),
    get applied() {
      return applied;
    },
    get problem() {
      return problem;
    },
    refusal: (key) => retries.get(key)?.text,
    drift: () => ({ total: driftTotal, last: driftLast }),
    foreign: () => foreign,
    removeAll,
    close() {
      closed = true;
      clearTimeout(timer);
      clearImmediate(flushSoon);
      for (const key of [...retries.keys()]) settle(key);
      kernel?.close();
      kernel = undefined;
    },
  };
}

const REFUSALS_SHOWN = 3;

/** The refusals of one service. Without the service, all its destinations are refused too: they explain nothing. */
function refusalsText(refusals: readonly Refusal[]): string {
  const ofService = refusals.filter(({ operation }) => operation.kind === 'new-service');
  const telling = ofService.length > 0 ? ofService : refusals;
  const more = telling.length > REFUSALS_SHOWN ? [`and ${telling.length - REFUSALS_SHOWN} more`] : [];
  return [...telling.slice(0, REFUSALS_SHOWN).map(refusalText), ...more].join('; ');
}

/** A refusal in the user's words; ENOENT on a service means that the kernel has no such scheduler. */
function refusalText(refusal: Refusal): string {
  const { operation, errno, extack } = refusal;
  const detail = extack ? ` (${extack})` : '';
  if ('service' in operation && errno === 2) {
    return `this kernel has no scheduler "${operation.service.scheduler}" (module ip_vs_${operation.service.scheduler})${detail}`;
  }
  return `${describeOperation(operation)}: ${errnoName(errno)}${detail}`;
}

/** `11000 operations: 10000 new-dest, 1000 new-service`. */
function summarize(operations: readonly Operation[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of operations) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const parts = [...counts].sort(([, a], [, b]) => b - a).map(([kind, count]) => `${count} ${kind}`);
  return `${operations.length} operations: ${parts.join(', ')}`;
}
