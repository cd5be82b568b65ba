/**
 * One ICMP socket for all echo probes of the process that are of one family and leave this host in one way: a ping socket where
 * net.ipv4.ping_group_range lets us have one, a raw one with a type filter otherwise. Opened for the first echo, closed when none has been under way for a while.
 */
import { HOST_LITTLE_ENDIAN, viewOf } from '../../base/bytes.js';
import type { Family, Ip } from '../../base/ip.js';
import type { ProbeSocket } from '../../config/types.js';
import {
  decodeIcmp,
  ICMP_TYPES,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  icmpErrorText,
  readEchoRequest,
  stripIp4,
} from '../../wire/icmp.js';
import { atOneTime } from '../clock.js';
import { native } from '../native.js';
import { inNetns, netnsIdentity } from '../netns.js';
import { closeWatched, READABLE, watch } from '../poller.js';
import { AF_INET, AF_INET6, isSameAddress, readInetAddress, SOCK_DGRAM, SOCK_RAW } from '../sockaddr.js';
import { AnswerTable } from './answer-table.js';
import { createMeta, queuedFailure, queueErrors, receiveError, widenBuffers } from './error-queue.js';
import { type Failure, remote, sendFailure } from './reasons.js';
import { prepareSocket, wayOf } from './socket.js';

export interface Waiter {
  readonly address: Ip;
  /** The same as the kernel says it. */
  readonly sockaddr: Uint8Array;
  /** The data of a reply to this request; the identifier of a raw socket's is checked too. */
  isReply(data: Uint8Array): boolean;
  answered(): void;
  failed(failure: Failure): void;
}

export interface IcmpSocket {
  /** What the probes that share it have in common. */
  readonly key: string;
  readonly family: Family;
  readonly fd: number;
  readonly raw: boolean;
  /** Identifier of our requests; a ping socket puts its own in place of it. */
  readonly id: number;
  /** By sequence number. BOUNDED by the probes under way, at most 65536. */
  readonly waiting: AnswerTable<Waiter>;
  sequence: number;
  idle: NodeJS.Timeout | undefined;
  /** Bound to an interface, which may go, and come back as another one under its name. */
  readonly bound: boolean;
  /** New probes may leave through it. */
  current: boolean;
  closed: boolean;
}

/** Long enough that checks every second or two keep the socket. */
const IDLE_MS = 3000;
const SOL_RAW = 255;
const FILTER = 1;
const POLLERR = 8;
const EAGAIN = -11;
/** Datagrams taken in one turn of the loop. */
const BATCH = 256;

/** BOUNDED by the ways in which the configuration lets probes leave. */
const open = new Map<string, IcmpSocket>();
const buffer = new Uint8Array(2048);
const meta = createMeta();

/** The option that lets only replies and errors through: a set bit blocks a type, in both families. */
export function typeFilter(family: Family): Uint8Array {
  const words = new Uint32Array(family === 4 ? 1 : 8).fill(0xffffffff);
  const { reply, unreachable, timeExceeded } = ICMP_TYPES[family];
  for (const type of [reply, unreachable, timeExceeded]) words[type >> 5] = (words[type >> 5] as number) & ~(1 << (type & 31));
  const bytes = new Uint8Array(words.length * 4);
  for (const [i, word] of words.entries()) viewOf(bytes).setUint32(i * 4, word, HOST_LITTLE_ENDIAN);
  return bytes;
}

