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
import { openSyncRecord, type Started, type SyncRecord } from './sync-record.js';

/** What the keeper needs of os/ipvs.ts; each may throw OsError. */
export interface SyncKernel {
  daemons(): readonly IpvsDaemon[];
  startDaemon(daemon: IpvsDaemon): void;
  stopDaemon(role: SyncRole): void;
}

export interface SyncLink {
  readonly index: number;
  readonly up: boolean;
}

export interface SyncStatus {
  readonly interface: string;
  readonly id: number;
  readonly follows: string | null;
  /** Empty: nobody has said yet who is master. */
  readonly wanted: readonly SyncRole[];
  readonly running: readonly SyncRole[];
  readonly problem: string | null;
  /** Times that somebody else had stopped, changed or started a daemon. */
  readonly drift: number;
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
  readonly stateDir: string;
  /** Of this boot. */
  readonly boot: string;
  readonly now: () => Instant;
  readonly log: (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;
  readonly event: (kind: string, subject: string, text: string) => void;
  /** net.ipv4.vs.sync_ports */
  readonly ports: () => string | undefined;
  /** Undefined when there is no interface of that name. */
  readonly linkOf?: (name: string) => SyncLink | undefined;
}

/** Before a daemon that could not be started is tried again; the last one stays. Milliseconds. */
const RETRY: readonly number[] = [0, 1000, 2000, 5000];
const ROLES = ['master', 'backup'] as const;
/** What the kernel takes for what is left out (net/netfilter/ipvs/ip_vs_sync.c). */
const KERNEL = { group: '224.0.0.81', port: 8848, ttl: 1 } as const;

const ENODEV = 19;
const ENETUNREACH = 101;
const EINVAL = 22;

type Daemons = ReadonlyMap<SyncRole, IpvsDaemon>;

function readLink(name: string): SyncLink | undefined {
  const read = (file: string) => readFileSync(`/sys/class/net/${name}/${file}`, 'utf8').trim();
  try {
    // Devices without a notion of a carrier say `unknown`.
    return { index: Number(read('ifindex')), up: ['up', 'unknown'].includes(read('operstate')) };
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

const byRole = (found: readonly IpvsDaemon[]): Daemons => new Map(found.map((one) => [one.role, one]));
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** As far as the kernel tells. Its maxlen is clamped, so that only says something of a daemon that is new to lbd. */
function fits(found: IpvsDaemon, wanted: IpvsDaemon, known: boolean): boolean {
  const alike = (key: keyof typeof KERNEL) => found[key] === undefined || found[key] === (wanted[key] ?? KERNEL[key]);
  const { maxlen } = wanted;
  return (
    found.interface === wanted.interface &&
    found.syncId === wanted.syncId &&
    alike('group') &&
    alike('port') &&
    alike('ttl') &&
    (known || maxlen === undefined || found.maxlen === undefined || found.maxlen === maxlen)
  );
}

export const createSyncKeeper = (options: SyncOptions): SyncKeeper => new Keeper(options);

class Keeper implements SyncKeeper {
  private config: ConnectionSyncConfig | undefined;
  private roles: Readonly<Record<string, string>> = {};
  private running: readonly SyncRole[] = [];
  private problem: string | null = null;
  private drifts = 0;
  private attempts = 0;
  private nextAt: Instant = 0;
  /** The interface at the last failure. */
  private failedLink: SyncLink | undefined;
  /** As the kernel told them after lbd's last act; undefined: not known. */
  private left: Daemons | undefined;
  private readonly record: SyncRecord;
  private readonly options: SyncOptions & { readonly linkOf: (name: string) => SyncLink | undefined };

  constructor(options: SyncOptions) {
    this.options = { linkOf: readLink, ...options };
    this.record = openSyncRecord(options.stateDir, options.boot, (text) => options.log('warn', text));
  }

  want(config: ConnectionSyncConfig | undefined, roles: Readonly<Record<string, string>>): void {
    if (!same([config, wantedRoles(config, roles)], [this.config, wantedRoles(this.config, this.roles)])) {
      this.attempts = 0;
      this.nextAt = 0;
    }
    this.config = config;
    this.roles = roles;
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
      drift: this.drifts,
    };
  }

  stop(ordered: boolean): void {
    if (ordered) this.want(undefined, {});
  }

  reconcile(): void {
    const kernel = this.options.kernel();
    const roles = wantedRoles(this.config, this.roles);
    // Without connection_sync only what lbd started is its to stop.
    if (!kernel || !roles || (!this.config && this.record.empty)) return;
    const link = this.link();
    if (this.options.now() < this.nextAt && same(link, this.failedLink)) return;
    try {
      this.apply(kernel, roles, link);
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      this.failed(error, link);
    }
  }

  private link(): SyncLink | undefined {
    return this.config && this.options.linkOf(this.config.interface);
  }

  private apply(kernel: SyncKernel, roles: readonly SyncRole[], link: SyncLink | undefined): void {
    const found = byRole(kernel.daemons());
    const before = this.left;
    const meddled = new Set(before ? ROLES.filter((role) => !same(before.get(role), found.get(role))) : []);
    this.drifts += meddled.size;
    this.running = [...found.keys()];
    this.left = undefined;
    // The old role ends before the new one begins.
    const stopped = this.stopOld(kernel, found, roles, { link, meddled });
    const started = this.config ? this.startNew(kernel, roles, this.config, { link, meddled }) : 0;
    if (this.config) this.left = stopped + started === 0 ? found : byRole(kernel.daemons());
    this.worked(link);
  }

  /** How many. */
  private stopOld(kernel: SyncKernel, found: Daemons, roles: readonly SyncRole[], seen: Seen): number {
    let stopped = 0;
    for (const [role, one] of found) {
      if (!this.config && !this.record.get(role)) continue;
      const wanted = this.config && roles.includes(role) ? daemonOf(role, this.config) : undefined;
      const why = wanted ? this.misfit(one, wanted, seen) : this.unwanted(one, seen);
      if (why === undefined) {
        // One that ran already is lbd's with this.
        if (wanted && !this.record.get(role)) this.record.set(role, this.startedAs(wanted, seen.link));
        continue;
      }
      kernel.stopDaemon(role);
      this.record.remove(role);
      this.running = this.running.filter((other) => other !== role);
      this.tell(`the ${role} daemon is stopped${why}`);
      stopped++;
    }
    // Recorded, and gone meanwhile.
    for (const role of ROLES) if (!roles.includes(role) && !this.running.includes(role)) this.record.remove(role);
    return stopped;
  }

  private unwanted({ role, interface: name, syncId }: IpvsDaemon, { meddled }: Seen): string {
    if (meddled.has(role)) return ': somebody else had started it';
    return this.record.get(role) ? '' : `: that on ${name}, id ${syncId}, was not lbd's`;
  }

  /** Why the daemon must be started anew; undefined: it is as wanted. */
  private misfit(found: IpvsDaemon, wanted: IpvsDaemon, { link, meddled }: Seen): string | undefined {
    const started = this.record.get(found.role);
    if (!fits(found, wanted, started !== undefined))
      return meddled.has(found.role) ? ': somebody else had changed it' : ': it is wanted with other parameters';
    if (!started) return undefined;
    if (started.index !== link?.index) return link ? `: ${wanted.interface} was made anew` : `: there is no ${wanted.interface}`;
    if (started.ports !== this.options.ports()) return ': sync_ports is another';
    return started.maxlen === wanted.maxlen ? undefined : ': it is wanted with another maxlen';
  }

  private startedAs({ maxlen }: IpvsDaemon, link: SyncLink | undefined): Started {
    return { index: link?.index, maxlen, ports: this.options.ports() };
  }

  /** How many. */
  private startNew(
    kernel: SyncKernel,
    roles: readonly SyncRole[],
    config: ConnectionSyncConfig,
    { link, meddled }: Seen,
  ): number {
    const missing = ROLES.filter((role) => roles.includes(role) && !this.running.includes(role));
    for (const role of missing) {
      const daemon = daemonOf(role, config);
      this.record.set(role, this.startedAs(daemon, link));
      try {
        kernel.startDaemon(daemon);
      } catch (error) {
        this.record.remove(role);
        throw error;
      }
      this.running = [...this.running, role];
      const lost = meddled.has(role) ? ': somebody else had stopped or changed it' : '';
      this.tell(`the ${role} daemon is started on ${config.interface}, id ${config.id}${lost}`);
    }
    return missing.length;
  }

  private tell(text: string): void {
    this.options.event('sync', this.config?.follow ?? 'connection_sync', text);
  }

  /** A daemon runs on an interface that is down as well, and nobody hears of it. */
  private worked(link: SyncLink | undefined): void {
    const down = this.running.length > 0 && link?.up === false;
    const problem = down ? `the interface ${this.config?.interface} is down: bring it up` : null;
    if (problem !== null && problem !== this.problem)
      this.options.log('warn', 'connection sync cannot work now', { reason: problem });
    if (problem === null && this.problem !== null) this.options.log('info', 'connection sync works again');
    this.problem = problem;
    this.attempts = 0;
    this.nextAt = 0;
  }

  private failed(error: OsError, link: SyncLink | undefined): void {
    const text = explain(error, this.config?.interface ?? '');
    if (text !== this.problem) this.options.log('error', 'connection sync does not work', { reason: text });
    this.problem = text;
    this.failedLink = link;
    this.nextAt = this.options.now() + (RETRY[Math.min(this.attempts++, RETRY.length - 1)] as number);
  }
}

/** What one look found. */
interface Seen {
  readonly link: SyncLink | undefined;
  /** What somebody else has stopped, changed or started since lbd's last act. */
  readonly meddled: ReadonlySet<SyncRole>;
}
