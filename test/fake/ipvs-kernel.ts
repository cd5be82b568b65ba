/**
 * A kernel with IPVS at the level of messages: request datagrams in, reply datagrams out, a real table behind it. Nothing waits: a
 * reply that does not come has not come when its receiver waits for it.
 */
import { HOST_LITTLE_ENDIAN as HOST, viewOf } from '../../src/base/bytes.js';
import type { Transport } from '../../src/os/netlink.js';
import {
  beginMessage,
  createWriter,
  endMessage,
  type Message,
  NLM_F_ACK,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_MULTI,
  NLMSG_DONE,
  NLMSG_ERROR,
  putAttribute,
  putBytes,
  readMessages,
  readString,
  type Writer,
  written,
} from '../../src/wire/netlink.js';
import * as ipvs from './ipvs-table.js';

export interface Fault {
  /** What goes wrong with the answers to one datagram. */
  readonly kind:
    | 'silence'
    | 'lost last'
    | 'wrong sequence'
    | 'foreign sender'
    | 'strays before'
    | 'flood'
    | 'ENOBUFS'
    | 'truncated'
    | 'cut'
    | 'nonsense'
    | 'interrupted'
    | 'repeated'
    | 'short error'
    | 'busy'
    | 'send refused';
  /** Only requests of this generic netlink command; any by default. */
  readonly command?: number;
  /** How many datagrams; 1 by default. */
  readonly times?: number;
}

/** A single message is refused, before the table sees it. */
export interface Refuse {
  readonly command: number;
  readonly errno: number;
  readonly extack?: string;
  /** How many; for ever by default. */
  times?: number;
}

export interface FakeKernel {
  readonly table: ipvs.FakeTable;
  /** The module is there; false: the family is unknown. */
  loaded: boolean;
  /** The number of the family; another after a reload of the module. */
  family: number;
  permitted: boolean;
  /** Replies that a socket holds; more are lost, and the next receive says ENOBUFS. */
  queue: number;
  /** Sockets opened, and still open. */
  opened: number;
  sockets: number;
  /** Commands handled, in order. */
  readonly commands: number[];
  /** Commands of each datagram that came. */
  readonly datagrams: (readonly number[])[];
  readonly faults: Fault[];
  readonly refuse: Refuse[];
  readonly open: () => Transport;
}

interface Datagram {
  bytes: Uint8Array;
  sender: number;
  truncated: boolean;
}

const NLCTRL = 0x10;
const EPERM = 1;
const ENOENT = 2;
const EAGAIN = 11;
const EBUSY = 16;
const ENOBUFS = 105;
const EOPNOTSUPP = 95;
/** The first part of a dump is about as large. */
const CHUNK = 3500;

const commandOf = (message: Message): number => message.payload[0] ?? 0;
const isDump = (message: Message): boolean => (message.flags & NLM_F_DUMP) === NLM_F_DUMP;

function reply(request: Message, port: number, type: number, flags: number, fill: (writer: Writer) => void): Uint8Array {
  const writer = createWriter(512);
  const start = beginMessage(writer, type, flags, request.sequence);
  writer.view.setUint32(start + 12, port, HOST);
  fill(writer);
  endMessage(writer, start);
  return written(writer).slice();
}

function number32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setInt32(0, value, HOST);
  return bytes;
}

/** Error and the request's header (NETLINK_CAP_ACK), then the kernel's words. */
function answer(request: Message, port: number, errno: number, extack?: string): Uint8Array {
  return reply(request, port, NLMSG_ERROR, NLM_F_CAPPED | (extack ? NLM_F_ACK_TLVS : 0), (writer) => {
    putBytes(writer, number32(-errno));
    const echo = beginMessage(writer, request.type, request.flags, request.sequence);
    writer.view.setUint32(echo, 16 + request.payload.length, HOST);
    if (!extack) return;
    const at = putAttribute(writer, 1, extack.length + 1);
    writer.bytes.set(new TextEncoder().encode(extack), at);
  });
}

function generic(writer: Writer, command: number): void {
  putBytes(writer, Uint8Array.of(command, 1, 0, 0));
}

/** Many messages in datagrams of CHUNK bytes, then NLMSG_DONE. */
function dumped(request: Message, port: number, messages: readonly Uint8Array[]): Uint8Array[] {
  const datagrams: Uint8Array[] = [];
  const chunk: number[] = [];
  for (const message of messages) {
    if (chunk.length > 0 && chunk.length + message.length > CHUNK) datagrams.push(Uint8Array.from(chunk.splice(0)));
    chunk.push(...message);
  }
  if (chunk.length > 0) datagrams.push(Uint8Array.from(chunk));
  datagrams.push(reply(request, port, NLMSG_DONE, NLM_F_MULTI, (writer) => putBytes(writer, number32(0))));
  return datagrams;
}

