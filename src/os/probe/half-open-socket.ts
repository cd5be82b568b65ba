/**
 * One raw TCP socket for all half-open probes of the process that are of one family and leave this host in one way. A port of this
 * host is held by a TCP socket that neither listens nor connects, so nobody else gets it, and the kernel answers a SYN-ACK to it
 * with a RST: that ends at the server what the probe has begun. What IPVS forwards never comes here (it takes packets before a raw socket
 * would see them); of what this host itself receives, the filter lets the answers to that port through. Probes that begin together leave in
 * one call, and answers that came together are taken in one. Opened for the first probe, closed when none has been under way for a while.
 */
import { equalBytes } from '../../base/bytes.js';
import { type Family, type Ip, ipBytes } from '../../base/ip.js';
import { type Instant, NEVER } from '../../base/time.js';
import type { ProbeSocket } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import {
  acknowledgementAt,
  destinationPortAt,
  flagsAt,
  IPPROTO_TCP,
  isSegment,
  readQuotedSegment,
  sourcePortAt,
  TCP_ACK,
  TCP_CHECKSUM_AT,
  TCP_RST,
  TCP_SYN,
  writeSequence,
} from '../../wire/tcp.js';
import { atOneTime, now } from '../clock.js';
import { native } from '../native.js';
import { inNetns, netnsIdentity } from '../netns.js';
import { portFilter } from '../packet-filter.js';
import { closeWatched, READABLE, watch } from '../poller.js';
import { AF_INET, AF_INET6, inetAddress, intValue, readInetAddress, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM } from '../sockaddr.js';
import { AnswerTable } from './answer-table.js';
import { createMeta, queuedFailure, queueErrors, receiveError, widenBuffers } from './error-queue.js';
import { LAYOUT, Records } from './half-open-records.js';
import { type Departure, type Route, STEP } from './half-open-route.js';
import { type Failure, sendFailure } from './reasons.js';
import { openSocket, prepareSocket, wayOf } from './socket.js';

/** The way to a server that such a socket has. */
export type HalfOpenRoute = Route<HalfOpenSocket>;

export interface HalfOpenSocket extends Departure {
  /** What the probes that share it have in common. */
  readonly key: string;
  readonly fd: number;
  /** Holds the port. */
  readonly holder: number;
  /** Bound to an interface, which may go, and come back as another one under its name. */
  readonly bound: boolean;
  /** By the acknowledgement number that an answer has. BOUNDED by the probes under way. */
  readonly waiting: AnswerTable<HalfOpenRoute>;
  /** All of its routes, by what their sequence numbers have in common. BOUNDED by the checks. */
  readonly byStep: Map<number, HalfOpenRoute[]>;
  /** Begun in this turn of the loop, at whose end they leave. */
  leaving: HalfOpenRoute[];
  probes: number;
  /** Looks now and then whether there were probes since it looked last. */
  readonly idle: NodeJS.Timeout;
  probesSeen: number;
  current: boolean;
  closed: boolean;
}

/** Without probes for so long, or twice that at most: checks every second or two keep the socket. */
const IDLE_MS = 3000;
const SOL_IP = 0;
const IP_HDRINCL = 3;
const SOL_IPV6 = 41;
const IPV6_CHECKSUM = 7;
const POLLERR = 8;
/** Segments in one call. */
const BATCH = 256;
const IP4_HEADER = 20;
/** Where an answer has the server's address: in an IPv4 header, or a sockaddr_in6. */
const IP4_SOURCE_AT = 12;
const IP6_AT = LAYOUT[6].address;
/** Of an answer: a sockaddr_in6 or an IPv4 header, and a TCP header, both as long as they can be. */
const ANSWER = 160;

/** BOUNDED by the ways in which the configuration lets probes leave. */
const open = new Map<string, HalfOpenSocket>();
const buffer = new Uint8Array(2048);
const meta = createMeta();
const inbox = new Uint8Array(BATCH * ANSWER);
const lengths = new Int32Array(BATCH);
/** Of the records that leave. */
const places = new Int32Array(BATCH);

/** Of a sequence number what it has in common with all others of its route. */
const withinStep = (sequence: number): number => sequence & (STEP - 1);

/** The key of an answer to that; both are 32 bits with a sign. */
const answerTo = (sequence: number): number => (sequence + 1) | 0;

const anyOf = (family: Family): Ip => (family === 4 ? '0.0.0.0' : '::');

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

