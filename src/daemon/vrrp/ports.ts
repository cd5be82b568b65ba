/** The sockets of each interface and family, shared by its instances: one that receives, one that sends from the present source. */
import type { Family, Ip } from '../../base/ip.js';
import {
  type Interface,
  openVrrpReceiver,
  openVrrpSender,
  type VrrpPacket,
  type VrrpReceiver,
  type VrrpSender,
} from '../../os/vrrp-socket.js';

export interface Port {
  readonly name: string;
  readonly family: Family;
  readonly index: number;
  readonly source: Ip;
  send(message: Uint8Array): number;
}

interface OpenPort extends Port {
  readonly receiver: VrrpReceiver;
  readonly sender: VrrpSender;
}

export interface Ports {
  /** The port for this interface and source, opened or renewed if need be. Throws what the system refuses with. */
  open(family: Family, on: Interface, source: Ip): Port;
  find(family: Family, name: string): Port | undefined;
  /** Closes every port that none of these uses. */
  keep(used: readonly { readonly family: Family; readonly interface: string }[]): void;
  close(family: Family, name: string): void;
  /** Hands over every waiting packet. */
  drain(): void;
}

/** Packets taken from one socket in a row: a flood must not keep the timers waiting. */
const BATCH = 512;

const keyOf = (family: Family, name: string): string => `${name}/${family}`;

/** `packet` gets each packet as it comes; `after` is called when a socket has woken the process and was emptied. */
export function createPorts(packet: (name: string, family: Family, packet: VrrpPacket) => void, after: () => void): Ports {
  /** BOUNDED by the configured instances. */
  const ports = new Map<string, OpenPort>();

  function drainPort(port: OpenPort): void {
    for (let i = 0; i < BATCH && ports.get(keyOf(port.family, port.name)) === port; i++) {
      const found = port.receiver.receive();
      if (!found) return;
      packet(port.name, port.family, found);
    }
  }

  function woken(key: string): void {
    const port = ports.get(key);
    if (port) drainPort(port);
    after();
  }

  function close(family: Family, name: string): void {
    const key = keyOf(family, name);
    const port = ports.get(key);
    if (!port) return;
    ports.delete(key);
    port.receiver.close();
    port.sender.close();
  }

  function open(family: Family, on: Interface, source: Ip): Port {
    const key = keyOf(family, on.name);
    const known = ports.get(key);
    if (known?.index === on.index && known.source === source) return known;
    const sender = openVrrpSender(family, on, source);
    // The receiver outlives a change of the source: nothing that waits in it may be lost.
    const same = known?.index === on.index ? known.receiver : undefined;
    let receiver: VrrpReceiver;
    try {
      receiver = same ?? openVrrpReceiver(family, on, () => woken(key));
    } catch (error) {
      sender.close();
      throw error;
    }
    known?.sender.close();
    if (!same) known?.receiver.close();
    const port = { name: on.name, family, index: on.index, source, receiver, sender, send: sender.send };
    ports.set(key, port);
    return port;
  }

  return {
    open,
    find: (family, name) => ports.get(keyOf(family, name)),
    keep(used) {
      const wanted = new Set(used.map((one) => keyOf(one.family, one.interface)));
      for (const port of [...ports.values()]) if (!wanted.has(keyOf(port.family, port.name))) close(port.family, port.name);
    },
    close,
    drain: () => {
      for (const port of [...ports.values()]) drainPort(port);
    },
  };
}
