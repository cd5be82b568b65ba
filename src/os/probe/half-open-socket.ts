/**
 * One raw TCP socket for all half-open probes of the process that are of one family and leave this host in one way. A port of this
 * host is held by a TCP socket that neither listens nor connects, so nobody else gets it, and the kernel answers a SYN-ACK to it
 * with a RST: that ends at the server what the probe has begun. What IPVS forwards never comes here (it takes packets before a raw socket
 * would see them); of what this host itself receives, the filter lets the answers to that port through. Opened for the first probe,
 * closed when none has been under way for a while.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { equalBytes } from '../../base/bytes.js';
import { type Family, formatEndpoint, type Ip, ipBytes, ipFromBytes } from '../../base/ip.js';
import type { ProbeSocket } from '../../config/types.js';
import { encodeIpv4 } from '../../wire/ipv4.js';
import {
  IPPROTO_TCP,
  readQuotedSegment,
  readSegment,
  type Segment,
  synTemplate,
  TCP_ACK,
  TCP_CHECKSUM_AT,
  TCP_RST,
  TCP_SYN,
  writeSequence,
} from '../../wire/tcp.js';
import { native } from '../native.js';
import { inNetns, netnsIdentity } from '../netns.js';
import { portFilter } from '../packet-filter.js';
import { closeWatched, READABLE, watch } from '../poller.js';
import { AF_INET, AF_INET6, inetAddress, intValue, readInetAddress, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM } from '../sockaddr.js';
import { createMeta, queuedFailure, queueErrors, receiveError, widenBuffer } from './error-queue.js';
import type { Outcome } from './outcome.js';
import { type Failure, remote, sendFailure } from './reasons.js';
import { openSocket, prepareSocket, wayOf } from './socket.js';
import type { Target } from './types.js';

/** A server as seen from here: what of its probes is the same each time. */
export interface Route {
  readonly target: Target;
  /** Address in network order, and port. */
  readonly address: Uint8Array;
  readonly port: number;
  readonly sockaddr: Uint8Array;
  /** The SYN, over IPv4 with its IP header, but for sequence number and checksum. */
  readonly packet: Uint8Array;
  /** Where the TCP header begins. */
  readonly at: number;
  readonly sum: number;
  /** Keyed hash of the server: our sequence numbers to it are this one less multiples of STEP. */
  readonly base: number;
}

/** A SYN without an answer yet. */
export interface Waiter {
  readonly route: Route;
  readonly sequence: number;
  readonly outcome: Outcome;
  /** The server has answered: its route is right. */
  answered: boolean;
}

const answerTo = (sequence: number): number => (sequence + 1) >>> 0;

export interface HalfOpenSocket {
  /** What the probes that share it have in common. */
  readonly key: string;
  readonly family: Family;
  readonly fd: number;
  /** Holds the port. */
  readonly holder: number;
  readonly port: number;
  /** A UDP socket that is asked which source address the kernel would take, and whether there is a way; undefined: `source` is given. */
  readonly chooser: number | undefined;
  readonly source: Ip | undefined;
  /** Bound to an interface, which may go, and come back as another one under its name. */
  readonly bound: boolean;
  /** BOUNDED by the servers probed since `routedAt`. */
  readonly routes: Map<Target, Route>;
  routedAt: number;
  /** By the acknowledgement number that an answer has. BOUNDED by the probes under way. */
  readonly waiting: Map<number, Waiter>;
  probes: number;
  idle: NodeJS.Timeout | undefined;
  closed: boolean;
}

/** Long enough that checks every second or two keep the socket. */
const IDLE_MS = 3000;
/** Source addresses are asked for anew after this time, and after whatever was no success: the host's addresses may have changed. */
const ROUTE_MS = 10_000;
const SOL_IP = 0;
const IP_HDRINCL = 3;
const SOL_IPV6 = 41;
const IPV6_CHECKSUM = 7;
const POLLERR = 8;
const EAGAIN = -11;
/** Segments taken in one turn of the loop. */
const BATCH = 256;
const IP4_HEADER = 20;
const TTL = 64;
/** In a sockaddr_in6. */
const IP6_AT = 8;
const IP4_SOURCE_AT = 12;
/** A connected UDP socket forgets its source address when it is connected to this: AF_UNSPEC. */
const NOWHERE = new Uint8Array(16);
/**
 * From one sequence number to the next, downwards: a server that still has an earlier SYN of ours must not find the new one in its
 * window (65,535 bytes from there on), or it would answer with a RST as if nobody listened (RFC 9293 section 3.10.7.4).
 */
const STEP = 0x1_0000;

/** Nobody who does not see our packets can forge an answer to them. */
const secret = randomBytes(32);
/** BOUNDED by the ways in which the configuration lets probes leave. */
const open = new Map<string, HalfOpenSocket>();
const buffer = new Uint8Array(2048);
const meta = createMeta();

const anyOf = (family: Family): Ip => (family === 4 ? '0.0.0.0' : '::');
/** Where a packet says whose it is. */
interface Sender {
  readonly bytes: Uint8Array;
  readonly at: number;
}
const SENDER4: Sender = { bytes: buffer, at: IP4_SOURCE_AT };
const SENDER6: Sender = { bytes: meta.address, at: IP6_AT };