function openAll(
  key: string,
  family: Family,
  settings: ProbeSocket,
): Omit<HalfOpenSocket, 'idle' | 'enlist' | 'dismiss' | 'ended'> {
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
    widenBuffers(fd);
    const { source } = settings;
    const chooser = source === undefined ? opened(openSocket(anyOf(family), SOCK_DGRAM, settings)) : undefined;
    return {
      ...{ key, family, fd, holder, port, chooser, source, bound: settings.interface !== undefined },
      ...{ records: new Records(family), waiting: new AnswerTable<HalfOpenRoute>(), byStep: new Map(), leaving: [] },
      ...{ probes: 0, probesSeen: 0, current: true, closed: false },
    };
  });
}

/** The socket for such probes, opened if need be. Throws OsError where this host gives none. */
export function halfOpenSocket(family: Family, settings: ProbeSocket): HalfOpenSocket {
  // A namespace that was made anew under its name is another one; the socket of the old one ends idle.
  const key = `${family} ${wayOf(settings)} ${netnsIdentity(settings.netns)}`;
  const known = open.get(key);
  if (known) return known;
  const opened = inNetns(settings.netns, () => openAll(key, family, settings));
  const socket: HalfOpenSocket = Object.assign(opened, {
    idle: setInterval(() => closeUnused(socket), IDLE_MS),
    enlist(route: HalfOpenRoute) {
      const known = socket.byStep.get(withinStep(route.base));
      if (known) known.push(route);
      else socket.byStep.set(withinStep(route.base), [route]);
    },
    dismiss(route: HalfOpenRoute) {
      const others = socket.byStep.get(withinStep(route.base))?.filter((one) => one !== route) ?? [];
      if (others.length > 0) socket.byStep.set(withinStep(route.base), others);
      else socket.byStep.delete(withinStep(route.base));
    },
    ended({ sequence }: Route) {
      socket.waiting.delete(answerTo(sequence));
      rest(socket);
    },
  });
  open.set(key, socket);
  watch(socket.fd, READABLE, (events) => receive(socket, events));
  return socket;
}

/** The next probe gets another socket. */
function forget(socket: HalfOpenSocket): void {
  if (open.get(socket.key) === socket) open.delete(socket.key);
  socket.current = false;
}

/** The host lets nothing out: where that may be the interface's end, the next probe asks for what has its name by then. */
export function refused(socket: HalfOpenSocket, errno: number): Failure {
  if (socket.bound) forget(socket);
  return sendFailure(errno);
}

function closeSocket(socket: HalfOpenSocket): void {
  if (socket.closed) return;
  clearInterval(socket.idle);
  forget(socket);
  socket.closed = true;
  closeWatched(socket.fd);
  native.close(socket.holder);
  if (socket.chooser !== undefined) native.close(socket.chooser);
}

function closeUnused(socket: HalfOpenSocket): void {
  if (socket.waiting.size === 0 && socket.probes === socket.probesSeen) closeSocket(socket);
  socket.probesSeen = socket.probes;
}

/** Closes the sockets that no probe waits on, without the usual delay. */
export function closeIdleHalfOpen(): void {
  for (const socket of [...open.values()]) if (socket.waiting.size === 0) closeSocket(socket);
}

/** Lets the socket go when nobody can come any more. */
export function rest(socket: HalfOpenSocket): void {
  if (socket.waiting.size === 0 && !socket.current) closeSocket(socket);
}

/** A probe, with a new sequence number, whose answer is the result. It leaves at the end of this turn, with all others of it. */
export function enter(route: HalfOpenRoute, done: (result: ProbeResult) => void): void {
  const { socket } = route;
  let sequence: number;
  do sequence = (route.base - Math.imul(++socket.probes, STEP)) | 0;
  while (socket.waiting.has(answerTo(sequence)));
  route.begin(sequence, done);
  socket.waiting.set(answerTo(sequence), route);
  if (route.leaving) return;
  route.leaving = true;
  if (socket.leaving.push(route) === 1) process.nextTick(sendAll, socket);
}

function sendAll(socket: HalfOpenSocket): void {
  const all = socket.leaving;
  socket.leaving = [];
  for (const route of all) route.leaving = false;
  const begun = all.every(({ running }) => running) ? all : all.filter(({ running }) => running);
  for (let i = 0; i < begun.length && !socket.closed; i += BATCH) sendBatch(socket, begun, i, now());
}

