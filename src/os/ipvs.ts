/** The kernel's IPVS through generic netlink: reading the table, applying operations. One network namespace: this process's. */
import { execFile } from 'node:child_process';
import { Commands, formatMessage } from 'netlink/dist/genl/structs.js';
import { errnoName, OsError } from '../base/errors.js';
import {
  destinationKey,
  type KernelDestination,
  type KernelService,
  type Operation,
  type Refusal,
  type ServiceId,
  serviceKey,
} from '../ipvs/types.js';
import { type DecodeError, readFields } from '../wire/attributes.js';
import {
  type IpvsDaemon,
  type IpvsInfo,
  type IpvsTimeouts,
  isMalformed,
  putOperation,
  putQuery,
  putSetting,
  type Query,
  readDaemon,
  readDestination,
  readInfo,
  readService,
  readTimeouts,
  type ServiceReply,
  type Setting,
} from '../wire/ipvs.js';
import { IPVS_FAMILY } from '../wire/ipvs-attributes.js';
import { digestDestination, digestText, newDigest } from '../wire/ipvs-digest.js';
import {
  beginMessage,
  createWriter,
  endMessage,
  type Message,
  NLM_F_ACK,
  NLM_F_REQUEST,
  numberMessages,
  putBytes,
  rewind,
  type Writer,
} from '../wire/netlink.js';
import { knowsTunnel } from './ipvs-probe.js';
import { createNetlinkSocket, NETLINK_GENERIC, type NetlinkSocket, openTransport, packed, type Transport } from './netlink.js';

const GENL_ID_CTRL = 0x10;
const GENL_CTRL_VERSION = 2;
const GENL_HEADER = 4;
/** CTRL_ATTR_FAMILY_ID */
const FAMILY_REPLY = { id: [1, 'u16'] } as const;
const MODPROBE_MS = 10_000;
/** Messages a send: all answers queue up before the first can be read, and 256 of them overrun a default queue. */
const BATCH = 128;
/** Bytes of an operation; a long one only makes the buffer grow. */
const OPERATION_SIZE = 160;

const ENOENT = 2;
const ESRCH = 3;
const EPERM = 1;

export interface ChangedDestinations {
  /** Of all that defines them (wire/ipvs-digest.ts); undefined when there is something in it that is not understood. */
  readonly digest: string | undefined;
  readonly destinations: ReadonlyMap<string, KernelDestination>;
}

/** Operations as messages, few enough for one send. */
export interface Prepared {
  readonly operations: readonly Operation[];
  readonly messages: Uint8Array;
}

export interface IpvsClient {
  info(): IpvsInfo;
  /** Every service of this namespace, without destinations. `counters`: with the statistics, which are most of the kernel's answer (default: without). */
  readServices(counters?: boolean): Map<string, ServiceReply>;
  /** In the order in which they were added; none when the kernel has no such service. */
  readDestinations(id: ServiceId, counters?: boolean): Map<string, KernelDestination>;
  /** Undefined: what defines the destinations has still this digest; otherwise they, and theirs. Without counters. */
  readIfChanged(id: ServiceId, digest: string | undefined): ChangedDestinations | undefined;
  /** The whole table, at once. */
  readTable(counters?: boolean): Map<string, KernelService>;
  /** One service with its destinations; undefined when the kernel has no such service. */
  readService(id: ServiceId, counters?: boolean): KernelService | undefined;
  /**
   * Whether this kernel has the tunnel type (IP_VS_CONN_F_TUNNEL_TYPE_*): one that does not know it ignores the attribute, so it is tried
   * on a service of an unused mark, and read back.
   */
  knowsTunnel(type: number): boolean;
  /** Refusals, each with its operation; the others are done. Throws OsError when the outcome is unknown. */
  apply(operations: readonly Operation[]): Refusal[];
  /** The same in two steps: all that can be done beforehand, and what the kernel waits for. */
  prepare(operations: readonly Operation[]): Prepared[];
  applyPrepared(prepared: readonly Prepared[]): Refusal[];
  /** The connection synchronisation daemons: at most one of each role. */
  daemons(): IpvsDaemon[];
  /** Throws OsError: ENODEV without the interface, ENETUNREACH while it is down, EEXIST. */
  startDaemon(daemon: IpvsDaemon): void;
  stopDaemon(role: IpvsDaemon['role']): void;
  timeouts(): IpvsTimeouts;
  setTimeouts(timeouts: IpvsTimeouts): void;
  close(): void;
}

