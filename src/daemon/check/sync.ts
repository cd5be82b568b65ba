/**
 * Keeps the kernel's sync daemons as wanted: the one that fits the role of the VRRP instance, with the configured group and ids. IPVS
 * tells nobody when one ends, and the kernel resolves the interface once, so both are looked at with every reading of the table.
 */
import { readFileSync } from 'node:fs';
import { errnoName, OsError } from '../../base/errors.js';
import type { Instant } from '../../base/time.js';
import type { ConnectionSyncConfig } from '../../config/types.js';
import { type SyncRole, wantedRoles } from '../../intent/sync.js';
import type { IpvsDaemon } from '../../wire/ipvs.js';
import type { LogLevel } from '../messages.js';

/** What the keeper needs of os/ipvs.ts; each may throw OsError. */
export interface SyncKernel {
  daemons(): readonly IpvsDaemon[];
  startDaemon(daemon: IpvsDaemon): void;
  stopDaemon(role: SyncRole): void;
}

export interface SyncStatus {
  readonly interface: string;
  readonly id: number;
  readonly follows: string | null;
  /** Empty: nobody has said yet who is master. */
  readonly wanted: readonly SyncRole[];
  readonly running: readonly SyncRole[];
  readonly problem: string | null;
}

export interface SyncKeeper {
  want(config: ConnectionSyncConfig | undefined, roles: Readonly<Record<string, string>>): void;
  /** With every reading of the table, and when IPVS can be used again. */
  reconcile(): void;
  /** Null when none is configured. */
  status(): SyncStatus | null;
  /** `ordered`: they end with lbd; else a successor goes on with them. */
  stop(ordered: boolean): void;
}

