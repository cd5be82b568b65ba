/**
 * AF_NETLINK sockets. The kernel answers inside sendmsg, so a request and its answers are one synchronous exchange of some
 * microseconds; a deadline guards against a kernel that does not. Every answer is matched by sequence, by our port and by the
 * sender (port 0: the kernel); what belongs to an exchange that was given up is drained and ignored.
 */
import { AttrStream, type StreamData } from 'netlink/dist/structs.js';
import { concatBytes, viewOf } from '../base/bytes.js';
import { errnoName, OsError } from '../base/errors.js';
import {
  type Acknowledgement,
  doneErrno,
  type Message,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  readAcknowledgement,
  readMessages,
  type Writer,
  written,
} from '../wire/netlink.js';
import { native, type RecvMeta } from './native.js';
import { AF_NETLINK, intValue, LITTLE_ENDIAN, netlinkAddress, SOCK_RAW, SOL_SOCKET } from './sockaddr.js';

export const NETLINK_ROUTE = 0;
export const NETLINK_GENERIC = 16;

/** Moves datagrams; the tests put a fake kernel behind it. */
export interface Transport {
  /** Our port id. */
  readonly port: number;
  /** Bytes sent, or a negative errno. */
  send(data: Uint8Array): number;
  /** One datagram: bytes in `buffer` and the sender's port, or a negative errno. */
  receive(buffer: Uint8Array): { length: number; sender: number; truncated: boolean };
  /** Waits for something to receive; false at the time limit. */
  wait(timeoutMs: number): boolean;
  close(): void;
}

const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const RECEIVE_BUFFER = 1 << 20;
const POLLIN = 1;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;

const EINTR = 4;
const EAGAIN = 11;
const EBUSY = 16;
const ENOBUFS = 105;
const ETIMEDOUT = 110;

/** The kernel caps a dump's datagrams at 32 KiB; one request's answers are far smaller. */
const BUFFER = 64 * 1024;
const DEADLINE_MS = 5000;
/** Datagrams from one look at the clock to the next, while there is no need to wait. */
const CLOCK_EVERY = 16;
const DUMP_TRIES = 5;
const MAX_SEQUENCE = 0xffffffff;

function setReceiveBuffer(fd: number): void {
  try {
    native.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, intValue(RECEIVE_BUFFER));
  } catch {
    // Without CAP_NET_ADMIN here: as much as the host allows.
    native.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, intValue(RECEIVE_BUFFER));
  }
}

/** A socket of this network namespace, subscribed to `groups`. Throws OsError. */
export function openTransport(protocol: number, groups: readonly number[] = []): Transport & { readonly fd: number } {
  const fd = native.socket(AF_NETLINK, SOCK_RAW, protocol);
  const meta: RecvMeta = {
    address: new Uint8Array(12),
    addressLength: 0,
    control: new Uint8Array(0),
    controlLength: 0,
    flags: 0,
  };
  try {
    setReceiveBuffer(fd);
    for (const option of [NETLINK_EXT_ACK, NETLINK_CAP_ACK]) native.setsockopt(fd, SOL_NETLINK, option, intValue(1));
    native.bind(fd, netlinkAddress());
    for (const group of groups) native.setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, intValue(group));
  } catch (error) {
    native.close(fd);
    throw error;
  }
  const port = viewOf(native.getsockname(fd)).getUint32(4, LITTLE_ENDIAN);
  const kernel = netlinkAddress();
  return {
    fd,
    port,
    send: (data) => native.send(fd, data, 0, kernel),
    receive(buffer) {
      const length = native.recv(fd, buffer, MSG_DONTWAIT, meta);
      return { length, sender: viewOf(meta.address).getUint32(4, LITTLE_ENDIAN), truncated: (meta.flags & MSG_TRUNC) !== 0 };
    },
    wait: (timeoutMs) => native.wait(fd, POLLIN, timeoutMs) !== 0,
    close: () => native.close(fd),
  };
}

/** The bytes of a structure that the npm package `netlink` formatted. */
export function packed(data: StreamData): Uint8Array {
  const stream = new AttrStream();
  stream.emit(data);
  return concatBytes(stream.bufs);
}

/** One answered message of a batch. */
export interface Outcome {
  readonly sequence: number;
  /** Positive; 0 done. */
  readonly errno: number;
  readonly extack: string | undefined;
}

export interface NetlinkSocket {
  /** The next `count` sequence numbers; returns the first. */
  reserve(count: number): number;
  /**
   * Sends the writer's messages as one datagram and waits until each of `count`, from `first` on, has been answered (they all ask
   * for an acknowledgement), or for the last one when only that one asks. Data messages go to `onData`.
   */
  exchange(op: string, writer: Writer, first: number, count: number, onData?: (message: Message) => void): Outcome[];
  /** A dump, repeated when the kernel says that it was interrupted; `restart` is called before each try after the first. */
  dump(op: string, write: (sequence: number) => Writer, onData: (message: Message) => void, restart: () => void): void;
  close(): void;
}

