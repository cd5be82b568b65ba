/**
 * What lbd says to nf_tables by itself: one table that drops packets to some addresses of this host (linux/netfilter/nf_tables.h,
 * nfnetlink.h). Numbers of nf_tables are in network order, other than everywhere else in netlink.
 *
 *   nfgenmsg:  family u8 | version u8 (0) | resource u16, in network order: the subsystem for the ends of a batch
 *
 *   BEGIN, NEWTABLE, DELTABLE, NEWTABLE, NEWCHAIN, NEWSET ..., NEWRULE ..., NEWSETELEM ..., END     one transaction
 */
import { concatBytes, toHex, viewOf } from '../base/bytes.js';
import { familyOf, type Ip, ipBytes } from '../base/ip.js';
import {
  beginMessage,
  beginNest,
  endMessage,
  endNest,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  putAttribute,
  putBytes,
  putText,
  readAttributes,
  type Writer,
} from './netlink.js';

/** An address of this host; `dev`: on that interface alone, for a link-local one is on every link another. */
export interface Closed {
  readonly address: Ip;
  readonly dev?: string;
}

export const CLOSED_TABLE = 'lbd_vrrp';
const CHAIN = 'input';

const SUBSYSTEM = 10;
const type = (message: number): number => (SUBSYSTEM << 8) | message;
const [NEWTABLE, GETTABLE, DELTABLE, NEWCHAIN, GETCHAIN] = [type(0), type(1), type(2), type(3), type(4)];
const [NEWRULE, GETRULE, NEWSET, NEWSETELEM, GETSETELEM] = [type(6), type(7), type(9), type(12), type(13)];
const GETGEN = type(16);
const [BATCH_BEGIN, BATCH_END] = [0x10, 0x11];

/** NLM_F_APPEND: behind the rules that are there. */
const APPEND = 0x800;
const NFPROTO_INET = 1;
const NESTED = 0x8000;
const LOCAL_IN = 1;
/** IPVS takes what is of its services at 98 and 99 (ip_vs_core.c): what comes this far would be the host's own. */
export const AFTER_IPVS = 110;
const [DROP, ACCEPT] = [0, 1];

/** enum nft_meta_keys, nft_cmp_ops, nft_payload_bases. */
const META = { iif: 4, iifname: 6, nfproto: 15, l4proto: 16 } as const;
const [EQ, LTE, GTE] = [0, 3, 5];
const [NETWORK, TRANSPORT] = [1, 2];
const [INET, INET6, ICMPV6] = [2, 10, 58];
/** The loopback interface of every network namespace. */
const LOOPBACK = 1;
/** Neighbour solicitation and advertisement (RFC 4861). */
const [SOLICITATION, ADVERTISEMENT] = [135, 136];
const NAME_BYTES = 16;

/** `keyType` is what nft shows the elements by: its numbers for ipv4_addr, ipv6_addr and ifname, six bits each. */
const SETS = [
  { name: 'addresses4', id: 1, keyType: 7, keyLength: 4 },
  { name: 'addresses6', id: 2, keyType: 8, keyLength: 16 },
  { name: 'links6', id: 3, keyType: (41 << 6) | 8, keyLength: NAME_BYTES + 16 },
] as const;
type SetName = (typeof SETS)[number]['name'];
export const CLOSED_SETS: readonly SetName[] = SETS.map((one) => one.name);

/** Elements of one message: a nest holds less than 64 KiB. */
const CHUNK = 500;

/* ---- attributes ---- */

const putU32 = (writer: Writer, kind: number, value: number): void => {
  const at = putAttribute(writer, kind, 4);
  writer.view.setUint32(at, value);
};

function nest(writer: Writer, kind: number, inside: () => void): void {
  const start = beginNest(writer, kind | NESTED);
  inside();
  endNest(writer, start);
}

function putValue(writer: Writer, kind: number, value: Uint8Array): void {
  nest(writer, kind, () => {
    const at = putAttribute(writer, 1, value.length);
    writer.bytes.set(value, at);
  });
}

/* ---- messages ---- */

function message(writer: Writer, kind: number, flags: number, sequence: number, inside: () => void): void {
  const start = beginMessage(writer, kind, NLM_F_REQUEST | flags, sequence);
  putBytes(writer, Uint8Array.of(NFPROTO_INET, 0, 0, 0));
  inside();
  endMessage(writer, start);
}

