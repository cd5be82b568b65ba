/** An instance's adverts as bytes, and to whom they go. They are made once; a signature is put on each time that they leave. */
import type { Ip } from '../../base/ip.js';
import type { VrrpInstanceConfig } from '../../config/types.js';
import { advertisedAddresses } from '../../vrrp/advertised.js';
import {
  type Advert,
  AUTH_NONE,
  AUTH_PASS,
  encodeAdvert,
  encodeUnsigned,
  type Flow,
  NO_AUTH,
  passwordData,
  sealAdvert,
  VRRP_GROUP,
} from '../../wire/vrrp.js';
import { virtualMac, vrrpFrame } from '../../wire/vrrp-frame.js';
import type { Port } from './ports.js';
import type { Signer } from './signer.js';
import type { Host } from './types.js';

const GROUP = [undefined];

/** Undefined: the group. One file may serve both directors: who sends is no peer of itself. */
const recipients = ({ unicast }: VrrpInstanceConfig, source: Ip): readonly (Ip | undefined)[] =>
  unicast ? unicast.peers.map((one) => one.address).filter((one) => one !== source) : GROUP;

function advertOf(conf: VrrpInstanceConfig, priority: number): Advert {
  const auth = conf.version === 2 && conf.password !== undefined;
  return {
    version: conf.version,
    vrid: conf.vrid,
    priority,
    interval: conf.advertInterval,
    addresses: advertisedAddresses(conf),
    authType: auth ? AUTH_PASS : AUTH_NONE,
    authData: auth ? passwordData(conf.password) : NO_AUTH,
  };
}

interface Packed {
  readonly to: Ip | undefined;
  /** With a virtual MAC the whole frame, else what the socket makes a packet of. */
  readonly bytes: Uint8Array;
  /** The VRRP message, a window of `bytes`. */
  readonly message: Uint8Array;
  readonly flow: Flow;
}

function pack(conf: VrrpInstanceConfig, source: Ip, priority: number, to: Ip | undefined, signed: boolean): Packed {
  const flow = { source, destination: to ?? VRRP_GROUP[conf.family] };
  const message = (signed ? encodeUnsigned : encodeAdvert)(advertOf(conf, priority), flow, conf.v3Checksum);
  if (!conf.vmac) return { to, flow, bytes: message, message };
  const bytes = vrrpFrame(conf.family, virtualMac(conf.family, conf.vrid), source, message);
  return { to, flow, bytes, message: bytes.subarray(bytes.length - message.length) };
}

export interface Adverts {
  /** What is to leave now, for each that it goes to. The bytes are the next call's too. */
  ready(source: Ip, priority: number): readonly Packed[];
  /** For each that it goes to 0, or a negative errno. */
  send(port: Port, priority: number): readonly number[];
  /** The configuration has changed. */
  clear(): void;
}

export function createAdverts(host: Pick<Host, 'frames' | 'network'>, conf: () => VrrpInstanceConfig, signer: Signer): Adverts {
  /** By source and priority. BOUNDED: emptied with every change, two priorities a source. */
  const packed = new Map<string, readonly Packed[]>();

  function ready(source: Ip, priority: number): readonly Packed[] {
    const at = `${source} ${priority}`;
    const signed = signer.signs();
    const all = packed.get(at) ?? recipients(conf(), source).map((to) => pack(conf(), source, priority, to, signed));
    packed.set(at, all);
    const [first] = all;
    const trailer = signed && first ? signer.trailer(first.message, source) : undefined;
    if (trailer) for (const one of all) sealAdvert(one.message, one.flow, trailer);
    return all;
  }

  return {
    ready,
    send(port, priority) {
      const on = conf().vmac && host.network.link(conf().interface);
      const leave = ({ bytes, to }: Packed) => (on ? host.frames().send(on.index, bytes) : port.send(bytes, to));
      return ready(port.source, priority).map(leave);
    },
    clear: () => packed.clear(),
  };
}
