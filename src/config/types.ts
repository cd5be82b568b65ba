/** The configuration after parsing: every default filled in, every text turned into a value. Durations are milliseconds. */
import type { Announcements } from '../base/announcements.js';
import type { Milliseconds } from '../base/duration.js';
import type { Family, Ip, Prefix } from '../base/ip.js';
import type { ServiceId } from '../base/service-id.js';
import type { CheckConfig } from './check-types.js';
import type { HttpConfig, PeerConfig } from './control-types.js';
import type { Forward, MarkRange, Tunnel } from './passage.js';
import type { ConfigRecord } from './record.js';
import type { FileShape } from './schema.js';
import type { ScriptConfig, SyncGroupConfig, TrackedConfig } from './track-types.js';

export type OnFailure = 'remove' | 'quiesce';

export interface Config {
  readonly global: GlobalConfig;
  readonly virtualServers: readonly VirtualServerConfig[];
  readonly vrrpInstances: readonly VrrpInstanceConfig[];
  readonly syncGroups: readonly SyncGroupConfig[];
  readonly scripts: readonly ScriptConfig[];
  readonly kernel: KernelSettingsConfig;
  readonly connectionSync: ConnectionSyncConfig | undefined;
  readonly timeouts: TimeoutsConfig;
  readonly checking: CheckingConfig;
  /** `defaults:` as the file says it: of virtual servers that are added at run time. */
  readonly defaults: DefaultsConfig;
}

export type DefaultsConfig = FileShape['defaults'];

export interface GlobalConfig {
  readonly routerId: string;
  readonly stateDir: string;
  readonly socket: string;
  /** Group that may use the control socket; undefined: root only. */
  readonly group: string | undefined;
  /** Percent of the virtual servers, or of the instances, that one change may take away without being forced; 100: all. */
  readonly maxRemoved: number;
  readonly onStop: 'keep' | 'remove';
  /** VRRP instances stay in FAULT when services are configured and IPVS cannot be used. */
  readonly requireIpvs: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** Undefined: the API is on the control socket alone. */
  readonly http: HttpConfig | undefined;
  /** The other directors, as far as their API is known. */
  readonly peers: readonly PeerConfig[];
}

/** What concerns all checks together. */
export interface CheckingConfig {
  /** Firewall marks by which checks `via: vip` find their real server; nobody else may use them. */
  readonly probeMarks: MarkRange;
  /** Undefined: this director never suspects itself. */
  readonly suspicion: SuspicionConfig | undefined;
}

/** When most of what was up fails at once: pool/suspicion.ts. */
export interface SuspicionConfig {
  /** More than this part of the hosts, 0 to 1. */
  readonly share: number;
  /** And at least so many hosts. */
  readonly minTargets: number;
  /** For so long nobody is taken out; undefined: two intervals, at most 10 s. */
  readonly hold: Milliseconds | undefined;
  /** Hosts that are asked by ICMP: when one answers, it is not the director. */
  readonly references: readonly Ip[];
  /** VRRP instances fall to priority 1 meanwhile, and until the servers answer again where they never did. */
  readonly yields: boolean;
}

/** `kernel_settings:`, the sysctls below net.ipv4.vs. */
export interface KernelSettingsConfig {
  /** False: lbd chooses none, and sets only what the file says. */
  readonly manage: boolean;
  /** On an ordered stop put back what was there before. */
  readonly restore: boolean;
  /** By the sysctl's name, as text (`1`, `3 50`); `keep` leaves one alone. */
  readonly values: Readonly<Record<string, string>>;
}

/** `connection_sync:`, the kernel's sync daemons. */
export interface ConnectionSyncConfig {
  readonly interface: string;
  /** The VRRP instance whose master sends; undefined: both daemons always. */
  readonly follow: string | undefined;
  /** 0..255; 0 as a receiver accepts every id. */
  readonly id: number;
  readonly group: Ip | undefined;
  readonly port: number | undefined;
  readonly ttl: number | undefined;
  /** Bytes of a datagram. */
  readonly maxlen: number | undefined;
}

/** `timeouts:`, idle time of connections in seconds; 0 leaves the kernel's. */
export interface TimeoutsConfig {
  readonly tcp: number;
  readonly tcpFin: number;
  readonly udp: number;
}

export interface Persistence {
  /** Seconds. */
  readonly timeout: number;
  /** Prefix length that groups clients. */
  readonly prefix: number;
  readonly engine: '' | 'sip';
}

export type SchedulerFlag = 'sh-port' | 'sh-fallback' | 'mh-port' | 'mh-fallback';

