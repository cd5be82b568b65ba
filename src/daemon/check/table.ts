/**
 * Keeps the kernel's table equal to the wanted one. Whoever wants something says so by `want`; all that is wanted at the end of a
 * turn of the event loop goes out, in slices when it is much. The kernel is read back after every refusal and all the time, because
 * IPVS tells nobody when something changes; what differs then without lbd having done it is drift, and is healed.
 */
import type { OsError } from '../../base/errors.js';
import { applyToTable, byService, planService } from '../../ipvs/plan.js';
import type { KernelService, Operation, Refusal, Service, ServiceId } from '../../ipvs/types.js';
import { createClaims } from './claims.js';
import { createDriftLog, type Drift } from './drift.js';
import { doneOf, Outbox, type Planned, prepare } from './outbox.js';
import { type KernelTable, type Pass, readInSlices } from './reading.js';
import { createRetries } from './retries.js';
import { Run } from './run.js';
import type { TableKeeper, TableOptions, TableTiming } from './table-types.js';
import { createTunnelSieve } from './tunnels.js';
import { Verified } from './verified.js';

const TIMING: TableTiming = { reconcile: 1500, reopen: 5000, retry: [0, 100, 500, 2000, 10_000] };
/** A reading in slices must leave the loop at least as much time as it took. */
const RECONCILE_SHARE = 1;

/** Operations planned in one turn of the loop. */
const SLICE = 1024;
/** Operations sent in one turn: some 20 ms where the kernel is not emulated, and nothing else of this process falls in between. */
const BURST = 8192;
/** Operations planned before the first is sent. */
const AHEAD = 16_384;

const EEXIST = 17;

export const createTableKeeper = (options: TableOptions): TableKeeper => new Keeper(options);

class Keeper implements TableKeeper {
  applied = false;
  problem: string | undefined = 'IPVS is not opened yet';
  private readonly options: TableOptions;
  private readonly timing: TableTiming;
  private readonly targets = new Map<string, Service>();
  /** BOUNDED by the keys ever wanted in this life and still owned. */
  private readonly dirty = new Set<string>();
  /** Planned, and on its way: nothing more is planned until all of it is sent, because it is planned from what is believed. */
  private readonly outbox = new Outbox();
  private sending = false;
  private readonly retries;
  private readonly claims;
  private readonly tunnels;
  private readonly drifts;
  private table = new Map<string, Service>();
  private readonly verified = new Verified();
  private kernel: KernelTable | undefined;
  private begun = false;
  private closed = false;
  private attemptAt = 0;
  private soon: NodeJS.Immediate | undefined;
  private timer: NodeJS.Timeout | undefined;
  private run = new Run();
  private strangers: readonly string[] = [];
  /** Changed since the reading that is under way began. */
  private changed: Set<string> | undefined;

  constructor(options: TableOptions) {
    this.options = options;
    this.timing = options.timing ?? TIMING;
    const { now, nameOf } = options;
    this.retries = createRetries({
      delays: this.timing.retry,
      log: options.log,
      nameOf,
      again: (key, id) => this.reread(key, id),
    });
    this.claims = createClaims({
      owned: options.owned,
      applied: () => this.applied,
      nameOf,
      tell: (subject, text) => options.event('table', subject, text),
    });
    this.tunnels = createTunnelSieve({ log: options.log, nameOf, knows: (type) => this.knowsTunnel(type) });
    this.drifts = createDriftLog({
      now,
      nameOf,
      tell: (subject, text) => options.event('drift', subject, text, { cause: 'somebody else' }),
    });
  }

  want(key: string, service: Service | undefined): void {
    if (service) this.targets.set(key, service);
    else this.targets.delete(key);
    this.mark(key);
    this.flushSoon();
  }

  /** The service is to be planned, and what was planned before is void. */
  private mark(key: string): void {
    this.outbox.drop(key);
    this.dirty.add(key);
  }

  /** What is believed of the service is about to change. */
  private isPending(key: string): boolean {
    return this.dirty.has(key) || this.outbox.has(key);
  }

  believed(key: string): Service | undefined {
    return this.table.get(key);
  }

  wanted(key: string): Service | undefined {
    return this.targets.get(key);
  }

  refusal(key: string): string | undefined {
    return this.claims.text(key) ?? this.retries.text(key) ?? this.tunnels.lacking(key);
  }

  drift(): Drift {
    return this.drifts.state();
  }