/** The number that generic netlink gave the family IPVS; ENOENT when the kernel has none (the request itself may load the module). */
function resolveFamily(socket: NetlinkSocket): number {
  const sequence = socket.reserve(1);
  const writer = createWriter(256);
  const start = beginMessage(writer, GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_ACK, sequence);
  putBytes(writer, Uint8Array.of(Commands.GET_FAMILY, GENL_CTRL_VERSION, 0, 0));
  putBytes(writer, packed(formatMessage({ familyName: IPVS_FAMILY })));
  endMessage(writer, start);
  let family: number | undefined;
  const [outcome] = socket.exchange('looking for IPVS', writer, sequence, 1, (message) => {
    const fields = readFields(message.payload.subarray(GENL_HEADER), FAMILY_REPLY);
    if (!isMalformed(fields)) family = fields.id;
  });
  if (outcome && outcome.errno !== 0) throw new OsError({ op: 'looking for IPVS', errno: outcome.errno, extack: outcome.extack });
  if (family === undefined) throw new OsError({ op: 'looking for IPVS', errno: 0 }, 'malformed reply from the kernel');
  return family;
}

/** '' when it went well, else the last line of what modprobe had to say, without its own name. */
function modprobe(): Promise<string> {
  const env = { ...process.env, PATH: `/usr/sbin:/sbin:/usr/bin:/bin:${process.env.PATH ?? ''}` };
  return new Promise((resolve) => {
    execFile('modprobe', ['ip_vs'], { timeout: MODPROBE_MS, env }, (error, _out, words) => {
      const last = words.trim().split('\n').pop() || error?.message || 'it failed';
      resolve(error ? last.replace(/^modprobe: (FATAL: )?/, '') : '');
    });
  });
}

const unusable = (errno: number, text: string): OsError => new OsError({ op: 'IPVS', errno }, text);

/** Finds the family, loading the module where that is possible; the OsError says what is missing and the cure. */
async function findFamily(socket: NetlinkSocket, load: () => Promise<string>): Promise<number> {
  try {
    return resolveFamily(socket);
  } catch (error) {
    if (!(error instanceof OsError) || error.errno !== ENOENT) throw error;
  }
  const complaint = await load();
  try {
    return resolveFamily(socket);
  } catch (error) {
    if (!(error instanceof OsError) || error.errno !== ENOENT) throw error;
    const why = complaint === '' ? '' : ` (modprobe: ${complaint})`;
    throw unusable(
      ENOENT,
      `this kernel has no IPVS and the module ip_vs cannot be loaded${why}: install the kernel's modules, or run "modprobe ip_vs" on the host`,
    );
  }
}

function denied(error: unknown): never {
  if (error instanceof OsError && error.errno === EPERM) {
    throw unusable(EPERM, 'permission denied: IPVS needs CAP_NET_ADMIN in the initial user namespace');
  }
  throw error;
}

/**
 * Opens IPVS. Rejects with an OsError that says what is missing and the cure. `load` loads the kernel's module, and resolves to the
 * complaint when it cannot.
 */
export async function openIpvs(
  open: () => Transport = () => openTransport(NETLINK_GENERIC),
  load: () => Promise<string> = modprobe,
): Promise<IpvsClient> {
  const commands = createNetlinkSocket(open);
  try {
    const client = createClient(commands, createNetlinkSocket(open), await findFamily(commands, load));
    client.info();
    return client;
  } catch (error) {
    commands.close();
    return denied(error);
  }
}

function must<T extends object>(value: T | DecodeError, op: string): T {
  if (isMalformed(value)) throw new OsError({ op, errno: 0 }, `malformed reply from the kernel: ${value.malformed}`);
  return value;
}