/** `min_healthy` or `max_ejected`: what checks may not do to the pool, see pool/floor.ts. */
export interface FloorConfig {
  readonly of: 'min_healthy' | 'max_ejected';
  readonly amount: number;
  readonly unit: 'servers' | 'percent';
  /** What happens then; `keep_last` for max_ejected. */
  readonly below: 'keep_last' | 'all' | 'sorry' | 'withdraw';
}

/** Flap damping, see pool/damping.ts. */
export interface DampingConfig {
  /** In this time a penalty decays by half. */
  readonly halfLife: Milliseconds;
  /** At this penalty a server is held out; each change from up to down counts 1. */
  readonly suppress: number;
  /** Down to this it must decay before the server is used again; below `suppress`. */
  readonly reuse: number;
}

/** What a real server inherits of its virtual server, or says itself. */
export interface ServerPolicy {
  /** How many of its checks must pass; absent: all. */
  readonly needed?: number | undefined;
  /** So long its weight grows after it came up, is new, or drains no more; absent: it has its whole weight at once. */
  readonly slowStart?: Milliseconds | undefined;
}

/** What a virtual server is beside its name and its servers. */
export interface ServiceSettings extends ServerPolicy {
  /** Every one a service in the kernel; all of one family. Not empty. */
  readonly ids: readonly ServiceId[];
  readonly scheduler: string;
  readonly schedulerFlags: readonly SchedulerFlag[];
  readonly persistence: Persistence | undefined;
  /** Every UDP datagram is scheduled by itself. */
  readonly onePacket: boolean;
  readonly forward: Forward;
  /** Of real servers that are added at run time. */
  readonly tunnel: Tunnel;
  /** Largest MSS let through to real servers behind a tunnel; undefined: as the client says. */
  readonly mss: 'auto' | number | undefined;
  /** nat: real servers see the director's address, and answer it whatever their default route is. */
  readonly snat: boolean;
  /** `always`: in the kernel at all times; a VRRP instance's name: while it is master; `auto`: that when this host is a real server. */
  readonly follow: string;
  readonly onFailure: OnFailure;
  /** The least weight of real servers that are up with which the service counts as served; at least 1. */
  readonly quorum: number;
  /** A lost quorum is met again at so much more, and a met one lost at so much less; below the quorum. */
  readonly hysteresis: number;
  /** Serves while the quorum is lost. It is never checked. */
  readonly sorry: RealServerConfig | undefined;
  /** Absent: checks may take out everybody. */
  readonly floor?: FloorConfig | undefined;
  /** Absent: a server is in whenever its checks say so. */
  readonly damping?: DampingConfig | undefined;
}

export interface VirtualServerConfig extends ServiceSettings {
  readonly name: string;
  /** Checks that a real server added at run time gets (the service's own, after defaults). */
  readonly checks: readonly CheckConfig[];
  readonly realServers: readonly RealServerConfig[];
}

export interface RealServerConfig extends ServerPolicy {
  readonly address: Ip;
  /** Where it is checked, and with nat where packets go. 0: the port that the client named (a fwmark service, or one of every port). */
  readonly port: number;
  /** 0..65535. */
  readonly weight: number;
  readonly forward: Forward;
  readonly tunnel: Tunnel;
  /** Connection thresholds; 0 none. */
  readonly upper: number;
  readonly lower: number;
  readonly checks: readonly CheckConfig[];
  /** 1 to 8: a backup, that takes traffic when those of the tiers before it are too few; absent: 0. */
  readonly tier?: number | undefined;
}

export type * from './check-types.js';
export type { Forward, MarkRange, Passage, Tunnel } from './passage.js';
export type { ScriptConfig, SyncGroupConfig, TrackedConfig } from './track-types.js';

/** An address that a master holds. */
export interface HeldAddress extends Prefix {
  /** The interface that has it; absent: the instance's. */
  readonly dev?: string;
  /** IPv4: what `ip` and old tools show it as, at most 15 bytes (IFA_LABEL). */
  readonly label?: string;
  /** Absent: global, link for a link-local one (rt_scope_t of linux/rtnetlink.h). */
  readonly scope?: AddressScope;
  /** False: held as the others, and not named in adverts. */
  readonly advertised?: false;
}

/** A route that a master has; the kernel tells routes apart by destination, table and metric. */
export interface VirtualRoute {
  readonly to: Prefix;
  readonly via?: Ip;
  readonly dev?: string;
  /** The source that the host's own packets take (RTA_PREFSRC). */
  readonly source?: Ip;
  /** 1..2^32-1; 254 is the main one. */
  readonly table: number;
  readonly metric?: number;
  readonly mtu?: number;
}