/** `open` makes the transport, again after any doubt about it. `deadlineMs` counts for one exchange, and for one try of a dump. */
export function createNetlinkSocket(open: () => Transport, deadlineMs = DEADLINE_MS): NetlinkSocket {
  const buffer = new Uint8Array(BUFFER);
  let transport: Transport | undefined;
  let sequence = 1;
  let received = 0;

  function connected(): Transport {
    transport ??= open();
    return transport;
  }

  function discard(): void {
    transport?.close();
    transport = undefined;
  }

  /** The exchange is over without a result that can be believed: the socket goes, and with it whatever is still in it. */
  function fail(op: string, errno: number, text: string): never {
    discard();
    throw new OsError({ op, errno }, text);
  }

  function reserve(count: number): number {
    // A batch never wraps around: its answers are told apart by first <= sequence <= last.
    const first = sequence + count > MAX_SEQUENCE ? 1 : sequence;
    sequence = first + count;
    return first;
  }

  function send(op: string, data: Uint8Array): void {
    const sent = connected().send(data);
    if (sent < 0) fail(op, -sent, `send: ${errnoName(-sent)}`);
  }

  /** The messages of the next datagram from the kernel to us. */
  function receive(op: string, until: number): Message[] {
    for (;;) {
      // What is not meant for us, or has no end, must not keep us beyond the deadline.
      if (++received % CLOCK_EVERY === 0 && performance.now() >= until) late(op);
      const { length, sender, truncated } = connected().receive(buffer);
      if (length === -EAGAIN) await_(op, until);
      else if (length === -EINTR) continue;
      else if (length === -ENOBUFS) fail(op, ENOBUFS, 'answers were lost (receive queue overrun): the state is unknown');
      else if (length < 0) fail(op, -length, `receive: ${errnoName(-length)}`);
      else if (sender !== 0) continue;
      else {
        const messages = truncated ? undefined : readMessages(buffer.subarray(0, length));
        if (!messages) fail(op, 0, 'malformed reply from the kernel');
        return messages.filter((message) => message.port === connected().port || message.port === 0);
      }
    }
  }

  function await_(op: string, until: number): void {
    const left = Math.ceil(until - performance.now());
    if (left <= 0 || !connected().wait(left)) late(op);
  }

  function late(op: string): never {
    fail(op, ETIMEDOUT, `the kernel did not answer within ${deadlineMs} ms`);
  }

  function exchange(op: string, writer: Writer, first: number, count: number, onData?: (message: Message) => void): Outcome[] {
    send(op, written(writer));
    const until = performance.now() + deadlineMs;
    const last = first + count - 1;
    const outcomes: Outcome[] = [];
    for (let over = false; !over; ) {
      for (const message of receive(op, until)) {
        if (message.sequence < first || message.sequence > last) continue;
        if (message.type !== NLMSG_ERROR) {
          onData?.(message);
          continue;
        }
        const answer = acknowledgement(op, message);
        outcomes.push({ sequence: message.sequence, ...answer });
        over ||= message.sequence === last;
      }
    }
    return outcomes;
  }

  function acknowledgement(op: string, message: Message): Acknowledgement {
    return readAcknowledgement(message) ?? fail(op, 0, 'malformed acknowledgement from the kernel');
  }

  /** True when the dump is whole. */
  function dumpOnce(op: string, write: (sequence: number) => Writer, onData: (message: Message) => void): boolean {
    const own = reserve(1);
    send(op, written(write(own)));
    const until = performance.now() + deadlineMs;
    let interrupted = false;
    for (;;) {
      for (const message of receive(op, until)) {
        if (message.sequence !== own) continue;
        interrupted ||= (message.flags & NLM_F_DUMP_INTR) !== 0;
        if (message.type === NLMSG_DONE) return endOfDump(op, doneErrno(message)) && !interrupted;
        if (message.type === NLMSG_ERROR) return endOfDump(op, acknowledgement(op, message).errno) && !interrupted;
        onData(message);
      }
    }
  }

  function endOfDump(op: string, errno: number): boolean {
    if (errno === EBUSY) return false;
    if (errno !== 0) throw new OsError({ op, errno });
    return true;
  }

  return {
    reserve,
    exchange,
    dump(op, write, onData, restart) {
      for (let attempt = 0; attempt < DUMP_TRIES; attempt++) {
        if (attempt > 0) restart();
        if (dumpOnce(op, write, onData)) return;
        // An abandoned dump keeps its socket busy: a new socket has none.
        discard();
      }
      fail(op, EBUSY, `the table changed during each of ${DUMP_TRIES} readings`);
    },
    close: discard,
  };
}
