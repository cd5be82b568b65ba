/**
 * What the vrrp process writes down for its successor, in `<run folder>/vrrp.json`: of each instance whether it was master, when its
 * last advert went out, and the addresses that lbd added. CLOCK_BOOTTIME means something only within one boot, hence the boot's id.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Instant } from '../../base/time.js';
import type { HeldAddress } from '../../config/types.js';
import { heldKey, parseHeld } from '../../vrrp/held.js';
import type { HeldPaths } from './paths.js';
import { readSavedSigning, type SavedSigning } from './signer.js';
import type { SavedVmac } from './vmac.js';

export interface Saved {
  readonly interface: string;
  readonly master: boolean;
  /** Time of the last advert of this master; null when none was sent. */
  readonly lastAdvert: Instant | null;
  readonly held: readonly HeldAddress[];
  /** Routes and rules; absent: none. */
  readonly paths?: HeldPaths;
  readonly vmac?: SavedVmac;
  /** Packets to its addresses are dropped (`accept: false`); absent: they are not. */
  readonly closed?: boolean;
  /** Numbers of signed adverts; absent: none were sent or heard. */
  readonly signing?: SavedSigning;
}

export interface Store {
  /** What the predecessor left, by instance key. */
  readonly left: ReadonlyMap<string, Saved>;
  put(key: string, saved: Saved): void;
  remove(key: string): void;
  /** Writes what has changed; a failure is reported once. */
  write(): void;
}

const FORMAT = 1;

interface FileInstance {
  readonly interface: string;
  readonly master: boolean;
  readonly last_advert: number | null;
  readonly held: readonly string[];
  readonly paths?: HeldPaths;
  readonly vmac?: SavedVmac;
  readonly closed?: boolean;
  readonly signing?: SavedSigning;
}

const bootId = (): string => {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
};

/** Of the same boot and the same lbd, or of another version: then it must at least be in this form. */
const isPaths = (value: unknown): value is HeldPaths => {
  const { routes, rules } = (value ?? {}) as Partial<HeldPaths>;
  const table = (one: unknown) => typeof (one as { table?: unknown } | null)?.table === 'number';
  return Array.isArray(routes) && Array.isArray(rules) && routes.every(table) && rules.every(table);
};

const isVmac = (value: unknown): value is SavedVmac => {
  const { name, before } = (value ?? {}) as Partial<SavedVmac>;
  return typeof name === 'string' && Object.values(before ?? {}).every((one) => typeof one === 'string');
};

function readInstance(value: unknown): Saved | undefined {
  const { interface: name, master, last_advert: lastAdvert, held, ...rest } = (value ?? {}) as Partial<FileInstance>;
  const { paths, vmac, closed } = rest;
  if (typeof name !== 'string' || typeof master !== 'boolean' || !Array.isArray(held)) return undefined;
  const signing = readSavedSigning(rest.signing);
  const addresses = held.map((one) => (typeof one === 'string' ? parseHeld(one) : undefined));
  return {
    interface: name,
    master,
    lastAdvert: typeof lastAdvert === 'number' ? lastAdvert : null,
    held: addresses.filter((one): one is HeldAddress => one !== undefined),
    ...(isPaths(paths) ? { paths } : {}),
    ...(isVmac(vmac) ? { vmac } : {}),
    ...(closed === true ? { closed } : {}),
    ...(signing ? { signing } : {}),
  };
}

/** What a predecessor of the same boot left; nothing when there is no such file or it is not what lbd writes. */
function readLeft(file: string, boot: string): Map<string, Saved> {
  const left = new Map<string, Saved>();
  try {
    const content = JSON.parse(readFileSync(file, 'utf8')) as {
      format?: unknown;
      boot?: unknown;
      instances?: Record<string, unknown>;
    };
    if (content?.format !== FORMAT || content.boot !== boot) return left;
    for (const [key, value] of Object.entries(content.instances ?? {})) {
      const saved = readInstance(value);
      if (saved) left.set(key, saved);
    }
  } catch {
    // Not there, or cut short by a full file system: like a first start.
  }
  return left;
}

export function openStore(runDir: string, warn: (text: string) => void): Store {
  const file = join(runDir, 'vrrp.json');
  const boot = bootId();
  const left = readLeft(file, boot);
  /** BOUNDED by the configured instances. */
  const instances = new Map<string, FileInstance>();
  let dirty = false;
  let failed = false;
  return {
    left,
    put(key, saved) {
      instances.set(key, {
        interface: saved.interface,
        master: saved.master,
        last_advert: saved.lastAdvert,
        held: saved.held.map(heldKey),
        ...(saved.paths ? { paths: saved.paths } : {}),
        ...(saved.vmac ? { vmac: saved.vmac } : {}),
        ...(saved.closed ? { closed: true } : {}),
        ...(saved.signing ? { signing: saved.signing } : {}),
      });
      dirty = true;
    },
    remove(key) {
      dirty = instances.delete(key) || dirty;
    },
    write() {
      if (!dirty) return;
      dirty = false;
      try {
        writeFileSync(`${file}.new`, JSON.stringify({ format: FORMAT, boot, instances: Object.fromEntries(instances) }), {
          mode: 0o600,
        });
        renameSync(`${file}.new`, file);
        failed = false;
      } catch (error) {
        if (!failed) warn(`cannot write ${file}: ${(error as Error).message}; a successor will not know what this process holds`);
        failed = true;
      }
    },
  };
}