function isFrom({ bytes, at }: Sender, address: Uint8Array): boolean {
  for (let i = 0; i < address.length; i++) if (bytes[at + i] !== address[i]) return false;
  return true;
}

const domainOf = (family: Family): number => (family === 4 ? AF_INET : AF_INET6);

/** Closed one after the other when a later one cannot be had. */
function opening<T>(body: (opened: (fd: number) => number) => T): T {
  const fds: number[] = [];
  try {
    return body((fd) => {
      fds.push(fd);
      return fd;
    });
  } catch (error) {
    for (const fd of fds) native.close(fd);
    throw error;
  }
}

function openAll(key: string, family: Family, settings: ProbeSocket): HalfOpenSocket {
  return opening((opened) => {
    const holder = opened(native.socket(domainOf(family), SOCK_STREAM, 0));
    native.bind(holder, inetAddress(anyOf(family), 0));
    const port = readInetAddress(native.getsockname(holder))?.port as number;
    const fd = opened(native.socket(domainOf(family), SOCK_RAW, IPPROTO_TCP));
    native.attachFilter(fd, portFilter(family, port));
    prepareSocket(fd, SOCK_RAW, settings);
    if (family === 4) native.setsockopt(fd, SOL_IP, IP_HDRINCL, intValue(1));
    else native.setsockopt(fd, SOL_IPV6, IPV6_CHECKSUM, intValue(TCP_CHECKSUM_AT));
    queueErrors(fd, family);
    widenBuffer(fd);
    const { source } = settings;
    const chooser = source === undefined ? opened(openSocket(anyOf(family), SOCK_DGRAM, settings)) : undefined;
    return {
      ...{ key, family, fd, holder, port, chooser, source, bound: settings.interface !== undefined },
      ...{ routes: new Map(), routedAt: 0, waiting: new Map(), probes: 0, idle: undefined, closed: false },
    };
  });
}

/** The socket for such probes, opened if need be. Throws OsError where this host gives none. */
export function halfOpenSocket(family: Family, settings: ProbeSocket): HalfOpenSocket {
  // A namespace that was made anew under its name is another one; the socket of the old one ends idle.
  const key = `${family} ${wayOf(settings)} ${netnsIdentity(settings.netns)}`;
  const known = open.get(key);
  if (known) {
    clearTimeout(known.idle);
    known.idle = undefined;
    return known;
  }
  const socket = inNetns(settings.netns, () => openAll(key, family, settings));
  open.set(key, socket);
  watch(socket.fd, READABLE, (events) => receive(socket, events));
  return socket;
}

/** The next probe gets another socket. */
function forget(socket: HalfOpenSocket): void {
  if (open.get(socket.key) === socket) open.delete(socket.key);
}

/** The host lets nothing out: where that may be the interface's end, the next probe asks for what has its name by then. */
export function refused(socket: HalfOpenSocket, errno: number): Failure {
  if (socket.bound) forget(socket);
  return sendFailure(errno);
}

function closeSocket(socket: HalfOpenSocket): void {
  if (socket.closed) return;
  clearTimeout(socket.idle);
  forget(socket);
  socket.closed = true;
  closeWatched(socket.fd);
  native.close(socket.holder);
  if (socket.chooser !== undefined) native.close(socket.chooser);
}

/** Closes the sockets that no probe waits on, without the usual delay. */
export function closeIdleHalfOpen(): void {
  for (const socket of [...open.values()]) if (socket.waiting.size === 0) closeSocket(socket);
}

/** The source address that the kernel would take to there, or a negative errno: there is no way. */
function chooseSource(chooser: number, sockaddr: Uint8Array): Ip | number {
  native.connect(chooser, NOWHERE);
  const answer = native.connect(chooser, sockaddr);
  if (answer !== 0) return answer;
  return readInetAddress(native.getsockname(chooser))?.address as Ip;
}

function hash(socket: HalfOpenSocket, address: Ip, port: number): number {
  const text = `${formatEndpoint(address, port)} ${socket.port}`;
  return createHmac('sha256', secret).update(text).digest().readUInt32BE();
}

function makeRoute(socket: HalfOpenSocket, target: Target): Route | number {
  const { address, port } = target;
  const sockaddr = inetAddress(address, port);
  const source = socket.chooser === undefined ? (socket.source as Ip) : chooseSource(socket.chooser, sockaddr);
  if (typeof source === 'number') return source;
  const template = synTemplate({ source, destination: address, sourcePort: socket.port, destinationPort: port });
  const ip = { tos: 0, id: 0, ttl: TTL, protocol: IPPROTO_TCP, source, destination: address, payload: template.bytes };
  const four = socket.family === 4;
  return {
    target,
    address: ipBytes(address),
    port,
    sockaddr: inetAddress(address, 0),
    packet: four ? encodeIpv4(ip) : template.bytes,
    at: four ? IP4_HEADER : 0,
    sum: template.sum,
    base: hash(socket, address, port),
  };
}

