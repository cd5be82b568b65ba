/**
 * The door to nf_tables for the vrrp process: packets to some addresses of this host are dropped after IPVS has had them. Netlink and
 * no program, for it must be done before an address is added and within microseconds. The table is lbd's own and is replaced whole.
 */
import { errnoName, OsError } from '../base/errors.js';
import { createWriter, type Writer } from '../wire/netlink.js';
import {
  CLOSED_RULES,
  CLOSED_SETS,
  type Closed,
  elementText,
  formText,
  putClosed,
  putDump,
  putGet,
  putGetGeneration,
  readElements,
  readGeneration,
} from '../wire/nftables.js';
import { createNetlinkSocket, openTransport, type Transport } from './netlink.js';

const NETLINK_NETFILTER = 12;
/** Milliseconds; a thousand addresses take about ten. VRRP waits for it. */
const DEADLINE_MS = 1000;
const OP = 'closing addresses in nf_tables';
/** Sequence numbers of a batch: more than it has messages. */
const BATCH = 4096;
const [EPERM, ENOENT, EINVAL, EPROTONOSUPPORT, EOPNOTSUPP] = [1, 2, 22, 93, 95];
/** Said of a subsystem that is not there (nfnetlink_rcv_msg, nfnetlink_rcv_batch), of a chain type, of the protocol. */
const MISSING: readonly number[] = [EINVAL, EOPNOTSUPP, ENOENT, EPROTONOSUPPORT];

export interface ClosedAddresses {
  /** Another number after each change of the host's ruleset. Throws OsError. */
  generation(): number;
  /** Closes these and no others; none: the table goes. Throws OsError. */
  apply(closed: readonly Closed[]): void;
  /** Whether the kernel has it as the last `apply` left it. Throws OsError. */
  intact(): boolean;
}

/** What to do about it, where that is known. */
function explained(errno: number, extack: string | undefined): OsError {
  const cure =
    errno === EPERM
      ? ': it takes CAP_NET_ADMIN'
      : MISSING.includes(errno)
        ? ': this kernel has no nf_tables: modprobe nf_tables, or leave accept: false out'
        : '';
  return new OsError({ op: OP, errno, extack }, `${errnoName(errno)}${cure}`);
}

export function openClosedAddresses(open: () => Transport = () => openTransport(NETLINK_NETFILTER)): ClosedAddresses {
  const socket = createNetlinkSocket(open, DEADLINE_MS);
  /** As it was listed after the last `apply`. */
  let form = '';
  let elements = '';

  /** The first message that was refused decides; false: what was asked for (`onData`) is not there. */
  function exchange(
    room: number,
    put: (writer: Writer, first: number) => number,
    onData?: (payload: Uint8Array) => void,
  ): boolean {
    const writer = createWriter();
    const first = socket.reserve(room);
    const last = put(writer, first);
    try {
      const outcomes = socket.exchange(OP, writer, first, last - first + 1, ({ payload }) => onData?.(payload));
      const refused = outcomes.find((one) => one.errno !== 0);
      if (!refused) return true;
      if (onData && refused.errno === ENOENT) return false;
      throw explained(refused.errno, refused.extack);
    } catch (error) {
      // The socket itself may be what the kernel does not have.
      if (error instanceof OsError && error.errno === EPROTONOSUPPORT) throw explained(error.errno, undefined);
      throw error;
    }
  }

  function ask(put: (writer: Writer, sequence: number) => void, take: (payload: Uint8Array) => void): boolean {
    const one = (writer: Writer, sequence: number): number => {
      put(writer, sequence);
      return sequence;
    };
    return exchange(1, one, take);
  }

  function generation(): number {
    let found: number | undefined;
    const known = ask(putGetGeneration, (payload) => {
      found ??= readGeneration(payload);
    });
    if (!known || found === undefined) throw explained(EOPNOTSUPP, undefined);
    return found;
  }

  function dump(of: Parameters<typeof putDump>[1], take: (payload: Uint8Array) => readonly string[]): string[] {
    let lines: string[] = [];
    const write = (sequence: number): Writer => {
      const writer = createWriter(256);
      putDump(writer, of, sequence);
      return writer;
    };
    try {
      socket.dump(
        OP,
        write,
        ({ payload }) => lines.push(...take(payload)),
        () => {
          lines = [];
        },
      );
    } catch (error) {
      if (!(error instanceof OsError) || error.errno !== ENOENT) throw error;
      return [];
    }
    return lines;
  }

  /** Table, chain and rules, each with the handle that no other has. */
  function listForm(): string {
    const lines: string[] = [];
    for (const what of ['table', 'chain'] as const) {
      ask(
        (writer, sequence) => putGet(writer, what, sequence),
        (payload) => lines.push(formText(payload)),
      );
    }
    const rules = dump('rules', (payload) => [formText(payload)]);
    return rules.length === CLOSED_RULES ? [...lines, ...rules].join('\n') : '';
  }

  const listElements = (): string =>
    CLOSED_SETS.flatMap((name) => dump(name, (payload) => readElements(name, payload)))
      .sort()
      .join('\n');

  return {
    generation,
    apply(closed) {
      // A batch for nobody is answered in a way that cannot be told from silence.
      generation();
      exchange(BATCH, (writer, first) => putClosed(writer, closed, first));
      form = closed.length === 0 ? '' : listForm();
      elements = [...new Set(closed.map(elementText))].sort().join('\n');
    },
    intact: () => form !== '' && listForm() === form && listElements() === elements,
  };
}