export function createFakeKernel(): FakeKernel {
  const kernel: FakeKernel = {
    table: ipvs.createTable(),
    loaded: true,
    family: 32,
    permitted: true,
    queue: 277,
    opened: 0,
    sockets: 0,
    commands: [],
    datagrams: [],
    faults: [],
    refuse: [],
    open: () => openSocket(kernel),
  };
  return kernel;
}

/** What a changing command does; undefined when it is none. */
function change(kernel: FakeKernel, command: number, top: ReadonlyMap<number, Uint8Array>): number | undefined {
  const { table } = kernel;
  if (command === 1 || command === 2) return ipvs.putService(table, top, command === 1);
  if (command === 3) return ipvs.deleteService(table, top);
  if (command === 5 || command === 6) return ipvs.changeDest(table, top, command === 5 ? 'new' : 'set');
  if (command === 7) return ipvs.changeDest(table, top, 'delete');
  if (command !== 17) return undefined;
  table.services.clear();
  return 0;
}

function refusalOf(kernel: FakeKernel, command: number): Refuse | undefined {
  const at = kernel.refuse.findIndex((one) => one.command === command);
  const found = kernel.refuse[at];
  if (found?.times !== undefined && --found.times === 0) kernel.refuse.splice(at, 1);
  return found;
}

function dumpReplies(kernel: FakeKernel, request: Message, port: number): Uint8Array[] {
  const message = (command: number, fill: (writer: Writer) => void) =>
    reply(request, port, kernel.family, NLM_F_MULTI, (writer) => {
      generic(writer, command);
      fill(writer);
    });
  if (commandOf(request) === 4) {
    const services = [...kernel.table.services.values()];
    return services.map((one) => message(1, (writer) => ipvs.putServiceReply(writer, one)));
  }
  const service = ipvs.findService(kernel.table, ipvs.attributesOf(request.payload.subarray(4)));
  // A missing service is an empty dump.
  if (typeof service === 'number') return [];
  return service.dests.map((one) => message(5, (writer) => ipvs.putDestReply(writer, one, service)));
}

/** A reading without dump: the reply, or the errno. */
function read(kernel: FakeKernel, request: Message, port: number): Uint8Array | number {
  const command = commandOf(request);
  const one = (to: number, fill: (writer: Writer) => void) =>
    reply(request, port, kernel.family, 0, (writer) => {
      generic(writer, to);
      fill(writer);
    });
  if (command === 15) {
    return one(14, (writer) => {
      for (const [type, value] of [
        [1, 0x010201],
        [2, 4096],
      ] as const) {
        const at = putAttribute(writer, type, 4);
        writer.bytes.set(number32(value), at);
      }
    });
  }
  if (command !== 4) return EOPNOTSUPP;
  const service = ipvs.findService(kernel.table, ipvs.attributesOf(request.payload.subarray(4)));
  return typeof service === 'number' ? service : one(1, (writer) => ipvs.putServiceReply(writer, service));
}

function getFamily(kernel: FakeKernel, request: Message, port: number): Uint8Array[] {
  const name = readString(ipvs.attributesOf(request.payload.subarray(4)).get(2) ?? new Uint8Array(0));
  if (name !== 'IPVS' || !kernel.loaded) return [answer(request, port, ENOENT)];
  const found = reply(request, port, NLCTRL, 0, (writer) => {
    putBytes(writer, Uint8Array.of(1, 2, 0, 0));
    const at = putAttribute(writer, 1, 2);
    writer.view.setUint16(at, kernel.family, HOST);
  });
  return [found, answer(request, port, 0)];
}

function handle(kernel: FakeKernel, request: Message, port: number): Uint8Array[] {
  const command = commandOf(request);
  const refused = (errno: number, extack?: string) => [answer(request, port, errno, extack)];
  if (request.type === NLCTRL) return getFamily(kernel, request, port);
  if (!kernel.loaded || request.type !== kernel.family) return refused(ENOENT);
  if (!kernel.permitted) return refused(EPERM);
  kernel.commands.push(command);
  const ordered = refusalOf(kernel, command);
  if (ordered) return refused(ordered.errno, ordered.extack);
  if (isDump(request)) {
    if (command !== 4 && command !== 8) return refused(EOPNOTSUPP);
    return dumped(request, port, dumpReplies(kernel, request, port));
  }
  const acknowledged = (request.flags & NLM_F_ACK) !== 0 ? refused(0) : [];
  const changed = change(kernel, command, ipvs.attributesOf(request.payload.subarray(4)));
  if (changed !== undefined) return changed === 0 ? acknowledged : refused(changed);
  const found = read(kernel, request, port);
  return typeof found === 'number' ? refused(found) : [found, ...acknowledged];
}

