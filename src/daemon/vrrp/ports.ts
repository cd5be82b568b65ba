/**
 * The sockets of each interface and family, shared by its instances: one that receives, and one for each source that is sent from (an
 * instance of unicast may have a source of its own).
 */
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
  readonly source: Ip;
  /** To the group, or to a peer. 0, or a negative errno. */
  send(message: Uint8Array, to?: Ip): number;
}

/** How an instance speaks, and whom it hears. */
export interface PortWords {
  /** The group; else only what comes to this host. */
  readonly group: boolean;
  /** TTL or hop limit of what is sent to a host. */
  readonly ttl: number;
}

export interface PortUse extends PortWords {
  readonly family: Family;
  readonly interface: string;
  readonly source: Ip;
}

interface Listening {
  readonly name: string;
  readonly family: Family;
  readonly index: number;
  readonly receiver: VrrpReceiver;
  /** By senderKey. */
  readonly senders: Map<string, VrrpSender>;
}

export interface Ports {
  /** The port for this interface and source, opened or renewed if need be. Throws what the system refuses with. */
  open(family: Family, on: Interface, source: Ip, words: PortWords): Port;
  /** Closes every socket that none of these uses, and leaves the group where nobody needs it. */
  keep(used: readonly PortUse[]): void;
  /** Hands over every waiting packet. */
  drain(): void;
}

/** Packets taken from one socket in a row: a flood must not keep the timers waiting. */
const BATCH = 512;

const senderKey = ({ source, ttl }: Pick<PortUse, 'source' | 'ttl'>): string => `${source} ${ttl}`;
const keyOf = (family: Family, name: string): string => `${name}/${family}`;

/** `packet` gets each packet as it comes; `after` is called when a socket has woken the process and was emptied. */
export function createPorts(packet: (name: string, family: Family, packet: VrrpPacket) => void, after: () => void): Ports {
  /** BOUNDED by the configured instances. */
  const all = new Map<string, Listening>();

  function drainOne(one: Listening): void {
    for (let i = 0; i < BATCH && all.get(keyOf(one.family, one.name)) === one; i++) {
      const found = one.receiver.receive();
      if (!found) return;
      packet(one.name, one.family, found);
    }
  }

  function woken(key: string): void {
    const one = all.get(key);
    if (one) drainOne(one);
    after();
  }

  function close(key: string): void {
    const one = all.get(key);
    if (!one) return;
    all.delete(key);
    one.receiver.close();
    for (const sender of one.senders.values()) sender.close();
  }

  /** The receiver outlives a change of sources: nothing that waits in it may be lost. */
  function listen(family: Family, on: Interface): Listening {
    const key = keyOf(family, on.name);
    const known = all.get(key);
    if (known?.index === on.index) return known;
    const receiver = openVrrpReceiver(family, on, () => woken(key));
    close(key);
    const one = { name: on.name, family, index: on.index, receiver, senders: new Map<string, VrrpSender>() };
    all.set(key, one);
    return one;
  }

  return {
    open(family, on, source, { group, ttl }) {
      const { senders, receiver } = listen(family, on);
      if (group) receiver.join(true);
      const key = senderKey({ source, ttl });
      const sender = senders.get(key) ?? openVrrpSender(family, on, source, ttl);
      senders.set(key, sender);
      return { source, send: sender.send };
    },
    keep(used) {
      for (const [key, one] of [...all]) {
        const own = used.filter((each) => keyOf(each.family, each.interface) === key);
        if (own.length === 0) close(key);
        else if (!own.some((each) => each.group)) one.receiver.join(false);
        for (const [each, sender] of one.senders) {
          if (own.length === 0 || own.some((use) => senderKey(use) === each)) continue;
          one.senders.delete(each);
          sender.close();
        }
      }
    },
    drain: () => {
      for (const one of [...all.values()]) drainOne(one);
    },
  };
}