const NOTHING_ELSE = { each: (_payload: Uint8Array) => {}, restart: () => {} };

function createClient(commands: NetlinkSocket, dumps: NetlinkSocket, family: number): IpvsClient {
  /** All requests: each is sent before the next is written. */
  const writer = createWriter(BATCH * OPERATION_SIZE);

  function written(query: Query, sequence: number): Writer {
    rewind(writer);
    putQuery(writer, family, sequence, query);
    return writer;
  }

  function ask(op: string, query: Query, onData: (message: Message) => void): number {
    const sequence = commands.reserve(1);
    return commands.exchange(op, written(query, sequence), sequence, 1, onData)[0]?.errno ?? 0;
  }

  function dump(op: string, query: Query, onData: (message: Message) => void, restart: () => void): void {
    dumps.dump(op, (sequence) => written(query, sequence), onData, restart);
  }

  /** `done` is an errno that says that there is nothing to do. */
  function set(op: string, setting: Setting, done = 0): void {
    const sequence = commands.reserve(1);
    rewind(writer);
    putSetting(writer, family, sequence, setting);
    const outcome = commands.exchange(op, writer, sequence, 1)[0];
    const errno = outcome?.errno ?? 0;
    if (errno !== 0 && errno !== done) throw new OsError({ op, errno, extack: outcome?.extack });
  }

  function dumpDestinations(id: ServiceId, onData: (payload: Uint8Array) => void, restart: () => void): void {
    const op = `reading the real servers of ${serviceKey(id)}`;
    dump(op, { kind: 'destinations', id }, (message) => onData(message.payload), restart);
  }

  /** The kernel tells the newest first; the first of a key counts, should the table have changed under the dump. */
  function destinations(id: ServiceId, counters: boolean, also = NOTHING_ELSE): Map<string, KernelDestination> {
    const found = new Map<string, KernelDestination>();
    dumpDestinations(
      id,
      (payload) => {
        const one = must(readDestination(payload, id.family, counters), 'reading real servers');
        const key = destinationKey(one);
        if (!found.has(key)) found.set(key, one);
        also.each(payload);
      },
      () => {
        found.clear();
        also.restart();
      },
    );
    return new Map([...found].reverse());
  }

  /** What of the payloads is told by `text` after a dump. */
  function digesting() {
    let digest = newDigest();
    let isWhole = true;
    return {
      each(payload: Uint8Array) {
        isWhole = digestDestination(payload, digest) && isWhole;
      },
      restart() {
        digest = newDigest();
        isWhole = true;
      },
      text: () => (isWhole ? digestText(digest) : undefined),
    };
  }

  function readIfChanged(id: ServiceId, known: string | undefined): ChangedDestinations | undefined {
    const seen = digesting();
    if (known !== undefined) {
      dumpDestinations(id, seen.each, seen.restart);
      if (seen.text() === known) return undefined;
      seen.restart();
    }
    const found = destinations(id, false, seen);
    return { digest: seen.text(), destinations: found };
  }

  function services(counters: boolean): Map<string, ServiceReply> {
    const found = new Map<string, ServiceReply>();
    dump(
      'reading the services',
      { kind: 'services' },
      (message) => {
        const one = readService(message.payload, counters);
        // A service of a protocol that lbd does not know (AH, ESP) is somebody else's.
        if (!isMalformed(one)) found.set(serviceKey(one.id), one);
        else if (!one.malformed.startsWith('protocol')) must(one, 'reading the services');
      },
      () => found.clear(),
    );
    return found;
  }

  function prepare(operations: readonly Operation[]): Prepared[] {
    const prepared: Prepared[] = [];
    for (let at = 0; at < operations.length; at += BATCH) {
      const some = operations.slice(at, at + BATCH);
      rewind(writer);
      for (const operation of some) putOperation(writer, family, 0, operation, false);
      prepared.push({ operations: some, messages: writer.bytes.slice(0, writer.length) });
    }
    return prepared;
  }

  /** As many as go with one send. Failures always answer; the acknowledgement of the last one says that the batch is through. */
  function applyBatch(batch: readonly Prepared[]): Refusal[] {
    const operations = batch.flatMap((one) => one.operations);
    const first = commands.reserve(operations.length);
    rewind(writer);
    for (const { messages } of batch) putBytes(writer, messages);
    numberMessages(writer, first);
    const refusals: Refusal[] = [];
    for (const outcome of commands.exchange('changing the table', writer, first, operations.length)) {
      if (outcome.errno === 0) continue;
      const operation = operations[outcome.sequence - first] as Operation;
      const { errno, extack } = outcome;
      refusals.push({ operation, errno, code: errnoName(errno), extack });
    }
    if (refusals.length === operations.length && refusals.every(({ errno }) => errno === ENOENT)) denyStaleFamily();
    return refusals;
  }

  function applyPrepared(prepared: readonly Prepared[]): Refusal[] {
    const refusals: Refusal[] = [];
    let batch: Prepared[] = [];
    let size = 0;
    for (const one of prepared) {
      if (size + one.operations.length > BATCH) {
        refusals.push(...applyBatch(batch));
        batch = [];
        size = 0;
      }
      batch.push(one);
      size += one.operations.length;
    }
    if (size > 0) refusals.push(...applyBatch(batch));
    return refusals;
  }

  /** ENOENT says "no such scheduler" or "no such real server", or that the number of the family is no longer IPVS's. */
  function denyStaleFamily(): void {
    if (resolveFamily(commands) === family) return;
    throw new OsError({ op: 'changing the table', errno: ENOENT }, 'the module ip_vs was loaded anew: its table is empty');
  }

  const tunnels = new Map<number, boolean>();

  const client: IpvsClient = {
    info() {
      let info: IpvsInfo | undefined;
      const errno = ask('asking for IPVS', { kind: 'info' }, (message) => {
        info = must(readInfo(message.payload), 'asking for IPVS');
      });
      if (!info) throw new OsError({ op: 'asking for IPVS', errno });
      return info;
    },
    readServices: (counters = false) => services(counters),
    readDestinations: (id, counters = false) => destinations(id, counters),
    readIfChanged,
    readTable(counters = false) {
      const table = new Map<string, KernelService>();
      for (const [key, service] of services(counters))
        table.set(key, { ...service, destinations: destinations(service.id, counters) });
      return table;
    },
    readService(id, counters = false) {
      let reply: ServiceReply | undefined;
      const op = `reading ${serviceKey(id)}`;
      const errno = ask(op, { kind: 'service', id }, (message) => {
        reply = must(readService(message.payload, counters), op);
      });
      if (errno !== 0 && errno !== ESRCH) throw new OsError({ op, errno });
      return reply && { ...reply, destinations: destinations(id, counters) };
    },
    apply: (operations) => applyPrepared(prepare(operations)),
    prepare,
    applyPrepared,
    daemons() {
      const found: IpvsDaemon[] = [];
      const op = 'reading the sync daemons';
      dump(
        op,
        { kind: 'daemons' },
        (message) => void found.push(must(readDaemon(message.payload), op)),
        () => found.splice(0),
      );
      return found;
    },
    startDaemon: (daemon) => set(`starting the ${daemon.role} sync daemon`, { kind: 'new-daemon', daemon }),
    stopDaemon: (role) => set(`stopping the ${role} sync daemon`, { kind: 'del-daemon', role }, ESRCH),
    timeouts() {
      let found: IpvsTimeouts | undefined;
      const op = 'reading the timeouts';
      const errno = ask(op, { kind: 'timeouts' }, (message) => {
        found = must(readTimeouts(message.payload), op);
      });
      if (!found) throw new OsError({ op, errno });
      return found;
    },
    setTimeouts: (timeouts) => set('setting the timeouts', { kind: 'timeouts', timeouts }),
    knowsTunnel(type) {
      const known = tunnels.get(type) ?? knowsTunnel(client, type);
      tunnels.set(type, known);
      return known;
    },
    close() {
      commands.close();
      dumps.close();
    },
  };
  return client;
}
