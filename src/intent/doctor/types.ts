/** What `lbctl doctor` judges, and what it says. Plain JSON values: facts and findings travel between processes. */
import type { Prefix } from '../../base/ip.js';
import type { TimeoutsConfig } from '../../config/types.js';
import type { Intent } from '../types.js';

/** `ok`: looked at and as it should be. `info`: worth knowing. `warning`: something will go wrong some day. `critical`: it does. */
export type Severity = 'ok' | 'info' | 'warning' | 'critical';

export interface Finding {
  readonly severity: Severity;
  /** One word: what it is about. */
  readonly topic: string;
  /** One sentence. */
  readonly text: string;
  /** One command or one sentence; '' when there is nothing to do. */
  readonly cure: string;
}

export interface HostInterface {
  readonly name: string;
  readonly up: boolean;
  readonly loopback: boolean;
  /** Without a hardware address of its own kind, as tunnels are. */
  readonly tunnel: boolean;
  readonly addresses: readonly Prefix[];
}

export interface IpvsFacts {
  /** The header of /proc/net/ip_vs, which is there while the module is loaded: `1.2.1`, and buckets of the connection table. */
  readonly loaded: { readonly version: string; readonly tableSize: number } | undefined;
  /** Modules of IPVS that this kernel's packages have (`ip_vs`, `ip_vs_wrr`); undefined: they could not be listed. */
  readonly modules: readonly string[] | undefined;
}

export interface HostFacts {
  /** `6.1.0-18-amd64` */
  readonly kernel: string;
  /** By path below /proc/sys (`net/ipv4/ip_forward`); what the kernel does not have is absent. */
  readonly sysctls: Readonly<Record<string, string>>;
  readonly interfaces: readonly HostInterface[];
  readonly ipvs: IpvsFacts;
  /** What `nft -j list ruleset` printed, parsed; undefined when it could not be read. */
  readonly nft: unknown;
  /** Tables of the old iptables that are in use: `iptables filter`, `ip6tables nat`. */
  readonly legacyTables: readonly string[];
  /** Facts that could not be read, as findings. */
  readonly unread: readonly Finding[];
}

/** What the file, and in the running daemon the overrides, want. */
export type Wanted = Pick<Intent, 'services' | 'instances' | 'director'>;

/** One sysctl below net.ipv4.vs, as its keeper in the check process sees it. */
export interface SettingStatus {
  /** `conn_reuse_mode` */
  readonly name: string;
  readonly wanted: string;
  /** Null: this kernel has no such setting, or it cannot be read. */
  readonly found: string | null;
  readonly why: string;
  /** `ok`, `absent`, or why it is not as wanted. */
  readonly state: string;
}

/** The kernel's sync daemons. */
export interface SyncStatus {
  readonly interface: string;
  readonly id: number;
  readonly wanted: readonly string[];
  readonly running: readonly string[];
  readonly problem: string | null;
}

/** What the running daemon keeps in the kernel. */
export interface KernelStatus {
  readonly settings: readonly SettingStatus[];
  /** The kernel's idle timeouts in seconds, null while they cannot be read. */
  readonly timeouts: { readonly found: TimeoutsConfig | null; readonly problem: string | null };
  readonly sync: SyncStatus | null;
}