/** How the server is reached, or a negative errno. */
export function routeTo(socket: HalfOpenSocket, target: Target, now: number): Route | number {
  if (now - socket.routedAt > ROUTE_MS) {
    socket.routes.clear();
    socket.routedAt = now;
  }
  const known = socket.routes.get(target);
  if (known) return known;
  const route = makeRoute(socket, target);
  if (typeof route !== 'number') socket.routes.set(target, route);
  return route;
}

/** A new sequence number, whose answer is the result. */
export function enter(socket: HalfOpenSocket, route: Route, outcome: Outcome): Waiter {
  let sequence: number;
  do sequence = (route.base - Math.imul(++socket.probes, STEP)) >>> 0;
  while (socket.waiting.has(answerTo(sequence)));
  const waiter: Waiter = { route, sequence, outcome, answered: false };
  socket.waiting.set(answerTo(sequence), waiter);
  return waiter;
}

/** Lets the socket go when nobody comes for a while, or can come any more. */
export function rest(socket: HalfOpenSocket): void {
  if (socket.waiting.size > 0) return;
  if (open.get(socket.key) !== socket) closeSocket(socket);
  else socket.idle ??= setTimeout(closeSocket, IDLE_MS, socket);
}

export function leave(socket: HalfOpenSocket, { route, sequence, answered }: Waiter): void {
  socket.waiting.delete(answerTo(sequence));
  if (!answered) socket.routes.delete(route.target);
  rest(socket);
}

/**
 * A server that answers our SYN with the acknowledgement of an earlier one has that half open still: it listens, and what it lacks
 * is our kernel's RST.
 */
function onOldAnswer(socket: HalfOpenSocket, { bytes, at }: Sender, segment: Segment): void {
  const sender = bytes.slice(at, at + (socket.family === 4 ? 4 : 16));
  const base = hash(socket, ipFromBytes(sender), segment.sourcePort);
  if (((segment.acknowledgement - 1 - base) & (STEP - 1)) !== 0) return;
  for (const waiter of socket.waiting.values()) {
    if (waiter.route.port !== segment.sourcePort || !equalBytes(waiter.route.address, sender)) continue;
    waiter.answered = true;
    waiter.outcome.succeed('ACK of an earlier SYN: the RST of this director does not reach the server');
  }
}

function onSegment(socket: HalfOpenSocket, sender: Sender, segment: Segment | undefined): void {
  if (!segment || segment.destinationPort !== socket.port || (segment.flags & TCP_ACK) === 0) return;
  const kind = segment.flags & (TCP_SYN | TCP_RST);
  const waiter = socket.waiting.get(segment.acknowledgement);
  if (waiter && waiter.route.port === segment.sourcePort && isFrom(sender, waiter.route.address)) {
    waiter.answered = true;
    if (kind === TCP_SYN) waiter.outcome.succeed('SYN-ACK');
    else if (kind === TCP_RST) waiter.outcome.fail(remote('connection refused'));
  } else if (kind === 0) onOldAnswer(socket, sender, segment);
}

/** Errors about our SYNs wait in a queue, each with the SYN; those about other connections of this host are among them. */
export function drainErrors(socket: HalfOpenSocket): void {
  for (let i = 0; i < BATCH && !socket.closed; i++) {
    const count = receiveError(socket.fd, buffer, meta);
    if (count < 0) return;
    const segment = readQuotedSegment(buffer.subarray(socket.family === 4 ? IP4_HEADER : 0, count));
    const waiter = segment && socket.waiting.get(answerTo(segment.sequence));
    const failure = queuedFailure(socket.family, meta);
    const about = readInetAddress(meta.address.subarray(0, meta.addressLength))?.address;
    if (!waiter || !failure || segment.sourcePort !== socket.port || segment.destinationPort !== waiter.route.port) continue;
    if (about !== undefined && equalBytes(ipBytes(about), waiter.route.address)) waiter.outcome.fail(failure);
  }
}

function receive(socket: HalfOpenSocket, events: number): void {
  if (events & POLLERR) drainErrors(socket);
  const four = socket.family === 4;
  for (let i = 0; i < BATCH && !socket.closed; i++) {
    const count = native.recv(socket.fd, buffer, 0, four ? undefined : meta);
    if (count === EAGAIN) return;
    // Another errno is the pending error of a queued one: told already, cleared by this read.
    if (count < 0) continue;
    if (four) onSegment(socket, SENDER4, readSegment(buffer, ((buffer[0] as number) & 15) * 4, count));
    else onSegment(socket, SENDER6, readSegment(buffer, 0, count));
  }
}

/** Sends the SYN; what the host says against it is the result. */
export function send(socket: HalfOpenSocket, { route, sequence, outcome }: Waiter): void {
  const { packet, at, sum, sockaddr } = route;
  writeSequence(packet, at, sum, sequence);
  let count = native.send(socket.fd, packet, 0, sockaddr);
  if (count < 0) {
    // It may be the pending error of an earlier SYN to somebody else.
    drainErrors(socket);
    count = native.send(socket.fd, packet, 0, sockaddr);
  }
  if (count < 0) outcome.fail(refused(socket, -count));
}