export interface SyncOptions {
  /** Undefined while IPVS cannot be used. */
  readonly kernel: () => SyncKernel | undefined;
  readonly now: () => Instant;
  readonly log: (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;
  readonly event: (kind: string, subject: string, text: string) => void;
  /** The interface's index, or undefined when there is none of that name. */
  readonly indexOf?: (name: string) => number | undefined;
}

/** Before a daemon that could not be started is tried again; the last one stays. Milliseconds. */
const RETRY: readonly number[] = [0, 1000, 2000, 5000];
const ROLES = ['master', 'backup'] as const;

const ENODEV = 19;
const ENETUNREACH = 101;
const EINVAL = 22;

function interfaceIndex(name: string): number | undefined {
  try {
    return Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** What the kernel's errors mean here, and the cure (wire-facts of NEW_DAEMON). */
function explain(error: OsError, name: string): string {
  if (error.errno === ENODEV) return `there is no interface ${name}`;
  if (error.errno === ENETUNREACH) return `the interface ${name} is down or has no route: bring it up`;
  if (error.errno === EINVAL)
    return `the kernel refuses it (${errnoName(error.errno)}): is there a real server of another address family behind a tunnel?`;
  return error.message;
}

function daemonOf(role: SyncRole, { interface: name, id, group, port, ttl, maxlen }: ConnectionSyncConfig): IpvsDaemon {
  return { role, interface: name, syncId: id, group, port, ttl, maxlen };
}

/** What is not said is the kernel's to choose, and so is as wanted. The kernel clamps a length. */
function fits(found: IpvsDaemon, wanted: IpvsDaemon): boolean {
  const same = (key: 'group' | 'port' | 'ttl') =>
    wanted[key] === undefined || found[key] === undefined || found[key] === wanted[key];
  return found.interface === wanted.interface && found.syncId === wanted.syncId && same('group') && same('port') && same('ttl');
}

export const createSyncKeeper = (options: SyncOptions): SyncKeeper => new Keeper(options);

class Keeper implements SyncKeeper {
  private config: ConnectionSyncConfig | undefined;
  private roles: Readonly<Record<string, string>> = {};
  /** Ever configured in this life: then daemons that nobody wants are lbd's to stop. */
  private managed = false;
  private running: readonly SyncRole[] = [];
  private problem: string | null = null;
  private attempts = 0;
  private nextAt: Instant = 0;
  /** The maxlen and the interface that each was started with. */
  private readonly started = new Map<SyncRole, { readonly index: number | undefined; readonly maxlen: number | undefined }>();
  private readonly options: SyncOptions & { readonly indexOf: (name: string) => number | undefined };

  constructor(options: SyncOptions) {
    this.options = { indexOf: interfaceIndex, ...options };
  }

  want(config: ConnectionSyncConfig | undefined, roles: Readonly<Record<string, string>>): void {
    this.config = config;
    this.roles = roles;
    if (config) this.managed = true;
    this.attempts = 0;
    this.nextAt = 0;
    this.reconcile();
  }

  status(): SyncStatus | null {
    if (!this.config) return null;
    const { interface: name, id, follow } = this.config;
    return {
      interface: name,
      id,
      follows: follow ?? null,
      wanted: wantedRoles(this.config, this.roles) ?? [],
      running: this.running,
      problem: this.problem,
    };
  }

  stop(ordered: boolean): void {
    if (ordered) this.want(undefined, {});
  }

  reconcile(): void {
    const kernel = this.options.kernel();
    const roles = wantedRoles(this.config, this.roles);
    if (!kernel || !this.managed || !roles || this.options.now() < this.nextAt) return;
    try {
      this.apply(kernel, roles);
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      this.failed(error);
    }
  }

  private apply(kernel: SyncKernel, roles: readonly SyncRole[]): void {
    const found = kernel.daemons();
    this.running = found.map((one) => one.role);
    // The old role ends before the new one begins.
    for (const one of found) {
      const wanted = this.config && roles.includes(one.role) ? daemonOf(one.role, this.config) : undefined;
      if (wanted && fits(one, wanted) && !this.isStale(wanted)) {
        // One that an earlier life started is lbd's with this.
        if (!this.started.has(one.role)) this.remember(wanted);
        continue;
      }
      kernel.stopDaemon(one.role);
      this.started.delete(one.role);
      this.running = this.running.filter((role) => role !== one.role);
      if (!wanted) this.tell(`the ${one.role} daemon is stopped`);
    }
    if (this.config)
      for (const role of ROLES) if (roles.includes(role) && !this.running.includes(role)) this.begin(kernel, role, this.config);
    if (this.problem !== null) this.options.log('info', 'connection sync works again');
    this.problem = null;
    this.attempts = 0;
  }

  private begin(kernel: SyncKernel, role: SyncRole, config: ConnectionSyncConfig): void {
    const lost = this.started.has(role);
    const daemon = daemonOf(role, config);
    kernel.startDaemon(daemon);
    this.remember(daemon);
    this.running = [...this.running, role];
    this.tell(`the ${role} daemon is started on ${config.interface}, id ${config.id}${lost ? ': somebody had stopped it' : ''}`);
  }

  private remember({ role, interface: name, maxlen }: IpvsDaemon): void {
    this.started.set(role, { index: this.options.indexOf(name), maxlen });
  }

  /** The kernel holds on to an interface that is gone; one of the same name is another one. */
  private isStale({ role, interface: name, maxlen }: IpvsDaemon): boolean {
    const started = this.started.get(role);
    return started !== undefined && (started.index !== this.options.indexOf(name) || started.maxlen !== maxlen);
  }

  private tell(text: string): void {
    this.options.event('sync', this.config?.follow ?? 'connection_sync', text);
  }

  private failed(error: OsError): void {
    const text = explain(error, this.config?.interface ?? '');
    if (text !== this.problem) this.options.log('error', 'connection sync does not work', { reason: text });
    this.problem = text;
    this.nextAt = this.options.now() + (RETRY[Math.min(this.attempts++, RETRY.length - 1)] as number);
  }
}
