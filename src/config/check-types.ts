/** Checks as configured. Durations are milliseconds; an optional setting that is absent is left to the checker's default. */
import type { Milliseconds } from '../base/duration.js';
import type { Ip } from '../base/ip.js';
import type { Passage } from './passage.js';

export interface CheckTiming {
  readonly interval: Milliseconds;
  /** Between probes while the verdict is down; absent: the interval. */
  readonly intervalDown?: Milliseconds | undefined;
  /** While results contradict the verdict, and until the first verdict; absent: the interval. */
  readonly intervalChanging?: Milliseconds | undefined;
  /** Every beat is moved by a random part of so many percent of the interval, to and fro; absent: 0. */
  readonly jitter?: number | undefined;
  /** Hard deadline of the whole probe. */
  readonly timeout: Milliseconds;
  /** Consecutive successes to come up, failures to go down. */
  readonly rise: number;
  readonly fall: number;
}

/** From where a probe leaves: another network namespace of this host, by its name in /run/netns or by a path. */
export interface ProbePlace {
  readonly netns?: string | undefined;
}

/** How a probe leaves this host and where it goes. */
export interface ProbeSocket extends ProbePlace {
  /** Of the real server where absent. */
  readonly port?: number | undefined;
  /** Where the probe goes instead of the real server's address. */
  readonly connect?: Ip | undefined;
  readonly source?: Ip | undefined;
  readonly interface?: string | undefined;
  /** SO_MARK of what is sent, for the host's routing rules. */
  readonly fwmark?: number | undefined;
  /** The probe goes to an address of the virtual server, by the real server's own forwarding. */
  readonly via?: 'vip' | undefined;
  /** Of the real server, with `via`; absent in what a service says before it is known of which. */
  readonly passage?: Passage | undefined;
  /** Of a probe that is led by a mark: which of this host's ports are its own (os/probe/lane.ts). */
  readonly lane?: number | undefined;
}

/** A header of the PROXY protocol before everything else; the server is told that it is not a client who connects. */
export interface ProbeStream extends ProbeSocket {
  readonly proxyProtocol?: 'v1' | 'v2' | undefined;
}

/** Bytes to send: as UTF-8 text, or in hexadecimal. */
export type Payload = { readonly text: string } | { readonly hex: string };

/** What an answer must contain; both where both are given. */
export interface Expectation {
  readonly expect?: string | undefined;
  /** Source of a regular expression of the kind that is matched in linear time. */
  readonly regex?: string | undefined;
}

export interface TlsSettings {
  /** False: any certificate will do. */
  readonly verify: boolean;
  /** PEM file of the authorities; absent: those of Node.js. */
  readonly ca?: string | undefined;
  /** PEM files of our own certificate and its key. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  /** Server name asked for and verified; absent: the Host header's name, or else the address. */
  readonly sni?: string | undefined;
  /** The result says so when the server's certificate expires within this time. */
  readonly warnBefore: Milliseconds;
}

export interface TcpProbe extends ProbeStream, Expectation {
  readonly type: 'tcp';
  readonly send?: Payload | undefined;
}

/** A SYN is answered by a SYN-ACK; no connection is made. */
export interface HalfOpenProbe extends ProbeSocket {
  readonly type: 'tcp_half_open';
}

interface HttpSettings extends ProbeStream {
  readonly path: string;
  readonly method?: string | undefined;
  /** Host header; undefined: the real server's address and port. */
  readonly host: string | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Accepted status codes, inclusive ranges. */
  readonly status: readonly (readonly [from: number, to: number])[];
  /** Text that the body must contain. */
  readonly body: string | undefined;
  readonly regex?: string | undefined;
  /** `md5:HEX` or `sha256:HEX` of the whole body. */
  readonly digest?: string | undefined;
  /** HTTP/2: chosen in the TLS handshake, or spoken at once where there is none; absent: HTTP/1.1. */
  readonly http2?: true | undefined;
}

export interface HttpProbe extends HttpSettings {
  readonly type: 'http';
}

export interface HttpsProbe extends HttpSettings {
  readonly type: 'https';
  readonly tls: TlsSettings;
}

/** grpc.health.v1.Health/Check. */
export interface GrpcProbe extends ProbeStream {
  readonly type: 'grpc';
  /** Name of the service that is asked for; empty: the server as a whole. */
  readonly service: string;
  /** :authority; undefined: the real server's address and port. */
  readonly host?: string | undefined;
  /** Absent: without TLS. */
  readonly tls?: TlsSettings | undefined;
}

export interface IcmpProbe extends ProbeSocket {
  readonly type: 'icmp';
}

export interface UdpProbe extends ProbeSocket, Expectation {
  readonly type: 'udp';
  readonly send: Payload;
  /** So long without an answer or an ICMP error is a success; absent: an answer is required. */
  readonly silence?: Milliseconds | undefined;
}

export interface DnsProbe extends ProbeSocket {
  readonly type: 'dns';
  readonly name: string;
  /** `A`, `AAAA`, `SOA`, … */
  readonly query: string;
  /** Text of a record that must be in the answer; absent: any answer without error. */
  readonly answer?: string | undefined;
}

export interface SmtpProbe extends ProbeStream {
  readonly type: 'smtp';
  readonly helo: string;
}

/** Of checks that may ask for a share of the weight. */
export interface ShareBounds {
  /** Percent of the weight, at least and at most, whatever is asked for; absent: 0 to 1000. */
  readonly share?: { readonly min: number; readonly max: number } | undefined;
}

export interface ScriptProbe extends ProbePlace, ShareBounds {
  readonly type: 'script';
  /** The exit status says the weight: 0 all of it, 2 to 255 so many percent of it less 2, 1 a failure. */
  readonly weight?: boolean | undefined;
  readonly port?: number | undefined;
  /** Program and arguments; no shell. */
  readonly command: readonly string[];
  readonly user: string;
}

/** A word in a file decides, in the language of the agent check. */
export interface FileProbe extends ShareBounds {
  readonly type: 'file';
  readonly file: string;
}

/** The agent check of HAProxy: a line of words from a port of the real server. */
export interface AgentProbe extends ProbeStream, ShareBounds {
  readonly type: 'agent';
  readonly send?: Payload | undefined;
}

export type ProbeConfig =
  | TcpProbe
  | HalfOpenProbe
  | HttpProbe
  | HttpsProbe
  | GrpcProbe
  | IcmpProbe
  | UdpProbe
  | DnsProbe
  | SmtpProbe
  | ScriptProbe
  | FileProbe
  | AgentProbe;
export type CheckConfig = ProbeConfig & CheckTiming;
