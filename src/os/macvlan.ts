/** Interfaces with a MAC of their own on top of another one, through rtnetlink (linux/if_link.h: IFLA_*, enum macvlan_mode). */
import { HOST_LITTLE_ENDIAN as HOST } from '../base/bytes.js';
import { OsError } from '../base/errors.js';
import {
  beginMessage,
  beginNest,
  createWriter,
  endMessage,
  endNest,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  putAttribute,
  putBytes,
  putText,
  putU32,
  type Writer,
} from '../wire/netlink.js';
import { createNetlinkSocket, NETLINK_ROUTE, openTransport, type Transport } from './netlink.js';

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const IFLA = { address: 1, ifname: 3, link: 5, linkinfo: 18 } as const;
const IFLA_INFO = { kind: 1, data: 2 } as const;
const IFLA_MACVLAN_MODE = 1;
/**
 * What it sends goes out by the other interface, as with `private`. There a frame with its own MAC as the source, which is how another master
 * of the same virtual router speaks, would come to it alone: the listener on the other interface would never hear that there are two.
 */
const MACVLAN_MODE_VEPA = 2;
const IFF_UP = 1;
const EEXIST = 17;
const ENODEV = 19;

export interface Macvlans {
  /** Down at first. Throws OsError. */
  create(name: string, parent: number, mac: Uint8Array): 'made' | 'exists';
  /** Throws OsError. */
  set(name: string, index: number, up: boolean): void;
  /** Throws OsError; one that is gone is no error. */
  remove(name: string, index: number): void;
}

/** struct ifinfomsg: family, type, index, flags, change mask. */
function putHead(writer: Writer, index: number, flags: number, change: number): void {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setInt32(4, index, HOST);
  view.setUint32(8, flags, HOST);
  view.setUint32(12, change, HOST);
  putBytes(writer, bytes);
}

function putMacvlan(writer: Writer, name: string, parent: number, mac: Uint8Array): void {
  putHead(writer, 0, 0, 0);
  putText(writer, IFLA.ifname, name);
  putU32(writer, IFLA.link, parent);
  const at = putAttribute(writer, IFLA.address, mac.length);
  writer.bytes.set(mac, at);
  const info = beginNest(writer, IFLA.linkinfo);
  putText(writer, IFLA_INFO.kind, 'macvlan');
  const data = beginNest(writer, IFLA_INFO.data);
  putU32(writer, IFLA_MACVLAN_MODE, MACVLAN_MODE_VEPA);
  endNest(writer, data);
  endNest(writer, info);
}

export function openMacvlans(open: () => Transport = () => openTransport(NETLINK_ROUTE)): Macvlans {
  const socket = createNetlinkSocket(open);

  function change(op: string, name: string, type: number, flags: number, put: (writer: Writer) => void): number {
    const sequence = socket.reserve(1);
    const writer = createWriter(256);
    const start = beginMessage(writer, type, NLM_F_REQUEST | NLM_F_ACK | flags, sequence);
    put(writer);
    endMessage(writer, start);
    const { errno = 0, extack } = socket.exchange(op, writer, sequence, 1)[0] ?? {};
    if (errno !== 0 && errno !== EEXIST && errno !== ENODEV)
      throw new OsError({ op, object: `the interface ${name}`, errno, extack });
    return errno;
  }

  return {
    create(name, parent, mac) {
      const errno = change('making', name, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, (writer) =>
        putMacvlan(writer, name, parent, mac),
      );
      if (errno === ENODEV) throw new OsError({ op: 'making', object: `the interface ${name}`, errno });
      return errno === EEXIST ? 'exists' : 'made';
    },
    set(name, index, up) {
      const errno = change(up ? 'setting up' : 'setting down', name, RTM_NEWLINK, 0, (writer) =>
        putHead(writer, index, up ? IFF_UP : 0, IFF_UP),
      );
      if (errno === ENODEV) throw new OsError({ op: 'setting', object: `the interface ${name}`, errno });
    },
    remove: (name, index) => void change('removing', name, RTM_DELLINK, 0, (writer) => putHead(writer, index, 0, 0)),
  };
}