function pingSocket(family: Family): number | undefined {
  try {
    const domain = family === 4 ? AF_INET : AF_INET6;
    return native.socket(domain, SOCK_DGRAM, family === 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
  } catch {
    // No right to one, or none in this kernel: what the raw socket says then is the error to show.
    return undefined;
  }
}

function openFd(family: Family): { fd: number; raw: boolean } {
  const ping = pingSocket(family);
  if (ping !== undefined) {
    queueErrors(ping, family);
    return { fd: ping, raw: false };
  }
  const protocol = family === 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
  const fd = native.socket(family === 4 ? AF_INET : AF_INET6, SOCK_RAW, protocol);
  native.setsockopt(fd, family === 4 ? SOL_RAW : IPPROTO_ICMPV6, FILTER, typeFilter(family));
  return { fd, raw: true };
}

/** By settings, which are one object as long as the configuration is: how they were probed with last. */
const latest: Readonly<Record<Family, WeakMap<ProbeSocket, IcmpSocket>>> = { 4: new WeakMap(), 6: new WeakMap() };

/** The socket for such probes, opened if need be. Throws OsError where this host gives none. */
export function icmpSocket(family: Family, settings: ProbeSocket): IcmpSocket {
  const known = latest[family].get(settings);
  // A namespace may be made anew under its name, so that one is looked up each time.
  const holds = known?.current && settings.netns === undefined;
  const socket = holds ? known : findSocket(family, settings);
  if (!holds) latest[family].set(settings, socket);
  if (socket.idle !== undefined) clearTimeout(socket.idle);
  socket.idle = undefined;
  return socket;
}

function findSocket(family: Family, settings: ProbeSocket): IcmpSocket {
  const { netns } = settings;
  // A namespace that was made anew under its name is another one; the socket of the old one ends idle.
  const key = `${family} ${wayOf(settings)} ${netnsIdentity(netns)}`;
  const known = open.get(key);
  if (known) return known;
  const { fd, raw } = inNetns(netns, () => openFd(family));
  try {
    prepareSocket(fd, raw ? SOCK_RAW : SOCK_DGRAM, settings);
    widenBuffers(fd);
  } catch (error) {
    native.close(fd);
    throw error;
  }
  const id = 1 + Math.floor(Math.random() * 0xffff);
  const bound = settings.interface !== undefined;
  const socket: IcmpSocket = {
    ...{ key, family, fd, raw, id, bound, waiting: new AnswerTable<Waiter>() },
    ...{ sequence: 0, idle: undefined, current: true, closed: false },
  };
  open.set(key, socket);
  watch(fd, READABLE, (events) => receive(socket, events));
  return socket;
}

/** The next probe gets another socket. */
function forget(socket: IcmpSocket): void {
  if (open.get(socket.key) === socket) open.delete(socket.key);
  socket.current = false;
}

/** The host lets nothing out: where that may be the interface's end, the next probe asks for what has its name by then. */
export function refused(socket: IcmpSocket, errno: number): Failure {
  if (socket.bound) forget(socket);
  return sendFailure(errno);
}

function closeSocket(socket: IcmpSocket): void {
  if (socket.closed) return;
  clearTimeout(socket.idle);
  forget(socket);
  socket.closed = true;
  closeWatched(socket.fd);
}

/** Closes the sockets that no probe waits on, without the usual delay. */
export function closeIdleIcmp(): void {
  for (const socket of [...open.values()]) if (socket.waiting.size === 0) closeSocket(socket);
}

/** A free sequence number for a new request. */
export function enter(socket: IcmpSocket, waiter: Waiter): number {
  do socket.sequence = (socket.sequence + 1) & 0xffff;
  while (socket.waiting.has(socket.sequence));
  socket.waiting.set(socket.sequence, waiter);
  return socket.sequence;
}

export function leave(socket: IcmpSocket, sequence: number): void {
  socket.waiting.delete(sequence);
  if (socket.waiting.size > 0) return;
  if (!socket.current) return closeSocket(socket);
  socket.idle = setTimeout(closeSocket, IDLE_MS, socket);
}

const isFrom = ({ sockaddr }: Waiter): boolean => meta.addressLength >= sockaddr.length && isSameAddress(meta.address, sockaddr);
const sender = (): Ip | undefined => readInetAddress(meta.address.subarray(0, meta.addressLength))?.address;

function onMessage(socket: IcmpSocket, icmp: Uint8Array): void {
  const message = decodeIcmp(socket.family, icmp);
  const waiter = message && socket.waiting.get(message.sequence);
  if (!message || !waiter || (socket.raw && message.id !== socket.id)) return;
  if (message.kind === 'reply') {
    if (isFrom(waiter) && waiter.isReply(message.data)) waiter.answered();
  } else if (message.destination === waiter.address) {
    waiter.failed(remote(`${icmpErrorText(socket.family, message.type, message.code)}, says ${sender() ?? 'a router'}`));
  }
}

/** Errors about our requests wait in a queue of the ping socket, each with the request. */
export function drainErrors(socket: IcmpSocket): void {
  for (let i = 0; i < BATCH && !socket.closed; i++) {
    const count = receiveError(socket.fd, buffer, meta);
    if (count < 0) return;
    const request = readEchoRequest(socket.family, buffer.subarray(0, count));
    const waiter = request && socket.waiting.get(request.sequence);
    const failure = queuedFailure(socket.family, meta);
    if (waiter && failure && isFrom(waiter)) waiter.failed(failure);
  }
}

function receiveAll(socket: IcmpSocket): void {
  for (let i = 0; i < BATCH && !socket.closed; i++) {
    const count = native.recv(socket.fd, buffer, 0, meta);
    if (count === EAGAIN) return;
    // Another errno is the pending error of a queued one: told already, cleared by this read.
    if (count < 0) continue;
    const packet = buffer.subarray(0, count);
    const icmp = socket.raw && socket.family === 4 ? stripIp4(packet) : packet;
    if (icmp) onMessage(socket, icmp);
  }
}

function receive(socket: IcmpSocket, events: number): void {
  if (events & POLLERR && !socket.raw) drainErrors(socket);
  atOneTime(() => receiveAll(socket));
}