  foreign(): readonly string[] {
    return this.strangers;
  }

  client(): KernelTable | undefined {
    return this.kernel;
  }

  // ---- the door to IPVS --------------------------------------------------------------------------------------------------------

  async open(): Promise<void> {
    this.attemptAt = this.options.now();
    try {
      const opened = await this.options.open();
      if (this.closed) return opened.close();
      this.kernel = opened;
      this.table = new Map(opened.readTable());
      this.verified.clear();
    } catch (error) {
      return this.lost(error as OsError);
    }
    if (this.problem !== undefined && this.begun) this.options.log('info', 'IPVS can be used again');
    this.problem = undefined;
    if (this.begun) this.begin();
  }

  begin(): void {
    this.begun = true;
    for (const key of [...this.targets.keys(), ...this.options.owned.keys]) this.dirty.add(key);
    this.flush();
    if (this.kernel) this.later(0, () => void this.reconcile());
  }

  /**
   * The outcome of a command, or the whole door to IPVS, is in doubt: start again from a reading. At once after some good time, and
   * nobody is told unless that fails too.
   */
  private lost(error: OsError): void {
    const { log, now, onState } = this.options;
    const worked = this.kernel !== undefined;
    this.kernel?.close();
    this.kernel = undefined;
    // begin() plans everything anew.
    this.outbox.clear();
    this.sending = false;
    const delay = Math.max(0, this.timing.reopen - (now() - this.attemptAt));
    this.later(delay, () => void this.open());
    if (worked && delay === 0) return log('warn', 'IPVS is opened anew', { reason: error.message });
    const reason = error.message.replace(/^IPVS: /, '');
    if (this.problem !== reason) log('error', 'IPVS cannot be used', { reason });
    this.problem = reason;
    if (this.begun) onState('unusable', reason);
  }

  private later(ms: number, what: () => void): void {
    clearTimeout(this.timer);
    if (!this.closed) this.timer = setTimeout(what, ms);
  }

  // ---- writing -----------------------------------------------------------------------------------------------------------------

  private flushSoon(): void {
    if (!this.closed) this.soon ??= setImmediate(() => this.flush());
  }

  flush(): void {
    clearImmediate(this.soon);
    this.soon = undefined;
    if (!this.kernel || !this.begun) return;
    if (!this.sending) {
      this.planSlice();
      // Planning may read, and reading may fail: all is planned anew then.
      if (!this.kernel) return;
      if (this.dirty.size > 0 && this.outbox.operations < AHEAD) return this.flushSoon();
      this.sending = this.outbox.size > 0;
      if (this.sending) this.options.owned.announce(this.outbox.coming());
    }
    if (this.sending && !this.send(this.outbox.take(BURST))) return;
    this.sending = this.outbox.size > 0;
    if (this.sending || this.dirty.size > 0) this.flushSoon();
    else this.finishRun();
  }

  /** What is wanted comes first, in the order in which it was said; whole services go when everything else is done. */
  private planSlice(): void {
    const limit = this.outbox.operations + SLICE;
    for (const wave of ['wanted', 'gone'] as const) {
      for (const key of this.dirty) {
        if (this.targets.has(key) !== (wave === 'wanted')) continue;
        if (this.outbox.operations >= limit) return;
        this.dirty.delete(key);
        this.planKey(key);
      }
    }
  }

  private planKey(key: string): void {
    const { owned } = this.options;
    const target = this.targets.get(key);
    if (!target) this.claims.forget(key);
    const claimed = target !== undefined && this.claims.claim(key, () => this.isTaken(key));
    const possible = claimed || owned.keys.has(key) ? this.tunnels.possible(key, target) : undefined;
    const operations = claimed || owned.keys.has(key) ? this.planFor(key, possible) : [];
    // What was refused may have become true, or unwanted, meanwhile.
    if (operations.length === 0) this.retries.settle(key);
    if (!target && !this.table.has(key)) owned.remove([key]);
    if (operations.length === 0 || !this.kernel) return;
    // What the kernel refused before comes last: it does not stand where it is wanted.
    const result = this.table.has(key) || this.retries.doubtful(key).size > 0 ? undefined : possible;
    this.outbox.put(prepare(this.kernel, { key, have: this.table.get(key), result }, operations));
  }

  private planFor(key: string, possible: Service | undefined): readonly Operation[] {
    return this.kernel ? planService(this.table.get(key), possible, this.retries.doubtful(key)) : [];
  }

