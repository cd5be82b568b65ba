/** Reads the kernel's table service by service, in slices of the event loop: nothing else of this process waits for long. */
import type { Instant } from '../../base/time.js';
import type { KernelDestination, KernelService, Operation, Refusal, ServiceId } from '../../ipvs/types.js';
import type { Prepared } from '../../os/ipvs.js';
import type { SyncKernel } from './sync.js';
import type { TimeoutsKernel } from './timeouts.js';

/** What the keepers need of os/ipvs.ts. */
export interface KernelTable extends SyncKernel, TimeoutsKernel {
  /** Every service, without destinations. */
  readServices(counters?: boolean): ReadonlyMap<string, Omit<KernelService, 'destinations'>>;
  /** In the order in which they were added. */
  readDestinations(id: ServiceId, counters?: boolean): ReadonlyMap<string, KernelDestination>;
  /** Undefined: what defines the destinations has still this digest. */
  readIfChanged(
    id: ServiceId,
    digest: string | undefined,
  ): { readonly digest: string | undefined; readonly destinations: ReadonlyMap<string, KernelDestination> } | undefined;
  readService(id: ServiceId, counters?: boolean): KernelService | undefined;
  readTable(counters?: boolean): ReadonlyMap<string, KernelService>;
  /** Refusals; throws OsError when the outcome is unknown. */
  apply(operations: readonly Operation[]): readonly Refusal[];
  /** The same in two steps, of which the first is the work and the second what the kernel waits for. */
  prepare(operations: readonly Operation[]): readonly Prepared[];
  applyPrepared(prepared: readonly Prepared[]): readonly Refusal[];
  /** False: this kernel takes the tunnel's type (IP_VS_CONN_F_TUNNEL_TYPE_*) and does something else. */
  knowsTunnel(type: number): boolean;
  close(): void;
}

export interface Pass {
  readonly counters: boolean;
  /** Somebody waits for it: it goes on at once after each slice, however long it is. */
  readonly awaited: boolean;
  readonly now: () => Instant;
  /** Which services to read with their destinations, after all have been listed. */
  keys(listed: ReadonlyMap<string, Omit<KernelService, 'destinations'>>): Iterable<string>;
  /** What has been changed since the list was made is asked for again by this id. */
  stale(key: string, listed: { readonly id: ServiceId } | undefined): ServiceId | undefined;
  /** The digest of destinations that need no decoding (they were as they should be), for a service that looks like this. */
  known?(key: string, listed: Omit<KernelService, 'destinations'>): string | undefined;
  /**
   * Called in the same turn of the loop as the reading, but not for what is known; undefined: the kernel has no such service. The digest
   * only with `known`.
   */
  each(key: string, service: KernelService | undefined, digest?: string): void;
  /** The pass is no longer wanted. */
  stopped(): boolean;
}

/** Milliseconds of reading from one look of the event loop at everything else to the next. */
const SLICE_MS = 5;
/** Up to so many services a pass goes on at once; a longer one that nobody awaits leaves the loop most of its time. */
const BRISK = 1000;
const REST = 3;

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => (ms === 0 ? setImmediate(resolve) : setTimeout(resolve, ms)));

/** Rejects with OsError when the kernel cannot be read. */
export async function readInSlices(kernel: KernelTable, pass: Pass): Promise<void> {
  const { counters, now } = pass;
  const listed = kernel.readServices(counters);
  const rest = listed.size > BRISK && !pass.awaited ? REST : 0;
  let began = now();
  for (const key of pass.keys(listed)) {
    readOne(kernel, pass, key, listed.get(key));
    const took = now() - began;
    if (took < SLICE_MS) continue;
    await pause(took * rest);
    if (pass.stopped()) return;
    began = now();
  }
}

function readOne(kernel: KernelTable, pass: Pass, key: string, listed: Omit<KernelService, 'destinations'> | undefined): void {
  const id = pass.stale(key, listed);
  if (id) return pass.each(key, kernel.readService(id, pass.counters));
  if (!listed) return pass.each(key, undefined);
  if (!pass.known) return pass.each(key, { ...listed, destinations: kernel.readDestinations(listed.id, pass.counters) });
  const found = kernel.readIfChanged(listed.id, pass.known(key, listed));
  if (found) pass.each(key, { ...listed, destinations: found.destinations }, found.digest);
}