function batchEnd(writer: Writer, kind: number, sequence: number): void {
  const start = beginMessage(writer, kind, NLM_F_REQUEST, sequence);
  putBytes(writer, Uint8Array.of(0, 0, 0, SUBSYSTEM));
  endMessage(writer, start);
}

type Expression = (writer: Writer) => void;

const expression =
  (name: string, inside: (writer: Writer) => void): Expression =>
  (writer) =>
    nest(writer, 1, () => {
      putText(writer, 1, name);
      nest(writer, 2, () => inside(writer));
    });

/** Into a register: 1 to 4, of sixteen bytes each. */
const meta = (key: number, register = 1): Expression =>
  expression('meta', (writer) => {
    putU32(writer, 1, register);
    putU32(writer, 2, key);
  });
const payload = (base: number, offset: number, length: number, register = 1): Expression =>
  expression('payload', (writer) => {
    for (const [i, value] of [register, base, offset, length].entries()) putU32(writer, i + 1, value);
  });
const compare = (op: number, value: Uint8Array): Expression =>
  expression('cmp', (writer) => {
    putU32(writer, 1, 1);
    putU32(writer, 2, op);
    putValue(writer, 3, value);
  });
const lookup = (name: SetName): Expression =>
  expression('lookup', (writer) => {
    putText(writer, 1, name);
    putU32(writer, 2, 1);
    putU32(writer, 4, SETS.find((one) => one.name === name)?.id ?? 0);
  });
const verdict = (code: number): Expression =>
  expression('immediate', (writer) => {
    putU32(writer, 1, 0);
    nest(writer, 2, () => nest(writer, 2, () => putU32(writer, 1, code)));
  });

/** An interface index is a number of the host's order. */
const hostOrder = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const isFamily = (family: number): readonly Expression[] => [meta(META.nfproto), compare(EQ, Uint8Array.of(family))];
const DESTINATION4 = payload(NETWORK, 16, 4);
const destination6 = (register = 1): Expression => payload(NETWORK, 24, 16, register);

/** In order. What this host says to itself comes over the loopback interface; neighbours are to be answered all the same (RFC 9568 section 6.1). */
const RULES: readonly (readonly Expression[])[] = [
  [meta(META.iif), compare(EQ, hostOrder(LOOPBACK)), verdict(ACCEPT)],
  [
    ...isFamily(INET6),
    meta(META.l4proto),
    compare(EQ, Uint8Array.of(ICMPV6)),
    payload(TRANSPORT, 0, 1),
    compare(GTE, Uint8Array.of(SOLICITATION)),
    compare(LTE, Uint8Array.of(ADVERTISEMENT)),
    verdict(ACCEPT),
  ],
  [...isFamily(INET), DESTINATION4, lookup('addresses4'), verdict(DROP)],
  [...isFamily(INET6), destination6(), lookup('addresses6'), verdict(DROP)],
  [...isFamily(INET6), meta(META.iifname), destination6(2), lookup('links6'), verdict(DROP)],
];
export const CLOSED_RULES = RULES.length;

/** The set that an address belongs to, and its key there. */
function elementOf({ address, dev }: Closed): readonly [SetName, Uint8Array] {
  const bytes = ipBytes(address);
  if (dev === undefined) return [familyOf(address) === 4 ? 'addresses4' : 'addresses6', bytes];
  const name = new Uint8Array(NAME_BYTES);
  name.set(new TextEncoder().encode(dev).subarray(0, NAME_BYTES - 1));
  return ['links6', concatBytes([name, bytes])];
}

/** `SET KEY`, what readElements makes of what the kernel has: to compare. */
export const elementText = (one: Closed): string => {
  const [name, key] = elementOf(one);
  return `${name} ${toHex(key)}`;
};

function putElements(writer: Writer, name: SetName, keys: readonly Uint8Array[], next: () => number): void {
  for (let at = 0; at < keys.length; at += CHUNK) {
    message(writer, NEWSETELEM, NLM_F_CREATE, next(), () => {
      putText(writer, 1, CLOSED_TABLE);
      putText(writer, 2, name);
      putU32(writer, 4, SETS.find((one) => one.name === name)?.id ?? 0);
      nest(writer, 3, () => {
        for (const key of keys.slice(at, at + CHUNK)) nest(writer, 1, () => putValue(writer, 1, key));
      });
    });
  }
}