/** From that one on. */
function sendBatch(socket: HalfOpenSocket, all: readonly HalfOpenRoute[], from: number, at: Instant): void {
  const { records } = socket;
  const { size, segment } = records.layout;
  const count = Math.min(BATCH, all.length - from);
  for (let i = 0; i < count; i++) {
    const { place, sum, sequence } = all[from + i] as HalfOpenRoute;
    writeSequence(records.bytes, place * size + segment, sum, sequence);
    places[i] = place;
  }
  for (let i = 0; i < count && !socket.closed; ) {
    const next = i + sendSome(socket, all[from + i], places.subarray(i, count));
    for (; i < next; i++) (all[from + i] as HalfOpenRoute).sent(at);
  }
}

/** Sends these; what the host says against the first is its result. Returns how many are dealt with. */
function sendSome(socket: HalfOpenSocket, first: HalfOpenRoute | undefined, some: Int32Array): number {
  const { bytes, layout } = socket.records;
  let sent = native.sendMany(socket.fd, bytes, layout.size, layout.sockaddr, some);
  if (sent < 0) {
    // It may be the pending error of an earlier SYN to somebody else.
    drainErrors(socket);
    if (!socket.closed) sent = native.sendMany(socket.fd, bytes, layout.size, layout.sockaddr, some);
  }
  if (sent > 0) return sent;
  first?.fail(refused(socket, -sent));
  return 1;
}

/**
 * A server that answers our SYN with the acknowledgement of an earlier one has that half open still: it listens, and what it lacks
 * is our kernel's RST.
 */
function onOldAnswer(socket: HalfOpenSocket, from: number, at: number): void {
  // Anybody may send any number of acknowledgements of nothing: few routes at most are looked at for each.
  const candidates = socket.byStep.get(withinStep(acknowledgementAt(inbox, at) - 1));
  const isMeant = ({ running, port, place }: HalfOpenRoute) =>
    running && port === sourcePortAt(inbox, at) && socket.records.isTo(place, inbox, from);
  for (const route of candidates?.filter(isMeant) ?? [])
    route.succeed('ACK of an earlier SYN: the RST of this director does not reach the server');
}

/** `from`: where the inbox says whose the segment is. */
function onSegment(socket: HalfOpenSocket, from: number, at: number, end: number): void {
  if (!isSegment(inbox, at, end) || destinationPortAt(inbox, at) !== socket.port) return;
  const flags = flagsAt(inbox, at);
  if ((flags & TCP_ACK) === 0) return;
  const kind = flags & (TCP_SYN | TCP_RST);
  const route = socket.waiting.get(acknowledgementAt(inbox, at));
  if (route && route.port === sourcePortAt(inbox, at) && socket.records.isTo(route.place, inbox, from)) {
    if (kind === TCP_SYN) route.succeed('SYN-ACK');
    else if (kind === TCP_RST) route.refuse('connection refused');
  } else if (kind === 0) onOldAnswer(socket, from, at);
}

/** Errors about our SYNs wait in a queue, each with the SYN; those about other connections of this host are among them. */
function drainErrors(socket: HalfOpenSocket): void {
  for (let i = 0; i < BATCH && !socket.closed; i++) {
    const count = receiveError(socket.fd, buffer, meta);
    if (count < 0) return;
    const segment = readQuotedSegment(buffer.subarray(socket.family === 4 ? IP4_HEADER : 0, count));
    const route = segment && socket.waiting.get(answerTo(segment.sequence));
    const failure = queuedFailure(socket.family, meta);
    const about = readInetAddress(meta.address.subarray(0, meta.addressLength))?.address;
    if (!route || !failure || segment.sourcePort !== socket.port || segment.destinationPort !== route.port) continue;
    // This host's own filter may say so too: what it says to the call that sends is more exact.
    if (route.sentAt === NEVER) continue;
    if (about !== undefined && equalBytes(ipBytes(about), ipBytes(route.address))) route.fail(failure);
  }
}

function onSegments(socket: HalfOpenSocket, count: number): void {
  const four = socket.family === 4;
  for (let i = 0; i < count; i++) {
    const from = i * ANSWER;
    const at = four ? from : from + LAYOUT[6].sockaddr;
    const header = four ? ((inbox[at] as number) & 15) * 4 : 0;
    onSegment(socket, from + (four ? IP4_SOURCE_AT : IP6_AT), at + header, at + (lengths[i] as number));
  }
}

function receive(socket: HalfOpenSocket, events: number): void {
  if (events & POLLERR) drainErrors(socket);
  if (socket.closed) return;
  const count = native.recvMany(socket.fd, inbox, ANSWER, socket.family === 4 ? 0 : LAYOUT[6].sockaddr, lengths);
  // An errno is the pending error of a queued one: told already, cleared by this read. What is left wakes us again.
  if (count > 0) atOneTime(() => onSegments(socket, count));
}