/** The fault that strikes this datagram, used up. */
function faultFor(kernel: FakeKernel, first: Message): Fault | undefined {
  const at = kernel.faults.findIndex(({ command }) => command === undefined || command === commandOf(first));
  const fault = kernel.faults[at];
  if (!fault) return undefined;
  if ((fault.times ?? 1) <= 1) kernel.faults.splice(at, 1);
  else kernel.faults[at] = { ...fault, times: (fault.times as number) - 1 };
  return fault;
}

function withSequence(datagram: Datagram, change_: (sequence: number) => number): Datagram {
  const bytes = datagram.bytes.slice();
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length; at += (view.getUint32(at, HOST) + 3) & ~3)
    view.setUint32(at + 8, change_(view.getUint32(at + 8, HOST)), HOST);
  return { ...datagram, bytes };
}

function interrupted(datagram: Datagram): Datagram {
  viewOf(datagram.bytes).setUint16(6, viewOf(datagram.bytes).getUint16(6, HOST) | NLM_F_DUMP_INTR, HOST);
  return datagram;
}

function struck(kind: Fault['kind'], good: Datagram[], first: Message, port: number): Datagram[] {
  const wrong = good.map((one) => withSequence(one, (sequence) => sequence + 1_000_000));
  const foreign = good.map((one) => ({ ...one, sender: 4711 }));
  const last = good.at(-1) as Datagram;
  const cut = last.bytes.subarray(0, last.bytes.length - 5);
  const plain = (bytes: Uint8Array): Datagram => ({ bytes, sender: 0, truncated: false });
  switch (kind) {
    case 'lost last':
      return good.slice(0, -1);
    case 'wrong sequence':
      return wrong;
    case 'foreign sender':
      return foreign;
    case 'strays before':
      return [...wrong, ...foreign, ...good];
    case 'truncated':
      return [...good.slice(0, -1), { ...last, truncated: true }];
    case 'cut':
      return [...good.slice(0, -1), plain(cut)];
    case 'nonsense':
      return [plain(Uint8Array.from({ length: 77 }, (_, i) => (i * 37 + 11) & 255))];
    case 'interrupted':
      return [interrupted(good[0] as Datagram), ...good.slice(1)];
    case 'repeated':
      return [good[0] as Datagram, ...good];
    case 'short error':
      return [plain(reply(first, port, NLMSG_ERROR, 0, (writer) => putBytes(writer, number32(0))))];
    case 'busy':
      return [plain(answer(first, port, EBUSY))];
    default:
      return [];
  }
}

let lastPort = 1000;

function openSocket(kernel: FakeKernel): Transport {
  const port = ++lastPort;
  const replies: Datagram[] = [];
  let overrun = false;
  let flood: Datagram | undefined;
  let open = true;
  kernel.opened++;
  kernel.sockets++;
  return {
    port,
    send(data) {
      if (!open) return -9;
      const requests = readMessages(data);
      if (!requests) return data.length;
      const first = requests[0] as Message;
      kernel.datagrams.push(requests.map(commandOf));
      const fault = faultFor(kernel, first);
      if (fault?.kind === 'send refused') return -ENOBUFS;
      const good = requests
        .flatMap((one) => handle(kernel, one, port))
        .map((bytes): Datagram => ({ bytes, sender: 0, truncated: false }));
      const sent = fault ? struck(fault.kind, good, first, port) : good;
      overrun ||= fault?.kind === 'ENOBUFS' || replies.length + sent.length > kernel.queue;
      if (fault?.kind === 'flood') flood = { ...(good[0] as Datagram), sender: 4711 };
      replies.push(...sent.slice(0, kernel.queue - replies.length));
      return data.length;
    },
    receive(buffer) {
      if (!open) return { length: -9, sender: 0, truncated: false };
      if (overrun) {
        overrun = false;
        return { length: -ENOBUFS, sender: 0, truncated: false };
      }
      const next = flood ?? replies.shift();
      if (!next) return { length: -EAGAIN, sender: 0, truncated: false };
      buffer.set(next.bytes);
      return { length: next.bytes.length, sender: next.sender, truncated: next.truncated };
    },
    wait: () => flood !== undefined || replies.length > 0,
    close() {
      if (open) kernel.sockets--;
      open = false;
    },
  };
}