function putTable(writer: Writer, next: () => number): void {
  message(writer, NEWCHAIN, NLM_F_CREATE, next(), () => {
    putText(writer, 1, CLOSED_TABLE);
    putText(writer, 3, CHAIN);
    putText(writer, 7, 'filter');
    putU32(writer, 5, ACCEPT);
    nest(writer, 4, () => {
      putU32(writer, 1, LOCAL_IN);
      putU32(writer, 2, AFTER_IPVS);
    });
  });
  for (const { name, id, keyType, keyLength } of SETS) {
    message(writer, NEWSET, NLM_F_CREATE, next(), () => {
      putText(writer, 1, CLOSED_TABLE);
      putText(writer, 2, name);
      for (const [kind, value] of [
        [3, 0],
        [4, keyType],
        [5, keyLength],
        [10, id],
      ] as const)
        putU32(writer, kind, value);
    });
  }
  for (const rule of RULES) {
    message(writer, NEWRULE, NLM_F_CREATE | APPEND, next(), () => {
      putText(writer, 1, CLOSED_TABLE);
      putText(writer, 2, CHAIN);
      nest(writer, 4, () => {
        for (const put of rule) put(writer);
      });
    });
  }
}

/**
 * One transaction that replaces the table whole, or takes it away when nothing is to be closed, whether or not it was there. Writes
 * messages from `first` on; returns the number of the last one that is answered.
 */
export function putClosed(writer: Writer, closed: readonly Closed[], first: number): number {
  let sequence = first;
  const next = () => sequence++;
  const table = (kind: number, flags: number) => message(writer, kind, flags, next(), () => putText(writer, 1, CLOSED_TABLE));
  batchEnd(writer, BATCH_BEGIN, next());
  table(NEWTABLE, NLM_F_CREATE);
  table(DELTABLE, closed.length === 0 ? NLM_F_ACK : 0);
  if (closed.length > 0) {
    table(NEWTABLE, NLM_F_CREATE);
    putTable(writer, next);
    const all = closed.map(elementOf);
    for (const { name } of SETS) {
      const keys = new Map(all.filter(([set]) => set === name).map(([, key]) => [toHex(key), key]));
      putElements(writer, name, [...keys.values()], next);
    }
    // The end of a batch is not answered: another word for the table is.
    table(NEWTABLE, NLM_F_CREATE | NLM_F_ACK);
  }
  const last = sequence - 1;
  batchEnd(writer, BATCH_END, next());
  return last;
}

/** Asks for the number of the ruleset: another one after each change, whoever makes it. */
export function putGetGeneration(writer: Writer, sequence: number): void {
  message(writer, GETGEN, NLM_F_ACK, sequence, () => undefined);
}

/** Asks for the table, or its chain. */
export function putGet(writer: Writer, what: 'table' | 'chain', sequence: number): void {
  message(writer, what === 'table' ? GETTABLE : GETCHAIN, NLM_F_ACK, sequence, () => {
    putText(writer, 1, CLOSED_TABLE);
    if (what === 'chain') putText(writer, 3, CHAIN);
  });
}

/** Asks for all rules of the chain, or all elements of a set. */
export function putDump(writer: Writer, of: 'rules' | SetName, sequence: number): void {
  message(writer, of === 'rules' ? GETRULE : GETSETELEM, NLM_F_DUMP, sequence, () => {
    putText(writer, 1, CLOSED_TABLE);
    putText(writer, 2, of === 'rules' ? CHAIN : of);
  });
}

/** What follows the nfgenmsg. */
const attributesOf = (bytes: Uint8Array): Uint8Array => bytes.subarray(Math.min(4, bytes.length));

const GENERATION_ID = 1;

/** Undefined: it says none. */
export function readGeneration(bytes: Uint8Array): number | undefined {
  let found: number | undefined;
  readAttributes(attributesOf(bytes), (kind, value) => {
    if (kind === GENERATION_ID && value.length === 4) found = viewOf(value).getUint32(0);
  });
  return found;
}

/** The same text for the same table, chain or rule. */
export const formText = (bytes: Uint8Array): string => toHex(attributesOf(bytes));

const LIST = 3;

/** Of one message of a set's dump, as elementText says them. */
export function readElements(name: SetName, bytes: Uint8Array): string[] {
  const keys: string[] = [];
  readAttributes(attributesOf(bytes), (kind, list) => {
    if (kind !== LIST) return;
    readAttributes(list, (_one, element) =>
      readAttributes(element, (what, key) => {
        if (what === 1) readAttributes(key, (_value, value) => keys.push(`${name} ${toHex(value)}`));
      }),
    );
  });
  return keys;
}
