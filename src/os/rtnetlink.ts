/** Links and addresses through rtnetlink: dumps, changes, and events as they happen. */
import { formatAddress, formatAddressAttrs, formatLink } from 'netlink/dist/rt/gen_structs.js';
import { parseAddressMessage, parseLinkMessage } from 'netlink/dist/rt/structs.js';
import { HOST_LITTLE_ENDIAN } from '../base/bytes.js';
import { OsError } from '../base/errors.js';
import { addressBits, type Family, familyOf, ipBytes, ipFromBytes, type Prefix } from '../base/ip.js';
import {
  beginMessage,
  createWriter,
  endMessage,
  type Message,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  putAttribute,
  putBytes,
  readAttributes,
  readMessages,
  type Writer,
} from '../wire/netlink.js';
import { createNetlinkSocket, NETLINK_ROUTE, openTransport, packed, type Transport } from './netlink.js';
import { closeWatched, READABLE, watch } from './poller.js';
import { AF_INET, AF_INET6 } from './sockaddr.js';

/** linux/rtnetlink.h */
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const RTNLGRP_LINK = 1;
const RTNLGRP_IPV4_IFADDR = 5;
const RTNLGRP_IPV6_IFADDR = 9;
/** IFA_PROTO (linux/if_addr.h, since 5.18; older kernels ignore it): who added the address. Ours is VRRP's protocol number. */
const IFA_PROTO = 11;
const OWN_PROTO = 112;
/** struct ifa_cacheinfo (linux/if_addr.h): preferred and valid lifetime in seconds, and two stamps. */
const IFA_CACHEINFO = 6;
const CACHEINFO_LENGTH = 16;
const FOREVER = 0xffffffff;
const IFADDRMSG_LENGTH = 8;

/** rt_scope_t. */
const SCOPE = { global: 0, site: 200, link: 253, host: 254 } as const;
const SCOPES = Object.keys(SCOPE) as readonly AddressScope[];

const EEXIST = 17;
const EADDRNOTAVAIL = 99;
const EAGAIN = 11;
const ENOBUFS = 105;

export interface Link {
  readonly index: number;
  readonly name: string;
  /** Undefined on links without one (tunnels). */
  readonly mac: Uint8Array | undefined;
  /** Set up by the administrator. */
  readonly up: boolean;
  /** Has a carrier and is operational. */
  readonly running: boolean;
  readonly loopback: boolean;
  readonly mtu: number;
}

export interface Address extends Prefix {
  readonly index: number;
  readonly family: Family;
  /** Added by lbd (marked with IFA_PROTO; false where the kernel has no marks). */
  readonly own: boolean;
  /** A further address of a subnet that has a primary one already. */
  readonly secondary: boolean;
  /** IPv6: not usable yet, or found to be a duplicate. */
  readonly tentative: boolean;
  readonly duplicate: boolean;
  /** IPv4; the interface's name unless somebody gave another one. */
  readonly label: string | undefined;
  /** Undefined: one without a name of its own. */
  readonly scope: AddressScope | undefined;
}

export type AddressScope = 'global' | 'site' | 'link' | 'host';

export type NetworkEvent =
  | { readonly type: 'link'; readonly link: Link }
  | { readonly type: 'link-gone'; readonly link: Link }
  | { readonly type: 'address'; readonly address: Address }
  | { readonly type: 'address-gone'; readonly address: Address }
  /** Events were lost: read everything anew. */
  | { readonly type: 'overrun' };

/** What is added. */
export interface NewAddress extends Prefix {
  /** IPv4 alone: IFA_LABEL, at most 15 bytes. */
  readonly label?: string;
  /** Absent: global, the kernel's own choice for IPv6. */
  readonly scope?: AddressScope;
}

export interface Rtnetlink {
  links(): Link[];
  addresses(): Address[];
  /** Without duplicate address detection: a taken-over address must be usable at once. Throws OsError. */
  addAddress(index: number, address: NewAddress): 'added' | 'exists';
  deleteAddress(index: number, prefix: Prefix): 'deleted' | 'missing';
  close(): void;
}

function readLink(message: Message): Link | undefined {
  const { data, attrs } = parseLinkMessage(Buffer.from(message.payload));
  if (data.index === undefined || attrs.ifname === undefined) return undefined;
  const { up, running, loopback } = data.flags ?? {};
  return {
    index: data.index,
    name: attrs.ifname,
    mac: attrs.address && attrs.address.length === 6 ? new Uint8Array(attrs.address) : undefined,
    up: up === true,
    running: running === true,
    loopback: loopback === true,
    mtu: attrs.mtu ?? 0,
  };
}

function isOwn(payload: Uint8Array): boolean {
  let own = false;
  readAttributes(payload.subarray(IFADDRMSG_LENGTH), (type, value) => {
    if (type === IFA_PROTO) own = value[0] === OWN_PROTO;
  });
  return own;
}

function readAddress(message: Message): Address | undefined {
  const { data, attrs } = parseAddressMessage(Buffer.from(message.payload));
  const family = data.family === AF_INET ? 4 : data.family === AF_INET6 ? 6 : undefined;
  const bytes = attrs.local ?? attrs.address;
  if (!family || !bytes || data.index === undefined || bytes.length * 8 !== addressBits(family)) return undefined;
  const flags = attrs.flags ?? data.flags ?? {};
  return {
    index: data.index,
    family,
    address: ipFromBytes(bytes),
    length: data.prefixlen ?? addressBits(family),
    own: isOwn(message.payload),
    secondary: flags.secondary === true,
    tentative: flags.tentative === true,
    duplicate: flags.dadfailed === true,
    label: attrs.label,
    scope: SCOPES.find((name) => SCOPE[name] === (data.scope ?? 0)),
  };
}

