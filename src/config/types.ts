/** The configuration after parsing: every default filled in, every text turned into a value. Durations are milliseconds. */
import type { Milliseconds } from '../base/duration.js';
import type { Family, Ip, Prefix } from '../base/ip.js';

export type Protocol = 'tcp' | 'udp';
export type Forward = 'nat' | 'dr' | 'tun';
export type OnFailure = 'remove' | 'quiesce';

export interface Config {
  readonly global: GlobalConfig;
  readonly virtualServers: readonly VirtualServerConfig[];
  readonly vrrpInstances: readonly VrrpInstanceConfig[];
}

export interface GlobalConfig {
  readonly routerId: string;
  readonly stateDir: string;
  readonly socket: string;
  /** Group that may use the control socket; undefined: root only. */
  readonly group: string | undefined;
  readonly onStop: 'keep' | 'remove';
  /** VRRP instances stay in FAULT when services are configured and IPVS cannot be used. */
  readonly requireIpvs: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

export interface VirtualServerConfig {
  readonly name: string;
  readonly protocol: Protocol;
  readonly address: Ip;
  readonly port: number;
  readonly scheduler: string;
  readonly forward: Forward;
  readonly onFailure: OnFailure;
  /** Checks that a real server added at run time gets (the service's own, after defaults). */
  readonly checks: readonly CheckConfig[];
  readonly realServers: readonly RealServerConfig[];
}

export interface RealServerConfig {
  readonly address: Ip;
  readonly port: number;
  /** 0..65535. */
  readonly weight: number;
  readonly forward: Forward;
  /** Connection thresholds; 0 none. */
  readonly upper: number;
  readonly lower: number;
  readonly checks: readonly CheckConfig[];
}

export interface CheckTiming {
  readonly interval: Milliseconds;
  /** Hard deadline of the whole probe. */
  readonly timeout: Milliseconds;
  /** Consecutive successes to come up, failures to go down. */
  readonly rise: number;
  readonly fall: number;
}

export interface TcpProbe {
  readonly type: 'tcp';
  /** Undefined: the real server's. */
  readonly port: number | undefined;
}

export interface HttpProbe {
  readonly type: 'http';
  readonly port: number | undefined;
  readonly path: string;
  /** Host header; undefined: the real server's address and port. */
  readonly host: string | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Accepted status codes, inclusive ranges. */
  readonly status: readonly (readonly [from: number, to: number])[];
  /** Text that the body must contain. */
  readonly body: string | undefined;
}

export interface IcmpProbe {
  readonly type: 'icmp';
}

export type ProbeConfig = TcpProbe | HttpProbe | IcmpProbe;
export type CheckConfig = ProbeConfig & CheckTiming;

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
  readonly v3Checksum: 'pseudo' | 'rfc9568';
  /** In the order sent; for IPv6 the first is link-local (derived from the VRID where none was given). */
  readonly addresses: readonly Prefix[];
  /** VRRPv2 simple text password, at most 8 bytes; undefined: no authentication. */
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
}