  /** What was not there at the last reading may be there now, and destinations must not land in somebody else's service. */
  private isTaken(key: string): boolean {
    const id = this.targets.get(key)?.id;
    if (this.table.has(key) || !this.applied || !id) return this.table.has(key);
    this.believe(key, this.read([id])?.[0]);
    return this.table.has(key);
  }

  /** A kernel that gives no answer is opened anew, and everything is planned anew then. */
  private knowsTunnel(type: number): boolean {
    try {
      return this.kernel?.knowsTunnel(type) ?? true;
    } catch (error) {
      this.lost(error as OsError);
      return true;
    }
  }

  /** False when the outcome is unknown. */
  private send(batch: readonly Planned[]): boolean {
    const { now, owned } = this.options;
    const claims = batch.flatMap(({ key, isNew }) => (isNew && !owned.keys.has(key) ? [key] : []));
    owned.add(claims);
    owned.flush();
    const began = now();
    let refusals: readonly Refusal[];
    try {
      refusals = (this.kernel as KernelTable).applyPrepared(batch.flatMap((one) => one.prepared));
    } catch (error) {
      this.lost(error as OsError);
      return false;
    }
    this.run.sent(
      batch.reduce((sum, one) => sum + one.operations, 0),
      refusals.length,
      now() - began,
    );
    const isClaimed = new Set(claims);
    const failed = byService(refusals.map((refusal) => refusal.operation));
    for (const planned of batch) {
      const refused = failed.get(planned.key);
      this.digest(planned, refused ?? []);
      if (refused) this.digestRefusals(planned, refusals, refused, isClaimed.has(planned.key));
    }
    return true;
  }

  private digest({ key, prepared, result, half }: Planned, failed: readonly Operation[]): void {
    const done = doneOf(prepared, new Set(failed));
    if (result && failed.length === 0) this.table.set(key, result);
    else applyToTable(this.table, done);
    this.run.did(done);
    if (done.some((operation) => operation.kind === 'del-service')) this.options.owned.remove([key]);
    this.changed?.add(key);
    this.verified.forget(key);
    if (failed.length > 0) return;
    // What was refused before is there now: in its place, too?
    if (half || this.retries.doubtful(key).size > 0) this.dirty.add(key);
    this.retries.settle(key);
  }

  private digestRefusals(
    planned: Planned,
    refusals: readonly Refusal[],
    refused: readonly Operation[],
    wasClaimed: boolean,
  ): void {
    const { key } = planned;
    const own = refusals.filter((refusal) => refusal.operation.key === key);
    // It came into being since the last reading, so it is not lbd's; the reading of the service will say so.
    const taken = own.some(({ operation, errno }) => operation.kind === 'new-service' && errno === EEXIST);
    if (taken && wasClaimed && !this.claims.adopting()) this.leave(planned, refused);
    this.retries.refused(key, own);
  }

  /** Somebody else was faster: what landed in that service with the same batch is taken out again. */
  private leave({ key, prepared }: Planned, refused: readonly Operation[]): void {
    this.options.owned.remove([key]);
    const landed = doneOf(prepared, new Set(refused)).flatMap((one): Operation[] =>
      one.kind === 'new-dest' ? [{ ...one, kind: 'del-dest' }] : [],
    );
    if (landed.length === 0) return;
    try {
      this.kernel?.apply(landed);
    } catch (error) {
      this.lost(error as OsError);
    }
  }

  private finishRun(): void {
    const { run } = this;
    this.run = new Run();
    const { log, onState, owned } = this.options;
    owned.announce([]);
    owned.flush();
    run.tell(this.options);
    if (!this.applied) {
      this.applied = true;
      owned.settle();
      log('info', 'first table applied', { services: this.targets.size });
    }
    onState('ready', '');
  }

  private reread(key: string, id: ServiceId): void {
    const found = this.read([id]);
    if (!found) return;
    this.believe(key, found[0]);
    this.mark(key);
    this.flush();
  }

  private believe(key: string, service: Service | undefined): void {
    this.verified.forget(key);
    if (service) this.table.set(key, service);
    else this.table.delete(key);
  }

  // ---- reading back ------------------------------------------------------------------------------------------------------------