/** A structure that does not parse is the kernel's nonsense, not ours to die of. */
function safely<T>(read: (message: Message) => T | undefined, message: Message): T | undefined {
  try {
    return read(message);
  } catch {
    return undefined;
  }
}

function putAddress(writer: Writer, type: number, flags: number, sequence: number, index: number, prefix: NewAddress): void {
  const family = familyOf(prefix.address);
  const bytes = Buffer.from(ipBytes(prefix.address));
  const start = beginMessage(writer, type, NLM_F_REQUEST | NLM_F_ACK | flags, sequence);
  putBytes(
    writer,
    formatAddress({
      family: family === 4 ? AF_INET : AF_INET6,
      prefixlen: prefix.length,
      index,
      scope: SCOPE[prefix.scope ?? 'global'],
    }),
  );
  const noDad = family === 6 && type === RTM_NEWADDR ? { flags: { nodad: true as const } } : {};
  putBytes(
    writer,
    packed(
      formatAddressAttrs({
        address: bytes,
        local: bytes,
        ...noDad,
        ...(prefix.label === undefined ? {} : { label: prefix.label }),
      }),
    ),
  );
  if (type === RTM_NEWADDR) {
    const at = putAttribute(writer, IFA_PROTO, 1);
    writer.bytes[at] = OWN_PROTO;
    if (family === 6 && prefix.length === addressBits(6)) putDeprecated(writer);
  }
  endMessage(writer, start);
}

/** The host's own connections do not take it as their source (RFC 6724, rule 3): a director's checks must not depend on who is master. */
function putDeprecated(writer: Writer): void {
  const at = putAttribute(writer, IFA_CACHEINFO, CACHEINFO_LENGTH);
  writer.view.setUint32(at, 0, HOST_LITTLE_ENDIAN);
  writer.view.setUint32(at + 4, FOREVER, HOST_LITTLE_ENDIAN);
}

const describe = (index: number, prefix: Prefix): string => `${prefix.address}/${prefix.length} on interface ${index}`;

export function openRtnetlink(open: () => Transport = () => openTransport(NETLINK_ROUTE)): Rtnetlink {
  const socket = createNetlinkSocket(open);

  function dump<T>(op: string, type: number, header: Uint8Array, wanted: number, read: (message: Message) => T | undefined): T[] {
    const found: T[] = [];
    const write = (sequence: number) => {
      const writer = createWriter(64);
      const start = beginMessage(writer, type, NLM_F_REQUEST | NLM_F_DUMP, sequence);
      putBytes(writer, header);
      endMessage(writer, start);
      return writer;
    };
    const take = (message: Message) => {
      const one = message.type === wanted ? safely(read, message) : undefined;
      if (one !== undefined) found.push(one);
    };
    socket.dump(op, write, take, () => found.splice(0));
    return found;
  }

  function change(op: string, type: number, flags: number, index: number, prefix: NewAddress): number {
    const sequence = socket.reserve(1);
    const writer = createWriter(128);
    putAddress(writer, type, flags, sequence, index, prefix);
    const outcome = socket.exchange(op, writer, sequence, 1)[0];
    const { errno = 0, extack } = outcome ?? {};
    if (errno !== 0 && errno !== EEXIST && errno !== EADDRNOTAVAIL)
      throw new OsError({ op, object: describe(index, prefix), errno, extack });
    return errno;
  }

  return {
    links: () => dump('reading the interfaces', RTM_GETLINK, formatLink({}), RTM_NEWLINK, readLink),
    addresses: () => dump('reading the addresses', RTM_GETADDR, formatAddress({}), RTM_NEWADDR, readAddress),
    addAddress: (index, prefix) =>
      change('adding', RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, prefix) === EEXIST ? 'exists' : 'added',
    deleteAddress: (index, prefix) =>
      change('deleting', RTM_DELADDR, 0, index, prefix) === EADDRNOTAVAIL ? 'missing' : 'deleted',
    close: () => socket.close(),
  };
}

function toEvent(message: Message): NetworkEvent | undefined {
  if (message.type === RTM_NEWLINK || message.type === RTM_DELLINK) {
    const link = safely(readLink, message);
    return link && { type: message.type === RTM_NEWLINK ? 'link' : 'link-gone', link };
  }
  if (message.type === RTM_NEWADDR || message.type === RTM_DELADDR) {
    const address = safely(readAddress, message);
    return address && { type: message.type === RTM_NEWADDR ? 'address' : 'address-gone', address };
  }
  return undefined;
}

const EVENT_BUFFER = 32 * 1024;

/** Events of links and addresses until closed. `listener` gets `overrun` when the kernel had to drop some. */
export function watchNetwork(listener: (event: NetworkEvent) => void): { close(): void } {
  const transport = openTransport(NETLINK_ROUTE, [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR]);
  const buffer = new Uint8Array(EVENT_BUFFER);
  let open = true;
  const take = () => {
    while (open) {
      const { length, sender, truncated } = transport.receive(buffer);
      if (length === -EAGAIN) return;
      if (length >= 0 && sender !== 0) continue;
      // The buffer is read again before the listener may be done with what it was given.
      const messages = length < 0 || truncated ? undefined : readMessages(buffer.slice(0, length));
      if (!messages) listener({ type: 'overrun' });
      // ENOBUFS is told once, then the queue goes on; any other error will come again, with the next turn of the loop.
      if (length < 0 && length !== -ENOBUFS) return;
      for (const message of messages ?? []) {
        const event = toEvent(message);
        if (event && open) listener(event);
      }
    }
  };
  watch(transport.fd, READABLE, take);
  return {
    close() {
      if (open) closeWatched(transport.fd);
      open = false;
    },
  };
}
