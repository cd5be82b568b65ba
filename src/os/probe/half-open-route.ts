/**
 * A server as half-open probes see it: what is the same of all SYNs to it, made once, and the probe that is under way. The source address
 * is the kernel's choice, asked for anew after a while, and after whatever was no success: the host's addresses may have changed.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { type Family, formatEndpoint, type Ip } from '../../base/ip.js';
import { type Instant, NEVER } from '../../base/time.js';
import type { HalfOpenProbe } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import { encodeIpv4 } from '../../wire/ipv4.js';
import { IPPROTO_TCP, synTemplate } from '../../wire/tcp.js';
import { now } from '../clock.js';
import { native } from '../native.js';
import { inetAddress, readInetAddress } from '../sockaddr.js';
import type { Records } from './half-open-records.js';
import type { Failure } from './reasons.js';
import { sockaddrOf } from './socket.js';
import type { Kept, Probe, Target } from './types.js';

/** Of what the probes of one socket leave with. */
export interface Departure {
  readonly family: Family;
  readonly port: number;
  /** A UDP socket that is asked which source address the kernel would take, and whether there is a way; undefined: `source` is given. */
  readonly chooser: number | undefined;
  readonly source: Ip | undefined;
  readonly records: Records;
  /** New probes may leave through it. */
  readonly current: boolean;
  /** There is this route from now on, and no more. */
  enlist(route: Route): void;
  dismiss(route: Route): void;
  /** The probe of that route is over. */
  ended(route: Route): void;
}

/** A source address is believed so long, in seconds: as long as there are answers it is right, so that this is for a better one. */
const ROUTE_SECONDS = 60;
/**
 * From one sequence number to the next, downwards: a server that still has an earlier SYN of ours must not find the new one in its
 * window (65,535 bytes from there on), or it would answer with a RST as if nobody listened (RFC 9293 section 3.10.7.4).
 */
export const STEP = 0x1_0000;
const TTL = 64;
/** For 0 the kernel would look for one, and a packet that is smaller than any link's least needs none (RFC 6864). */
const IP_ID = 1;

/** A connected UDP socket forgets its source address when it is connected to this: AF_UNSPEC. */
const NOWHERE = new Uint8Array(16);
/** Nobody who does not see our packets can forge an answer to them. */
const secret = randomBytes(32);

/** The source address that the kernel would take to there, or a negative errno: there is no way. */
function chooseSource({ chooser, source }: Departure, target: Target): Ip | number {
  if (chooser === undefined) return source as Ip;
  native.connect(chooser, NOWHERE);
  const answer = native.connect(chooser, sockaddrOf(target));
  if (answer !== 0) return answer;
  return readInetAddress(native.getsockname(chooser))?.address as Ip;
}

/** See Route.base. */
function baseOf({ port: from }: Departure, address: Ip, port: number): number {
  return createHmac('sha256', secret)
    .update(`${formatEndpoint(address, port)} ${from}`)
    .digest()
    .readInt32BE();
}

const seconds = (at: Instant): number => Math.floor(at / 1000);

/** One object a server, whose probes come one after the other: with one for each, thousands would be made every second. */
export class Route<S extends Departure = Departure> implements Probe, Kept {
  readonly socket: S;
  readonly probe: HalfOpenProbe;
  readonly address: Ip;
  readonly port: number;
  /** Of its SYN among the socket's records: all of it but sequence number and checksum. */
  readonly place: number;
  /** Keyed hash of the server, 32 bits with a sign: our sequence numbers to it are this one less multiples of STEP. */
  readonly base: number;
  /** Of the SYN's words but those of the sequence number. */
  sum = 0;
  /** Among those that leave at the end of this turn of the loop. */
  leaving = false;
  /** 32 bits with a sign; of the probe under way, or the one before. */
  sequence = 0;
  /** NEVER: not yet. */
  sentAt: Instant = NEVER;
  /** A probe is under way. */
  running = false;
  private source: Ip | undefined = undefined;
  /** In whole seconds, as below. */
  private askedAt = 0;
  /** The source address has to be asked for before the next probe. */
  private stale = true;
  private dropped = false;
  private done: (result: ProbeResult) => void = () => {};

  constructor(socket: S, probe: HalfOpenProbe, { address, port }: Target) {
    this.socket = socket;
    this.probe = probe;
    this.address = address;
    this.port = port;
    this.place = socket.records.take();
    this.base = baseOf(socket, address, port);
    socket.enlist(this);
  }

  /** The next probe, with these settings, needs no more than to begin. A namespace may be made anew under its name: it is looked up each time. */
  holds(probe: HalfOpenProbe): boolean {
    return this.probe === probe && this.socket.current && !this.stale && !this.running && probe.netns === undefined;
  }

  /** Looks how the server is reached now; a negative errno when it is not. */
  ask(target: Target): number {
    const source = chooseSource(this.socket, target);
    if (typeof source === 'number') return source;
    if (source !== this.source) this.write(source);
    this.askedAt = seconds(now());
    this.stale = false;
    return 0;
  }

  begin(sequence: number, done: (result: ProbeResult) => void): void {
    this.sequence = sequence;
    this.sentAt = NEVER;
    this.running = true;
    this.done = done;
  }

  sent(at: Instant): void {
    this.sentAt = at;
    if (seconds(at) - this.askedAt > ROUTE_SECONDS) this.stale = true;
  }

  /** The server has answered: its route is right. */
  succeed(reason: string): void {
    this.end(true, true, false, reason);
  }

  refuse(reason: string): void {
    this.end(true, false, false, reason);
  }

  fail(failure: Failure): void {
    this.end(false, false, failure.local, failure.reason);
  }

  cancel(): void {
    if (this.running) this.leave(false);
  }

  drop(): void {
    this.cancel();
    if (this.dropped) return;
    this.dropped = true;
    this.socket.dismiss(this);
    this.socket.records.give(this.place);
  }

  private write(source: Ip): void {
    this.source = source;
    const { address: destination, port: destinationPort } = this;
    const { family, port: sourcePort, records } = this.socket;
    const { bytes, sum } = synTemplate({ source, destination, sourcePort, destinationPort });
    const ip = { tos: 0, id: IP_ID, ttl: TTL, protocol: IPPROTO_TCP, source, destination, payload: bytes };
    records.write(this.place, [inetAddress(destination, 0), family === 4 ? encodeIpv4(ip) : bytes]);
    this.sum = sum;
  }

  private leave(answered: boolean): void {
    this.running = false;
    if (!answered) this.stale = true;
    this.socket.ended(this);
  }

  private end(answered: boolean, ok: boolean, local: boolean, reason: string): void {
    if (!this.running) return;
    this.leave(answered);
    this.done({ ok, local, reason, duration: Math.max(0, now() - this.sentAt), share: undefined });
  }
}