/** A rule that a master has: which packets look into which table. */
export interface VirtualRule {
  readonly family: Family;
  /** 1..32765. */
  readonly priority: number;
  readonly table: number;
  readonly from?: Prefix;
  readonly to?: Prefix;
  readonly iif?: string;
  readonly oif?: string;
  readonly fwmark?: number;
}

export interface UnicastConfig {
  /** An address of the interface; absent: as without unicast, of the family of the peers' addresses. */
  readonly source?: Ip;
  /** TTL or hop limit of what is sent, 1..255; absent: 255. */
  readonly ttl?: number;
  readonly peers: readonly UnicastPeer[];
}

export interface UnicastPeer {
  readonly address: Ip;
  /** TTL or hop limit of its adverts on arrival, 1..255: less than 255 is behind routers. */
  readonly minTtl: number;
  readonly maxTtl: number;
}

export type HookState = 'master' | 'backup' | 'fault' | 'stopped';

/** A program that is told of an instance's state. */
export interface NotifyConfig {
  /** An absolute path and its words; `{name}`, `{state}`, `{STATE}`, `{priority}` are filled in. */
  readonly command: readonly string[];
  /** Absent: all. */
  readonly states?: readonly HookState[];
  readonly timeout: Milliseconds;
  readonly user: string;
}

export type AddressScope = 'global' | 'site' | 'link' | 'host';

/** Signed adverts (vrrp/signing.ts). The keys themselves are no part of the configuration. */
export interface SigningConfig {
  /** 1..255, each once. The file holds the key. */
  readonly keys: readonly { readonly id: number; readonly file: string }[];
  /** Own adverts are signed with this one; others' are taken with any. */
  readonly activeKey: number;
  /** `receive_only`: own adverts are not signed. Only `enforce` refuses what is not signed. */
  readonly mode: 'receive_only' | 'permissive' | 'enforce';
  /** `monotonic`: each sender's numbers grow. `time`: and are near this director's clock. */
  readonly antiReplay: 'time' | 'monotonic';
  /** Seconds, 1..300. */
  readonly window: number;
}

export interface VrrpInstanceConfig {
  readonly name: string;
  readonly interface: string;
  readonly family: Family;
  readonly vrid: number;
  readonly version: 2 | 3;
  /** 1..255; 255 is the address owner. */
  readonly priority: number;
  readonly advertInterval: Milliseconds;
  readonly preempt: boolean;
  /** Wait before preempting a live master of lower priority; 0 none. */
  readonly preemptDelay: Milliseconds;
  /** `able`: the wait runs from when this director can serve with its priority. Absent: from the lower master's first advert. */
  readonly delayFrom?: 'able' | undefined;
  /** The wait ends early when this director has that part of the lower master's connections, 0 to 1. Absent: it does not. */
  readonly syncedShare?: number | undefined;
  readonly v3Checksum: 'pseudo' | 'rfc9568';
  /** In the order sent; for IPv6 the first is link-local (derived from the VRID where none was given). */
  readonly addresses: readonly HeldAddress[];
  /** Accept_Mode (RFC 9568 section 6.1); absent: true. */
  readonly accept?: false;
  /** Absent: as usual (base/announcements.ts). */
  readonly announcements?: Announcements;
  /** Adverts go to these hosts instead of the group; absent: to the group. */
  readonly unicast?: UnicastConfig;
  /** The interface with the virtual MAC, which has the addresses; absent: the instance's own has them. */
  readonly vmac?: { readonly name: string };
  /** Absent: nobody is told. */
  readonly notify?: readonly NotifyConfig[];
  /** Absent: none. */
  readonly routes?: readonly VirtualRoute[];
  readonly rules?: readonly VirtualRule[];
  /** What may lower or raise the priority, or put it into FAULT; absent: nothing but its interface. */
  readonly track?: readonly TrackedConfig[];
  /** One of these must answer before silence makes this director master; absent: none is asked. */
  readonly witness?: 'gateway' | readonly Ip[];
  /** Adverts are signed; absent: they are not. */
  readonly signing?: SigningConfig;
  /** VRRPv2 simple text password, at most 8 bytes; undefined: none. */
  readonly password: string | undefined;
}

/** One thing wrong with a configuration; positions count from 1. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The offending line of text. */
  readonly source: string;
}

export interface ParsedConfig {
  /** Undefined when there is any error. */
  readonly config: Config | undefined;
  readonly problems: readonly Problem[];
  /** For the next reading; absent when there is any error. */
  readonly record?: ConfigRecord | undefined;
  /** The texts that it came from, in the order in which they were read; absent: those of the reading before, or there is an error. */
  readonly sources?: readonly SourceText[] | undefined;
}

export interface SourceText {
  /** Its path. */
  readonly file: string;
  readonly text: string;
}