  private async reconcile(): Promise<void> {
    const { kernel } = this;
    if (!kernel) return;
    const { now } = this.options;
    const began = now();
    const changed = new Set<string>();
    this.changed = changed;
    try {
      if (this.dirty.size + this.outbox.size === 0) await readInSlices(kernel, this.healing(kernel, changed));
    } catch (error) {
      if (kernel === this.kernel) this.lost(error as OsError);
      return;
    } finally {
      if (this.changed === changed) this.changed = undefined;
    }
    if (kernel !== this.kernel) return;
    // A disk that was full may have room again.
    this.options.owned.flush();
    this.options.onReading?.();
    const took = now() - began;
    this.later(Math.max(this.timing.reconcile - took, took * RECONCILE_SHARE), () => void this.reconcile());
  }

  private healing(kernel: KernelTable, changed: ReadonlySet<string>): Pass {
    const { owned, now } = this.options;
    const own = () => new Set([...this.targets.keys(), ...owned.keys]);
    return {
      counters: false,
      awaited: false,
      now,
      keys: (listed) => {
        const mine = own();
        this.strangers = [...listed.keys()].filter((key) => !owned.keys.has(key));
        for (const key of this.table.keys()) if (!listed.has(key) && !mine.has(key)) this.table.delete(key);
        for (const [key, one] of listed) if (!mine.has(key)) this.table.set(key, { ...one, destinations: new Map() });
        return mine;
      },
      stale: (key, listed) => (changed.has(key) ? (this.targets.get(key)?.id ?? listed?.id) : undefined),
      known: (key, listed) =>
        this.isPending(key) || this.retries.has(key) ? undefined : this.verified.digest(key, listed, this.targets.get(key)),
      each: (key, service, digest) => this.heal(key, service, digest),
      stopped: () => kernel !== this.kernel,
    };
  }

  private heal(key: string, service: KernelService | undefined, digest?: string): void {
    this.verified.forget(key);
    if (this.isPending(key)) return;
    this.believe(key, service);
    if (this.retries.has(key)) return;
    const target = this.targets.get(key);
    if (target && !this.options.owned.keys.has(key)) {
      if (service) return;
      // Somebody else's is gone: the place is free.
      this.claims.forget(key);
      this.dirty.add(key);
      return this.flushSoon();
    }
    const operations = this.planFor(key, this.tunnels.possible(key, target));
    if (!this.kernel) return;
    if (operations.length === 0) {
      if (service && target && digest !== undefined) this.verified.note(key, service, target, digest);
      return;
    }
    this.drifts.note(key, service, operations);
    this.dirty.add(key);
    this.flushSoon();
  }

  async readAll(counters: boolean): Promise<ReadonlyMap<string, KernelService> | undefined> {
    const { kernel } = this;
    if (!kernel) return undefined;
    const found = new Map<string, KernelService>();
    const pass: Pass = {
      counters,
      awaited: true,
      now: this.options.now,
      keys: (listed) => listed.keys(),
      stale: () => undefined,
      each: (key, service) => void (service && found.set(key, service)),
      stopped: () => kernel !== this.kernel,
    };
    try {
      await readInSlices(kernel, pass);
    } catch (error) {
      if (kernel === this.kernel) this.lost(error as OsError);
    }
    return kernel === this.kernel ? found : undefined;
  }

  read(ids: readonly ServiceId[], counters = false): readonly (KernelService | undefined)[] | undefined {
    const { kernel } = this;
    if (!kernel) return undefined;
    try {
      return ids.map((id) => kernel.readService(id, counters));
    } catch (error) {
      this.lost(error as OsError);
      return undefined;
    }
  }

  // ---- the rest ----------------------------------------------------------------------------------------------------------------

  takeOver(keys: readonly string[]): number {
    const taken = this.claims.takeOver(keys);
    this.options.owned.flush();
    for (const key of taken) {
      const id = this.targets.get(key)?.id;
      // A foreign service was listed without its destinations.
      if (id) this.reread(key, id);
    }
    return taken.length;
  }

  removeAll(): void {
    this.targets.clear();
    this.outbox.clear();
    this.sending = false;
    try {
      if (this.kernel) this.table = new Map(this.kernel.readTable());
    } catch (error) {
      return this.lost(error as OsError);
    }
    for (const key of this.options.owned.keys) this.dirty.add(key);
    this.drain();
  }

  drain(): void {
    while (this.kernel && this.begun && this.dirty.size + this.outbox.size > 0) this.flush();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    clearImmediate(this.soon);
    this.retries.clear();
    this.options.owned.flush();
    this.kernel?.close();
    this.kernel = undefined;
  }
}
