/**
 * Services that were in the kernel as wanted when they were last read: while what is wanted, the service and the digest of its
 * destinations are the same, there is nothing to decode and to compare.
 */
import type { Service, ServiceAttributes } from '../../ipvs/types.js';

interface Entry {
  readonly read: ServiceAttributes;
  readonly target: Service;
  readonly digest: string;
}

export class Verified {
  /** BOUNDED by the wanted services. */
  private readonly entries = new Map<string, Entry>();

  note(key: string, read: ServiceAttributes, target: Service, digest: string): void {
    const { scheduler, flags, timeout, prefix, pe } = read;
    this.entries.set(key, { read: { scheduler, flags, timeout, prefix, pe }, target, digest });
  }

  forget(key: string): void {
    this.entries.delete(key);
  }

  clear(): void {
    this.entries.clear();
  }

  /** Undefined: it must be looked at. `target` is what is wanted now, the same object while nothing else is. */
  digest(key: string, now: ServiceAttributes, target: Service | undefined): string | undefined {
    const entry = this.entries.get(key);
    if (!entry || entry.target !== target) return undefined;
    const { scheduler, flags, timeout, prefix, pe } = entry.read;
    const isSame =
      now.scheduler === scheduler && now.flags === flags && now.timeout === timeout && now.prefix === prefix && now.pe === pe;
    return isSame ? entry.digest : undefined;
  }
}
